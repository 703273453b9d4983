"""Which sample trains, validates or tests: as the data says, and where it is silent by seeded, stratified cuts in which
no group parts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from mmbench.data.files.problems import DataError, Problem
from mmbench.data.split import coverage
from mmbench.data.table.card import SplitCard
from mmbench.data.table.table import Table
from mmbench.errors import suggest

SPLITS = coverage.SPLITS

BINS = 10
"""Quantile bins of a regression target: as fine as shares of a few percent of some hundred samples can keep even."""

FOLDS = 20
"""Groups are dealt into so many folds, so that shares are met within 2.5 %, where there are groups enough."""

DEALT = 250
"""Groups that are dealt one by one, the largest; that takes milliseconds each. Any other holds less than 0.4 %."""


def assign(table: Table, card: SplitCard, *, together: np.ndarray | None = None) -> np.ndarray:
    """The split of every sample, (N,) of "train", "validation" and "test".

    together: (N,) numbers; samples of one number are kept in one split as those of a group are, among what is cut.

    Given splits are kept. Samples left open follow their group where that has a split; of the others, the splits that
    nobody has are cut, in shares of what they are cut from, and the rest trains. A data set that leaves none open but
    gives no validation has it cut from its training samples. Cuts are stratified: by class, by a sample's rarest label,
    or by quantile bins of the (mean standardised) target.

    Among cut ones every class is in every split, wherever groups allow it, and labels are in as many as they can be.

    Raises DataError where a split is empty or, among cut ones, must lack a class, and where no training sample has a
    label; with the reason.
    """
    given, group = _given_splits(table), _groups(table)
    _follow(table, given, group)
    if together is not None:
        group = _united(group, together)
        _come_along(given, group)
    if missing := {"train", "test"} - set(given) if (given != "").all() else set():
        raise DataError([_empty(name, given) for name in SPLITS if name in missing])
    pool = np.flatnonzero(given == "")
    absent = [(name, share) for name, share in _shares(card) if name not in given]
    if not len(pool) and absent:
        pool = np.flatnonzero(given == "train")
    strata = _strata(table)
    _enough(table, group, pool, [name for name, _ in absent])
    rng, size = np.random.default_rng(card.seed), len(pool)
    split = np.where(given == "", "train", given)
    for name, share in absent:
        rest = pool[split[pool] == "train"]
        if not len(rest):
            # Where hardly two samples are alike, one of every stratum is all of them; it is mended below, or told.
            break
        now = share * size / len(rest)
        cut = _pick_share(strata[rest], None if group is None else group[rest], now, rng)
        split[rest[cut]] = name
    if absent and len(pool):
        coverage.mend(table, split, pool, group, dict(absent), rng)
    _check(split)
    return split


def drawn(table: Table, card: SplitCard) -> np.ndarray:
    """(N,) whether the data leaves the split of a sample to us."""
    given = _given_splits(table)
    if (given == "").any():
        return given == ""
    return given == "train" if "validation" not in given else np.zeros(len(given), bool)


def _united(group: np.ndarray | None, together: np.ndarray) -> np.ndarray:
    """(N,) numbers, the same for samples that are connected by either."""
    if group is None:
        return together
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count, groups = len(group), int(group.max()) + 1
    size = groups + int(together.max()) + 1
    graph = coo_array((np.ones(count, np.int8), (group, groups + together)), shape=(size, size))
    return connected_components(graph, directed=False)[1][group]


def _come_along(given: np.ndarray, group: np.ndarray) -> None:
    """Open samples go where others of their number are: to training where these are in several splits."""
    said: dict[int, str] = {}
    for g, name in zip(group.tolist(), given.tolist(), strict=True):
        if name and SPLITS.index(name) <= SPLITS.index(said.get(g, "test")):
            said[g] = name
    for i in np.flatnonzero(given == "").tolist():
        given[i] = said.get(int(group[i]), "")


def _shares(card: SplitCard) -> tuple[tuple[str, float], ...]:
    if card.validation + card.test >= 1:
        raise DataError(
            [
                Problem(
                    where="splits",
                    what=f"validation {card.validation:g} and test {card.test:g} leave nothing to train; their sum is "
                    "below 1",
                )
            ]
        )
    return (("test", card.test), ("validation", card.validation))


def _given_splits(table: Table) -> np.ndarray:
    """(N,) of the given splits, "" where open."""
    given = np.array(["" for _ in table.places] if table.split is None else list(table.split), dtype="<U10")
    if table.split is None:
        return given
    wrong = [i for i, name in enumerate(table.split) if name not in ("", *SPLITS)]
    if wrong:
        raise DataError(
            [
                Problem(where=table.places[i], what=f"split {table.split[i]!r}{suggest(table.split[i], SPLITS)}")
                for i in wrong
            ]
        )
    return given


def _groups(table: Table) -> np.ndarray | None:
    """(N,) numbers; a sample without a group is one by itself."""
    if table.group is None:
        return None
    names = [f"group {name}" if name else f"sample {i}" for i, name in enumerate(table.group)]
    return np.unique(names, return_inverse=True)[1]


def _follow(table: Table, given: np.ndarray, group: np.ndarray | None) -> None:
    """Open samples go where the rest of their group is."""
    if group is None or not (given == "").any() or not (given != "").any():
        return
    said: dict[int, set[str]] = {}
    for g, name in zip(group.tolist(), given.tolist(), strict=True):
        if name:
            said.setdefault(g, set()).add(name)
    problems = []
    for i in np.flatnonzero(given == "").tolist():
        names = said.get(int(group[i]), set())
        if len(names) > 1:
            assert table.group is not None
            what = (
                f"has no split, and its group {table.group[i]!r} is in {' and '.join(sorted(names))}; give it a split"
            )
            problems.append(Problem(where=table.places[i], what=what))
        elif names:
            given[i] = next(iter(names))
    if problems:
        raise DataError(problems)


def _strata(table: Table) -> np.ndarray:
    """(N,) what is to be spread evenly."""
    labels = np.asarray(table.labels)
    if table.task.kind in ("classification", "binary"):
        return labels
    if table.task.kind == "multilabel":
        # The rarest label of a sample decides; evenness of frequent ones follows from their number.
        rarity = np.where(labels > 0, labels.sum(0), len(labels) + 1)
        return np.where(labels.any(1), rarity.argmin(1), labels.shape[1])
    values = labels.astype(np.float64)
    values = ((values - values.mean(0)) / np.maximum(values.std(0), 1e-12)).mean(1)
    bins = min(BINS, max(1, len(values) // BINS))
    edges = np.unique(np.quantile(values, np.arange(1, bins) / bins))
    return np.searchsorted(edges, values, side="right")


def _pick_share(strata: np.ndarray, group: np.ndarray | None, share: float, rng: np.random.Generator) -> np.ndarray:
    """Indices of about `share` of the samples, of whole groups, spread over the strata."""
    if group is not None:
        return _cut_groups(strata, group, share, rng)
    _, which, counts = np.unique(strata, return_inverse=True, return_counts=True)
    # Largest remainders, but one at least of every stratum: with a share of 0.15 a class of four would often be absent.
    wanted = counts * share
    take = np.maximum(np.floor(wanted).astype(int), 1)
    most = np.argsort(take - wanted, kind="stable")
    short = max(0, round(len(strata) * share) - int(take.sum()))
    take[most[:short]] += 1
    order = rng.permutation(len(strata))
    return np.concatenate([order[which[order] == s][:n] for s, n in enumerate(take)])


def _cut_groups(strata: np.ndarray, group: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """The largest groups are dealt one by one, each where it evens things out; the small ones are drawn by stratum."""
    _, group, sizes = np.unique(group, return_inverse=True, return_counts=True)
    _, strata, counts = np.unique(strata, return_inverse=True, return_counts=True)
    large = np.zeros(len(sizes), bool)
    large[np.argsort(-sizes, kind="stable")[:DEALT]] = True
    chosen = np.zeros(len(sizes), bool)
    dealt = np.flatnonzero(large[group])
    chosen[group[dealt[_deal(strata[dealt], group[dealt], share, rng)]]] = True
    if not large.all():
        # A group counts for its rarest stratum.
        rarest = np.full(len(sizes), len(counts))
        order = np.argsort(np.argsort(counts, kind="stable"))
        np.minimum.at(rarest, group, order[strata])
        small = np.flatnonzero(~large)
        # The small ones make up for what large groups could not meet.
        left = (share * len(strata) - sizes[chosen].sum()) / sizes[small].sum()
        if left > 0:
            chosen[small[_pick_share(rarest[small], None, left, rng)]] = True
    return np.flatnonzero(chosen[group])


def _deal(strata: np.ndarray, group: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Indices of about `share` of the samples: some of many folds, which scikit-learn keeps even."""
    from sklearn.model_selection import StratifiedGroupKFold

    dense = np.unique(strata, return_inverse=True)[1]
    folds = max(2, min(FOLDS, len(np.unique(group)), int(np.bincount(dense).max())))
    dealer = StratifiedGroupKFold(folds, shuffle=True, random_state=int(rng.integers(2**31)))
    with warnings.catch_warnings():
        # That a class is smaller than the number of folds; whether a split lacks it is checked in the end.
        warnings.simplefilter("ignore")
        parts = [part for _, part in dealer.split(np.zeros(len(dense)), dense, group) if len(part)]
    sizes = np.cumsum([len(part) for part in parts])[: max(1, len(parts) - 1)]
    return np.concatenate(parts[: int(np.abs(sizes - share * len(strata)).argmin()) + 1])


