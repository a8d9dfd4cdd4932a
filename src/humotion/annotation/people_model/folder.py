"""The model folder that a layer names: is it of such a model, what does it say, and the network that is in it.

`humotion.training.model_folder` writes these folders. A tool reads frames and knows of no training, so the few things
that it needs of ``model.json`` are read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast, get_args

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from humotion import choices
from humotion.annotation.shared.everybody import People
from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.params.annotation.people_model import PeopleModelLayerParams
from humotion.params.complaint import complaint_about
from humotion.params.models.associative_embedding import AssociativeEmbeddingParams
from humotion.params.models.open_pose import OpenPoseMobileNetParams, OpenPoseParams
from humotion.params.models.person_lab import PersonLabParams
from humotion.params.models.stacked import PeopleModelParams
from humotion.params.section import Section
from humotion.store.skeleton import Skeleton

DESCRIPTION, WEIGHTS = "model.json", "model.safetensors"
INPUT = "whole_pictures"
MODELS: Mapping[str, type[PeopleModelParams]] = {
    get_args(kind.model_fields["name"].annotation)[0]: kind
    for kind in (OpenPoseParams, OpenPoseMobileNetParams, AssociativeEmbeddingParams, PersonLabParams)
}
"""The models that see whole pictures, by name: the sections of their settings, which know their decoders."""


class FindsPeople(Protocol):
    """An opened network."""

    def find(self, batch: dict[str, Any], decoding: Section) -> list[People]:
        """See `humotion.models.common.people_maps.BottomUp.find`."""
        ...


class Described(NamedTuple):
    """What ``model.json`` says.

    Attributes:
        architecture: family, name and arguments of the model.
        skeleton: the joints that it finds.
        side: of the square pictures of its training.
    """

    architecture: dict[str, Any]
    skeleton: Skeleton
    side: int


def files_of(settings: PeopleModelLayerParams) -> dict[str, Path]:
    """The two files of the folder that the layer names.

    Raises:
        HumotionError: none is named, or it is no model folder.
    """
    if settings.weights is None:
        raise HumotionError(
            "people_model needs `weights` of the layer: the folder of a model that was trained here, such as "
            "models/crowd_person_lab, or that `humotion convert` wrote."
        )
    files = {name: settings.weights / name for name in (DESCRIPTION, WEIGHTS)}
    if missing := [name for name, path in files.items() if not path.is_file()]:
        raise HumotionError(
            f"{settings.weights} is not a model folder: it has no {' and no '.join(missing)}. Train the model with "
            "`dvc repro`, or convert one (`humotion convert openpose-mobilenet`), or set `weights` to another folder."
        )
    return files


def described(settings: PeopleModelLayerParams) -> Described:
    """What the folder says of its model.

    Raises:
        HumotionError: it is no model folder, or of a model that is no good for this layer.
    """
    path = files_of(settings)[DESCRIPTION]
    try:
        content = read_json(path)
        architecture, shown = dict(content["architecture"]), content["preprocessing"]
        family, input_ = architecture["family"], shown["input"]
        if input_ == INPUT and family == settings.backbone and architecture["name"] in MODELS:
            return Described(architecture, Skeleton.from_dict(content["meta"]["skeleton"]), int(shown["size"]))
    except (ValueError, TypeError, LookupError) as error:
        raise HumotionError(
            f"{path} does not describe a model of people: {error!r}. Train or convert it again."
        ) from error
    if input_ == INPUT and family != settings.backbone:
        raise HumotionError(
            f"{settings.weights} has a model of the family {family}, but the layer says backbone: {settings.backbone}. "
            f"Set backbone: {family}."
        )
    raise HumotionError(
        f"{settings.weights} has a {architecture['name']} with input: {input_}, but people_model needs a model that "
        f"finds everybody in a picture: {', '.join(MODELS)}."
    )


def thresholds(settings: PeopleModelLayerParams, model: Described) -> Section:
    """The thresholds by which people are read from the model's maps.

    Raises:
        HumotionError: the decoder has no such threshold, or it cannot have this value.
    """
    try:
        return MODELS[model.architecture["name"]].decodes.model_validate(settings.decoding)
    except ValidationError as error:
        wrong = "; ".join(complaint_about(settings.decoding, issue) for issue in error.errors())
        raise HumotionError(f"`decoding` of the layer does not fit {model.architecture['name']}: {wrong}") from None


def open_network(settings: PeopleModelLayerParams, model: Described) -> FindsPeople:
    """The network with its weights, in evaluation mode.

    Raises:
        HumotionError: the weights cannot be read, or do not fit the network of the current code.
    """
    import torch  # slow, and a tool is also loaded to learn of its weights only
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = files_of(settings)[WEIGHTS]
    arguments = {name: value for name, value in model.architecture.items() if name not in ("family", "name")}
    module = choices.load("models", settings.backbone, model.architecture["name"])
    network: Any = choices.only_class(module, torch.nn.Module)(**arguments)
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise HumotionError(f"{path} does not fit the model: {reason}. Train or convert it again.") from None
    network = network.to(memory_format=torch.channels_last).requires_grad_(False)
    return cast(FindsPeople, network.eval())


def batch_of(pictures: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Pictures (N, S, S, 3) as a batch that a model reads: ``frames`` (N, 1, 1, 3, S, S)."""
    import torch

    return {"frames": torch.from_numpy(pictures).permute(0, 3, 1, 2)[:, None, None]}
