"""The whole tool as its user meets it: a clone of this repository, data of every kind, `dvc repro`, and then changes.

One clone and three runs, each of which asks as many questions as it can answer. It is one test, since every step goes
on from the one before, also where several processes share the tests; all that fails after a run is reported at once.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, f1_score, root_mean_squared_error

from mmbench.data.prepare import dataset as prepare
from mmbench.data.prepared import load_arrays
from mmbench.data.split import splits
from mmbench.data.table.table import Table
from mmbench.schema.dataset import load_spec
from tests.support.clone import Clone
from tests.support.own_data import SETS

NAMES = (*SETS, "synergy")
BASELINES = 4
TRIALS = 2 * 2 + 2 * 2 + BASELINES
"""On one data set: attention x fusion x architecture, then attention x single modality, then baselines."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_from_files_to_champions_and_then_only_what_changed(tmp_path: Path) -> None:
    clone = new_clone(tmp_path / "to-end")
    clone.repro()
    ask(
        clone,
        nothing_is_missing_and_ledger_mlflow_and_report_agree_on_every_number,
        every_trial_is_scored_by_its_main_metric,
        numbers_are_reported_in_their_own_units,
        what_is_missing_is_masked_in_every_split,
        dvc_reads_the_metrics_and_plots,
        champions_of_every_kind_predict_the_manifest_with_the_scores_of_the_ledger,
        a_spelling_mistake_stops_the_run_with_one_line,
        a_broken_file_stops_its_data_set_with_file_and_row,
    )
    assert "Data and pipelines are up to date" in clone.repro(), "a second run did something"
    ask(clone, a_comment_a_file_a_seed_and_an_operator_train_what_they_reach)


def new_clone(folder: Path) -> Clone:
    made = Clone(folder)
    for name, make in SETS.items():
        (made.folder / "data" / "raw" / name).mkdir(parents=True)
        made.card(name, **make(made.folder / "data" / "raw" / name))
    made.card("synergy", dataset={"synergy": {"train": 180, "validation": 90, "test": 90}})
    made.settings(
        grid={
            "datasets": list(NAMES),
            "attention": ["mean", "scaled_dot_product"],
            "fusion": ["early_concat", "cross_attention"],
            "architecture": ["shared"],
            "seeds": 1,
        },
        controls={"budgets": []},
        train={"epochs": 2, "batch_size": 64, "learning_rate": 0.003},
    )
    return made


def ask(clone: Clone, *questions: Callable[[Clone], None]) -> None:
    """Ask them all; raises an ExceptionGroup of every one that fails."""
    wrong = []
    for question in questions:
        try:
            question(clone)
        except Exception as error:
            error.add_note(f"in {question.__name__}")
            wrong.append(error)
    if wrong:
        raise ExceptionGroup("after this run", wrong)


def nothing_is_missing_and_ledger_mlflow_and_report_agree_on_every_number(clone: Clone) -> None:
    import mlflow

    ledger = clone.ledger()
    assert set(ledger) == set(clone.plan())
    assert len(ledger) == len(NAMES) * TRIALS
    assert {(r.state, r.message) for r in ledger.values()} == {("done", None)}

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
        # Support vectors are no parameters: then the number is absent everywhere, and never a zero.
        parameters = result.quantities.get("parameters")
        if parameters is None:
            assert result.config.baseline is not None and pd.isna(table.loc[trial_id, "parameters"])
        else:
            assert table.loc[trial_id, "parameters"] == parameters
        assert trial_id in page


def every_trial_is_scored_by_its_main_metric(clone: Clone) -> None:
    ledger = clone.ledger()
    main = {"numbers": "rmse", "labels": "macro_f1", "gaps": "accuracy", "pets": "accuracy", "synergy": "accuracy"}
    assert all(main[r.config.dataset] in r.metrics["test"] for r in ledger.values())
    told = (clone.folder / "reports" / "report.md").read_text(encoding="utf-8")
    assert "RMSE" in told and "macro-F1" in told


def numbers_are_reported_in_their_own_units(clone: Clone) -> None:
    spec = load_spec(clone.folder / "data" / "prepared" / "numbers")
    assert spec.scale is not None and spec.task.targets == ("dose", "age")
    train = load_arrays(clone.folder / "data" / "prepared" / "numbers", "train")["label"]
    assert spec.scale.mean == pytest.approx(train.mean(0), rel=1e-5)
    scored = {r.config.cell: r.metrics["test"] for r in clone.ledger().values() if r.config.dataset == "numbers"}
    assert scored["linear baseline"]["rmse"] < 0.5 * scored["majority baseline"]["rmse"]
    assert spec.chance == pytest.approx(scored["majority baseline"]["rmse"], rel=0.2)


def what_is_missing_is_masked_in_every_split(clone: Clone) -> None:
    folder = clone.folder / "data" / "prepared" / "gaps"
    spec = load_spec(folder)
    assert {name: round(m.missing, 2) for name, m in spec.modalities.items()} == {"sound": 0.33, "steps": 0.33}
    for split in ("train", "validation", "test"):
        arrays = load_arrays(folder, split)
        for name in ("sound", "steps"):
            absent = ~arrays[f"{name}.mask"].any(1)
            assert 0 < absent.sum() < len(absent)
            assert not arrays[name][absent].any()


