"""Every method on one data set, ranked, with its gains and its cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmbench.report.scores.dataset_scores import DatasetScores, Record, Setting
from mmbench.report.scores.ranking import Ranking, best_single, pooling_partner
from mmbench.report.stats import paired
from mmbench.report.stats.estimates import Estimate
from mmbench.report.values.cells import CellCost, CellRow, CellState, SeedValue
from mmbench.schema.metric import METRICS


def standing(part: Sequence[Record]) -> tuple[CellState, str | None]:
    """How a method stands on a data set, and why where it is not complete."""
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


def _cost(records: Sequence[Record]) -> CellCost | None:
    def median(column: str) -> float | None:
        values = [r[column] for r in records if r[column] is not None]
        return float(np.median(values)) if values else None

    parameters = median("parameters")
    if parameters is None:
        return None
    return CellCost(
        parameters=parameters,
        flops=median("flops"),
        train_seconds=median("train_seconds"),
        inference_us=median("inference_us_per_sample"),
        peak_memory=median("peak_memory"),
    )


def rows(field: DatasetScores, ranking: Ranking, top_all: Sequence[str], ceiling: float | None) -> list[CellRow]:
    """Every method: cells by rank, the unranked ones after them, then controls by score. Pareto marks come later.

    ceiling: of which scores can be a share, or None."""
    settings = field.settings
    partners: dict[Setting, str] = {
        (m.attention, m.fusion, m.architecture, m.modality): k for k, m in field.methods.items()
    }
    cells, deep = ranking.order, list(field.index)
    best = cells[0] if cells else None
    single = best_single(field)
    to_best = field.to_best(cells, best)
    gain_single = field.differences({k: single for k in cells if single})
    partner = {k: pooling_partner(field.methods[k], partners) for k in deep}
    gain_pooling = field.differences({k: p for k, p in partner.items() if p in field.index and p is not None})
    baselines = {field.methods[k].baseline: k for k in field.fixed}
    over = {name: field.over_fixed(deep, key) for name, key in baselines.items()}

    def row(key: str) -> CellRow:
        method, part = field.methods[key], field.records[key]
        done = [r for r in part if r["state"] == "done"]
        ranked = key in field.index
        compared = [r for r in done if r["seed"] in field.seeds] if ranked else done
        state, reason = standing(part)
        score = _over(compared, settings.score, settings.confidence)
        place = ranking.place.get(key, (None, None, None))
        epochs = [r["best_epoch"] for r in done if r["best_epoch"] is not None]
        return CellRow(
            dataset=field.dataset,
            method=method,
            state=state,
            reason=reason,
            declared=len(part),
            done=len(done),
            seeds=tuple(
                SeedValue(
                    seed=r["seed"],
                    trial_id=r["trial_id"],
                    state=r["state"],
                    value=r[settings.score] if r["state"] == "done" else None,
                    message=r["message"],
                )
                for r in part
            ),
            score=score,
            validation=_over(compared, f"validation_{settings.scale.metric}", settings.confidence),
            metrics={
                name: value
                for name in METRICS
                if compared and f"test_{name}" in compared[0]
                if (value := _over(compared, f"test_{name}", settings.confidence)) is not None
            },
            best_epoch=float(np.median(epochs)) if epochs else None,
            ranked=ranked,
            rank=place[0],
            rank_low=place[1],
            rank_high=place[2],
            best=key == best,
            in_top=key in ranking.top if ranking.top and key in ranking.place else None,
            in_top_all=key in top_all if top_all and (ranked or key in field.fixed) else None,
            to_best=to_best.get(key),
            gain_single=gain_single.get(key),
            gain_pooling=gain_pooling.get(key),
            gain_linear=over.get("linear", {}).get(key),
            gain_majority=over.get("majority", {}).get(key),
            ceiling_share=score.mean / ceiling if score and ceiling else None,
            cost=_cost(done),
            pareto=(),
            trial_ids=tuple(r["trial_id"] for r in part if r["trial_id"]),
        )

    def by_score(key: str) -> tuple[bool, float]:
        made[key] = row(key)
        score = made[key].score
        return (score is None, -settings.scale.oriented(score.mean) if score else 0.0)

    made: dict[str, CellRow] = {}
    rest = [k for k in field.methods if k not in ranking.place]
    unranked = sorted((k for k in rest if field.methods[k].role == "cell"), key=by_score)
    controls = sorted((k for k in rest if field.methods[k].role != "cell"), key=by_score)
    return [row(k) for k in cells] + [made[k] for k in (*unranked, *controls)]
