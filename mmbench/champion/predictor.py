"""Rows in, predictions out: a saved model in use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from mmbench.champion.bundle import Bundle, read
from mmbench.champion.inputs import InputBuilder, NoRoot
from mmbench.data.batches import as_split
from mmbench.data.files.source import Root
from mmbench.data.table.findings import Findings
from mmbench.data.table.rows import Rows
from mmbench.schema.scores import predictions
from mmbench.schema.task import Task
from mmbench.training.objective import objective
from mmbench.training.predictions import EVALUATION_BATCH, predict

SEPARATOR = "|"
"""Between the labels of a sample, as in manifests."""


class Predictor:
    """The model of a bundle, on a GPU where there is one."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = bundle.model.to(device)
        self.device = device
        kept = {name: bundle.spec.modalities[name] for name in bundle.modalities}
        self.spec = bundle.spec.model_copy(update={"modalities": kept})
        decoders = {name: reader.decoder(name) for name, reader in bundle.readers.items()}
        self.inputs = InputBuilder(
            spec=self.spec, modalities=bundle.modalities, readers=bundle.readers, decoders=decoders
        )

    @classmethod
    def load(cls, folder: Path) -> Predictor:
        """Raises UserError where the folder holds no model that works here."""
        return cls(read(folder))

    @property
    def columns(self) -> dict[str, str]:
        """The columns that rows need -> the modality that each is for."""
        return self.inputs.columns()

    def predict(self, rows: Rows, root: Root | None = None) -> pd.DataFrame:
        """One row a row: `prediction`, `probability.<class>` or `probability.<label>`, and `error`, None where all is
        well. Several numbers are `prediction.<target>`. A row with an error has nothing else.

        root: the folder that paths start from and never leave; without one, paths are errors. Columns that the model
        does not read are passed over. Raises UserError where one that it reads is missing.
        """
        self.inputs.check(rows)
        parts = [self._part(part, root or NoRoot()) for part in _parts(rows, list(self.columns))]
        if not parts:
            return _frame(self.spec.task, np.empty((0, len(self.spec.task.targets))), [])
        return pd.concat(parts, ignore_index=True)

    def _part(self, rows: Rows, root: Root) -> pd.DataFrame:
        batch = self.inputs.batch(rows, root)
        good = np.array([i for i in range(len(rows)) if i not in batch.errors], int)
        values = np.full((len(rows), len(self.spec.task.targets)), np.nan)
        if len(good):
            values[good] = self._values({name: x[good] for name, x in batch.arrays.items()}, len(good))
        errors = dict(batch.errors)
        for i in good[~np.isfinite(values[good]).all(axis=1)].tolist():
            errors[i] = f"{rows.file} row {rows.numbers[i]}: the model has no finite answer; are numbers far too large?"
            values[i] = np.nan
        return _frame(self.spec.task, values, [errors.get(i) for i in range(len(rows))])

    def _values(self, arrays: dict[str, np.ndarray], n: int) -> np.ndarray:
        """Probabilities (n, C), or numbers (n, K)."""
        train = self.bundle.result.config.train
        assert train is not None
        split = as_split(self.spec, arrays | {"label": np.zeros(n, np.int64)}, self.device)
        outputs = predict(self.model, split, precision=train.precision)
        return predictions(self.spec.task.kind, objective(self.spec, split.labels).in_units(outputs).cpu().numpy())


def _parts(rows: Rows, columns: list[str]) -> Iterator[Rows]:
    """As many rows as the model takes at once, and the columns that it reads."""
    for start in range(0, len(rows), EVALUATION_BATCH):
        taken = slice(start, start + EVALUATION_BATCH)
        kept = {name: rows.columns[name][taken] for name in columns}
        yield Rows(file=rows.file, columns=kept, numbers=rows.numbers[taken], findings=Findings(rows.file))


def _frame(task: Task, values: np.ndarray, errors: list[str | None]) -> pd.DataFrame:
    bad = np.array([e is not None for e in errors], bool)
    made: dict[str, Any] = {}
    if task.kind == "regression":
        several = len(task.targets) > 1
        made = {f"prediction.{t}" if several else "prediction": values[:, k] for k, t in enumerate(task.targets)}
    else:
        made["prediction"] = [None if b else _describe(task, row) for row, b in zip(values, bad, strict=True)]
        made |= {f"probability.{t}": values[:, k] for k, t in enumerate(task.targets)}
    return pd.DataFrame(made | {"error": pd.Series(errors, dtype=object)})


def _describe(task: Task, probabilities: np.ndarray) -> str:
    if task.kind == "multilabel":
        return SEPARATOR.join(t for t, p in zip(task.targets, probabilities, strict=True) if p >= 0.5)
    return task.targets[int(probabilities.argmax())]


def rows_of(frame: pd.DataFrame, name: str = "input") -> Rows:
    """A frame as rows, counted from 1. What pandas takes for missing is empty, and so is a text of spaces."""
    columns = {str(c): [_value(v) for v in frame[c].tolist()] for c in frame.columns}
    return Rows(file=name, columns=columns, numbers=list(range(1, len(frame) + 1)), findings=Findings(name))


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip() or None
    return None if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)) else value
