"""From arrays to the report, with real trials: every type of task on small data, trained, scored and reported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mmbench.data.batches import as_split
from mmbench.data.prepared import load_prepared, save
from mmbench.report.pages.report import Report
from mmbench.schema.dataset import DataSpec, Modality, Normal
from mmbench.schema.result import State
from mmbench.schema.scores import scores
from mmbench.schema.task import Task, task_of
from mmbench.sweep.trial import run
from pipeline.report import report
from tests.support import small_project

pytestmark = pytest.mark.exhaustive

SPLITS = {"train": 192, "validation": 64, "test": 64}
TASKS = {
    "signs": task_of("binary", ("minus", "plus"), "auroc"),
    "tags": task_of("multilabel", ("a", "b", "c")),
    "moods": task_of("regression", ("sentiment",), affect=True),
    "places": task_of("regression", ("x", "y"), "pearson"),
}


def _labels(task: Task, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Of the means over tokens, so that averaging them tells the label."""
    a, b = left.mean(1), right.mean(1)
    if task.kind == "binary":
        return (a[:, 0] + b[:, 0] > 0).astype(np.int64)
    if task.kind == "multilabel":
        return (a[:, :3] + b[:, :3] > 0).astype(np.float32)
    return (3 * np.tanh(a + b))[:, : len(task.targets)].astype(np.float32)


def _prepare(folder: Path, name: str, task: Task) -> None:
    draw = np.random.default_rng(0)
    splits = {}
    for split, n in SPLITS.items():
        left, right = (draw.normal(size=(n, 6, 4)).astype(np.float32) + draw.normal(size=(n, 1, 4)).astype(np.float32)
                       for _ in range(2))  # fmt: skip
        splits[split] = {"left": left, "right": right, "label": _labels(task, left, right)}
    test, train = splits["test"]["label"], splits["train"]["label"]
    scale, chance = None, None
    if task.kind == "regression":
        scale = Normal(axis=0, mean=tuple(map(float, train.mean(0))), std=tuple(map(float, train.std(0))))
        guess = np.broadcast_to(np.median(train, axis=0), test.shape)
        chance = scores(task, guess.astype(float), test)[task.metric]
    spec = DataSpec(
        name=name,
        description=f"Random features and {task.kind}.",
        modalities={m: Modality(kind="feature", shape=(6, 4)) for m in ("left", "right")},
        task=task,
        splits=SPLITS,
        chance=chance,
        ceiling=None,
        scale=scale,
        licence="CC0",
        source="random numbers",
        hash="",
    )
    save(folder / "data" / "prepared" / name, spec, splits)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Report, Path]]:
    root = tmp_path_factory.mktemp("real")
    raw = small_project.settings()
    raw["grid"] = {
        "datasets": list(TASKS),
        "attention": ["mean", "additive"],
        "fusion": ["concat"],
        "architecture": ["shared"],
        "seeds": 2,
    }
    raw["train"] |= {"epochs": 3, "batch_size": 32}  # type: ignore[operator]
    (root / "params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    for name, task in TASKS.items():
        _prepare(root, name, task)
    loaded = small_project.read(root)
    for job in loaded.plan.jobs:
        folder = root / "data" / "prepared" / job.config.dataset
        spec = loaded.specs[job.config.dataset]
        splits = {split: as_split(spec, arrays, "cpu") for split, arrays in load_prepared(folder)[1].items()}
        files = run(job, spec, splits)
        loaded.ledger.write(files.result, files.outputs, files.measured)
    _, analysis, page = report(root)
    yield analysis, page.parent


def test_every_trial_of_every_task_is_done_and_scored(reported: tuple[Report, Path]) -> None:
    analysis, _ = reported
    assert analysis.context.total.done == analysis.context.total.declared == len(TASKS) * (2 * 2 + 2 * 2 * 2 + 2)
    assert set(analysis.context.frame["state"]) == {State.DONE}
    for name, task in TASKS.items():
        d = analysis.context.dataset(name)
        assert d.scale.metric == task.metric and d.best is not None
        score, linear = d.row(d.best).score, d.row("linear baseline").score
        assert score is not None and linear is not None and d.scale.guess is not None
        assert d.scale.oriented(score.mean) > d.scale.oriented(d.scale.guess), f"{name}: learned nothing"
        assert all(len(c.median) == 3 for c in analysis.context.curves)


def test_the_best_is_best_by_the_direction_of_its_metric(reported: tuple[Report, Path]) -> None:
    analysis, folder = reported
    frame = pd.read_parquet(folder / "results.parquet")
    for name, column, pick in (("moods", "test_mae", "idxmin"), ("signs", "test_auroc", "idxmax")):
        cells = frame[(frame["dataset"] == name) & (frame["role"] == "cell")]
        assert getattr(cells.groupby("method")[column].mean(), pick)() == analysis.context.dataset(name).best


def test_the_files_tell_every_metric(reported: tuple[Report, Path]) -> None:
    _, folder = reported
    cells = pd.read_csv(folder / "tables" / "cells_moods.csv")
    assert {"mae", "rmse", "pearson", "spearman", "acc2_has0", "acc2_non0", "f1_non0", "acc5", "acc7"} <= set(cells)
    page = (folder / "report.html").read_text(encoding="utf-8")
    for words in ("MAE ↓", "AUROC ↑", "Macro-F1 ↑", "Pearson r ↑", "Acc-7"):
        assert words in page
