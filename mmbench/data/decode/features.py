"""What vectors and sequences share: reading rows of numbers, and what is made of numbers that mean something else."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from mmbench.data.decode import centre, number_text
from mmbench.data.decode.base import Blank, Decoder, sample
from mmbench.data.decode.centre import Span
from mmbench.data.decode.number_text import Form
from mmbench.data.decode.numbers import TEXTS, read_exactly, single
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source
from mmbench.data.table.table import Cell

Numbers = Annotated[list[float], Field(min_length=1)] | None
Limit = Annotated[float, Field(ge=1)] | None

ROWS = 64
"""Rows of one cell from which means and limits are taken, evenly spaced."""

NUMBERS = 1 << 15
"""Of one cell at most, so that those of all looked at fit into memory."""

MIDDLE = (15.87, 50, 84.13)
"""Percentiles: the middle of a normal distribution, and one standard deviation on either side."""


def limits(values: np.ndarray, clip: float) -> np.ndarray:
    """(2, ...) of values (n, ...): so many standard deviations of the middle two thirds below and above the middle."""
    low, middle, high = np.percentile(values, MIDDLE, axis=0)
    spread = np.where(high > low, (high - low) / 2, values.std(axis=0))
    return np.stack([middle - clip * spread, middle + clip * spread])


class Features(Decoder):
    """Rows of F numbers.

    key: of the array in an .npz that has several. header: whether the first line of text tables is one; left open, it
    is where it has names, or counts the columns in all training samples. index: whether the first column is left out;
    left open, it is where it counts the rows and its header has no name. missing: numbers that stand for none; they,
    empty fields and NaN become the mean of the training samples, and a row of nothing else is masked. clip: numbers
    that lie farther from the middle of the training samples become the farthest allowed, in standard deviations of the
    middle two thirds.
    blank: `missing` reads samples of one number throughout as missing.

    Where single precision would round away how numbers differ, the middle of the training samples is subtracted first.
    remarks: what looks wrong in training samples, for people.
    """

    light = True

    def __init__(
        self, *, key: str | None, header: bool | None, index: bool | None, missing: Numbers, clip: Limit, blank: Blank
    ) -> None:
        self.key, self.form = key, Form(header=header, index=index)
        self.missing, self.clip, self.blank = missing, clip, blank
        self.drops = bool(missing) or blank == "missing"
        self.offset: np.ndarray | None = None
        self.fill: np.ndarray | None = None
        self.bounds: np.ndarray | None = None
        self.said = ""
        self._kept: tuple[Cell, Form, np.ndarray] | None = None

    @abstractmethod
    def rows(self, cell: Cell) -> np.ndarray:
        """(n, F) of a cell, as `read` gives them. Raises CellError."""

    def read(self, cell: Cell) -> np.ndarray:
        """Of any shape, float32, or float64 where that would round anything; all finite. Raises CellError."""
        # Who looks at a cell measures, decodes and judges it.
        if self._kept is not None and self._kept[0] is cell and self._kept[1] == self.form:
            return self._kept[2]
        values = read_exactly(cell, self.key, self.form)
        if self.missing and values.dtype.kind == "f" and np.isnan(values).any():
            # What is empty is missing as well as what a mark says.
            values = np.where(np.isnan(values), self.missing[0], values)
        narrow = single(values)
        made = narrow if values.dtype.itemsize <= 4 and values.dtype.kind == "f" else _wide(values, narrow)
        self._kept = cell, self.form, made
        return made

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_kept": None}

    def agree_on_header(self, cells: Sequence[Cell], most: int) -> None:
        """Before anything else: whether first lines that count are headers, which only all files together can tell."""
        self.said, self.remarks = "", ()
        if self.form.header is not None:
            return
        texts = [_text(cell) for cell in sample(cells, most) if isinstance(cell, Source) and cell.suffix in TEXTS]
        counted = {_counted(text) for text in texts}
        self.form = replace(self.form, counted="yes" in counted and "no" not in counted)
        if self.form.counted:
            self.said = "; the first line of each file, which counts the columns, is a header (option header)"
            return
        firsts = {_first(text) for text in texts}
        line = firsts.pop() if len(texts) >= 3 and len(firsts) == 1 else None
        if line is not None and number_text.increases(line):
            told = ", ".join(f"{v:g}" for v in line[:3])
            self.remarks += (f"all files begin with one line ({told}, ...): `header: true` if it is a header",)

    def fit_features(self, cells: Sequence[Cell], width: int, most: int) -> str:
        """Offsets, means and limits of the training cells of this width; returns what a note says of it."""
        looked = [s for s in self.measures(cells, most, self._look) if s[1].shape[1] == width]
        spans = [span for span, _ in looked if span is not None]
        self.offset = centre.offsets(spans) if spans else None
        note = self.said
        if self.offset is not None:
            note += centre.describe(self.offset)
            if step := centre.still_rounded(spans, self.offset):
                self.remarks += (
                    f"numbers as far apart as these are still rounded to steps of up to {step:,.0f}; differences that "
                    "matter, such as the time between two events, are better given as numbers of their own",
                )
        values: np.ndarray = np.concatenate([rows for _, rows in looked])
        if self.missing:
            there = self._there(values)
            counts = there.sum(axis=0)
            fill = self.fill = np.where(there, values, 0).sum(axis=0) / np.maximum(1, counts)
            note += f"; {', '.join(f'{v:g}' for v in self.missing)} read as missing"
            values = np.where(there, values, fill)
        if self.clip is not None:
            self.bounds = limits(values, self.clip)
            note += f"; clipped at {self.clip:g} standard deviations"
        return note

    def finish(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, F) as they are to be decoded, and which of the rows (n,) hold any number that is not missing."""
        real: np.ndarray = np.ones(len(rows), bool)
        if self.missing:
            assert self.fill is not None, "it is fitted"
            there = self._there(rows)
            real, rows = np.asarray(there.any(axis=1)), np.where(there, rows, self.fill)
        if self.bounds is not None:
            rows = np.clip(rows, self.bounds[0], self.bounds[1])
        # Where nothing is subtracted, numbers are rounded first: as they always were.
        return (single(rows) if self.offset is None else rows - self.offset), real

    def meant(self, cell: Cell) -> np.ndarray:
        """(n, F) float64 of a cell as it was given, NaN where numbers are missing, and clipped: to judge them."""
        rows = self.rows(cell).astype(np.float64)
        if self.bounds is not None:
            rows = np.clip(rows, self.bounds[0], self.bounds[1])
        return np.where(self._there(rows), rows, np.nan) if self.missing else rows

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = super().state()
        if self.form.counted:
            found["counted"] = True
        for name in ("offset", "fill", "bounds"):
            if (value := getattr(self, name)) is not None:
                found[name] = value.tolist()
        return found

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.form = replace(self.form, counted=bool(state.get("counted")))
        for name in ("offset", "fill", "bounds"):
            if name in state:
                setattr(self, name, np.array(state[name], np.float64))

    def _look(self, cell: Cell) -> tuple[Span | None, np.ndarray]:
        """The span of its numbers, and some of the rows where means or limits are taken from them."""
        rows = self.rows(cell)
        count = min(ROWS, len(rows), NUMBERS // rows.shape[1]) if self.missing or self.clip else 0
        some = rows[np.linspace(0, len(rows) - 1, count).astype(int)].astype(np.float64)
        # A mark for what is missing says nothing of the others.
        kept = rows[self._there(rows).all(axis=1)] if self.missing else rows
        return (Span.of(kept) if len(kept) else None), some

    def _there(self, rows: np.ndarray) -> np.ndarray:
        """(n, F): which numbers are none of those that stand for a missing one."""
        marks = np.asarray(self.missing, np.float64)
        return ~np.isin(rows, marks) & ~np.isin(rows, marks.astype(np.float32))


def _wide(values: np.ndarray, narrow: np.ndarray) -> np.ndarray:
    """In double precision where single rounds anything away."""
    wide = np.ascontiguousarray(values, dtype=np.float64)
    return narrow if np.array_equal(wide, narrow) else wide


def _text(cell: Source) -> bytes:
    try:
        return cell.read()
    except CellError:
        return b""


def _counted(text: bytes) -> str:
    try:
        return number_text.counts_columns(text) if text else "unread"
    except CellError:
        return "unread"


def _first(text: bytes) -> tuple[float, ...] | None:
    try:
        return number_text.first_numbers(text)
    except CellError:
        return None
