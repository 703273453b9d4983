"""Budgets: what was found, what was cut short, and headlines that are withheld where nothing can be ranked yet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.html import render
from mmbench.report.pages.markdown import render as markdown
from mmbench.report.pages.report import Report
from mmbench.report.scores.cautions import BRIEF
from mmbench.report.scores.findings import headline
from mmbench.report.sections.budget import heading as budget_heading
from mmbench.report.sections.questions.record import withheld
from mmbench.report.values.coverage import Counts
from mmbench.schema.budget import Budget, Rung
from mmbench.schema.params import Training
from mmbench.schema.result import TrialResult
from tests.support.factory import EPOCHS, TRUTHS, Made, make
from tests.support.probed import probed

LEVELS = {"attention": ["additive", "mean"], "fusion": ["concat"], "architecture": ["shared"]}
MADE = make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS)
STEPS = 63
"""An epoch: 4,000 samples in batches of 64."""


def _retrained(config: Any, **train: object) -> Any:
    return config.model_copy(update={"train": config.train and Training(**dict(config.train) | train)})


def report(*, made: Made = MADE, learning: bool = False, epochs: int = EPOCHS, budget: Budget | None = None) -> Report:
    """learning: every trial was best, and its loss lowest, in its last epoch. epochs: as the trials say."""
    arguments = made.arguments()

    def changed(r: TrialResult) -> TrialResult:
        update: dict[str, object] = {"config": _retrained(r.config, epochs=epochs)}
        if learning and r.best_epoch is not None:
            falling = [1.0 / (e + 1) for e in range(EPOCHS)]
            update |= {"best_epoch": EPOCHS - 1, "curves": r.curves | {"validation_loss": falling}}
        return r.model_copy(update=update)

    plan = arguments["plan"]
    jobs = tuple(replace(j, config=_retrained(j.config, epochs=epochs)) for j in plan.jobs)
    results = {i: changed(r) for i, r in arguments["results"].items()}
    found = {} if budget is None else {"synergy": budget}
    return analyse(**(arguments | {"results": results, "plan": type(plan)(jobs=jobs, skipped=()), "budgets": found}))


def budget(*, settled: bool = True, gain: float | None = 0.004) -> Budget:
    rungs = [
        Rung(
            reference="mean + concat · shared",
            epochs=e,
            steps=e * STEPS,
            learning_rate=0.003,
            seeds=1,
            score=0.8 + 0.001 * e,
            loss=0.5,
            train_loss=0.4,
            in_last=0.0,
        )
        for e in (EPOCHS // 2, EPOCHS, 2 * EPOCHS)
    ]
    return Budget(
        dataset="synergy",
        key="0",
        metric="accuracy",
        epochs=EPOCHS,
        steps=EPOCHS * STEPS,
        learning_rate=0.003,
        settled=settled,
        gain=gain,
        why="",
        rungs=tuple(rungs),
    )


def test_where_training_was_long_enough_nothing_is_withheld() -> None:
    found = report()
    assert not found.context.short and found.headline.startswith("Use additive + concatenation · shared: ")
    assert found.metrics["in_last_epoch"] == 0.0 and found.context.training[0].steps == EPOCHS * STEPS
    (told,) = (x for x in found["first"].screens[0].limits if "were best in" in x.text)
    assert told.fine
    assert any(p.recommended for p in found["first"].screens[0].picks)


def test_models_that_were_still_learning_withhold_the_headline() -> None:
    found = report(learning=True)
    trained = found.context.total.done - 2
    why = f"{trained} of {trained} trained models were still getting better in their last epoch"
    assert found.headline == f"Trained too briefly to rank on synergy: {why}."
    assert found.context.dataset("synergy").finding == "synergy: trained too briefly to rank"
    assert found.metrics["in_last_epoch"] == 1.0
    assert not found.lead, "numbers that may change with longer training"
    assert not any(p.recommended for p in found["first"].screens[0].picks)
    assert [x.bold for x in found["first"].screens[0].limits if "short" in x.bold] == ["Training was too short"]


def test_each_data_set_that_was_trained_too_briefly_has_its_own_reason() -> None:
    total = Counts(
        name="all", declared=2, done=2, failed=0, diverged=0, timeout=0, out_of_memory=0, skipped=0, pending=0
    )
    context = report().context
    (d,) = context.datasets
    two = [d, replace(d, name="other")]
    said = headline(total, two, context.scopes, {"synergy": "18 steps", "other": "nothing has settled"})
    assert (
        said == "Trained too briefly to rank on synergy and other: on synergy, 18 steps; on other, nothing has settled."
    )
    assert headline(total, two, context.scopes, dict.fromkeys(("synergy", "other"), "18 steps")).endswith(
        "other: 18 steps."
    )


def test_few_steps_are_never_enough() -> None:
    found = report(epochs=2)
    assert found.headline == (
        f"Trained too briefly to rank on synergy: {2 * STEPS} gradient steps a trial are too few to rank anything."
    )
    assert not report(epochs=3).context.short


def test_before_anything_is_trained_nothing_was_trained_too_briefly() -> None:
    assert budget_heading(report(epochs=2).context) == "The models were trained too briefly"
    assert budget_heading(report().context) == "How long the models were trained"
    context = replace(report(epochs=2).context, results={})
    assert budget_heading(context) == "How long the models are trained"


def test_no_section_concludes_where_models_were_trained_too_briefly() -> None:
    brief, enough = (report(made=probed(MADE), epochs=epochs) for epochs in (2, EPOCHS))
    for name in ("robustness", "contribution", "calibration", "interpretation", "representation"):
        assert [part.cautions for part in brief[name]] == [(BRIEF,)] and not enough[name][0].cautions
    page = render(brief)
    sections = {part.split('"', 1)[0]: part for part in page.split('<section id="')[1:]}
    told = {name for name, part in sections.items() if BRIEF in part}
    everything = {"top", "effects", "table", "cost"}
    assert told >= everything | {"robustness", "contribution", "calibration", "interpretation", "representation"}
    assert BRIEF not in render(enough)
    assert markdown(brief).count(BRIEF) >= len(told) - 1, "the section `top` is of the page alone"
    assert {q.finding for q in brief["questions"].found} == {"Trained too briefly on synergy to say"}
    assert all("so far" in q.sentences[0] for q in brief["questions"].found)
    assert not any("briefly" in q.finding or "so far" in q.sentences[0] for q in enough["questions"].found)
    assert brief["first"].screens[0].worth == "What each choice is worth so far"
    assert brief["first"].screens[0].take == "The best so far, by what you can afford"
    assert enough["first"].screens[0].worth == "What each choice is worth"


def test_other_data_sets_still_answer() -> None:
    (question, *_) = report()["questions"].found
    (found,) = question.per_dataset.values()
    both = replace(question, per_dataset={"other": found, "synergy": found})
    said = withheld(both, "Attention beats pooling on other", ["synergy"])
    assert said.finding == "Attention beats pooling on other; trained too briefly on synergy to say"
    assert said.sentences[0] == "Differences on synergy are those so far, and may change as training goes on."
    assert withheld(both, "anything", ["third"]) == both


def test_what_calibration_found_is_told_and_shown() -> None:
    found = report(budget=budget(), learning=True)
    assert not found.context.short, "training twice as long brought nothing, whatever the last epoch was"
    (table,) = [t for t in found.tables if t.name == "budget"]
    assert table.best == (1,) and list(table.shown["steps"]) == ["315", "630", "1,260"]
    page = render(found)
    assert "630 gradient steps (10 epochs) at a learning rate of 0.003" in page
    assert "twice as long gave no reference model both a lower loss" in page


def test_the_method_says_which_weights_were_tested() -> None:
    arguments = MADE.arguments()
    params = arguments["params"]
    for averaging, words in (
        (0.1, "the average of a model’s weights over about the last 10 % of the steps"),
        (0.0, None),
    ):
        train = params.train.model_copy(update={"averaging": averaging})
        page = render(analyse(**(arguments | {"params": params.model_copy(update={"train": train})})))
        assert ("average of a model’s weights" in page) == (words is not None) and (words or "") in page


def test_a_length_that_was_not_looked_for_is_not_said_to_be_enough() -> None:
    """Only the learning rate was: whether training was long enough, the trials tell."""
    page = render(report(budget=budget(gain=None)))
    assert "the length is that of params.yaml" in page and "twice as long gave" not in page
    still = report(budget=budget(gain=None), learning=True)
    assert "still getting better in their last epoch" in still.headline


@pytest.mark.parametrize("gain", [None, 0.03])
def test_a_calibration_that_came_to_no_end_withholds_the_headline(gain: float | None) -> None:
    found = report(budget=budget(settled=False, gain=gain))
    assert found.headline == "Trained too briefly to rank on synergy: the references were still getting better."
