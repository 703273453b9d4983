"""A first card for a folder of files, drafted from what lies in it: a person reads it, mends it, and has a data set."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mmbench.data.draft import folder_layout, guess, look_inside, path_files, split_folders, tables
from mmbench.data.draft.card_text import UNSURE, commented, in_line, modality_text, safe_name, target_text
from mmbench.data.draft.folder_files import Role
from mmbench.data.draft.guess import Guess
from mmbench.data.draft.join_files import as_csv, join
from mmbench.data.draft.numbered import choose_target
from mmbench.data.draft.path_offer import Paths, paths_of
from mmbench.data.draft.table_offer import KEY, offer
from mmbench.data.draft.tables import Tables
from mmbench.data.files.endings import SUFFIXES, TABLES, is_table
from mmbench.data.files.folder import Contents, contents
from mmbench.data.files.left_out import LeftOut, Passed
from mmbench.data.files.source import Root, several
from mmbench.data.files.unlisted_files import columns_left_out, left_out, named_elsewhere
from mmbench.data.table import families, rows
from mmbench.data.table.card import SPLIT_NAMES
from mmbench.data.table.findings import quote
from mmbench.errors import UserError

FREE = {"licence": "under which you may use it", "source": "where it comes from", "citation": "how to cite it"}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """card: the text of dataset.yaml. manifest: the text of manifest.csv, where the folder has no table of its own.

    guesses: what was decided, in sentences. unsure: what a person should look at. samples: how many. unused: files and
    columns that are not used. joined: whether the manifest has the rows of a table, key: its column that names them.
    others: as what else the levels of folders could be read. named: what columns of files say; passed: the files that
    were looked at and left out. several: rows of the manifest, counted from 0, that could mean several files -> these.
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
    several: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Hints:
    """What is known beside a table's columns. lies: in the folder. known: guesses of columns. passed: files that were
    looked at and left out. tables: the person's own that are read. paths: modalities whose files have names of
    columns."""

    lies: Contents
    known: Mapping[str, Guess] = field(default_factory=dict)
    unsure: tuple[str, ...] = ()
    passed: tuple[Passed, ...] = ()
    tables: tuple[str, ...] = ()
    joined: bool = False
    key: str | None = None
    others: tuple[tuple[Role, ...], ...] = ()
    paths: Paths = field(default_factory=Paths)
    several: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def draft(folder: Path, *, root: str, without: str = "", folders: Sequence[Role] | None = None) -> Draft:
    """Look at the files and tables in a folder. root: as the card is to name the folder. without: a file that is passed
    over. folders: what the levels of folders are, where a person says it.

    Raises UserError where there is nothing to go by, DataError where a table cannot be read.
    """
    place = Root(folder)
    lies = contents(folder)
    files = [f for f in lies.files if f != without]
    lies = Contents(files=files, passed=lies.passed, damaged=lies.damaged)
    given, said = tables.find(files, place)
    if given is not None and folders is not None:
        raise UserError(
            f"{folder} has a table, {quote(given.name)}, whose rows are samples; --folders is for a folder without one"
        )
    if given is not None:
        return _from_tables(given, place, root, lies, said)
    found = folder_layout.samples(files, folders, tables=look_inside.tables_of_numbers(files, place))
    if found is None:
        for file, error in lies.damaged.items():
            raise UserError(f"{folder / file}: {error}")
        kinds, forms = ", ".join(SUFFIXES), ", ".join((*TABLES, tables.JSON))
        there = [str(line) for line in left_out(lies, named=(), passed=lies.passed)]
        nothing = f"{folder} holds neither a table ({forms}) nor files that mmbench reads ({kinds})"
        raise UserError("\n".join([nothing, *said, *there]))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([found.header, *found.rows])
    made = rows.read("manifest.csv", io.BytesIO(text.getvalue().encode()), header=True)
    asked = [*found.unsure, *(f"  read otherwise: `--force --folders {'/'.join(r)}`" for r in found.others)]
    hints = _Hints(lies=lies, known=found.known, unsure=tuple(asked), passed=found.passed, others=found.others)
    return _write(made, place, root, hints, manifest=text.getvalue(), notes=[*found.notes, *said])


