"""What each level of folders says of the files below: their split, class, modality, or whom they belong to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Literal, get_args

from mmbench.data.draft import folder_words as words
from mmbench.data.files.endings import kind_of, stem_of
from mmbench.data.table.manifest import SPLITS
from mmbench.errors import UserError, suggest

Role = Literal["split", "class", "modality", "group", "-"]
MOST_VIEWS, FEW_VIEWS = 8, 4
NEARLY, MOSTLY, SOME = 0.95, 0.8, 0.5
"""Shares of the samples that are in every folder of a level, or of the files that a rule holds for."""


@dataclass(frozen=True)
class File:
    """path: relative. folders: those that it lies in, without the outermost ones that all files share."""

    path: str
    folders: tuple[str, ...]

    @cached_property
    def kind(self) -> str:
        return kind_of(self.path) or ""

    @cached_property
    def stem(self) -> str:
        return stem_of(self.path)

    def at(self, level: int) -> str:
        return self.folders[level] if level < len(self.folders) else ""

    def key(self, without: int | None) -> tuple[str, ...]:
        """What the files of one sample share: folders but one, and the name."""
        rest = self.folders if without is None else self.folders[:without] + self.folders[without + 1 :]
        return (*rest, self.stem)


@dataclass(frozen=True, kw_only=True)
class Roles:
    """roles: of the levels of folders, from the outermost. unsure: what to ask about them; others: as what else they
    could be read. by_stem: whether files are one sample by their name alone, wherever they lie. outermost: whether, of
    several levels of classes, the outermost folder that has files in it is the class."""

    roles: tuple[Role, ...]
    unsure: tuple[str, ...] = ()
    others: tuple[tuple[Role, ...], ...] = ()
    by_stem: bool = False
    outermost: bool = False
    notes: tuple[str, ...] = ()

    def level(self, role: Role) -> int | None:
        return self.roles.index(role) if role in self.roles else None

    def levels(self, role: Role) -> list[int]:
        return [i for i, r in enumerate(self.roles) if r == role]


def files_of(paths: Sequence[str]) -> list[File]:
    """Without the outermost folders that all files, but those that lie in none, share."""
    parents = [PurePosixPath(path).parts[:-1] for path in paths]
    deep = [p for p in parents if p]
    same = 0
    if deep:
        same = next((i for i, level in enumerate(zip(*deep, strict=False)) if len(set(level)) > 1), min(map(len, deep)))
    return [File(path, tuple(p[same:])) for path, p in zip(paths, parents, strict=True)]


def parse(text: str) -> tuple[Role, ...]:
    """`class/modality` -> roles. Raises UserError."""
    known = get_args(Role)
    roles = [word.strip() for word in text.strip().strip("/").split("/")]
    for role in roles:
        if role not in known:
            raise UserError(
                f"--folders: {role!r} is none of {', '.join(known)}{suggest(role, known)}; name what the folders are "
                "from the outermost, such as `class/modality`"
            )
    if twice := [role for role, count in Counter(roles).items() if count > 1 and role in ("split", "modality")]:
        raise UserError(f"--folders: {twice[0]} stands twice; only one level can be it")
    return tuple(roles)  # type: ignore[arg-type]


def guess(files: Sequence[File]) -> Roles:
    """What the levels are. files: of known kinds, without notes to the reader."""
    depth = max((len(f.folders) for f in files), default=0)
    roles: list[Role] = ["-"] * depth
    split = next((i for i in range(depth) if _is_split(files, i)), None)
    if split is not None:
        roles[split] = "split"
    found = _modality(files, [i for i in range(depth) if i != split])
    if found.level is not None:
        roles[found.level] = "modality"
    made = _classes(files, tuple(roles))
    asked = (*found.unsure, *made.unsure)
    others = tuple(dict.fromkeys(r for r in (*found.others(tuple(roles)), *made.others) if r != made.roles))
    return replace(made, unsure=asked, others=others, by_stem=found.by_stem, notes=found.notes)


def _is_split(files: Sequence[File], level: int) -> bool:
    """Folders of splits: train among them, and another."""
    values = Counter(f.at(level).lower() for f in files)
    named = {SPLITS[v] for v in values if v in SPLITS}
    share = sum(n for v, n in values.items() if v in SPLITS)
    return len(named) > 1 and "train" in named and share >= MOSTLY * values.total()


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The level of folders that are modalities, if there is one. maybe: one that could be it, but is not taken."""

    level: int | None = None
    maybe: int | None = None
    unsure: tuple[str, ...] = ()
    by_stem: bool = False
    notes: tuple[str, ...] = ()

    def others(self, roles: tuple[Role, ...]) -> list[tuple[Role, ...]]:
        if self.level is not None and self.unsure:
            return [_with(roles, self.level, "class")]
        return [_with(roles, self.maybe, "modality")] if self.maybe is not None else []


