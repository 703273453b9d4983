"""What makes scores doubtful stands beside them: a validation split that is not like test, and accepted leakage."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.markdown import render as in_markdown
from mmbench.report.scores.warnings import validation_gap
from mmbench.schema.result import State
from tests.support.factory import OTHERS, Made, Truth, make

TRUTH = {"flat": Truth(base=0.76, single={"image": 0.5, "audio": 0.4}, linear=0.4)}


def shifted(made: Made, by: float, *, samples: int = 2000, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """Arguments of `analyse`: validation scores that are so much better, on splits of so many samples."""
    results = {}
    for i, r in made.results.items():
        metrics = {s: dict(scores) for s, scores in r.metrics.items()}
        if r.state is State.DONE and r.config.role != "baseline":
            for metric in ("accuracy", "macro_f1"):
                metrics["validation"][metric] = min(1.0, metrics["validation"][metric] + by)
        results[i] = r.model_copy(update={"metrics": metrics})
    splits = {"train": 100, "validation": samples, "test": samples}
    specs = {n: s.model_copy(update={"splits": splits, "notes": notes}) for n, s in made.specs.items()}
    return made.arguments() | {"results": results, "specs": specs}


@pytest.mark.parametrize(
    ("by", "samples", "warned"),
    [
        (0.23, 2000, True),
        (0.06, 2000, True),
        (0.0, 2000, False),
        (0.02, 2000, False),
        (0.06, 200, False),
        (0.2, 200, True),
        (-0.2, 2000, True),
    ],
)
def test_a_validation_split_that_is_not_like_test_is_told(by: float, samples: int, warned: bool) -> None:
    report = analyse(**shifted(make(truths=TRUTH, seeds=3, noise=0.004), by, samples=samples))
    (d,) = report.context.datasets
    assert bool(validation_gap(d)) is warned
    text = in_markdown(report)
    assert text.count("validation and test differ") == (2 if warned else 0), "in the lead and beside the score"
    if by == 0.23:
        assert re.search(r"0\.99\d on validation and 0\.76\d on test", validation_gap(d))


def test_few_test_samples_are_on_the_first_screen_with_the_interval_that_they_allow() -> None:
    """Not where there are enough, and not where the samples are not known."""
    for samples, times in ((12, 2), (30, 0), (1, 0)):
        text = in_markdown(analyse(**shifted(make(truths=TRUTH, seeds=3, noise=0.004), 0.0, samples=samples)))
        assert text.count("est has only 12 samples: a model that gets 9 of 12 right") == times
        assert ("47 % to 91 %" in text.partition("## Before you rely on it")[2][:1500]) == bool(times)


def test_few_groups_stand_beside_the_score() -> None:
    note = "few groups: the 160 samples of test come from 1 group, and other groups may differ"
    text = in_markdown(analyse(**shifted(make(truths=TRUTH, seeds=3, noise=0.004), 0.0, notes=(note,))))
    told = "hold for these groups alone: the 160 samples of test come from 1 group, and other groups may differ."
    assert f"Intervals and verdicts {told}" in text
    of_validation = note.replace(" of test ", " of validation ")
    text = in_markdown(analyse(**shifted(make(truths=TRUTH, seeds=3, noise=0.004), 0.0, notes=(of_validation,))))
    assert (
        f"What is chosen on validation, such as the epoch, {told}".replace("hold for", "holds for").replace(
            " of test ", " of validation "
        )
        in text
    )


def test_accepted_leakage_stands_beside_the_score() -> None:
    notes = ("accepted leakage: 12 samples with near duplicate", "3 rows were left out")
    made = make(truths=TRUTH, seeds=3, noise=0.004)
    told = "Scores may be too good: leakage between the splits was accepted (12 samples with near duplicate)."
    text = in_markdown(analyse(**shifted(made, 0.0, notes=notes)))
    assert told in text and text.index(told) < text.index("3 rows were left out")
    assert "leakage" not in in_markdown(analyse(**shifted(made, 0.0, notes=notes[1:])))


@pytest.mark.parametrize(("by", "warned"), [(0.0, False), (1.0, False), (-5.0, True)])
def test_an_error_is_apart_where_it_is_by_many_margins(by: float, warned: bool) -> None:
    """Of `rating`, a guess has an error of about 20: one margin is .2, ten are 2."""
    made = make(truths={"rating": OTHERS["rating"]}, seeds=3)
    results = {}
    for i, r in made.results.items():
        metrics = {s: dict(scores) for s, scores in r.metrics.items()}
        if "mae" in metrics.get("validation", {}):
            metrics["validation"]["mae"] += by
        results[i] = r.model_copy(update={"metrics": metrics})
    (d,) = analyse(**made.arguments() | {"results": results}).context.datasets
    assert d.scale.metric == "mae" and 0.1 < d.scale.rope < 0.3
    assert bool(validation_gap(d)) is warned
