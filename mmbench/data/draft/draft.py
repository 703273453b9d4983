"""A first card for a folder of files, drafted from what lies in it: a person reads it, mends it, and has a data set."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mmbench.data.draft import folder_layout, guess
from mmbench.data.draft.folder_files import Role
from mmbench.data.draft.guess import Guess
from mmbench.data.draft.guess_target import choose
from mmbench.data.draft.join_files import join
from mmbench.data.files.endings import SUFFIXES, TABLES, is_table
from mmbench.data.files.folder import Contents, contents
from mmbench.data.files.left_out import LeftOut, Passed
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Root
from mmbench.data.files.unlisted_files import columns_left_out, left_out, named_elsewhere
from mmbench.data.table import rows
from mmbench.data.table.findings import quote
from mmbench.errors import UserError

UNSURE = "  # ? "
NUMBERED = re.compile(r"(.*\D)\d+")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """card: the text of dataset.yaml. manifest: the text of manifest.csv, where the folder has no table of its own.

    guesses: what was decided, in sentences. unsure: what a person should look at. samples: how many. unused: files and
    columns that are not used. joined: whether the manifest has the rows of a table, key: its column that names them.
    others: as what else the levels of folders could be read. named: what columns of files say; passed: the files that
    were looked at and left out.
    """

    card: str
    manifest: str | None
    guesses: tuple[str, ...]
    unsure: tuple[str, ...]
    samples: int
    unused: tuple[LeftOut, ...] = ()
    joined: bool = False
    key: str | None = None
    others: tuple[tuple[Role, ...], ...] = ()
    named: frozenset[str] = frozenset()
    passed: tuple[Passed, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Hints:
    """What is known beside a table's columns. lies: in the folder. known: guesses of columns. passed: files that were
    looked at and left out. table: the person's own."""

    lies: Contents
    known: Mapping[str, Guess] = field(default_factory=dict)
    unsure: tuple[str, ...] = ()
    passed: tuple[Passed, ...] = ()
    table: str = ""
    joined: bool = False
    key: str | None = None
    others: tuple[tuple[Role, ...], ...] = ()


def draft(folder: Path, *, root: str, without: str = "", folders: Sequence[Role] | None = None) -> Draft:
    """Look at the files and tables in a folder. root: as the card is to name the folder. without: a file that is passed
    over. folders: what the levels of folders are, where a person says it.

    Raises UserError where there is nothing to go by, DataError where a table cannot be read.
    """
    place = Root(folder)
    lies = contents(folder)
    files = [f for f in lies.files if f != without]
    lies = Contents(files=files, passed=lies.passed, damaged=lies.damaged)
    tables = [f for f in files if is_table(f)]
    if tables and folders is not None:
        raise UserError(
            f"{folder} has a table, {quote(tables[0])}, whose rows are samples; --folders is for a folder without one"
        )
    if tables:
        return _from_table(chosen(tables, place), tables, place, root, lies)
    found = folder_layout.samples(files, folders)
    if found is None:
        for file, error in lies.damaged.items():
            raise UserError(f"{folder / file}: {error}")
        kinds = ", ".join(SUFFIXES)
        there = [str(line) for line in left_out(lies, named=(), passed=lies.passed)]
        raise UserError(
            "\n".join(
                [
                    f"{folder} holds neither a table ({', '.join(TABLES)}) nor files that mmbench reads ({kinds})",
                    *there,
                ]
            )
        )
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([found.header, *found.rows])
    made = rows.read("manifest.csv", io.BytesIO(text.getvalue().encode()))
    asked = [*found.unsure, *(f"  read otherwise: `--force --folders {'/'.join(r)}`" for r in found.others)]
    hints = _Hints(lies=lies, known=found.known, unsure=tuple(asked), passed=found.passed, others=found.others)
    return _write(made, place, root, hints, manifest=text.getvalue(), notes=found.notes)


def chosen(tables: Sequence[str], root: Root) -> str:
    """The table that is taken: manifest.* before others, else the largest: a description is smaller than the data."""
    named = [t for t in tables if t.lower().startswith("manifest.")]
    return named[0] if named else max(tables, key=lambda t: root.path(t).stat().st_size)


