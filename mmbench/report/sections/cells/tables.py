"""Every table of the report, each with raw numbers (CSV) and as people read it (Markdown, LaTeX)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mmbench.report.draw.table import Column, Table, build, gain_columns, spread_columns
from mmbench.report.draw.words import mark
from mmbench.report.scores.context import Context
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.overall import OverallRow
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import count, interval, quantity, share
from mmbench.schema.metric import METRICS
from mmbench.stats.estimates import Difference


def _cell_raw(row: CellRow, metrics: Sequence[str]) -> dict[str, Any]:
    method, cost = row.method, row.cost
    return {
        "dataset": row.dataset,
        "method": row.key,
        "title": titles.method(method),
        "role": method.role,
        "attention": method.attention,
        "fusion": method.fusion,
        "fusion_family": method.family,
        "architecture": method.architecture,
        "modality": method.modality,
        "state": row.state,
        "reason": row.reason,
        "seeds_declared": row.declared,
        "seeds_done": row.done,
        "rank": row.rank,
        "rank_low": row.rank_low,
        "rank_high": row.rank_high,
        "best": row.best,
        "verdict": row.verdict,
        "may_be_behind": row.may_be_behind,
        "decided_at": row.decided_at,
        "in_top": row.in_top,
        "in_top_with_controls": row.in_top_all,
        **spread_columns("score", row.score),
        "n": row.score.n if row.score else 0,
        **spread_columns("validation", row.validation),
        **{k: v for name in metrics for k, v in spread_columns(name, row.metrics.get(name)).items()},
        "ceiling_share": row.ceiling_share,
        **gain_columns("to_best", row.to_best),
        **gain_columns("gain_single", row.gain_single),
        **gain_columns("gain_pooling", row.gain_pooling),
        "best_baseline": row.baseline,
        **gain_columns("gain_baseline", row.gain_baseline),
        **gain_columns("gain_linear", row.gain_linear),
        **gain_columns("gain_majority", row.gain_majority),
        "parameters": cost.parameters if cost else None,
        "flops": cost.flops if cost else None,
        "train_seconds": cost.train_seconds if cost else None,
        "inference_us": cost.inference_us if cost else None,
        "peak_memory": cost.peak_memory if cost else None,
        "latency_us": cost.latency_us if cost else None,
        "latency_95_us": cost.latency_95_us if cost else None,
        "pareto": " ".join(row.pareto),
        "seed_values": " ".join(f"{s.seed}:{s.value:.6g}" for s in row.seeds if s.value is not None),
        "trial_ids": " ".join(row.trial_ids),
    }


def _rank(row: CellRow) -> str:
    if row.rank_label:
        return f"{row.rank} {mark(row)}".rstrip()
    return "" if row.state == "complete" else row.state


def _marks(rows: Sequence[CellRow | OverallRow], scale: Scale) -> str:
    """What the marks behind ranks mean, where there are any."""
    found = {r.verdict for r in rows if not r.best}
    said = {"equal": f", • equal to it within {scale.rope_words}", "open": ", ◦ open"}
    return "".join(text for verdict, text in said.items() if verdict in found)


def _partial(d: DatasetReport, declared: int) -> str:
    """What a ranking leaves out, for captions; empty where it is complete."""
    said = []
    if d.best and len(d.seeds) < declared:
        said.append(f"compared on {count(len(d.seeds), 'seed')} of {declared}")
    if d.dropped:
        said.append(f"{count(len(d.dropped), 'combination')} of {len(d.cells)} not complete and so not ranked")
    return f"; partial: {' and '.join(said)}" if said else ""


def _step(value: Difference | None, scale: Scale) -> str:
    return scale.change(None if value is None else value.mean)


def _gain_column(heading: str, of: str, scale: Scale) -> Column:
    return (heading, lambda r: _step(getattr(r, of), scale), True)


def _metric_column(name: str, scale: Scale) -> Column:
    return (scale.title, lambda r: scale.number(r.metrics[name].mean if name in r.metrics else None), True)


def _cell_columns(d: DatasetReport) -> list[Column]:
    scale = d.scale
    baseline = next((titles.level("baseline", r.baseline) for r in d.rows if r.baseline), "baseline")
    ceiling: Column = ("of ceiling", lambda r: "–" if r.ceiling_share is None else share(r.ceiling_share), True)
    return [
        ("rank", _rank, True),
        ("method", lambda r: titles.method(r.method), False),
        (scale.title, lambda r: interval(r.score, scale), True),
        *(_metric_column(name, other) for name, other in d.beside.items()),
        ("n", lambda r: f"{r.score.n if r.score else 0}", True),
        *([ceiling] if scale.higher and scale.low == 0 else []),
        _gain_column("over single", "gain_single", scale),
        _gain_column("over pooling", "gain_pooling", scale),
        _gain_column(f"over {baseline}", "gain_baseline", scale),
        ("parameters", lambda r: quantity(r.cost.parameters if r.cost else None), True),
        ("FLOPs", lambda r: quantity(r.cost.flops if r.cost else None), True),
        ("training s", lambda r: quantity(r.cost.train_seconds if r.cost else None), True),
    ]


def cell_tables(context: Context) -> Iterator[Table]:
    for d in context.datasets:
        scale = d.scale
        caption = (
            f"{d.name}: {scale.label} on test{'' if scale.higher else ', lower is better'}, {context.seeds_words}; "
            f"gains {scale.gains_in}; ★ {scale.extreme} mean{_marks(d.cells, scale)}"
            f"{_partial(d, context.params.grid.least_seeds)}"
        )
        metrics = [name for name in METRICS if any(name in r.metrics for r in d.rows)]
        raw = (_cell_raw(row, metrics) for row in d.rows)
        yield build(f"cells_{d.name}", caption, d.rows, raw, _cell_columns(d), lambda r: r.best)


def overall_table(context: Context) -> Iterator[Table]:
    overall = context.overall
    if overall is None:
        return
    raw = (
        {
            "method": r.key,
            "title": titles.method(r.method),
            "rank": r.rank,
            "rank_low": r.rank_low,
            "rank_high": r.rank_high,
            "best": r.best,
            "verdict": r.verdict,
            "in_top": r.in_top,
            **spread_columns("score", r.score),
            "mean_rank": r.mean_rank,
            **{f"score_{name}": value for name, value in r.per_dataset.items()},
            "missing": " ".join(r.missing),
        }
        for r in overall.rows
    )

    scale = overall.scale

    def on(name: str) -> Column:
        own = context.dataset(name).scale
        return (f"{name} ({own.title})" if scale.is_ranks else name, lambda r: own.number(r.per_dataset[name]), True)

    mean_rank: Column = ("mean rank", lambda r: "–" if r.mean_rank is None else f"{r.mean_rank:.1f}", True)

    columns: list[Column] = [
        ("rank", lambda r: f"{r.rank} {mark(r)}".rstrip() if r.rank_label else "gap", True),
        ("method", lambda r: titles.method(r.method), False),
        ("mean rank ↓" if scale.is_ranks else f"mean {scale.arrow}", lambda r: interval(r.score, scale), True),
        *(on(name) for name in overall.datasets),
        *([] if scale.is_ranks else [mean_rank]),
    ]
    what = "Macro mean over data sets"
    if scale.is_ranks:
        what = f"Mean rank among the combinations over data sets, seed by seed: {overall.why_ranks}"
    noise = "the interval speaks of seed noise on these data sets" if context.replicated else "one seed"
    gaps = sum(r.rank is None for r in overall.rows)
    said = (
        f"; gap: not complete on each data set ({gaps} of {len(overall.rows)} combinations), so not ranked"
        if gaps
        else ""
    )
    caption = f"{what}; {noise}; ★ best{_marks(overall.rows, scale)}{said}"
    yield build("overall", caption, overall.rows, raw, columns, lambda r: r.best)
