"""One data set: scale, ranking, rows and Pareto fronts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mmbench.report.scores import findings, ranking
from mmbench.report.scores.dataset_scores import DatasetScores, Record
from mmbench.report.scores.fronts import fronts
from mmbench.report.scores.rows import rows as rows_of
from mmbench.report.values.cells import CellRow
from mmbench.report.values.coverage import Counts
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.scale import Scale, beside, scale_of
from mmbench.report.values.words import count
from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import metric_to_compare
from mmbench.schema.params import ReportSettings
from mmbench.schema.task import Task
from mmbench.stats.estimates import Verdict

_NOUNS = {"classification": "class", "binary": "class", "multilabel": "label", "regression": "number"}


def _targets(task: Task) -> str:
    """`10 classes`, `23 labels`, `1 number`."""
    return count(len(task.targets), _NOUNS[task.kind], "classes" if _NOUNS[task.kind] == "class" else None)


def dataset_scale(spec: DataSpec, records: Sequence[Record], settings: ReportSettings) -> Scale:
    """The scale of a data set. What a guess scores is what the data set says or, for a metric that is not its main one,
    what the majority baseline does."""
    metric = metric_to_compare(settings.metric, spec.name, spec.task)
    column = f"test_{metric}"
    done = [r for r in records if r["state"] == "done" and r[column] is not None]
    guess = spec.chance if metric == spec.task.metric else None
    if guess is None:
        guess = next((float(r[column]) for r in done if r["baseline"] == "majority"), None)
    scores = [r[column] for r in done if r["role"] == "cell"]
    # A data set that is known from its trials alone has no samples.
    samples = spec.splits["test"] if spec.splits["test"] > 1 else None
    return scale_of(metric, settings.rope, scores=scores, guess=guess, samples=samples)


def _other(metric: str, rows: Sequence[CellRow], guess: float | None = None) -> Scale:
    """Of a metric that is shown and not compared."""
    cells = [r.metrics[metric].mean for r in rows if r.method.role == "cell" and metric in r.metrics]
    return scale_of(metric, 0.0, scores=cells, guess=guess)


def ceiling_of(spec: DataSpec, scale: Scale) -> float | None:
    """The best possible score, where it is of the metric compared."""
    return spec.ceiling if scale.metric == spec.task.metric else None


def share_of(ceiling: float | None, scale: Scale) -> float | None:
    """The ceiling where a share of it means something: nothing is 0 and more is better. Not of an error or a
    correlation."""
    return ceiling if scale.higher and scale.low == 0 else None


def dataset_report(
    field: DatasetScores,
    spec: DataSpec,
    counts: Counts,
    decided: Mapping[str, Verdict] | None = None,
    *,
    short: bool = False,
) -> DatasetReport:
    """decided: verdicts on cells that stand, whatever their seeds say by now: those of a race. short: the models were
    trained too briefly to be ranked."""
    scale = field.settings.scale
    stand = {key: v for key, v in (decided or {}).items() if not (v == "equal" and scale.at_guess)}
    places = ranking.rank(field.means, field.index, field.ranked("cell"), stand, equal=field.settings.equal)
    top_all = ranking.top_with_controls(field)
    ceiling = ceiling_of(spec, scale)
    rows = rows_of(field, places, top_all, share_of(ceiling, scale))
    found_fronts = fronts(rows, scale)
    rows = [replace(r, pareto=tuple(f.cost for f in found_fronts if r.key in f.keys)) for r in rows]
    best = next((r for r in rows if r.best), None)
    validated = [
        (scale.oriented(r.validation.mean), r.key)
        for r in rows
        if r.method.role == "cell" and r.ranked and r.validation
    ]
    chosen = max(validated, key=lambda x: x[0])[1] if validated else None
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
        top=places.top,
        top_all=top_all,
        single=ranking.best_single(field),
        chosen=chosen,
        finding=findings.finding(
            field.dataset, key, findings.known_verdicts(rows), len(places.order), scale, short=short
        ),
        fronts=found_fronts,
        dropped=tuple(r.key for r in rows if r.method.role == "cell" and not r.ranked),
    )
