"""Learning rates that fall from the head of a ViT down to its patches (Bao et al., BEiT, 2021; He et al., MAE, 2022).

The first layers hold the most general knowledge of a pretrained ViT, so they should change least.
"""

from __future__ import annotations

BACKBONE = "backbone."


def vit_layer(name: str, depth: int) -> int:
    """Return the layer, 0 to depth + 1, of a ViT parameter, by its name below ``backbone``.

    Layer 0 has everything before the ``depth`` blocks (patches, positions, class token, registers). Block i is layer
    i + 1. The last norm is layer depth + 1, like the head.
    """
    part, _, rest = name.partition(".")
    if part == "blocks":
        return int(rest.partition(".")[0]) + 1
    return depth + 1 if part in ("norm", "fc_norm") else 0


def learning_rate_share(name: str, depth: int, decay: float, head_factor: float) -> float:
    """Return the factor on the learning rate of an action model's parameter, by its full name.

    For a parameter of the ViT, it is ``decay`` to the power of the number of layers between it and the head. For
    everything outside the ViT (head, SMIF, LMI, temporal positions), it is ``head_factor``.
    """
    if not name.startswith(BACKBONE):
        return head_factor
    share: float = decay ** (depth + 1 - vit_layer(name.removeprefix(BACKBONE), depth))
    return share
