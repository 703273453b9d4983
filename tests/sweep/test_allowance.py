"""What a race's next round is paid with."""

from __future__ import annotations

from typing import Any

from mmbench.schema.result import State
from mmbench.sweep.rounds.allowance import Allowance
from tests.support.factory import Truth, make

FLAT = {"flat": Truth(base=0.8, single={"image": 0.5, "audio": 0.4}, linear=0.4)}


def _allowance(made: Any, seconds: float, afterwards: Any = ()) -> Allowance:
    return Allowance(seconds=seconds, spec=made.specs["flat"], afterwards=afterwards)


def test_what_was_spent_what_comes_and_what_comes_afterwards_is_counted() -> None:
    made = make(truths=FLAT, seeds=3)
    results = {j.trial_id: made.results[j.trial_id] for j in made.plan.jobs if j.config.seed == 0}
    spent = sum(r.seconds for r in results.values())
    per_seed = sum(made.results[j.trial_id].seconds for j in made.plan.jobs if j.config.seed == 0 and j.config.train)
    later = [j for j in made.plan.jobs if j.config.seed == 2]
    second = [j for j in made.plan.jobs if j.config.seed < 2]
    for afterwards, due in (((), spent + per_seed), (later, spent + 2 * per_seed)):
        assert _allowance(made, due * 1.001, afterwards).pays_for(second, results)
        assert not _allowance(made, due * 0.999, afterwards).pays_for(second, results)


def test_trials_that_failed_took_time_too() -> None:
    made = make(truths=FLAT, seeds=1, faults={0: State.FAILED})
    jobs, results = made.plan.jobs, {j.trial_id: made.results[j.trial_id] for j in made.plan.jobs}
    spent = sum(r.seconds for r in results.values())
    assert spent > 0 and _allowance(made, spent).pays_for(jobs, results)
    assert not _allowance(made, spent * 0.999).pays_for(jobs, results)
