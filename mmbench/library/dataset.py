"""A data set of arrays in memory: guessed, split, checked for leaks and prepared as one of files is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmbench.data.prepare.dataset import About, prepare_table
from mmbench.data.split import splits as cutting
from mmbench.data.table.card import Card, Leak, SplitCard
from mmbench.data.table.findings import Files, Places
from mmbench.data.table.manifest import SPLITS as SPELLINGS
from mmbench.data.table.table import Cell, Column, Table
from mmbench.data.table.values import label as as_label
from mmbench.errors import UserError, suggest
from mmbench.library.columns import Guess, as_array, guess, lengths
from mmbench.library.labels import Target, read
from mmbench.project.folders import PREPARED
from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import is_plain_name
from mmbench.schema.strict_yaml import parse

FOLDER = Path("mmbench-results")
"""Where data and results are kept unless the caller says otherwise."""
LABELS = ("label", "labels", "target", "targets", "y")
"""How batches that are dictionaries name what is predicted."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Dataset:
    """A prepared data set.

    Attributes:
        spec: what it is, and the hash that identifies it.
        folder: in which prepared data and, by default, results are kept.
        guesses: what each modality was taken for.
        target: what the labels were taken for.
        split: how samples were split, in words.
    """

    spec: DataSpec
    folder: Path
    guesses: Mapping[str, Guess]
    target: Target
    split: str

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def prepared(self) -> Path:
        return self.folder / PREPARED / self.name

    def __repr__(self) -> str:
        sizes = ", ".join(f"{n} {split}" for split, n in self.spec.splits.items())
        lines = [f"{self.name}: {sizes} ({self.split}); hash {self.spec.hash[:12]}"]
        for name, found in self.guesses.items():
            lines.append(f"  {name}: {found.kind} ({found.why}), from {found.shown}{_change(name, found)}")
        task = self.spec.task
        change = "" if self.target.given else '; task="..." changes it'
        lines.append(f"  task: {task.kind} ({self.target.why}), {len(task.targets)} targets{change}")
        lines.append(f"  metric: {task.metric}; metric=... changes it")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.spec.notes)])


def _change(name: str, found: Guess) -> str:
    if found.given:
        return ""
    other = f", perhaps {found.else_!r}" if found.else_ else ""
    return f"; kinds={{{name!r}: ...}} changes it{other}"


def dataset(
    name: str,
    modalities: Mapping[str, Any],
    labels: Any,
    *,
    groups: Any = None,
    task: str = "auto",
    metric: str | None = None,
    splits: Any = None,
    kinds: Mapping[str, Any] | None = None,
    seed: int = 0,
    accept: Sequence[Leak] = (),
    folder: str | Path | None = None,
) -> Dataset:
    """A data set of arrays, tensors, or lists with an array or a text for each sample; N rows each.

    A row that is None, or NaN alone, is missing. Sizes, vocabularies and normalisation are of training rows alone.

    Args:
        name: letters, digits, _, - and . only.
        modalities: by name. (N, F) is a vector, (N, T, F) a sequence, (N, H, W), (N, H, W, C) or (N, C, H, W) an image.
        labels: (N,) classes or numbers, or (N, L) of several.
        groups: (N,); samples of one group (a subject, a speaker) are never in two splits.
        task: classification, binary, multilabel or regression.
        metric: the main one, which chooses the epoch.
        splits: (N,) of "train", "validation" and "test", or shares such as {"validation": 0.15, "test": 0.15}.
        kinds: what a modality is where the guess is wrong: {"a": "sequence", "b": {"audio": {"rate": 16000}}}.
        seed: of the split.
        accept: kinds of leakage between splits that are known of.
        folder: where data and results are kept; default: mmbench-results.

    Raises UserError, with every sample that is wrong, for what cannot be learned from.
    """
    _check_names(name, modalities, kinds)
    target = read(f"{name} labels", labels, task, metric)
    guesses = {m: guess(m, value, (kinds or {}).get(m)) for m, value in modalities.items()}
    lengths({m: g.cells for m, g in guesses.items()}, len(target.labels))
    given, cuts = _split(splits, len(target.labels), seed)
    group = _groups(groups, len(target.labels))
    how = "as given" if given else f"stratified{', by group' if group else ''}, seed {cuts.seed}"
    return _prepare(name, guesses, target, given, group, cuts, accept, folder, how)


