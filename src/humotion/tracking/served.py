"""The code of a logged model (MLflow models-from-code): a predictor over a model folder."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class VideoModel(PythonModel):
    """Input: a table with a column ``video`` of paths. Output: one row per video, as in the signature."""

    def load_context(self, context: Any) -> None:
        """Build the predictor from the model folder, by the function that the model's configuration names."""
        module, function = context.model_config["predictor"].split(":")
        self._predictor = getattr(import_module(module), function)(context.artifacts["model"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        """Predict every video of the table."""
        return pd.DataFrame([self._predictor.row(path) for path in model_input["video"]])


set_model(VideoModel())
