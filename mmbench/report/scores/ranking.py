"""Places of methods by their means; what cannot be told apart shares its ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmbench.report.scores.dataset_scores import POOLING, DatasetScores, Setting
from mmbench.report.stats.paired import Means
from mmbench.report.values.methods import Method


def best_single(field: DatasetScores) -> str | None:
    """The single modality that scores best on the test split: the choice that favours the controls.

    None while a modality has no complete trial on its own: it may be the best.
    """
    singles = field.ranked("single")
    complete = {field.methods[k].modality for k in singles}
    if not singles or complete != {m.modality for m in field.methods.values() if m.role == "single"}:
        return None
    return max(singles, key=field.quality)


def pooling_partner(method: Method, keys: Mapping[Setting, str]) -> str | None:
    """The key of the same method with pooling in place of its attention."""
    if method.attention == POOLING:
        return None
    return keys.get((POOLING, method.fusion, method.architecture, method.modality))


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """place: key -> (rank, lowest and highest rank of its tie group). top: the best's tie group; empty with one
    seed."""

    order: tuple[str, ...]
    place: Mapping[str, tuple[int, int, int]]
    top: tuple[str, ...]


def rank(means: Means, index: Mapping[str, int], keys: Sequence[str]) -> Ranking:
    """Rank these methods; what cannot be told apart shares its ranks, and on one seed that is everything."""
    name = {index[k]: k for k in keys}
    among = np.array([index[k] for k in keys], np.intp)
    tiers = means.tiers(among)
    if not tiers:
        order = [name[i] for i in among[np.argsort(-means.mean[among], kind="stable")].tolist()]
        return Ranking(order=tuple(order), place={k: (n, 1, len(order)) for n, k in enumerate(order, 1)}, top=())
    place, order, before = {}, [], 0
    for tier in tiers:
        for i in tier.tolist():
            order.append(name[i])
            place[name[i]] = (len(order), before + 1, before + len(tier))
        before += len(tier)
    return Ranking(order=tuple(order), place=place, top=tuple(name[i] for i in tiers[0].tolist()))


def top_with_controls(field: DatasetScores) -> tuple[str, ...]:
    """Tie group of the best when cells, single modalities and baselines are compared together."""
    everything = list(field.index)
    if not everything or field.means.replicates < 2:
        return ()
    top = rank(field.means, field.index, everything).top
    if not field.fixed:
        return top
    strongest = max(field.fixed, key=lambda k: field.fixed[k])
    gains = field.over_fixed(everything, strongest)
    kept = tuple(k for k in top if gains[k].verdict != "worse")
    return kept if gains[top[0]].verdict == "better" else (*kept, strongest)
