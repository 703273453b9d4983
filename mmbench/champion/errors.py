"""Where a model errs on the test split: a table for every kind of task, and a figure where one says more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmbench.champion.restore import Restored, outputs_on
from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import METRICS
from mmbench.schema.scores import predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes


WRITTEN = 20
"""Classes, up to which the cells of a confusion matrix have their number in them."""


def write(restored: Restored, spec: DataSpec, folder: Path) -> None:
    """`confusion.csv` and `confusion.png` of classes (rows are the truth, columns what was predicted), `labels.csv` of
    labels, `scatter.png` of numbers; `test.csv` with the truth and the prediction of every test sample."""
    config = restored.result.config
    values = predictions(spec.task.kind, outputs_on(restored.model, restored.test, restored.result, spec))
    truth = restored.test.labels.cpu().numpy()
    title = f"{config.name}: test split, {METRICS[spec.task.metric].label}"
    title += f" {restored.result.metrics['test'].get(spec.task.metric, float('nan')):.3f}"
    folder.mkdir(parents=True, exist_ok=True)
    targets = list(spec.task.targets)
    if spec.task.kind == "regression":
        frame = pd.DataFrame({f"{t}: truth": truth[:, k] for k, t in enumerate(targets)})
        frame = frame.assign(**{f"{t}: prediction": values[:, k] for k, t in enumerate(targets)})
        _scatter(truth, values, targets, title, folder / "scatter.png")
    elif spec.task.kind == "multilabel":
        frame = pd.DataFrame({f"{t}: truth": truth[:, k].astype(int) for k, t in enumerate(targets)})
        frame = frame.assign(**{f"{t}: probability": values[:, k] for k, t in enumerate(targets)})
        _labels(truth.astype(int), (values >= 0.5).astype(int), targets).to_csv(folder / "labels.csv")
    else:
        guess = values.argmax(-1)
        frame = pd.DataFrame({"truth": [targets[i] for i in truth], "prediction": [targets[i] for i in guess]})
        _confusion(truth, guess, targets, title, folder)
    frame.to_csv(folder / "test.csv", index_label="sample")


def _labels(truth: np.ndarray, guess: np.ndarray, targets: list[str]) -> pd.DataFrame:
    from sklearn.metrics import multilabel_confusion_matrix

    counts = multilabel_confusion_matrix(truth, guess).reshape(-1, 4)
    names = ["rightly not", "wrongly", "wrongly not", "rightly"]
    return pd.DataFrame(counts, index=pd.Index(targets, name="label"), columns=names)


def _confusion(truth: np.ndarray, guess: np.ndarray, targets: list[str], title: str, folder: Path) -> None:
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix

    counts = confusion_matrix(truth, guess, labels=range(len(targets)))
    index = pd.Index(targets, name="truth")
    pd.DataFrame(counts, index=index, columns=targets).to_csv(folder / "confusion.csv")
    side = min(14.0, 2.8 + 0.5 * len(targets))
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    shown = ConfusionMatrixDisplay(counts, display_labels=targets)
    shown.plot(ax=axes, cmap="Blues", include_values=len(targets) <= WRITTEN, xticks_rotation=45, colorbar=False)
    axes.set(xlabel="predicted", ylabel="truth")
    _titled(axes, title)
    figure.savefig(folder / "confusion.png", dpi=130)


def _scatter(truth: np.ndarray, values: np.ndarray, targets: list[str], title: str, file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * len(targets), 4.6), layout="constrained")
    for k, (axes, target) in enumerate(zip(figure.subplots(1, len(targets), squeeze=False)[0], targets, strict=True)):
        ends = [min(truth[:, k].min(), values[:, k].min()), max(truth[:, k].max(), values[:, k].max())]
        axes.plot(ends, ends, color="#9AA3AD", linewidth=1)
        axes.plot(truth[:, k], values[:, k], "o", markersize=3, alpha=0.5, color="#0A70C2", markeredgewidth=0)
        axes.set(xlabel=f"{target}: truth", ylabel="predicted")
        axes.set_aspect("equal")
    figure.suptitle(title, fontsize=9, wrap=True)
    figure.savefig(file, dpi=130)


def _titled(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=9, wrap=True)
