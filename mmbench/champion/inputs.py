"""Rows that a person hands over (paths, texts, numbers) -> arrays, as `prepare` made them of the training samples.

A row that cannot be read has an error of its own and stops no other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmbench.data.decode.base import Decoder
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Root, Source
from mmbench.data.prepare.readers import Reader
from mmbench.data.table import filled_paths, path_pattern
from mmbench.data.table.cells import Cells, by_prefix
from mmbench.data.table.findings import Findings
from mmbench.data.table.record import records
from mmbench.data.table.rows import Rows
from mmbench.data.table.table import Cell
from mmbench.errors import UserError, suggest
from mmbench.schema.dataset import DataSpec, Modality


class NoRoot(Root):
    """In place of a folder where none was named: paths are told, everything else is read."""

    def __init__(self) -> None:
        self.folder = Path()

    def path(self, relative: str) -> Path:
        raise CellError("is a path, and no folder was named that paths start from (MMBENCH_ROOT, or --files)")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """arrays: `<modality>` and `<modality>.mask` of all n rows. errors: by row, 0-based; such a row's arrays are
    zeros."""

    arrays: dict[str, np.ndarray]
    errors: dict[int, str]


@dataclass(frozen=True, kw_only=True)
class InputBuilder:
    """Makes the inputs of one model. readers: of the modalities that were decoded; others are given as arrays."""

    spec: DataSpec
    modalities: tuple[str, ...]
    readers: Mapping[str, Reader]
    decoders: Mapping[str, Decoder]

    def columns(self) -> dict[str, str]:
        """The columns that rows need -> the modality that each is for."""
        return {column: name for name in self.modalities for column in self.columns_of(name)}

    def columns_of(self, name: str) -> tuple[str, ...]:
        """Of one modality."""
        return (self.readers[name].columns if name in self.readers else ()) or (name,)

    def check(self, rows: Rows) -> None:
        """Raises UserError that names the columns that are missing, and what may have been meant."""
        known, needed = list(rows.columns), self.columns()
        missing = [column for column in needed if column not in rows.columns]
        free = [column for column in known if column not in needed] or known
        lines = [
            f"{rows.file} has no column {column!r}, {self._use(column, needed[column])}{suggest(column, free)}"
            for column in missing[:10]
        ]
        if len(missing) > len(lines):
            lines.append(f"{rows.file} lacks {len(missing) - len(lines)} more columns")
        if lines:
            raise UserError("\n".join(lines))

    def _use(self, column: str, name: str) -> str:
        reader = self.readers.get(name)
        if reader is not None and reader.path:
            return f"of which the names of files are made ({name}: {reader.path})"
        return f"which the model reads as {name}"

    def batch(self, rows: Rows, root: Root) -> Batch:
        """All of these rows. Whoever calls passes few enough for memory."""
        errors: dict[int, list[str]] = {}
        arrays: dict[str, np.ndarray] = {}
        there = np.zeros(len(rows), bool)
        for name in self.modalities:
            cells, told = self._cells(name, rows, root)
            for i, what in told.items():
                errors.setdefault(i, []).append(what)
            made = self._decoded(name, cells) if name in self.readers else self._from_arrays(name, cells)
            for i, what in made.errors.items():
                errors.setdefault(i, []).append(f"{self._place(rows, i, name, cells[i])}: {what}")
            arrays |= made.arrays
            there |= [c is not None for c in cells]
            lacks = [i for i, c in enumerate(cells) if c is None and i not in errors]
            if self.spec.modalities[name].missing == 0:
                for i in lacks:
                    what = "is empty; the model was trained on samples that all have it"
                    errors.setdefault(i, []).append(f"{self._place(rows, i, name, None)}: {what}")
        for i in np.flatnonzero(~there).tolist():
            errors.setdefault(i, [f"{rows.places[i]}: every modality is missing"])
        return Batch(arrays=arrays, errors={i: "; ".join(dict.fromkeys(what)) for i, what in sorted(errors.items())})

    def _place(self, rows: Rows, i: int, name: str, cell: Cell | None) -> str:
        of = f" ({cell.name})" if isinstance(cell, Source) else ""
        columns = self.columns_of(name)
        made = name in self.readers and self.readers[name].path
        return f"{rows.places[i]}, {columns[0] if len(columns) == 1 and not made else name}{of}"

    def _cells(self, name: str, rows: Rows, root: Root) -> tuple[list[Cell | None], dict[int, str]]:
        """One a row, None where the modality is missing or cannot be; and what is wrong, by row."""
        findings = Findings(rows.file)
        columns = self.columns_of(name)
        mine = {c: rows.columns[c] for c in columns}
        own = Rows(file=rows.file, columns=dict(mine), numbers=rows.numbers, findings=findings)
        if name not in self.readers:
            cells: list[Cell | None] = _numbers(columns[0], own)
        elif reader_path := self.readers[name].path:
            reader = self.readers[name]
            # Without a folder, nothing is said to be missing.
            optional = reader.optional and not isinstance(root, NoRoot)
            paths = filled_paths.fill(path_pattern.parse(reader_path), own, root, optional=optional)
            taken = Cells(
                kind=reader.kind, column=name, rows=filled_paths.alone(name, paths, own), root=root, paths=True
            )
            cells = taken.all()
        elif self.readers[name].kind == "table":
            cells = records(columns, own)
        elif len(columns) > 1:
            cells = by_prefix(columns, name, own)
        else:
            column, reader = columns[0], self.readers[name]
            arrays = _numbers(column, own, only_lists=True) if reader.kind in ("image", "audio") else []
            own.columns[column] = [
                None if i < len(arrays) and arrays[i] is not None else v for i, v in enumerate(own.columns[column])
            ]
            taken = Cells(kind=reader.kind, column=column, rows=own, root=root)
            cells = taken.texts() if reader.kind == "text" and not reader.files else taken.all()
            cells = [arrays[i] if i < len(arrays) and arrays[i] is not None else c for i, c in enumerate(cells)]
        places = {number: i for i, number in enumerate(rows.numbers)}
        return cells, {places[row]: what for row, what in findings.by_row().items()}

    def _decoded(self, name: str, cells: Sequence[Cell | None]) -> Batch:
        reader, decoder = self.readers[name], self.decoders[name]
        values = np.zeros((len(cells), *reader.shape), reader.dtype)
        mask = np.zeros((len(cells), reader.steps), bool)
        present = [(i, c) for i, c in enumerate(cells) if c is not None]
        errors = {}
        for (i, _), made in zip(present, decoder.decode_many([c for _, c in present]), strict=True):
            if isinstance(made, CellError):
                errors[i] = str(made)
            else:
                values[i], mask[i] = made[0], True if made[1] is None else made[1]
        masked = not reader.whole or self.spec.modalities[name].missing > 0
        return Batch(arrays={name: values} | ({f"{name}.mask": mask} if masked else {}), errors=errors)

    def _from_arrays(self, name: str, cells: Sequence[Cell | None]) -> Batch:
        """Arrays as the prepared data hold them."""
        modality = self.spec.modalities[name]
        words = "vocabulary" in modality.options
        values = np.zeros((len(cells), *modality.shape), np.int64 if words else np.float32)
        errors = {}
        for i, cell in enumerate(cells):
            if cell is None:
                continue
            assert isinstance(cell, np.ndarray)
            if (what := _misfit(cell, modality)) is not None:
                errors[i] = what
            else:
                with np.errstate(over="ignore"):
                    # What is too large for float32 is infinite in it, and then the model has no finite answer.
                    values[i] = cell
        return Batch(arrays={name: values}, errors=errors)


def _misfit(cell: np.ndarray, modality: Modality) -> str | None:
    if cell.shape != modality.shape:
        return f"has the shape {cell.shape}; the model takes {modality.shape}"
    if not np.isfinite(cell).all():
        return "has NaN or infinite numbers"
    size = modality.options.get("vocabulary")
    if size is not None and (cell.dtype.kind not in "ui" or cell.min() < 0 or cell.max() >= size):
        return f"has other numbers than the words of the vocabulary, 0 to {size - 1}"
    return None


def _numbers(column: str, rows: Rows, *, only_lists: bool = False) -> list[Cell | None]:
    """Lists of numbers, nested or written as JSON. only_lists: other values are left to others, as None."""
    cells: list[Cell | None] = []
    for number, value in zip(rows.numbers, rows.columns[column], strict=True):
        cells.append(None)
        if value is None or (only_lists and not isinstance(value, (list, np.ndarray))):
            continue
        try:
            listed = json.loads(value) if isinstance(value, str) else value
            cells[-1] = _array(listed)
        except (ValueError, TypeError, RecursionError):
            what = "is no list of numbers of equal lengths, such as [[0.5, 1], [2, 3]]"
            rows.findings.add(number, what, column=column)
    return cells


def _array(value: Any) -> np.ndarray:
    # A frame holds an array of two axes as an array of arrays.
    listed = value.tolist() if isinstance(value, np.ndarray) and value.dtype == object else value
    array = np.array([_plain(v) for v in listed] if isinstance(listed, (list, tuple)) else listed)
    if array.dtype.kind not in "uif":
        raise TypeError
    return array


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _array(value)
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value
