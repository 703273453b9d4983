"""Where a control does at least as well as the best combination, that is what the report says first."""

from __future__ import annotations

import re

import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.report import Report
from mmbench.report.scores.findings import headline
from mmbench.report.sections.first.limits import limits
from tests.support.factory import TRUTHS, Truth, make
from tests.support.reports import answer


def report(**truth: float) -> Report:
    """All combinations at .7; controls as given: other names are those of further baselines."""
    fields = {"image": 0.5, "linear": 0.5, "majority": 0.3} | truth
    flat = Truth(
        base=0.7,
        single={"image": fields.pop("image"), "audio": 0.4},
        linear=fields.pop("linear"),
        majority=fields.pop("majority"),
        baselines=fields,
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
            {"linear": 0.703},
            "A linear model does as well as the best combination on flat.",
            "On flat, a linear model does as well as the best combination: ",
        ),
        (
            {"linear": 0.703, "image": 0.9},
            "One modality does better alone on flat (0.90",
            "On flat, one modality does better alone",
        ),
        (
            {"linear": 0.703, "image": 0.7},
            "One modality suffices and a linear model does as well as the best combination on flat.",
            "On flat, one modality suffices, and a linear model does as well as the best combination: ",
        ),
        (
            {"linear": 0.8, "image": 0.7},
            "A linear model does better on flat (0.800 against 0.70",
            "On flat, a linear model does better",
        ),
        (
            {"majority": 0.7, "linear": 0.8},
            "A linear model does better on flat (0.800 against 0.70",
            "On flat, a linear model does better",
        ),
        ({"majority": 0.7}, "No combination does better than a guess on flat.", "On flat, no combination does better"),
        (
            {"majority": 0.75},
            "A guess does better than every combination on flat (0.750",
            "On flat, a guess does better than",
        ),
    ],
)
def test_the_control_that_says_most_comes_first(truth: dict[str, float], headline: str, first: str) -> None:
    found = report(**truth)
    assert found.headline.startswith(headline)
    assert answer(found, "flat").sentences[0].startswith(first)
    assert not any(f"use {k}" in text for k in found.context.methods for text in answer(found, "flat").sentences)


def test_data_sets_of_which_the_same_is_said_are_named_together() -> None:
    truths = {
        "redundant": Truth(base=0.7, single={"image": 0.7, "audio": 0.4}, linear=0.4),
        "unique": Truth(base=0.6, single={"image": 0.6, "audio": 0.4}, linear=0.4),
        "synergy": Truth(base=0.6, single={"image": 0.4, "audio": 0.4}, linear=0.8),
    }
    said = analyse(**make(truths=truths, seeds=5, noise=0.004).arguments()).headline
    assert said.startswith("One modality suffices on redundant and unique; a linear model does better on synergy (0.80")


@pytest.mark.parametrize(
    ("baseline", "words"),
    [
        ("linear_late", "a linear model of each modality, averaged,"),
        ("boosting", "gradient boosting"),
        ("kernel_svm", "a kernel SVM"),
        ("nearest", "the baseline nearest"),
    ],
)
def test_the_best_baseline_is_the_one_that_is_named(baseline: str, words: str) -> None:
    better = report(**{"linear": 0.75, baseline: 0.8})
    capital = words[0].upper() + words[1:]
    assert better.headline.startswith(f"{capital} does better on flat (0.800 against 0.70")
    said = answer(better, "flat").sentences
    assert said[0].startswith(f"On flat, {words} does better: {baseline} baseline has accuracy 0.800; the best")
    (gain,) = (text for text in said[1:] if " baseline" in text)
    # The best of 27 combinations at .7 is a little above that.
    assert re.fullmatch(rf"It loses (9\.\d|10\.\d) points .* to the {baseline} baseline\.", gain), gain
    assert not any("linear baseline" in text for text in said)
    equal = report(**{baseline: 0.703})
    assert equal.headline == f"{capital} does as well as the best combination on flat."


def test_a_baseline_that_is_not_the_best_one_is_not_named() -> None:
    found = report(linear=0.8, boosting=0.75, kernel_svm=0.6)
    assert found.headline.startswith("A linear model does better on flat (0.800 against")
    said = answer(found, "flat").sentences
    assert any("to the linear baseline" in text for text in said)
    assert not any(name in text for text in said for name in ("boosting", "kernel_svm"))


def test_a_baseline_that_was_not_run_or_that_guesses_says_nothing_of_the_others() -> None:
    """The guess is no baseline that looks at the input, however good it is."""
    flat = Truth(base=0.7, single={"image": 0.5, "audio": 0.4}, linear=0.5, majority=0.69, baselines={"boosting": 0.8})
    made = make(truths={"flat": flat}, seeds=5, noise=0.004)
    (boosting,) = (job for job in made.plan.jobs if job.config.baseline == "boosting")
    arguments = made.arguments()
    rest = {i: r for i, r in made.results.items() if i != boosting.trial_id}
    found = analyse(**(arguments | {"results": rest}))
    row = found.context.dataset("flat").row("additive + concat · hybrid")
    assert row.baseline == "linear" and row.gain_baseline == row.gain_linear
    assert analyse(**arguments).context.dataset("flat").row(row.key).baseline == "boosting"


