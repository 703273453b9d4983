"""What the script needs for a cell's drill-down, as compact as it can be: lists in fixed order, written numbers."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from mmbench.registry import GRID_AXES
from mmbench.report.draw.costs import cost_text
from mmbench.report.draw.words import CAUSES, cause, difference, estimate
from mmbench.report.scores.context import Context
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.curves import Curve
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Estimate

COSTS = ("parameters", "flops", "train_seconds", "inference_us", "peak_memory")


def _values(values: tuple[float | None, ...], scale: Scale) -> list[float | None]:
    return [None if v is None else round(v, scale.decimals) for v in values]


def _row(row: CellRow, curve: Curve | None, config: int | None, report: DatasetReport) -> dict[str, Any]:
    cost, scale = row.cost, report.scale
    found: dict[str, Any] = {
        "score": estimate(row.score, scale) if row.score else cause(row),
        "n": [row.done, row.declared],
        "rank": row.rank_label,
        "verdict": _verdict(row, scale),
        # Seed, written score or null, state, trial id, message.
        "seeds": [
            [
                s.seed,
                None if s.value is None else round(s.value, scale.decimals),
                CAUSES.get(s.state, s.state),
                s.trial_id or "",
                *([s.message] if s.message else []),
            ]
            for s in row.seeds
        ],
    }
    if config is not None:
        found["config"] = config
    beside = [_estimate_words(row.metrics.get(name), other) for name, other in report.beside.items()]
    if any(beside):
        found["beside"] = beside
    if row.score:
        found["mean"] = [round(v, scale.decimals + 1) for v in (row.score.low, row.score.mean, row.score.high)]
    if row.reason and row.state != "complete" and not any(s.message for s in row.seeds):
        found["reason"] = row.reason
    if row.to_best:
        found["toBest"] = difference(row.to_best, scale)
    if row.gain_single:
        found["overSingle"] = difference(row.gain_single, scale)
    if cost:
        # What a pointer finds on the Pareto plots, and how it is written.
        found["cost"] = [getattr(cost, name) for name in COSTS]
        found["costs"] = [cost_text(name, getattr(cost, name)) for name in COSTS]
    if curve:
        bands = (curve.median, curve.low, curve.high) if curve.runs > 1 else (curve.median,)
        found["curve"] = [_values(values, report.curve) for values in bands]
    return found


def _verdict(row: CellRow, scale: Scale) -> str:
    """Against the best; of the best itself, whether it is better than all others."""
    if row.best:
        return "better than all others" if row.verdict == "better" else ""
    words = {"worse": "worse than the best", "equal": f"equal to the best within {scale.rope_words}", "open": "open"}
    return words.get(row.verdict or "", "")


def _estimate_words(value: Estimate | None, scale: Scale) -> str:
    return "" if value is None else estimate(value, scale)


def data(context: Context) -> dict[str, Any]:
    """Per data set: its rows by method, and what the axes need."""
    configs = {(c.dataset, key): i for i, c in enumerate(context.configurations) for key in c.methods}
    curves = {(c.dataset, c.name): c for c in context.curves if c.kind in ("cell", "single")}
    return {
        "costs": list(COSTS),
        "titles": {m.key: titles.method(m) for d in context.datasets for m in (r.method for r in d.rows)},
        "levels": {axis: {lv: titles.level(axis, lv) for lv in context.levels[axis]} for axis in GRID_AXES},
        "configs": [c.values for c in context.configurations],
        "methods": {
            m.key: [m.role, m.attention or "", m.fusion or "", m.architecture or ""]
            for d in context.datasets
            for r in d.rows
            for m in (r.method,)
        },
        "datasets": [
            {
                "name": d.name,
                # How scores, gains and curves of this data set read.
                "score": d.scale.title,
                "decimals": d.scale.decimals,
                "unit": d.scale.unit_words,
                "curve": d.curve.title,
                "beside": [scale.title for scale in d.beside.values()],
                "rows": {r.key: _row(r, curves.get((d.name, r.key)), configs.get((d.name, r.key)), d) for r in d.rows},
            }
            for d in context.datasets
        ],
    }


def embedded(value: Any) -> Markup:
    """JSON that is safe inside a <script> element: nothing in it can end the element or open a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
