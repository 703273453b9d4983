"""A table and its split become prepared arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import joblib
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmbench.data.decode.base import Decoder, Layout
from mmbench.data.decode.factory import decoder
from mmbench.data.files.problems import CellError, DataError, Problem
from mmbench.data.files.source import Source
from mmbench.data.prepare.constant_guess import chance
from mmbench.data.prepare.normalisation import normal, release
from mmbench.data.prepare.parallel import Chunk, Decoded, decode, decode_all
from mmbench.data.prepare.readers import Reader, reader
from mmbench.data.table.table import Cell, Column, Table
from mmbench.schema.dataset import Modality, Normal

SPLITS = ("train", "validation", "test")
CHUNK_BYTES, CHUNK_CELLS = 1 << 20, 64
"""What one process gets at a time: so much when it is decoded, and at most so many cells."""

RELEASE = 1 << 27
"""Bytes written, after which mapped pages are handed back to the system, so that they do not pile up in memory."""

FEW = 16
"""Cells, up to which other processes are not worth their start."""


class Writer(Protocol):
    """What takes prepared arrays: `mmbench.data.prepared.Writer`."""

    def array(self, split: str, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """A writable array of zeros."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a DataSpec says of the arrays. readers: what decodes other cells alike."""

    modalities: dict[str, Modality]
    splits: dict[str, int]
    scale: Normal | None
    chance: float | None
    notes: tuple[str, ...]
    readers: dict[str, Reader]


def prepare(
    table: Table, split: np.ndarray, writer: Writer, *, progress: bool = True, processes: int | None = None
) -> Prepared:
    """Decode every cell of the table, once, by all cores, into arrays of the writer.

    split: "train", "validation" or "test" of each of the N samples. Per split and modality: the array `<modality>`
    (n, ...), and `<modality>.mask` (n, steps) where samples differ in length or any lacks the modality; `label`. A
    sample without a modality has zeros, and nothing unmasked. Sizes, vocabularies and means are of training samples
    alone. processes: all cores by default; the arrays do not depend on it.

    Raises DataError with every cell that cannot be read.
    """
    rows = {name: np.flatnonzero(split == name) for name in SPLITS}
    empty = [name for name, found in rows.items() if not len(found)]
    if empty:
        raise DataError([Problem(where="splits", what=f"no sample is in {' or '.join(empty)}; each needs some")])
    missing = {name: _missing(column) for name, column in table.modalities.items()}
    fitted = _fit(table, rows["train"], missing)
    arrays = {
        name: _arrays(writer, name, layout, rows, bool(missing[name].any())) for name, (_, layout) in fitted.items()
    }
    _fill(table, split, missing, fitted, arrays, progress=progress, processes=processes or joblib.cpu_count())
    for name in SPLITS:
        labels = table.labels[rows[name]]
        writer.array(name, "label", labels.shape, labels.dtype)[:] = labels
    lacking = {
        name: _masked(arrays[name]) if made.drops else int(missing[name].sum()) for name, (made, _) in fitted.items()
    }
    modalities = {
        name: Modality(
            kind=layout.stem,
            shape=layout.shape,
            options=layout.options,
            normal=None if layout.normal_axis is None else normal(*arrays[name]["train"], axis=layout.normal_axis),
            missing=lacking[name] / len(table),
        )
        for name, (_, layout) in fitted.items()
    }
    return Prepared(
        modalities=modalities,
        splits={name: len(found) for name, found in rows.items()},
        scale=normal(table.labels[rows["train"]], None, axis=0) if table.task.kind == "regression" else None,
        chance=chance(table.task, table.labels[rows["test"]]),
        notes=(*_notes(table, fitted, lacking), *_constant(arrays)),
        readers={name: reader(table.modalities[name], *found) for name, found in fitted.items()},
    )


Fitted = dict[str, tuple[Decoder, Layout]]
Arrays = dict[str, tuple[np.ndarray, np.ndarray | None]]
"""By split: values, and the mask where there is one."""


class _Picked(Sequence[Cell]):
    """Some cells of a column, which may be made on demand."""

    def __init__(self, cells: Sequence[Cell | None], rows: np.ndarray) -> None:
        self.cells, self.rows = cells, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: Any) -> Any:
        return [self.cells[int(row)] for row in self.rows[i]] if isinstance(i, slice) else self.cells[int(self.rows[i])]


def _missing(column: Column) -> np.ndarray:
    return np.fromiter((cell is None for cell in column.cells), bool, len(column.cells))


def _fit(table: Table, train: np.ndarray, missing: Mapping[str, np.ndarray]) -> Fitted:
    """A decoder for every modality, fitted to training samples. Raises DataError."""
    fitted: Fitted = {}
    problems: list[Problem] = []
    for name, column in table.modalities.items():
        made = decoder(column.kind, column.options, where=f"the options of {name}")
        there = train[~missing[name][train]]
        try:
            fitted[name] = made, made.fit(_Picked(column.cells, there))
        except CellError as error:
            unread = list(_unread(table, name, made, there))
            problems += unread or [Problem(where=f"{name} of the training samples", what=str(error))]
    if problems:
        raise DataError(problems)
    return fitted


