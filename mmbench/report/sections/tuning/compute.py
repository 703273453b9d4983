"""Default against tuned against ensemble, study by study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
from scipy import stats

from mmbench.registry import GRID_AXES
from mmbench.report.scores.context import Context
from mmbench.report.sections.tuning.record import DatasetTuning, LevelGain, TunedRow
from mmbench.report.trials.studies import Row, studies, validation
from mmbench.report.values.methods import Method
from mmbench.report.values.scale import Scale
from mmbench.report.values.verdicts import VerdictRecord
from mmbench.schema.result import State
from mmbench.schema.tuning import choose
from mmbench.stats import paired
from mmbench.stats.ensemble import expected_best
from mmbench.stats.estimates import Estimate, Verdict

Gains = Mapping[str, Mapping[int, float]]
"""Of methods, by seed; more is better."""


def find_tuning(context: Context) -> tuple[DatasetTuning, ...] | None:
    """Nothing where methods were trained under one configuration."""
    if not context.tuned:
        return None
    return tuple(_of_dataset(context, name) for name in context.names)


def _of_dataset(context: Context, name: str) -> DatasetTuning:
    scale, metric = context.scales[name], context.specs[name].task.metric
    rows, gains = [], {}
    whole = sorted(studies(context.all_records[name]), key=lambda own: own[0]["method"])
    for key, group in groupby(whole, key=lambda own: str(own[0]["method"])):
        row, gains[key] = _row(context.methods[key], list(group), scale, metric, context, name)
        rows.append(row)

    def by_score(row: TunedRow) -> tuple[bool, float]:
        return row.tuned is None, -scale.oriented(row.tuned.mean) if row.tuned else 0.0

    both = list(_both(context, name))
    return DatasetTuning(
        name=name,
        scale=scale,
        configurations=context.params.tuning.configurations,
        rows=tuple(sorted(rows, key=by_score)),
        levels=tuple(_levels(context, gains)),
        tau=_tau([r for r in rows if r.method.role == "cell"]),
        compared=len(both),
        changes=tuple(
            f"{v.subject} against {v.reference} ({v.axis}): {was} under the default, {now} when tuned"
            for v, was, now in both
            if was != now
        ),
    )


def _row(
    method: Method, own: Sequence[Sequence[Row]], scale: Scale, metric: str, context: Context, dataset: str
) -> tuple[TunedRow, dict[int, float]]:
    """own: its studies."""
    score, turned = f"test_{scale.metric}", scale.oriented
    ensembles = context.ensembles.get(dataset, {})
    default, tuned, ensemble, curves = {}, {}, {}, []
    finished = [r for study in own for r in study if r["state"] != State.PENDING]
    for study in own:
        seed, choosing = study[0]["seed"], [validation(r, metric) for r in study]
        at = choose(choosing)
        # Effort is equal or nothing is said: studies that are not finished do not count.
        pending = any(r["state"] == State.PENDING for r in study)
        if at is None or pending or len(study) == 1 or study[at][score] is None:
            continue
        tuned[seed] = turned(float(study[at][score]))
        if study[0][score] is not None:
            default[seed] = turned(float(study[0][score]))
        if (found := ensembles.get((method.key, seed))) is not None:
            ensemble[seed] = turned(found)
        curves.append(_expected(study, choosing, score, scale))
    gains = {seed: tuned[seed] - default[seed] for seed in tuned if seed in default}

    def over(values: Mapping[int, float], *, difference: bool = False) -> Estimate | None:
        back = list(values.values()) if difference else [turned(x) for x in values.values()]
        return paired.estimate(back, context.confidence)

    row = TunedRow(
        method=method,
        finished=len(finished),
        failed=sum(r["state"] != State.DONE for r in finished),
        studies=len(tuned),
        default=over(default),
        tuned=over(tuned),
        ensemble=over(ensemble) if len(ensemble) == len(tuned) else None,
        gain=over(gains, difference=True),
        expected=np.mean(curves, axis=0).tolist() if curves else [],
    )
    return row, gains


def _expected(study: Sequence[Row], choosing: Sequence[float | None], score: str, scale: Scale) -> list[float]:
    """One that did not end well is chosen last, and then reaches what the worst of the others does."""
    reached = [None if c is None or r[score] is None else float(r[score]) for r, c in zip(study, choosing, strict=True)]
    known = [x for x in reached if x is not None]
    worst = min(known, key=scale.oriented)
    filled = [worst if x is None else x for x in reached]
    return expected_best([-np.inf if c is None else c for c in choosing], filled)


def _levels(context: Context, gains: Gains) -> Iterator[LevelGain]:
    cells = [m for m in context.methods.values() if m.role == "cell" and gains.get(m.key)]
    for factor in GRID_AXES:
        for level in context.levels[factor]:
            own = [gains[m.key] for m in cells if getattr(m, factor) == level]
            shared = sorted(set.intersection(*map(set, own))) if own else []
            found = paired.estimate([float(np.mean([g[seed] for g in own])) for seed in shared], context.confidence)
            if found is not None:
                yield LevelGain(factor=factor, level=level, gain=found)


def _tau(rows: Sequence[TunedRow]) -> float | None:
    both = [(r.default.mean, r.tuned.mean) for r in rows if r.default is not None and r.tuned is not None]
    if len(both) < 2:
        return None
    tau = float(stats.kendalltau(*zip(*both, strict=True)).statistic)
    return None if np.isnan(tau) else tau


TURNED: dict[Verdict, Verdict] = {"better": "worse", "worse": "better"}


def _both(context: Context, name: str) -> Iterator[tuple[VerdictRecord, Verdict, Verdict]]:
    """Contrasts that have a verdict with and without tuning: the tuned one, and both verdicts of its subject."""
    before: dict[tuple[str | None, str, str], Verdict] = {}
    for v in context.untuned.verdicts:
        if v.kind == "contrast" and v.dataset == name and v.verdict is not None:
            before[v.axis, v.subject, v.reference] = v.verdict
            before[v.axis, v.reference, v.subject] = TURNED.get(v.verdict, v.verdict)
    for v in context.verdicts:
        was = before.get((v.axis, v.subject, v.reference))
        if v.kind == "contrast" and v.dataset == name and v.verdict is not None and was is not None:
            yield v, was, v.verdict
