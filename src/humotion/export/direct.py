"""A loaded model without the convolutions in the frequency domain, which are this package's own code for the CPU."""

from __future__ import annotations

from copy import deepcopy
from itertools import chain

from torch import nn

from humotion.models.common.fast_conv import FrequencyConv2d


def with_direct_convolutions(model: nn.Module) -> nn.Module:
    """Return a copy of a model that shares its weights, and has `torch.nn.Conv2d` in place of `FrequencyConv2d`."""
    shared = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
    copy = deepcopy(model, shared)
    for parent in list(copy.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, FrequencyConv2d):
                size = layer.kernel_size[0]
                plain = nn.Conv2d(layer.in_channels, layer.out_channels, size, padding=size // 2, device="meta")
                plain.weight, plain.bias = layer.weight, layer.bias
                setattr(parent, name, plain)
    return copy.eval()