def _from_tables(given: Tables, place: Root, root: str, lies: Contents, notes: list[str]) -> Draft:
    notes = [*given.notes, *notes, *given.rows.findings.notes]
    if problems := given.rows.findings.problems():
        notes.append(f"{problems[0]}" + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""))
    if not len(given.rows):
        why = f": {problems[0]}" if problems else ""
        raise UserError(f"{place.folder / given.name} has no samples{why}")
    named = {name: guess.column(name, values, place) for name, values in given.rows.columns.items()}
    filed = [n for n, g in named.items() if g.role == "modality" and "below" not in g.why and g.kind != "text"]
    own = tuple(part.file for part in given.parts)
    given, said = _with_targets(given, named)
    notes += said
    found = tables.with_split_column(given.rows)
    cells = {v for values in given.rows.columns.values() for v in values if isinstance(v, str)}
    passed = tuple(Passed(f, "table") for f in lies.files if is_table(f) and f not in own and f not in cells)
    hints = _Hints(lies=lies, passed=passed, tables=own)
    joined = None if filed else join(found, lies.files)
    if not filed and (joined is None or joined.told < len(found)):
        # Of rows that one column does not tell apart, several may name the files.
        last = choose_target(given.rows, named)[1].columns
        others = [f for f in lies.files if f not in own]
        folders = split_folders.columns(found, others)
        asked = replace(found, columns=found.columns | folders)
        paths = paths_of(path_files.find(asked, others, (*last, *folders)), asked, place)
        found = replace(found, columns=found.columns | {n: v for n, v in folders.items() if n in paths.keys})
        # Where one column does so, several files of a name are a person's to choose from.
        if paths.told > (0 if joined is None else joined.told) and (joined is None or len(paths.keys) > 1):
            hints = replace(hints, paths=paths)
            if not paths.keys - given.rows.columns.keys():
                return _write(given.rows, place, root, hints, manifest=None, notes=notes, given=given)
            text = as_csv(found.columns)
            made = rows.read("manifest.csv", io.BytesIO(text.encode()), header=True)
            who = "folders" if paths.keys & folders.keys() else "names of the tables"
            said = [f"{given.name}: the {who} say splits; written into a manifest.csv of its own"]
            return _write(made, place, root, hints, manifest=text, notes=[*notes, *said])
    if joined is not None:
        made = rows.read("manifest.csv", io.BytesIO(joined.text.encode()), header=True)
        hints = replace(hints, joined=True, key=joined.key, several=joined.several)
        how = [f"{given.name}: {note}" for note in joined.notes]
        return _write(made, place, root, hints, manifest=joined.text, notes=[*notes, *how])
    told = given.rows.splits is None and not any(g.role == "split" for g in named.values())
    if told and (splits := tables.splits_of_paths(given.rows, filed)) is not None:
        text = as_csv(given.rows.columns | {"split": splits})
        made = rows.read("manifest.csv", io.BytesIO(text.encode()), header=True)
        said = [f"{given.name}: the folders of its files name splits; written into a manifest.csv of its own"]
        return _write(made, place, root, hints, manifest=text, notes=[*notes, *said])
    return _write(given.rows, place, root, hints, manifest=None, notes=notes, given=given)


def _with_targets(given: Tables, guesses: Mapping[str, Guess]) -> tuple[Tables, list[str]]:
    """Without the tables of a split whose labels are kept back, as those of a competition's test are."""
    columns = choose_target(given.rows, guesses)[1].columns
    if not (gone := tables.unlabelled(given, columns)):
        return given, []
    kept = given.without(gone)
    named = {p.file: p.split for p in kept.parts}
    moved = [p.file for p in given.parts if p.split == "validation" and named.get(p.file) == "test"]
    said = f"{', '.join(gone)} has no {', '.join(map(quote, columns))} and is left out"
    said += f"; {', '.join(moved)} is the test in its place, and a validation is cut from train" if moved else ""
    return kept, [said]


