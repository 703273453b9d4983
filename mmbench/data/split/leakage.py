"""What two splits share, so that a test score would reward memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmbench.data.files.problems import DataError, Problem
from mmbench.data.split.contents import SAYS, cached, codes_of, says, whole
from mmbench.data.split.splits import SPLITS
from mmbench.data.table.card import Leak as LeakKind
from mmbench.data.table.table import Column, Table


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A sample of validation or test, and the first one of an earlier split that it shares something with.

    modality: "" for a group or a whole sample. samples: their rows in the table, the earlier split's first.
    """

    kind: LeakKind
    modality: str
    samples: tuple[int, int]
    splits: tuple[str, str]
    places: tuple[str, str]

    @property
    def problem(self) -> Problem:
        what = f"{self.modality}: {self.kind}" if self.modality else self.kind
        return Problem(
            where=f"{self.places[1]} ({self.splits[1]})", what=f"{what} as {self.places[0]} ({self.splits[0]})"
        )


def check(table: Table, split: np.ndarray, accept: Sequence[LeakKind] = ()) -> list[Leak]:
    """The leaks that the card accepts. Raises DataError with every other one, and a summary before them."""
    return judge(find(table, split), accept)


def judge(leaks: list[Leak], accept: Sequence[LeakKind] = ()) -> list[Leak]:
    """`check`, of leaks that were found."""
    wrong = [leak for leak in leaks if leak.kind not in accept]
    if not wrong:
        return leaks
    counts: dict[tuple[str, str], int] = {}
    for leak in wrong:
        counts[leak.modality, leak.kind] = counts.get((leak.modality, leak.kind), 0) + 1
    told = ", ".join(f"{n} {kind}{f' ({modality})' if modality else ''}" for (modality, kind), n in counts.items())
    kinds = ", ".join(sorted({leak.kind for leak in wrong}))
    what = (
        f"validation or test repeats what an earlier split has: {told}. Name the `group` whose samples belong "
        f"together, or correct the split; if this is intended, `accept: [{kinds}]` in the card says so"
    )
    raise DataError([Problem(where="leakage", what=what), *(leak.problem for leak in wrong)])


def find(table: Table, split: np.ndarray, codes: Mapping[str, np.ndarray] | None = None) -> list[Leak]:
    """Every leak, one for each sample, modality and kind: content, near duplicates, texts, whole samples, groups.

    split: (N,) of "train", "validation", "test". codes: `codes_of(table)`, where that is known. Cells that cannot be
    read are passed over; decoding tells of them.
    """
    rank = np.array([SPLITS.index(s) for s in split.tolist()], dtype=np.int64)
    leaks: list[Leak] = []

    def add(kind: LeakKind, modality: str, found: list[tuple[int, int]]) -> None:
        leaks.extend(
            Leak(
                kind=kind,
                modality=modality,
                samples=(first, second),
                splits=(str(split[first]), str(split[second])),
                places=(table.places[first], table.places[second]),
            )
            for first, second in found
        )

    codes, told = codes_of(table) if codes is None else codes, np.zeros(len(table), bool)
    for name, column in table.modalities.items():
        repeated = _across(codes[name], rank)
        said = cached(codes[name], lambda i, column=column: says(column, i))  # type: ignore[misc]
        kept = [(a, b) for a, b in repeated if said(b) >= SAYS]
        add("same text" if column.kind == "text" else "same content", name, kept)
        told[[b for _, b in kept]] = True
        if column.kind == "image":
            add("near duplicate", name, _near(column, codes[name], rank))
    same, something = whole(table, codes)
    add("same content", "", [(a, b) for a, b in _across(same, rank) if something(b) > 0 and not told[b]])
    if table.group is not None:
        numbers: dict[str, int] = {}
        group = np.array([numbers.setdefault(g, len(numbers)) if g else -1 for g in table.group], dtype=np.int64)
        add("same group", "", _across(group, rank))
    return leaks


def _across(codes: np.ndarray, rank: np.ndarray) -> list[tuple[int, int]]:
    """(first sample of the earliest split, sample of a later one) for every code that is in several splits."""
    known = np.flatnonzero(codes >= 0)
    order = known[np.lexsort((known, rank[known], codes[known]))]
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) > 0])[: len(order)]
    first = np.repeat(order[starts], np.diff(np.r_[starts, len(order)]))
    later = rank[order] > rank[first]
    return sorted(zip(first[later].tolist(), order[later].tolist(), strict=True), key=lambda pair: pair[1])


def _near(column: Column, codes: np.ndarray, rank: np.ndarray) -> list[tuple[int, int]]:
    """Samples whose picture is a near duplicate, not a copy, of one in an earlier split."""
    from mmbench.data.split import near_duplicates

    contents, first = np.unique(codes, return_index=True)
    contents, first = contents[contents >= 0], first[contents >= 0]
    cells = [column.cells[i] for i in first]
    thumbs, good = near_duplicates.small([cell for cell in cells if cell is not None])
    earliest = np.full(int(codes.max(initial=-1)) + 1, len(SPLITS))
    np.minimum.at(earliest, codes[codes >= 0], rank[codes >= 0])
    first_in = {(int(codes[i]), int(rank[i])): i for i in np.flatnonzero(codes >= 0)[::-1].tolist()}
    found = []
    for later in range(1, len(SPLITS)):
        queries = contents[good & (earliest[contents] == later)]
        against = contents[good & (earliest[contents] < later)]
        at = dict(near_duplicates.pairs(thumbs, queries, against))
        for i in np.flatnonzero((rank == later) & np.isin(codes, list(at))).tolist():
            code = at[int(codes[i])]
            found.append((first_in[code, int(earliest[code])], i))
    return sorted(found, key=lambda pair: pair[1])
