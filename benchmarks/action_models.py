"""The models of `action_throughput`: LS-ViT, the plain ViT, and `transformers`' video models of the same sizes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from humotion.models.common.build import build_model

NUM_CLASSES = 51
PLAIN, DEFAULT, REFERENCE = "vit", "ls_vit default", "ls_vit reference"
MOTION_FRAMES = "ls_vit default, motion frames half as many as frames"
TIMESFORMER, VIDEOMAE = "TimeSformer", "VideoMAE"


@dataclass(frozen=True)
class Sizes:
    """The sizes that all models share."""

    dim: int
    depth: int
    heads: int
    patch_size: int
    image_size: int
    num_frames: int
    batch: int


class Ours(nn.Module):
    """A model of this project, from the pixels to the logits, as training runs it."""

    def __init__(self, name: str, sizes: Sizes, **options: Any) -> None:
        super().__init__()
        image = {"image_size": sizes.image_size, "patch_size": sizes.patch_size}
        width = {"dim": sizes.dim, "depth": sizes.depth, "heads": sizes.heads}
        self.model: Any = build_model("vit", name, num_classes=NUM_CLASSES, **image, **width, **options)
        self.num_neighbours = self.model.num_neighbours

    def checkpoint(self) -> None:
        """Keep only the tokens between blocks for the backward pass."""
        self.model.backbone.checkpointing = True

    def forward(self, frames: Tensor) -> Tensor:
        """Logits (B, classes) of uint8 frames (B, T, K, 3, H, W)."""
        is_padding = torch.zeros(frames.shape[:2], dtype=torch.bool, device=frames.device)
        return self.model(self.model.normalise(frames), is_padding)


class Theirs(nn.Module):
    """A video model of `transformers`, from the same pixels."""

    num_neighbours = 1

    def __init__(self, name: str, sizes: Sizes) -> None:
        super().__init__()
        import transformers

        width = {
            "image_size": sizes.image_size,
            "patch_size": sizes.patch_size,
            "num_frames": sizes.num_frames,
            "hidden_size": sizes.dim,
            "num_hidden_layers": sizes.depth,
            "num_attention_heads": sizes.heads,
            "intermediate_size": 4 * sizes.dim,
            "num_labels": NUM_CLASSES,
        }
        kind = {TIMESFORMER: "Timesformer", VIDEOMAE: "VideoMAE"}[name]
        config = getattr(transformers, f"{kind}Config")(**width)
        self.model: Any = getattr(transformers, f"{kind}ForVideoClassification")(config)

    def checkpoint(self) -> None:
        """Checkpoint activations as `transformers` does it."""
        self.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})

    def forward(self, frames: Tensor) -> Tensor:
        """Logits (B, classes) of uint8 frames (B, T, 1, 3, H, W)."""
        return self.model(pixel_values=(frames[:, :, 0].float() / 255 - 0.5) / 0.5).logits


BUILD: dict[str, Callable[[Sizes], Ours | Theirs]] = {
    PLAIN: lambda sizes: Ours("vit", sizes),
    DEFAULT: lambda sizes: Ours("ls_vit", sizes, num_frames=sizes.num_frames),
    MOTION_FRAMES: lambda sizes: Ours(
        "ls_vit", sizes, num_frames=sizes.num_frames, motion_frames=sizes.num_frames // 2
    ),
    REFERENCE: lambda sizes: Ours("ls_vit", sizes, num_frames=sizes.num_frames, setting="reference"),
    TIMESFORMER: lambda sizes: Theirs(TIMESFORMER, sizes),
    VIDEOMAE: lambda sizes: Theirs(VIDEOMAE, sizes),
}


class Steps:
    """A model with its clips and optimiser: ``train`` and ``infer`` each process one batch that is in memory."""

    def __init__(self, name: str, sizes: Sizes, device: str, dtype: torch.dtype, checkpointing: bool = False) -> None:
        torch.manual_seed(0)
        self.device, self.dtype = device, dtype
        self.model = BUILD[name](sizes).to(device)
        if checkpointing:
            self.model.checkpoint()
        shape = (sizes.batch, sizes.num_frames, self.model.num_neighbours, 3, sizes.image_size, sizes.image_size)
        self.frames = torch.randint(256, shape, dtype=torch.uint8, device=device)
        self.labels = torch.randint(NUM_CLASSES, (sizes.batch,), device=device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-5)  # as in training

    def train(self) -> None:
        """A training step: forward, backward, clipped gradients, AdamW."""
        self.model.train()
        self.optimizer.zero_grad()
        with self.autocast():
            loss = F.cross_entropy(self.model(self.frames), self.labels)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.wait()

    def infer(self) -> None:
        """A forward pass without gradients."""
        self.model.eval()
        with torch.inference_mode(), self.autocast():
            self.model(self.frames)
        self.wait()

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision, unless the type is float32."""
        return torch.autocast(self.device, self.dtype, enabled=self.dtype != torch.float32)

    def wait(self) -> None:
        """Wait until the device has finished."""
        if self.device == "cuda":
            torch.cuda.synchronize()


def operations(name: str, sizes: Sizes) -> tuple[float, float]:
    """FLOPs per clip, of products and convolutions: for a forward pass, and for a forward and a backward pass."""
    counts = []
    for with_backward in (False, True):
        one = Sizes(**{**vars(sizes), "batch": 1})
        with torch.device("meta"):
            model = BUILD[name](one).train(with_backward)
            shape = (1, one.num_frames, model.num_neighbours, 3, one.image_size, one.image_size)
            frames = torch.zeros(shape, dtype=torch.uint8)
            # With this backend, attention is counted as its two matrix products.
            with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
                logits = model(frames)
                if with_backward:
                    logits.sum().backward()
        counts.append(float(counter.get_total_flops()))
    return counts[0], counts[1]
