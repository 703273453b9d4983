"""Which level of folders, if any, parts the modalities of a sample: images from sounds, left from right."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from mmbench.data.draft import folder_words as words
from mmbench.data.draft.folder_files import MOSTLY, NEARLY, SOME, File, Role, by_kind, values_at, with_role

MOST_VIEWS, FEW_VIEWS = 8, 4
"""Folders that may be views; that may be where names alone speak for it."""
FEW_PLACES = 10
"""Folders below which a name that is there once may be any."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The level of folders that are modalities, if there is one. maybe: one that could be it, but is not taken."""

    level: int | None = None
    maybe: int | None = None
    unsure: tuple[str, ...] = ()
    by_stem: bool = False
    notes: tuple[str, ...] = ()

    def others(self, roles: tuple[Role, ...]) -> list[tuple[Role, ...]]:
        if self.level is not None and self.unsure:
            return [with_role(roles, self.level, "class")]
        return [with_role(roles, self.maybe, "modality")] if self.maybe is not None else []


def find(files: Sequence[File], levels: Sequence[int]) -> Found:
    """Folders of kinds of files before folders of views; names in common decide."""
    tried = [_kinds_apart(files, level) for level in levels]
    apart = sorted((f for f in tried if f is not None), key=lambda f: f.unsure != ())
    if apart:
        return apart[0]
    maybe = None
    for level in levels:
        values = values_at(files, level)
        if not 2 <= len(values) <= MOST_VIEWS or "" in values or words.are_persons(values):
            continue
        shared, named = _shared(files, level), ", ".join(values)
        if shared >= SOME and words.are_views(values):
            ask = f"the folders {named} hold files of the same names, and are taken for modalities: are they?"
            return Found(level=level, unsure=(ask,))
        if shared >= MOSTLY and _tell(files, level):
            ask = f"the folders {named} hold files of the same names, and are taken for modalities: are they classes?"
            return Found(level=level, unsure=(ask,))
        if shared >= NEARLY and len(values) <= FEW_VIEWS and maybe is None:
            maybe = level
    if maybe is None:
        return Found()
    named = ", ".join(values_at(files, maybe))
    ask = f"the folders {named} hold files of the same names: are they views of one sample each, not classes?"
    return Found(maybe=maybe, unsure=(ask,))


def in_names(files: Sequence[File]) -> bool:
    """Whether the names of files are views, the same in every folder: `7/t1.npy`, `7/t2.npy`, `8/t1.npy`."""
    counts, places = Counter(f.stem for f in files), {f.folders for f in files}
    # A second copy here and there, `t1 (1)`, is beside the point.
    stems = {stem for stem, n in counts.items() if n > 1 or len(places) < FEW_PLACES}
    if sum(counts[stem] for stem in stems) < NEARLY * len(files):
        return False
    if not 2 <= len(stems) <= MOST_VIEWS or () in places or len(places) < 2 or words.are_frames(stems):
        return False
    there = {(f.folders, f.stem) for f in files if f.stem in stems}
    return words.are_views(stems) and len(there) >= MOSTLY * len(places) * len(stems)


def _tell(files: Sequence[File], level: int) -> bool:
    """Whether names are of one sample each, so that files of one name belong together."""
    names = {f.stem for f in files}
    return len(names) >= NEARLY * len({f.key(level) for f in files}) and words.identify(names)


def _shared(files: Sequence[File], level: int) -> float:
    """The share of samples that are in every folder of a level."""
    keys: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for f in files:
        keys[f.key(level)].add(f.at(level))
    count = len(values_at(files, level))
    return sum(len(v) == count for v in keys.values()) / len(keys)


def _kinds_apart(files: Sequence[File], level: int) -> Found | None:
    """A level each folder of which has files of one kind, and all together several."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for f in files:
        kinds[f.at(level)].add(f.kind)
    if not 2 <= len(kinds) <= MOST_VIEWS or any(len(k) > 1 for k in kinds.values()):
        return None
    if len(set.union(*kinds.values())) < 2:
        return None
    named = ", ".join(v for v in sorted(kinds) if v)
    if any(len(same) > 1 and _shared(same, level) < SOME for same in by_kind(files).values()):
        # Several folders of one kind with names of their own are classes, whatever lies in another.
        return None
    keys: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for f in files:
        keys[f.key(level)].add(f.at(level))
    if any(len(v) > 1 for v in keys.values()):
        return Found(level=level, notes=(f"files of one name in {named} are one sample",))
    if "" in kinds:
        return None
    stems = {v: Counter(f.stem for f in files if f.at(level) == v) for v in kinds}
    least, *more = sorted(stems.values(), key=len)
    if all(max(c.values()) == 1 for c in stems.values()) and all(len(least & c) >= SOME * len(least) for c in more):
        note = f"files of one name in {named} are one sample, whatever other folders they lie in"
        return Found(level=level, by_stem=True, notes=(note,))
    ask = f"the folders {named} hold one kind of file each, and no names in common: are they modalities, of no pairs?"
    return Found(level=level, unsure=(ask,))
