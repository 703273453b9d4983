"""Which tables of a folder are read, and how their rows are put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from mmbench.data.files.endings import TABLES, kind_of
from mmbench.data.files.problems import CellError, DataError
from mmbench.data.files.source import Root
from mmbench.data.table import families, parts, rows
from mmbench.data.table.card import SPLIT_NAMES, Part
from mmbench.data.table.findings import quote
from mmbench.data.table.rows import Rows
from mmbench.data.table.values import label
from mmbench.errors import UserError

JSON = ".json"
FEW = 20
"""Files that end in .json up to which each is looked at: more are one for each sample."""
NAMED = 3
"""Tables that a note names."""


@dataclass(frozen=True, kw_only=True)
class Tables:
    """parts: as in the card. each: the rows of every part. rows: of all. notes: what a person should know."""

    parts: tuple[Part, ...]
    each: tuple[Rows, ...]
    rows: Rows
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.parts[0].file if len(self.parts) == 1 else f"{self.parts[0].file}, …"

    def without(self, files: Iterable[str]) -> Tables:
        """Some left out. Where no validation is left beside the test, it is cut; a validation without test is one."""
        gone = set(files)
        kept = [(p, r) for p, r in zip(self.parts, self.each, strict=True) if p.file not in gone]
        splits = {p.split for p, _ in kept}
        if len(splits) == 1:
            kept = [(Part(file=p.file), r) for p, r in kept]
        elif "test" not in splits:
            kept = [(replace_split(p, "test") if p.split == "validation" else p, r) for p, r in kept]
        made = tuple(p for p, _ in kept)
        each = tuple(r for _, r in kept)
        return replace(self, parts=made, each=each, rows=parts.joined(made, each))


def replace_split(part: Part, split: str) -> Part:
    return Part(file=part.file, split=split)  # type: ignore[arg-type]


def find(files: Sequence[str], place: Root) -> tuple[Tables | None, list[str]]:
    """The tables of a folder that are read; None where there are none, with what is said of others. Raises UserError,
    DataError."""
    top = [f for f in files if "/" not in f and f.lower().endswith(TABLES)]
    if top or (top := _of_the_hub(files, place)):
        return _read(top, place), []
    return _from_json(files, place)


def _of_the_hub(files: Sequence[str], place: Root) -> list[str]:
    """metadata.csv in the folders of splits, with a column file_name; else shards below a folder."""
    tables = [f for f in files if f.lower().endswith(TABLES)]
    metadata = [f for f in tables if PurePosixPath(f).name.lower().split(".")[0] == "metadata"]
    metadata = [f for f in metadata if any(c.endswith("file_name") for c in _rows(f, place).columns)]
    return metadata or [f for f in tables if f.lower().endswith(".parquet") and families.parse(f).of > 0]


def _from_json(files: Sequence[str], place: Root) -> tuple[Tables | None, list[str]]:
    """A .json that holds records which name files; many a .json describes something else."""
    known = [f for f in files if kind_of(f) is not None]
    stems = {str(PurePosixPath(f).with_suffix("")) for f in known}
    names = [f for f in files if "/" not in f and f.lower().endswith(JSON) and f[: -len(JSON)] not in stems]
    if not names or len(names) > FEW:
        return None, []
    bare = {key for f in known for key in (PurePosixPath(f).name, PurePosixPath(f).stem)}
    tables, notes = [], []
    for name in names:
        try:
            found = _rows(name, place)
        except DataError as error:
            notes += [
                f"{p.where.split(' row ')[0]} is not read: it {p.what}" for p in error.problems if "lists of" in p.what
            ]
            continue
        if not known or any(_names_files(values, place, bare) for values in found.columns.values()):
            tables.append(name)
        elif len(found):
            notes.append(f"{quote(name)} holds records, but names none of the files here; it is not read")
    return (_read(tables, place) if tables else None), notes


def _names_files(values: Sequence[object], place: Root, bare: set[str]) -> bool:
    texts = [label(v) for v in values if isinstance(v, (str, int))][:50]
    here = sum(t in bare or (kind_of(t) is not None and place.exists(t)) for t in texts)
    return bool(texts) and here >= 0.8 * len(texts)


def _read(tables: list[str], place: Root) -> Tables:
    """manifest.* before others, else the largest family: a description of the data is smaller than the data's table."""
    named = [t for t in tables if t.lower().startswith("manifest.")]
    sizes = {t: place.path(t).stat().st_size for t in tables}
    kin = {t: [name.file for name in families.family(t, tables)] for t in tables}
    main = named[0] if named else max(tables, key=lambda t: (sum(sizes[k] for k in kin[t]), sizes[t]))
    first = _rows(main, place)
    # Where only a number tells tables apart, they may be parts, or the same samples again, as of several raters.
    kind = {name.file: bool(name.split) or name.of > 0 for name in families.family(main, tables)}
    each = {main: first}
    apart = []
    for file in kin[main]:
        if file != main:
            each[file] = _rows(file, place)
            if not _alike(first, each[file]) or (not kind[file] and _again(first, each[file])):
                apart.append(file)
    names = [name for name in families.family(main, tables) if name.file not in apart]
    made = families.as_parts(names)
    notes = []
    if len(made) > 1:
        how = "; ".join(
            _said(split, [p for p in made if p.split == split]) for split in dict.fromkeys(p.split for p in made)
        )
        notes.append(f"{len(made)} tables are read as one: {how}")
    if gaps := families.gaps(names):
        notes.append(f"{'; '.join(gaps)}: get the others too, or their samples are missing")
    # A table that is named in one is a sample's, a sequence of numbers.
    cells = {v for own in each.values() for values in own.columns.values() for v in values if isinstance(v, str)}
    others = [t for t in tables if t not in {p.file for p in made} and t not in cells]
    if others:
        notes.append(f"{_listed([p.file for p in made])} is taken as the manifest, not {', '.join(others)}")
    found = tuple(each[p.file] for p in made)
    for part, own in zip(made, found, strict=True):
        if own.headless:
            notes.append(
                f"{quote(part.file)} has no header: {own.headless}. Its columns are called column_1, column_2, ..."
            )
    return Tables(parts=made, each=found, rows=parts.joined(made, found), notes=tuple(notes))


