"""Read weights from a local file, and compare them with the parameters that a model expects."""

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
    """Read the state dict of a ``.safetensors`` file, or of a ``.pth`` file (top level, "model" or "state_dict").

    Raises:
        HumotionError: the file is missing or incomplete, or it has content other than weights, which can only be
            read by executing code.
    """
    if not path.is_file():
        raise HumotionError(f"There is no checkpoint {path}. Choose a local .safetensors or .pth file.")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise HumotionError(f"{path} is not a complete safetensors file: {error}. Download it again.") from None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError) as error:
        reason = (str(error).splitlines() or ["it ends too early"])[0]
        raise HumotionError(
            f"{path} is incomplete or has content other than weights: {reason} "
            "Download it again, or use a .safetensors file."
        ) from None
    for key in ("model", "state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        raise HumotionError(f"{path} has no named weights. Use a file in which torch.save stored a state_dict.")
    return content


def misfits(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[str]:
    """List the missing, unexpected or differently shaped parameters, sorted; the list is empty if all fit."""
    problems = [f"missing {key}" for key in expected.keys() - weights.keys()]
    problems += [f"unexpected {key}" for key in weights.keys() - expected.keys()]
    problems += [
        f"{key} is {tuple(weights[key].shape)}, the model has {tuple(expected[key].shape)}"
        for key in weights.keys() & expected.keys()
        if weights[key].shape != expected[key].shape
    ]
    return sorted(problems)
