"""A sweep that finds its budget first: with real trials, whole and interrupted anywhere, with and without Ray."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from rich.console import Console

from mmbench.ledger.store import Ledger, limits_of
from mmbench.library.load import load_results
from mmbench.project.folders import BUDGET, PREPARED
from mmbench.project.project import Loaded
from mmbench.schema.params import load_params
from mmbench.schema.result import TrialResult
from mmbench.stages.report import report as reported
from mmbench.stages.sweep import sweep
from mmbench.sweep import in_process
from mmbench.sweep.planning.plan import load_specs
from mmbench.sweep.rounds.schedule import Schedule, declared
from mmbench.sweep.rounds.work import scheduled
from tests.support import driver, small_project

pytestmark = pytest.mark.slow
GRID = {"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"], "seeds": 2}
AUTO = {"epochs": "auto", "learning_rate": "auto", "batch_size": 64}
CONTROLS = {"single_modalities": False, "baselines": ["majority"]}


def project(folder: Path, **sweep: Any) -> Path:
    return driver.project(folder, grid=GRID, train=AUTO, controls=CONTROLS, sweep={"at_once": 1, **sweep})


def step(root: Path, most: int | None = None) -> tuple[list[str], int]:
    """Run a sweep in this process, interrupted after so many trials; what was trained, and how much is left."""
    params = load_params(root / "params.yaml")
    schedule = Schedule(params=params, specs=load_specs(params, root), root=root, folder=root / BUDGET)
    ledger, trained = Ledger(root / "data" / "ledger"), []

    def on_result(result: TrialResult) -> None:
        trained.append(result.trial_id)
        if len(trained) == most:
            raise KeyboardInterrupt

    with ledger.lock():
        work = scheduled(schedule, ledger, limits_of(params.sweep), root / PREPARED)
        outcome = in_process.run(work, ledger, params.sweep, root / PREPARED, on_result=on_result)
    return trained, outcome.left


def end(root: Path) -> tuple[str, dict[str, float]]:
    """The budget that was found, and the test score of every trial of the plan."""
    loaded = small_project.read(root)
    done = {j.trial_id: loaded.results[j.trial_id].metrics["test"]["accuracy"] for j in loaded.plan.jobs}
    budget = root / BUDGET / "small.json"
    return budget.read_text(encoding="utf-8") if budget.exists() else "", done


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A project whose sweep ran to its end, and its trials in their order."""
    root = project(tmp_path_factory.mktemp("whole") / "project")
    trained, left = step(root)
    assert left == 0
    return root, trained


def test_the_budget_is_found_first_and_then_what_the_plan_asks_for(whole: tuple[Path, list[str]]) -> None:
    root, trained = whole
    loaded = small_project.read(root)
    budget = loaded.stands["small"].budget
    assert budget is not None and not loaded.stands["small"].calibrating
    configs = {job.config.train for job in loaded.plan.jobs if job.config.train is not None}
    assert {(t.epochs, t.learning_rate) for t in configs} == {(budget.epochs, budget.learning_rate)}
    assert len(trained) == len(set(trained)), "nothing is trained twice"
    planned = {job.trial_id for job in loaded.plan.jobs}
    assert planned < set(trained), "calibration needs trials of its own"
    assert sum(rung.seeds for rung in budget.rungs) - (len(trained) - len(planned)) >= 1, "and shares one with the plan"
    assert step(root) == ([], 0), "a second sweep has nothing to do"


def test_before_it_is_found_the_plan_is_provisional(tmp_path: Path) -> None:
    loaded: Loaded = small_project.read(project(tmp_path / "project"))
    assert loaded.stands["small"].calibrating and len(loaded.plan.jobs) == 3


def test_interrupted_anywhere_it_comes_to_the_same_end(whole: tuple[Path, list[str]], tmp_path: Path) -> None:
    expected, (_, trained) = end(whole[0]), whole
    root = project(tmp_path / "project")
    parts: list[str] = []
    for length in (1, 2, 1, 3, 1, None):
        again, _ = step(root, length)
        parts += again
    assert sorted(parts) == sorted(trained), "each trial once"
    assert end(root) == expected