def _in_several_splits(found: rows.Rows, guesses: Mapping[str, Guess]) -> list[str]:
    """The columns guessed as groups of which one value has samples in several of the splits that are given."""
    named = [n for n, g in guesses.items() if g.role == "split"]
    given: Sequence[object] | None = found.splits or (found.columns[named[0]] if named else None)
    if given is None:
        return []
    torn = []
    for name in [n for n, g in guesses.items() if g.role == "group"]:
        seen: dict[object, set[str]] = {}
        for value, split in zip(found.columns[name], given, strict=True):
            word = str(split).strip().lower()
            if value not in (None, "") and word:
                seen.setdefault(value, set()).add(SPLIT_NAMES.get(word, word))
        torn += [name] if any(len(splits) > 1 for splits in seen.values()) else []
    return torn


def _write(
    found: rows.Rows,
    place: Root,
    root: str,
    hints: _Hints,
    *,
    manifest: str | None,
    notes: Iterable[str],
    given: Tables | None = None,
) -> Draft:
    guesses = {n: hints.known.get(n) or guess.column(n, values, place) for n, values in found.columns.items()}
    guesses |= {n: replace(guesses[n], kind="") for n in hints.paths.keys if guesses[n].role == "unused"}
    numbered, choice = choose_target(found, guesses)
    vectors, inside = numbered.vectors, numbered.inside
    modalities = {n: g for n, g in guesses.items() if g.role == "modality" and n not in inside}
    for prefix, columns in vectors.items():
        why = f"{len(columns)} columns of numbers"
        modalities[prefix] = Guess(role="modality", kind="vector", why=why, options=(("prefix", prefix),))
    modalities |= hints.paths.modalities
    target = choice.columns, choice.guess
    modalities = {n: g for n, g in modalities.items() if n not in target[0]}
    lines, unsure = [], [*notes, *hints.unsure]
    table = "manifest.csv" if given is None else families.as_manifest(given.parts)
    lines += [commented(f"manifest: {in_line(table)}", f"{len(found)} samples, one a row", sure=isinstance(table, str))]
    if found.headless:
        lines += [commented("header: false", f"the first line is a sample: {found.headless}", sure=False)]
    lines += [commented(f"root: {in_line(root)}", "files are read from here, and nothing outside it")]
    lines += ["columns:" if modalities else "columns: {}" + UNSURE + "no column names files, texts or vectors"]
    said = []
    keys: set[str] = set()
    for name, g in modalities.items():
        key = safe_name(name, keys)
        keys.add(key)
        lines.append(commented(f"  {in_line(key)}: {modality_text(name, key, g)}", g.why, sure=g.sure))
        said.append(f"{name}: {g.kind} ({g.why})")
        if name not in hints.paths.modalities:
            unsure += [] if g.sure else [f"is {name} really {g.kind}? ({g.why})"]
    unsure += hints.paths.questions
    unsure += [] if modalities else ["no modality was found: name one under `columns`"]
    used = {*modalities, *target[0], *inside, *hints.paths.keys}
    unused = {n: g for n, g in guesses.items() if g.role == "unused" and n not in used}
    if (offered := offer(found, unused, keys)) is not None:
        lines.append(commented(f"  # {KEY}: {in_line(offered.card)}", "inputs too? then uncomment", sure=False))
        unsure.append(offered.question)
    lines.append(commented(f"target: {target_text(*target)}", target[1].why, sure=target[1].sure))
    said.append(f"target: {', '.join(target[0])}, {target[1].kind} ({target[1].why})")
    unsure += [] if target[1].sure else [f"is {', '.join(target[0])} the target, and is it a {target[1].kind}?"]
    unsure += [f"  it could also be `target: {target_text(*other)}` ({other[1].why})" for other in choice.others]
    torn = _in_several_splits(found, guesses)
    for role, what in (("split", "given splits are kept"), ("group", "samples of one group stay in one split")):
        named = [n for n, g in guesses.items() if g.role == role and n not in target[0]]
        if role == "split" and found.splits is not None:
            # The tables say it.
            continue
        if role == "group" and named and named[0] in torn:
            lines.append(
                commented(f"# group: {in_line(named[0])}", "stands in several of the given splits", sure=False)
            )
            continue
        why = f"{what} ({guesses[named[0]].why})" if named else f"a column; {what}"
        text = f"{role}: {in_line(named[0])}" if named else f"# {role}: column"
        lines.append(commented(text, why, sure=not named or (role == "split" and guesses[named[0]].sure)))
        said += [f"{role}: {named[0]} ({guesses[named[0]].why})"] if named else []
        if role == "split" and named and not guesses[named[0]].sure:
            known = "train, validation, valid, val, dev, test"
            unsure.append(f"{quote(named[0])} has other words than {known}, or mistyped ones; `check` names their rows")
    if ids := [n for n, g in guesses.items() if g.role == "id"]:
        lines.append(commented(f"id: {in_line(ids[0])}", "no two samples may have the same"))
    lines.append(commented("splits: {validation: 0.15, test: 0.15, seed: 0}", "where the table leaves the split open"))
    idle = {p: own for p, own in numbered.targets.items() if own != target[0]} | numbered.broken
    lines += [f"# not used: {quote(own[0])} to {quote(own[-1])} ({len(own)} columns)" for own in idle.values()]
    for prefix, own in numbered.broken.items():
        others = [n for n in found.columns if n.startswith(prefix) and n not in own]
        unsure.append(
            f"{quote(own[0])} to {quote(own[-1])} may be one vector, but {quote(others[0])} begins so too: rename it, "
            f"and name them as `{{vector: {{prefix: {quote(prefix)}}}}}`"
        )
    # True before and after that line is uncommented.
    told = {n: f"in `{KEY}` alone" if offered is not None and n in offered.columns else "not used" for n in unused}
    lines += [f"# {told[n]}: {quote(n)} ({quote(g.why)})" for n, g in unused.items()]
    repeated = [n for n in found.columns if n in unused or (n in hints.paths.keys and guesses[n].role == "unused")]
    possible = [n for n in repeated if 1 < len({str(v) for v in found.columns[n]}) <= len(found) // 2]
    if torn and not set(torn) & set(target[0]):
        one = quote(torn[0])
        unsure.append(
            f"samples of one {one} stand in several of the given splits, so {one} is no group here. If the model must "
            f"work for a new {one}: leave the given splits out and name it as `group`"
        )
    elif grouped := [n for n, g in guesses.items() if g.role == "group" and n not in target[0]]:
        others = [n for n in [*grouped[1:], *possible] if guesses[n].kind != "number" or n in grouped]
        instead = f" Or is it {', '.join(map(quote, others))}?" if others else ""
        unsure.append(f"do samples with one {quote(grouped[0])} belong together, in one split?{instead}")
    else:
        candidates = f" ({', '.join(map(quote, possible))}?)" if possible else ""
        ask = f"do samples belong together (one speaker, one subject)? then name the column{candidates} as `group`"
        unsure.append(ask)
    head = [
        "# Drafted by `mmbench data init`; a `?` marks what it is not sure of. docs/your-data.md explains every field.",
        commented("description: ''", "a sentence for the report"),
    ]
    foot = [commented(f"{key}: ''", why) for key, why in FREE.items()]
    card = "\n".join(line for line in [*head, *lines, *foot]) + "\n"
    cells = {v for n in modalities for v in found.columns.get(n, []) if isinstance(v, str)}
    named_files = cells | {path for cell in cells for path in several(cell)}
    named_files |= hints.paths.files
    taken = {*named_files, *hints.tables}
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
        unused=(*left, *columns_left_out(list(unused), "manifest.csv" if given is None else given.name)),
        joined=hints.joined,
        key=hints.key,
        others=hints.others,
        named=frozenset(named_files),
        passed=hints.passed,
        several=hints.several,
    )
