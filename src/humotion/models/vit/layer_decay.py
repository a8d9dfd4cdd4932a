"""Learning rates that fall from the head of a ViT down to its patches (Bao et al., BEiT, 2021; He et al., MAE, 2022).

What lies deep is the most general knowledge of a pretrained ViT, and is to change the least.
"""

from __future__ import annotations

BACKBONE = "backbone."


def vit_layer(name: str, depth: int) -> int:
    """The layer, 0 to depth + 1, of a parameter of a ViT of ``depth`` blocks, by its name below ``backbone``.

    Layer 0 is what comes before the blocks (patches, positions, class token, registers), block i is layer i + 1,
    and the last norm is layer depth + 1, as the head is.
    """
    part, _, rest = name.partition(".")
    if part == "blocks":
        return int(rest.partition(".")[0]) + 1
    return depth + 1 if part in ("norm", "fc_norm") else 0


def learning_rate_share(name: str, depth: int, decay: float, head_factor: float) -> float:
    """The factor on the learning rate of a parameter of an action model, by its full name.

    ``decay`` to the power of the layers between it and the head where it is the ViT's; ``head_factor`` of everything
    that stands beside the ViT (head, SMIF, LMI, temporal positions).
    """
    if not name.startswith(BACKBONE):
        return head_factor
    share: float = decay ** (depth + 1 - vit_layer(name.removeprefix(BACKBONE), depth))
    return share
