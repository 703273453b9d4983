"""The trials of the budget ladder: which there are, when they run, and that the comparison knows nothing of them."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from mmbench.cli import main
from mmbench.library.load import load_results
from mmbench.report.pages.html import render as in_html
from mmbench.schema.params import Params, Training, load_params
from mmbench.schema.plan import Plan
from mmbench.schema.trial import TrialConfig
from mmbench.stages.report import report as reported
from mmbench.sweep.planning.ladder import at_other_budgets, epochs_at
from mmbench.sweep.planning.plan import build
from tests.support import driver, small_project

from .test_plan import SPECS, _with
from .test_schedule import AUTO, FIXED, GRID, RACE, end, step

CONTROLS = {"single_modalities": True, "baselines": ["majority"]}
LADDER = {**CONTROLS, "budgets": [0.5, 2]}
LONG = {**FIXED, "epochs": 2}


@pytest.mark.parametrize(
    ("factor", "epochs", "found"),
    [(2, 3, 6), (0.5, 4, 2), (0.5, 1, None), (1.2, 2, None), (0.25, 1, None), (1.5, 1, 2)],
)
def test_a_budget_has_whole_epochs_and_is_another(factor: float, epochs: int, found: int | None) -> None:
    assert epochs_at(factor, epochs) == found


@pytest.fixture
def params(tmp_path: Path) -> Params:
    small_project.make(tmp_path)
    grid = {"datasets": ["one", "two"], "attention": ["mean"], "architecture": "core", "seeds": 3}
    return _with(load_params(tmp_path / "params.yaml"), grid=grid, train={"epochs": 4})


def _plan(params: Params, budgets: list[float], **changes: dict[str, object]) -> Plan:
    return build(_with(params, controls={"budgets": budgets}, **changes), SPECS, root=Path("/nowhere"))


def test_every_trained_method_is_trained_once_more_under_each_budget(params: Params) -> None:
    plain, plan = _plan(params, []), _plan(params, [2, 0.5])
    assert plan.jobs == plain.jobs and not plain.ladder, "the comparison is the same"
    methods = {(j.config.dataset, j.config.cell) for j in plan.jobs if j.config.role != "baseline"}
    for budget, epochs in ((0.5, 2), (2.0, 8)):
        own = [j.config for j in plan.ladder if j.config.budget == budget]
        assert {(c.dataset, c.cell) for c in own} == methods and len(own) == len(methods)
        assert {(c.seed, c.train.epochs) for c in own if c.train} == {(0, epochs)}
    ids = [j.trial_id for j in plan.trials]
    assert len(set(ids)) == len(ids) and plan.declared == len(ids) + len(plan.skipped)


def test_two_budgets_that_come_to_the_same_epochs_are_one(params: Params) -> None:
    assert {j.config.budget for j in _plan(params, [2, 2.05]).ladder} == {2.0}


@pytest.mark.parametrize(
    "changes", [{"grid": {"seeds": 1}}, {"tuning": {"configurations": 2, "space": {"epochs": {"choice": [2, 4]}}}}]
)
def test_where_no_verdict_could_last_there_is_none(params: Params, changes: dict[str, dict[str, object]]) -> None:
    assert _plan(params, [2], **changes).ladder == ()


def test_a_trial_is_the_same_whatever_it_is_part_of(params: Params) -> None:
    """One at eight epochs is one at twice four: nobody trains it again."""
    eight = {j.trial_id for j in _plan(params, [], train={"epochs": 8}).jobs}
    assert {j.trial_id for j in _plan(params, [2]).ladder} <= eight


def test_names_tell_the_budget_and_identities_do_not() -> None:
    train = Training(
        epochs=2,
        batch_size=8,
        learning_rate=0.1,
        weight_decay=0.0,
        warmup=0.0,
        clip_norm=1.0,
        patience=None,
        precision="float32",
    )
    config = TrialConfig(role="baseline", dataset="d", modalities=("a",), baseline="b", seed=0, train=train)
    (longer,) = at_other_budgets([config], [2])
    assert longer.name == f"{config.name} · budget x2" and longer.train is not None and longer.train.epochs == 4
    assert longer.canonical() == config.model_copy(update={"train": longer.train}).canonical()


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, RACE["seeds"]])
def test_the_ladder_comes_last_and_once_whole_and_interrupted(tmp_path: Path, seeds: object) -> None:
    sections = {"grid": {**RACE, "seeds": seeds}, "train": LONG, "sweep": {"at_once": 1}}
    whole = driver.project(tmp_path / "whole", controls=LADDER, **sections)
    trained, left = step(whole)
    loaded = small_project.read(whole)
    ladder = {j.trial_id for j in loaded.plan.ladder}
    assert left == 0 and len(ladder) == 2 * (2 + 4), "two combinations, two modalities under each attention"
    assert set(trained[-len(ladder) :]) == ladder, "after the comparison"
    assert {j.trial_id for j in loaded.plan.trials} == set(trained)
    again = driver.project(tmp_path / "again", controls=LADDER, **sections)
    parts: list[str] = []
    for length in (3, 5, 4, 2, None):
        parts += step(again, length)[0]
    assert sorted(parts) == sorted(trained) and step(again) == ([], 0)
    other = small_project.read(again)
    assert {j.trial_id for j in other.plan.ladder} == ladder
    plain = driver.project(tmp_path / "plain", controls=CONTROLS, **sections)
    step(plain)
    assert {j.trial_id for j in small_project.read(plain).plan.jobs} == {j.trial_id for j in loaded.plan.jobs}


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_calibration_and_its_ladder_share_trials(tmp_path: Path) -> None:
    """Of the reference, twice the budget has been tried before."""
    root = driver.project(tmp_path / "p", grid=GRID, train=AUTO, controls=LADDER, sweep={"at_once": 1})
    trained, left = step(root)
    loaded = small_project.read(root)
    ladder = {j.trial_id for j in loaded.plan.ladder}
    budget = loaded.stands["small"].budget
    assert left == 0 and len(trained) == len(set(trained)) and ladder <= set(trained) and budget is not None
    tried = {rung.epochs for rung in budget.rungs}
    assert max(tried) == 2 * budget.epochs and budget.epochs in tried, "the calibration ended with both"
    assert end(root)[0] and step(root) == ([], 0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = driver.project(
        tmp_path_factory.mktemp("ladder") / "project",
        grid={**RACE, "seeds": 3},
        train=LONG,
        controls=LADDER,
        sweep={"at_once": 1},
    )
    step(root)
    return root


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.exhaustive
def test_with_ray_the_ladder_survives_ctrl_c_and_kill(finished: Path, tmp_path: Path) -> None:
    """Both within the ladder; then it comes to the same end as the sweep in one process that nobody interrupted."""
    loaded = small_project.read(finished)
    compared, whole = len(loaded.plan.jobs), {j.trial_id for j in loaded.plan.trials}
    root = driver.project(tmp_path / "p", grid={**RACE, "seeds": 3}, train=LONG, controls=LADDER, sweep={"at_once": 2})
    code, told = driver.stop(root, compared + 1, signal.SIGINT)
    first = driver.results(root)
    assert code == 130 and "the next `dvc repro` goes on from here" in told and compared < len(first) < len(whole)
    code, _ = driver.stop(root, len(first) + 2, signal.SIGKILL)
    second = driver.results(root)
    assert code == -signal.SIGKILL and first.items() <= second.items() and len(second) < len(whole)
    last = driver.start(root)
    told, _ = last.communicate(timeout=200)
    assert last.returncode == 0, told
    found = driver.results(root)
    assert second.items() <= found.items() and found.keys() == whole
    assert all(found[i].metrics == loaded.results[i].metrics for i in whole)


@pytest.mark.slow
def test_whoever_reads_the_ledger_gets_the_comparison(finished: Path) -> None:
    _, report, _ = reported(finished)
    assert not report.failures
    known = {tuple(v.budgets) for v in report.context.verdicts if v.kind != "control"}
    assert known == {("0.5", "2")}
    assert report.context.ladder["small"].scores.keys() == {0.5, 2.0}
    assert f"Not counted here: {len(report.context.plan.ladder)} under other budgets." in in_html(report)
    again = load_results(finished).analysis.context
    assert [r.score for r in again.datasets[0].cells] == [r.score for r in report.context.datasets[0].cells]


@pytest.mark.slow
def test_commands_count_the_ladder(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(command: str) -> dict[str, Any]:
        capsys.readouterr()
        assert main([command, "--json", "--root", str(finished)]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    planned = small_project.read(finished).plan
    found = told("status")
    assert found["declared"] == planned.declared and found["states"]["done"] == len(planned.trials)
    assert found["ladder"] == len(planned.ladder) > 0
    for command in ("status", "plan"):
        assert main([command, "--root", str(finished)]) == 0
        start = f"{planned.declared} trials declared, {len(planned.ladder)} of them under other budgets: "
        assert capsys.readouterr().out.startswith(start)
    longer = next(j for j in planned.ladder if j.config.budget == 2)
    ledger = finished / "data" / "ledger"
    for file in ledger.glob(f"{longer.trial_id}.*"):
        file.rename(finished / file.name)
    try:
        assert told("status")["states"]["pending"] == 1
        assert [t["name"] for t in told("plan")["trials"] if t["state"] == "pending"] == [longer.config.name]
    finally:
        for file in finished.glob(f"{longer.trial_id}.*"):
            file.rename(ledger / file.name)
