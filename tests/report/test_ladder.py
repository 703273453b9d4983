"""Verdicts under shorter and longer training: what lasts, what fades, and what is said of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmbench.report.build import analyse
from mmbench.report.export import export
from mmbench.report.pages.html import render
from mmbench.report.pages.markdown import render as in_markdown
from mmbench.report.pages.report import Report
from mmbench.report.scores.contrasts import contrasts
from mmbench.report.sections.ladder.compute import DatasetLadder, find_ladders
from mmbench.report.sections.ladder.sentences import sentences
from mmbench.report.sections.ladder.tables import tables
from mmbench.schema.result import State
from mmbench.schema.trial import TrialConfig
from mmbench.stats import ladder, paired
from mmbench.stats.best import with_best
from mmbench.stats.estimates import AtBudget, Difference, Verdict
from mmbench.sweep.planning.ladder import at_other_budgets
from tests.support.factory import TRUTHS, Job, Made, Truth, identifier, make

LEAD = {"mean": -0.03}
FLAT = {"flat": Truth(base=0.8, single={"image": 0.5, "audio": 0.4}, linear=0.4, attention=LEAD)}
Change = Callable[[TrialConfig], float]
"""Of a trial of the ladder: what its budget adds to its score."""


def laddered(
    made: Made, change: Change, *, factors: tuple[float, ...] = (0.5, 2.0), faults: dict[str, State] | None = None
) -> dict[str, Any]:
    """Arguments of `analyse`: the ladder of a plan, with the results of the first seed and these changes."""
    jobs, results = [], dict(made.results)
    first = {(j.config.dataset, j.config.cell): j for j in made.plan.jobs if j.config.seed == 0}
    for config in at_other_budgets([j.config for j in made.plan.jobs], factors):
        own = first[config.dataset, config.cell]
        job = Job(trial_id=identifier(config), config=config, data_hash=own.data_hash, fingerprint=own.fingerprint)
        jobs.append(job)
        result = made.results[own.trial_id]
        metrics = {s: dict(scores) for s, scores in result.metrics.items()}
        for split in ("validation", "test"):
            metrics[split]["accuracy"] += change(config)
        update = {"trial_id": job.trial_id, "config": config, "metrics": metrics}
        fault = (faults or {}).get(config.name)
        if fault not in (None, State.PENDING):
            update |= {"state": fault, "metrics": {}, "message": "RuntimeError: no"}
        if fault is not State.PENDING:
            results[job.trial_id] = result.model_copy(update=update)
    return made.arguments() | {"plan": replace(made.plan, ladder=tuple(jobs)), "results": results}


def _only(report: Report) -> DatasetLadder:
    found = find_ladders(report.context)
    assert found is not None
    (one,) = found
    return one


def catches_up(config: TrialConfig) -> float:
    """Pooling lacks three points; it lacks six at half of the budget, and nothing at twice the budget."""
    if config.attention is None or config.attention.name != "mean":
        return 0.0
    return -0.03 if config.budget < 1 else 0.03


def made_up(mean: float, verdict: Verdict, *budgets: tuple[float, float], half: float = 0.008) -> Difference:
    return Difference(
        subject="a",
        reference="b",
        mean=mean,
        half=0.004,
        near=0.003,
        pairs=9,
        n=3,
        p=0.01,
        p_holm=0.02,
        verdict=verdict,
        budgets=tuple(AtBudget(factor=f, mean=m, half=half, margin=0.01) for f, m in budgets),
    )


@pytest.mark.parametrize(
    ("verdict", "here", "there", "lasts"),
    [
        ("better", 0.03, 0.03, True),
        ("better", 0.03, 0.015, True),  # less, but still more than the margin
        ("better", 0.03, 0.005, False),  # within the margin
        ("better", 0.03, -0.03, False),  # turned round
        ("better", 0.03, 0.06, True),  # even more
        ("better", 0.012, 0.005, True),  # no more than noise
        ("better", 0.009, 0.0, False),  # real, smaller than the margin, and gone
        ("worse", -0.03, -0.005, False),
        ("worse", -0.03, -0.05, True),
        ("equal", 0.0, 0.02, False),
        ("equal", 0.0, -0.02, False),
        ("equal", 0.005, 0.012, True),  # no more than noise
        ("equal", 0.005, -0.008, True),  # changed, and still within the margin
        ("open", 0.0, 0.5, None),
    ],
)
def test_whether_a_verdict_lasts(verdict: Verdict, here: float, there: float, lasts: bool | None) -> None:
    difference = made_up(here, verdict, (2, there))
    assert ladder.lasts(difference, difference.budgets[0]) is lasts
    assert (ladder.fades(difference) is not None) is (lasts is False)


def test_two_verdicts_on_one_pair_count_once() -> None:
    """The best combination with pooling in place of attention is a control of it, and a combination."""
    made = make(truths=FLAT, seeds=4, noise=0.002)
    context = analyse(**laddered(made, catches_up)).context
    known = [v for v in context.verdicts if v.lasts is not None]
    pairs = {(v.axis, frozenset((v.subject, v.reference))) for v in known}
    found = context.lasting("flat")
    assert found is not None and found.checked == len(pairs) == len(known) - 1
    falling = {(v.axis, frozenset((v.subject, v.reference))) for v in known if not v.lasts}
    assert len(found.fading) == len(falling)


def test_only_longer_budgets_make_a_verdict_fade() -> None:
    assert ladder.fades(made_up(0.03, "better", (0.5, 0.0), (2, 0.03))) is None
    fading = ladder.fades(made_up(0.03, "better", (0.5, 0.0), (2, 0.03), (4, 0.0)))
    assert fading is not None and fading.factor == 4


@pytest.mark.parametrize(
    ("here", "there", "faster"),
    [(0.0, 0.03, True), (0.03, 0.06, True), (0.03, 0.03, False), (0.0, 0.009, False), (0.0, -0.03, True)],
)
def test_who_is_further_ahead_in_fewer_steps_learns_faster(here: float, there: float, faster: bool) -> None:
    difference = made_up(here, "better", (0.5, there))
    assert (ladder.learns_faster(difference) is not None) is faster
    assert ladder.learns_faster(made_up(here, "better", (2, there))) is None


def test_where_nothing_changes_every_verdict_lasts() -> None:
    made = make(truths=TRUTHS, seeds=4, noise=0.002)
    report = analyse(**laddered(made, lambda config: 0.0))
    plain = analyse(**made.arguments())
    checked = [v for v in report.context.verdicts if v.lasts is not None]
    assert checked and all(v.lasts for v in checked)
    assert {v.verdict for v in checked} >= {"better", "worse", "equal"}
    assert len(checked) == sum(v.verdict not in (None, "open") for v in plain.context.verdicts)
    assert report.context.headline == plain.context.headline
    assert "turns none of the" in in_markdown(report)


def test_a_lead_that_others_make_up_for_is_not_said_to_last() -> None:
    made = make(truths=FLAT, seeds=4, noise=0.002)
    report, plain = analyse(**laddered(made, catches_up)), analyse(**made.arguments())
    found = _only(report)
    of_attention = {(x.found.subject, x.found.reference): x.found for x in found.contrasts if x.axis == "attention"}
    for other in ("additive", "scaled_dot_product"):
        d = of_attention[other, "mean"]
        assert d.verdict == "better"
        assert [at.mean for at in d.budgets] == pytest.approx([d.mean + x for x in (0.03, -0.03)], abs=0.002)
        assert ladder.fades(d) is not None and ladder.learns_faster(d) is not None
    assert found.lasting is not None
    fading = {(v.kind, v.subject, v.reference) for v in found.lasting.fading}
    assert {("contrast", "additive", "mean"), ("contrast", "scaled_dot_product", "mean")} <= fading
    said = "\n".join(sentences(found))
    number = r"[+−]?\d\.\d"
    told = rf"against mean: \+[56]\.\d points at 315 steps, \+[23]\.\d at 630 steps, {number} at 1,260 steps: \w+"
    assert len(re.findall(rf"{told} learns in fewer steps; with twice the training it is no longer better", said)) == 2
    whole = in_markdown(report)
    assert "Attention beats pooling on flat" in in_markdown(plain) and "Attention beats pooling" not in whole
    assert "Attention learns faster than pooling on flat, and with twice the training is no better" in whole
    learns = "Attention only learns faster: with twice the training it is no better."
    assert report.context.headline == f"On average the choice of fusion or architecture hardly matters. {learns}"
    assert re.search(r"[Tt]wice the training turns \d+ of the \d+ verdicts, judging by one seed", whole)
    assert "learns faster" not in plain.context.headline
    assert render(report, downloads=()).count("with twice the training it is no longer better") >= 2


def test_each_at_its_own_best_is_a_second_view() -> None:
    """Pooling is best with twice the training, on validation, and the others as they are."""
    made = make(truths=FLAT, seeds=4, noise=0.002)
    found = _only(analyse(**laddered(made, catches_up)))
    first = {j.config.cell: made.results[j.trial_id] for j in made.plan.jobs if j.config.seed == 0}
    for x in found.contrasts:
        assert x.own is not None
        if x.axis == "attention" and x.found.reference == "mean":
            assert x.views_differ and abs(x.own.mean) < 0.005
        else:
            assert not x.views_differ
    assert found.ladder.own["mean + concat · shared"] == pytest.approx(
        first["mean + concat · shared"].metrics["test"]["accuracy"] + 0.03
    )
    same = first["additive + concat · shared"].metrics["test"]["accuracy"]
    assert found.ladder.own["additive + concat · shared"] == same, "of equal ones the data set's own budget"
    (said,) = [text for text in sentences(found) if "as long as is best for it" in text]
    assert re.search(r"additive is no longer better than mean \([+−]?0\.\d points, \+[23]\.\d here\)", said)
    plain = _only(analyse(**laddered(made, lambda config: 0.0)))
    decided = sum(x.found.verdict != "open" for x in plain.contrasts)
    (said,) = [text for text in sentences(plain) if "as long as is best for it" in text]
    assert said.endswith(f"lengths, {decided} contrasts that are decided keep their verdicts.")
    # A contrast one of whose combinations was not tried under all budgets is not said to keep anything.
    lacking = "additive + concat · shared"
    name = next(c.name for c in at_other_budgets([j.config for j in made.plan.jobs], (2.0,)) if c.cell == lacking)
    part = _only(analyse(**laddered(made, lambda config: 0.0, faults={name: State.FAILED})))
    (said,) = [text for text in sentences(part) if "as long as is best for it" in text]
    unknown = sum(x.own is None and x.found.verdict != "open" for x in part.contrasts)
    assert unknown and said.endswith(f"; of {unknown} it is not known.")


def test_the_own_best_is_chosen_on_validation_and_not_on_test() -> None:
    made = make(truths=FLAT, seeds=3, noise=0.002)
    arguments = laddered(made, catches_up)
    for job in arguments["plan"].ladder:
        result = arguments["results"][job.trial_id]
        metrics = {s: dict(scores) for s, scores in result.metrics.items()}
        metrics["validation"]["accuracy"] = 0.0
        arguments["results"][job.trial_id] = result.model_copy(update={"metrics": metrics})
    found = _only(analyse(**arguments))
    first = {j.config.cell: made.results[j.trial_id] for j in made.plan.jobs if j.config.seed == 0}
    assert all(score == first[key].metrics["test"]["accuracy"] for key, score in found.ladder.own.items())


def test_a_best_fusion_that_others_catch_up_with_is_none() -> None:
    best = {"flat": replace(FLAT["flat"], attention={}, architecture={"hybrid": 0.03})}
    made = make(truths=best, seeds=4, noise=0.002)

    def change(config: TrialConfig) -> float:
        hybrid = config.architecture is not None and config.architecture.name == "hybrid"
        return 0.0 if hybrid or config.budget < 1 else 0.03

    assert "Hybrid is the best architecture" in in_markdown(analyse(**made.arguments()))
    assert "Hybrid is the best architecture" not in in_markdown(analyse(**laddered(made, change)))


def test_gains_over_controls_that_do_not_last_are_told_with_both_numbers() -> None:
    made = make(truths=FLAT, seeds=4, noise=0.002)

    def change(config: TrialConfig) -> float:
        return 0.33 if config.role == "single" and config.budget > 1 else 0.0

    text = in_markdown(analyse(**laddered(made, change)))
    assert "This does not last: with twice the training it is" in text
    assert "on flat they are until training is longer" in text


def test_what_is_pending_or_failed_is_told_and_not_guessed() -> None:
    made = make(truths=FLAT, seeds=3, noise=0.002)
    names = [f"mean + concat · {a} · flat · s0 · budget x2" for a in ("hybrid", "shared")]
    faults = {names[0]: State.PENDING, names[1]: State.FAILED}
    found = _only(analyse(**laddered(made, lambda c: 0.0, faults=faults)))
    said = "\n".join(sentences(found))
    assert "1 trial of these is still to be run" in said and "1 trial of these did not end well" in said
    by_pair = {
        (x.axis, x.found.subject, x.found.reference): {at.factor for at in x.found.budgets} for x in found.contrasts
    }
    assert by_pair["attention", "scaled_dot_product", "mean"] == {0.5}, "a mean of which a part is missing is no mean"
    assert by_pair["attention", "scaled_dot_product", "additive"] == {0.5, 2.0}


def test_a_budget_that_cannot_be_is_told() -> None:
    """A twenty-fifth of ten epochs is none."""
    made = make(truths=FLAT, seeds=3, noise=0.002)
    controls = made.params.controls.model_copy(update={"budgets": (0.04, 2.0)})
    arguments = laddered(made, lambda c: 0.0, factors=(0.04, 2.0))
    arguments |= {"params": made.params.model_copy(update={"controls": controls})}
    found = _only(analyse(**arguments))
    assert found.left_out == (0.04,)
    assert "0.04 times the training is left out: rounded to whole epochs, it equals another budget." in sentences(found)


def test_trials_of_the_ladder_are_no_trials_of_the_comparison(tmp_path: Path) -> None:
    made = make(truths=FLAT, seeds=3, noise=0.002)
    report, plain = analyse(**laddered(made, lambda c: 0.1)), analyse(**made.arguments())
    assert len(report.context.frame) == len(plain.context.frame)
    assert report.context.total == plain.context.total
    export(report, tmp_path)
    written = json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))["verdicts"]
    assert {tuple(v["budgets"]) for v in written} == {("0.5", "2")}
    assert (tmp_path / "tables" / "ladder_flat.csv").exists()
    assert "fading" in json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))


def test_without_a_ladder_there_is_no_section() -> None:
    report = analyse(**make(truths=FLAT, seeds=3).arguments())
    assert find_ladders(report.context) is None and "Do the verdicts last?" not in in_markdown(report)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 8])
def test_noise_alone_seldom_makes_a_verdict_fade(seeds: int) -> None:
    """27 methods in three groups a margin and a half apart: of what is decided, hardly anything is said not to last."""
    draw = np.random.default_rng(3)
    truth = np.repeat([0.0, -0.015, -0.03], 9)
    decided = fading = 0
    for _ in range(200):
        here = paired.compare(truth[:, None] + draw.normal(0, 0.005, (27, seeds)), 0.95, 0.01)
        there = truth + draw.normal(0, 0.005, 27)
        order = np.argsort(-here.mean)
        verdicts = with_best(here, order).verdicts()
        for row, verdict in zip(order[1:], verdicts[1:], strict=True):
            weight = np.zeros(27)
            weight[row], weight[order[0]] = 1, -1
            at = AtBudget(factor=2, mean=float(weight @ there), half=here.change(weight), margin=0.01)
            difference = replace(made_up(float(weight @ here.mean), verdict), budgets=(at,))
            decided += verdict != "open"
            fading += ladder.fades(difference) is not None
    assert decided > 2000
    assert fading / decided < 0.015


@pytest.mark.slow
def test_the_interval_of_a_change_covers_it() -> None:
    draw = np.random.default_rng(4)
    inside = []
    for _ in range(400):
        here = paired.compare(draw.normal(0, 0.005, (27, 3)), 0.95, 0.01)
        there = draw.normal(0, 0.005, 27)
        for size in (1, 9):
            weight = np.zeros(27)
            weight[:size], weight[size : 2 * size] = 1 / size, -1 / size
            inside.append(abs(float(weight @ (there - here.mean))) <= here.change(weight))
    assert 0.98 < np.mean(inside) < 0.999


def test_contrasts_are_turned_under_every_budget() -> None:
    report = analyse(**laddered(make(truths=FLAT, seeds=4, noise=0.002), catches_up))
    (field,) = report.context.scores
    for _, d in contrasts(field, report.context.levels):
        assert d.mean >= 0 and len(d.budgets) == 2


@pytest.mark.parametrize(("factors", "told"), [((0.5, 2.0), True), ((0.5,), False)])
def test_shorter_training_alone_does_not_tell_whether_verdicts_last(factors: tuple[float, ...], told: bool) -> None:
    made = make(truths=FLAT, seeds=3, noise=0.002)
    found = _only(analyse(**laddered(made, lambda config: 0.0, factors=factors)))
    table = next(t for t in tables(found) if t.name == "ladder_flat")
    assert ("lasts" in table.shown) is told
