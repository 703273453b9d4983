"""Every method on one data set, ranked, with its gains and its cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmbench.report.scores import prices
from mmbench.report.scores.contrasts import turned
from mmbench.report.scores.dataset_scores import DatasetScores, Record, Setting
from mmbench.report.scores.ranking import Ranking, best_single, pooling_partner
from mmbench.report.trials.idle import ALONE
from mmbench.report.values.cells import MAJORITY, CellCost, CellRow, CellState, SeedValue
from mmbench.schema.metric import METRICS
from mmbench.stats import paired
from mmbench.stats.estimates import Difference, Estimate


def state_of(part: Sequence[Record]) -> tuple[CellState, str | None]:
    """Of a method on a data set, and why where it is not complete."""
    states = [r["state"] for r in part]
    messages = dict.fromkeys(
        f"seed {r['seed']} {r['state'].replace('_', ' ')}" + (f": {r['message']}" if r["message"] else "")
        for r in part
        if r["state"] != "done"
    )
    reason = "; ".join(messages) or None
    if all(s == "done" for s in states):
        return "complete", None
    if "done" in states:
        return "partial", reason
    if all(s == "skipped" for s in states):
        return "skipped", part[0]["message"]
    if any(s not in ("skipped", "pending") for s in states):
        return "failed", reason
    return "pending", "not run yet"


def _over(records: Sequence[Record], column: str, confidence: float) -> Estimate | None:
    return paired.estimate([r[column] for r in records if r[column] is not None], confidence)


COST_COLUMNS = {
    "parameters": "parameters",
    "flops": "flops",
    "train_seconds": "train_seconds",
    "inference_us": "inference_us_per_sample",
    "peak_memory": "peak_memory",
}
"""Field of CellCost -> the quantity that it is the median of."""


def _time_errors(field: DatasetScores) -> dict[str, dict[str, float]]:
    """Of measured costs, by method."""
    found: dict[str, dict[str, float]] = {}
    for cost in prices.MEASURED:
        column = COST_COLUMNS[cost]
        times = {k: [r[column] for r in own if r[column] is not None] for k, own in field.records.items()}
        for key, error in prices.errors(times).items():
            found.setdefault(key, {})[cost] = error
    return found


def _cost(records: Sequence[Record], errors: Mapping[str, float]) -> CellCost | None:
    def median(column: str) -> float | None:
        # On a CPU the memory that a trial saw is that of the whole process, whatever the model.
        shown = [
            r for r in records if column != "peak_memory" or ALONE in r or json.loads(r["hardware"] or "{}").get("gpu")
        ]
        values = [r[column] for r in shown if r[column] is not None]
        return float(np.median(values)) if values else None

    found = {name: median(column) for name, column in COST_COLUMNS.items()}
    alone = next((r[ALONE] for r in records if ALONE in r), None)
    latency = (None, None) if alone is None else (alone.p50_us, alone.p95_us)
    if set(found.values()) == {None}:
        return None
    return CellCost(**found, errors=errors, latency_us=latency[0], latency_95_us=latency[1])


@dataclass(frozen=True, kw_only=True)
class Gains:
    """Differences of the ranked methods of one data set, by method.

    Attributes:
        to_best: To the best cell, of the other cells.
        single: To the best single modality, of the cells.
        pooling: To the same method with pooling in place of its attention.
        fixed: Baseline -> over that baseline; the constant guess is last.
    """

    to_best: Mapping[str, Difference]
    single: Mapping[str, Difference]
    pooling: Mapping[str, Difference]
    fixed: Mapping[str, Mapping[str, Difference]]


def find_gains(field: DatasetScores, ranking: Ranking) -> Gains:
    """ranking: of the cells."""
    partners: dict[Setting, str] = {
        (m.attention, m.fusion, m.architecture, m.modality): k for k, m in field.methods.items()
    }
    deep = list(field.index)
    single = best_single(field)
    partner = {k: pooling_partner(field.methods[k], partners) for k in deep}
    names = {str(field.methods[k].baseline): k for k in field.fixed}
    baselines = dict(sorted(names.items(), key=lambda item: item[0] == MAJORITY))
    to_best = field.to_best(ranking.order, ranking.against, ranking.verdict)
    pooling = field.differences({k: p for k, p in partner.items() if p in field.index and p is not None})
    # The best against itself without attention is one question, wherever it is asked.
    pooling |= {k: turned(to_best[p]) for k, p in partner.items() if k in ranking.order[:1] and p in to_best}
    return Gains(
        to_best=to_best,
        single=field.differences({k: single for k in ranking.order if single}),
        pooling=pooling,
        fixed={name: field.over_fixed(deep, key) for name, key in baselines.items()},
    )


def _seed(record: Record, score: str) -> SeedValue:
    return SeedValue(
        seed=record["seed"],
        trial_id=record["trial_id"],
        state=record["state"],
        value=record[score] if record["state"] == "done" else None,
        message=record["message"],
        validation=record.get(score.replace("test_", "validation_", 1)) if record["state"] == "done" else None,
        epoch=None if record["best_epoch"] is None else int(record["best_epoch"]),
    )


def _metrics(records: Sequence[Record], confidence: float) -> dict[str, Estimate]:
    """Every metric on test that the trials have."""
    found = {
        name: _over(records, f"test_{name}", confidence) for name in METRICS if records and f"test_{name}" in records[0]
    }
    return {name: value for name, value in found.items() if value is not None}


def rows(field: DatasetScores, ranking: Ranking, top_all: Sequence[str], ceiling: float | None) -> list[CellRow]:
    """Every method by its mean, controls among the cells and those without a mean last. Pareto marks come later.

    ceiling: of which scores can be a share, or None.
    """
    gains = find_gains(field, ranking)
    errors = _time_errors(field)
    by_key = {key: _row(key, field, ranking, gains, top_all, ceiling, errors.get(key, {})) for key in field.methods}

    def by_score(row: CellRow) -> tuple[bool, float, int]:
        place = len(by_key) if row.rank is None else row.rank
        return (row.score is None, -field.settings.scale.oriented(row.score.mean) if row.score else 0.0, place)

    return sorted(by_key.values(), key=by_score)


def _row(
    key: str,
    field: DatasetScores,
    ranking: Ranking,
    gains: Gains,
    top_all: Sequence[str],
    ceiling: float | None,
    errors: Mapping[str, float],
) -> CellRow:
    settings, part = field.settings, field.records[key]
    done = [r for r in part if r["state"] == "done"]
    ranked = key in field.index
    compared = [r for r in done if r["seed"] in field.compared_seeds(key)] if ranked else done
    state, reason = state_of(part)
    score = _over(compared, settings.score, settings.confidence)
    rank, low, high = ranking.place.get(key, (None, None, None))
    epochs = [r["best_epoch"] for r in done if r["best_epoch"] is not None]
    return CellRow(
        dataset=field.dataset,
        method=field.methods[key],
        state=state,
        reason=reason,
        declared=len(part),
        done=len(done),
        seeds=tuple(_seed(r, settings.score) for r in part),
        score=score,
        validation=_over(compared, f"validation_{settings.scale.metric}", settings.confidence),
        metrics=_metrics(compared, settings.confidence),
        best_epoch=float(np.median(epochs)) if epochs else None,
        ranked=ranked,
        rank=rank,
        rank_low=low,
        rank_high=high,
        best=key == next(iter(ranking.order), None),
        verdict=ranking.verdict.get(key),
        may_be_behind=ranking.behind(key),
        decided_at=ranking.decided_at(key),
        in_top=key in ranking.top if ranking.top and key in ranking.place else None,
        in_top_all=key in top_all if top_all and (ranked or key in field.fixed) else None,
        to_best=gains.to_best.get(key),
        gain_single=gains.single.get(key),
        gain_pooling=gains.pooling.get(key),
        gain_baselines={name: found[key] for name, found in gains.fixed.items() if key in found},
        ceiling_share=score.mean / ceiling if score and ceiling else None,
        cost=_cost(done, errors),
        pareto=(),
        trial_ids=tuple(r["trial_id"] for r in part if r["trial_id"]),
    )
