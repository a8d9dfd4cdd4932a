"""Which models predict: folders, and models of MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.params.document import PARAMS_FILE, load_params
from humotion.training.description import WEIGHTS
from humotion.work import digest_of_file

EXPORTED = "export.json"
"""The file by which an exported folder (`humotion export`) is known."""


def model_folders(models: Sequence[str]) -> list[Path]:
    """Return the folders of models (paths or MLflow model URIs); without any, every folder below ``models/``.

    Raises:
        HumotionError: there is no model.
    """
    folders = [_model_folder(model) for model in models] or sorted(
        found.parent for found in Path("models").glob("*/model.json")
    )
    if not folders:
        raise HumotionError("There is no trained model here. Run `dvc repro`, or name a model with --model.")
    return folders


def _model_folder(model: str) -> Path:
    if "://" not in model and not model.startswith("models:/"):
        return Path(model)
    from humotion.tracking.registry import download_model

    folder = download_model(model, configured_store())
    found = sorted(path.parent for path in folder.rglob("model.json"))
    if len(found) != 1:
        what = "no model of humotion (there is no model.json)" if not found else f"{len(found)} models, not one"
        raise HumotionError(f"{model} holds {what}. Name the folder of a model with --model.")
    return found[0]


def configured_store() -> str | None:
    """Return ``machine.tracking_uri`` of params.yaml; None outside a checkout, where prediction works, too."""
    return load_params().machine.tracking_uri if PARAMS_FILE.exists() else None


def weights_md5(folder: Path) -> str:
    """Return the md5 of a model's weights; an exported folder does not have them, but says which they were."""
    if (folder / EXPORTED).exists():
        return str(read_json(folder / EXPORTED)["model"]["weights_md5"])
    return digest_of_file(folder / WEIGHTS)
