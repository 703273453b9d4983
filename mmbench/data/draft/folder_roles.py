"""What each level of folders says of the files below: their split, class, modality, or whom they belong to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from mmbench.data.draft import folder_views
from mmbench.data.draft import folder_words as words
from mmbench.data.draft.folder_files import MOSTLY, File, Role, names_by_folder, values_at, with_role
from mmbench.data.table.manifest import SPLITS
from mmbench.errors import UserError, suggest


@dataclass(frozen=True, kw_only=True)
class Roles:
    """roles: of the levels of folders, from the outermost. unsure: what to ask about them; others: as what else they
    could be read. by_stem: whether files are one sample by their name alone, wherever they lie. outermost: whether, of
    several levels of classes, the outermost folder that has files in it is the class. by_name: whether the innermost
    folder is the sample, and the names of its files are modalities."""

    roles: tuple[Role, ...]
    unsure: tuple[str, ...] = ()
    others: tuple[tuple[Role, ...], ...] = ()
    by_stem: bool = False
    outermost: bool = False
    by_name: bool = False
    notes: tuple[str, ...] = ()

    def level(self, role: Role) -> int | None:
        return self.roles.index(role) if role in self.roles else None

    def levels(self, role: Role) -> list[int]:
        return [i for i, r in enumerate(self.roles) if r == role]


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
    if folder_views.in_names(files):
        return _named_views(files, tuple(roles))
    found = folder_views.find(files, [i for i in range(depth) if i != split])
    if found.level is not None:
        roles[found.level] = "modality"
    made = _classes(files, tuple(roles))
    asked = (*found.unsure, *made.unsure)
    others = tuple(dict.fromkeys(r for r in (*found.others(tuple(roles)), *made.others) if r != made.roles))
    return replace(made, unsure=asked, others=others, by_stem=found.by_stem, notes=found.notes)


def _named_views(files: Sequence[File], roles: tuple[Role, ...]) -> Roles:
    """Of folders that are a sample each: what the folders around them are."""
    outer = [File(f.path, f.folders[:-1]) for f in files]
    made = _classes(outer, roles[:-1])
    named = ", ".join(sorted({f.stem for f in files}))
    ask = f"the files {named} of a folder are taken for modalities of one sample: are they?"
    others = ((*made.roles, "group"), *((*r, "-") for r in made.others))
    return replace(made, roles=(*made.roles, "-"), unsure=(ask, *made.unsure), others=others, by_name=True)


def _is_split(files: Sequence[File], level: int) -> bool:
    """Folders of splits: train among them, and another."""
    values = Counter(f.at(level).lower() for f in files)
    named = {SPLITS[v] for v in values if v in SPLITS}
    share = sum(n for v, n in values.items() if v in SPLITS)
    return len(named) > 1 and "train" in named and share >= MOSTLY * values.total()


def _classes(files: Sequence[File], roles: tuple[Role, ...]) -> Roles:
    """The levels that are left: classes, and codes of persons and recordings."""
    values = {i: {f.at(i) for f in files} - {""} for i, role in enumerate(roles) if role == "-"}
    left = [i for i, names in values.items() if len(names) > 1]
    if not left:
        return Roles(roles=roles)
    persons = [i for i in left if words.are_persons(values[i])]
    if len(left) == 1 and words.are_recordings(values[left[0]]):
        persons = left
    plain = [i for i in left if i not in persons and not _of_persons(files, i, persons)]
    coded = [i for i in plain[1:] if _is_recording(files, i, plain[0], values[i], len(values[plain[0]]))]
    # Of a person's folders, `visit1` and `session2` are recordings also where no class is above them.
    coded += [i for i in plain[:1] if persons and words.are_recordings(values[i])]
    classes = [i for i in plain if i not in coded]
    made = list(roles)
    for i in left:
        made[i] = "-" if i in classes else "group"
    if not classes:
        return _only_persons(tuple(made), values, persons or coded)
    if len(classes) > 1 and any(f.at(classes[-1]) == "" for f in files):
        for i in classes:
            made[i] = "class"
        ask = "classes lie at different depths: the outermost folder with files in it is taken as the class"
        return Roles(roles=tuple(made), unsure=(ask,), others=(_one_class(made, classes[0]),), outermost=True)
    label = classes[-1]
    made[label] = "class"
    asked: list[str] = []
    others: list[tuple[Role, ...]] = []
    kinds: dict[str, set[str]] = defaultdict(set)
    for f in files:
        kinds[f.at(label)].add(f.kind)
    usual = Counter(f.kind for f in files).most_common(1)[0][0]
    other = sorted(name for name, held in kinds.items() if usual not in held)
    if other and "modality" not in roles:
        asked.append(f"the folder {other[0]} holds no {usual} file, unlike others: is it a class?")
    if coded:
        shown = ", ".join(sorted(values[coded[-1]])[:3])
        asked.append(f"folders such as {shown} are taken for recordings, which keep together, not for classes")
        others.append(with_role(with_role(tuple(made), label, "-"), coded[-1], "class"))
    if len(classes) > 1:
        outer, inner = (", ".join(sorted(values[i])[:3]) for i in (classes[-2], label))
        asked.append(f"the inner folders ({inner}, ...) are taken as the classes, not the outer ones ({outer}, ...)")
        others += [with_role(with_role(tuple(made), label, "-"), i, "class") for i in classes[:-1]]
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
    # The digits 0 to 9 below each of several fonts are classes; films have numbers of one width, or of their own.
    crossed = len(pairs) == len(values) * classes
    if crossed and all(v == str(int(v)) for v in values if v.isdecimal()) and all(v.isdecimal() for v in values):
        return False
    return not crossed or all(words.are_running(stems) for stems in names_by_folder(files))


def _of_persons(files: Sequence[File], level: int, persons: Sequence[int]) -> bool:
    """Whether a level below persons has names of its own in each, such as codes of films: no class is like that."""
    outer = [i for i in persons if i < level]
    return bool(outer) and len({(f.at(outer[-1]), f.at(level)) for f in files}) == len(values_at(files, level)) > 1


def _only_persons(roles: tuple[Role, ...], values: dict[int, set[str]], persons: Sequence[int]) -> Roles:
    """Folders of persons and nothing else: the class is in the names of files, or is the person."""
    shown = ", ".join(sorted(values[persons[-1]])[:3])
    ask = (
        f"the folders ({shown}, ...) look like persons or recordings, whose samples keep together: or are they classes?"
    )
    return Roles(roles=roles, unsure=(ask,), others=(with_role(roles, persons[-1], "class"),))
