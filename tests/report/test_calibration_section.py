"""What the report says of calibration."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mmbench.probe.calibration import BINS
from mmbench.report.build import analyse
from mmbench.report.pages.report import Part, Report
from mmbench.report.sections.calibration.compute import Bin, DatasetCalibration, Reliability
from mmbench.report.sections.calibration.sentences import finding, sentences
from mmbench.schema.quantity import QUANTITIES
from mmbench.schema.result import TrialResult
from tests.report.test_language import SETTINGS, found_in, words_of
from tests.support.factory import OTHERS, TRUTHS, Made, make

LEVELS = {"attention": ["additive", "mean"], "fusion": ["concat", "cross_attention"], "architecture": ["shared"]}


def values(r: TrialResult, *, mended: bool = True) -> dict[str, Any]:
    """Too sure; cross-attention has more log-loss than concatenation, and additive attention as much as pooling."""
    own = np.random.default_rng(len(r.config.name) * 10 + r.config.seed)
    fusion = r.config.fusion.name if r.config.fusion else ""
    log_loss = 0.4 + (0.1 if fusion == "cross_attention" else 0.0) + 0.004 * own.normal()
    after = log_loss - 0.08 if mended else log_loss - 0.001
    error = (0.09, 0.02) if mended else (0.021, 0.02)
    counts = [0] * 6 + [10, 20, 30, 40, 50, 60, 70, 120, 600]
    confidence = [(i + 0.5) / BINS if n else 0.0 for i, n in enumerate(counts)]
    return {
        "log_loss": [log_loss, after],
        "brier": [log_loss / 2, after / 2],
        "calibration_error": list(error),
        "calibration_error_adaptive": list(error),
        "calibration_error_classwise": list(error),
        "aurc": [0.05, 0.05],
        "augrc": [0.03, 0.03],
        "temperature": 1.8 if mended else 1.01,
        "reliability_counts": counts * 2,
        "reliability_confidence": confidence * 2,
        "reliability_accuracy": [max(c - 0.09, 0.0) for c in confidence] + confidence,
    }


def with_probe(made: Made, of: Callable[[TrialResult], dict[str, Any]] = values) -> Made:
    results = {
        i: r.model_copy(update={"quantities": r.quantities | of(r)})
        for i, r in made.results.items()
        if made.specs[r.config.dataset].task.kind != "regression"
    }
    return replace(made, results=made.results | results)


def whole(report: Report) -> Part:
    """The section with all its outputs, none of which has failed."""
    (found,) = (part for part in report.parts if part.name == "calibration")
    found.make_all()
    assert found.failure is None, found.failure
    return found


def section(report: Report) -> tuple[DatasetCalibration, ...]:
    found: tuple[DatasetCalibration, ...] = report["calibration"]
    return found


@pytest.fixture(scope="module")
def report() -> Report:
    truths = {"synergy": TRUTHS["synergy"], "rating": OTHERS["rating"], "genres": OTHERS["genres"]}
    return analyse(**with_probe(make(truths=truths, levels=LEVELS)).arguments())


def test_it_is_shown_for_what_gives_probabilities(report: Report) -> None:
    parts = section(report)
    assert [d.name for d in parts] == ["synergy", "genres"], "a regression has none"
    assert finding(parts) == "Combinations are too sure on synergy and genres; temperature scaling lowers log-loss"
    said = list(sentences(parts[0]))
    assert said[0].startswith("By log-loss, which this section goes by, ")
    assert "lowers the log-loss of 4 of 4 combinations by more than 0.02 nats" in said[1]
    assert "from 0.090 to 0.020" in said[1] and "median temperature is 1.80" in said[1]
    assert any(
        x.startswith("Kinds of fusion: late fusion of features has 0.10") and "lower log-loss" in x for x in said
    )
    assert said[-1].endswith("They rank nothing here.")
    assert report["probes"] is None, "the section claims its probe"


def test_every_number_of_the_probe_is_declared(report: Report) -> None:
    assert set(values(next(iter(report.context.results.values())))) <= set(QUANTITIES)


def test_verdicts_are_those_of_the_numbers(report: Report) -> None:
    log_loss = section(report)[0].of("log_loss")
    assert log_loss is not None and log_loss.attention is not None
    assert log_loss.attention.verdict == "equal"
    by_axis = dict(log_loss.contrasts)
    assert by_axis["fusion"].verdict == "better" and by_axis["fusion"].subject == "concat", "less of it is better"


def test_reliability_is_of_the_best_the_same_without_attention_and_a_baseline(report: Report) -> None:
    shown = section(report)[0].shown
    assert [r.what for r in shown] == ["the best combination", "the same without attention", "the best baseline"]
    best = shown[0]
    assert best.seeds == 3 and sum(b.samples for b in best.before) == 3 * 1000
    assert len(best.before) == 9, "bins without samples are left out"
    assert best.after[-1].accuracy == pytest.approx(best.after[-1].confidence)


def test_what_chance_alone_would_show() -> None:
    """Against draws of a model that is calibrated: three trainings that said the same of the same samples."""
    draw, n = np.random.default_rng(0), 1000
    sure = draw.uniform(0.5, 1, n)
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    known = [k for k in range(BINS) if (place == k).any()]
    errors = []
    for _ in range(200):
        right = draw.random(n) < sure
        errors.append(sum((place == k).mean() * abs(right[place == k].mean() - sure[place == k].mean()) for k in known))
    bins = tuple(
        Bin(samples=3 * int((place == k).sum()), confidence=float(sure[place == k].mean()), accuracy=0.0) for k in known
    )
    told = Reliability(key="x", what="", seeds=3, before=bins, after=bins).by_chance
    assert told == pytest.approx(np.mean(errors), rel=0.1)


def test_all_outputs_are_written(report: Report) -> None:
    part = whole(report)
    json.dumps(report.as_json()["sections"]["calibration"], allow_nan=False)
    for name in ("calibration_levels", "calibration_methods", "calibration_contrasts", "reliability"):
        assert f"tables/{name}_synergy" in part.files()
    methods = next(t.raw for t in part.tables if t.name == "calibration_methods_synergy")
    assert methods["temperature"].dropna().tolist() == pytest.approx([1.8] * len(methods))
    assert "figures/reliability_synergy" in part.files()
    body = part.body
    assert body.count("<svg") == 6 and len(body) < 120_000
    assert not found_in(words_of(body))
    for d in section(report):
        for text in (*sentences(d), finding(section(report))):
            assert not found_in(text, SETTINGS), text


def test_an_error_that_so_few_samples_have_by_chance_is_none() -> None:
    made = with_probe(make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS), values)
    (part,) = section(analyse(**made.arguments()))
    assert part.errors is not None and part.state == "too sure"
    few = replace(part, by_chance=part.errors[0] + 0.01)
    assert finding([few]).startswith("Combinations are not known to be miscalibrated on synergy")
    assert finding([replace(part, cautions=("too brief",))]) == "Calibration"


def test_what_scaling_does_not_change_is_said() -> None:
    made = with_probe(make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS), lambda r: values(r, mended=False))
    parts = section(analyse(**made.arguments()))
    assert finding(parts) == (
        "Combinations are about as sure as they are right on synergy; temperature scaling hardly changes log-loss"
    )
    assert "lowers the log-loss of 0 of 4 combinations" in list(sentences(parts[0]))[1]


def test_where_scaling_harms_it_is_said() -> None:
    """A temperature that is fitted on few samples may be wrong on others."""

    def harmed(r: TrialResult) -> dict[str, Any]:
        found = values(r)
        return found | {"log_loss": [found["log_loss"][0], found["log_loss"][0] + 0.1]}

    truths = {"synergy": TRUTHS["synergy"], "genres": OTHERS["genres"]}
    made = make(truths=truths, levels=LEVELS)
    parts = section(analyse(**with_probe(made, harmed).arguments()))
    assert finding(parts).endswith("; temperature scaling raises log-loss")
    both = with_probe(made, lambda r: harmed(r) if r.config.dataset == "genres" else values(r))
    heading = finding(section(analyse(**both.arguments())))
    assert heading.endswith("temperature scaling lowers log-loss on synergy and raises log-loss on genres")


def test_where_no_bin_holds_enough_samples_no_diagram_is_drawn() -> None:
    def few(r: TrialResult) -> dict[str, Any]:
        return values(r) | {"reliability_counts": [0] * 14 + [3] + [0] * 14 + [3]}

    report = analyse(**with_probe(make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS), few).arguments())
    part = whole(report)
    assert "figures/reliability_synergy" not in part.files() and "tables/reliability_synergy" in part.files()
    who = "the best combination, the same without attention, the best baseline"
    assert f"No bin of confidence of {who} holds 10 samples" in part.body and "<svg" not in part.body


def test_a_method_without_a_diagram_is_named() -> None:
    def some(r: TrialResult) -> dict[str, Any]:
        return values(r) | ({"reliability_counts": [0] * 14 + [3] + [0] * 14 + [3]} if r.config.baseline else {})

    report = analyse(**with_probe(make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS), some).arguments())
    body = whole(report).body
    assert "No bin of confidence of the best baseline holds 10 samples" in body and "<svg" in body


def test_one_seed_and_no_controls_are_shown_without_intervals() -> None:
    made = with_probe(make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS, seeds=1, controls=False))
    report = analyse(**made.arguments())
    whole(report) and len(section(report)[0].shown) == 2


def test_nothing_is_shown_where_nothing_was_measured() -> None:
    assert analyse(**make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS).arguments())["calibration"] is None