def _enough(table: Table, group: np.ndarray | None, pool: np.ndarray, absent: Sequence[str]) -> None:
    """Raises DataError where too little is there to cut anything."""
    if not absent:
        return
    splits = len(absent) + 1
    into = ", ".join(("train", *reversed(absent)))
    if len(pool) < splits:
        raise DataError([Problem(where="splits", what=f"{len(pool)} samples cannot be split into {into}")])
    units, unit = (pool, "samples") if group is None else (group[pool], "groups")
    if len(set(units.tolist())) < splits:
        what = f"{_names(table, pool)} cannot be parted into {into}; at least {splits} groups are needed, or a `split`"
        raise DataError([Problem(where="groups", what=what)])
    if table.task.kind not in ("classification", "binary"):
        return
    labels, problems = table.labels[pool], []
    for c in np.unique(labels):
        has = len(set(units[labels == c].tolist()))
        if has < splits:
            what = (
                f"occurs in {has} {unit if has > 1 else unit[:-1]}; at least {splits} are needed for {into}: gather "
                "more, merge or leave out the class, or give a `split`"
            )
            problems.append(Problem(where=f"class {table.task.targets[int(c)]!r}", what=what))
    if problems:
        raise DataError(problems)


def _names(table: Table, pool: np.ndarray) -> str:
    if table.group is None:
        return "so few different samples"
    names = sorted({table.group[i] for i in pool})
    return f"{len(names)} group{'s' if len(names) > 1 else ''} ({', '.join(map(repr, names))})"


def _empty(name: str, given: np.ndarray) -> Problem:
    there = ", ".join(f"{np.sum(given == s)} {s}" for s in SPLITS if (given == s).any())
    what = f"no sample is in {name} (given: {there}); leave the split of some samples empty, or give no splits at all"
    return Problem(where="splits", what=what)


def _check(split: np.ndarray) -> None:
    there = ", ".join(f"{np.sum(split == s)} {s}" for s in SPLITS if (split == s).any())
    what = "no sample could be put into {} ({}): classes or labels are too rare, groups too large, or shares too small"
    if empty := [name for name in SPLITS if not (split == name).any()]:
        raise DataError([Problem(where="splits", what=what.format(name, there)) for name in empty])