def _from_table(table: str, tables: list[str], place: Root, root: str, lies: Contents) -> Draft:
    try:
        with place.source(table).open() as stream:
            found = rows.read(table, stream)
    except CellError as error:
        raise UserError(f"{place.folder / table}: {error}") from None
    others = [t for t in tables if t != table]
    notes = [f"{table} is taken as the manifest, not {', '.join(others)}"] if others else []
    if problems := found.findings.problems():
        notes.append(f"{problems[0]}" + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""))
    named = [guess.column(name, values, place) for name, values in found.columns.items()]
    filed = any(g.role == "modality" and "below" not in g.why and g.kind != "text" for g in named)
    passed = tuple(Passed(other, "table") for other in others)
    if not filed and (joined := join(found, lies.files)) is not None:
        made = rows.read("manifest.csv", io.BytesIO(joined.text.encode()))
        hints = _Hints(lies=lies, passed=passed, table=table, joined=True, key=joined.key)
        return _write(
            made, place, root, hints, manifest=joined.text, notes=[*notes, *(f"{table}: {n}" for n in joined.notes)]
        )
    hints = _Hints(lies=lies, passed=passed, table=table)
    return _write(found, place, root, hints, manifest=None, notes=notes, table=table)


def _vectors(names: Iterable[str], guesses: Mapping[str, Guess]) -> dict[str, list[str]]:
    """Columns of numbers whose names differ in their last digits only: one vector each, by prefix."""
    found: dict[str, list[str]] = {}
    for name in names:
        if (match := NUMBERED.fullmatch(name)) and guesses[name].kind in ("number", "regression"):
            found.setdefault(match[1], []).append(name)
    return {prefix: columns for prefix, columns in found.items() if len(columns) >= 3}


