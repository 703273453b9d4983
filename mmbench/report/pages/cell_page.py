"""What the script needs for a cell's drill-down, as compact as it can be: lists in fixed order, written numbers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from markupsafe import Markup

from mmbench.registry import GRID_AXES
from mmbench.report.draw.costs import cost_text
from mmbench.report.draw.words import CAUSES, cause, difference, estimate
from mmbench.report.scores import commands
from mmbench.report.scores.context import Context
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow, SeedValue
from mmbench.report.values.curves import Curve
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.methods import Method
from mmbench.report.values.scale import Scale
from mmbench.stats.breakdown import Breakdown
from mmbench.stats.estimates import Estimate

Breakdowns = Mapping[str, Mapping[str, Breakdown]]
"""By data set and method."""

DETAILED = 100
"""Combinations of a data set, the best ones, of which classes are shown one by one; of all, a page of the largest grid
would be too large."""

COSTS = ("parameters", "flops", "train_seconds", "inference_us", "peak_memory", "latency_us")


def _values(values: tuple[float | None, ...], scale: Scale) -> list[float | None]:
    return [None if v is None else round(v, scale.decimals) for v in values]


def _row(row: CellRow, curve: Curve | None, config: int | None, report: DatasetReport) -> dict[str, Any]:
    cost, scale = row.cost, report.scale
    found: dict[str, Any] = {
        "score": estimate(row.score, scale) if row.score else cause(row),
        "n": [row.done, row.declared],
        "rank": row.rank_label,
        "verdict": _verdict(row, scale),
        "seeds": [_seed(s, scale) for s in row.seeds],
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
    if row.validation:
        found["validation"] = estimate(row.validation, scale)
    if row.to_best:
        found["toBest"] = difference(row.to_best, scale)
    if row.gain_single:
        found["overSingle"] = difference(row.gain_single, scale)
    if cost:
        # What a pointer finds on the Pareto plots, and how it is written.
        known = [getattr(cost, name) if name != "peak_memory" or report.memory_varies else None for name in COSTS]
        if known[-1] is None:
            del known[-1]
        found["cost"] = [_figures(value) for value in known]
        found["costs"] = [cost_text(name, value) for name, value in zip(COSTS, known, strict=False)]
    if curve:
        bands = (curve.median, curve.low, curve.high) if curve.runs > 1 else (curve.median,)
        found["curve"] = [_values(values, report.curve) for values in bands]
    return found


def _seed(s: SeedValue, scale: Scale) -> list[Any]:
    """Seed, written score or null, state, trial id, message or null, score on validation or null, epoch or null; what
    is null at the end is left out."""
    told: list[Any] = [s.seed, _rounded(s.value, scale), CAUSES.get(s.state, s.state), s.trial_id or ""]
    told += [s.message or None, _rounded(s.validation, scale), s.epoch]
    while told[-1] is None:
        told.pop()
    return told


def _rounded(value: float | None, scale: Scale) -> float | None:
    return None if value is None else round(value, scale.decimals)


def _parts_of(found: Breakdown) -> dict[str, Any]:
    """Scores of each class, label or number, and what is confused."""
    every = {name: i for i, name in enumerate(found.names)}

    def written(values: tuple[float, ...]) -> list[float | None]:
        return [float(f"{v:.3g}") if isfinite(v) else None for v in values]

    made: dict[str, Any] = {"runs": found.runs, "targets": [[every[t.name], *written(t.values)] for t in found.targets]}
    if found.matrix is not None:
        made["matrix"] = found.matrix
    if found.confused:
        made["confused"] = [[every[a], every[b], n] for a, b, n in found.confused]
    return made


def detailed(context: Context) -> dict[str, dict[str, list[str]]]:
    """Of which methods classes are shown one by one: data set -> method -> its trials, in order of the seeds."""
    return {
        d.name: {
            r.key: [s.trial_id for s in r.seeds if s.trial_id and s.state == "done"]
            for r in (*d.cells[:DETAILED], *d.controls)
        }
        for d in context.datasets
    }


def _figures(value: float | None) -> float | None:
    """Four significant figures: places on a plot need no more. Whole numbers go without ".0": there are thousands."""
    if value is None:
        return None
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() else short


def _verdict(row: CellRow, scale: Scale) -> str:
    """Against the best; of the best itself, whether it is better than all others."""
    if row.best:
        return "better than all others" if row.verdict == "better" else ""
    words = {"worse": "worse than the best", "equal": f"equal to the best within {scale.rope_words}", "open": "open"}
    return words.get(row.verdict or "", "")


def _estimate_words(value: Estimate | None, scale: Scale) -> str:
    return "" if value is None else estimate(value, scale)


def _told(methods: Iterable[Method], context: Context) -> dict[str, str]:
    """What names a method in a command, where it is more than the names of its levels."""
    found = {}
    for m in methods:
        levels = (m.attention, m.fusion, m.architecture, m.baseline, m.modality)
        if any(level and not level.replace("_", "").isalnum() for level in levels):
            config = next(c for c in context.configs if c.cell == m.key)
            found[m.key] = shlex.join(commands.options(context, config.dataset, m))
    return found


def data(context: Context, breakdowns: Breakdowns | None = None) -> dict[str, Any]:
    """Per data set: its rows by method, and what the axes need."""
    breakdowns = breakdowns or {}
    configs = {(c.dataset, key): i for i, c in enumerate(context.configurations) for key in c.methods}
    curves = {(c.dataset, c.name): c for c in context.curves if c.kind in ("cell", "single")}
    methods = {r.key: r.method for d in context.datasets for r in d.rows}
    parts = {key: (m.role, m.attention or "", m.fusion or "", m.architecture or "") for key, m in methods.items()}
    words = {word: i for i, word in enumerate(sorted({w for each in parts.values() for w in each}))}
    return {
        "costs": list(COSTS),
        # Those of combinations are put together from `levels`.
        "titles": {m.key: titles.method(m) for d in context.datasets for m in (r.method for r in d.controls)},
        "architectures": {lv: titles.level("architecture", lv, short=True) for lv in context.levels["architecture"]},
        "levels": {axis: {lv: titles.level(axis, lv) for lv in context.levels[axis]} for axis in GRID_AXES},
        "configs": [c.values for c in context.configurations],
        "options": _told((r.method for d in context.datasets for r in d.rows), context),
        "tracking": context.params.tracking.experiment if context.params.tracking.enabled else None,
        # Role, attention, fusion and architecture as numbers of words: names would come thousands of times.
        "words": list(words),
        "methods": {key: [words[word] for word in each] for key, each in parts.items()},
        "datasets": [
            {
                "name": d.name,
                "subtitle": d.subtitle,
                "run": commands.start(d.name),
                "best": d.best,
                # How scores, gains and curves of this data set read.
                "score": d.scale.title,
                "decimals": d.scale.decimals,
                "unit": d.scale.unit_words,
                "curve": d.curve.title,
                "beside": [scale.title for scale in d.beside.values()],
                **_targets(breakdowns.get(d.name, {})),
                "rows": {
                    r.key: _row(r, curves.get((d.name, r.key)), configs.get((d.name, r.key)), d)
                    | _parts(breakdowns.get(d.name, {}).get(r.key))
                    for r in d.rows
                },
            }
            for d in context.datasets
        ],
    }


def _targets(found: Mapping[str, Breakdown]) -> dict[str, Any]:
    """What is predicted, which all methods of a data set share."""
    for one in found.values():
        return {"kind": one.kind, "targets": one.names}
    return {}


def _parts(found: Breakdown | None) -> dict[str, Any]:
    return {} if found is None else {"parts": _parts_of(found)}


def embedded(value: Any) -> Markup:
    """JSON that is safe inside a <script> element: nothing in it can end the element or open a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
