"""A probe is one new file (CONTRIBUTING's own example, word for word); a finished project gets its numbers for every
trial without training one again."""

from __future__ import annotations

from collections.abc import Iterator

import mlflow
import numpy as np
import pandas as pd
import pytest

from mmbench.ledger.store import Ledger
from tests.support.examples import example
from tests.support.project_clone import GrowingClone, finish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FILE, SOURCE = example("probe")
SHOWN_IN = (
    "report.html",
    "report.md",
    "tables/probe_jitter_small.csv",
    "tables/probe_jitter_small.md",
    "figures/probe_jitter_small.svg",
)
"""Files of reports/ in which the default section shows the probe: page, Markdown, tables, figure."""


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrowingClone]:
    made = GrowingClone(tmp_path_factory.mktemp("probe"), finish(tmp_path_factory))
    made.before = made.trained()  # type: ignore[attr-defined]
    made.add(FILE, SOURCE)
    yield made
    assert made.changed() == [f"?? {FILE}"], "one new file, and no other edit"


def test_it_is_measured_for_every_trial_and_none_is_trained_again(grown: GrowingClone) -> None:
    trials = len(grown.before)  # type: ignore[attr-defined]
    assert grown.status() == {"metrics": {}, "probes": {"jitter": trials}}
    said = grown.stage("pipeline.sweep")
    assert f"probes measured on {trials} finished trials" in said and "trials to run" not in said
    assert grown.trained() == grown.before  # type: ignore[attr-defined]
    assert grown.status() == {"metrics": {}, "probes": {}}
    ledger = Ledger(grown.project / "data" / "ledger")
    results = ledger.read()
    for trial_id, measured in ledger.measured(results).items():
        config = results[trial_id].config
        probe = measured.probes["jitter"]
        assert probe.failed is None
        # A baseline has no weights; it is fitted again, and finds the same outputs bit by bit.
        assert probe.model == ("retraining" if config.role == "baseline" else "weights")
        values = results[trial_id].quantities
        assert values["jitter_kept"][0] == 1.0 and 0 <= values["jitter_kept"][1] <= 1  # type: ignore[index]
        assert len(values["jitter_alone"]) == len(config.modalities)  # type: ignore[arg-type]
        assert values["jitter_samples"] == 32


@pytest.mark.exhaustive
def test_lost_weights_are_trained_again_deterministically(grown: GrowingClone) -> None:
    grown.stage("pipeline.sweep")
    folder = grown.project / "data" / "weights"
    weights = sorted(folder.iterdir())
    assert len(weights) > 2
    weights[0].unlink()
    weights[1].write_bytes(b"spoilt")
    ledger = Ledger(grown.project / "data" / "ledger")
    before = {i: r.quantities["jitter_kept"] for i, r in ledger.read().items()}
    file = grown.folder / FILE
    file.write_text(
        SOURCE.replace('"jitter_samples": len(labels)', '"jitter_samples": 2 * len(labels)'), encoding="utf-8"
    )
    grown.stage("pipeline.sweep")
    file.write_text(SOURCE, encoding="utf-8")
    results = ledger.read()
    origins = {i: m.probes["jitter"].model for i, m in ledger.measured(results).items()}
    assert {origins[w.name.split(".")[0]] for w in weights[:2]} == {"retraining"}
    assert {origins[w.name.split(".")[0]] for w in weights[2:]} == {"weights"}
    assert {i: r.quantities["jitter_kept"] for i, r in results.items()} == before, "the same models, the same seeds"
    assert all(r.quantities["jitter_samples"] == 64 for r in results.values())
    assert grown.trained() == grown.before  # type: ignore[attr-defined]


def test_its_numbers_are_in_parquet_mlflow_page_markdown_csv_and_figure(grown: GrowingClone) -> None:
    grown.stage("pipeline.sweep")
    grown.stage("pipeline.report")
    reports = grown.project / "reports"
    frame = pd.read_parquet(reports / "results.parquet")
    assert frame["jitter_samples"].eq(32).all()
    assert all(len(x) == 2 and np.isfinite(x).all() for x in frame["jitter_kept"])
    store = f"sqlite:///{grown.project / 'mlflow.db'}"
    runs = mlflow.MlflowClient(tracking_uri=store).search_runs(["1"], "tags.level = 'trial' and tags.role = 'cell'")
    kept = {run.data.tags["trial_id"]: run.data.metrics["usage/jitter/jitter_kept/1"] for run in runs}
    cells = frame[frame["role"] == "cell"].set_index("trial_id")["jitter_kept"]
    assert kept == pytest.approx({i: x[1] for i, x in cells.items()})
    assert all("usage/jitter/jitter_alone/left" in run.data.metrics for run in runs)
    for name in SHOWN_IN:
        assert "answers kept under jitter" in (reports / name).read_text(encoding="utf-8"), name
    table = pd.read_csv(reports / "tables" / "probe_jitter_small.csv")
    assert set(table["method"]) == set(frame["method"])


def test_lost_measurements_are_told_until_they_are_made_again(grown: GrowingClone) -> None:
    grown.stage("pipeline.sweep")
    lost, spoilt, *_ = sorted((grown.project / "data" / "ledger").glob("*.measured.json"))
    lost.unlink()
    spoilt.write_bytes(spoilt.read_bytes()[:100])
    grown.stage("pipeline.report")
    page = grown.project / "reports" / "report.md"
    told = "Finished trials lack measurements"
    assert told in page.read_text(encoding="utf-8") and "jitter (2)" in page.read_text(encoding="utf-8")
    grown.stage("pipeline.sweep")
    grown.stage("pipeline.report")
    assert told not in page.read_text(encoding="utf-8")


@pytest.mark.exhaustive
def test_a_probe_that_raises_hurts_no_trial_and_is_not_tried_again(grown: GrowingClone) -> None:
    file = grown.folder / FILE
    file.write_text(
        SOURCE.replace("        import torch\n", '        raise ValueError("broken")\n', 1), encoding="utf-8"
    )
    said = grown.stage("pipeline.sweep")
    assert "jitter could not be measured on" in said and "ValueError: broken" in said
    assert grown.status() == {"metrics": {}, "probes": {}}
    assert "trials to measure" not in grown.stage("pipeline.sweep")
    results = Ledger(grown.project / "data" / "ledger").read()
    assert all(r.state == "done" and "jitter_kept" not in r.quantities for r in results.values())
    assert grown.trained() == grown.before  # type: ignore[attr-defined]