def _with(roles: tuple[Role, ...], level: int, role: Role) -> tuple[Role, ...]:
    return (*roles[:level], role, *roles[level + 1 :])


def _modality(files: Sequence[File], levels: Sequence[int]) -> _Found:
    """Folders of kinds of files before folders of views; names in common decide."""
    tried = [_kinds_apart(files, level) for level in levels]
    apart = sorted((f for f in tried if f is not None), key=lambda f: f.unsure != ())
    if apart:
        return apart[0]
    maybe = None
    for level in levels:
        values = _values(files, level)
        if not 2 <= len(values) <= MOST_VIEWS or "" in values:
            continue
        shared = _shared(files, level)
        named = ", ".join(values[:5])
        if shared >= SOME and words.are_views(values):
            ask = f"the folders {named} hold files of the same names, and are taken for modalities: are they?"
            return _Found(level=level, unsure=(ask,))
        running = all(words.are_running(stems) for stems in _stems(files, level))
        if shared >= MOSTLY and not running:
            ask = f"the folders {named} hold files of the same names, and are taken for modalities: are they classes?"
            return _Found(level=level, unsure=(ask,))
        if shared >= NEARLY and len(values) <= FEW_VIEWS and maybe is None:
            maybe = level
    if maybe is None:
        return _Found()
    named = ", ".join(_values(files, maybe))
    ask = f"the folders {named} hold files of the same names: are they views of one sample each, not classes?"
    return _Found(maybe=maybe, unsure=(ask,))


def _values(files: Sequence[File], level: int) -> list[str]:
    return sorted({f.at(level) for f in files})


def _shared(files: Sequence[File], level: int) -> float:
    """The share of samples that are in every folder of a level."""
    keys: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for f in files:
        keys[f.key(level)].add(f.at(level))
    count = len(_values(files, level))
    return sum(len(v) == count for v in keys.values()) / len(keys)


def _stems(files: Sequence[File], level: int) -> list[list[str]]:
    """The names in each innermost folder."""
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for f in files:
        found[f.folders].append(f.stem)
    return list(found.values())


