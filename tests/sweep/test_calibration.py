"""The budget that is found: on planted learning curves, which say what the right one is."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmbench.schema import budget as budgets
from mmbench.schema.budget import MOST_STEPS, Budget
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.params import Params
from mmbench.schema.plan import Job
from mmbench.schema.result import Provenance, State, TrialResult
from mmbench.schema.task import task_of
from mmbench.schema.trial import TrialConfig
from mmbench.sweep.planning.plan import build, job_of
from mmbench.sweep.rounds.calibration import RATE, Calibration, references
from tests.support import plain

ROOT = Path(__file__).resolve().parents[2]
Learner = Callable[[TrialConfig, int], tuple[float, float] | None]
"""(trial, steps) -> score and loss on validation; None: it diverges."""


def settings(**train: object) -> Params:
    params = plain.params()
    grid = params.grid.model_copy(update={"datasets": ("made",), "seeds": 3})
    auto = {"epochs": "auto", "learning_rate": "auto", "batch_size": 32, **train}
    return params.model_copy(update={"grid": grid, "train": params.train.model_copy(update=auto)})


def spec(train: int = 1600, kind: str = "classification") -> DataSpec:
    return DataSpec(
        name="made",
        description="",
        modalities={m: Modality(kind="feature", shape=(4,)) for m in ("left", "right")},
        task=task_of(kind, ("a", "b") if kind == "classification" else ("y",)),  # type: ignore[arg-type]
        splits={"train": train, "validation": 100, "test": 100},
        chance=0.5 if kind == "classification" else 2.0,
        ceiling=None,
        licence="",
        source="",
        hash="0" * 16,
    )


def result(job: Job, steps: int, learner: Learner, metric: str) -> TrialResult:
    found = learner(job.config, steps)
    assert job.config.train is not None
    epochs = job.config.train.epochs
    fields: dict[str, object] = {"state": State.DIVERGED, "message": "loss nan"}
    if found is not None:
        curves = {"train_loss": [1.0] * epochs, "validation_loss": [found[1]] * epochs}
        curves[f"validation_{metric}"] = [found[0]] * epochs
        scores = {"test": {metric: found[0]}}
        fields = {"state": State.DONE, "curves": curves, "best_epoch": epochs - 1, "metrics": scores}
    return TrialResult(
        trial_id=job.trial_id,
        config=job.config,
        started=datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
        seconds=1.0,
        provenance=Provenance(
            data_hash=job.data_hash, fingerprint=job.fingerprint, commit=None, dirty=None, versions={}, hardware={}
        ),
        **fields,  # type: ignore[arg-type]
    )


def calibrate(learner: Learner, data: DataSpec | None = None, params: Params | None = None) -> tuple[Budget, list[Job]]:
    """What is found, and all trials that were asked for."""
    data, params = data or spec(), params or settings()
    plan = build(params, {data.name: data}, root=Path("/nowhere"))
    calibration = Calibration(
        params=params,
        spec=data,
        references=references(plan.jobs),
        make=lambda config: job_of(config, data, None, None),
    )
    steps = calibration.run()
    asked: list[Job] = []
    wanted = next(steps)
    try:
        while True:
            asked += wanted
            answers = {
                j.trial_id: result(j, calibration.steps(j.config.train.epochs), learner, data.task.metric)  # type: ignore[union-attr]
                for j in wanted
            }
            wanted = steps.send(answers)
    except StopIteration as end:
        return end.value, asked


def saturating(at: int, *, best: float = 0.9, rate: float = RATE) -> Learner:
    """Learns until so many steps, best at that learning rate."""

    def learn(config: TrialConfig, steps: int) -> tuple[float, float]:
        assert config.train is not None
        away = abs(math.log2(config.train.learning_rate / rate))
        done = min(1.0, math.log2(1 + steps) / math.log2(1 + at))
        return best * done - 0.02 * away, 2.0 - 1.8 * done + 0.2 * away

    return learn


def test_the_references_are_a_fast_and_a_slow_combination_and_a_single_modality() -> None:
    chosen = references(build(settings(), {"made": spec()}, root=Path("/nowhere")).jobs)
    assert [c.cell for c in chosen] == [
        "scaled_dot_product + concat · independent",
        "mean + early_concat · shared",
        "scaled_dot_product · left alone",
    ]


@pytest.mark.parametrize("at", [100, 400, 1600])
def test_training_goes_on_until_it_helps_no_more(at: int) -> None:
    """50 steps an epoch, rungs at 150, 300, 600, ... steps: the first at which all has been learnt."""
    found, _ = calibrate(saturating(at))
    assert found.settled and found.learning_rate == RATE
    assert 0.95 * at <= found.steps <= max(2 * at, 150)
    assert found.steps == 50 * found.epochs


def test_the_slowest_reference_decides() -> None:
    slow, fast = saturating(1000), saturating(100)
    found, asked = calibrate(lambda c, n: (slow if "early_concat" in c.cell else fast)(c, n))
    assert found.steps >= 950
    longest = {
        c: max(j.config.train.epochs for j in asked if j.config.cell == c) for c in {j.config.cell for j in asked}
    }  # type: ignore[union-attr]
    assert set(longest.values()) == {2 * found.epochs}


def test_a_reference_that_gained_nothing_once_is_looked_at_again() -> None:
    """As a fast one did by luck: .9205, .916 and .933 after 2, 4 and 8 epochs, with a loss that fell by a tenth."""

    def learn(config: TrialConfig, steps: int) -> tuple[float, float]:
        slow = saturating(250)(config, steps)
        if "early_concat" in config.cell:
            return slow
        return (0.9, 0.4) if steps <= 300 else (0.93, 0.3)

    found, _ = calibrate(learn)
    assert found.settled and found.steps == 600


def test_what_was_as_good_before_is_no_gain() -> None:
    """A fast reference had .89, .8795 and .887 by luck after 8, 16 and 32 epochs of `redundant`."""
    lucky = {150: 0.87, 300: 0.89, 600: 0.8795, 1200: 0.887}
    found, _ = calibrate(
        lambda config, steps: (
            saturating(600)(config, steps) if "early_concat" in config.cell else (lucky.get(steps, 0.88), 1 / steps)
        )
    )
    assert found.settled and found.steps == 600


def test_half_the_margin_is_a_gain() -> None:
    """A gain of 0.8 points is within the margin, but makes another verdict of a difference of 0.5."""
    found, _ = calibrate(lambda config, steps: (0.9 - 0.008 * 300 / steps, 0.3 + 60 / steps))
    assert found.settled and found.gain is not None and found.gain <= 0.005
    assert found.steps == 300


@pytest.mark.parametrize("rate", [RATE / 4, RATE / 2, RATE, 2 * RATE, 4 * RATE])
def test_the_learning_rate_is_found(rate: float) -> None:
    found, _ = calibrate(saturating(400, rate=rate))
    assert found.learning_rate == pytest.approx(rate)


def test_a_rate_that_is_good_for_a_short_training_only_is_not_taken() -> None:
    """At twice the rate the slow reference has a head start, and the others do worse, by less than that is worth: 150
    steps are best at 0.006. Trained for long, all are best at 0.003."""

    def learn(config: TrialConfig, steps: int) -> tuple[float, float]:
        assert config.train is not None
        away = math.log2(config.train.learning_rate / RATE)
        if "early_concat" in config.cell:
            done = min(1.0, steps / 600 + 0.1 * away)
            return 0.5 + 0.4 * done, 1.3 - done
        return 0.9, 0.3 + 0.04 * away**2

    found, asked = calibrate(learn)
    assert {j.config.train.learning_rate for j in asked if j.config.train.epochs == 6} == {RATE, 2 * RATE}  # type: ignore[union-attr]
    assert found.learning_rate == RATE and found.steps == 600 and found.settled, "the length is sought again"
    fixed, _ = calibrate(learn, params=settings(epochs=12))
    assert fixed.learning_rate == RATE


def test_a_learning_rate_that_hardly_matters_stays_the_usual_one() -> None:
    def learn(config: TrialConfig, steps: int) -> tuple[float, float]:
        assert config.train is not None
        return 0.9, 0.5 - 0.001 * math.log2(config.train.learning_rate / RATE)

    assert calibrate(learn)[0].learning_rate == RATE


def test_a_rate_at_which_a_reference_diverges_is_not_taken() -> None:
    def learn(config: TrialConfig, steps: int) -> tuple[float, float] | None:
        assert config.train is not None
        if config.train.learning_rate > RATE:
            return None
        return saturating(100, rate=4 * RATE)(config, steps)

    assert calibrate(learn)[0].learning_rate == RATE


def test_luck_on_few_samples_is_no_gain() -> None:
    """Scores that rise while the loss stays as it is."""
    found, _ = calibrate(lambda config, steps: (0.5 + 0.02 * math.log2(steps), 0.69))
    assert found.settled and found.epochs == 3


def test_overfitting_ends_it() -> None:
    found, _ = calibrate(lambda config, steps: (0.8 + 0.01 * math.log2(steps), 0.4 + 1e-4 * steps))
    assert found.settled and found.epochs == 3


def test_what_never_settles_ends_and_says_so() -> None:
    found, asked = calibrate(lambda config, steps: (0.02 * math.log2(steps), 1 / steps))
    assert not found.settled and MOST_STEPS / 2 < found.steps <= MOST_STEPS
    assert max(j.config.train.epochs for j in asked) * 50 <= MOST_STEPS  # type: ignore[union-attr]


def test_nothing_is_settled_where_every_trial_fails() -> None:
    found, _ = calibrate(lambda config, steps: None)
    assert not found.settled and found.gain is None and all(r.seeds == 0 and r.score is None for r in found.rungs)


def test_few_and_many_samples_get_as_many_steps() -> None:
    small, large = (calibrate(saturating(500), spec(n))[0] for n in (64, 20_000))
    assert small.steps == 2 * small.epochs and 475 <= small.steps <= 1000
    assert large.epochs == 1 and large.steps == 625, "one epoch does, and is the least"


def test_an_error_is_turned_and_its_margin_is_a_share_of_a_guess() -> None:
    """A guess is off by 2, so what gets better by less than 0.5 % of that is no gain: here from 2400 steps on."""
    found, _ = calibrate(lambda config, steps: (1 + 30 / (30 + steps), 30 / (30 + steps)), spec(kind="regression"))
    assert found.settled and found.metric == "mae" and found.gain is not None and 0 < found.gain <= 0.01
    assert found.steps == 2400


def test_numbers_in_the_settings_stand() -> None:
    fixed, asked = calibrate(saturating(1000), params=settings(epochs=7))
    assert fixed.epochs == 7 and {j.config.train.epochs for j in asked} == {3, 7}, "only the rate is looked for"  # type: ignore[union-attr]
    rate, asked = calibrate(saturating(1000), params=settings(learning_rate=0.01))
    assert rate.learning_rate == 0.01 and {j.config.train.learning_rate for j in asked} == {0.01}  # type: ignore[union-attr]
    assert rate.training(settings(learning_rate=0.01)).learning_rate == 0.01


def test_trials_at_the_budget_are_the_sweeps_own() -> None:
    """So that they are not trained twice."""
    params, data = settings(), spec()
    found, asked = calibrate(saturating(400), data, params)
    plan = build(params, {"made": data}, root=Path("/nowhere"), training={"made": found.training(params)})
    own = {j.trial_id for j in plan.jobs}
    at_budget = [
        j for j in asked if (j.config.train.epochs, j.config.train.learning_rate) == (found.epochs, found.learning_rate)
    ]  # type: ignore[union-attr]
    assert at_budget and all(j.trial_id in own for j in at_budget)


def test_a_budget_is_kept_for_its_data_and_settings_only(tmp_path: Path) -> None:
    params, data = settings(), spec()
    found, _ = calibrate(saturating(400), data, params)
    budgets.save_budget(tmp_path, found)
    assert budgets.load_budget(tmp_path, params, data) == found
    assert budgets.load_budget(tmp_path, settings(batch_size=64), data) is None
    assert budgets.load_budget(tmp_path, params, data.model_copy(update={"hash": "1" * 16})) is None
    finer = params.model_copy(update={"report": params.report.model_copy(update={"rope": 0.001})})
    assert budgets.load_budget(tmp_path, finer, data) is None, "it was long enough for another margin"
    more = params.model_copy(update={"grid": params.grid.model_copy(update={"seeds": 5})})
    assert budgets.load_budget(tmp_path, more, data) == found, "more seeds are no reason to look again"
    budgets.file_of(tmp_path, "made").write_text("{", encoding="utf-8")
    assert budgets.load_budget(tmp_path, params, data) is None


@pytest.mark.parametrize(("samples", "batch"), [(1600, 16), (1600, 32), (64, 16), (2000, 64), (100_000, 32)])
def test_no_rung_is_too_short_to_be_ranked_by(samples: int, batch: int) -> None:
    """What calibration settles on must not be what the report then calls too brief."""
    found, asked = calibrate(saturating(10), spec(samples), settings(batch_size=batch))
    assert found.settled and found.steps >= budgets.LEAST_STEPS
    assert all(rung.steps >= budgets.LEAST_STEPS for rung in found.rungs) and asked


def test_standing_still_at_a_guess_is_no_end() -> None:
    """As a task of which each modality alone says nothing: a guess until 1,000 steps, then it is learned."""

    def late(config: TrialConfig, steps: int) -> tuple[float, float]:
        return (0.5, 0.693) if steps < 1000 else (0.9, 0.3)

    found, _ = calibrate(late)
    assert found.settled and found.steps == 1200 and "guess" not in found.why


@pytest.mark.parametrize("score", [0.5, 0.59])
def test_where_nothing_is_learned_for_long_the_shortest_length_does(score: float) -> None:
    """100 samples: two standard errors are .1, so that .59 is no better than a guess."""
    found, asked = calibrate(lambda config, steps: (score, 0.693))
    assert found.steps == 150 and found.settled and found.gain == 0
    assert found.why.endswith("; up to 1,200 steps no reference did surely better than a guess")
    assert max(50 * j.config.train.epochs for j in asked) == 1200  # type: ignore[union-attr]


def test_where_the_score_tells_nothing_the_loss_does() -> None:
    """As on few validation samples, of which the one reference gets more right, and surely more none."""

    def slow(config: TrialConfig, steps: int) -> tuple[float, float]:
        return (0.55, 0.60 if steps >= 600 else 0.69) if "early_concat" in config.cell else (0.5, 0.69 + steps / 1e5)

    found, _ = calibrate(slow)
    assert found.steps == 600 and found.settled and "surely better than a guess" in found.why


def test_an_error_as_large_as_a_guess_is_no_learning_either() -> None:
    found, _ = calibrate(lambda config, steps: (2.0, 4.0) if steps < 1000 else (0.5, 0.3), spec(kind="regression"))
    assert found.steps == 1200


def test_a_score_better_than_a_guess_that_stands_still_is_an_end() -> None:
    found, asked = calibrate(lambda config, steps: (0.61, 0.6))
    assert found.steps == 150 and max(50 * j.config.train.epochs for j in asked) == 300  # type: ignore[union-attr]