def _said(split: str, own: Sequence[Part]) -> str:
    files = _listed([p.file for p in own])
    return f"{files} as {split}" if split else files


def _listed(files: Sequence[str]) -> str:
    return ", ".join(files[:NAMED]) + (f", … ({len(files)})" if len(files) > NAMED else "")


def _alike(one: Rows, other: Rows) -> bool:
    """Whether two tables have mostly the same columns: a test may lack the target."""
    mine, its = set(one.columns), set(other.columns)
    return 2 * len(mine & its) >= max(len(mine), len(its))


def _again(one: Rows, other: Rows) -> bool:
    """Whether two tables have other columns, or samples in common: values of a column that differ in each sample."""
    if set(one.columns) != set(other.columns):
        return True
    for name, values in one.columns.items():
        mine = {label(v) for v in values if isinstance(v, (str, int))}
        if len(mine) == len(values) > 1 and mine & {label(v) for v in other.columns[name] if isinstance(v, (str, int))}:
            return True
    return False


def _rows(file: str, place: Root) -> Rows:
    try:
        with place.source(file).open() as stream:
            found = rows.read(file, stream)
    except CellError as error:
        raise UserError(f"{place.folder / file}: {error}") from None
    parts.from_own_folder(found, file, place, lambda name: True)
    return found


def unlabelled(tables: Tables, columns: Sequence[str]) -> list[str]:
    """Tables of a split in which no sample has a target, while others do: of a test whose labels are kept back."""
    values = [
        {label(v) for c in columns for v in own.columns.get(c, []) if v is not None and not isinstance(v, (list, dict))}
        | {"…" for c in columns for v in own.columns.get(c, []) if isinstance(v, (list, dict))}
        for own in tables.each
    ]
    gone = []
    for i, part in enumerate(tables.parts):
        elsewhere = set().union(*(v for j, v in enumerate(values) if j != i))
        held_back = values[i] in ({"-1"}, {"?"}) and not values[i] & elsewhere
        if part.split and elsewhere and (not values[i] or held_back):
            gone.append(part.file)
    return gone


def with_split_column(found: Rows) -> Rows:
    """The split that a table's name said, as a column: for a table that is written anew."""
    if found.splits is None:
        return found
    name = next(n for n in ("split", "split_of_table") if n not in found.columns)
    return replace(found, columns=found.columns | {name: list(found.splits)}, splits=None)


def splits_of_paths(found: Rows, columns: Sequence[str]) -> list[str] | None:
    """The split of every row, where the folders of its files say it and nothing else does."""
    for column in columns:
        said = []
        for value in found.columns[column]:
            folders = PurePosixPath(value).parts[:-1] if isinstance(value, str) else ()
            named = {SPLIT_NAMES[f.lower()] for f in folders if f.lower() in SPLIT_NAMES}
            said.append(named.pop() if len(named) == 1 else "")
        if all(said) and len(set(said)) > 1:
            return said
    return None
