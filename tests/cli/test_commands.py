"""Each command on a small project, with the real plan, ledger and MLflow."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmbench.cli import main
from mmbench.cli.output import table
from mmbench.cli.project import Loaded
from mmbench.ledger.store import Ledger
from mmbench.registry import variants
from mmbench.schema.result import State, TrialResult
from tests.support import small_project

Shown = pytest.CaptureFixture[str]
CELL = ["--dataset", "small", "--attention", "mean", "--fusion", "concat", "--architecture", "shared"]


def told(words: list[str], shown: Shown) -> dict[str, Any]:
    assert main([*words, "--json"]) == 0
    return json.loads(shown.readouterr().out)


def test_list_shows_every_variant(capsys: Shown) -> None:
    found = told(["list"], capsys)
    for axis in ("attention", "fusion", "architecture", "stem", "dataset", "baseline"):
        assert [v["name"] for v in found[axis]] == list(variants(axis))
    additive = next(v for v in found["attention"] if v["name"] == "additive")
    assert (additive["core"], list(additive["options"])) == (True, ["score_dim"])
    assert next(v for v in found["fusion"] if v["name"] == "concat")["family"] == "late (features)"
    assert main(["list", "attention"]) == 0
    assert "Additive attention: score_nm = u^T tanh(W_q q_n + W_k k_m)" in capsys.readouterr().out
    assert main(["list", "additive"]) == 0
    assert "Bahdanau" in capsys.readouterr().out


def test_plan_names_every_trial(ended: Loaded, root: Path, capsys: Shown) -> None:
    found = told(["plan", "--root", str(root)], capsys)
    assert found["declared"] == ended.plan.declared
    assert found["states"] == {"failed": 1, "timeout": 1, "done": ended.plan.declared - 4, "pending": 2}
    assert [t["trial_id"] for t in found["trials"]] == [job.trial_id for job in ended.plan.jobs]
    assert main(["plan", "--root", str(root)]) == 0
    out = capsys.readouterr().out
    assert f"{ended.plan.declared} trials declared: 2 pending" in out
    assert "attention (2): mean, additive" in out


@pytest.mark.slow
def test_plan_widens_the_grid(root: Path, capsys: Shown) -> None:
    found = told(["plan", "--root", str(root), "--grid", "full"], capsys)
    axes = ("attention", "fusion", "architecture")
    used = {axis: {t[axis]["name"] for t in found["trials"] if t[axis] is not None} for axis in axes}
    assert used == {axis: set(variants(axis)) for axis in axes}
    trained = [t for t in found["trials"] if t["role"] != "baseline"]
    assert all(t["parameters"] > 0 and t["flops"] > 0 and t["state"] == "pending" for t in trained)


@pytest.mark.slow
def test_plan_says_what_models_cost(root: Path, capsys: Shown) -> None:
    trials = {t["name"]: t for t in told(["plan", "--root", str(root)], capsys)["trials"]}
    made = told(["run", "--root", str(root), *CELL], capsys)
    planned = trials["mean + concat · shared · small · s0"]
    assert (planned["parameters"], planned["flops"]) == (made["quantities"]["parameters"], made["quantities"]["flops"])
    assert trials["majority baseline · small · s0"]["parameters"] is None
    assert main(["plan", "--root", str(root), "--cells"]) == 0
    out = capsys.readouterr().out
    assert re.search(rf"^mean \+ concat · shared +{planned['parameters']} +{planned['flops']}$", out, re.MULTILINE)
    assert main(["plan", "--root", str(root)]) == 0
    assert "FLOPs" not in capsys.readouterr().out


@pytest.mark.slow
def test_plan_tells_that_parameters_are_matched(root: Path, capsys: Shown) -> None:
    file = root / "params.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("match_params: false", "match_params: true"), "utf-8")
    found = [t["parameters"] for t in told(["plan", "--root", str(root)], capsys)["trials"] if t["parameters"]]
    assert max(found) <= 1.1 * min(found)
    assert main(["plan", "--root", str(root), "--cells"]) == 0
    out = capsys.readouterr().out
    assert "parameters matched to those of scaled_dot_product + concat · independent within 4.5%: small " in out
    assert re.search(r"^model +width +mlp_ratio +head_ratio +parameters +FLOPs$", out, re.MULTILINE)
    made = told(["run", "--root", str(root), *CELL], capsys)
    assert made["quantities"]["parameters"] in found


def test_plan_for_one_data_set(root: Path, capsys: Shown) -> None:
    small_project.regression(root)
    assert {t["dataset"] for t in told(["plan", "--root", str(root)], capsys)["trials"]} == {"small", "errors"}
    found = told(["plan", "--root", str(root), "--for", "errors"], capsys)
    assert {t["dataset"] for t in found["trials"]} == {"errors"} and found["declared"] > 5
    assert main(["plan", "--root", str(root), "--for", "eror"]) == 1
    assert "unknown data set 'eror' in --for; did you mean 'errors'?" in capsys.readouterr().err
    (root / "data" / "raw" / "new").mkdir(parents=True)
    (root / "data" / "raw" / "new" / "dataset.yaml").write_text("dataset: redundant\n", encoding="utf-8")
    assert main(["plan", "--root", str(root), "--for", "new"]) == 1
    err = capsys.readouterr().err
    assert "datasets: [small, errors, new]" in err and "`dvc repro prepare@new`" in err


@pytest.mark.slow
def test_plan_foresees_the_room_that_results_take(root: Path, capsys: Shown) -> None:
    """To a tenth of what a trial leaves behind, and a large one in the right order."""
    assert main(["run", "--root", str(root), *CELL, "--save"]) == 0
    kept = sum(f.stat().st_size for f in (root / "data" / "ledger").iterdir() if f.is_file())
    capsys.readouterr()
    left = told(["plan", "--root", str(root)], capsys)
    pending = [t for t in left["trials"] if t["state"] == "pending"]
    assert left["disk"] == pytest.approx(kept * len(pending), rel=0.2)
    assert left["memory_per_trial"] > 50e6


def test_plan_says_why_trials_are_skipped(root: Path, capsys: Shown) -> None:
    file = root / "params.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("depth: 2", "depth: 1"), encoding="utf-8")
    skipped = [t for t in told(["plan", "--root", str(root)], capsys)["trials"] if t["state"] == "skipped"]
    assert skipped
    assert all(t["reason"] for t in skipped)
    assert main(["plan", "--root", str(root)]) == 0
    assert skipped[0]["reason"] in capsys.readouterr().out


@pytest.mark.parametrize("command", ["plan", "status"])
def test_data_that_is_not_prepared_is_told_with_the_stage(command: str, root: Path, capsys: Shown) -> None:
    shutil.rmtree(root / "data" / "prepared")
    (root / "data" / "raw" / "small").mkdir(parents=True)
    (root / "data" / "raw" / "small" / "dataset.yaml").write_text("dataset: redundant\n", encoding="utf-8")
    assert main([command, "--root", str(root)]) == 1
    assert "run `dvc repro prepare@small`" in capsys.readouterr().err


def test_status_counts_and_shows_failures(ended: Loaded, root: Path, capsys: Shown) -> None:
    found = told(["status", "--root", str(root)], capsys)
    assert sum(found["states"].values()) == found["declared"] == ended.plan.declared
    assert found["datasets"]["small"] == found["states"]
    assert {f["state"]: f["message"] for f in found["failures"]} == {
        "failed": "it ended as failed",
        "timeout": "it ended as timeout",
    }
    assert found["time"]["seconds"] == 2.5 * (ended.plan.declared - 2)
    assert main(["status", "--root", str(root)]) == 0
    out = capsys.readouterr().out
    assert "1 failed, 1 timeout, 2 pending" in out
    assert "it ended as timeout" in out


def test_status_tells_of_a_broken_file(ended: Loaded, root: Path, capsys: Shown) -> None:
    file = root / "data" / "ledger" / f"{ended.plan.jobs[5].trial_id}.json"
    file.write_text("{", encoding="utf-8")
    assert main(["status", "--root", str(root)]) == 0
    shown = capsys.readouterr()
    assert "3 pending" in shown.out
    assert f"broken: {file}" in shown.err


def test_no_command_shows_a_result_under_the_name_of_another_trial(ended: Loaded, root: Path, capsys: Shown) -> None:
    folder = root / "data" / "ledger"
    jobs = [job for job in ended.plan.jobs if job.trial_id in ended.results]
    other = json.loads((folder / f"{jobs[0].trial_id}.json").read_text(encoding="utf-8"))
    file = folder / f"{jobs[1].trial_id}.json"
    file.write_text(json.dumps(other | {"trial_id": jobs[1].trial_id}), encoding="utf-8")
    assert main(["status", "--json", "--root", str(root)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["states"]["pending"] == 3
    assert found["broken"] == {str(file): f"its contents are of another trial ({jobs[0].config.name})"}


def test_run_shows_one_trial_and_keeps_nothing(root: Path, capsys: Shown) -> None:
    assert main(["run", "--root", str(root), *CELL]) == 0
    out = capsys.readouterr().out
    assert "mean + concat · shared · small · s0" in out
    assert "Scores (accuracy: constant guess 0.500, ceiling 1.000)" in out
    assert not (root / "data" / "ledger").exists()


def test_run_and_status_show_the_tasks_metrics(root: Path, capsys: Shown) -> None:
    small_project.regression(root)
    cell = ["--dataset", "errors", *CELL[2:]]
    made = told(["run", "--root", str(root), *cell], capsys)
    assert {"mae", "rmse", "pearson", "spearman", "loss"} == set(made["metrics"]["test"])
    assert main(["run", "--root", str(root), *cell]) == 0
    out = capsys.readouterr().out
    assert "Scores (MAE: constant guess 1.000, lower is better)" in out
    assert re.search(r"^metric +validation +test\nMAE ↓ +\d", out, re.MULTILINE)
    assert told(["status", "--root", str(root)], capsys)["metrics"] == {"small": "accuracy", "errors": "mae"}
    assert main(["status", "--root", str(root)]) == 0
    assert re.search(r"^errors +MAE ↓ +\d+$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["plan", "status", "report"])
def test_a_metric_that_a_data_set_lacks_is_told_before_anything_runs(command: str, root: Path, capsys: Shown) -> None:
    small_project.regression(root)
    file = root / "params.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("metric: auto", "metric: mae"), encoding="utf-8")
    if command == "report":
        shutil.copytree(small_project.ROOT / "pipeline", root / "pipeline")
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.report"], cwd=root, capture_output=True, text=True, check=False
        )
        code, error = done.returncode, done.stderr
    else:
        code = main([command, "--root", str(root)])
        error = capsys.readouterr().err
    assert code == 1
    assert error.startswith(
        "error: report.metric: mae is no metric of the data set 'small' (classification); it has acc"
    )
    assert error.count("\n") == 1


def test_run_saves_the_trial_that_the_plan_means(root: Path, capsys: Shown) -> None:
    planned = {t["name"]: t["trial_id"] for t in told(["plan", "--root", str(root)], capsys)["trials"]}
    made = TrialResult.model_validate(told(["run", "--root", str(root), *CELL, "--save"], capsys))
    assert made.trial_id == planned["mean + concat · shared · small · s0"]
    ledger = Ledger(root / "data" / "ledger")
    assert ledger.read() == {made.trial_id: made}
    assert ledger.weights_of(made) is not None, "as a sweep keeps them"
    assert ledger.outputs(made.trial_id).scores() == made.metrics


def test_run_saves_weights_only_within_the_budget_of_sweeps(root: Path, capsys: Shown) -> None:
    file = root / "params.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["sweep"]["keep_weights"] = 0
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    made = TrialResult.model_validate(told(["run", "--root", str(root), *CELL, "--save"], capsys))
    ledger = Ledger(root / "data" / "ledger")
    assert made.weights is None and made.outputs is not None and ledger.read() == {made.trial_id: made}
    assert not list(ledger.weights.glob("*"))


def test_run_takes_options_sizes_and_seeds(root: Path, capsys: Shown) -> None:
    words = ["run", "--root", str(root), "--dataset", "small", "--single", "right"]
    words += ["--attention", "additive: {score_dim: 3}", "--seed", "2", "--width", "8", "--epochs", "2"]
    made = told(words, capsys)
    config = made["config"]
    assert config["attention"] == {"name": "additive", "options": {"score_dim": 3}}
    assert (config["modalities"], config["seed"], config["model"]["width"]) == (["right"], 2, 8)
    assert len(made["curves"]["train_loss"]) == 2


def test_run_fits_a_baseline(root: Path, capsys: Shown) -> None:
    made = told(["run", "--root", str(root), "--dataset", "small", "--baseline", "majority"], capsys)
    assert made["config"]["role"] == "baseline"


def test_run_that_fails_says_so_in_its_code(root: Path, capsys: Shown) -> None:
    assert main(["run", "--root", str(root), *CELL, "--learning-rate", "1e30"]) == 1
    assert "diverged after" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([*CELL[:3], "men", *CELL[4:]], "unknown attention 'men' in --attention; did you mean 'mean'?"),
        (["--dataset", "smal", *CELL[2:]], "unknown data set 'smal' in --dataset; did you mean 'small'?"),
        (CELL[:4], "give --fusion, --architecture"),
        ([*CELL, "--single", "left"], "leave out --fusion, --architecture"),
        ([*CELL[:4], "--single", "lefft"], "unknown modality 'lefft' of 'small' in --single; did you mean 'left'?"),
        ([*CELL, "--baseline", "linear"], "leave out --attention, --fusion, --architecture"),
        (["--dataset", "small", "--baseline", "liner"], "did you mean 'linear'?"),
        ([*CELL, "--width", "33"], "width 33 is not a multiple of heads 2"),
        ([*CELL[:3], "additive: {score: 1}", *CELL[4:]], "unknown option 'score' of 'additive' in --attention"),
        ([*CELL[:3], "additive: [", *CELL[4:]], "is neither a name nor"),
        ([*CELL[:5], "cross_attention", *CELL[6:], "--depth", "1"], "this trial is impossible: "),
    ],
)
def test_run_told_wrongly(words: list[str], said: str, root: Path, capsys: Shown) -> None:
    assert main(["run", "--root", str(root), *words]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error


def test_forget_lets_trials_run_again(ended: Loaded, root: Path, capsys: Shown) -> None:
    assert main(["forget", "--root", str(root), "--state", "timeout"]) == 1
    assert "--yes" in capsys.readouterr().err
    assert main(["forget", "--root", str(root), "--state", "timeout,failed", "--yes"]) == 0
    assert "removed 2 results" in capsys.readouterr().out
    assert {r.state for r in ended.ledger.read().values()} == {State.DONE}
    assert told(["status", "--root", str(root)], capsys)["states"]["pending"] == 4


def test_forget_knows_its_states(root: Path, capsys: Shown) -> None:
    assert main(["forget", "--root", str(root), "--state", "timout"]) == 1
    assert "unknown state 'timout' in --state; did you mean 'timeout'?" in capsys.readouterr().err


@pytest.mark.slow
def test_track_imports_the_ledger_once(
    ended: Loaded, root: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    count = len(ended.results)
    assert main(["track", "--root", str(root)]) == 0
    assert f"{count} runs added, 0 replaced, 0 left" in capsys.readouterr().out
    assert main(["track", "--root", str(root)]) == 0
    assert f"0 runs added, 0 replaced, {count} left" in capsys.readouterr().out


def test_tables_are_plain_when_piped(capsys: Shown) -> None:
    table(["name", "n"], [["long name", 5], ["x", 12]])
    assert capsys.readouterr().out == "name        n\nlong name   5\nx          12\n"


@pytest.mark.parametrize("code", [0, 3])
def test_report_is_the_stage_of_the_project(code: int, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "pipeline").mkdir()
    (root / "pipeline" / "__init__.py").touch()
    stage = f"import pathlib, sys\nprint('made in', pathlib.Path.cwd())\nsys.exit({code})\n"
    (root / "pipeline" / "report.py").write_text(stage, encoding="utf-8")
    assert main(["report", "--root", str(root)]) == code
    assert capfd.readouterr().out == f"made in {root}\n"
