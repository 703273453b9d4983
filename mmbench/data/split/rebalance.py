"""Groups are moved between splits until every class is in every split, or it is known that this cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

WEIGHTS = {"train": 40.0, "test": 20.0, "validation": 10.0}
"""What a class costs that a split lacks, against at most 2 for all unevenness: where not all can be had, it is to be
learned before it is tested."""

GAP, NODES = 0.05, 500
"""Where the branch and bound stops: so near to the best evenness, or after so many nodes. Not after seconds: a split
must not depend on how fast a machine is."""

MOVED = 600
"""Groups that are moved at most; where there are more, only those that have a class which a split lacks."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """split: of each group, an index into the names. lacks: (classes, splits). proven: that fewer cannot be had."""

    split: np.ndarray
    lacks: np.ndarray
    proven: bool


def lacking(counts: np.ndarray, split: np.ndarray, splits: int) -> np.ndarray:
    """(classes, splits) bool: which split has no sample of a class. counts: (groups, classes); split: (groups,)."""
    return np.stack([counts[split == s].sum(axis=0) == 0 for s in range(splits)], axis=1)


def spread(counts: np.ndarray, start: np.ndarray, shares: Mapping[str, float], rng: np.random.Generator) -> Spread:
    """Deal the groups anew where a split lacks a class: as few gaps as can be, then shares as even as can be.

    counts: (groups, classes) samples, each class in some group. start: (groups,) a first attempt, an index into shares.
    """
    gaps = lacking(counts, start, len(shares))
    if not gaps.any():
        return Spread(split=start, lacks=gaps, proven=True)
    concerned = counts[:, gaps.any(axis=1)].sum(axis=1) > 0
    best = Spread(split=start, lacks=gaps, proven=False)
    for free in ([concerned] if len(counts) > MOVED else []) + [np.ones(len(counts), bool)]:
        if free.sum() > MOVED:
            break
        found = _solved(counts, best.split, free, shares, rng)
        if found is None:
            continue
        best = min(found, best, key=lambda s: int(s.lacks.sum()))
        if not best.lacks.any():
            break
    return best


def _solved(
    counts: np.ndarray, start: np.ndarray, free: np.ndarray, shares: Mapping[str, float], rng: np.random.Generator
) -> Spread | None:
    """By mixed-integer programming: 1 where a group is in a split, 1 where a class lacks in a split, and by how much
    each class is off its share there."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import bmat, csr_array, eye_array, kron

    splits, classes = len(shares), counts.shape[1]
    moved = np.flatnonzero(free)
    fixed = np.stack([counts[~free & (start == s)].sum(axis=0) for s in range(splits)], axis=1).ravel()
    total = counts.sum(axis=0)
    wanted = np.outer(total, list(shares.values())).ravel()
    # Rows are (class, split), columns (group, split).
    samples = kron(csr_array(counts[moved].T.astype(float)), eye_array(splits)).tocsr()
    holds = (samples > 0).astype(float)
    one = kron(eye_array(len(moved)), np.ones((1, splits)))
    cells, place = classes * splits, len(moved) * splits
    same = eye_array(cells)
    none, last = csr_array((cells, cells)), csr_array((cells, 1))
    each = csr_array((len(moved), cells))
    constraints = [
        LinearConstraint(bmat([[one, each, each, each[:, :1]]]).tocsr(), 1, 1),
        LinearConstraint(bmat([[holds, same, none, last]]).tocsr(), 1 - (fixed > 0), np.inf),
        LinearConstraint(bmat([[samples, none, same, last]]).tocsr(), wanted - fixed, np.inf),
        LinearConstraint(bmat([[samples, none, -same, last]]).tocsr(), -np.inf, wanted - fixed),
    ]
    # Of equally good ways the seed chooses one.
    cost = np.concatenate(
        [
            rng.uniform(0, 1e-3 / max(1, len(moved)), place),
            np.tile([WEIGHTS[name] for name in shares], classes),
            np.full(cells, 1 / total.sum()),
            # A constant, so that the gap, which is relative, is not to what is near zero.
            [1.0],
        ]
    )
    found = milp(
        cost,
        constraints=constraints,
        integrality=np.repeat([1, 0], [place, 2 * cells + 1]),
        bounds=Bounds(
            np.repeat([0, 1], [place + 2 * cells, 1]),
            np.concatenate([np.ones(place + cells), np.full(cells, np.inf), [1]]),
        ),
        options={"mip_rel_gap": GAP, "node_limit": NODES},
    )
    if found.x is None:
        return None
    split = start.copy()
    split[moved] = found.x[:place].reshape(-1, splits).argmax(axis=1)
    return Spread(split=split, lacks=lacking(counts, split, splits), proven=found.status == 0 and bool(free.all()))
