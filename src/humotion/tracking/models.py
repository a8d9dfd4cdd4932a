"""Logged models: the model folder as a models-from-code pyfunc whose input is a column ``video``.

Nothing is pickled. MLflow stores the model folder and `served.py`, which rebuilds the predictor from ``model.json`` and
``model.safetensors``. The model's configuration names the function that does this. The code of this package is stored
too, and the versions of its dependencies, so that any machine can serve the model (see `requirements`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

from humotion.files import read_json
from humotion.tracking.requirements import code_paths, pip_requirements
from humotion.tracking.store import mlflow
from humotion.work import digest_of_file

# The function that makes a predictor of a model folder. It is a name, so that this package does not import it.
PREDICTOR = "humotion.prediction.predictor:load_predictor"
MODEL_CONFIG = {"predictor": PREDICTOR}


def log_model_folder(folder: Path, example: Path) -> str:
    """Log a model folder as the open run's model and return its id (``m-...``).

    ``example`` is a video for the input example; MLflow tests the model on it, if it exists. The model gets a tag with
    the md5 of its weights, by which later stages find it.
    """
    description = read_json(folder / "model.json")
    outputs = description.get("outputs")  # for older folders, MLflow finds them in its own test
    path = list(sys.path)
    info = mlflow.pyfunc.log_model(
        name="model",
        python_model=str(Path(__file__).with_name("served.py")),
        artifacts={"model": str(folder)},
        model_config=MODEL_CONFIG,
        signature=ModelSignature(
            inputs=Schema([ColSpec(DataType.string, "video")]),
            outputs=Schema([ColSpec(DataType.string, name) for name in outputs]) if outputs else None,
        ),
        input_example=pd.DataFrame({"video": [str(example.resolve())]}) if example.exists() else None,
        code_paths=code_paths(),
        pip_requirements=pip_requirements(),
        metadata={key: description[key] for key in ("experiment", "dataset", "task", "architecture")},
        tags={"weights_md5": digest_of_file(folder / "model.safetensors")},
    )
    sys.path[:] = path  # MLflow has put the model's own code in front, in a temporary folder
    return str(info.model_id)