def _kinds_apart(files: Sequence[File], level: int) -> _Found | None:
    """A level each folder of which has files of one kind, and all together several."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for f in files:
        kinds[f.at(level)].add(f.kind)
    if not 2 <= len(kinds) <= MOST_VIEWS or any(len(k) > 1 for k in kinds.values()):
        return None
    if len(set.union(*kinds.values())) < 2:
        return None
    named = ", ".join(v for v in sorted(kinds) if v)
    if any(len(same) > 1 and _shared(same, level) < SOME for same in _by_kind(files)):
        # Several folders of one kind with names of their own are classes, whatever lies in another.
        return None
    keys: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for f in files:
        keys[f.key(level)].add(f.at(level))
    if any(len(v) > 1 for v in keys.values()):
        return _Found(level=level, notes=(f"files of one name in {named} are one sample",))
    if "" in kinds:
        return None
    stems = {v: Counter(f.stem for f in files if f.at(level) == v) for v in kinds}
    least, *more = sorted(stems.values(), key=len)
    if all(max(c.values()) == 1 for c in stems.values()) and all(len(least & c) >= SOME * len(least) for c in more):
        note = f"files of one name in {named} are one sample, whatever other folders they lie in"
        return _Found(level=level, by_stem=True, notes=(note,))
    ask = f"the folders {named} hold one kind of file each, and no names in common: are they modalities, of no pairs?"
    return _Found(level=level, unsure=(ask,))


def _by_kind(files: Sequence[File]) -> list[list[File]]:
    """The files of each kind."""
    found: dict[str, list[File]] = defaultdict(list)
    for f in files:
        found[f.kind].append(f)
    return list(found.values())


def _classes(files: Sequence[File], roles: tuple[Role, ...]) -> Roles:
    """The levels that are left: classes, and codes of persons and recordings."""
    values = {i: {f.at(i) for f in files} - {""} for i, role in enumerate(roles) if role == "-"}
    left = [i for i, names in values.items() if len(names) > 1]
    if not left:
        return Roles(roles=roles)
    persons = [i for i in left if words.are_persons(values[i])]
    plain = [i for i in left if i not in persons]
    coded = [i for i in plain[1:] if _is_recording(files, i, plain[0], values[i], len(values[plain[0]]))]
    classes = [i for i in plain if i not in coded]
    made = list(roles)
    for i in (*persons, *coded):
        made[i] = "group"
    if not classes:
        return _only_persons(tuple(made), values, persons)
    if len(classes) > 1 and any(f.at(classes[-1]) == "" for f in files):
        for i in classes:
            made[i] = "class"
        ask = "classes lie at different depths: the outermost folder with files in it is taken as the class"
        return Roles(roles=tuple(made), unsure=(ask,), others=(_one_class(made, classes[0]),), outermost=True)
    label = classes[-1]
    made[label] = "class"
    asked: list[str] = []
    others: list[tuple[Role, ...]] = []
    if not coded and len(left) == 1 and words.are_recordings(values[label]):
        shown = ", ".join(sorted(values[label])[:3])
        asked.append(f"the folders ({shown}, ...) look like recordings: are they the classes?")
        others.append(_with(tuple(made), label, "group"))
    kinds: dict[str, set[str]] = defaultdict(set)
    for f in files:
        kinds[f.at(label)].add(f.kind)
    usual = Counter(f.kind for f in files).most_common(1)[0][0]
    if other := sorted(name for name, held in kinds.items() if usual not in held):
        asked.append(f"the folder {other[0]} holds no {usual} file, unlike others: is it a class?")
    if coded:
        shown = ", ".join(sorted(values[coded[-1]])[:3])
        asked.append(f"folders such as {shown} are taken for recordings, which keep together, not for classes")
        others.append(_with(_with(tuple(made), label, "-"), coded[-1], "class"))
    if len(classes) > 1:
        outer, inner = (", ".join(sorted(values[i])[:3]) for i in (classes[-2], label))
        asked.append(f"the inner folders ({inner}, ...) are taken as the classes, not the outer ones ({outer}, ...)")
        others += [_with(_with(tuple(made), label, "-"), i, "class") for i in classes[:-1]]
    return Roles(roles=tuple(made), unsure=tuple(asked), others=tuple(others))


def _one_class(roles: Sequence[Role], level: int) -> tuple[Role, ...]:
    return tuple("class" if i == level else "-" if r == "class" else r for i, r in enumerate(roles))


def _is_recording(files: Sequence[File], level: int, outer: int, values: set[str], classes: int) -> bool:
    """Whether the folders of a level are films or sessions within classes, by their names."""
    if words.are_recordings(values):
        return True
    pairs = {(f.at(outer), f.at(level)) for f in files if f.at(level)}
    if not words.are_codes(values, classes) or len(pairs) < 2 * classes:
        return False
    # Digits below each of several fonts are classes; frames of films are counted from the first in each.
    crossed = len(pairs) == len(values) * classes
    return not crossed or all(words.are_running(stems) for stems in _stems(files, level))


def _only_persons(roles: tuple[Role, ...], values: dict[int, set[str]], persons: Sequence[int]) -> Roles:
    """Folders of persons and nothing else: the class is in the names of files, or is the person."""
    shown = ", ".join(sorted(values[persons[-1]])[:3])
    ask = f"the folders ({shown}, ...) look like persons, whose samples keep together: or are they the classes?"
    return Roles(roles=roles, unsure=(ask,), others=(_with(roles, persons[-1], "class"),))
