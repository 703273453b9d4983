"""Trials of one combination that are trained as one program, in a real sweep and as it is planned."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from mmbench.schema.params import Training
from mmbench.schema.plan import Job
from mmbench.schema.result import State, TrialResult
from mmbench.sweep.measure import Wanted
from mmbench.sweep.rounds.assignment import Assignment
from mmbench.sweep.rounds.groups import NUMBERS, groups_of, kind_of, together
from tests.support import driver, small

GRID = {"attention": ["mean", "additive"], "fusion": ["concat"], "architecture": ["shared"], "seeds": 3}


def job(name: str, seed: int = 0, **train: object) -> Job:
    settings = small.training(**train)
    config = small.config(seed=seed, train=settings)
    config = config.model_copy(update={"attention": config.attention.model_copy(update={"name": name})})
    trial_id = f"{name}-{seed}-{settings.learning_rate:g}-{settings.epochs}"
    return Job(trial_id=trial_id, config=config, data_hash="0", fingerprint="0")


def ids(groups: list[tuple[Job, ...]]) -> list[list[str]]:
    return [[j.trial_id for j in group] for group in groups]


def test_seeds_and_rates_of_one_combination_are_a_group_and_nothing_else_is() -> None:
    jobs = [
        job("a", 0),
        job("b", 0),
        job("a", 1),
        job("a", 0, learning_rate=0.1),
        job("a", 2, epochs=9),
        job("b", 1),
        job("a", 3, dropout=0.2),
    ]
    assert ids(groups_of(jobs, 8)) == [
        ["a-0-0.01-4", "a-1-0.01-4", "a-0-0.1-4"],
        ["b-0-0.01-4", "b-1-0.01-4"],
        ["a-2-0.01-9"],
        ["a-3-0.01-4"],
    ]
    assert ids(groups_of(jobs, 2))[:2] == [["a-0-0.01-4", "a-1-0.01-4"], ["b-0-0.01-4", "b-1-0.01-4"]]
    assert all(len(group) == 1 for group in groups_of(jobs, 1)) and len(groups_of(jobs, 1)) == len(jobs)


@pytest.mark.parametrize("field", sorted(Training.model_fields))
def test_only_numbers_may_differ_within_a_group(field: str) -> None:
    """Whatever else a training has, such as its length, makes another program."""
    usual = small.training()
    others = {"class_weights": "balanced", "precision": "bfloat16", "patience": 3}
    changed = usual.model_copy(update={field: others.get(field) or getattr(usual, field) + 1})
    kinds = {kind_of(small.config(train=train)) for train in (usual, changed)}
    assert (len(kinds) == 1) == (field in NUMBERS)


def test_a_baseline_is_trained_alone() -> None:
    assert kind_of(small.config(train=None)) is None


def test_a_group_of_which_one_trial_is_pending_is_trained_whole() -> None:
    """Who is in a group changes sums in their last digits: it must not depend on what an interruption left."""
    jobs = [job("a", seed) for seed in range(3)]
    wanted = Wanted(metrics={"accuracy": "0"}, probes={"latency": "0"})
    pending = [Assignment(job=jobs[1], measures=wanted)]
    (found,) = together(pending, groups_of(jobs, 3))
    assert [(a.job.trial_id, a.kept) for a in found.members] == [
        ("a-0-0.01-4", False),
        ("a-1-0.01-4", True),
        ("a-2-0.01-4", False),
    ]
    assert found.results == 1 and found.members[1].measures == wanted and not found.members[0].measures.probes
    assert together([], groups_of(jobs, 3)) == []


def trained(root: Path) -> dict[str, TrialResult]:
    return {i: r for i, r in driver.results(root).items() if r.config.train is not None}


def alike(one: TrialResult, other: TrialResult) -> bool:
    """But for the order in which sums are added."""
    same = one.best_epoch == other.best_epoch and one.metrics.keys() == other.metrics.keys()
    return same and all(curve == pytest.approx(other.curves[name], rel=2e-3) for name, curve in one.curves.items())


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("at_once", [1, 2])
def test_a_sweep_in_groups_finds_what_trials_find_alone(tmp_path: Path, at_once: int) -> None:
    """In this process, and with Ray. The sweep asks for seeds in rounds; all trials have results of their own."""
    roots = {}
    for group in (1, 4):
        race = GRID | {"seeds": {"least": 3, "most": 5}}
        sweep = {"at_once": at_once, "group": group}
        roots[group] = driver.project(tmp_path / str(group), grid=race, train={"epochs": 2}, sweep=sweep)
        process = driver.start(roots[group])
        said, _ = process.communicate(timeout=280)
        assert process.returncode == 0, said
    alone, grouped = (trained(roots[group]) for group in (1, 4))
    assert alone.keys() == grouped.keys() and all(r.state is State.DONE for r in grouped.values())
    assert not any(r.group or r.ungrouped for r in alone.values())
    for trial_id, result in grouped.items():
        assert alike(result, alone[trial_id]), result.config.name
        if not result.group:
            continue
        mates = [grouped[i] for i in result.group]
        assert result in mates and len({kind_of(m.config) for m in mates}) == 1
        assert all(m.group == result.group for m in mates)
        assert "train_seconds" not in result.quantities, "it has no time of its own"
    assert max(len(r.group) for r in grouped.values()) == 3, "the three seeds of the first round"


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
def test_what_fails_in_a_group_fails_as_it_would_alone(tmp_path: Path) -> None:
    """Every fault, three seeds of each as one program: nobody's fault becomes another's."""
    attention = ["mean", "raises", "nan", "endless", "vanishing", "greedy"]
    root = driver.project(
        tmp_path / "project",
        grid={"attention": attention, "fusion": ["concat"], "architecture": ["independent"], "seeds": 3},
        controls={"single_modalities": False, "baselines": ["majority"]},
        sweep={"time_limit_s": 5, "memory_limit_gb": 2, "retries": 1, "group": 3},
    )
    process = driver.start(root)
    said, _ = process.communicate(timeout=800)
    assert process.returncode == 0, said
    states: dict[str, set[State]] = {}
    for r in driver.results(root).values():
        if r.config.attention is not None:
            states.setdefault(r.config.attention.name, set()).add(r.state)
    assert states == {
        "mean": {State.DONE},
        "raises": {State.FAILED},
        "nan": {State.DIVERGED},
        "endless": {State.TIMEOUT},
        "vanishing": {State.FAILED},
        "greedy": {State.OUT_OF_MEMORY},
    }


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_sweep_in_groups_ends_as_one_that_was_not(tmp_path: Path, how: signal.Signals) -> None:
    sections = {"grid": GRID, "train": {"epochs": 3}, "sweep": {"at_once": 2, "group": 3}}
    whole, broken = (driver.project(tmp_path / name, **sections) for name in ("whole", "broken"))
    process = driver.start(whole)
    said, _ = process.communicate(timeout=280)
    assert process.returncode == 0, said
    driver.stop(broken, 4, how)
    process = driver.start(broken)
    said, _ = process.communicate(timeout=280)
    assert process.returncode == 0, said
    expected, found = trained(whole), trained(broken)
    assert expected.keys() == found.keys()
    for trial_id, result in found.items():
        assert result.outputs == expected[trial_id].outputs, "bit by bit the same"
        assert result.group == expected[trial_id].group
