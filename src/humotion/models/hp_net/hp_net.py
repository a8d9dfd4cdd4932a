"""HP-Net: "Heatmap Pooling Network for Action Recognition from RGB Videos" (Liu et al., 2025, arXiv 2512.03837).

    features of a frozen network at the joints --> three streams (SMCLM) --> s (B, 12 w) --> refines (TRMM) --+
                                                        |                                                     |
                                                        +--> auxiliary classifiers, in training               |
    vectors of the class names ------------------------------------------------------------------------------ + --> t'
    the frozen network's view of each frame --> mean over time, linear --> F_u (B, D) -- cosine to each t' --> logits

The frozen network and where it is read (FPM) are a layer of the dataset: see ``inputs/joint_features.py``. Of HP-Net,
only abstract, figure and code were available. Its picture stream is a video network that is not part of this package;
here it is a linear layer over the frozen network. ``reference`` is the published arithmetic of everything else. It
leaves out two faults of the published code: its pooled stream sees the motion (see ``streams.py``), and its batch norm
stays in training mode in validation. ``default`` has a width for some hundred clips, and starts as the cosine to the
plain class names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from humotion.errors import HumotionError
from humotion.models.hp_net.class_names import DIM, vectors_of
from humotion.models.hp_net.streams import NAMES, Streams
from humotion.models.hp_net.trmm import TextHead

Setting = Literal["reference", "default"]
Text = Literal["names", "random", "learned", "none"]
AtJoints = Literal["features", "landmarks", "both"]


@dataclass(frozen=True)
class Options:
    """What a setting decides.

    Attributes:
        width: channels of the first units of each stream.
        frames: to which a clip is stretched.
        identity_start: what refines the class names starts at zero.
    """

    width: int
    frames: int
    identity_start: bool


PRESETS: dict[Setting, Options] = {
    "reference": Options(width=64, frames=64, identity_start=False),
    "default": Options(width=16, frames=32, identity_start=True),
}


class HPNet(nn.Module):
    """One label for a clip of a person, of whose joints a frozen network's features are known.

    Args:
        num_classes: number of classes, K.
        num_joints: V.
        dimensions: coordinates of a joint.
        channels: C, features of a joint and of a frame.
        edges: the bones as pairs of joint indices.
        parents: for each joint the next one inwards (V,); the root is its own parent.
        setting: "default", or "reference" for the published sizes and start.
        text: vectors of the classes: of their names, random, learned; or a linear classifier without text.
        at_joints: what the streams see of a joint; "landmarks" is a control that sees no picture there.
        width, frames, identity_start: see `Options`; None keeps the value of the setting.
        dim: D, length of the picture's embedding. If it is not that of the vectors, they get a linear layer, too. None:
            that of the vectors.
        joint_dim: values of a joint to which a linear layer maps its features before the streams. None: they see the
            features. The published map has 96 channels; those of a classifier of pictures are ten times as many, and
            then nearly all the time of a training is spent in the first units of the streams.
        text_dim: length of a class's vector, if it does not come from a name. CLIP's has 512 values.
        persons: persons of a clip, M; with several, features, landmarks and ``known`` have the axis M after B.
        dropout: before the classifiers.

    Attributes:
        options: the resolved options.

    Raises:
        HumotionError: ``parents`` does not name one joint for each, or names have another length than the table's.
    """

    reads: ClassVar[tuple[str, ...]] = ("features", "frame", "landmarks", "known")
    num_neighbours = 1

    def __init__(
        self,
        num_classes: int,
        num_joints: int,
        dimensions: int,
        channels: int,
        edges: Sequence[Sequence[int]],
        parents: Sequence[int],
        setting: Setting = "default",
        text: Text = "names",
        at_joints: AtJoints = "features",
        width: int | None = None,
        frames: int | None = None,
        identity_start: bool | None = None,
        dim: int | None = None,
        joint_dim: int | None = None,
        text_dim: int = DIM,
        persons: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        given = {"width": width, "frames": frames, "identity_start": identity_start}
        options = replace(PRESETS[setting], **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        self.options, self.text, self.at_joints, self.persons = options, text, at_joints, persons
        self.num_joints, self.dimensions, self.channels = num_joints, dimensions, channels
        self.table: Path | None = None
        dim = text_dim if dim is None else dim
        self.narrow: nn.Module | None = None
        if joint_dim is not None and at_joints != "landmarks":
            self.narrow = nn.Linear(channels, joint_dim, bias=False)  # a difference of joints stays one of their values
        of_features = channels if self.narrow is None else joint_dim
        assert of_features is not None
        values = {"features": of_features, "landmarks": dimensions, "both": of_features + dimensions}[at_joints]
        self.streams = Streams(num_joints, values, edges, parents, options.width, options.frames, persons)
        self.picture = nn.Linear(channels, dim)
        self.dropout = nn.Dropout(dropout)
        person_dim = len(NAMES) * self.streams.num_features
        self.head: nn.Module
        if text == "none":
            self.head = nn.Linear(dim + person_dim, num_classes)
        else:
            texts = initial_texts(text, num_classes, text_dim)
            self.head = TextHead(texts, text == "learned", dim, person_dim, options.identity_start)
        self.auxiliary = nn.ModuleDict({name: nn.Linear(self.streams.num_features, num_classes) for name in NAMES})

    def load_pretrained(self, weights: Path | str) -> None:
        """Look for the vectors of class names in this table first; see `name_classes`."""
        self.table = Path(weights)

    def name_classes(self, classes: Sequence[str]) -> None:
        """Read the vectors of the names of the classes, if the text is that of the names.

        This is done once, before training. Afterwards they are part of the model's weights.

        Raises:
            HumotionError: a class has no vector.
        """
        if self.text == "names":
            assert isinstance(self.head, TextHead)
            self.head.text_embed.copy_(torch.from_numpy(vectors_of(classes, self.table)))

    def at(self, features: Tensor, landmarks: Tensor, known: Tensor) -> Tensor:
        """Return what the streams see of each joint, (..., V, values)."""
        if self.narrow is not None:  # NaN of an unknown joint would be in the gradient of the layer's weights
            features = self.narrow(features.where(known[..., None], 0.0))
        shown = {"features": [features], "landmarks": [landmarks], "both": [features, landmarks]}[self.at_joints]
        return torch.cat(shown, dim=-1)

    def embed(self, features: Tensor, frame: Tensor, landmarks: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Embedding (B, D + 12 * width) of clips: of the picture, then of the person by each stream.

        Args:
            features: (B, T, V, C) of the joints, without effect where ``known`` is false.
            frame: (B, T, C) of the frames.
            landmarks: (B, T, V, dimensions), coordinates of the joints.
            known: (B, T, V) bool.
            is_padding: (B, T) bool, frames that only repeat others.
        """
        real = (~is_padding).to(frame.dtype)[..., None]  # (B, T, 1)
        mean = (frame * real).sum(1) / real.sum(1).clamp(min=1)
        person = self.streams(self.at(features, landmarks, known), known, is_padding)
        return self.dropout(torch.cat([self.picture(mean), *person], dim=1))

    def training_logits(self, *shown: Tensor) -> list[Tensor]:
        """Logits (B, num_classes) that each have a loss: those of the model, then those of each stream alone."""
        embedding = self.embed(*shown)
        streams = embedding[:, self.picture.out_features :].split(self.streams.num_features, dim=1)
        alone = [self.auxiliary[name](stream) for name, stream in zip(NAMES, streams, strict=True)]
        return [self.head(embedding), *alone]

    def forward(self, features: Tensor, frame: Tensor, landmarks: Tensor, known: Tensor, is_padding: Tensor) -> Tensor:
        """Logits (B, num_classes); see `embed`."""
        return self.head(self.embed(features, frame, landmarks, known, is_padding))


def initial_texts(text: Text, num_classes: int, dim: int) -> Tensor:
    """Vectors (num_classes, dim) of length 1 in random directions; NaN for those that names will replace.

    Raises:
        HumotionError: vectors of names have another length.
    """
    if text == "names":
        if dim != DIM:
            raise HumotionError(f"hp_net: vectors of class names have {DIM} values, not {dim}.")
        return torch.full((num_classes, dim), torch.nan)  # a model whose classes nobody named shall not answer
    return nn.functional.normalize(torch.randn(num_classes, dim), dim=1)
