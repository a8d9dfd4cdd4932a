"""Start a server."""

from __future__ import annotations

from collections.abc import Sequence

from humotion.errors import HumotionError
from humotion.prediction.models import model_folders
from humotion.prediction.predictor import load_predictor
from humotion.serving.app import make_app
from humotion.serving.limits import ServeLimits
from humotion.serving.listen import listen
from humotion.serving.tidying import keep_for_good


def serve(models: Sequence[str], host: str, port: int, limits: ServeLimits) -> None:
    """Serve models until Ctrl-C.

    Args:
        models: model folders or MLflow model URIs; empty: every folder below ``models/``.
        host: the address at which it listens.
        port: 0 for one that is free.
        limits: what it accepts.

    Raises:
        HumotionError: there is no model, or the root or the address cannot be used.
    """
    if limits.root is not None and not limits.root.is_dir():
        raise HumotionError(f"--root {limits.root} is no folder.")
    predictors = [load_predictor(folder) for folder in model_folders(models)]
    keep_for_good()
    names = ", ".join(one.description.experiment for one in predictors)
    listen(make_app(predictors, limits), host, port, lambda name: f"{names} at {name} (help: {name}/docs).")
