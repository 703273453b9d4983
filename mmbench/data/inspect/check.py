"""Everything that `prepare` would stumble over, found beforehand and all at once: table, cells, splits, leaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np

from mmbench.data.decode.base import Decoder
from mmbench.data.decode.factory import decoder
from mmbench.data.files.endings import is_table
from mmbench.data.files.left_out import LeftOut, Passed
from mmbench.data.files.problems import CellError, DataError, Problem
from mmbench.data.files.source import Root, Source
from mmbench.data.files.unlisted_files import columns_left_out, unnamed
from mmbench.data.files.walk import walk
from mmbench.data.inspect import contents, encoder
from mmbench.data.inspect.cell_inspector import Look, look
from mmbench.data.prepare.dataset import Raw
from mmbench.data.public.loader import Loader
from mmbench.data.split import drawing, giveaway, leakage, learnability
from mmbench.data.split.leakage import Leak
from mmbench.data.table import families, manifest
from mmbench.data.table.card import FILE
from mmbench.data.table.findings import quote
from mmbench.data.table.manifest import Survey
from mmbench.data.table.table import Column, Table
from mmbench.errors import UserError

FEW = 3
"""Files that a note names."""
LONG = 120
"""Characters of a remedy that is written out."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One modality. looks: of every sample; None where it is missing or broken. decoder: fitted, None where it cannot
    be. broken: samples whose file is not there or no file at all. note: how it will be prepared."""

    column: Column
    looks: Sequence[Look | None]
    decoder: Decoder | None
    broken: frozenset[int]
    note: str

    @property
    def looked(self) -> bool:
        """False where options are wrong, or no decoder can be fitted: then no cell was read."""
        return self.decoder is not None


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A data set and all that is wrong with it. table: None where labels, splits or groups are wrong. split: None where
    it cannot be made. leaks: found across splits, accepted or not. notes: what is not wrong, but should be known.
    unused: files and columns that are in the folder and the table, and not in the data set."""

    raw: Raw
    survey: Survey
    table: Table | None
    seen: Mapping[str, Seen]
    split: np.ndarray | None
    leaks: Sequence[Leak]
    problems: Sequence[Problem]
    notes: Sequence[str] = ()
    unused: Sequence[LeftOut] = ()


def check(raw: Raw, tell: Callable[[str, int, int], None] = lambda what, done, of: None) -> Checked:
    """Look at every cell. tell: is told what is read, how much of it, and how much there is.

    Raises DataError only where there is nothing to look at, such as no manifest.
    """
    survey = _survey(raw)
    forgotten, unused = _unused(raw, survey)
    table, problems, notes = _table(survey), list(survey.problems), [*survey.notes, *forgotten]
    split: np.ndarray | None = None
    leaks: list[Leak] = []
    if table is not None:
        notes += giveaway.notes(table)
        try:
            tell("splits, and leaks across them", 0, 1)
            drawn = drawing.draw(table, raw.card.splits, raw.card.accept)
            split, leaks = drawn.split, drawn.leaks
            notes += [*learnability.check(table, split), *drawn.notes, *_accepted(leaks, raw)]
        except DataError as error:
            problems += error.problems
    seen = {
        name: _look(name, column, survey, split, problems, notes, tell)
        for name, column in survey.modalities.items()
        if any(cell is not None for cell in column.cells)
    }
    if table is not None and split is not None:
        try:
            leakage.judge(leaks, raw.card.accept)
        except DataError as error:
            problems += error.problems
    found = list(dict.fromkeys(problems))
    return Checked(
        raw=raw,
        survey=survey,
        table=table,
        seen=seen,
        split=split,
        leaks=leaks,
        problems=found,
        notes=notes,
        unused=unused,
    )


def _unused(raw: Raw, survey: Survey) -> tuple[list[str], list[LeftOut]]:
    """That files were added to the folder, but not to the table; and all else that is not used."""
    if raw.card.manifest is None:
        return [], []
    root = manifest.root_of(raw.card, raw.folder).folder
    own, kin = [part.file for part in raw.card.parts], _kin(raw, root)
    drafted = own == ["manifest.csv"] and (raw.folder / "manifest.csv").exists()
    # The table itself may end as the files do that it names, such as `.csv`.
    used = [*own, *kin, *(_joined(root) if drafted else ())]
    found = unnamed(root, survey.named, used, elsewhere=survey.elsewhere)
    if found.files and drafted:
        found = unnamed(root, survey.named, used, passed=_not_added(root), elsewhere=survey.elsewhere)
    left = [*found.left, *columns_left_out(survey.unused, raw.card.tables)]
    files, beside = found.files, _tables_beside(raw, kin)
    if not files:
        return beside, left
    more = ", ..." if len(files) > FEW else ""
    are = "files are" if len(files) > 1 else "file is"
    said = f"{len(files):,} {are} below {root} but in no row of {raw.card.tables}"
    inside = root.resolve().is_relative_to(raw.folder.resolve())
    update = f"`mmbench data init {root}{'' if inside else f' --name {raw.name}'} --update`"
    # The names of files that are put together from columns tell no rows.
    adds = drafted and any(c.path is None and c.kind not in ("text", "table") for c in raw.card.columns.values())
    adds |= drafted and any(c.path is None and bool(c.options.get("files")) for c in raw.card.columns.values())
    how = f"{update} adds them, and keeps the card" if adds else "add rows for them where they are samples"
    return [*beside, f"{said} ({', '.join(map(quote, files[:FEW]))}{more}): {how}"], left


