"""A folder of files without a table -> the rows of one: which files are one sample, and what their names say of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mmbench.data.draft import folder_columns, folder_roles, folder_words, name_views
from mmbench.data.draft.folder_columns import Columns
from mmbench.data.draft.folder_files import File, Role, files_of
from mmbench.data.draft.folder_roles import Roles
from mmbench.data.draft.guess import Guess
from mmbench.data.files.endings import kind_below, kind_of
from mmbench.data.files.left_out import Passed
from mmbench.data.table.manifest import SPLITS
from mmbench.errors import UserError

MOST_FILES = 5_000_000
FEW_TEXTS = 0.1
"""Texts of which there are so few, against other files, that they may be notes."""
RESERVED = ("label", "split", "group")
KINDS = ("image", "video", "audio", "text", "vector")

_COPY = re.compile(r"(.+?)[ _-]?(?:\(\d+\)|[Cc]opy(?: ?\d+)?)")
"""How systems call a second copy: `t1 (1)`, `t1 copy`."""

Cells = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """header and rows of a manifest. kinds: of the columns that name files. notes: what was guessed. unsure: what to
    ask; others: as what else the folders could be read. known: what is guessed of columns. passed: files left out."""

    header: tuple[str, ...]
    rows: list[list[str]]
    kinds: Mapping[str, str]
    notes: tuple[str, ...]
    unsure: tuple[str, ...] = ()
    others: tuple[tuple[Role, ...], ...] = ()
    known: Mapping[str, Guess] = field(default_factory=dict)
    passed: tuple[Passed, ...] = ()


def samples(
    paths: Sequence[str], roles: Sequence[Role] | None = None, *, tables: Collection[str] = ()
) -> Samples | None:
    """Group files into samples: those of one name in several kinds (a.png, a.wav), in one folder or in parallel ones
    (images/a.png, sounds/a.wav; left/a.png, right/a.png). None where no file is of a known kind.

    roles: of the levels of folders, from the outermost that differs, where a person names them. tables: files among
    them that are tables of numbers, a sample each.
    """
    numbers = frozenset(tables)
    passed = [Passed(f, "name") for f in paths if not _writable(f)]
    files = files_of([f for f in paths if (kind_of(f) is not None or f in numbers) and _writable(f)])
    if not files:
        return None
    files, suspects = _without_suspects(files)
    if roles is not None:
        files, read = _given(files, roles)
    else:
        files, read = _guessed(files)
    read, files, outside = _with_class(read, files, guessed=roles is None)
    passed += outside
    groups, doubles = _grouped(files, read)
    late, stray = _brought_back(suspects, groups, read)
    for key in _lone_texts(groups, read):
        stray += groups.pop(key).cells.values()
    passed += [*doubles, *late, *(Passed(path, "stray") for path in stray)]
    return _made(list(groups.values()), read, passed)


def _writable(path: str) -> bool:
    """Whether a file's name is text: it may be any bytes."""
    return path.isprintable() and not any("\ud800" <= c <= "\udfff" for c in path)


def _without_suspects(files: Sequence[File]) -> tuple[list[File], list[File]]:
    """Texts that may be notes to the reader apart: they must not decide what folders are."""
    texts = [f for f in files if f.kind == "text"]
    others = len(files) - len(texts)
    few = bool(others) and len(texts) < FEW_TEXTS * others
    suspects = [f for f in texts if few or folder_words.is_note(f.path)]
    if not others and len(suspects) >= FEW_TEXTS * len(files):
        return list(files), []  # Nothing but texts: `class_1` is a name as good as any.
    doubted = {f.path for f in suspects}
    # What the rest shares of its folders may be more.
    return files_of([f.path for f in files if f.path not in doubted]), suspects


def _given(files: list[File], roles: Sequence[Role]) -> tuple[list[File], Roles]:
    """As a person says it. Raises UserError where there are fewer levels than roles."""
    depth = max((len(f.folders) for f in files), default=0)
    if len(roles) == depth + 1 and (parted := name_views.apart(files)) is not None:
        files, depth = parted, depth + 1
    if len(roles) > depth:
        raise UserError(
            f"--folders {'/'.join(roles)} names {len(roles)} levels, and the files lie in {depth} that differ"
        )
    return files, Roles(roles=(*roles, *["-"] * (depth - len(roles))))  # type: ignore[arg-type]


