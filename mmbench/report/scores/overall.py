"""Cells over all data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmbench.report.scores import findings
from mmbench.report.scores.dataset_scores import DatasetScores, Settings
from mmbench.report.scores.ranking import rank
from mmbench.report.stats import paired
from mmbench.report.stats.estimates import Difference, Estimate
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.methods import Method
from mmbench.report.values.overall import Overall, OverallRow
from mmbench.report.values.words import count


def overall(
    own: Sequence[DatasetScores], datasets: Sequence[DatasetReport], settings: Settings, why_ranks: str | None
) -> Overall | None:
    """Cells across data sets; None with fewer than two."""
    if len(own) < 2:
        return None
    methods: dict[str, Method] = {k: m for f in own for k, m in f.methods.items() if m.role == "cell"}
    by_key = [{r.key: r for r in d.cells} for d in datasets]
    complete = [k for k in methods if all(k in f.index for f in own)]
    scale = settings.scale
    fields = [f.ranks(complete) for f in own] if scale.is_ranks else own
    parts = [
        replace(f.means, mean=f.means.mean[at], error=f.means.error[at], df=f.means.df[at])
        for f in fields
        for at in [np.array([f.index[k] for k in complete], np.intp)]
    ]
    means = paired.macro(parts)
    index = {k: i for i, k in enumerate(complete)}
    ranking = rank(means, index, complete)
    best = ranking.order[0] if ranking.order else None
    whole = replace(
        fields[0],
        dataset="all",
        settings=settings,
        methods=methods,
        index=index,
        means=means,
        seeds=tuple(range(len(fields))),
    )
    to_best: dict[str, Difference] = whole.to_best(complete, best)

    def row(key: str) -> OverallRow:
        here = [rows.get(key) for rows in by_key]
        place = ranking.place.get(key, (None, None, None))
        score = None
        if key in index:
            each = [paired.estimate(f.values[f.index[key]], settings.confidence) for f in fields]
            halves = [e.half for e in each if e is not None and e.half is not None]
            half = float(np.sqrt(np.sum(np.square(halves)))) / len(here) if len(halves) == len(here) else None
            score = Estimate(mean=scale.oriented(float(means.mean[index[key]])), half=half, n=len(here))
        ranks = [r.rank for r in here if r is not None and r.rank is not None]
        return OverallRow(
            method=methods[key],
            score=score,
            per_dataset={
                f.dataset: r.score.mean if r is not None and r.score is not None else None
                for f, r in zip(fields, here, strict=True)
            },
            rank=place[0],
            rank_low=place[1],
            rank_high=place[2],
            mean_rank=float(np.mean(ranks)) if key in index else None,
            best=key == best,
            in_top=key in ranking.top if ranking.top and key in index else None,
            to_best=to_best.get(key),
            missing=tuple(f.dataset for f in fields if key not in f.index),
        )

    where = f"over {count(len(fields), 'data set')}"
    gaps = len(methods) - len(complete)
    finding = findings.finding(where, best, ranking.top, len(complete), scale)
    if gaps:
        finding += f" ({count(gaps, 'cell')} not complete everywhere)"
    return Overall(
        scale=scale,
        why_ranks=why_ranks,
        datasets=tuple(f.dataset for f in fields),
        rows=tuple(row(k) for k in (*ranking.order, *(k for k in methods if k not in index))),
        best=best,
        top=ranking.top,
        finding=finding[:1].upper() + finding[1:],
    )