def dataset_from_loaders(
    name: str,
    train: Iterable[Any],
    validation: Iterable[Any] | None,
    test: Iterable[Any],
    *,
    names: Sequence[str] | None = None,
    label: str | None = None,
    task: str = "auto",
    metric: str | None = None,
    kinds: Mapping[str, Any] | None = None,
    accept: Sequence[Leak] = (),
    folder: str | Path | None = None,
) -> Dataset:
    """A data set of batches, such as PyTorch's DataLoader gives; the split is kept, each loader is read once.

    A batch is a dictionary of tensors, one of them the label (`label` names it; default: label, target or y), or a
    tuple of tensors, or of a dictionary and a tensor, with the label last. names: of the tensors of a tuple. validation
    None: it is cut from the training samples. Samples are put in an order of their own, so that a loader that shuffles
    gives the same data set each time. The other arguments are those of `dataset`.
    """
    parts = {"train": train, "validation": validation, "test": test}
    columns: dict[str, list[Any]] = {}
    labels: list[Any] = []
    split: list[str] = []
    for part, loader in parts.items():
        if loader is None:
            continue
        rows = [row for batch in loader for row in _rows(batch, names, label, f"{name}, {part}")]
        if not rows:
            raise UserError(f"{name}: the loader of {part} gives no sample")
        for inputs, y in sorted(rows, key=_content):
            if columns and set(inputs) != set(columns):
                raise UserError(f"{name}, {part}: batches hold {', '.join(inputs)}, others {', '.join(columns)}")
            for modality, value in inputs.items():
                columns.setdefault(modality, []).append(value)
            labels.append(y)
            split.append(part)
    _check_names(name, columns, kinds)
    target = read(f"{name} labels", _stack(labels), task, metric)
    guesses = {m: guess(m, _stack(values), (kinds or {}).get(m)) for m, values in columns.items()}
    how = "as the loaders give it" if validation is not None else "as the loaders give it, validation cut from train"
    return _prepare(name, guesses, target, split, None, SplitCard(), accept, folder, how)


def _stack(values: list[Any]) -> Any:
    arrays = [v for v in values if isinstance(v, np.ndarray)]
    if len(arrays) == len(values) and len({(a.shape, a.dtype) for a in arrays}) == 1:
        return np.stack(arrays)
    return values


def _content(row: tuple[Mapping[str, Any], Any]) -> bytes:
    digest = hashlib.sha256()
    for value in (*row[0].values(), row[1]):
        digest.update(value.tobytes() if isinstance(value, np.ndarray) else str(value).encode())
    return digest.digest()


def _rows(
    batch: Any, names: Sequence[str] | None, label: str | None, where: str
) -> Iterable[tuple[dict[str, Any], Any]]:
    """The samples of one batch. Raises UserError where it cannot be taken apart."""
    if isinstance(batch, (list, tuple)) and len(batch) >= 2:
        *inputs, y = batch
        if len(inputs) == 1 and isinstance(inputs[0], Mapping):
            found = dict(inputs[0])
        else:
            called = list(names) if names is not None else [f"input{i}" for i in range(len(inputs))]
            if len(called) != len(inputs):
                raise UserError(f"{where}: {len(called)} names for {len(inputs)} tensors; the label, last, has none")
            found = dict(zip(called, inputs, strict=True))
    elif isinstance(batch, Mapping):
        found = dict(batch)
        key = label or next((k for k in LABELS if k in found), None)
        if key not in found:
            raise UserError(f"{where}: a batch holds {', '.join(map(str, found))}; say which is the label: label=...")
        y = found.pop(key)
    else:
        raise UserError(f"{where}: a batch is a {type(batch).__name__}; a dictionary or a tuple of tensors is needed")
    columns = {str(k): v if (a := as_array(v)) is None else a for k, v in found.items()}
    target = y if (a := as_array(y)) is None else a
    sizes = {len(v) for v in (*columns.values(), target)}
    if len(sizes) > 1:
        raise UserError(f"{where}: the parts of a batch have different lengths: {', '.join(map(str, sorted(sizes)))}")
    return [({k: v[i] for k, v in columns.items()}, target[i]) for i in range(len(target))]