def test_every_baseline_has_a_verdict_of_its_own_and_a_row() -> None:
    found = report(linear_late=0.6, boosting=0.8, kernel_svm=0.55)
    told = {v.reference: v.verdict for v in found.context.verdicts if v.kind == "control"}
    names = ("linear", "linear_late", "boosting", "kernel_svm", "majority")
    assert {key: told[key] for key in told if key.endswith(" baseline")} == {
        f"{name} baseline": "worse" if name == "boosting" else "better" for name in names
    }
    d = found.context.dataset("flat")
    assert [r.method.baseline for r in d.controls if r.method.baseline] == [
        "boosting", "linear_late", "kernel_svm", "linear", "majority"
    ]  # fmt: skip
    (table,) = (t for t in found.tables if t.name == "cells_flat")
    assert "over gradient boosting" in table.shown.columns and "over linear" not in table.shown.columns
    assert set(table.raw["best_baseline"].dropna()) == {"boosting"}


def test_what_a_baseline_does_not_have_is_told_as_absent() -> None:
    d = report(boosting=0.6).context.dataset("flat")
    cost = d.row("boosting baseline").cost
    assert cost is not None and (cost.parameters, cost.flops) == (None, None) and cost.train_seconds


def test_where_combinations_are_ahead_of_all_controls_nothing_of_the_kind_is_said() -> None:
    found = report()
    assert found.headline.startswith("Any combination will do: all 27 are equal within ±1 point; take ")
    assert answer(found, "flat").sentences[0].startswith("On flat, use ")


@pytest.mark.parametrize(
    ("truth", "name"),
    [
        (Truth(base=0.7, single={"image": 0.715, "audio": 0.4}, linear=0.5, majority=0.3), "one modality alone"),
        (Truth(base=0.7, single={"image": 0.5, "audio": 0.4}, linear=0.735, majority=0.3), "a linear model"),
        (Truth(base=0.7, single={"image": 0.5, "audio": 0.4}, linear=0.5, majority=0.715), "a guess"),
    ],
)
def test_where_a_control_may_be_as_good_no_combination_is_recommended(truth: Truth, name: str) -> None:
    """With three seeds that scatter widely: the control has the higher mean, and nothing is decided."""
    found = analyse(**make(truths={"flat": truth}, seeds=3, noise=0.02).arguments())
    words = f"t is open whether any combination does better than {name}"
    assert found.headline == f"I{words} on flat."
    said = answer(found, "flat").sentences
    assert said[0].startswith(f"On flat, i{words}: ") and "; the best combination, " in said[0]
    assert not any("use " in text for text in said)


def test_with_one_seed_a_control_that_scores_higher_decides_nothing() -> None:
    flat = Truth(base=0.7, single={"image": 0.73, "audio": 0.4}, linear=0.5, majority=0.3)
    found = analyse(**make(truths={"flat": flat}, seeds=1, noise=0.004).arguments())
    assert "one seed decides nothing" in found.headline and "open" not in found.headline


def test_other_data_sets_keep_their_winner() -> None:
    flat = Truth(base=0.7, single={"image": 0.7, "audio": 0.4}, linear=0.5, majority=0.3)
    truths = {"synergy": TRUTHS["synergy"], "flat": flat}
    found = analyse(**make(truths=truths, seeds=5, noise=0.004).arguments())
    assert found.headline.startswith(
        "One modality suffices on flat; use additive + cross-attention · independent on synergy: every other"
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
    (said,) = (x for x in found["first"].screens[0].limits if "test samples" in x.bold)
    assert not said.fine and said.bold == "30 test samples on flat:"
    assert said.text.startswith("one is worth 3.3 points, more than the margin")
    assert any("No difference counts as equal on flat" in text for text in found.caveats)


LEARNED = Truth(base=0.7, single={"image": 0.5, "audio": 0.4}, linear=0.4, majority=0.25)
NOTHING = Truth(base=0.25, single={"image": 0.25, "audio": 0.25}, linear=0.25, majority=0.25)


def test_methods_that_have_learned_nothing_are_not_called_equal() -> None:
    """Longer training may tell them apart; that the best of them is no better than a guess stays said."""
    found = analyse(**make(truths={"flat": NOTHING}, seeds=5, noise=0.001).arguments())
    verdicts = found.context.verdicts
    told = {v.reference: v.verdict for v in verdicts if v.kind == "control"}
    assert {v.verdict for v in verdicts if v.kind != "control"} == {"open"}
    assert told["majority baseline"] == "equal"
    assert {v.margin for v in verdicts if v.kind != "control"} == {0.0}
    limit = next(x for x in limits(found.context, None) if x.bold == "Not surely better than a guess on flat:")
    assert limit.text == "no model is, over 5 seeds, so no two of them are called equal."
    assert any("flat (no model there is surely better than a guess)" in c for c in found.caveats)


def test_a_data_set_on_which_nothing_was_learned_makes_no_two_methods_equal_on_average() -> None:
    made = make(truths={"flat": LEARNED, "other": NOTHING}, seeds=5, noise=0.001)
    context = analyse(**made.arguments()).context
    own = {(v.dataset, v.verdict) for v in context.verdicts if v.kind == "combination"}
    assert ("flat", "equal") in own and ("other", "equal") not in own
    assert "equal" not in {row.verdict for row in context.scopes[None].rows}
    assert "equal" not in {c.found.verdict for a in context.scopes[None].axes for c in a.pairs}
    assert "hardly matters" not in context.headline


def test_a_better_control_is_told_where_training_was_too_brief() -> None:
    better, without = report(linear=0.8), report(linear=0.6)

    def said(found: Report) -> str:
        context = found.context
        return headline(context.total, context.datasets, context.scopes, {"flat": "18 steps"})

    brief = "Trained too briefly to rank on flat: 18 steps."
    expected = f"{brief} After so little training, a linear model does better on flat (0.800 against "
    assert said(better).startswith(expected)
    assert said(without) == brief
