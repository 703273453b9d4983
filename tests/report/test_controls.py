"""Where a control does at least as well as the best combination, that is what the report says first."""

from __future__ import annotations

import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.report import Report
from tests.support.factory import TRUTHS, Truth, make
from tests.support.reports import answer


def report(**truth: float) -> Report:
    """All combinations at .7; controls as given."""
    fields = {"image": 0.5, "linear": 0.5, "majority": 0.3} | truth
    flat = Truth(
        base=0.7,
        single={"image": fields["image"], "audio": 0.4},
        linear=fields["linear"],
        majority=fields["majority"],
    )
    return analyse(**make(truths={"flat": flat}, seeds=5, noise=0.004).arguments())


@pytest.mark.parametrize(
    ("truth", "headline", "first"),
    [
        ({"image": 0.7}, "One modality suffices on flat.", "On flat, one modality suffices: "),
        ({"image": 0.8}, "One modality does better alone on flat (0.80", "On flat, one modality does better alone: "),
        (
            {"linear": 0.8},
            "A linear model does better on flat (0.800 against 0.70",
            "On flat, a linear model does better",
        ),
        (
            {"linear": 0.703, "image": 0.9},
            "A linear model does as well on flat.",
            "On flat, a linear model does as well",
        ),
        (
            {"majority": 0.75},
            "A guess does better than every model on flat (0.750",
            "On flat, a guess does better than",
        ),
    ],
)
def test_the_simplest_control_that_is_as_good_comes_first(truth: dict[str, float], headline: str, first: str) -> None:
    found = report(**truth)
    assert found.headline.startswith(headline)
    assert answer(found, "flat").sentences[0].startswith(first)
    assert not any(f"use {k}" in text for k in found.context.methods for text in answer(found, "flat").sentences)


def test_where_combinations_are_ahead_of_all_controls_nothing_of_the_kind_is_said() -> None:
    found = report()
    assert found.headline.startswith("No single winner on flat")
    assert answer(found, "flat").sentences[0].startswith("On flat, use ")


def test_other_data_sets_keep_their_winner() -> None:
    flat = Truth(base=0.7, single={"image": 0.7, "audio": 0.4}, linear=0.5, majority=0.3)
    truths = {"synergy": TRUTHS["synergy"], "flat": flat}
    found = analyse(**make(truths=truths, seeds=5, noise=0.004).arguments())
    assert found.headline.startswith(
        "One modality suffices on flat; additive + cross_attention · independent is best on"
    )


def test_of_several_other_data_sets_no_more_is_said_than_is_known() -> None:
    flat = Truth(base=0.7, single={"image": 0.7, "audio": 0.4}, linear=0.5, majority=0.3)
    truths = {"flat": flat, "synergy": TRUTHS["synergy"], "redundant": TRUTHS["redundant"]}
    found = analyse(**make(truths=truths, seeds=5, noise=0.004).arguments())
    rest = "on synergy and redundant no control is known to be as good as combinations."
    assert found.headline == f"One modality suffices on flat; {rest}"


def test_on_few_samples_no_control_is_called_as_good() -> None:
    """Thirty test samples: one is 3.3 points, so that equal scores of all seeds show nothing within one point."""
    flat = Truth(base=0.7, single={"image": 0.7, "audio": 0.4}, linear=0.7, majority=0.3)
    arguments = make(truths={"flat": flat}, seeds=5, noise=0.001).arguments()
    spec = arguments["specs"]["flat"]
    few = spec.model_copy(update={"splits": spec.splits | {"test": 30}})
    found = analyse(**(arguments | {"specs": {"flat": few}}))
    assert "suffices" not in found.headline and "as well" not in found.headline
    assert not any(v.verdict == "equal" for v in found.context.verdicts)
    (said,) = (text for text in found.lead if "test samples" in text)
    assert said.startswith("On flat one of 30 test samples is worth 3.3 points, more than the margin")
    assert any("No difference counts as equal on flat" in text for text in found.caveats)
