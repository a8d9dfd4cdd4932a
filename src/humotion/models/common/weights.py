"""Weights of foreign or earlier trainings: read from a local file, and compared with what a model wants."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from humotion.errors import HumotionError


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict of a ``.safetensors`` file, or of a ``.pth`` file (bare, in "model" or "state_dict").

    Raises:
        HumotionError: there is no such file, it is not whole, or it holds something besides weights, which
            would have to be executed to be read.
    """
    if not path.is_file():
        raise HumotionError(f"There is no checkpoint {path}. Give a local .safetensors or .pth file.")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise HumotionError(f"{path} is no whole safetensors file: {error}. Get it again.") from None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError) as error:
        reason = (str(error).splitlines() or ["it ends too early"])[0]
        raise HumotionError(
            f"{path} is no whole file of weights alone: {reason} Get it again, or as a .safetensors file."
        ) from None
    for key in ("model", "state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        raise HumotionError(f"{path} holds no weights by name. Give a file that torch.save wrote of a state_dict.")
    return content


def misfits(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[str]:
    """What is missing, left over, or of another shape, sorted; empty where all fits."""
    problems = [f"missing {key}" for key in expected.keys() - weights.keys()]
    problems += [f"unexpected {key}" for key in weights.keys() - expected.keys()]
    problems += [
        f"{key} is {tuple(weights[key].shape)}, the model has {tuple(expected[key].shape)}"
        for key in weights.keys() & expected.keys()
        if weights[key].shape != expected[key].shape
    ]
    return sorted(problems)