def _guessed(files: list[File]) -> tuple[list[File], Roles]:
    """What the folders are; where a word in the names may be one more level, with that."""
    plain, parted = folder_roles.guess(files), name_views.apart(files)
    if parted is None or plain.by_name or plain.level("modality") is not None:
        return files, plain
    named = [f for f in parted if f.name]
    read, last = folder_roles.guess(named), max(len(f.folders) for f in named) - 1
    words = sorted({f.folders[-1] for f in named})
    roles = (*plain.roles, "modality")
    if read.level("modality") == last and (read.levels("class") or folder_words.are_views(words)):
        ask = f"files whose names differ in {', '.join(words)} are taken for modalities of one sample: are they?"
        asked = (ask, *(text for text in read.unsure if "hold files of the same names" not in text))
        apart: tuple[Role, ...] = (*read.roles[:-1], "-")
        return parted, replace(read, unsure=asked, others=(apart, *(r for r in read.others if r[-1] == "modality")))
    if not plain.levels("class"):
        # Of `cat_7` and `dog_7` the word is the class.
        return files, plain
    ask = f"the names of files differ in {', '.join(words)}: are these modalities of one sample each?"
    return files, replace(plain, unsure=(*plain.unsure, ask), others=(*plain.others, roles))


def _with_class(read: Roles, files: list[File], *, guessed: bool) -> tuple[Roles, list[File], list[Passed]]:
    """Without the files that lie outside the class folders, where there are such folders and they hold the most."""
    levels, split = read.levels("class"), read.level("split")
    trains = [f for f in files if split is None or SPLITS.get(f.at(split).lower()) == "train"]
    if levels and not read.by_stem:
        taught = {f.at(levels[0]) for f in trains}
        lost = {f.path for f in files if not f.at(levels[0]) or _is_no_class(f.at(levels[0]), taught)}
    elif guessed and not read.by_name and split is not None and not read.levels("group"):
        # Of test/1.png nobody knows the class where train/cat.1.png has it in its name.
        lost = {f.path for f in files if SPLITS.get(f.at(split).lower()) == "test"}
        if folder_columns.in_names([f.stem for f in files]) or not folder_columns.in_names([f.stem for f in trains]):
            return read, files, []
    else:
        return read, files, []
    inside, outside = [f for f in files if f.path not in lost], [f for f in files if f.path in lost]
    if not outside:
        return read, files, []
    unlabelled = all(split is not None and SPLITS.get(f.at(split).lower()) != "train" for f in outside)
    if not guessed or unlabelled or len(inside) >= len(outside):
        # Where names have been read, nothing is left to guess.
        again = folder_roles.guess(inside) if guessed and not any(f.name for f in files) else read
        texts = {f.kind for f in inside} != {"text"}
        why = [Passed(f.path, "stray" if texts and f.kind == "text" else "no class") for f in outside]
        return again, inside, why
    ask = "most files lie outside the sub-folders, which are therefore not taken for classes"
    return replace(read, roles=tuple("-" if r == "class" else r for r in read.roles), unsure=(ask,)), files, []


def _is_no_class(name: str, taught: set[str]) -> bool:
    """Whether a folder beside those of classes only holds what has none: val/images among train/cat, train/dog."""
    return name not in taught and folder_words.are_views({name})


@dataclass(kw_only=True)
class _Group:
    """The files of one sample, and the first of them."""

    first: File
    cells: Cells


def _key(f: File, read: Roles) -> tuple[str, ...]:
    if read.by_name:
        return f.folders
    return (f.stem,) if read.by_stem else f.key(read.level("modality"))


def _view(f: File, read: Roles) -> str:
    """Which of a sample's views a file is, by its folder or its name; "" where kinds alone part them."""
    level = read.level("modality")
    return f.stem if read.by_name else "" if level is None else f.at(level)


def _slots(files: Sequence[File], read: Roles) -> dict[tuple[str, str], str]:
    """(view, kind) -> column: the kind, or the view's name where several have files of one kind."""
    pairs = sorted({(_view(f, read), f.kind) for f in files})
    folders = Counter(kind for _, kind in pairs)
    kinds = Counter(folder for folder, _ in pairs)
    found: dict[tuple[str, str], str] = {}
    for folder, kind in pairs:
        name = kind if folders[kind] == 1 or not folder else folder if kinds[folder] == 1 else f"{folder}_{kind}"
        found[folder, kind] = name if name not in {*found.values(), *RESERVED} else f"{folder}_{kind}"
    return found


