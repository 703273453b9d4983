"""The code of a registered model. MLflow copies this file into it, and runs it when it loads the model: no pickle.

Use it through MLflow alone (`mlflow.pyfunc.load_model`, `mlflow models serve`); mmbench itself must be installed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PythonModel, PythonModelContext

from mmbench.champion.predictor import Predictor, rows_of
from mmbench.data.files.source import Root
from mmbench.errors import UserError

ROOT = "MMBENCH_ROOT"
"""Names the folder that paths in rows start from and never leave. Whoever starts a server says it, not its clients."""


class Champion(PythonModel):
    """Rows of paths, texts and numbers -> a prediction a row, with an error of its own for one that cannot be read."""

    def load_context(self, context: PythonModelContext) -> None:
        """Raises MlflowException where the model does not work here, or MMBENCH_ROOT names no folder."""
        root = os.environ.get(ROOT)
        try:
            self.root = Root(Path(root)) if root else None
            self.predictor = Predictor.load(Path(context.artifacts["model"]))
        except UserError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from None

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """model_input: a frame with a column a modality, named as in the manifest."""
        if not isinstance(model_input, pd.DataFrame):
            raise MlflowException.invalid_parameter_value(
                f"rows come as a frame (dataframe_records or dataframe_split), not as {type(model_input).__name__}"
            )
        try:
            made = self.predictor.predict(rows_of(model_input), self.root).astype(object)
        except UserError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from None
        # JSON has no NaN: what a row with an error lacks is null.
        return made.where(made.notna(), None)


mlflow.models.set_model(Champion())
