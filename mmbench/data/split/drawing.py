"""The split of a data set: drawn where the data leaves it open, so that samples of equal content stay together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmbench.data.files.problems import DataError
from mmbench.data.split import leakage, splits
from mmbench.data.split.contents import SAYS, cached, codes_of, says, whole
from mmbench.data.split.leakage import Leak
from mmbench.data.table.card import Leak as LeakKind
from mmbench.data.table.card import SplitCard
from mmbench.data.table.table import Table

ROUNDS = 3
"""Times that a split is drawn anew: of very many near duplicates, only the likely ones are compared."""

FAR = 1.5
"""So many times more or less than its share a split may have before that is said, and at least two samples."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """split: (N,) "train", "validation" or "test". leaks: found across splits, accepted or not. notes: what was kept
    together, and which share was not met."""

    split: np.ndarray
    leaks: list[Leak]
    notes: tuple[str, ...] = ()


def draw(table: Table, card: SplitCard, accept: Sequence[LeakKind] = ()) -> Drawn:
    """The split of a table; accept: kinds of leakage that are known, for which nothing is kept together.

    Where samples of equal or nearly equal content come to lie in several splits, and it was not the data that put them
    there, the split is drawn anew with them as one. What cannot be helped so is among the leaks. Raises DataError as
    `splits.assign` does.
    """
    split = splits.assign(table, card)
    codes = codes_of(table)
    leaks = leakage.find(table, split, codes)
    ours = splits.drawn(table, card)
    notes: list[str] = []
    pairs: list[tuple[int, int]] = []
    first = mendable = _mendable(leaks, ours, accept)
    for turn in range(ROUNDS):
        if not mendable:
            break
        if not turn:
            pairs += _equal(table, codes, accept)
            pairs += _alike(table, codes, {leak.modality for leak in first if leak.kind == "near duplicate"})
        pairs += [leak.samples for leak in mendable]
        try:
            again = splits.assign(table, card, together=_joined(len(table), pairs))
        except DataError as error:
            why = error.problems[0]
            notes.append(f"samples of equal content cannot be kept in one split ({why.where}: {why.what})")
            break
        split, leaks = again, leakage.find(table, again, codes)
        mendable = _mendable(leaks, ours, accept)
    if first and not notes:
        told = Counter(f"{leak.kind}{f' ({leak.modality})' if leak.modality else ''}" for leak in first)
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in told.items())
        notes.append(f"samples that repeat others are kept with them, in one split: of those that would part, {kinds}")
    return Drawn(split=split, leaks=leaks, notes=(*notes, *_contradicted(table, codes), *_shares(table, split, card)))


def accepted(leaks: Iterable[Leak], accept: Sequence[LeakKind]) -> Iterator[str]:
    """What is said of the leaks that the card accepts, by kind."""
    for kind, n in Counter(leak.kind for leak in leaks if leak.kind in accept).items():
        yield f"accepted leakage: {n} samples with {kind}"


def _mendable(leaks: Sequence[Leak], ours: np.ndarray, accept: Sequence[LeakKind]) -> list[Leak]:
    """Those of contents, of which a sample was put into its split by us."""
    return [leak for leak in leaks if leak.kind not in ("same group", *accept) and ours[list(leak.samples)].any()]


def _equal(table: Table, codes: Mapping[str, np.ndarray], accept: Sequence[LeakKind]) -> Iterator[tuple[int, int]]:
    """Samples of equal content, each with the first of them, as far as `leakage.find` would call that a leak."""
    for name, column in table.modalities.items():
        if ("same text" if column.kind == "text" else "same content") not in accept:
            said = cached(codes[name], lambda i, column=column: says(column, i))  # type: ignore[misc]
            yield from ((a, b) for a, b in _repeats(codes[name]) if said(a) >= SAYS)
    if "same content" not in accept:
        same, something = whole(table, codes)
        yield from ((a, b) for a, b in _repeats(same) if something(a) > 0)


def _alike(table: Table, codes: Mapping[str, np.ndarray], names: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Samples whose pictures of these modalities are near duplicates."""
    from mmbench.data.split import near_duplicates

    for name in names:
        numbers, first = np.unique(codes[name], return_index=True)
        first = first[numbers >= 0]
        cells = [table.modalities[name].cells[i] for i in first]
        thumbs, good = near_duplicates.small([cell for cell in cells if cell is not None])
        yield from ((int(first[a]), int(first[b])) for a, b in near_duplicates.alike(thumbs, np.flatnonzero(good)))


def _repeats(codes: np.ndarray) -> Iterator[tuple[int, int]]:
    """(first, later) samples of one number."""
    first: dict[int, int] = {}
    for i, code in enumerate(codes.tolist()):
        if code >= 0 and first.setdefault(code, i) != i:
            yield first[code], i


def _contradicted(table: Table, codes: Mapping[str, np.ndarray]) -> Iterator[str]:
    """How many samples hold all that another holds, and have another target."""
    same, something = whole(table, codes)
    differ: dict[int, int] = {}
    for a, b in _repeats(same):
        if something(a) >= SAYS and not np.array_equal(table.labels[a], table.labels[b]):
            differ.setdefault(b, a)
    if differ:
        b, a = next(iter(differ.items()))
        many = f"{len(differ):,} samples hold" if len(differ) > 1 else "1 sample holds"
        yield (
            f"{many} the same as an earlier one in every modality, and another target ({table.places[b]}, as "
            f"{table.places[a]}): no model can get both right; which is meant?"
        )


def _joined(count: int, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """(N,) numbers, the same for all samples that pairs connect."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(count, count))
    return connected_components(graph, directed=False)[1]


def _shares(table: Table, split: np.ndarray, card: SplitCard) -> Iterator[str]:
    """Which splits that were drawn have a share far from what the card asks for."""
    ours = splits.drawn(table, card)
    for name, asked in (("validation", card.validation), ("test", card.test)):
        size, count = int(ours.sum()), int((split[ours] == name).sum())
        if not count:
            continue
        share = count / size
        if max(share / asked, asked / share) > FAR and abs(count - asked * size) >= 2:
            yield (
                f"{name} has {count:,} of the {size:,} samples that were split ({share:.0%}), where {asked:.0%} were "
                "asked for, as far as groups, samples of equal content and rare classes could be parted"
            )
