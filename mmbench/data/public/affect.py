"""The two pickles in which affect data sets (sentiment, humour, sarcasm) are passed around.

MultiBench (Liang et al. 2021): {train, valid, test} -> {vision, audio, text, labels, id}, features (N, T, F) with zeros
before the first step. MMSA (Mao et al. 2022): the same splits -> {raw_text, vision, audio, text, text_bert,
audio_lengths, vision_lengths, regression_labels, id}, aligned by word (one T) or not. Which one it is, its keys tell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mmbench.data.files import unpickle
from mmbench.data.files.problems import CellError, DataError, Problem
from mmbench.data.files.source import Root
from mmbench.data.public.padded_sequences import Steps
from mmbench.data.table.lazy_cells import Lazy, chain
from mmbench.data.table.table import Cell, Column, Table
from mmbench.schema.task import Task

SPLITS = {"train": "train", "valid": "validation", "test": "test"}
FEATURES = ("vision", "audio", "text")
Text = Literal["features", "raw"]
MOST_LABELS = 16

_VIDEO = re.compile(r"(.+?)(\$_\$|\[|_(?=\d+$))")


def find(root: Root, file: str, expected: str) -> str:
    """The pickle below `root`: `file`, or the only one there is. Raises DataError."""
    if file:
        return file
    try:
        found = [*root.glob("*.pkl"), *root.glob("*/*.pkl")]
    except CellError as error:
        raise DataError([Problem(where=str(root.folder), what=str(error))]) from None
    if len(found) == 1:
        return found[0]
    names = (
        f"several pickles ({', '.join(found[:5])}); name one with the option `file`" if found else "no pickle (.pkl)"
    )
    raise DataError([Problem(where=str(root.folder), what=f"has {names}; expected {expected}")])


def table(root: Root, file: str, task: Task, *, text: Text, bound: float | None = None, videos: bool = False) -> Table:
    """The samples of `file` in either format.

    task: a regression of one target, or binary: above 0 is positive. bound: labels lie in [-bound, bound]. videos:
    whether the ids name videos, of which samples are segments: those of one video then are a group.
    Raises DataError with all that is wrong.
    """
    try:
        data = unpickle.load(root.source(file))
    except CellError as error:
        raise DataError([Problem(where=file, what=str(error))]) from None
    problems: list[Problem] = []
    parts = {name: _part(file, data, name, text, problems) for name in SPLITS}
    if problems:
        raise DataError(problems)
    for m in FEATURES:
        widths = {part.values[m].shape[2] for part in parts.values() if m in part.values}
        if len(widths) > 1:
            problems.append(Problem(where=f"{file}, {m}", what=f"has {_or(widths)} features, depending on the split"))
    labels = [_labels(file, name, part, task, bound, problems) for name, part in parts.items()]
    if problems:
        raise DataError(problems)
    everything = list(parts.items())
    columns = {m: Column(kind="sequence", cells=chain([p.cells(m) for _, p in everything])) for m in FEATURES}
    if text == "raw":
        columns["text"] = Column(kind="text", cells=[t for _, p in everything for t in p.texts])
    ids = [(name, i, p.ids[i]) for name, p in everything for i in range(len(p))]
    return Table(
        places=[f"{file} {name} {i}" + (f" ({word})" if word else "") for name, i, word in ids],
        modalities=columns,
        task=task,
        labels=np.concatenate(labels),
        split=[SPLITS[name] for name, _, _ in ids],
        group=[_video(word) for _, _, word in ids] if videos and all(word for _, _, word in ids) else None,
    )


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One split, checked."""

    values: dict[str, np.ndarray]
    lengths: dict[str, np.ndarray]
    padded: Literal["before", "around"]
    labels: np.ndarray
    texts: list[str | None]
    ids: list[str]

    def __len__(self) -> int:
        return len(self.labels)

    def cells(self, modality: str) -> Sequence[Cell | None]:
        if modality not in self.values:
            return [None] * len(self)
        aligned = len({v.shape[1] for v in self.values.values()}) == 1
        steps = Steps(
            values=self.values[modality],
            padded=self.padded,
            lengths=self.lengths.get(modality),
            exact=modality == "text",
            start_of=self.values.get("text") if aligned else None,
        )
        return Lazy(len(self), steps.cell)


_EMPTY = _Part(values={}, lengths={}, padded="around", labels=np.zeros((0, 1)), texts=[], ids=[])


def _part(file: str, data: Any, name: str, text: Text, problems: list[Problem]) -> _Part:
    """One split of either format; what is wrong goes to `problems`."""

    def wrong(where: str, what: str) -> None:
        problems.append(Problem(where=f"{file}, {name}{where}", what=what))

    part = data.get(name) if isinstance(data, dict) else None
    if not isinstance(part, dict):
        keys = f"it has {_keys(data)}" if isinstance(data, dict) else f"it is a {type(data).__name__}"
        wrong("", f"is missing; expected a dict with train, valid and test, {keys}")
        return _EMPTY
    target = next((key for key in ("regression_labels", "labels") if key in part), None)
    if target is None:
        wrong("", f"has neither `labels` (MultiBench) nor `regression_labels` (MMSA); it has {_keys(part)}")
        return _EMPTY
    mmsa = target == "regression_labels"
    labels = _numbers(part[target])
    if labels is None or not labels.ndim or not len(labels):
        wrong(f", {target}", "is no array of numbers, one or more a sample")
        return _EMPTY
    labels = labels.reshape(len(labels), -1)
    if text == "raw" and "raw_text" not in part:
        wrong("", f"has no `raw_text`, so use `text: features`; it has {_keys(part)}")
    found = {}
    for m in FEATURES:
        if m == "text" and text == "raw":
            continue
        values = part.get(m)
        if not isinstance(values, np.ndarray) or values.ndim != 3 or values.dtype.kind not in "fiu":
            wrong(f", {m}", f"should be numbers of shape (samples, steps, features), is {_kind(values)}")
        elif len(values) != len(labels) or 0 in values.shape:
            wrong(f", {m}", f"has shape {values.shape}; expected {len(labels)} samples, as many as labels")
        else:
            found[m] = values
    lengths = _lengths(part, found, wrong) if mmsa else {}
    texts = _strings(part.get("raw_text", []))
    if text == "raw" and "raw_text" in part and len(texts) != len(labels):
        wrong(", raw_text", f"has {len(texts)} texts for {len(labels)} labels")
    ids = _strings(part["id"]) if "id" in part else []
    if ids and len(ids) != len(labels):
        wrong(", id", f"has {len(ids)} ids for {len(labels)} labels")
    return _Part(
        values=found,
        lengths=lengths,
        padded="around" if mmsa else "before",
        labels=labels,
        texts=[t if t.strip() else None for t in texts],
        ids=ids or [""] * len(labels),
    )


