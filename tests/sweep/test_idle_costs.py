"""A sweep ends with what its methods cost alone: measured once, again where it no longer holds, never in the way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from mmbench.cli import main
from mmbench.ledger import idle_costs as kept
from mmbench.ledger.store import Ledger
from mmbench.schema.idle_cost import IdleCosts
from mmbench.stages import INTERRUPTED
from mmbench.stages.sweep import measure_costs, sweep
from mmbench.sweep import idle_costs
from tests.support import driver, small_project

pytestmark = pytest.mark.slow
GRID = {"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = driver.project(
        tmp_path_factory.mktemp("alone") / "project", grid=GRID, sweep={"at_once": 1, "time_alone": True}
    )
    assert sweep(root, Console(quiet=True)) == 0
    return root


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def known(root: Path) -> IdleCosts:
    found = kept.read_costs(root / "data" / "ledger", "small")
    assert found is not None
    return found


def test_every_method_of_the_plan_is_measured(root: Path) -> None:
    costs = known(root)
    plan = small_project.read(root).plan
    assert set(costs.methods) == {job.config.cell for job in plan.jobs}
    assert all(cost.failed is None for cost in costs.methods.values())
    assert costs.hardware["cores"] and "torch" in costs.versions
    # Nothing that reads the ledger takes it for a trial, or complains of it.
    assert driver.results(root).keys() == {job.trial_id for job in plan.jobs}


def test_what_is_known_is_not_measured_again(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = kept.file_of(root / "data" / "ledger", "small").read_bytes()
    assert sweep(root, Console()) == 0
    assert "costs" not in capsys.readouterr().out
    assert kept.file_of(root / "data" / "ledger", "small").read_bytes() == before


def test_a_new_method_has_all_of_its_data_set_measured_again(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Times of two moments do not compare."""
    file = root / "params.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["grid"]["architecture"] = ["shared", "independent"]
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    before = known(root).methods
    assert sweep(root, Console()) == 0
    after = known(root).methods
    assert after.keys() - before.keys() == {"mean + concat · independent"}
    assert f"costs to measure, each with nothing else running: {len(after)} methods" in capsys.readouterr().out


@pytest.mark.parametrize("damage", [b"", b"{", b'{"dataset": "small"}', b"\xff\xfe"])
def test_a_damaged_file_is_measured_again(root: Path, damage: bytes) -> None:
    file = kept.file_of(root / "data" / "ledger", "small")
    file.write_bytes(damage)
    assert kept.known(root / "data" / "ledger", small_project.read(root).plan, driver.results(root)) == {}
    assert sweep(root, Console(quiet=True)) == 0
    assert all(cost.failed is None for cost in known(root).methods.values())


def test_costs_of_other_source_or_another_data_set_do_not_count(root: Path) -> None:
    file = kept.file_of(root / "data" / "ledger", "small")
    plan, results = small_project.read(root).plan, driver.results(root)
    sound = json.loads(file.read_text(encoding="utf-8"))
    assert kept.known(root / "data" / "ledger", plan, results)
    for change in ({"fingerprint": "0" * 64}, {"dataset": "other"}, {"methods": {}}):
        file.write_text(json.dumps(sound | change), encoding="utf-8")
        assert kept.known(root / "data" / "ledger", plan, results) == {}


def test_it_can_be_left_out(root: Path) -> None:
    file = root / "params.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["sweep"]["time_alone"] = False
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    kept.file_of(root / "data" / "ledger", "small").unlink()
    assert sweep(root, Console(quiet=True)) == 0
    assert kept.read_costs(root / "data" / "ledger", "small") is None


def test_ctrl_c_ends_it_and_the_next_run_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.file_of(root / "data" / "ledger", "small").unlink()
    loaded, ledger = small_project.read(root), Ledger(root / "data" / "ledger")

    def stopped(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(idle_costs, "measure", stopped)
        code = measure_costs(loaded.plan, driver.results(root), ledger, root, loaded.params.sweep, Console(quiet=True))
    assert code == INTERRUPTED
    assert measure_costs(loaded.plan, driver.results(root), ledger, root, loaded.params.sweep, Console(quiet=True)) == 0
    assert known(root).methods


def test_status_says_that_costs_are_missing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    methods = len(known(root).methods)
    assert main(["status", "--root", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unmeasured"]["costs"] == {}
    kept.file_of(root / "data" / "ledger", "small").unlink()
    assert main(["status", "--root", str(root)]) == 0
    assert f"Finished trials still lack: costs measured alone ({methods})." in capsys.readouterr().out
