"""The sections ``experiments.<name>.model`` of params.yaml: one a model, told apart by ``name``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from humotion.params.experiment import ModelParams


class ViTParams(ModelParams):
    """A plain image ViT whose class tokens are averaged over the frames; defaults are ViT-B/16."""

    family: Literal["vit"]
    name: Literal["vit"]
    patch_size: int = 16
    dim: int = 768
    depth: int = 12
    heads: int = 12
    mlp_ratio: float = Field(4.0, gt=0, description="hidden width of the MLPs over dim")
    drop_path: float = Field(0.0, ge=0, lt=1)
    dropout: float = Field(0.0, ge=0, lt=1, description="in the attention and behind each linear layer of the blocks")
    class_token: bool = Field(True, description="false: an image's embedding is the mean of its patch tokens")
    num_registers: int = Field(0, ge=0, description="register tokens, for checkpoints that have them (DINOv2 reg4)")
    prefix_positions: bool = Field(True, description="false: only patches have positions (timm's no_embed_class)")
    layer_scale: float | None = Field(None, description="initial value, for checkpoints that have it (DINOv2)")
    qkv_bias: bool = True
    fc_norm: bool = Field(False, description="the embedding is the mean of patch tokens, normed afterwards")
    weights: str | None = Field(
        None, description="a timm-format checkpoint to start from: a file, or hf-hub:org/name[@revision]"
    )
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)


class LSViTParams(ViTParams):
    """LS-ViT: the plain ViT with short-term (SMIF) and long-term (LMI) motion modules.

    ``setting`` is a preset; each of the options that follow it replaces one of its parts, null leaves it.
    """

    name: Literal["ls_vit"]  # type: ignore[assignment]
    setting: Literal["reference", "default"] = "default"
    num_neighbours: int = Field(3, ge=1, description="raw frames around each sampled one, if any are read; odd")
    smif: Literal["none", "reference", "default"] | None = None
    lmi: Literal["none", "reference", "default"] | None = None
    identity_start: bool | None = Field(None, description="step 0 equals the plain ViT")
    raw_neighbours: bool | None = Field(None, description="false: SMIF differences the sampled frames")
    bounded_gates: bool | None = Field(None, description="LMI's gate passes a tanh")
    lmi_reach: Literal["all"] | Annotated[int, Field(ge=1)] | None = Field(
        None, description="segments on either side that LMI compares with"
    )
    lmi_every: int | None = Field(None, ge=1, description="an LMI behind the first of every so many blocks")
    temporal_position: bool | None = Field(None, description="a learned embedding of a frame's place in the clip")
    motion_embed: bool | None = Field(None, description="the size of SMIF's differences goes to the tokens as well")
    motion_frames: int | None = Field(
        None, ge=0, description="so many frames go through the ViT once more, as differences of their neighbours"
    )
