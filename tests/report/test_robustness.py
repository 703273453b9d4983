"""What models keep without a modality, and which modality does the work: planted, and found in sentences and tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from mmbench.report.build import analyse
from mmbench.report.export import export
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.report.scores.measured import Compared
from mmbench.report.sections.contribution.sentences import finding as which_leads
from mmbench.report.sections.contribution.sentences import sentences as on_contributions
from mmbench.report.sections.robustness.compute import ALONE
from mmbench.report.sections.robustness.sentences import finding as on_top
from mmbench.report.sections.robustness.sentences import sentences as on_robustness
from mmbench.schema.quantity import Value, subsets
from mmbench.schema.result import State, TrialResult
from tests.support.factory import TRUTHS, Truth, make

LEVELS = {
    "attention": ["additive", "mean", "scaled_dot_product"],
    "fusion": ["concat", "cross_attention"],
    "architecture": ["shared", "independent"],
}
NAME = "unique"
Plant = Callable[[TrialResult, float, float], dict[str, Value]]


def reported(plant: Plant, truth: Truth = TRUTHS[NAME]) -> Report:
    """plant: of a result, its score and what a guess scores, the quantities of probes."""
    made = make(truths={NAME: truth}, levels=LEVELS)
    chance = made.specs[NAME].chance
    assert chance is not None
    results = {
        trial_id: r.model_copy(update={"quantities": r.quantities | plant(r, r.metrics["test"]["accuracy"], chance)})
        if r.state is State.DONE
        else r
        for trial_id, r in made.results.items()
    }
    return analyse(**replace(made, results=results).arguments())


def share_of(r: TrialResult) -> float:
    """Attention keeps nine tenths without a modality, pooling six; a seed hardly matters."""
    pooling = r.config.attention is not None and r.config.attention.name == "mean"
    return (0.6 if pooling else 0.9) + 0.001 * r.config.seed


def kept(r: TrialResult, score: float, chance: float) -> dict[str, Value]:
    names = r.config.modalities
    # The constant guess is the same with whatever it is shown.
    score = chance if r.config.baseline == "majority" else score
    whole, part = score, chance + share_of(r) * (score - chance)
    found: dict[str, Value] = {
        "subset_scores": [whole if len(s) == len(names) else part for s in subsets(names)],
        "noise_scores": [part] * 5 * len(names),
        "noise_scores_joint": [part] * 5,
        "noise_score_clean": whole,
    }
    if len(names) > 1:
        found["missing_rate_scores"] = [whole, *[part] * 5]
        gain = score - chance
        found["shapley"] = [gain * x for x in ((0.9, 0.1) if len(names) == 2 else (0.8, 0.1, 0.1))]
        found["interaction"] = [-0.1 + 0.001 * r.config.seed] * (len(names) * (len(names) - 1) // 2)
        found["imbalance"] = 0.7
    return found


def test_what_is_kept_is_found_with_its_verdict() -> None:
    report = reported(kept)
    assert not report.failures
    (part,) = report["robustness"]
    numbers = {x.number.name: x for x in part.compared}
    assert numbers["kept_without_one"].attention is not None
    assert numbers["kept_without_one"].attention.mean == pytest.approx(0.3, abs=1e-6)
    assert numbers["kept_without_one"].attention.verdict == "better"
    said = " ".join(on_robustness(part))
    assert re.search(r"keeps 90\.1 ± \d\.\d % of what it gains over a guess", said)
    assert "Without one modality, attention keeps 30.0 points more than pooling (± " in said
    assert "; the fusions keep equally much." in said
    assert on_top(report["robustness"]) == (
        f"Robustness: of its gain, the best combination keeps 90.1 % on {NAME} without one modality"
    )
    assert "Under noise in all modalities" in said


def test_the_guess_beside_subsets_is_on_their_samples() -> None:
    """With many modalities they are few, and other than those of the whole split."""

    def few(r: TrialResult, score: float, chance: float) -> dict[str, Value]:
        found = kept(r, score, chance)
        if r.config.baseline == "majority":
            found["subset_scores"] = [chance + 0.1] * len(found["subset_scores"])  # type: ignore[arg-type]
        return found

    (part,) = reported(few)["robustness"]
    (plain,) = reported(kept)["robustness"]
    assert part.guess == pytest.approx(plain.guess + 0.1)


def test_contributions_are_told_with_the_carrier() -> None:
    (part,) = reported(kept)["contribution"]
    said = " ".join(on_contributions(part))
    first = part.modalities[0]
    assert f"its modalities bring: {first} " in said
    assert "they say much the same" in said


def test_a_mean_over_modalities_is_no_heading_where_it_depends_on_which_is_missing() -> None:
    (part,) = reported(kept)["robustness"]
    alone = [x for x in part.compared if x.number.name.startswith(ALONE)]
    assert " to " not in on_top([part]) and len(alone) > 1

    def planted(x: Compared) -> Compared:
        share = 0.014 if x is alone[0] else 1.0
        return replace(x, methods=tuple(replace(m, value=replace(m.value, mean=share)) for m in x.methods))

    apart = replace(part, compared=tuple(planted(x) if x in alone else x for x in part.compared))
    assert "the best combination keeps 1 to 100 % on " in on_top([apart])


def test_the_heading_names_who_leads_where_that_is_decided() -> None:
    def headed(plant: Plant) -> str:
        return which_leads(reported(plant)["contribution"])

    title = "Which modality does the work"
    parts = reported(kept)["contribution"]
    assert which_leads(parts) == f"{title}: {parts[0].modalities[0]} leads on {NAME}"
    assert headed(sharing(lambda seed: (0.5 + 0.1 * (seed % 2), 0.5))) == f"{title}: none leads on {NAME}"
    brief = [replace(part, cautions=("too brief",)) for part in parts]
    assert which_leads(brief) == title
    assert on_top([replace(part, cautions=("too brief",)) for part in reported(kept)["robustness"]]) == "Robustness"


def sharing(of: Callable[[int], tuple[float, float]]) -> Plant:
    """The first two modalities bring these shares with a seed, others nothing."""

    def plant(r: TrialResult, score: float, chance: float) -> dict[str, Value]:
        found, others = kept(r, score, chance), len(r.config.modalities) - 2
        if others >= 0:
            found["shapley"] = [(score - chance) * x for x in (*of(r.config.seed), *[0.0] * others)]
        return found

    return plant


@pytest.mark.parametrize(("spread", "said"), [(0.0005, True), (0.1, False)])
def test_hardly_used_is_what_its_whole_interval_says(spread: float, said: bool) -> None:
    def uneven(seed: int) -> tuple[float, float]:
        second = spread * (-1) ** seed
        return 1 - second, second

    (part,) = reported(sharing(uneven))["contribution"]
    hardly = " ".join(x for x in on_contributions(part) if x.startswith("It hardly uses ")).split(";")[0]
    assert (part.modalities[1] in hardly) == said


def test_who_harms_has_a_share_below_zero() -> None:
    (part,) = reported(sharing(lambda seed: (1.2, -0.2)))["contribution"]
    said = " ".join(on_contributions(part))
    first, second, *_ = part.modalities
    assert f"bring: {first} 120.0 ± 0.0 %" in said and f"{second} −20.0 ± 0.0 %" in said
    assert f"added, {second} takes something away." in said


def test_a_share_that_rounds_to_nothing_has_no_sign() -> None:
    (part,) = reported(sharing(lambda seed: (1.0002, -0.0002)))["contribution"]
    assert f"{part.modalities[1]} 0.0 ± 0.0 %" in " ".join(on_contributions(part))


def test_who_gains_nothing_over_a_guess_keeps_no_share() -> None:
    def nothing(r: TrialResult, score: float, chance: float) -> dict[str, Value]:
        return kept(r, chance + 0.001, chance)

    (part,) = reported(nothing)["robustness"]
    assert part.compared == () and part.subsets


def test_who_is_worse_than_a_guess_keeps_no_share() -> None:
    """The more it is spoilt, the further from a guess it would be: more than all would be kept."""

    def worse(r: TrialResult, score: float, chance: float) -> dict[str, Value]:
        return kept(r, chance - 0.1, chance)

    (part,) = reported(worse)["robustness"]
    assert part.compared == ()


def test_where_nothing_beats_a_guess_nothing_is_said_of_methods() -> None:
    """One lucky combination has a gain, of which a share would be told."""

    def uncertain(r: TrialResult, score: float, chance: float) -> dict[str, Value]:
        return kept(r, score + 0.1, chance)

    single = dict.fromkeys(TRUTHS[NAME].single, Truth.majority)
    report = reported(uncertain, Truth(base=Truth.majority, single=single, linear=Truth.majority))
    for name, said in (("robustness", on_robustness), ("contribution", on_contributions)):
        (part,) = report[name]
        (sentence,) = said(part)
        assert sentence.startswith("No combination is surely better than a guess here")
    # No picture, and no table, ranks by a share of nothing; scores of subsets are what they are.
    names = {table.name for table in report.tables} | {drawing.name for drawing in report.figures}
    assert {name for name in names if name.startswith(("robustness", "contribution"))} == set()
    assert f"subsets_{NAME}" in names


def test_one_seed_does_not_say_whether_modalities_interact() -> None:
    made = make(truths={NAME: TRUTHS[NAME]}, levels=LEVELS, seeds=1)
    results = {
        i: r.model_copy(update={"quantities": r.quantities | kept(r, r.metrics["test"]["accuracy"], 0.25)})
        if r.state is State.DONE
        else r
        for i, r in made.results.items()
    }
    (part,) = analyse(**replace(made, results=results).arguments())["contribution"]
    assert "is open (interaction" in " ".join(on_contributions(part))


def test_lists_of_another_version_are_left_out() -> None:
    def other(r: TrialResult, score: float, chance: float) -> dict[str, Value]:
        return {**kept(r, score, chance), "subset_scores": [0.5] * 9}

    (part,) = reported(other)["robustness"]
    assert not part.subsets


def test_nothing_is_shown_where_nothing_was_measured() -> None:
    report = reported(lambda r, score, chance: {})
    assert report["robustness"] is None and report["contribution"] is None


@pytest.mark.slow
def test_they_are_on_the_page_and_in_files(tmp_path: Path) -> None:
    report = reported(kept)
    files = export(report, tmp_path)
    page = render(report, downloads=files)
    assert '<a href="#robustness">Robustness</a>' in page
    assert '<a href="#contribution">Which modality does the work</a>' in page
    table = pd.read_csv(tmp_path / "tables" / f"subsets_{NAME}.csv").set_index(["method", "modalities"])
    whole = "+".join(report["robustness"][0].modalities)
    row = table.loc[("additive + concat · shared", whole)]
    assert 0 < row["score"] < 1
    levels = pd.read_csv(tmp_path / "tables" / f"robustness_levels_{NAME}.csv")
    mean = levels[(levels["axis"] == "attention") & (levels["level"] == "mean")]
    assert mean["kept_without_one"].item() == pytest.approx(0.601, abs=1e-6)
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "## Robustness" in markdown and "attention keeps 30.0 points more than pooling" in markdown