def _unread(table: Table, name: str, made: Decoder, rows: np.ndarray) -> Iterator[Problem]:
    """Where no training sample could be read: what is wrong with each."""
    for row in rows.tolist():
        cell = table.modalities[name].cells[row]
        assert cell is not None
        try:
            made.measure(cell)
        except CellError as error:
            yield Problem(where=_where(table, row, name, cell), what=str(error))


def _arrays(writer: Writer, name: str, layout: Layout, rows: Mapping[str, np.ndarray], lacking: bool) -> Arrays:
    masked = lacking or not layout.whole
    return {
        split: (
            writer.array(split, name, (len(found), *layout.shape), layout.dtype),
            writer.array(split, f"{name}.mask", (len(found), layout.steps), bool) if masked else None,
        )
        for split, found in rows.items()
    }


def _fill(
    table: Table,
    split: np.ndarray,
    missing: Mapping[str, np.ndarray],
    fitted: Fitted,
    arrays: Mapping[str, Arrays],
    *,
    progress: bool,
    processes: int,
) -> None:
    """Decode all cells into the arrays. Raises DataError with all problems."""
    place = np.empty(len(table), int)
    for name in SPLITS:
        place[split == name] = np.arange((split == name).sum())
    problems: list[tuple[int, int, Problem]] = []
    order = list(table.modalities)
    total = sum(int((~missing[name]).sum()) for name in order)
    written = 0
    with _bar(progress) as bar:
        task = bar.add_task("decoding", total=total)
        for chunk, decoded in _decoded(table, missing, fitted, processes if total > FEW else 1):
            for i, what in decoded.bad.items():
                row = int(chunk.rows[i])
                where = _where(table, row, chunk.modality, chunk.cells[i])
                problems.append((row, order.index(chunk.modality), Problem(where=where, what=what)))
            good = chunk.rows[decoded.good]
            for name, (values, mask) in arrays[chunk.modality].items():
                here = split[good] == name
                values[place[good[here]]] = decoded.values[here]
                if mask is not None:
                    mask[place[good[here]]] = decoded.mask[here]
            written += decoded.values.nbytes
            if written > RELEASE:
                release(x for found in arrays.values() for pair in found.values() for x in pair)
                written = 0
            bar.advance(task, len(chunk.cells))
    if problems:
        raise DataError([problem for *_, problem in sorted(problems, key=lambda found: found[:2])])


def _decoded(
    table: Table, missing: Mapping[str, np.ndarray], fitted: Fitted, processes: int
) -> Iterator[tuple[Chunk, Decoded]]:
    """Every cell: here where that is quicker, or where its decoder is not to be copied; the others by all processes."""
    here = {name for name, (made, _) in fitted.items() if not made.parallel or _in_memory(table, name, made, missing)}
    for name in here:
        yield from ((chunk, decode(chunk, fitted)) for chunk in _chunks(table, name, missing[name], fitted))
    others = [name for name in fitted if name not in here]
    if others:
        chunks = (chunk for name in others for chunk in _chunks(table, name, missing[name], fitted))
        yield from decode_all(chunks, {name: fitted[name] for name in others}, processes)


def _in_memory(table: Table, name: str, made: Decoder, missing: Mapping[str, np.ndarray]) -> bool:
    """Whether a light decoder's cells are in memory (one is: all are)."""
    first = table.modalities[name].cells[int((~missing[name]).argmax())]
    return made.light and not isinstance(first, Source)


def _chunks(table: Table, name: str, missing: np.ndarray, fitted: Fitted) -> Iterator[Chunk]:
    made, layout = fitted[name]
    rows = np.flatnonzero(~missing)
    bytes_each = int(np.prod(layout.shape)) * np.dtype(layout.dtype).itemsize
    size = max(made.batch, 1, min(CHUNK_CELLS, CHUNK_BYTES // bytes_each))
    for start in range(0, len(rows), size):
        taken = rows[start : start + size]
        yield Chunk(modality=name, rows=taken, cells=_Picked(table.modalities[name].cells, taken)[:])


def _where(table: Table, row: int, name: str, cell: Cell | None) -> str:
    of = f" ({cell.name})" if isinstance(cell, Source) else ""
    return f"{table.places[row]}, {name}{of}"


def _bar(progress: bool) -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not (progress and console.is_terminal))


def _masked(arrays: Arrays) -> int:
    """The samples of which nothing is there, since their cell is empty or was read as missing."""
    return sum(int((~mask.any(axis=1)).sum()) for _, mask in arrays.values() if mask is not None)


def _constant(arrays: Mapping[str, Arrays]) -> Iterator[str]:
    """Which modalities are the same in every training sample that has them."""
    for name, found in arrays.items():
        values, mask = found["train"]
        first: np.ndarray | None = None
        different = count = 0
        for i in range(len(values)):
            if mask is not None and not mask[i].any():
                continue
            first, count = values[i] if first is None else first, count + 1
            # Most differ at once.
            if different := int(not np.array_equal(first, values[i])):
                break
        if count > 1 and not different:
            yield f"{name}: the same in every training sample, so no model can learn anything from it"


def _notes(table: Table, fitted: Fitted, lacking: Mapping[str, int]) -> Iterator[str]:
    for name, (_, layout) in fitted.items():
        if layout.note:
            yield f"{name}: {layout.note}"
        if lacking[name]:
            yield f"{name}: {lacking[name]:,} of {len(table):,} samples lack it"
