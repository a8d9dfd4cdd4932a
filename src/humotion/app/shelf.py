"""The models that a page offers: known by name from the start, and loaded when somebody asks one."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from pathlib import Path

from humotion.prediction.models import model_folders
from humotion.prediction.predictor import Predictor, load_predictor
from humotion.training.description import read_description

MOST_LOADED = 4
"""So many models are kept in memory: those that were asked last."""


class Shelf:
    """Models by name.

    Args:
        models: model folders or MLflow model URIs; empty: every folder below ``models/``.

    Raises:
        HumotionError: there is no model, or a folder is none.
    """

    def __init__(self, models: Sequence[str]) -> None:
        folders = model_folders(models)
        self._folders = dict(zip(_names(models or [str(folder) for folder in folders]), folders, strict=True))
        self._loaded: OrderedDict[str, Predictor] = OrderedDict()
        for folder in folders:
            read_description(folder)  # now, not when somebody has uploaded a clip

    @property
    def names(self) -> list[str]:
        """The names of all models, in order."""
        return list(self._folders)

    def predictor(self, name: str) -> Predictor:
        """Return a model, which is loaded if it was not asked lately.

        Raises:
            HumotionError: its weights cannot be read.
        """
        if name not in self._loaded:
            while len(self._loaded) >= MOST_LOADED:
                self._loaded.popitem(last=False)
            self._loaded[name] = load_predictor(self._folders[name])
        self._loaded.move_to_end(name)
        return self._loaded[name]


def _names(models: Sequence[str]) -> list[str]:
    """The last part of each path and all of each URI; where two would be equal, all of both paths; each once."""
    distinct = list(dict.fromkeys(models))
    short = [model if ":" in model else Path(model).name for model in models]
    counts = Counter(name for model, name in zip(models, short, strict=True) if model in distinct)
    return [model if counts[name] > 1 else name for model, name in zip(models, short, strict=True)]
