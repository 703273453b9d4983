"""Plan and ledger -> Analysis. A pure function: no clock, no environment, no files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mmbench.report.scores import dataset_scores
from mmbench.report.scores.caveats import caveats, provenance
from mmbench.report.scores.complete_block import common
from mmbench.report.scores.curves import curves
from mmbench.report.scores.dataset_scores import Field, Record, Settings
from mmbench.report.scores.effects import by_score, effects
from mmbench.report.scores.fronts import fronts
from mmbench.report.sections.aggregates.compute import aggregates
from mmbench.report.sections.answer import compute as answer
from mmbench.report.sections.cost.lengths import length_report
from mmbench.report.sections.questions.compute import FACTORS, questions
from mmbench.report.sections.ranks.compute import ranks
from mmbench.report.stats import paired
from mmbench.report.trials.configurations import configurations
from mmbench.report.trials.frame import Results, coverage, method_of, problems, tidy
from mmbench.report.trials.machines import one_kind
from mmbench.report.values.analysis import (
    Analysis,
    CellRow,
    Counts,
    DatasetReport,
    Difference,
    Estimate,
    Factor,
    Method,
    Overall,
    OverallRow,
    Source,
)
from mmbench.report.values.scale import Scale, beside, joint, scale_of
from mmbench.report.values.words import count
from mmbench.schema.cost_curves import Profile
from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import compared
from mmbench.schema.params import Params, ReportSettings
from mmbench.schema.plan import Plan
from mmbench.schema.task import Task

_NOUNS = {"classification": "class", "binary": "class", "multilabel": "label", "regression": "number"}


def _targets(task: Task) -> str:
    """`10 classes`, `23 labels`, `1 number`."""
    return count(len(task.targets), _NOUNS[task.kind], "classes" if _NOUNS[task.kind] == "class" else None)


def _scale(spec: DataSpec, records: Sequence[Record], settings: ReportSettings) -> Scale:
    """The scale of a data set. What a guess scores is what the data set says or, for a metric that is not its main one,
    what the majority baseline does."""
    metric = compared(settings.metric, spec.name, spec.task)
    column = f"test_{metric}"
    done = [r for r in records if r["state"] == "done" and r[column] is not None]
    guess = spec.chance if metric == spec.task.metric else None
    if guess is None:
        guess = next((float(r[column]) for r in done if r["baseline"] == "majority"), None)
    return scale_of(metric, settings.rope, scores=[r[column] for r in done if r["role"] == "cell"], guess=guess)


def _other(metric: str, rows: Sequence[CellRow], guess: float | None = None) -> Scale:
    """Of a metric that is shown and not compared."""
    cells = [r.metrics[metric].mean for r in rows if r.method.role == "cell" and metric in r.metrics]
    return scale_of(metric, 0.0, scores=cells, guess=guess)


def _dataset(field: Field, spec: DataSpec, counts: Counts) -> DatasetReport:
    scale = field.settings.scale
    ranking = dataset_scores.rank(field.means, field.index, field.ranked("cell"))
    top_all = dataset_scores.top_with_controls(field)
    ceiling = spec.ceiling if scale.metric == spec.task.metric else None
    # A share of the ceiling says something where nothing is 0 and more is better: not of an error or a correlation.
    of = ceiling if scale.higher and scale.low == 0 else None
    rows = dataset_scores.rows(field, ranking, top_all, of)
    found_fronts = fronts(rows, scale)
    rows = [replace(r, pareto=tuple(f.cost for f in found_fronts if r.key in f.keys)) for r in rows]
    best = next((r for r in rows if r.best), None)
    validated = [
        (scale.oriented(r.validation.mean), r.key)
        for r in rows
        if r.method.role == "cell" and r.ranked and r.validation
    ]
    chosen = max(validated, key=lambda x: x[0])[1] if validated else None
    said = answer.statements(rows, spec, best, top_all, scale, of)
    key = best.key if best else None
    curve = scale if scale.metric == spec.task.metric else _other(spec.task.metric, rows, spec.chance)
    others = {m: _other(m, rows) for m in beside(spec.task, scale.metric) if any(m in r.metrics for r in rows)}
    return DatasetReport(
        name=field.dataset,
        description=spec.description,
        modalities=tuple(spec.modalities),
        carriers=spec.carriers,
        scale=scale,
        curve=curve,
        beside=others,
        targets=_targets(spec.task),
        missing={name: m.missing for name, m in spec.modalities.items() if m.missing > 0},
        splits=dict(spec.splits),
        chance=scale.guess,
        ceiling=ceiling,
        ceiling_why=spec.ceiling_why,
        licence=spec.licence,
        source=spec.source,
        citation=spec.citation,
        notes=spec.notes,
        data_hash=spec.hash,
        seeds=field.seeds,
        counts=counts,
        rows=tuple(rows),
        best=key,
        top=ranking.top,
        top_all=top_all,
        single=dataset_scores.best_single(field),
        chosen=chosen,
        finding=answer.finding(field.dataset, key, ranking.top, len(ranking.order), scale),
        answer=answer.answer(spec.name, rows, ceiling, ranking.top, chosen, said, scale),
        statements=said,
        fronts=found_fronts,
        dropped=tuple(r.key for r in rows if r.method.role == "cell" and not r.ranked),
    )


def _overall(
    own: Sequence[Field], datasets: Sequence[DatasetReport], settings: Settings, why_ranks: str | None
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
    ranking = dataset_scores.rank(means, index, complete)
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
    finding = answer.finding(where, best, ranking.top, len(complete), scale)
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


def _levels(methods: Mapping[str, Method]) -> dict[str, tuple[str, ...]]:
    """The levels of each factor among the cells, in the plan's order."""
    cell = [m for m in methods.values() if m.role == "cell"]
    return {f: tuple(dict.fromkeys(str(getattr(m, f)) for m in cell)) for f in FACTORS}


