"""Summaries over data sets that no single outlier decides: inter-quartile mean, performance profile and probability of
improvement (Agarwal et al. 2021), each with a stratified bootstrap: seeds are drawn anew within each data set.

docs/decisions/0018-ranks-and-aggregates.md gives the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmbench.report.scores.agreement import agreement
from mmbench.report.scores.choices import AxisChoices
from mmbench.report.scores.complete_block import CompleteBlock
from mmbench.report.sections.aggregates.record import Aggregates, AggregateTable, Member
from mmbench.report.values import titles
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import count, sentence
from mmbench.stats.bootstrap import Bootstrap, Interval, bootstrap, iqm, profile, thresholds_of
from mmbench.stats.paired import Floats

CELLS = 6


def aggregate(factor: str, members: Mapping[str, Floats], scale: Scale, boot: Bootstrap) -> AggregateTable:
    """members: name -> runs (D, n, S), so turned that more is better, the n settings the same for all."""
    middle = {name: float(iqm(runs.ravel())) for name, runs in members.items()}
    order = sorted(members, key=lambda name: -middle[name])
    first = order[0]
    thresholds = thresholds_of(np.stack(list(members.values())))

    def orient(found: Interval) -> Interval:
        ends = [None if v is None else scale.oriented(v) for v in (found.low, found.high)]
        low, high = ends if scale.higher else reversed(ends)
        return Interval(value=scale.oriented(found.value), low=low, high=high)

    def member(name: str) -> Member:
        runs = members[name]
        low, high = boot.band(runs, thresholds)
        return Member(
            name=name,
            runs=runs.size,
            iqm=orient(boot.iqm(runs)),
            improvement=None if name == first else boot.improvement(members[first], runs),
            profile=tuple(profile(runs, thresholds).tolist()),
            profile_low=tuple(low.tolist()),
            profile_high=tuple(high.tolist()),
        )

    made = tuple(member(name) for name in order)
    return AggregateTable(
        factor=factor,
        members=made,
        first=first,
        contexts=next(iter(members.values())).shape[1],
        thresholds=tuple(scale.oriented(t) for t in thresholds.tolist()),
        finding=_finding(factor, made, scale),
    )


def _finding(factor: str, members: Sequence[Member], scale: Scale) -> str:
    """Which member's middle half is best, and how surely a run of it beats one of the next."""
    best, second = members[0], members[1]
    what = "of the best combinations" if factor == "cell" else f"of {factor}"
    names = [m.name if factor == "cell" else titles.level(factor, m.name) for m in (best, second)]
    text = f"{names[0]} has the best inter-quartile mean {what} ({scale.number(best.iqm.value)})"
    chance = second.improvement
    assert chance is not None
    said = f"one of its runs beats a run of {names[1]} with probability {chance.value:.2f}"
    if chance.value < 0.5:
        # Its middle half is better, but run against run it loses more often: two sentences that seem to disagree.
        said = f"yet one of its runs beats a run of {names[1]} with a probability of only {chance.value:.2f}"
    may_be_chance = chance.low is not None and chance.high is not None and chance.low <= 0.5 <= chance.high
    return sentence(f"{text}; {said}{', which may be chance' if may_be_chance else ''}")


def _heading(tables: Sequence[AggregateTable], datasets: int, axes: Sequence[AxisChoices]) -> str:
    """Whether they agree with the means, by which everything else is said."""
    if not tables:
        return "Summaries over data sets: nothing to summarise yet"
    said = f"Inter-quartile means and probabilities of improvement over {count(datasets, 'data set')}"
    agreed = agreement({t.factor: t.first for t in tables}, axes)
    return f"{said}; {agreed}" if agreed else said


def aggregates(
    found: CompleteBlock,
    levels: Mapping[str, Sequence[str]],
    best: Sequence[str],
    confidence: float,
    axes: Sequence[AxisChoices] = (),
) -> Aggregates:
    """levels: factor -> levels in the plan's order. best: keys of the cells over all data sets, best first. axes: what
    the means of levels say."""
    refused = None
    if len(found.datasets) < 2:
        refused = "Summaries over data sets need at least two data sets with complete combinations."
    elif not found.keys or not found.seeds:
        refused = "Nothing is summarised: no combination is complete on every data set."
    elif len(found.seeds) < 2:
        refused = (
            "With one seed there is no spread to resample, and an aggregate without an interval would look more "
            "certain than it is."
        )
    tables = []
    if refused is None:
        boot = bootstrap(len(found.datasets), len(found.seeds), confidence)
        for factor, order in levels.items():
            cells = found.match_levels(factor, order)
            if cells:
                runs = {level: found.values[:, index] for level, index in cells.items()}
                tables.append(aggregate(factor, runs, found.scale, boot))
        at = {k: i for i, k in enumerate(found.keys)}
        top = [k for k in best if k in at][:CELLS]
        if len(top) > 1:
            runs = {k: found.values[:, [at[k]]] for k in top}
            tables.append(aggregate("cell", runs, found.scale, boot))
        if not tables:
            refused = "Nothing is summarised: no two levels are complete in the same setting on every data set."
    said = _heading(tables, len(found.datasets), axes)
    return Aggregates(
        datasets=found.datasets,
        seeds=found.seeds,
        scale=found.scale,
        tables=tuple(tables),
        refused=refused,
        dropped=found.dropped,
        finding=f"{said} (incomplete grid)" if tables and found.dropped else said,
    )
