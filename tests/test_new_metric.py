"""A metric is one new file (CONTRIBUTING's own example, word for word), and a finished project gets its numbers without
training anything again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from mmbench.ledger.store import Ledger
from tests.support.examples import example
from tests.support.project_clone import GrowingClone, finish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FILE, SOURCE = example("metric")


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrowingClone]:
    made = GrowingClone(tmp_path_factory.mktemp("metric"), finish(tmp_path_factory))
    made.before = made.trained()  # type: ignore[attr-defined]
    made.add(FILE, SOURCE)
    yield made
    assert made.changed() == [f"?? {FILE}"], "one new file, and no other edit"


def test_it_is_pending_for_every_trial_and_computed_without_training(grown: GrowingClone) -> None:
    trials = len(grown.before)  # type: ignore[attr-defined]
    assert grown.status() == {"metrics": {"brier": trials}, "probes": {}}
    said = grown.stage("pipeline.sweep")
    assert f"metrics to compute for {trials} finished trials: brier ({trials})" in said
    assert "trials to run" not in said
    assert grown.trained() == grown.before  # type: ignore[attr-defined]
    assert grown.status() == {"metrics": {}, "probes": {}}
    ledger = Ledger(grown.project / "data" / "ledger")
    for trial_id, result in ledger.read().items():
        outputs = ledger.outputs(trial_id)
        p, y = outputs.predictions("test"), outputs.labels("test")
        assert result.metrics["test"]["brier"] == pytest.approx(((p - (y[:, None] == [0, 1])) ** 2).sum(1).mean())


def test_its_numbers_are_in_parquet_mlflow_page_markdown_and_csv(grown: GrowingClone) -> None:
    grown.stage("pipeline.sweep")
    grown.stage("pipeline.report")
    reports = grown.project / "reports"
    frame = pd.read_parquet(reports / "results.parquet")
    assert frame["test_brier"].notna().all() and frame["validation_brier"].notna().all()
    store = f"sqlite:///{grown.project / 'mlflow.db'}"
    runs = mlflow.MlflowClient(tracking_uri=store).search_runs(["1"], "tags.level = 'trial' and tags.role = 'cell'")
    logged = {run.data.tags["trial_id"]: run.data.metrics["test/brier"] for run in runs}
    cells = frame[frame["role"] == "cell"].set_index("trial_id")["test_brier"]
    assert logged == pytest.approx(cells.to_dict())
    shown = ("report.html", "report.md", "tables/metrics_small.csv", "tables/metrics_small.md")
    assert all("Brier score" in (reports / name).read_text(encoding="utf-8") for name in shown)


@pytest.mark.exhaustive
def test_it_can_be_the_metric_that_is_compared(grown: GrowingClone) -> None:
    grown.stage("pipeline.sweep")
    reports = grown.project / "reports"
    grown.edit_project("report", {"metric": "brier"})
    grown.stage("pipeline.report")
    assert "Brier score" in (reports / "report.html").read_text(encoding="utf-8")
    assert "Brier score" in (reports / "report.md").read_text(encoding="utf-8")
    assert any("brier" in f.read_text(encoding="utf-8") for f in (reports / "tables").glob("*.csv"))


def test_a_fix_in_a_metric_other_than_the_main_one_trains_nothing(grown: GrowingClone) -> None:
    grown.stage("pipeline.sweep")
    file = grown.folder / FILE
    file.write_text(SOURCE.replace(".sum(axis=1).mean()", ".sum(axis=1).mean() / 2"), encoding="utf-8")
    ledger = Ledger(grown.project / "data" / "ledger")
    before = {i: r.metrics["test"]["brier"] for i, r in ledger.read().items()}
    said = grown.stage("pipeline.sweep")
    assert "brier" in said and "trials to run" not in said
    assert grown.trained() == grown.before  # type: ignore[attr-defined]
    after = {i: r.metrics["test"]["brier"] for i, r in ledger.read().items()}
    assert after == pytest.approx({i: value / 2 for i, value in before.items()})


def test_a_metric_that_raises_hurts_nothing_and_is_not_tried_again(grown: GrowingClone) -> None:
    file: Path = grown.folder / FILE
    kept = file.read_text(encoding="utf-8")
    file.write_text(SOURCE.replace("        truth =", '        raise ValueError("no such luck")\n        truth ='))
    said = grown.stage("pipeline.sweep")
    assert "brier could not be measured on" in said and "ValueError: no such luck" in said
    assert grown.status() == {"metrics": {}, "probes": {}}
    results = Ledger(grown.project / "data" / "ledger").read()
    assert all("brier" not in r.metrics["test"] and "accuracy" in r.metrics["test"] for r in results.values())
    file.write_text(kept, encoding="utf-8")
    assert json.dumps(grown.trained()) == json.dumps(grown.before)  # type: ignore[attr-defined]
