"""Long-term motion information (LMI): tokens are excited by their changes between the segments of a clip.

``LMI`` is this project's version, and ``ReferenceLMI`` is that of the AI VIETNAM AIO-2025 course. In both, ``gate``
is how much each channel of a token grows or shrinks: the excited tokens are x (1 + gate).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from humotion.models.vit.motion_options import Reach


class LMI(nn.Module):
    """Signed differences from each segment to the segments after and before it, near and far.

    Tokens are averaged over cells of 2 x 2 patches, normalised and reduced to z. A token before the patches is a cell
    of its own. At each place, segment t is compared with the next and the previous segment, and with the mean of all
    later and of all earlier segments within the reach. The four differences are mixed linearly, and the tokens of the
    cell get one gate per channel. A clip and its reversal differ, because differences are signed, and later and
    earlier ones have separate weights. No layer has a bias, so static content and a clip of one frame stay unchanged.
    No weight depends on the number of frames.

    Args:
        dim: token width C.
        grid: patches along a side.
        num_prefix: tokens before the patches.
        reach: segments on each side.
        bounded: the gate passes a tanh, so that it is in (-1, 1).
        identity_start: the last layer starts at zero, and so does the gate.
    """

    cell = 2
    reduction = 16  # as in TDN's long-term module
    least = 16  # minimum number of channels of z

    def __init__(
        self,
        dim: int,
        grid: int,
        num_prefix: int = 0,
        reach: Reach = "all",
        bounded: bool = True,
        identity_start: bool = True,
    ) -> None:
        super().__init__()
        reduced = max(dim // self.reduction, self.least)
        self.reach, self.bounded = reach, bounded
        spread = membership(grid, self.cell, num_prefix)  # (N, M)
        self.register_buffer("spread", spread, persistent=False)
        self.register_buffer("pool", (spread / spread.sum(0)).T.contiguous(), persistent=False)
        self.reduce = nn.Linear(dim, reduced, bias=False)  # a bias would cancel out of every difference
        self.mix = nn.Linear(reduced * num_differences(reach), reduced, bias=False)
        self.expand = nn.Linear(reduced, dim, bias=False)
        # Motion of about unit size, unlike with a ViT's 0.02, so that the zero layer after it gets a useful gradient.
        nn.init.xavier_uniform_(self.reduce.weight)
        nn.init.xavier_uniform_(self.mix.weight)
        if identity_start:
            nn.init.zeros_(self.expand.weight)

    def motion(self, tokens: Tensor, is_padding: Tensor) -> Tensor:
        """Differences (B, T, M, D*R) of the M cells of tokens (B, T, N, C), exactly 0 in a static clip."""
        cells = self.get_buffer("pool") @ tokens  # (B, T, M, C)
        reduced = self.reduce(F.layer_norm(cells, cells.shape[-1:]))  # (B, T, M, R)
        # Subtracting the same value from all segments changes no difference; the rest is 0 if nothing moves.
        change = reduced - reduced[:, :1]
        weights = difference_weights(is_padding, self.reach)  # (B, T, D, T)
        moved = weights.flatten(1, 2) @ change.flatten(2)  # (B, T*D, M*R)
        return moved.unflatten(1, weights.shape[1:3]).unflatten(3, change.shape[2:]).transpose(2, 3).flatten(3)

    def gate(self, tokens: Tensor, is_padding: Tensor) -> Tensor:
        """Gates (B, T, N, C) for tokens (B, T, N, C) and is_padding (B, T)."""
        gate = self.expand(F.gelu(self.mix(self.motion(tokens, is_padding))))
        return self.get_buffer("spread") @ (gate.tanh() if self.bounded else gate)

    def forward(self, tokens: Tensor, is_padding: Tensor) -> Tensor:
        """Excited tokens, (B, T, N, C) to the same."""
        return torch.addcmul(tokens, tokens, self.gate(tokens, is_padding))


class ReferenceLMI(nn.Module):
    """The course's LMI: absolute differences to other segments, averaged over tokens, gate the channels.

    Args:
        dim: token width C.
        reach: segments on each side; the course compares adjacent ones. Several are averaged.
        bounded: the gate passes a tanh before its factor; in the course, it has no bound.
        identity_start: the factor of the gate starts at 0 instead of 0.1.
    """

    reduction = 4

    def __init__(self, dim: int, reach: Reach = 1, bounded: bool = False, identity_start: bool = False) -> None:
        super().__init__()
        reduced = dim // self.reduction
        self.reach, self.bounded = reach, bounded
        self.reduce = nn.Linear(dim, reduced)
        self.mix = nn.Sequential(
            nn.LayerNorm(reduced), nn.Linear(reduced, reduced), nn.GELU(), nn.Linear(reduced, reduced)
        )
        self.expand = nn.Linear(reduced, dim)
        self.delta = nn.Parameter(torch.tensor(0.0 if identity_start else 0.1))

    def motion(self, tokens: Tensor, is_padding: Tensor) -> Tensor:
        """Sum (B, T, C/4) of both sides' differences of tokens (B, T, N, C), averaged over tokens and offsets."""
        reduced = self.reduce(tokens)
        reach = max(min(self.reach, len(is_padding[0]) - 1) if self.reach != "all" else len(is_padding[0]) - 1, 1)
        total = reduced.new_zeros(*reduced.shape[:2], reduced.shape[3])
        for offset in range(1, reach + 1):
            both_real = ~(is_padding[:, offset:] | is_padding[:, :-offset])
            difference = (reduced[:, offset:] - reduced[:, :-offset]).abs().mean(2)
            difference = difference.where(both_real[..., None], 0.0)
            total = total + F.pad(difference, (0, 0, 0, offset)) + F.pad(difference, (0, 0, offset, 0))
        return total / reach

    def gate(self, tokens: Tensor, is_padding: Tensor) -> Tensor:
        """Gates (B, T, 1, C) for tokens (B, T, N, C) and is_padding (B, T)."""
        gate = self.expand(self.mix(self.motion(tokens, is_padding)).sigmoid())
        return (self.delta.tanh() * (gate.tanh() if self.bounded else gate))[:, :, None]

    def forward(self, tokens: Tensor, is_padding: Tensor) -> Tensor:
        """Excited tokens, (B, T, N, C) to the same."""
        return torch.addcmul(tokens, tokens, self.gate(tokens, is_padding))


