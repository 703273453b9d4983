"""Ranks of each factor's levels over data sets: Friedman, then Wilcoxon with Holm (Demšar 2006; Benavoli 2016).

Never over all cells: their pairs are so many that no number of data sets one has could decide between them.
docs/decisions/0018-ranks-and-aggregates.md gives the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np
from scipy import stats as scipy_stats

from mmbench.report.scores.agreement import agreement
from mmbench.report.scores.choices import AxisChoices
from mmbench.report.scores.complete_block import CompleteBlock
from mmbench.report.sections.ranks.record import LevelRank, RankPair, Ranks, RankTable
from mmbench.report.values import titles
from mmbench.report.values.numbers import p_value
from mmbench.report.values.words import count, listing, sentence
from mmbench.stats import paired
from mmbench.stats.paired import Floats
from mmbench.stats.ranks import friedman, groups, least_wilcoxon, needed, wilcoxon


def _withheld(levels: int, datasets: int, confidence: float) -> tuple[str | None, float, int]:
    """Why the tests are not shown; the smallest attainable p after Holm; data sets needed."""
    pairs = comb(levels, 2)
    alone, least, enough = least_wilcoxon(datasets), least_wilcoxon(datasets, pairs), needed(pairs, confidence)
    if datasets >= enough:
        return None, least, enough
    said = f"the smallest that a Wilcoxon test over {count(datasets, 'data set')} could reach is {alone:.2g}"
    if pairs > 1:
        said += f", and after Holm over {pairs} pairs of levels {least:.2g}"
    return (
        f"No p-value is shown: {said}. It takes {enough} data sets to fall below {1 - confidence:.2g}.",
        least,
        enough,
    )


def _pairs(ordered: Sequence[tuple[str, Floats]], confidence: float) -> tuple[RankPair, ...]:
    """Every two levels. ordered: names and values on each data set, the best-ranked first."""
    both = list(combinations(ordered, 2))
    raw = [wilcoxon(a - b) for (_, a), (_, b) in both]
    return tuple(
        RankPair(first=first, second=second, p=p, p_holm=adjusted, apart=adjusted < 1 - confidence)
        for ((first, _), (second, _)), p, adjusted in zip(both, raw, paired.holm(raw).tolist(), strict=True)
    )


def rank_table(
    factor: str, names: Sequence[str], datasets: Sequence[str], values: Floats, confidence: float, contexts: int
) -> RankTable:
    """names: (k,) levels. values: (D, k), the mean of each level on each data set, so turned that more is better."""
    ranks = scipy_stats.rankdata(-values.round(12), axis=1)
    mean = ranks.mean(0)
    order = np.lexsort((-values.mean(0), mean))
    withheld, least, enough = _withheld(len(names), len(datasets), confidence)
    ordered = [names[i] for i in order]
    pairs: tuple[RankPair, ...] = ()
    joined: tuple[tuple[str, ...], ...] = ()
    omnibus = None
    if withheld is None:
        omnibus = friedman(values.round(12))
        if omnibus is not None and omnibus >= 1 - confidence:
            joined = (tuple(ordered),)
        else:
            pairs = _pairs([(names[i], values[:, i]) for i in order], confidence)
            joined = groups(ordered, {frozenset((p.first, p.second)): p.apart for p in pairs})
    return RankTable(
        factor=factor,
        levels=tuple(
            LevelRank(
                level=names[i],
                mean_rank=float(mean[i]),
                per_dataset=dict(zip(datasets, ranks[:, i].tolist(), strict=True)),
            )
            for i in order
        ),
        contexts=contexts,
        friedman=omnibus,
        pairs=pairs,
        groups=joined,
        withheld=withheld,
        least=least,
        needed=enough,
        finding=_finding(factor, ordered, mean[order].tolist(), pairs, omnibus, withheld, enough),
    )


def _finding(
    factor: str,
    order: Sequence[str],
    mean: Sequence[float],
    pairs: Sequence[RankPair],
    omnibus: float | None,
    withheld: str | None,
    enough: int,
) -> str:
    leader = order[0]
    order = [titles.level(factor, level) for level in order]
    first = [level for level, rank in zip(order, mean, strict=True) if rank == mean[0]]
    leads = f"{listing(first)} {'has' if len(first) == 1 else 'share'} the best mean rank of {factor} ({mean[0]:.2f})"
    if withheld is not None:
        return sentence(f"{leads}; too few data sets to test it, {enough} are needed")
    if not pairs:
        return sentence(f"whether any {factor} ranks above another is open (Friedman, {p_value(omnibus)})")
    undecided = [titles.level(factor, p.second) for p in pairs if p.first == leader and not p.apart]
    if not undecided:
        return sentence(f"{leads} and ranks above all others")
    return sentence(f"{leads}; whether {order[0]} ranks above {listing(undecided)} is open")


def ranks(
    found: CompleteBlock,
    levels: Mapping[str, Sequence[str]],
    confidence: float,
    axes: Sequence[AxisChoices] = (),
) -> Ranks:
    """levels: factor -> levels in the plan's order. axes: what their means say."""
    by = found.scale.label
    refused = None
    if len(found.datasets) < 2:
        refused = (
            "Ranks over data sets need at least two data sets with complete combinations; with one, see the "
            "marginal means above."
        )
    elif not found.keys or not found.seeds:
        refused = "Nothing is ranked: no combination is complete on every data set."
    tables = []
    if refused is None:
        for factor, order in levels.items():
            cells = found.match_levels(factor, order)
            if not cells:
                continue
            values = np.stack([found.values[:, index].mean((1, 2)) for index in cells.values()], 1)
            contexts = len(next(iter(cells.values())))
            tables.append(rank_table(factor, tuple(cells), found.datasets, values, confidence, contexts))
        if not tables:
            refused = "Nothing is ranked: no two levels are complete in the same setting on every data set."
    return Ranks(
        datasets=found.datasets,
        tables=tuple(tables),
        by=by,
        refused=refused,
        dropped=found.dropped,
        finding=_heading(tables, len(found.datasets), bool(found.dropped), axes),
    )


def _heading(tables: Sequence[RankTable], datasets: int, incomplete: bool, axes: Sequence[AxisChoices]) -> str:
    if not tables:
        return "Ranks over data sets: nothing to rank yet"
    over = f"over {count(datasets, 'data set')}"
    tested = [t for t in tables if t.withheld is None]
    if not tested:
        said = f"Mean ranks {over}, which are too few to test"
    else:
        alone = [t for t in tested if not any(t.levels[0].level in g for g in t.groups)]
        said = "; ".join(f"{t.levels[0].level} ranks first of {t.factor}" for t in alone)
        said = sentence(f"{said} {over}") if alone else f"No level ranks above all others {over}"
    agreed = agreement({t.factor: t.levels[0].level for t in tables}, axes)
    said += f"; {agreed}" if agreed else ""
    return f"{said} (incomplete grid)" if incomplete else said