def analyse(
    plan: Plan,
    results: Results,
    specs: Mapping[str, DataSpec],
    params: Params,
    *,
    families: Mapping[str, str],
    profiles: Sequence[Profile] = (),
    sources: Sequence[Source] = (),
) -> Analysis:
    """Everything the report shows.

    results: the ledger, by trial_id; those that the plan does not hold are left out. specs: by data set. families: name
    of a fusion -> its family. profiles: of cost against length, where measured. sources: what the results were merged
    from, if they were. Equal input gives equal output, whatever the order of the mappings. Raises UserError where
    params.report.metric is none of a data set's.
    """
    configs = [job.config for job in plan.jobs] + [skip.config for skip in plan.skipped]
    methods: dict[str, Method] = {}
    for config in configs:
        if config.cell not in methods:
            methods[config.cell] = method_of(config, families)
    names = [n for n in params.grid.datasets if any(c.dataset == n for c in configs)]
    frame = tidy(plan, results, families, {n: compared(params.report.metric, n, specs[n].task) for n in names})
    counted = coverage(frame, names)
    plain = frame.astype(object).where(frame.notna(), None)
    records: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for record in plain.to_dict("records"):
        records[str(record["dataset"])].append({str(k): v for k, v in record.items()})
    timed_on = one_kind([r for own in records.values() for r in own])
    confidence = params.report.confidence
    scales = {name: _scale(specs[name], records[name], params.report) for name in names}
    fields = [
        dataset_scores.collect(name, records[name], methods, Settings(scale=scales[name], confidence=confidence))
        for name in names
    ]
    datasets = [_dataset(f, specs[f.dataset], c) for f, c in zip(fields, counted[1:], strict=True)]
    together, why_ranks = joint(scales)
    settings = Settings(scale=together, confidence=confidence)
    levels = _levels(methods)
    kinds = {m.fusion: str(m.family) for m in methods.values() if m.fusion}
    asked = questions(fields, {d.name: d.best for d in datasets}, levels, kinds, settings)
    overall = _overall(fields, datasets, settings, why_ranks)
    whole = common(fields, together)
    order = [r.key for r in overall.rows if r.score is not None] if overall is not None else []
    found = effects(fields, levels, {d.name: d.top for d in datasets}, by_rank=together.is_ranks)
    origin = replace(
        provenance(params, frame, results, {d.name: d.data_hash for d in datasets}),
        timed_on=timed_on,
        sources=tuple(sources),
    )
    started = any(d.best for d in datasets)
    return Analysis(
        experiment=params.tracking.experiment,
        scale=together,
        confidence=confidence,
        rope=params.report.rope,
        date=origin.last[:10] if origin.last else None,
        commit=origin.commits[0] if origin.commits else None,
        headline=answer.headline(counted[0], datasets, overall, found.winner_changes),
        lead=answer.lead(datasets, [q.finding for q in asked if q.name in ("attention", "multimodal") and started]),
        partial=counted[0].pending > 0,
        seeds_declared=params.grid.seeds,
        factors=tuple(
            Factor(
                name=factor,
                levels=levels[factor],
                by_score=by_score(factor, levels[factor], found),
                families=kinds if factor == "fusion" else {},
            )
            for factor in FACTORS
        ),
        coverage=counted,
        problems=problems(frame),
        datasets=tuple(datasets),
        overall=overall,
        questions=asked,
        effects=found,
        ranks=ranks(whole, levels, confidence),
        aggregates=aggregates(whole, levels, order, confidence),
        curves=tuple(curves(fields, results, levels, {n: specs[n].task.metric for n in names})),
        configurations=configurations(configs),
        lengths=tuple(length_report(p) for p in profiles),
        caveats=caveats(params, counted[0], datasets, asked, frame, why_ranks, origin),
        provenance=origin,
        frame=frame,
    )
