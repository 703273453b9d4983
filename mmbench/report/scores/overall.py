"""Cells over all data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mmbench.report.scores import findings
from mmbench.report.scores.dataset_scores import DatasetScores, Settings
from mmbench.report.scores.ranking import Ranking, rank
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.methods import Method
from mmbench.report.values.overall import Overall, OverallRow
from mmbench.report.values.words import count
from mmbench.stats import paired
from mmbench.stats.estimates import Difference, Estimate


def overall(
    own: Sequence[DatasetScores], datasets: Sequence[DatasetReport], settings: Settings, why_ranks: str | None
) -> Overall | None:
    """Cells across data sets; None with fewer than two."""
    if len(own) < 2:
        return None
    methods: dict[str, Method] = {k: m for f in own for k, m in f.methods.items() if m.role == "cell"}
    complete = [k for k in methods if all(k in f.index for f in own)]
    fields = [f.ranks(complete) for f in own] if settings.scale.is_ranks else own
    whole = _average(fields, complete, methods, settings)
    ranking = rank(whole.means, whole.index, complete, equal=settings.equal)
    best = ranking.order[0] if ranking.order else None
    to_best = whole.to_best(ranking.order, ranking.against, ranking.verdict)
    by_key = [{r.key: r for r in d.cells} for d in datasets]

    def row(key: str) -> OverallRow:
        here = dict(zip((f.dataset for f in fields), (rows.get(key) for rows in by_key), strict=True))
        made = _row(methods[key], here, _score(key, fields, whole), ranking, to_best.get(key))
        return replace(made, missing=tuple(f.dataset for f in fields if key not in f.index))

    finding = findings.finding(
        f"over {count(len(fields), 'data set')}", best, ranking.verdict, len(complete), settings.scale
    )
    if gaps := len(methods) - len(complete):
        finding += f" ({count(gaps, 'combination')} not complete everywhere)"
    return Overall(
        scale=settings.scale,
        why_ranks=why_ranks,
        datasets=tuple(f.dataset for f in fields),
        rows=tuple(row(k) for k in (*ranking.order, *(k for k in methods if k not in whole.index))),
        best=best,
        top=ranking.top,
        finding=finding[:1].upper() + finding[1:],
    )


def _average(
    fields: Sequence[DatasetScores], complete: Sequence[str], methods: Mapping[str, Method], settings: Settings
) -> DatasetScores:
    """The mean over data sets of the cells that are complete on each, as if it were one data set. Its replicates are
    the data sets."""
    parts = [
        replace(f.means, mean=f.means.mean[at], error=f.means.error[at], df=f.means.df[at], seeds=f.means.seeds[at])
        for f in fields
        for at in [np.array([f.index[k] for k in complete], np.intp)]
    ]
    return replace(
        fields[0],
        dataset="all",
        settings=settings,
        methods=methods,
        index={k: i for i, k in enumerate(complete)},
        means=paired.macro(parts, settings.scale.rope),
        seeds=tuple(range(len(fields))),
    )


def _score(key: str, fields: Sequence[DatasetScores], whole: DatasetScores) -> Estimate | None:
    """Mean over data sets; its interval combines those of the data sets. None for a cell that is not complete."""
    if key not in whole.index:
        return None
    each = [paired.estimate(f.all_values[f.index[key]], whole.settings.confidence) for f in fields]
    halves = [e.half for e in each if e is not None and e.half is not None]
    half = float(np.sqrt(np.sum(np.square(halves)))) / len(fields) if len(halves) == len(fields) else None
    return Estimate(mean=whole.settings.scale.oriented(whole.quality(key)), half=half, n=len(fields))


def _row(
    method: Method,
    here: Mapping[str, CellRow | None],
    score: Estimate | None,
    ranking: Ranking,
    to_best: Difference | None,
) -> OverallRow:
    """here: the cell's row on each data set."""
    key, ranked = method.key, score is not None
    place, low, high = ranking.place.get(key, (None, None, None))
    ranks = [r.rank for r in here.values() if r is not None and r.rank is not None]
    return OverallRow(
        method=method,
        score=score,
        per_dataset={name: r.score.mean if r is not None and r.score is not None else None for name, r in here.items()},
        rank=place,
        rank_low=low,
        rank_high=high,
        mean_rank=float(np.mean(ranks)) if ranked else None,
        best=key == next(iter(ranking.order), None),
        verdict=ranking.verdict.get(key),
        may_be_behind=ranking.behind(key),
        in_top=key in ranking.top if ranking.top and ranked else None,
        to_best=to_best,
        missing=(),
    )