def _write(
    found: rows.Rows,
    place: Root,
    root: str,
    hints: _Hints,
    *,
    manifest: str | None,
    notes: Iterable[str],
    table: str = "manifest.csv",
) -> Draft:
    if not len(found):
        raise UserError(f"{place.folder / table} has no samples")
    guesses = {n: hints.known.get(n) or guess.column(n, values, place) for n, values in found.columns.items()}
    vectors = _vectors(found.columns, guesses)
    inside = {name for columns in vectors.values() for name in columns}
    modalities = {n: g for n, g in guesses.items() if g.role == "modality" and n not in inside}
    for prefix, columns in vectors.items():
        why = f"{len(columns)} columns of numbers"
        modalities[prefix] = Guess(role="modality", kind="vector", why=why, options=(("prefix", prefix),))
    choice = choose(found, {n: g for n, g in guesses.items() if n not in inside})
    target = choice.columns, choice.guess
    modalities = {n: g for n, g in modalities.items() if n not in target[0]}
    lines, unsure = [], [*notes, *hints.unsure]
    lines += [_line(f"manifest: {_q(table)}", f"{len(found)} samples, one a row")]
    lines += [_line(f"root: {_q(root)}", "files are read from here, and nothing outside it")]
    lines += ["columns:" if modalities else "columns: {}" + UNSURE + "no column names files, texts or vectors"]
    said = []
    keys: set[str] = set()
    for name, g in modalities.items():
        key = _safe(name, keys)
        keys.add(key)
        lines.append(_line(f"  {_q(key)}: {_modality(name, key, g)}", g.why, sure=g.sure))
        said.append(f"{name}: {g.kind} ({g.why})")
        unsure += [] if g.sure else [f"is {name} really {g.kind}? it {g.why}"]
    unsure += [] if modalities else ["no modality was found: name one under `columns`"]
    lines.append(_line(f"target: {_target_text(*target)}", target[1].why, sure=target[1].sure))
    said.append(f"target: {', '.join(target[0])}, {target[1].kind} ({target[1].why})")
    unsure += [] if target[1].sure else [f"is {', '.join(target[0])} the target, and is it a {target[1].kind}?"]
    unsure += [f"  it could also be `target: {_target_text(*other)}` ({other[1].why})" for other in choice.others]
    for role, what in (("split", "given splits are kept"), ("group", "samples of one group stay in one split")):
        named = [n for n, g in guesses.items() if g.role == role and n not in target[0]]
        why = f"{what} ({guesses[named[0]].why})" if named else f"a column; {what}"
        text = f"{role}: {_q(named[0])}" if named else f"# {role}: column"
        lines.append(_line(text, why, sure=role == "split" or not named))
        said += [f"{role}: {named[0]} ({guesses[named[0]].why})"] if named else []
    if ids := [n for n, g in guesses.items() if g.role == "id"]:
        lines.append(_line(f"id: {_q(ids[0])}", "no two samples may have the same"))
    lines.append(_line("splits: {validation: 0.15, test: 0.15, seed: 0}", "where the table leaves the split open"))
    used = {*modalities, *target[0], *inside}
    unused = {n: g for n, g in guesses.items() if g.role == "unused" and n not in used}
    lines += [f"# not used: {quote(n)} ({quote(g.why)})" for n, g in unused.items()]
    possible = [n for n in unused if 1 < len({str(v) for v in found.columns[n]}) <= len(found) // 2]
    if grouped := [n for n, g in guesses.items() if g.role == "group" and n not in target[0]]:
        others = [n for n in [*grouped[1:], *possible] if guesses[n].kind != "number" or n in grouped]
        instead = f" Or is it {', '.join(map(quote, others))}?" if others else ""
        unsure.append(f"do samples with one {quote(grouped[0])} belong together, in one split?{instead}")
    else:
        candidates = f" ({', '.join(map(quote, possible))}?)" if possible else ""
        ask = f"do samples belong together (one speaker, one subject)? then name the column{candidates} as `group`"
        unsure.append(ask)
    head = [
        "# Drafted by `mmbench data init`; a `?` marks what it is not sure of. docs/your-data.md explains every field.",
        _line("description: ''", "a sentence for the report"),
    ]
    foot = [_line(f"{key}: ''", why) for key, why in FREE.items()]
    card = "\n".join(line for line in [*head, *lines, *foot]) + "\n"
    named_files = {v for n in modalities for v in found.columns.get(n, []) if isinstance(v, str)}
    taken = {*named_files, hints.table}
    passed = (*hints.lies.passed, *hints.passed)
    other = {v for n in unused for v in found.columns[n] if isinstance(v, str)}
    passed = (*passed, *named_elsewhere(hints.lies, {*taken, *(p.path for p in passed)}, other))
    left = left_out(hints.lies, named=taken, passed=passed)
    return Draft(
        card=card,
        manifest=manifest,
        guesses=tuple(said),
        unsure=tuple(unsure),
        samples=len(found),
        unused=(*left, *columns_left_out(list(unused), table)),
        joined=hints.joined,
        key=hints.key,
        others=hints.others,
        named=frozenset(named_files),
        passed=hints.passed,
    )


FREE = {"licence": "under which you may use it", "source": "where it comes from", "citation": "how to cite it"}


def _target_text(columns: list[str], g: Guess) -> str:
    options = dict(g.options)
    if len(columns) == 1 and not options:
        return f"{{{g.kind}: {_q(columns[0])}}}"
    inner = {"columns": columns if len(columns) > 1 else columns[0], **options}
    return _q({g.kind: inner})


def _modality(name: str, key: str, g: Guess) -> str:
    options: dict[str, Any] = dict(g.options)
    if key != name and "prefix" not in options:
        options = {"column": name, **options}
    return _q({g.kind: options}) if options else g.kind


def _safe(name: str, taken: set[str]) -> str:
    """A name that a file can have, of a modality's arrays, and that no other has."""
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "column"
    names = (plain, *(f"{plain}_{n}" for n in range(2, len(taken) + 3)))
    return next(candidate for candidate in names if candidate not in taken)


def _q(value: Any) -> str:
    """As YAML in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def _line(text: str, comment: str, *, sure: bool = True) -> str:
    """A line of YAML with its comment, which must not break it."""
    plain = " ".join(quote(comment).split())
    return f"{text.ljust(44)}{'  # ' if sure else UNSURE}{plain}"
