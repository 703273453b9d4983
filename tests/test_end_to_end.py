"""The whole tool as its user meets it: a clone of this repository, a tiny grid, `dvc repro`, and then changes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from tests.support.clone import Clone

TRIALS = 2 * 2 * 2 + 2 * 2 + 2
"""attention x fusion x architecture, then attention x single modality, then baselines."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


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
    )
    made.card("synergy", dataset={"synergy": {"train": 180, "validation": 90, "test": 90}})
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
        assert table.loc[trial_id, "parameters"] == result.quantities["parameters"]
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
