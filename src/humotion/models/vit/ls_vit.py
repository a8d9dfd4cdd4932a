"""LS-ViT (Chen et al., Frontiers in Neurorobotics 18, 2024): a ViT with short-term and long-term motion.

SMIF adds short-term motion to the pixels of each frame. LMI adds long-term motion to the tokens after some blocks.
Optionally, the ViT also sees images of the motion alone for some frames. Only the paper's abstract was available, and
no code by its authors was found, so there are two settings. ``reference`` is the public re-implementation of the AI
VIETNAM AIO-2025 course. ``default`` follows the abstract and the parent model TDN (Wang et al., CVPR 2021) where
the course differs from them: differences of raw neighbouring frames, bounded gates, motion across all segments,
signed differences so that time has a direction, and a first step that equals the plain ViT. ``motion_options.py``
has each of these as an option.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from humotion.errors import HumotionError
from humotion.models.vit.lmi import LMI, ReferenceLMI
from humotion.models.vit.motion_frames import evenly_spaced, motion_images
from humotion.models.vit.motion_options import MotionOptions, Reach, Setting, Variant, resolve
from humotion.models.vit.smif import SMIF, MotionEmbed, ReferenceSMIF
from humotion.models.vit.vit import FrameAveragedViT


class LSViT(FrameAveragedViT):
    """LS-ViT: SMIF before the patches, LMI after blocks, frame embeddings averaged over real frames.

    Args:
        num_classes: number of classes.
        setting: "default", or "reference" for the course's version (trained with dropout = drop_path = 0.1).
        num_frames: number T of sampled frames with a temporal position; clips may be shorter.
        num_neighbours: K, odd and at least 3: raw frames around each sampled one, if the model reads any.
        smif, lmi, identity_start, raw_neighbours, bounded_gates, lmi_reach, lmi_every, temporal_position,
            motion_embed, motion_frames: options (``MotionOptions``); None keeps the value of the setting.
        head_dropout: dropout before the classifier.
        backbone: the sizes of ``ViT``, by name.

    Attributes:
        options: the resolved options.
        num_neighbours: raw frames that the model reads around each sampled one; 1 if it reads only that one.

    Raises:
        HumotionError: options that contradict each other, or too few neighbours.
    """

    def __init__(
        self,
        num_classes: int = 51,
        setting: Setting = "default",
        num_frames: int = 16,
        num_neighbours: int = 3,
        smif: Variant | None = None,
        lmi: Variant | None = None,
        identity_start: bool | None = None,
        raw_neighbours: bool | None = None,
        bounded_gates: bool | None = None,
        lmi_reach: Reach | None = None,
        lmi_every: int | None = None,
        temporal_position: bool | None = None,
        motion_embed: bool | None = None,
        motion_frames: int | None = None,
        head_dropout: float = 0.0,
        **backbone: Any,
    ) -> None:
        super().__init__(num_classes, head_dropout, **backbone)
        self.options = resolve(
            setting,
            smif=smif,
            lmi=lmi,
            identity_start=identity_start,
            raw_neighbours=raw_neighbours,
            bounded_gates=bounded_gates,
            lmi_reach=lmi_reach,
            lmi_every=lmi_every,
            temporal_position=temporal_position,
            motion_embed=motion_embed,
            motion_frames=motion_frames,
        )
        self.num_frames = num_frames
        self.num_neighbours = 1
        if self.options.raw_neighbours or self.options.motion_frames:
            must_have_neighbours(num_neighbours)
            self.num_neighbours = num_neighbours
        self.add_short_term(self.options)
        self.add_long_term(self.options)
        if self.options.motion_frames:
            self.widen_head(self.options.identity_start)

    def add_short_term(self, options: MotionOptions) -> None:
        """Create SMIF and the embedding of its differences."""
        mean, std = self.backbone.get_buffer("mean"), self.backbone.get_buffer("std")
        raw, start = options.raw_neighbours, options.identity_start
        self.smif: SMIF | ReferenceSMIF | None = None
        if options.smif == "default":
            self.smif = SMIF(self.num_neighbours, std, raw, start)
        elif options.smif == "reference":
            self.smif = ReferenceSMIF(mean, std, raw, start)
        self.motion_embed = MotionEmbed(self.grid, self.backbone.dim, std, start) if options.motion_embed else None

    def add_long_term(self, options: MotionOptions) -> None:
        """Create the LMIs, the list of the blocks before them, and the positions in time."""
        dim, blocks = self.backbone.dim, range(len(self.backbone.blocks))
        reach, bounded, start = options.lmi_reach, options.bounded_gates, options.identity_start
        # After the first of every lmi_every blocks, so that another block usually follows that can use the motion.
        self.lmi_blocks = () if options.lmi == "none" else tuple(blocks[:: options.lmi_every])
        self.lmi = nn.ModuleList(
            ReferenceLMI(dim, reach, bounded, start)
            if options.lmi == "reference"
            else LMI(dim, self.grid, self.backbone.num_prefix, reach, bounded, start)
            for _ in self.lmi_blocks
        )
        self.temporal_embed: nn.Parameter | None = None
        if options.temporal_position:
            self.temporal_embed = nn.Parameter(torch.zeros(self.num_frames, 1, dim))
            if not start:
                nn.init.trunc_normal_(self.temporal_embed, std=0.02)

    def widen_head(self, identity_start: bool) -> None:
        """Let the classifier also read the embedding of the motion frames; with identity_start its weights are 0."""
        plain, dim = self.head, self.backbone.dim
        self.head = nn.Linear(2 * dim, plain.out_features)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        with torch.no_grad():
            if identity_start:
                self.head.weight.zero_()
            self.head.weight[:, :dim].copy_(plain.weight)
            self.head.bias.copy_(plain.bias)

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return self.backbone.image_size // self.backbone.patch_embed.patch_size

    def embed(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding of each clip before the classifier: (B, C), or (B, 2C) if motion frames are appended."""
        embedding = super().embed(frames, is_padding)
        if not self.options.motion_frames:
            return embedding
        chosen = evenly_spaced(is_padding, self.options.motion_frames)  # (B, M)
        clips = torch.arange(len(chosen), device=chosen.device)[:, None]
        return torch.cat([embedding, self.backbone(motion_images(frames[clips, chosen])).mean(1)], dim=1)

    def embed_frames(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding of each frame: (B, T, K, 3, H, W) to (B, T, C); padding does not affect other frames."""
        tokens = self.embed_patches(frames, is_padding)  # (B, T, N, C)
        if self.temporal_embed is not None:
            self.must_have_positions(is_padding.shape[1])
            tokens = tokens + self.temporal_embed[: is_padding.shape[1]]
        excite = dict(zip(self.lmi_blocks, self.lmi, strict=True))
        for number, block in enumerate(self.backbone.blocks):
            if number in excite:
                tokens = self.backbone.apply_block(followed(block, excite[number]), tokens, is_padding)
            else:
                tokens = self.backbone.apply_block(block, tokens)
        return self.backbone.pool(tokens)

    def embed_patches(self, frames: Tensor, is_padding: Tensor) -> Tensor:
        """Tokens (B, T, N, C) with short-term motion, for frames (B, T, K, 3, H, W)."""
        images = frames[:, :, frames.shape[2] // 2]
        if self.smif is None:
            return self.backbone.embed_patches(images)
        motion = self.smif.motion(frames, is_padding)
        tokens = self.backbone.embed_patches(self.smif(images, motion))
        if self.motion_embed is None:
            return tokens
        prefix, patches = tokens.tensor_split([self.backbone.num_prefix], dim=2)
        return torch.cat([prefix, patches + self.motion_embed(motion)], dim=2)

    def must_have_positions(self, num_frames: int) -> None:
        """Raise a HumotionError if the clip has more frames than the model has positions in time."""
        if num_frames > self.num_frames:
            raise HumotionError(
                f"ls_vit: the clip has {num_frames} frames, but the model has positions for {self.num_frames}. "
                "Set the model's num_frames to the clips' length."
            )


def followed(block: nn.Module, lmi: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a function that applies a block and then its LMI."""
    return lambda tokens, is_padding: lmi(block(tokens), is_padding)


def must_have_neighbours(num_neighbours: int) -> None:
    """Raise a HumotionError unless the number is odd and at least 3."""
    if num_neighbours < 3 or num_neighbours % 2 == 0:
        raise HumotionError(
            f"ls_vit: num_neighbours is {num_neighbours}. Differences of raw neighbours need an odd number of at "
            "least 3. Set such a number, or set raw_neighbours: false."
        )