def test_what_was_asked_for_can_be_told_from_the_ledger_alone(whole: tuple[Path, list[str]]) -> None:
    root, _ = whole
    params = load_params(root / "params.yaml")
    schedule = Schedule(params=params, specs=load_specs(params, root), root=root, folder=root / BUDGET)
    assert declared(schedule, {}).jobs == declared(schedule, Ledger(root / "data" / "ledger").read()).jobs


@pytest.mark.exhaustive
def test_with_ray_and_killed_in_the_middle_it_comes_to_the_same_end(
    whole: tuple[Path, list[str]], tmp_path: Path
) -> None:
    root = project(tmp_path / "project", at_once=2)
    first = driver.start(root)
    deadline = time.monotonic() + 120
    while len(list((root / "data" / "ledger").glob("*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert not (root / BUDGET / "small.json").exists(), "killed while the budget was being found"
    second = driver.start(root)
    told, _ = second.communicate(timeout=200)
    assert second.returncode == 0, told
    assert "gradient steps" in told
    assert end(root) == end(whole[0])
    third = driver.start(root)
    assert "to run" not in third.communicate(timeout=60)[0]


RACE = {
    "attention": ["mean", "scaled_dot_product"],
    "fusion": ["concat"],
    "architecture": ["shared"],
    "seeds": {"least": 2, "most": 5},
}
FIXED = {"epochs": 1, "learning_rate": 0.003, "batch_size": 64}


def racing(folder: Path) -> Path:
    return driver.project(folder, grid=RACE, train=FIXED, controls=CONTROLS, sweep={"at_once": 1})


def test_a_race_asks_for_more_seeds_and_comes_to_the_same_end_where_it_is_interrupted(tmp_path: Path) -> None:
    """Two combinations that learn nothing in one epoch: nobody can say which is better, so all rounds are run."""
    whole = racing(tmp_path / "whole")
    trained, left = step(whole)
    loaded = small_project.read(whole)
    race = loaded.stands["small"].race
    assert left == 0 and race is not None and race.over
    assert [look.seeds for look in race.looks] == [2, 3, 5] and set(race.verdicts.values()) == {"open"}
    assert sorted(j.config.seed for j in loaded.plan.jobs if j.config.role == "cell") == sorted([*range(5)] * 2)
    again = racing(tmp_path / "again")
    parts: list[str] = []
    for length in (1, 4, 1, 2, None):
        parts += step(again, length)[0]
    assert sorted(parts) == sorted(trained)
    other = small_project.read(again)
    assert other.stands["small"].race == race
    assert {j.trial_id for j in other.plan.jobs} == {j.trial_id for j in loaded.plan.jobs}
    assert step(again) == ([], 0)


def test_what_finished_trials_lack_is_measured_once_whatever_rounds_they_are_in(tmp_path: Path) -> None:
    root = racing(tmp_path / "whole")
    step(root)
    ledger = Ledger(root / "data" / "ledger")
    files = list(ledger.folder.glob("*.measured.json"))
    for file in files:
        file.unlink()
    params = load_params(root / "params.yaml")
    schedule = Schedule(params=params, specs=load_specs(params, root), root=root, folder=root / BUDGET)
    work = scheduled(schedule, ledger, limits_of(params.sweep), root / PREPARED).begin()
    assert sorted(a.job.trial_id for a in work) == sorted(file.name.split(".")[0] for file in files)
    assert not any(a.trains for a in work)


def test_while_a_race_runs_it_is_known_how_many_more_trials_it_may_ask_for(tmp_path: Path) -> None:
    """Two combinations with 2 to 5 seeds, and a guess that is the same for all: 11 trials at most."""
    root = racing(tmp_path / "project")
    params = load_params(root / "params.yaml")
    schedule = Schedule(params=params, specs=load_specs(params, root), root=root, folder=root / BUDGET)
    assert schedule.unasked == 11
    ledger, seen = Ledger(root / "data" / "ledger"), []
    with ledger.lock():
        work = scheduled(schedule, ledger, limits_of(params.sweep), root / PREPARED)
        in_process.run(work, ledger, params.sweep, root / PREPARED, on_result=lambda _: seen.append(schedule.unasked))
    assert seen[0] == 11 - 5 and seen[-1] == 0 and sorted(seen, reverse=True) == seen


@pytest.mark.exhaustive
def test_before_a_budget_is_known_the_ladder_counts_and_after_a_race_nothing_more_can_come(tmp_path: Path) -> None:
    ladder = {**CONTROLS, "budgets": [0.5, 2]}
    grid = {**RACE, "seeds": {"least": 2, "most": 3}}
    root = driver.project(tmp_path / "p", grid=grid, train=AUTO, controls=ladder, sweep={"at_once": 1})
    params = load_params(root / "params.yaml")
    schedule = Schedule(params=params, specs=load_specs(params, root), root=root, folder=root / BUDGET)
    # Two combinations with up to 3 seeds, a guess, and both under two other budgets.
    assert schedule.unasked == 2 * 3 + 1 + 2 * 2
    ledger, seen = Ledger(root / "data" / "ledger"), []
    with ledger.lock():
        work = scheduled(schedule, ledger, limits_of(params.sweep), root / PREPARED, on_budget=lambda budget: None)
        in_process.run(work, ledger, params.sweep, root / PREPARED, on_result=lambda _: seen.append(schedule.unasked))
    assert seen[-1] == 0 and max(seen) == 11
    stand = schedule.stands["small"]
    assert stand.most == len(stand.jobs) + len(stand.ladder)


def test_where_no_weights_are_kept_their_folder_is_there_all_the_same(tmp_path: Path) -> None:
    """It is an output of the stage: without it, `dvc repro` fails after all trials are done."""
    none = {"keep_weights": 0, "at_once": 1}
    root = driver.project(tmp_path / "p", grid={**GRID, "seeds": 1}, train=FIXED, controls=CONTROLS, sweep=none)
    assert sweep(root, Console(quiet=True)) == 0
    assert (root / "data" / "weights").is_dir() and not list((root / "data" / "weights").iterdir())


def _allow(root: Path, budget: str | None) -> Path:
    """Set what the project's trials may take."""
    raw = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    raw["sweep"]["budget"] = budget
    (root / "params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    return root


def _looks(root: Path) -> tuple[list[int], bool]:
    race = small_project.read(root).stands["small"].race
    assert race is not None and race.over
    return [look.seeds for look in race.looks], race.unpaid


def test_a_race_ends_where_the_next_round_is_not_paid_for_and_goes_on_with_more(tmp_path: Path) -> None:
    root = _allow(racing(tmp_path / "short"), "0.01 s")
    first, left = step(root, 3)
    second, left = step(root)
    assert left == 0 and len(first + second) == 2 * 2 + 1, "the first seeds are trained whatever they take"
    assert _looks(root) == ([2], True) and step(root) == ([], 0)
    results = small_project.read(root).results.values()
    assert len(results) == len(first + second)
    cells = [r.seconds for r in results if r.config.role == "cell"]
    # One seed of each takes what the median of its two took: enough for the second round, and not for the third.
    _allow(root, f"{sum(r.seconds for r in results) + sum(cells) / 2 + 0.001:.4f} s")
    third, left = step(root)
    assert left == 0 and len(third) == 2 and _looks(root) == ([2, 3], True)
    fourth, left = step(_allow(root, "2 days"))
    assert left == 0 and len(fourth) == 4 and _looks(root) == ([2, 3, 5], False)
    assert not set(first + second) & set(third + fourth)
    assert _looks(_allow(root, "0.01 s")) == ([2], True), "what was asked for follows from the ledger, not from history"


def _lose_a_worker(sweep: subprocess.Popen[str], ledger: Path, after: int) -> int:
    """Kill one of the sweep's workers once the ledger has so many results; returns how many it had by then."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and sweep.poll() is None:
        known = len(list(ledger.glob("*.json")))
        if known >= after:
            workers = [p for p in psutil.Process(sweep.pid).children(recursive=True) if "Trainable" in _title(p)]
            if workers:
                workers[0].kill()
                return known
        time.sleep(0.02)
    raise AssertionError("the sweep ended before one of its workers could be killed")


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.mark.exhaustive
def test_a_worker_lost_while_the_budget_is_found_changes_nothing(whole: tuple[Path, list[str]], tmp_path: Path) -> None:
    root = project(tmp_path / "project", at_once=2)
    sweep = driver.start(root)
    _lose_a_worker(sweep, root / "data" / "ledger", after=1)
    assert not (root / BUDGET / "small.json").exists()
    told, _ = sweep.communicate(timeout=200)
    assert sweep.returncode == 0, told
    assert end(root) == end(whole[0])


@pytest.mark.exhaustive
def test_a_worker_lost_in_a_later_round_changes_nothing(tmp_path: Path) -> None:
    whole = racing(tmp_path / "whole")
    step(whole)
    root = driver.project(tmp_path / "project", grid=RACE, train=FIXED, controls=CONTROLS, sweep={"at_once": 2})
    sweep = driver.start(root)
    first = 2 * RACE["seeds"]["least"] + 1  # type: ignore[index]
    assert first <= _lose_a_worker(sweep, root / "data" / "ledger", after=first) < len(list(end(whole)[1]))
    told, _ = sweep.communicate(timeout=200)
    assert sweep.returncode == 0, told
    assert end(root)[1] == end(whole)[1]
    assert small_project.read(root).stands["small"].race == small_project.read(whole).stands["small"].race


TUNING = {"configurations": 3, "space": {"learning_rate": {"times": {"log_uniform": [0.1, 10]}}}}


@pytest.mark.exhaustive
def test_studies_are_finished_raced_and_chosen_whole_and_interrupted(tmp_path: Path) -> None:
    """Every method gets three configurations with each seed, also where the sweep is interrupted within a study; the
    report speaks of the chosen ones, and of ensembles that it makes of what all of them said."""
    changes = {"grid": RACE, "train": FIXED, "sweep": {"at_once": 1}, "tuning": TUNING}
    controls = {"single_modalities": True, "baselines": ["majority", "linear"]}
    whole = driver.project(tmp_path / "whole", controls=controls, **changes)
    trained, left = step(whole)
    root = driver.project(tmp_path / "project", controls=controls, **changes)
    parts: list[str] = []
    for length in (1, 3, 2, 5, None):
        parts += step(root, length)[0]
    assert left == 0 and sorted(parts) == sorted(trained)
    loaded = small_project.read(root)
    assert {j.trial_id for j in loaded.plan.jobs} == set(trained)
    studies = Counter((j.config.cell, j.config.seed) for j in loaded.plan.jobs)
    assert set(studies.values()) == {1, 3} and studies["majority baseline", 0] == 1
    params, report, _ = reported(root)
    assert params.tuning.configurations == 3 and not report.failures
    (d,) = report.context.datasets
    row = d.row("mean + concat · shared")
    for seed in row.seeds:
        own = [j for j in loaded.plan.jobs if (j.config.cell, j.config.seed) == (row.key, seed.seed)]
        best = max(own, key=lambda j: loaded.results[j.trial_id].metrics["validation"]["accuracy"])
        assert seed.value == loaded.results[best.trial_id].metrics["test"]["accuracy"]
    again = load_results(root).analysis.context
    assert [r.score for r in again.datasets[0].cells] == [r.score for r in d.cells]
    assert again.ensembles == report.context.ensembles
    found = report.context.ensembles["small"]
    assert found.keys() == {key for key, number in studies.items() if number == 3}
    assert all(0 <= score <= 1 for score in found.values())
