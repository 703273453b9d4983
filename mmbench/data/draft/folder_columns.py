"""What the names of folders and files say of samples, as columns of a manifest: class, split, group, and what else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mmbench.data.draft import folder_words, guess
from mmbench.data.draft.folder_files import File
from mmbench.data.draft.folder_roles import Roles
from mmbench.data.draft.guess import Guess
from mmbench.data.table.manifest import SPLITS


@dataclass(kw_only=True)
class Columns:
    """What the names say of the samples: columns, what is guessed of them, and what to ask."""

    columns: dict[str, list[str]] = field(default_factory=dict)
    known: dict[str, Guess] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)

    def target(self, values: list[str], *, sure: bool) -> None:
        self.columns = {"label": values, **self.columns}
        if not sure and any(values):
            self.known["label"] = replace(guess.target([v for v in values if v]), sure=False)


def read(files: Sequence[File], roles: Roles, table: Columns) -> None:
    """Columns of what the folders say, and where they say no class, of what the names of files do."""
    split, classes, groups = roles.level("split"), roles.levels("class"), roles.levels("group")
    if split is not None:
        table.columns["split"] = [SPLITS.get(f.at(split).lower(), "") for f in files]
    for i, role in enumerate(roles.roles[:-1] if roles.by_name else roles.roles):
        values = [f.at(i) for f in files]
        if role == "-" and len(set(values) - {""}) > 1:
            table.columns[f"folder_{i + 1}"] = values
    whose = _groups(files, roles, groups, classes[0] if classes else None)
    stems = [f.stem for f in files]
    if classes:
        label = _class_names(files, roles, classes)
        table.target(label, sure=not roles.unsure)
        if roles.unsure and not roles.by_name:
            table.columns |= in_names(stems, label)
    elif not roles.by_name and (said := in_names(stems, whose)):
        # The first is the class, the others are offered.
        label = said.pop(next(iter(said)))
        sure = not said and not whose and not table.unsure and not folder_words.are_views(set(label))
        table.target(label, sure=sure)
        table.columns |= said
    if whose and "label" not in table.columns and len(set(whose)) < len(whose):
        table.target(whose, sure=False)
    elif whose and 1 < len(set(whose)) < len(whose):
        table.columns["group"] = whose
        shown = ", ".join(sorted(set(whose))[:3])
        table.known["group"] = Guess(role="group", why=f"{len(set(whose))} groups: {shown}, ...", sure=False)
        if not classes:
            table.unsure.append("  the folders could also be `target: {classification: group}`, without `group`")


def _class_names(files: Sequence[File], roles: Roles, levels: Sequence[int]) -> list[str]:
    if not roles.outermost:
        return ["/".join(name for level in levels if (name := f.at(level))) for f in files]
    modality = roles.level("modality")
    places = [tuple(n for i, n in enumerate(f.folders) if i != modality) for f in files]
    holds = set(places)
    return [next(p[depth - 1] for depth in range(1, len(p) + 1) if p[:depth] in holds) for p in places]


def _groups(files: Sequence[File], roles: Roles, levels: Sequence[int], label: int | None) -> list[str]:
    """Whom or which recording each sample belongs to; of recordings the path, since each class counts its own."""
    persons = [i for i in levels if folder_words.are_persons({f.at(i) for f in files})]
    if persons:
        return [f.at(persons[0]) for f in files]
    if not levels:
        return []
    last = levels[-1]
    if label is None or label > last:
        return [f.at(last) for f in files]
    aside = ("split", "modality")
    return ["/".join(n for i, n in enumerate(f.folders[: last + 1]) if roles.roles[i] not in aside) for f in files]


def in_names(stems: Sequence[str], whose: Sequence[str] = ()) -> dict[str, list[str]]:
    """Parts of the names of files that few samples each share; {} where there are none. whose: to whom or what they
    belong by their folders, which a part is not to repeat."""
    parts = [folder_words.parts(stem) for stem in stems]
    few: dict[str, list[str]] = {}
    if len({len(p) for p in parts}) == 1 and len(parts[0]) > 1:
        for i, part in enumerate(map(list, zip(*parts, strict=True)), 1):
            if 1 < len(set(part)) <= max(2, len(stems) // 3) and not (whose and _same(part, whose)):
                few[f"name_{i}"] = part
    if few:
        first = next(iter(few))
        return {name: part for name, part in few.items() if name == first or not _counted(part)}
    heads = [re.sub(r"[\W_]*\d+$", "", stem) for stem in stems]
    return {"name": heads} if all(heads) and 1 < len(set(heads)) <= len(stems) // 3 else {}


def _same(part: Sequence[str], whose: Sequence[str]) -> bool:
    """Whether a part of the names says what the folder does."""
    pairs = set(zip(part, whose, strict=True))
    return len(pairs) == len(set(part)) == len(set(whose))


def _counted(part: Sequence[str]) -> bool:
    """Whether every value occurs about equally often and is a number: a running number, no property."""
    counts = Counter(part)
    return all(p.isdecimal() for p in counts) and len(counts) > 10
