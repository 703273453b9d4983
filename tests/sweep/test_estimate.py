"""How long what is pending will take, from finished trials."""

from __future__ import annotations

from typing import Any

import pytest

from mmbench.schema.params import Sweep
from mmbench.schema.result import State
from mmbench.sweep.planning.estimate import slots_of, time_left
from tests.support.factory import Made, Truth, make

FLAT = {"flat": Truth(base=0.8, single={"image": 0.5, "audio": 0.4}, linear=0.4)}


def _left(made: Made, keep: Any, slots: int = 2, **more: Any) -> Any:
    results = {j.trial_id: made.results[j.trial_id] for j in made.plan.jobs if keep(j.config)}
    return time_left(made.plan.jobs, results, made.specs, slots, **more)  # type: ignore[arg-type]


def test_of_what_has_ended_with_one_seed_the_others_follow() -> None:
    made = make(truths=FLAT, seeds=3)
    found = _left(made, lambda c: c.seed == 0)
    per_seed = sum(made.results[j.trial_id].seconds for j in made.plan.jobs if j.config.seed == 0 and j.config.train)
    assert found.seconds == pytest.approx(2 * per_seed / 2) and found.unknown == 0
    assert found.known == sum(j.config.seed > 0 for j in made.plan.jobs)
    assert _left(made, lambda c: c.seed == 0, slots=8).seconds == pytest.approx(found.seconds / 4)


def test_longer_budgets_take_longer() -> None:
    made = make(truths=FLAT, seeds=2)

    def longer(job: Any) -> Any:
        train = job.config.train
        if train is None or job.config.seed == 0:
            return job
        longer = train.model_copy(update={"epochs": 3 * train.epochs})
        return type(job)(**vars(job) | {"config": job.config.model_copy(update={"train": longer})})

    results = {j.trial_id: made.results[j.trial_id] for j in made.plan.jobs if j.config.seed == 0}
    plain = time_left(made.plan.jobs, results, made.specs, 1)  # type: ignore[arg-type]
    tripled = time_left(list(map(longer, made.plan.jobs)), results, made.specs, 1)
    assert tripled.seconds == pytest.approx(3 * plain.seconds)


def test_of_a_method_that_has_not_ended_its_kind_tells_or_it_is_unknown() -> None:
    made = make(truths=FLAT, seeds=1)
    one = next(j.config.cell for j in made.plan.jobs if j.config.role == "cell")
    found = _left(made, lambda c: c.cell == one)
    assert found.known == 26 and found.unknown == 3 * 2 + 2
    timed = _left(made, lambda c: c.cell == one, timed={("flat", "mean · image alone"): 0.01})
    assert timed.unknown == found.unknown - 1
    assert _left(made, lambda c: False).known == 0


def test_one_that_failed_tells_no_time() -> None:
    made = make(truths=FLAT, seeds=1, faults=dict.fromkeys(range(27), State.FAILED))
    assert _left(made, lambda c: c.role == "cell").known == 0


def test_slots_are_what_the_settings_say_or_the_cores() -> None:
    settings = Sweep(at_once=3, per_gpu="auto", time_limit_s=None, memory_limit_gb=None, retries=0)
    assert slots_of(settings) == 3 and slots_of(settings.model_copy(update={"at_once": "auto"})) >= 1
