"""What methods cost alone: every number is there and has the right size, and one that fails harms no other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mmbench.data.batches import Inputs
from mmbench.schema.idle_cost import IdleCost
from mmbench.schema.params import Choice
from mmbench.schema.plan import Job
from mmbench.sweep.local import load_splits
from mmbench.training import idle_cost, timed
from mmbench.training.idle_cost import measure_alone
from mmbench.training.modality_dropout import ModalityDropout
from tests.support import small_project


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_project.make(tmp_path_factory.mktemp("costs"))


@pytest.fixture(scope="module")
def jobs(root: Path) -> dict[str, Job]:
    """One of each method, in the order of the plan."""
    found: dict[str, Job] = {}
    for job in small_project.read(root).plan.jobs:
        found.setdefault(job.config.cell, job)
    return found


@pytest.fixture(scope="module")
def costs(root: Path, jobs: dict[str, Job]) -> dict[str, IdleCost]:
    return measure_alone(jobs, *load_splits(root / "data" / "prepared" / "small"))


@pytest.mark.slow
def test_every_method_has_every_number(jobs: dict[str, Job], costs: dict[str, IdleCost], root: Path) -> None:
    assert list(costs) == list(jobs) and {j.config.role for j in jobs.values()} == {"cell", "single", "baseline"}
    _, splits = load_splits(root / "data" / "prepared" / "small")
    for name, cost in costs.items():
        config = jobs[name].config
        assert cost.failed is None and cost.trial_id == jobs[name].trial_id
        assert cost.batch_us and cost.p50_us and cost.p95_us and cost.p95_us >= cost.p50_us > cost.batch_us
        if config.train is None:
            assert cost.fit and cost.training(3) == cost.fit and cost.step is None
            continue
        assert cost.step and cost.steps == -(-len(splits["train"]) // config.train.batch_size)
        assert cost.validation is not None and cost.memory
        assert cost.training(3) == pytest.approx(3 * (cost.steps * cost.step + cost.validation))


@pytest.mark.slow
def test_more_work_costs_more(costs: dict[str, IdleCost]) -> None:
    """A hybrid has the layers of both kinds; a single modality is a part of an independent architecture."""
    hybrid, independent = (costs[f"additive + concat · {a}"] for a in ("hybrid", "independent"))
    single = min((c for n, c in costs.items() if n.startswith("additive") and "alone" in n), key=lambda c: c.step or 0)
    for larger, smaller in ((hybrid, independent), (independent, single)):
        assert (larger.step or 0) > (smaller.step or 0) and (larger.memory or 0) > (smaller.memory or 0)


@pytest.mark.slow
def test_memory_is_counted_and_so_always_the_same(root: Path, jobs: dict[str, Job], costs: dict[str, IdleCost]) -> None:
    name = "additive + concat · shared"
    again = measure_alone({name: jobs[name]}, *load_splits(root / "data" / "prepared" / "small"))
    assert again[name].memory == costs[name].memory


@pytest.mark.slow
def test_one_that_fails_or_never_ends_has_a_reason(
    root: Path, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = "mean + concat · shared"
    config = jobs[sound].config
    broken = config.model_copy(update={"fusion": Choice(name="concat", options={"no_such_option": 1})})
    found = measure_alone(
        {"broken": jobs[sound].model_copy(update={"config": broken}), sound: jobs[sound]},
        *load_splits(root / "data" / "prepared" / "small"),
    )
    assert "no_such_option" in (found["broken"].failed or "") and found["broken"].training(1) is None
    assert found[sound].failed is None and found[sound].step
    monkeypatch.setattr(idle_cost, "LONGEST", 0.001)
    late = measure_alone({sound: jobs[sound]}, *load_splits(root / "data" / "prepared" / "small"))
    assert late[sound].failed == "took longer than 0.001 s"


@pytest.mark.slow
def test_models_that_need_much_memory_are_measured_one_after_the_other(
    root: Path, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle_cost, "TOGETHER", 1.0)
    held: list[int] = []
    before = idle_cost._Method.round

    def watched(self: idle_cost._Method, which: int, turn: int) -> Mapping[str, float]:
        held.append(id(self))
        return before(self, which, turn)

    monkeypatch.setattr(idle_cost._Method, "round", watched)
    two = {n: job for n, job in jobs.items() if n in ("mean + concat · shared", "additive + concat · shared")}
    assert all(c.step for c in measure_alone(two, *load_splits(root / "data" / "prepared" / "small")).values())
    # All rounds of the first, then all of the second.
    rounds = idle_cost.ROUNDS * idle_cost.COPIES
    assert len(set(held[:rounds])) == 1 and len(held) == 2 * rounds


@pytest.mark.slow
def test_a_slow_one_is_timed_a_few_times_only(
    root: Path, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle_cost, "ENOUGH", 0.0)
    monkeypatch.setattr(timed, "SLOW", 0.0)
    rounds: list[int] = []
    before = timed.TimedModel.round

    def watched(self: timed.TimedModel) -> dict[str, float]:
        rounds.append(id(self))
        return before(self)

    monkeypatch.setattr(timed.TimedModel, "round", watched)
    name = "mean + concat · shared"
    cost = measure_alone({name: jobs[name]}, *load_splits(root / "data" / "prepared" / "small"))[name]
    assert cost.step and cost.validation and cost.p50_us
    assert len(rounds) == idle_cost.FEWEST and len(set(rounds)) == 1


@pytest.mark.slow
def test_steps_are_timed_with_what_training_hides(
    root: Path, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timed, "SLOW", 0.0)
    calls: list[int] = []
    of_rounds: list[int] = []
    hide, take = ModalityDropout.__call__, timed.TimedModel.round

    def watched(self: ModalityDropout, inputs: Inputs, index: Tensor) -> Inputs:
        calls.append(len(index))
        return hide(self, inputs, index)

    def watched_round(self: timed.TimedModel) -> dict[str, float]:
        before = len(calls)
        found = take(self)
        of_rounds.append(len(calls) - before)
        return found

    monkeypatch.setattr(ModalityDropout, "__call__", watched)
    monkeypatch.setattr(timed.TimedModel, "round", watched_round)
    name = "mean + concat · shared"
    config = jobs[name].config
    assert config.train is not None
    dropped = config.model_copy(update={"train": config.train.model_copy(update={"modality_dropout": 0.3})})
    job = jobs[name].model_copy(update={"config": dropped})
    assert measure_alone({name: job}, *load_splits(root / "data" / "prepared" / "small"))[name].step
    assert len(of_rounds) >= idle_cost.FEWEST and all(of_rounds)


@pytest.mark.slow
def test_a_baseline_that_is_fitted_once_has_the_time_of_that_fit(
    root: Path, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not that time over the machine's speed at moments at which it was not fitted."""
    monkeypatch.setattr(timed, "FITTING", 0.0)
    fits: list[float] = []
    before = timed.TimedBaseline._timed

    def watched(self: timed.TimedBaseline) -> float:
        fits.append(before(self))
        return fits[-1]

    monkeypatch.setattr(timed.TimedBaseline, "_timed", watched)
    two = {n: job for n, job in jobs.items() if n in ("mean + concat · shared", "majority baseline")}
    found = measure_alone(two, *load_splits(root / "data" / "prepared" / "small"))
    assert len(two) == 2 and [found["majority baseline"].fit] == fits


@pytest.mark.slow
def test_a_method_without_room_for_copies_is_timed_with_the_one_it_has(
    root: Path, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    before = timed.TimedModel.warm_up

    def no_room(self: timed.TimedModel) -> None:
        made.append(id(self))
        if len(made) > 1:
            raise torch.cuda.OutOfMemoryError("planted")
        before(self)

    monkeypatch.setattr(timed.TimedModel, "warm_up", no_room)
    name = "mean + concat · shared"
    found = measure_alone({name: jobs[name]}, *load_splits(root / "data" / "prepared" / "small"))[name]
    assert len(made) == idle_cost.COPIES and found.failed is None and found.step and found.validation


def test_what_a_training_of_some_epochs_takes() -> None:
    cost = IdleCost(trial_id="a" * 16, step=0.5, steps=4, validation=1.0)
    assert cost.training(2.5) == pytest.approx(7.5)
    assert cost.model_copy(update={"step": None}).training(1) is None
