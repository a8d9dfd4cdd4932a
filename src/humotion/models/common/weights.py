"""Read weights from a local file, compare them with the parameters that a model expects, and find NaN in them."""

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
            read by executing code; or a weight is NaN or infinite.
    """
    weights = _read(path)
    if broken := not_finite({key: value for key, value in weights.items() if isinstance(value, Tensor)}):
        raise HumotionError(
            f"{path} has NaN or infinite weights in {len(broken)} of {len(weights)} tensors (first: {broken[0]}): the "
            "training that made it diverged, or the file is damaged. Use another checkpoint."
        )
    return weights


def _read(path: Path) -> dict[str, Tensor]:
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


def not_finite(weights: Mapping[str, Tensor]) -> list[str]:
    """List the names of the tensors that contain NaN or infinity, in their order; one wait for the device in all."""
    floats = {name: value for name, value in weights.items() if value.is_floating_point() and value.numel()}
    if not floats:
        return []
    # The minimum and the maximum of a tensor, which NaN survives, need no mask of its size.
    good = torch.stack([torch.stack(value.detach().aminmax()).isfinite().all() for value in floats.values()])
    return [name for name, is_good in zip(floats, good.tolist(), strict=True) if not is_good]


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
