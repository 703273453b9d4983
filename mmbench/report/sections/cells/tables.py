"""Every table of the report, each with raw numbers (CSV) and as people read it (Markdown, LaTeX)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from mmbench.report.draw.table import Column, Table, build
from mmbench.report.sections.ranks.tables import aggregates, ranks
from mmbench.report.values.analysis import (
    Analysis,
    CellRow,
    DatasetReport,
    Difference,
    EffectTable,
    Estimate,
    Growth,
    LengthRow,
    OverallRow,
)
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import change, count, interval, number, percent, quantity, share
from mmbench.schema.metric import METRICS


def _spread(prefix: str, value: Estimate | None) -> dict[str, Any]:
    return {
        prefix: value.mean if value else None,
        f"{prefix}_half_width": value.half if value else None,
    }


def _gain(prefix: str, value: Difference | None) -> dict[str, Any]:
    return {
        prefix: value.mean if value else None,
        f"{prefix}_half_width": value.half if value else None,
        f"{prefix}_p_holm": value.p_holm if value else None,
        f"{prefix}_verdict": value.verdict if value else None,
    }


def _cell_raw(row: CellRow, metrics: Sequence[str]) -> dict[str, Any]:
    method, cost = row.method, row.cost
    return {
        "dataset": row.dataset,
        "method": row.key,
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
        "in_top": row.in_top,
        "in_top_with_controls": row.in_top_all,
        **_spread("score", row.score),
        "n": row.score.n if row.score else 0,
        **_spread("validation", row.validation),
        **{k: v for name in metrics for k, v in _spread(name, row.metrics.get(name)).items()},
        "ceiling_share": row.ceiling_share,
        **_gain("to_best", row.to_best),
        **_gain("gain_single", row.gain_single),
        **_gain("gain_pooling", row.gain_pooling),
        **_gain("gain_linear", row.gain_linear),
        **_gain("gain_majority", row.gain_majority),
        "parameters": cost.parameters if cost else None,
        "flops": cost.flops if cost else None,
        "train_seconds": cost.train_seconds if cost else None,
        "inference_us": cost.inference_us if cost else None,
        "peak_memory": cost.peak_memory if cost else None,
        "pareto": " ".join(row.pareto),
        "seed_values": " ".join(f"{s.seed}:{s.value:.6g}" for s in row.seeds if s.value is not None),
        "trial_ids": " ".join(row.trial_ids),
    }


def _mark(row: CellRow | OverallRow) -> str:
    """Behind the rank: of the best, and of what cannot be told apart from it."""
    return " ★" if row.best else " •" if row.in_top else ""


def _rank(row: CellRow) -> str:
    if row.rank_label:
        return row.rank_label + _mark(row)
    return "" if row.state == "complete" else row.state


def _partial(d: DatasetReport, declared: int) -> str:
    """What a ranking leaves out, for captions; empty where it is complete."""
    said = []
    if d.best and len(d.seeds) < declared:
        said.append(f"compared on {count(len(d.seeds), 'seed')} of {declared}")
    if d.dropped:
        said.append(f"{count(len(d.dropped), 'cell')} of {len(d.cells)} not complete and so not ranked")
    return f"; partial: {' and '.join(said)}" if said else ""


def _step(value: Difference | None, scale: Scale) -> str:
    return scale.change(None if value is None else value.mean)


def seeds_words(analysis: Analysis) -> str:
    """What a mean and what stands behind it is over, for captions."""
    if not analysis.replicated:
        return "one seed, so there are no intervals"
    return f"mean over seeds with {100 * analysis.confidence:g} % Student-t interval"


def _gain_column(heading: str, of: str, scale: Scale) -> Column:
    return (heading, lambda r: _step(getattr(r, of), scale), True)


def _metric_column(name: str, scale: Scale) -> Column:
    return (scale.title, lambda r: scale.number(r.metrics[name].mean if name in r.metrics else None), True)


def _cell_columns(d: DatasetReport) -> list[Column]:
    scale = d.scale
    ceiling: Column = ("of ceiling", lambda r: "–" if r.ceiling_share is None else share(r.ceiling_share), True)
    return [
        ("rank", _rank, True),
        ("method", lambda r: r.key, False),
        (scale.title, lambda r: interval(r.score, scale), True),
        *(_metric_column(name, other) for name, other in d.beside.items()),
        ("n", lambda r: f"{r.score.n if r.score else 0}", True),
        *([ceiling] if scale.higher and scale.low == 0 else []),
        _gain_column("over single", "gain_single", scale),
        _gain_column("over pooling", "gain_pooling", scale),
        _gain_column("over linear", "gain_linear", scale),
        ("parameters", lambda r: quantity(r.cost.parameters if r.cost else None), True),
        ("FLOPs", lambda r: quantity(r.cost.flops if r.cost else None), True),
        ("training s", lambda r: quantity(r.cost.train_seconds if r.cost else None), True),
    ]


def _cells(analysis: Analysis) -> Iterator[Table]:
    for d in analysis.datasets:
        scale = d.scale
        ties = "shared ranks cannot be told apart; " if analysis.replicated else ""
        caption = (
            f"{d.name}: {scale.label} on test{'' if scale.higher else ', lower is better'}, {seeds_words(analysis)}; "
            f"gains {scale.gains_in}; {ties}★ {scale.extreme} mean"
            f"{', • cannot be told apart from it' if len(d.top) > 1 else ''}{_partial(d, analysis.seeds_declared)}"
        )
        metrics = [name for name in METRICS if any(name in r.metrics for r in d.rows)]
        raw = (_cell_raw(row, metrics) for row in d.rows)
        yield build(f"cells_{d.name}", caption, d.rows, raw, _cell_columns(d), lambda r: r.best)


def _overall(analysis: Analysis) -> Iterator[Table]:
    overall = analysis.overall
    if overall is None:
        return
    raw = (
        {
            "method": r.key,
            "rank": r.rank,
            "rank_low": r.rank_low,
            "rank_high": r.rank_high,
            "best": r.best,
            "in_top": r.in_top,
            **_spread("score", r.score),
            "mean_rank": r.mean_rank,
            **{f"score_{name}": value for name, value in r.per_dataset.items()},
            "missing": " ".join(r.missing),
        }
        for r in overall.rows
    )

    scale = overall.scale

    def on(name: str) -> Column:
        own = analysis.dataset(name).scale
        return (f"{name} ({own.title})" if scale.is_ranks else name, lambda r: own.number(r.per_dataset[name]), True)

    mean_rank: Column = ("mean rank", lambda r: "–" if r.mean_rank is None else f"{r.mean_rank:.1f}", True)

    columns: list[Column] = [
        ("rank", lambda r: r.rank_label + _mark(r) if r.rank_label else "gap", True),
        ("method", lambda r: r.key, False),
        ("mean rank ↓" if scale.is_ranks else f"mean {scale.arrow}", lambda r: interval(r.score, scale), True),
        *(on(name) for name in overall.datasets),
        *([] if scale.is_ranks else [mean_rank]),
    ]
    what = "Macro mean over data sets"
    if scale.is_ranks:
        what = f"Mean rank among the cells over data sets, seed by seed: {overall.why_ranks}"
    noise = "the interval speaks of seed noise on these data sets" if analysis.replicated else "one seed"
    gaps = sum(r.rank is None for r in overall.rows)
    said = f"; gap: not complete on each data set ({gaps} of {len(overall.rows)} cells), so not ranked" if gaps else ""
    marks = "★ best" + (", • cannot be told apart from it" if len(overall.top) > 1 else "")
    caption = f"{what}; {noise}; {marks}{said}"
    yield build("overall", caption, overall.rows, raw, columns, lambda r: r.best)


def _coverage(analysis: Analysis) -> Iterator[Table]:
    states = ("declared", "done", "failed", "diverged", "timeout", "out_of_memory", "skipped", "pending")

    def state(name: str) -> Column:
        return (name.replace("_", " "), lambda c: str(getattr(c, name)), True)

    columns: list[Column] = [("data set", lambda c: c.name, False), *(state(s) for s in states)]
    yield build("coverage", "Declared trials by state", analysis.coverage, map(asdict, analysis.coverage), columns)
    if analysis.problems:
        columns = [
            ("trial", lambda p: p.name, False),
            ("id", lambda p: p.trial_id or "–", False),
            ("state", lambda p: p.state.replace("_", " "), False),
            ("message", lambda p: p.message, False),
        ]
        caption = "Trials that ended without a score, and those that cannot be"
        yield build("problems", caption, analysis.problems, map(asdict, analysis.problems), columns)


def _questions(analysis: Analysis) -> Iterator[Table]:
    items = []
    for q in analysis.questions:
        items += [(q.name, name, d, q.scales[name]) for name, ds in q.per_dataset.items() for d in ds]
        items += [(q.name, "all", d, q.scale) for d in q.overall]
    if not items:
        return
    columns: list[Column] = [
        ("question", lambda x: x[0], False),
        ("data set", lambda x: x[1], False),
        ("subject", lambda x: x[2].subject, False),
        ("reference", lambda x: x[2].reference, False),
        ("difference", lambda x: change(x[2], x[3]), True),
        ("pairs", lambda x: str(x[2].pairs), True),
        ("p (Holm)", lambda x: "–" if x[2].p_holm is None else f"{x[2].p_holm:.2g}", True),
        ("verdict", lambda x: x[2].verdict, False),
    ]
    raw = ({"question": q, "dataset": name, **asdict(d), "metric": scale.metric} for q, name, d, scale in items)
    turned = "" if all(scale.higher for *_, scale in items) else ", so turned that + is better"
    caption = (
        f"The article's questions: paired differences, subject − reference{turned}; over all data sets the unit is the "
        "data set"
    )
    yield build("questions", caption, items, raw, columns)


def _where(table: EffectTable) -> str:
    return table.dataset or "all"


def effect_tables(analysis: Analysis) -> list[EffectTable]:
    """Per data set, then with data set as block."""
    blocked = analysis.effects.blocked
    return [*analysis.effects.per_dataset, *([] if blocked is None else [blocked])]


def _effects(analysis: Analysis) -> Iterator[Table]:
    parts = effect_tables(analysis)
    terms = [(_where(t), term) for t in parts for term in t.terms]
    if terms:
        columns: list[Column] = [
            ("data set", lambda x: x[0], False),
            ("term", lambda x: x[1].label, False),
            ("df", lambda x: str(x[1].df), True),
            ("share", lambda x: percent(x[1].share), True),
            ("ω²", lambda x: "–" if x[1].omega2 is None else number(x[1].omega2), True),
            ("p", lambda x: "–" if x[1].p is None else f"{x[1].p:.2g}", True),
        ]
        raw = ({"dataset": name, **asdict(t), "factors": " ".join(t.factors)} for name, t in terms)
        caption = "Variance explained (Type II); all: with data set as block"
        yield build("effects", caption, terms, raw, columns)
    means = [(_where(t), mean, t.scale) for t in parts for mean in t.means]
    if means:
        mixed = len({t.scale.metric for t in parts}) > 1
        arrow = parts[0].scale.arrow
        metric: Column = ("metric", lambda x: x[2].title, False)
        columns = [
            ("data set", lambda x: x[0], False),
            ("factor", lambda x: x[1].factor, False),
            ("level", lambda x: x[1].level, False),
            ("mean" if mixed else f"mean {arrow}", lambda x: interval(x[1].score, x[2]), True),
            *([metric] if mixed else []),
            ("settings", lambda x: str(x[1].contexts), True),
        ]
        raw = (
            {
                "dataset": name,
                "factor": m.factor,
                "level": m.level,
                "metric": scale.metric,
                **_spread("score", m.score),
                "settings": m.contexts,
            }
            for name, m, scale in means
        )
        noise = "; intervals for comparing levels" if analysis.replicated else "; one seed, no intervals"
        caption = f"Marginal means over the settings that all levels share{noise}"
        yield build("marginal_means", caption, means, raw, columns)


def _fronts(analysis: Analysis) -> Iterator[Table]:
    items = [(d, f, d.row(k)) for d in analysis.datasets for f in d.fronts for k in f.keys]
    if not items:
        return
    mixed = len({d.scale.metric for d in analysis.datasets}) > 1
    metric: Column = ("metric", lambda x: x[0].scale.title, False)
    columns: list[Column] = [
        ("data set", lambda x: x[0].name, False),
        ("cost", lambda x: x[1].label, False),
        ("method", lambda x: x[2].key, False),
        ("value ↓", lambda x: quantity(getattr(x[2].cost, x[1].cost)), True),
        ("score" if mixed else analysis.datasets[0].scale.title, lambda x: interval(x[2].score, x[0].scale), True),
        *([metric] if mixed else []),
    ]
    raw = (
        {
            "dataset": d.name,
            "cost": f.cost,
            "method": r.key,
            "metric": d.scale.metric,
            "value": getattr(r.cost, f.cost),
            **_spread("score", r.score),
            "hypervolume": f.hypervolume,
        }
        for d, f, r in items
    )
    yield build("pareto", "Pareto fronts of score against cost, from cheap to dear", items, raw, columns)


def _growth(value: Growth | None) -> str:
    """`1.02 ± 0.03`"""
    if value is None:
        return "–"
    return f"{value.exponent:.2f}" + ("" if value.half is None else f" ± {value.half:.2f}")


def _stopped(row: LengthRow) -> str:
    return "" if row.stopped_at is None else f"at {row.stopped_at:,} tokens: {row.why}"


def _length_raw(row: LengthRow) -> dict[str, Any]:
    growths = {"time": row.time_growth, "memory": row.memory_growth}
    return {
        "attention": row.attention,
        **{f"{name}_exponent": g.exponent if g else None for name, g in growths.items()},
        **{f"{name}_exponent_half_width": g.half if g else None for name, g in growths.items()},
        "training_seconds": row.last_training,
        "memory_bytes": row.last_memory,
        "times_as_fast_as_exact": row.speedup,
        "stopped_at": row.stopped_at,
        "why": row.why,
        "message": row.message,
    }


def _lengths(analysis: Analysis) -> Iterator[Table]:
    for part in analysis.lengths:
        columns: list[Column] = [
            ("attention", lambda r: r.attention, False),
            ("time exponent", lambda r: _growth(r.time_growth), True),
            ("memory exponent", lambda r: _growth(r.memory_growth), True),
            (f"s at {part.longest:,} ↓", lambda r: quantity(r.last_training), True),
            ("memory, B ↓", lambda r: quantity(r.last_memory), True),
            ("× as fast as exact", lambda r: quantity(r.speedup), True),
            ("stopped", _stopped, False),
        ]
        caption = (
            f"Cost of a forward and backward pass against length, {part.conditions}; cost grows as tokens to the "
            f"power of the exponent, least squares from {part.fitted_from:,} tokens, 95 % interval"
        )
        yield build(f"length_{part.device}", caption, part.rows, map(_length_raw, part.rows), columns)


def tables(analysis: Analysis) -> tuple[Table, ...]:
    """In the order of the report."""
    made = (_cells, _overall, _questions, _effects, ranks, aggregates, _fronts, _lengths, _coverage)
    return tuple(table for make in made for table in make(analysis))