def _grouped(files: Sequence[File], read: Roles) -> tuple[dict[tuple[str, ...], _Group], list[Passed]]:
    """Files by what they share of their names; those that are a second one of their column."""
    doubles = []
    if read.by_name:
        stems = {f.stem for f in files}
        copies = {f.path for f in files if (m := _COPY.fullmatch(f.stem)) is not None and m[1] in stems}
        doubles += [Passed(path, "double") for path in sorted(copies)]
        files = [f for f in files if f.path not in copies]
    slots = _slots(files, read)
    groups: dict[tuple[str, ...], _Group] = {}
    for f in files:
        group = groups.setdefault(_key(f, read), _Group(first=f, cells={}))
        if len(f.folders) > len(group.first.folders):
            group.first = f
        slot = slots[_view(f, read), f.kind]
        if slot in group.cells:
            doubles.append(Passed(f.path, "double"))
        else:
            group.cells[slot] = f.path
    return groups, doubles


def _brought_back(
    suspects: Sequence[File], groups: Mapping[tuple[str, ...], _Group], read: Roles
) -> tuple[list[Passed], list[str]]:
    """Suspects that have the name of a sample become its text; the others are notes."""
    if not suspects:
        return [], []
    some = next(iter(groups.values())).first
    same = len(some.path.split("/")) - 1 - (len(some.folders) - bool(some.name))
    late, stray = [], []
    for f in suspects:
        moved = File(f.path, tuple(f.path.split("/")[same:-1]))
        group = groups.get(_key(moved, read))
        if group is None:
            stray.append(f.path)
        elif "text" in group.cells:
            late.append(Passed(f.path, "double"))
        else:
            group.cells["text"] = f.path
    return late, stray


def _lone_texts(groups: Mapping[tuple[str, ...], _Group], read: Roles) -> list[tuple[str, ...]]:
    """Samples that are a text alone among others that are not: notes, unless called as the texts of samples are."""
    texts = {key: g for key, g in groups.items() if all(kind_below(path) == "text" for path in g.cells.values())}
    if not texts or len(texts) == len(groups):
        return []
    rest = [g for key, g in groups.items() if key not in texts]
    company = [g for g in rest if any(kind_below(path) == "text" for path in g.cells.values())]
    if company:
        forms = Counter(folder_words.form(g.first.stem) for g in company)
        # Where every sample has a name of its own, a name tells nothing.
        counted = len(forms) <= len(company) / 2
        return [
            key
            for key, g in texts.items()
            if folder_words.is_note(g.first.path) or (counted and folder_words.form(g.first.stem) not in forms)
        ]
    if read.level("modality") is not None or len(texts) >= len(groups) / 2:
        return []
    return list(texts)


def _made(groups: Sequence[_Group], read: Roles, passed: Sequence[Passed]) -> Samples:
    firsts = [g.first for g in groups]
    slots = sorted({slot for g in groups for slot in g.cells}, key=lambda slot: _order(slot, groups))
    kinds = {slot: next(kind_below(g.cells[slot]) or "" for g in groups if slot in g.cells) for slot in slots}
    table = Columns(notes=list(read.notes), unsure=list(read.unsure))
    if not table.notes and any(len(g.cells) > 1 for g in groups):
        table.notes.append("files of one name are one sample")
    folder_columns.read(firsts, read, table)
    if "label" not in table.columns:
        table.notes.append("the names say no target: fill in the column `label`")
        table.columns["label"] = [""] * len(groups)
    if (read.level("modality") is not None and read.unsure) or read.by_name:
        for slot in slots:
            if slot not in KINDS and kinds[slot] != "vector":
                options = (("files", True),) if kinds[slot] == "text" else ()
                why = f"{kinds[slot]} files of {'the name' if read.by_name else 'the folder'} {slot}"
                table.known[slot] = Guess(role="modality", kind=kinds[slot], why=why, sure=False, options=options)
    extra = list(table.columns)
    rows = [
        [*(g.cells.get(slot, "") for slot in slots), *(table.columns[name][i] for name in extra)]
        for i, g in enumerate(groups)
    ]
    return Samples(
        header=(*slots, *extra),
        rows=rows,
        kinds=kinds,
        notes=tuple(table.notes),
        unsure=tuple(table.unsure),
        others=read.others,
        known=table.known,
        passed=tuple(passed),
    )


def _order(slot: str, groups: Sequence[_Group]) -> tuple[int, str]:
    kind = next(kind_below(g.cells[slot]) or "" for g in groups if slot in g.cells)
    return KINDS.index(kind), slot
