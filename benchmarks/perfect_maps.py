"""What a perfect network of each family would say of labelled people, and the people that its decoder reads from it.

    labels --encoder of the family--> maps --(a benchmark spoils them)--> decoder of the family --> people

The bottom-up families have maps of a whole picture; the hourglass has maps of a crop around each labelled box.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.labelled_crowds import Crowd
from humotion.clips.crop import clip_windows, crop_geometry, to_crop, to_stored
from humotion.models.associative_embedding.ideal_maps import ideal_maps
from humotion.models.common.build import build_model
from humotion.models.common.people_maps import Found
from humotion.models.hourglass.decoding import decode
from humotion.models.hourglass.targets import targets
from humotion.models.open_pose.targets import limb_fields, with_neck
from humotion.params.tasks.multi_person_pose import decoding_of
from humotion.tasks.multi_person_pose.training.outcomes import as_people, people_around
from humotion.tasks.multi_person_pose.training.people import People

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Arrays = Mapping[str, Floats]

PERSON_SCALE, CROP = 1.25, 96  # of the hourglass in the recipe crowd_methods
SMALL = 8  # channels of networks that are never run


class Sizes(NamedTuple):
    """Pixels of what the model is shown: side of a square picture, sigma of Gaussians, radius of PersonLab's discs."""

    side: int
    sigma: float
    radius: float


class Reader(Protocol):
    """A family as this module uses it."""

    def maps(self, crowd: Crowd, known: Bools) -> Arrays:
        """Return what a perfect network says of a picture in which only ``known`` (P, J) joints are seen."""
        ...

    def people(self, maps: Arrays, crowd: Crowd) -> People:
        """Return what the decoder reads from maps, in pixels of the image."""
        ...


class _Bottom:
    """A family whose maps are of the whole picture."""

    def __init__(self, name: str, sizes: Sizes, model: Mapping[str, Any], decoding: Mapping[str, Any]) -> None:
        self._model: Any = build_model(name, name, width=SMALL, **model)
        self._decoding, self._sizes = decoding_of(name, dict(decoding)), sizes

    def people(self, maps: Arrays, crowd: Crowd) -> People:
        found: Found = self._model.decode(maps, self._decoding)
        return as_people(found._replace(joints=crowd.in_image(found.joints)))

    def _cells(self) -> int:
        return int(self._sizes.side // self._model.stride)


class OpenPoseReader(_Bottom):
    """Heatmaps, and fields of limbs."""

    def __init__(self, sizes: Sizes, decoding: Mapping[str, Any]) -> None:
        super().__init__("open_pose", sizes, {"sigma": sizes.sigma}, decoding)

    def maps(self, crowd: Crowd, known: Bools) -> Arrays:
        """See `Reader`."""
        targets = self._model.targets(crowd.labels(known), self._cells(), self._cells())
        return {name: one[0].numpy() for name, one in self._model.fields(targets).items()}

    @property
    def num_limbs(self) -> int:
        """Of a person."""
        return len(self._model.body.limbs)

    def maps_with_limbs(self, crowd: Crowd, seen: Bools) -> Arrays:
        """Return the maps of a picture in which only ``seen`` (P, L) limbs have a field."""
        model, cells = self._model, self._cells()
        heat = self.maps(crowd, crowd.known)["heat"]
        fields = []
        for limb, pair in enumerate(model.body.limbs):
            labels = with_neck(crowd.labels(crowd.known & seen[:, limb, None]), model.body)
            one = model.body._replace(limbs=(pair,))
            width, overlap = model.limb_width, model.paf_overlap
            fields.append(limb_fields(labels, one, cells, cells, model.stride, width, overlap)[0].numpy())
        return {"heat": heat, "limbs": np.concatenate(list(np.stack(fields, axis=1)))}


class TagReader(_Bottom):
    """Heatmaps, and tags that are 2 apart."""

    def __init__(self, sizes: Sizes, decoding: Mapping[str, Any]) -> None:
        super().__init__("associative_embedding", sizes, {"sigma": sizes.sigma}, decoding)

    def maps(self, crowd: Crowd, known: Bools) -> Arrays:
        """See `Reader`."""
        cells = self._cells()
        found = ideal_maps(crowd.labels(known), cells, cells, self._model.stride, self._sizes.sigma)
        return {name: one[0].numpy() for name, one in found.items()}


class OffsetReader(_Bottom):
    """PersonLab's discs, offsets and mask, in the form in which its decoder reads them."""

    def __init__(self, sizes: Sizes, decoding: Mapping[str, Any]) -> None:
        super().__init__("person_lab", sizes, {"radius": sizes.radius}, decoding)

    def maps(self, crowd: Crowd, known: Bools) -> Arrays:
        """See `Reader`."""
        found = self._model.targets(crowd.labels(known), self._cells(), self._cells())
        offsets = {name: found[name][0].flatten(0, 1).numpy() for name in ("short", "forward", "backward", "long")}
        return {"heat": found["heat"][0].numpy(), "mask": found["mask"][0].numpy(), **offsets}


class CropReader:
    """The hourglass in the labelled box of each person: ``heat`` is (P, J, h, w)."""

    def __init__(self, sizes: Sizes, decoding: Mapping[str, Any]) -> None:
        self._model: Any = build_model("hourglass", "hourglass", num_joints=17, flip=tuple(range(17)), width=SMALL)
        self._decoding, self._sigma = decoding_of("hourglass", dict(decoding)), sizes.sigma

    def maps(self, crowd: Crowd, known: Bools) -> Arrays:
        """See `Reader`."""
        joints = torch.from_numpy(to_crop(crowd.in_image(crowd.joints), self._crops(crowd)))
        shown = torch.from_numpy(known.astype(np.uint8))
        made = targets(joints, shown, CROP // self._model.stride, self._model.stride, self._sigma, "zero")
        return {"heat": made.maps.numpy()}

    def people(self, maps: Arrays, crowd: Crowd) -> People:
        """See `Reader`."""
        if not len(crowd.boxes):
            return People.nobody(crowd.joints.shape[1])
        found = decode(torch.from_numpy(maps["heat"]), self._decoding, self._model.stride, self._sigma)
        joints, joint_scores, scores = (np.concatenate(parts) for parts in list(zip(*found, strict=True))[:3])
        return people_around(to_stored(joints, self._crops(crowd)), joint_scores, scores)

    def _crops(self, crowd: Crowd) -> Floats:
        """The mapping (P, 3) of each person's crop."""
        windows = [clip_windows(box[None], CROP, PERSON_SCALE)[0] for box in crowd.boxes]
        return crop_geometry(np.array(windows, np.int64).reshape(-1, 3), CROP)


class TruthReader:
    """No network: the labels themselves, without the joints that are not seen. No decoder can do better by reading."""

    def __init__(self, sizes: Sizes, decoding: Mapping[str, Any]) -> None:
        self._known: dict[int, Bools] = {}

    def maps(self, crowd: Crowd, known: Bools) -> Arrays:
        """See `Reader`."""
        return {"known": known.astype(np.float32)}

    def people(self, maps: Arrays, crowd: Crowd) -> People:
        """See `Reader`."""
        known = maps["known"] > 0
        some = known.any(axis=1)
        joints = np.where(known[..., None], crowd.in_image(crowd.joints), np.nan)[some]
        return people_around(joints, known[some].astype(np.float32), np.ones(int(some.sum())))