def _check_names(name: str, modalities: Mapping[str, Any], kinds: Mapping[str, Any] | None) -> None:
    if not is_plain_name(name):
        raise UserError(f"data set name {name!r}: use letters, digits, _, - and . only")
    if not modalities:
        raise UserError(f"{name}: give at least one modality")
    for unknown in set(kinds or {}) - set(modalities):
        raise UserError(f"kinds names {unknown!r}, which is no modality{suggest(unknown, modalities)}")
    # The rules for names of modalities are those of a card.
    columns = dict.fromkeys(modalities, "vector")
    target = {"classification": "the target"}
    parse(Card, {"manifest": "arrays", "columns": columns, "target": target}, Path(name))


def _split(splits: Any, n: int, seed: int) -> tuple[list[str] | None, SplitCard]:
    if splits is None or isinstance(splits, Mapping):
        return None, parse(SplitCard, {"seed": seed, **(splits or {})}, Path("splits"))
    listed = [str(s).strip().lower() for s in splits]
    if len(listed) != n:
        raise UserError(f"splits has {len(listed)} entries for {n} labels")
    for i, word in enumerate(listed):
        if word not in SPELLINGS:
            raise UserError(f"splits, sample {i}: {word!r} is no split{suggest(word, SPELLINGS)}")
    return [SPELLINGS[word] for word in listed], SplitCard(seed=seed)


def _groups(groups: Any, n: int) -> list[str] | None:
    if groups is None:
        return None
    array = as_array(groups)
    listed = list(groups) if array is None else array.tolist()
    if len(listed) != n:
        raise UserError(f"groups has {len(listed)} entries for {n} labels")
    for i, value in enumerate(listed):
        if value is None or (isinstance(value, float) and np.isnan(value)):
            raise UserError(f"groups, sample {i}: has no group; a sample that belongs to none needs one of its own")
    return [as_label(value) for value in listed]


def _prepare(
    name: str,
    guesses: Mapping[str, Guess],
    target: Target,
    split: list[str] | None,
    group: list[str] | None,
    cuts: SplitCard,
    accept: Sequence[Leak],
    folder: str | Path | None,
    how: str,
) -> Dataset:
    root = Path(folder) if folder is not None else FOLDER
    n = len(target.labels)
    table = Table(
        places=Places(Files((name,)), range(n)),
        modalities={m: Column(kind=g.kind, cells=g.cells, options=g.options) for m, g in guesses.items()},  # type: ignore[arg-type]
        task=target.task,
        labels=target.labels,
        split=split,
        group=group,
    )
    empty = [i for i in range(n) if all(g.cells[i] is None for g in guesses.values())]
    if empty:
        raise UserError(f"{name}: {len(empty)} samples have no modality, the first is {empty[0]}; leave them out")
    table = _rescale_images(table, cuts)
    spec = prepare_table(
        name, table, root / PREPARED / name, cuts=cuts, accept=accept, about=About(source="arrays"), processes=1
    )
    return Dataset(spec=spec, folder=root, guesses=guesses, target=target, split=how)


def _rescale_images(table: Table, cuts: SplitCard) -> Table:
    """Images of numbers beyond [0, 1] and [0, 255], such as standardised ones, to [0, 1] by the range of training rows;
    what other rows have beyond is cut."""
    odd = [name for name, column in table.modalities.items() if column.kind == "image" and _is_odd(column.cells)]
    if not odd:
        return table
    split = cutting.assign(table, cuts)
    columns, notes = dict(table.modalities), list(table.notes)
    for name in odd:
        cells = columns[name].cells
        train = [c for c, part in zip(cells, split, strict=True) if isinstance(c, np.ndarray) and part == "train"]
        low, high = min(float(c.min()) for c in train), max(float(c.max()) for c in train)
        span = (high - low) or 1.0
        made: list[Cell | None] = [
            np.clip((c.astype(np.float64) - low) / span, 0, 1) if isinstance(c, np.ndarray) else c for c in cells
        ]
        columns[name] = Column(kind="image", cells=made, options=columns[name].options)
        notes.append(f"{name}: pixels from {low:g} to {high:g}, the range of training samples, become [0, 1]")
    return Table(
        places=table.places,
        modalities=columns,
        task=table.task,
        labels=table.labels,
        split=table.split,
        group=table.group,
        notes=notes,
    )


def _is_odd(cells: Sequence[Cell | None]) -> bool:
    found = [c for c in cells if isinstance(c, np.ndarray) and c.dtype.kind == "f" and np.isfinite(c).all()]
    return any(c.min() < 0 for c in found) or any(c.max() > 255 for c in found)
