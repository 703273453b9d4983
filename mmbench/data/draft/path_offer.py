"""Modalities whose files have names of columns, as a drafted card offers them: each with how many rows find a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mmbench.data.draft import guess
from mmbench.data.draft.guess import Guess
from mmbench.data.draft.join_files import splits_of
from mmbench.data.draft.path_files import Found
from mmbench.data.files.source import Root
from mmbench.data.table.findings import quote
from mmbench.data.table.rows import Rows

SHOWN = 2
"""Rows that a question names."""


@dataclass(frozen=True, kw_only=True)
class Paths:
    """modalities: by name, what is guessed. keys: the columns that names are made of. files: that are there. questions:
    what to look at. told: how many different ones there are, of the modality that has the most."""

    modalities: Mapping[str, Guess] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    questions: tuple[str, ...] = ()
    told: int = 0


def paths_of(found: Sequence[Found], table: Rows, place: Root) -> Paths:
    """What is offered. Without files of numbers that hold something else."""
    modalities: dict[str, Guess] = {}
    kept: list[Found] = []
    for one in found:
        here = [path for path, there in zip(one.paths, one.there, strict=True) if there and path]
        made = guess.files(here[: guess.LOOKED_AT], place)
        if made is not None:
            options = tuple(option for option in made.options if option[0] != "files")
            options = (("path", str(one.pattern)), *((("optional", True),) if one.optional else ()), *options)
            why = f"{one.hits:,} of {len(one.there):,} rows find a file of that name"
            why += f"; {made.why}" if not made.sure else ""
            modalities[one.name] = replace(made, options=options, why=why, sure=False)
            kept.append(one)
    return Paths(
        modalities=modalities,
        keys=frozenset(column for one in kept for column in one.pattern.columns),
        files=frozenset(path for one in kept for path in one.files),
        questions=tuple(q for one in kept for q in (_question(one, table), _several_splits(one, table)) if q),
        told=max((len(one.files) for one in kept), default=0),
    )


def _several_splits(one: Found, table: Rows) -> str:
    """What is asked where rows of several splits name one file: it may be that of one of them alone."""
    first: dict[str, int] = {}
    splits = splits_of(table)
    shared = [
        (i, first[path])
        for i, path in enumerate(one.paths)
        if path is not None and one.there[i] and splits[first.setdefault(path, i)] != splits[i]
    ]
    if not shared:
        return ""
    files = table.findings.files
    i, j = shared[0]
    rows = f"{files.beside(table.numbers[j], table.numbers[0])} and {files.beside(table.numbers[i], table.numbers[j])}"
    are = "rows name files" if len(shared) > 1 else "row names a file"
    return (
        f"{one.name}: {len(shared):,} {are} of a row of another split ({quote(one.paths[i] or '')} in {rows}): where "
        "names begin anew in each split, get the files of the others too, each in a folder called as its split, and "
        "draft again"
    )


def _question(one: Found, table: Rows) -> str:
    columns = " and ".join(map(quote, one.pattern.columns))
    ask = f"{one.name}: do {columns} make the names of its files, `{one.pattern}`?"
    if len(one.pattern.columns) == 1:
        ask = f"{one.name}: does {columns} name its files, `{one.pattern}`?"
    lost = [i for i, there in enumerate(one.there) if not there]
    if not lost:
        return f"{ask} Every row finds its file"
    files = table.findings.files
    places = [files.beside(table.numbers[i], table.numbers[0]) for i in lost[:SHOWN]]
    rows = [f"{place}: {quote(one.paths[i] or 'none')}" for place, i in zip(places, lost, strict=False)]
    shown = f"({', '.join(rows)}{', ...' if len(lost) > SHOWN else ''})"
    many = f"{len(lost):,} of {len(one.there):,} rows find{'s' if len(lost) == 1 else ''} no file {shown}"
    if one.optional:
        return f"{ask} {many}: `optional` lets these samples lack it; take it out where each should have one"
    return f"{ask} {many}: `check` reports them until the files are there; write `optional: true` where samples lack it"