def dvc_reads_the_metrics_and_plots(clone: Clone) -> None:
    shown = clone.run("dvc", "metrics", "show", "--json")
    assert shown.returncode == 0, shown.stderr
    (found,) = json.loads(shown.stdout).values()
    assert found["data"]["reports/metrics.json"]["data"]["done"] == len(NAMES) * TRIALS
    plots = clone.run("dvc", "plots", "show")
    assert plots.returncode == 0, plots.stderr
    page = (clone.folder / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    for name in ("choices", "marginal_means", "top"):
        assert re.search(rf'<img [^>]*src="[^"]*{name}\.svg"', page), f"the picture {name} is on the page"
    assert re.search(r'"field":\s*"parameters"', page) and re.search(r'"field":\s*"score"', page)


def score(table: Table, chosen: np.ndarray, made: pd.DataFrame) -> float:
    """The main metric of predicted rows, by scikit-learn alone."""
    truth, targets = table.labels[chosen], list(table.task.targets)
    if table.task.kind == "regression":
        return float(root_mean_squared_error(truth, made[[f"prediction.{t}" for t in targets]]))
    if table.task.kind == "multilabel":
        said = [str(p).split("|") for p in made["prediction"].fillna("")]
        guess = np.array([[t in labels for t in targets] for labels in said])
        return float(f1_score(truth, guess, average="macro", zero_division=0))
    return float(accuracy_score([targets[i] for i in truth], made["prediction"]))


def champions_of_every_kind_predict_the_manifest_with_the_scores_of_the_ledger(clone: Clone) -> None:
    done = clone.run("mmbench", "champion")
    assert done.returncode == 0 and done.stdout.count("kept weights, which give the same outputs") == len(NAMES), done
    for name in SETS:
        raw = prepare.read(name, clone.folder / "data" / "raw")
        table = raw.table()
        chosen = np.flatnonzero(splits.assign(table, raw.card.splits) == "test")
        manifest = clone.folder / "data" / "raw" / name / str(raw.card.manifest)
        out = clone.folder / f"{name}.parquet"
        uri = f"models:/mmbench-{name}@champion"
        done = clone.run("mmbench", "predict", "--model", uri, str(manifest), "--out", str(out))
        assert done.returncode == 0, done.stderr
        made = pd.read_parquet(out)
        assert made["error"].isna().all()
        kept = [r for r in clone.ledger().values() if r.config.dataset == name and r.config.role != "baseline"]
        metric = "rmse" if name == "numbers" else "macro_f1" if name == "labels" else "accuracy"
        best = (min if metric == "rmse" else max)(r.metrics["validation"][metric] for r in kept)
        expected = [r.metrics["test"][metric] for r in kept if r.metrics["validation"][metric] == best]
        found = score(table, chosen, made.iloc[chosen])
        assert any(found == pytest.approx(e, rel=1e-5) for e in expected), (name, found, expected)


def a_spelling_mistake_stops_the_run_with_one_line(clone: Clone) -> None:
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


def a_broken_file_stops_its_data_set_with_file_and_row(clone: Clone) -> None:
    broken = clone.folder / "data" / "raw" / "gaps" / "1.wav"
    whole = broken.read_bytes()
    broken.write_bytes(b"")
    try:
        done = clone.run("dvc", "repro", "prepare@gaps")
        assert done.returncode != 0
        told = done.stdout + done.stderr
        assert "manifest.parquet row 2" in told and "1.wav" in told and "Traceback" not in told
        assert load_spec(clone.folder / "data" / "prepared" / "labels").name == "labels"
    finally:
        broken.write_bytes(whole)


def a_comment_a_file_a_seed_and_an_operator_train_what_they_reach(clone: Clone) -> None:
    before, planned, prepared = clone.ledger(), set(clone.plan()), clone.folder / "data" / "prepared"
    stamps = {name: (prepared / name / "spec.json").stat().st_mtime_ns for name in NAMES}
    clone.edit("mmbench/fusion/cross_attention.py", "    def exchange", "    # A comment.\n    def exchange")
    Image.new("RGB", (20, 24), (9, 200, 9)).save(clone.folder / "data" / "raw" / "labels" / "7.png")
    clone.settings(grid={"seeds": 2})
    old, new = "return self.head(summaries[JOINT])", "return self.head(summaries[JOINT] * 2.0)"
    clone.edit("mmbench/fusion/early_concat.py", old, new)
    clone.repro()
    # mmbench/fusion is no dependency of `prepare`, so only the picture prepares anything again.
    assert {n for n in NAMES if (prepared / n / "spec.json").stat().st_mtime_ns != stamps[n]} == {"labels"}
    after = clone.ledger()
    assert before.items() <= after.items()
    trained = [r for i, r in after.items() if i not in before]
    assert sum(r.config.seed == 1 for r in trained) == len(NAMES) * (TRIALS - BASELINES), "baselines have one seed"
    first = [r for r in trained if r.config.seed == 0]
    assert sum(r.config.dataset == "labels" for r in first) == TRIALS, "the picture is of another data set"
    edited = [r for r in first if r.config.dataset != "labels"]
    assert {r.config.fusion.name if r.config.fusion else None for r in edited} == {"early_concat"}, "a comment counts"
    assert len(edited) == (len(NAMES) - 1) * 2
    assert set(clone.results().index) == set(clone.plan()), "stale trials do not reach the report"
    by_name = {before[i].config.name: before[i] for i in planned}
    assert any(r.metrics != by_name[r.config.name].metrics for r in edited), "the edited operator was not what ran"
