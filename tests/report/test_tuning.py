"""The section on tuning, and that everything else speaks of tuned methods, from studies with known truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.report import Report
from mmbench.report.sections.tuning.compute import find_tuning
from mmbench.report.sections.tuning.sentences import sentences
from mmbench.schema.result import State, TrialResult
from mmbench.schema.trial import TrialConfig
from mmbench.schema.tuning import Tuning
from tests.support.factory import TRUTHS, Job, Made, Truth, identifier, make

FLAT = {"flat": Truth(base=0.8, single={"image": 0.5, "audio": 0.4}, linear=0.4)}
Gain = Callable[[TrialConfig], tuple[float, float]]
"""Of a trial: what its configuration adds to the scores on validation and test."""


def _scored(result: TrialResult, gain: tuple[float, float]) -> TrialResult:
    metrics = {s: dict(result.metrics[s]) for s in result.metrics}
    for split, more in zip(("validation", "test"), gain, strict=True):
        metrics[split]["accuracy"] = min(1.0, metrics[split]["accuracy"] + more)
    return result.model_copy(update={"metrics": metrics})


def _tuned(
    made: Made, gain: Gain, *, configurations: int = 3, faults: dict[str, State] | None = None
) -> dict[str, Any]:
    """Arguments of `analyse`: every study with more configurations. faults: by name of a trial."""
    jobs, results = [], dict(made.results)
    for job in made.plan.jobs:
        jobs.append(job)
        train = job.config.train
        for number in range(1, configurations if train is not None else 1):
            assert train is not None
            other = train.model_copy(update={"learning_rate": train.learning_rate * (1 + number)})
            config = job.config.model_copy(update={"train": other, "configuration": number})
            drawn = Job(
                trial_id=identifier(config), config=config, data_hash=job.data_hash, fingerprint=job.fingerprint
            )
            jobs.append(drawn)
            update = {"trial_id": drawn.trial_id, "config": config}
            results[drawn.trial_id] = _scored(made.results[job.trial_id].model_copy(update=update), gain(config))
    for job in jobs:
        fault = (faults or {}).get(job.config.name)
        if fault is State.PENDING:
            del results[job.trial_id]
        elif fault is not None:
            update = {"state": fault, "metrics": {}, "message": "RuntimeError: no"}
            results[job.trial_id] = results[job.trial_id].model_copy(update=update)
    tuning = Tuning(configurations=configurations, space={})
    params = made.params.model_copy(update={"tuning": tuning})
    return made.arguments() | {"plan": replace(made.plan, jobs=tuple(jobs)), "results": results, "params": params}


def _mean_of(report: Report, key: str, dataset: str = "flat") -> float:
    (d,) = (d for d in report.context.datasets if d.name == dataset)
    score = d.row(key).score
    assert score is not None
    return score.mean


CELL = "mean + concat · shared"


def test_what_counts_is_the_configuration_that_is_best_on_validation() -> None:
    """Number 2 is best on validation and worse on test than number 1: it counts all the same."""
    made = make(truths=FLAT, seeds=4, noise=0.002)
    gains = {1: (0.01, 0.09), 2: (0.05, 0.04)}
    report = analyse(**_tuned(made, lambda c: gains[c.configuration]))
    plain = analyse(**made.arguments())
    for row in plain.context.datasets[0].cells:
        assert row.score is not None
        assert _mean_of(report, row.key) == pytest.approx(row.score.mean + 0.04)
    (d,) = find_tuning(report.context) or ()
    for row in d.rows:
        if row.method.role != "baseline":
            assert row.gain is not None and row.gain.mean == pytest.approx(0.04)
            assert row.finished == 3 * 4 and row.studies == 4
    assert report.context.untuned.datasets[0].cells == plain.context.datasets[0].cells


def test_a_method_that_tuning_helps_most_is_named_and_answers_that_change_are_told() -> None:
    """Additive attention looks worse by 3 points; tuned it is as good as the others."""
    truth = replace(FLAT["flat"], attention={"additive": -0.03})
    made = make(truths={"flat": truth}, seeds=5, noise=0.003)

    def gain(config: TrialConfig) -> tuple[float, float]:
        additive = config.attention is not None and config.attention.name == "additive" and config.role == "cell"
        return (0.03, 0.03) if additive and config.configuration == 2 else (-0.01, -0.01)

    report = analyse(**_tuned(made, gain))
    (d,) = find_tuning(report.context) or ()
    gains = {(x.factor, x.level): x.gain.mean for x in d.levels}
    assert gains["attention", "additive"] == pytest.approx(0.03) and gains["attention", "mean"] == pytest.approx(0)
    said = " ".join(sentences(d))
    assert "mean against additive (attention): better under the default, equal when tuned" in said
    assert "from 0.0 (" in said and "to +3.0 (additive" in said
    assert "Kendall's tau" in said and d.tau is not None and d.tau < 0.9
    contrast = [v for v in report.context.verdicts if {v.subject, v.reference} == {"additive", "mean"}]
    assert {v.verdict for v in contrast} == {"equal"}


def test_a_study_that_is_not_finished_does_not_count() -> None:
    made = make(truths=FLAT, seeds=3, noise=0.002)
    name = f"{CELL} · flat · s1 · c2"
    arguments = _tuned(made, lambda c: (0.05, 0.05), faults={name: State.PENDING})
    report = analyse(**arguments)
    (d,) = (d for d in report.context.datasets if d.name == "flat")
    assert d.row(CELL).done == 2 and d.row(CELL).declared == 3
    (t,) = find_tuning(report.context) or ()
    (row,) = (r for r in t.rows if r.method.key == CELL)
    assert row.studies == 2 and row.finished == 8
    assert report.context.total.pending == 1 and report.context.total.declared == len(arguments["plan"].jobs)


def test_a_configuration_that_failed_is_the_worst_and_is_told() -> None:
    made = make(truths=FLAT, seeds=3, noise=0.002)
    names = [f"{CELL} · flat · s{seed} · c1" for seed in range(3)]
    report = analyse(**_tuned(made, lambda c: (0.05, 0.05), faults=dict.fromkeys(names, State.DIVERGED)))
    assert _mean_of(report, CELL) == pytest.approx(_mean_of(analyse(**made.arguments()), CELL) + 0.05)
    (t,) = find_tuning(report.context) or ()
    (row,) = (r for r in t.rows if r.method.key == CELL)
    assert row.failed == 3 and "3 configurations did not end well" in " ".join(sentences(t))
    (other,) = (r for r in t.rows if r.method.key == "mean + concat · independent")
    # Of one that failed the worst of the others is assumed, so that of one drawn at random less is expected.
    assert row.expected[0] == pytest.approx((2 * row.expected[2] - 0.05 + row.expected[2] - 0.05) / 3, abs=1e-6)
    assert other.expected[0] == pytest.approx(other.expected[2] - 0.05 / 3, abs=1e-6)


def test_ensembles_stand_beside_where_every_study_has_one() -> None:
    made = make(truths=FLAT, seeds=3, noise=0.002)
    arguments = _tuned(made, lambda c: (0.02, 0.02))
    whole = {(CELL, seed): 0.9 + 0.01 * seed for seed in range(3)}
    partly = {("mean + concat · independent", 0): 0.9}
    report = analyse(**arguments, ensembles={"flat": whole | partly})
    (t,) = find_tuning(report.context) or ()
    found = {r.method.key: r.ensemble for r in t.rows}
    one = found[CELL]
    assert one is not None and one.mean == pytest.approx(0.91) and found["mean + concat · independent"] is None


def test_without_tuning_there_is_no_section() -> None:
    assert find_tuning(analyse(**make(truths=FLAT).arguments()).context) is None


def test_page_markdown_and_tables_have_it() -> None:
    report = analyse(**_tuned(make(truths={"unique": TRUTHS["unique"]}, seeds=3), lambda c: (0.02, 0.02)))
    names = {t.name for part in report.parts for t in part.tables}
    assert {"tuning_unique", "tuning_unique_expected", "tuning_unique_levels"} <= names
    assert not report.failures
    from mmbench.report.pages.html import render

    page = render(report, downloads=())
    assert 'id="tuning"' in page and "What tuning changed" in page