def _kin(raw: Raw, root: Path) -> list[str]:
    """Tables that belong, by their names, with those of the card, and that it does not name."""
    named = [part.file for part in raw.card.parts]
    if named == ["manifest.csv"]:
        return []
    tables = [file for file in walk(root) if families.SUFFIX.search(file)]
    kin = dict.fromkeys(one.file for file in named if file in tables for one in families.family(file, tables))
    return [file for file in kin if file not in named]


def _tables_beside(raw: Raw, kin: list[str]) -> list[str]:
    if not kin:
        return []
    more = ", ..." if len(kin) > FEW else ""
    names = [*(families.parse(part.file) for part in raw.card.parts), *map(families.parse, kin)]
    split = {part.file: part.split for part in raw.card.parts if part.split}
    parts = [part.model_copy(update={"split": split.get(part.file, part.split)}) for part in families.as_parts(names)]
    whole = f"{families.as_manifest(parts)}".replace("'", "")
    how = (
        f"`manifest: {whole}` in {FILE} reads all, where they have the target"
        if len(whole) <= LONG
        else f"name them as `manifest` in {FILE}"
    )
    are = "is a table" if len(kin) == 1 else "are tables"
    return [f"{', '.join(map(quote, kin[:FEW]))}{more} {are} beside {raw.card.tables} and not read: {how}"]


def _accepted(leaks: Sequence[Leak], raw: Raw) -> list[str]:
    """What the card accepts, with its count; also where there is nothing of it."""
    found = {leak.kind for leak in leaks}
    none = [kind for kind in raw.card.accept if kind not in found]
    return [
        *drawing.accepted(leaks, raw.card.accept),
        *(f"`accept: [{kind}]` in the card: no sample has it; the entry can go" for kind in none),
    ]


def _joined(root: Path) -> list[str]:
    """The person's own tables, whose rows a drafted manifest has."""
    from mmbench.data.draft import tables

    names = [file.name for file in sorted(root.iterdir()) if is_table(file.name) and file.name != "manifest.csv"]
    try:
        found, _ = tables.find(names, Root(root))
    except (UserError, DataError):
        return []
    return [part.file for part in found.parts] if found is not None else []


def _not_added(root: Path) -> tuple[Passed, ...]:
    """The files that a draft of today would leave out too, such as notes to the reader."""
    # Late: rarely asked.
    from mmbench.data.draft.draft import draft

    try:
        return draft(root, root="", without="manifest.csv").passed
    except UserError:
        return ()


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
        notes=tuple(table.notes),
    )


def _table(survey: Survey) -> Table | None:
    """The samples, those with broken cells too; None where labels, splits or groups are wrong, or all modalities."""
    if not survey.sound or not survey.modalities or survey.task is None or survey.labels is None:
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
    notes: list[str],
    tell: Callable[[str, int, int], None],
) -> Seen:
    cells = list(column.cells)
    here = [i for i, cell in enumerate(cells) if cell is not None]
    broken = survey.broken.get(name, frozenset())
    none = Seen(column=column, looks=[None] * len(cells), decoder=None, broken=broken, note="")
    said: str | None = None
    try:
        made = decoder(column.kind, column.options, where=f"columns.{name}")
        if "encoder" in column.options:
            tell(f"the encoder of {name}", 0, 1)
            said, hints = encoder.describe(made, name)
            notes += hints
            # Cells are read as without an encoder; what it makes of them is no matter here.
            plain = {k: v for k, v in column.options.items() if k == "rate"}
            made = decoder(column.kind, plain, where=f"columns.{name}")
    except UserError as error:
        problems += [Problem(where=FILE, what=str(error))]
        return none
    # Where there is no split, every sample may be of the training split.
    fitting = [i for i in here if split is None or split[i] == "train"]
    try:
        note = made.fit([c for i in fitting if (c := cells[i]) is not None]).note
    except CellError as error:
        problems += [Problem(where=f"{survey.places[i]}, {name}", what=str(error)) for i in (fitting or here)[:1]]
        return none
    notes += [f"{name}: {remark}" for remark in made.remarks]
    looks: list[Look | None] = [None] * len(cells)
    bad: dict[int, str] = {}
    expected = contents.usual(made, [c for i in fitting if (c := cells[i]) is not None])
    found = look(made, column.kind, [c for c in cells if c is not None], joblib.cpu_count(), expected)
    for done, (at, seen) in enumerate(found, 1):
        tell(name, done, len(here))
        if isinstance(seen, str):
            bad[here[at]] = seen
        else:
            looks[here[at]] = seen
    for i, what in sorted(bad.items()):
        cell = cells[i]
        of = f" ({quote(cell.name)})" if isinstance(cell, Source) else ""
        problems.append(Problem(where=f"{survey.places[i]}, {name}{of}", what=what))
    stats = {i: seen.stats for i, seen in enumerate(looks) if seen is not None and seen.stats is not None}
    notes += [f"{name}: {said}" for said in contents.remarks(column.kind, stats, fitting, survey.places)]
    if column.kind == "video" and (same := contents.alike(made, [c for i in fitting if (c := cells[i]) is not None])):
        notes.append(f"{name}: is the same in all {same} training samples looked at")
    if split is None:
        note = note.replace("of the training texts", "of all texts").replace("training samples", "samples")
    note = note if said is None else said
    return Seen(column=column, looks=looks, decoder=made, broken=broken, note=note)