def _lengths(part: dict[str, Any], found: dict[str, np.ndarray], wrong: Any) -> dict[str, np.ndarray]:
    """How many steps are real, where MMSA's file says so; of text BERT's mask, as features of padding are not 0."""
    said = {m: part[f"{m}_lengths"] for m in ("vision", "audio") if f"{m}_lengths" in part}
    bert = part.get("text_bert")
    if isinstance(bert, np.ndarray) and bert.ndim == 3 and bert.shape[1] == 3:
        said["text"] = (bert[:, 1] != 0).sum(axis=1)
    lengths = {}
    for m, value in said.items():
        if m not in found:
            continue
        numbers = _numbers(value)
        steps = found[m].shape[1]
        if numbers is None or numbers.size != len(found[m]):
            wrong(f", {m}_lengths", f"should be {len(found[m])} numbers, is {_kind(value)}")
        elif not ((numbers >= 0) & (numbers <= steps) & (numbers == numbers.round())).all():
            wrong(f", {m}_lengths", f"should be whole numbers from 0 to {steps}, the steps of {m}")
        else:
            lengths[m] = numbers.ravel().astype(np.int64)
    return lengths


def _labels(file: str, name: str, part: _Part, task: Task, bound: float | None, problems: list[Problem]) -> np.ndarray:
    """(N, 1) float32 of a regression, (N,) int64 of a binary task. Where there are several, sentiment is the first."""
    values = part.labels[:, 0].astype(np.float64)

    def wrong(bad: np.ndarray, what: str) -> None:
        rows = np.flatnonzero(bad)
        problems.extend(Problem(where=f"{file} {name} {i}", what=f"label {values[i]:g} {what}") for i in rows)

    if part.labels.shape[1] not in (1, 7):
        what = f"has {part.labels.shape[1]} labels a sample; expected 1, or sentiment and six emotions"
        problems.append(Problem(where=f"{file}, {name}", what=what))
    wrong(~np.isfinite(values), "is no number")
    if task.kind == "binary":
        wrong(np.isfinite(values) & ~np.isin(values, (-1, 0, 1)), "is none of 0 and 1, or -1 and 1")
        if {-1, 0} <= set(values.tolist()):
            problems.append(Problem(where=f"{file}, {name}", what="has labels -1 and 0; which are positive?"))
        return (values > 0).astype(np.int64)
    if bound is not None:
        wrong(np.isfinite(values) & (np.abs(values) > bound), f"is outside [{-bound:g}, {bound:g}]")
    return values.astype(np.float32)[:, None]


def _numbers(value: Any) -> np.ndarray | None:
    """An array of numbers, or a list of numbers or of arrays of one shape, of a few numbers each."""
    numbers = isinstance(value, list) and all(isinstance(v, np.ndarray | np.number | int | float) for v in value)
    if numbers and len({np.shape(v) for v in value}) == 1 and np.size(value[0]) <= MOST_LABELS:
        value = np.array(value)
    if isinstance(value, np.ndarray) and value.dtype == object:
        try:
            # Of lists in lists numpy would make any number of numbers.
            value = None if any(isinstance(v, list | tuple) for v in value.flat) else value.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            return None
    return value if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" else None


def _strings(values: Any) -> list[str]:
    """Texts or ids: bytes of Python 2 are UTF-8 at best; of several columns (id, start, end) the first."""
    if isinstance(values, np.ndarray):
        values = list(values.reshape(len(values), -1)[:, 0]) if values.ndim else []
    if not isinstance(values, list | tuple):
        return []
    firsts = [v[0] if isinstance(v, list | tuple) and v else v for v in values]
    firsts = [v.flat[0] if isinstance(v, np.ndarray) and v.size else v for v in firsts]
    # By identity: many samples may name one text of the file, however long.
    known = {id(v): _string(v) for v in {id(v): v for v in firsts}.values()}
    return [known[id(v)] for v in firsts]


def _string(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        data = bytes(value)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return data.decode("latin1")
    whole = isinstance(value, int) and -(1 << 63) <= value < 1 << 64
    return str(value) if whole or isinstance(value, str | float | np.number) else ""


def _video(name: str) -> str:
    """`03bSnISJMiM` of `03bSnISJMiM$_$11` (MMSA), `03bSnISJMiM[11]` (CMU's SDK) and `03bSnISJMiM_11`."""
    found = _VIDEO.match(name)
    return found[1] if found else name


def _kind(value: Any) -> str:
    if value is None:
        return "missing"
    return f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


def _keys(value: dict[Any, Any]) -> str:
    return ", ".join(str(key)[:40] for key in list(value)[:12]) or "nothing"


def _or(numbers: set[int]) -> str:
    return " or ".join(str(n) for n in sorted(numbers))