def membership(grid: int, cell: int, num_prefix: int) -> Tensor:
    """Matrix (N, M): 1 if a token belongs to a cell of cell x cell patches; a prefix token is a cell of its own."""
    side = torch.arange(grid) // cell
    across = -(-grid // cell)
    cells = (side[:, None] * across + side).flatten() + num_prefix
    cell_of = torch.cat([torch.arange(num_prefix), cells])
    return (cell_of[:, None] == torch.arange(num_prefix + across**2)).float()


def num_differences(reach: Reach) -> int:
    """D: differences to the next and the previous segment and, if the reach is longer, to both sides' means."""
    return 2 if reach == 1 else 4


def difference_weights(is_padding: Tensor, reach: Reach) -> Tensor:
    """Weights (B, T, D, T) over segments: the mean over the compared segments, and -1 for t itself.

    Segments are compared only with segments that are not padding; without any such segment, the weights are 0.
    """
    time = torch.arange(is_padding.shape[1], device=is_padding.device)
    offset = time - time[:, None]  # s - t
    farthest = len(time) if reach == "all" else reach
    spans = [(1, 1), (-1, -1), (1, farthest), (-farthest, -1)][: num_differences(reach)]
    chosen = torch.stack([(offset >= low) & (offset <= high) for low, high in spans], dim=1)  # (T, D, T)
    chosen = (chosen & ~is_padding[:, None, None]).float()  # (B, T, D, T)
    count = chosen.sum(-1, keepdim=True)
    own = (offset == 0)[:, None] * (count > 0)
    return chosen / count.clamp(min=1) - own.float()
