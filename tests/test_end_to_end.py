"""The whole tool as its user meets it: a clone of this repository, a tiny grid, `dvc repro`, and then changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from mmbench.results import TrialResult

ROOT = Path(__file__).resolve().parents[1]
TRIALS = 2 * 2 * 2 + 2 * 2 + 2
"""attention x fusion x architecture, then attention x single modality, then baselines."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Clone:
    """A fresh clone in a folder of its own, with what is committed and what is about to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, folder], check=True)
        tracked = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
        )
        for name in tracked.stdout.decode().splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, folder / name)

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this environment in the clone."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {k: v for k, v in os.environ.items() if k not in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS")}
        return subprocess.run(
            words,
            cwd=self.folder,
            env=kept | {"PATH": path, "PYTHONPATH": str(self.folder)} | environment,
            capture_output=True,
            text=True,
            timeout=600,
        )

    def repro(self) -> str:
        done = self.run("dvc", "repro")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def settings(self, **sections: dict[str, object]) -> None:
        file = self.folder / "params.yaml"
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        for name, values in sections.items():
            raw[name] |= values
        file.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.folder / name
        source = file.read_text(encoding="utf-8")
        assert source.count(old) == 1, f"{old!r} should stand once in {name}"
        file.write_text(source.replace(old, new), encoding="utf-8")

    def plan(self) -> dict[str, dict[str, object]]:
        """Every planned trial by its identifier, as the command line tells it."""
        told = self.run("mmbench", "plan", "--json")
        assert told.returncode == 0, told.stderr
        return {trial["trial_id"]: trial for trial in json.loads(told.stdout)["trials"]}

    def ledger(self) -> dict[str, TrialResult]:
        files = (self.folder / "data" / "ledger").glob("*.json")
        return {f.stem: TrialResult.model_validate_json(f.read_text(encoding="utf-8")) for f in files}

    def results(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "reports" / "results.parquet").set_index("trial_id")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    made = Clone(tmp_path_factory.mktemp("end") / "to-end")
    made.settings(
        grid={
            "datasets": ["synergy"],
            "attention": ["mean", "scaled_dot_product"],
            "fusion": ["early_concat", "cross_attention"],
            "architecture": ["independent", "shared"],
            "seeds": 1,
        },
        train={"epochs": 1},
        data={"synergy": {"synergy": {"train": 180, "validation": 90, "test": 90}}},
    )
    made.repro()
    yield made


def test_nothing_is_missing_and_ledger_mlflow_and_report_agree_on_every_number(clone: Clone) -> None:
    import mlflow

    ledger = clone.ledger()
    assert set(ledger) == set(clone.plan())
    assert len(ledger) == TRIALS
    assert {r.state for r in ledger.values()} == {"done"}

    table = clone.results()
    runs = mlflow.MlflowClient(tracking_uri=f"sqlite:///{clone.folder / 'mlflow.db'}")
    (experiment,) = (e for e in runs.search_experiments() if e.name == "mmbench")
    logged = {
        run.data.tags["trial_id"]: run
        for run in runs.search_runs([experiment.experiment_id], max_results=1000)
        if "trial_id" in run.data.tags
    }
    assert set(table.index) == set(logged) == set(ledger)
    page = (clone.folder / "reports" / "report.html").read_text(encoding="utf-8")
    for trial_id, result in ledger.items():
        for score, value in result.metrics["test"].items():
            assert table.loc[trial_id, f"test_{score}"] == value
            assert logged[trial_id].data.metrics[f"test/{score}"] == value
        assert result.cost is not None
        assert table.loc[trial_id, "parameters"] == result.cost.parameters
        assert trial_id in page


def test_a_second_run_does_nothing(clone: Clone) -> None:
    assert "Data and pipelines are up to date" in clone.repro()


def test_dvc_reads_the_metrics_and_plots(clone: Clone) -> None:
    shown = clone.run("dvc", "metrics", "show", "--json")
    assert shown.returncode == 0, shown.stderr
    (found,) = json.loads(shown.stdout).values()
    assert found["data"]["reports/metrics.json"]["data"]["trials"]["done"] == TRIALS
    plots = clone.run("dvc", "plots", "show")
    assert plots.returncode == 0, plots.stderr
    assert (clone.folder / "dvc_plots" / "index.html").is_file()


def test_only_what_changed_is_trained_again(clone: Clone) -> None:
    before = clone.ledger()

    clone.edit("mmbench/fusion/early_concat.py", "    def merge_outputs", "    # A comment.\n    def merge_outputs")
    clone.repro()
    assert clone.ledger() == before, "a comment trained something"

    clone.settings(grid={"seeds": 2})
    clone.repro()
    with_seed = clone.ledger()
    new = {i: r for i, r in with_seed.items() if i not in before}
    assert before.items() <= with_seed.items()
    assert {r.config.seed for r in new.values()} == {1}
    assert len(new) == TRIALS - 2, "baselines have one seed"

    clone.edit(
        "mmbench/fusion/early_concat.py",
        "return self.head(summaries[JOINT])",
        "return self.head(summaries[JOINT] * 2.0)",
    )
    clone.repro()
    edited = {i: r for i, r in clone.ledger().items() if i not in with_seed}
    assert {r.config.fusion.name for r in edited.values() if r.config.fusion} == {"early_concat"}
    assert len(edited) == 2 * 2 * 2
    assert set(clone.results().index) == set(clone.plan()), "stale trials do not reach the report"
    by_name = {r.config.name: r for r in with_seed.values()}
    moved = [r for r in edited.values() if r.metrics != by_name[r.config.name].metrics]
    assert moved, "the edited operator was not what ran"


def test_a_spelling_mistake_stops_the_run_with_one_line(clone: Clone) -> None:
    before = (clone.folder / "params.yaml").read_text(encoding="utf-8")
    clone.settings(grid={"attention": ["mena"]})
    try:
        failed = clone.run(sys.executable, "-m", "pipeline.sweep")
        assert failed.returncode != 0
        assert failed.stderr.strip() == (
            "error: unknown attention 'mena' in params.yaml: grid.attention; did you mean 'mean'?"
        )
    finally:
        (clone.folder / "params.yaml").write_text(before, encoding="utf-8")
