"""Everything that `prepare` would stumble over, found beforehand and all at once: table, cells, splits, leaks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmbench.prepare import Raw
from mmbench.reading import leakage, manifest, splits
from mmbench.reading.card import FILE
from mmbench.reading.decode import Decoder, decoder
from mmbench.reading.findings import shown
from mmbench.reading.leakage import Leak
from mmbench.reading.loader import Loader
from mmbench.reading.manifest import Survey
from mmbench.reading.problems import CellError, DataError, Problem
from mmbench.reading.source import Source
from mmbench.reading.table import Cell, Column, Table
from mmbench.registry import UserError

CHUNK = 32
"""Cells that a process gets at a time."""
FEW = 400
"""So few cells are read sooner than processes start."""
MEASURES: Mapping[str, tuple[str, ...]] = {
    "image": ("width", "height"),
    "audio": ("seconds",),
    "video": ("frames", "width", "height"),
    "text": ("words",),
    "vector": ("numbers",),
    "sequence": ("steps", "numbers"),
}


@dataclass(frozen=True, kw_only=True)
class Look:
    """One cell that can be read. measures: as MEASURES names them. digest: of its content."""

    measures: tuple[float, ...]
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One modality. looks: of every sample; None where it is missing or broken. decoder: fitted, None where it cannot
    be. broken: samples whose file is not there or no file at all. note: how it will be prepared."""

    column: Column
    looks: Sequence[Look | None]
    decoder: Decoder | None
    broken: frozenset[int]
    note: str


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A data set and all that is wrong with it. split: None where it cannot be made. leaks: found across splits,
    accepted or not."""

    raw: Raw
    survey: Survey
    seen: Mapping[str, Seen]
    split: np.ndarray | None
    leaks: Sequence[Leak]
    problems: Sequence[Problem]


def check(raw: Raw, tell: Callable[[str, int, int], None] = lambda what, done, of: None) -> Checked:
    """Look at every cell. tell: is told what is read, how much of it, and how much there is.

    Raises DataError only where there is nothing to look at, such as no manifest.
    """
    survey = _survey(raw)
    table, problems = _table(survey), list(survey.problems)
    split: np.ndarray | None = None
    leaks: list[Leak] = []
    if table is not None:
        try:
            split = splits.assign(table, raw.card.splits)
        except DataError as error:
            problems += error.problems
    seen = {
        name: _look(name, column, survey, split, problems, tell)
        for name, column in survey.modalities.items()
        if any(cell is not None for cell in column.cells)
    }
    if table is not None and split is not None:
        tell("leaks across splits", 0, 1)
        leaks = leakage.find(table, split)
        try:
            leakage.check(table, split, raw.card.accept)
        except DataError as error:
            problems += error.problems
    found = list(dict.fromkeys(problems))
    return Checked(raw=raw, survey=survey, seen=seen, split=split, leaks=leaks, problems=found)


def _survey(raw: Raw) -> Survey:
    if not isinstance(raw.made, Loader):
        return manifest.survey(raw.card, raw.folder)
    table = raw.table()
    return Survey(
        places=table.places,
        modalities=dict(table.modalities),
        task=table.task,
        labels=table.labels,
        split=None if table.split is None else list(table.split),
        group=None if table.group is None else list(table.group),
        broken={},
        sound=True,
        problems=(),
    )


def _table(survey: Survey) -> Table | None:
    """The samples, those with broken cells too; None where labels, splits or groups are wrong."""
    if not survey.sound or survey.task is None or survey.labels is None:
        return None
    return Table(
        places=survey.places,
        modalities=survey.modalities,
        task=survey.task,
        labels=survey.labels,
        split=survey.split,
        group=survey.group,
    )


def _look(
    name: str,
    column: Column,
    survey: Survey,
    split: np.ndarray | None,
    problems: list[Problem],
    tell: Callable[[str, int, int], None],
) -> Seen:
    cells = list(column.cells)
    here = [i for i, cell in enumerate(cells) if cell is not None]
    broken = survey.broken.get(name, frozenset())
    none = Seen(column=column, looks=[None] * len(cells), decoder=None, broken=broken, note="")
    try:
        made = decoder(column.kind, column.options, where=f"{FILE}: columns.{name}")
    except UserError as error:
        problems += [Problem(where=f"{FILE}: columns.{name}", what=str(error))]
        return none
    # Where there is no split, every sample may be of the training split.
    fitting = [i for i in here if split is None or split[i] == "train"]
    try:
        note = made.fit([c for i in fitting if (c := cells[i]) is not None]).note
    except CellError as error:
        problems += [Problem(where=f"{survey.places[i]}, {name}", what=str(error)) for i in (fitting or here)[:1]]
        return none
    looks: list[Look | None] = [None] * len(cells)
    for done, (i, look) in enumerate(zip(here, _each(made, column.kind, [cells[i] for i in here]), strict=True), 1):
        tell(name, done, len(here))
        if isinstance(look, str):
            cell = cells[i]
            said = f" ({shown(cell.name)})" if isinstance(cell, Source) else ""
            problems.append(Problem(where=f"{survey.places[i]}, {name}{said}", what=look))
        else:
            looks[i] = look
    return Seen(column=column, looks=looks, decoder=made, broken=broken, note=note)


def _each(made: Decoder, kind: str, cells: Sequence[Cell | None]) -> Iterator[Look | str]:
    """Looks at each cell, in several processes where there are many; what is wrong in the place of a broken one."""
    if len(cells) <= FEW or not made.parallel:
        yield from (_one(made, kind, cell) for cell in cells)
        return
    from joblib import Parallel, delayed

    chunks = (cells[i : i + CHUNK] for i in range(0, len(cells), CHUNK))
    work = Parallel(n_jobs=-1, return_as="generator", pre_dispatch="4*n_jobs")
    found: Iterable[list[Look | str]] = work(delayed(_chunk)(made, kind, chunk) for chunk in chunks)
    for chunk in found:
        yield from chunk


def _chunk(made: Decoder, kind: str, cells: Sequence[Cell | None]) -> list[Look | str]:
    return [_one(made, kind, cell) for cell in cells]


def _one(made: Decoder, kind: str, cell: Cell | None) -> Look | str:
    assert cell is not None
    try:
        # A film is decoded to be measured; once is enough.
        measured = made.measure(cell)
        values = None if kind == "video" else made.decode(cell)
        return Look(measures=_measures(kind, cell, measured, values), digest=_digest(cell))
    except (CellError, OSError) as error:
        return str(error)


def _measures(kind: str, cell: Cell, measured: Any, values: Any) -> tuple[float, ...]:
    if kind == "image":
        return float(measured.width), float(measured.height)
    if kind == "audio":
        return (float(measured.seconds),)
    if kind == "video":
        return float(measured.count), float(measured.width), float(measured.height)
    if kind == "text":
        return (float(len(cell.split()) if isinstance(cell, str) else int(values[1].sum())),)
    return tuple(map(float, np.atleast_1d(measured)))


def _digest(cell: Cell) -> bytes:
    if isinstance(cell, Source):
        with cell.open() as stream:
            return hashlib.file_digest(stream, "sha256").digest()  # type: ignore[arg-type]
    if isinstance(cell, str):
        return hashlib.sha256(leakage.normal(cell).encode()).digest()
    return hashlib.sha256(f"{cell.shape}{cell.dtype.str}".encode() + np.ascontiguousarray(cell).tobytes()).digest()
