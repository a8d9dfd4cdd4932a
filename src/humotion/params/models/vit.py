"""The section ``model`` of an experiment with a ViT: one class per model; ``name`` decides which one it is."""

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
    mlp_ratio: float = Field(4.0, gt=0, description="hidden width of the MLPs, divided by dim")
    drop_path: float = Field(0.0, ge=0, lt=1)
    dropout: float = Field(0.0, ge=0, lt=1, description="in the attention and after each linear layer of the blocks")
    class_token: bool = Field(True, description="false: an image's embedding is the mean of its patch tokens")
    num_registers: int = Field(0, ge=0, description="register tokens, for checkpoints that have them (DINOv2 reg4)")
    prefix_positions: bool = Field(True, description="false: only patches have positions (timm's no_embed_class)")
    layer_scale: float | None = Field(None, description="initial value, for checkpoints that have it (DINOv2)")
    qkv_bias: bool = True
    fc_norm: bool = Field(False, description="the embedding is the mean of the patch tokens, normalised afterwards")
    weights: str | None = Field(
        None, description="a timm-format checkpoint to start from: a file, or hf-hub:org/name[@revision]"
    )
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)


class LSViTParams(ViTParams):
    """LS-ViT: the plain ViT with short-term (SMIF) and long-term (LMI) motion modules.

    ``setting`` is a preset. Each of the options after it replaces one part of the preset; null keeps that part.
    """

    name: Literal["ls_vit"]  # type: ignore[assignment]
    setting: Literal["reference", "default"] = "default"
    num_neighbours: int = Field(
        3, ge=1, description="raw frames around each sampled frame, if the model reads raw frames; odd"
    )
    smif: Literal["none", "reference", "default"] | None = None
    lmi: Literal["none", "reference", "default"] | None = None
    identity_start: bool | None = Field(None, description="before training, the model equals the plain ViT")
    raw_neighbours: bool | None = Field(None, description="false: SMIF takes differences of the sampled frames")
    bounded_gates: bool | None = Field(None, description="LMI's gate passes a tanh")
    lmi_reach: Literal["all"] | Annotated[int, Field(ge=1)] | None = Field(
        None, description="segments on each side that LMI compares with"
    )
    lmi_every: int | None = Field(None, ge=1, description="N: an LMI after the first of every N blocks")
    temporal_position: bool | None = Field(None, description="a learned embedding of a frame's position in the clip")
    motion_embed: bool | None = Field(None, description="the tokens also get the size of SMIF's differences")
    motion_frames: int | None = Field(
        None, ge=0, description="this number of frames goes through the ViT a second time, as differences of neighbours"
    )
