"""MPII Human Pose (Andriluka et al., CVPR 2014): images from videos, 16 joints per person, 1-based pixels.

``images/*.jpg``, and lists of people as the common training codes ship them: ``annot/{train,valid}.json`` or
``annotations/mpii_{train,val}.json``. Each entry has ``image``, ``joints`` (16 x 2), ``joints_vis``, ``center`` and
``scale``. The labels of the official test images are not public, so scores are those of the validation list. An image
is a video of one frame; the people are in the order of the list.

Many images are of one video. ``mpii_human_pose_v1_u12_1.mat``, the official file, says which: the group. Without it,
each image is its own group.

The layer ``labels`` has what scores need, as in the lists (P people, T = 1; float64)::

    found      (P, 1)        all True           center     (P, 1, 2)  x, y of the person
    keypoints  (P, 1, 16, 3) x, y, labelled     scale      (P, 1)     the person's height / 200 pixels
    head_size  (P, 1)        0.6 of the diagonal of the head's box, which is 25 times the scale
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.datasets.shared.base import LabelError, Layout, PoseLabels, read_mat, require_videos, video_table
from humotion.datasets.shared.one_image import image_frames, probe_image
from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.store.skeleton import skeleton_of
from humotion.video.decoded import Decoded
from humotion.video.probe import Probe

Arrays = dict[str, npt.NDArray[Any]]

OFFICIAL = "mpii_human_pose_v1_u12_1.mat"
HEAD_SIZE = 25  # times the scale
_LIST = re.compile(r"(?:annot/|annotations/mpii_)(?P<part>train|valid|val|trainval)\.json")

SKELETON = skeleton_of(
    "mpii",
    (
        *("r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle", "pelvis", "thorax", "upper_neck", "head_top"),
        *("r_wrist", "r_elbow", "r_shoulder", "l_shoulder", "l_elbow", "l_wrist"),
    ),
    (
        *(("r_ankle", "r_knee"), ("r_knee", "r_hip"), ("l_hip", "l_knee"), ("l_knee", "l_ankle")),
        *(("r_hip", "pelvis"), ("l_hip", "pelvis"), ("pelvis", "thorax"), ("thorax", "upper_neck")),
        *(("upper_neck", "head_top"), ("r_wrist", "r_elbow"), ("r_elbow", "r_shoulder"), ("r_shoulder", "thorax")),
        *(("l_shoulder", "thorax"), ("l_shoulder", "l_elbow"), ("l_elbow", "l_wrist")),
    ),
    scored="labelled",
)
"""MPII's 16 joints, in the order of its files."""


class Image(NamedTuple):
    """An image of a list. If ``error`` is set, its labels cannot be used."""

    named_in: str
    split: str
    arrays: Arrays
    error: str | None = None

    def usable(self) -> Arrays:
        """The arrays; raises LabelError if there is an error."""
        if self.error:
            raise LabelError(self.error)
        return self.arrays


class MPII(Layout):
    """MPII below ``root``; ``split_1`` is that of the lists, and the group is the video, if it is known."""

    skeleton = SKELETON
    array_joints = SKELETON
    origin = (
        "images/*.jpg from http://human-pose.mpi-inf.mpg.de, annot/train.json and annot/valid.json (or "
        f"annotations/mpii_train.json and annotations/mpii_val.json), and {OFFICIAL} for the videos"
    )
    terms = "its own; read them on its page"
    spare = ("annot/test.json", "annot/gt_valid.mat", "annotations/mpii_test.json", "annotations/mpii_gt_val.mat")

    def __getstate__(self) -> dict[str, Any]:
        """Without the content of the lists: every worker reads them once."""
        return {key: value for key, value in super().__getstate__().items() if not key.startswith("_")}

    def list_videos(self) -> pd.DataFrame:
        """All images that the lists name."""
        self.used |= set(self._lists)
        videos, files = self._videos(), set(self.tree.files)
        rows: list[dict[str, Any]] = [
            {"video_id": path.rpartition(".")[0], "path": path, "label": "person", "split_1": image.split}
            | {"group": videos.get(path.rpartition("/")[2], path)}
            | ({} if path in files else {"status": "missing", "error": f"{image.named_in} names it"})
            for path, image in self._images.items()
        ]
        require_videos(rows, self)
        return video_table(rows, ["split_1"], ["person"])

    def _videos(self) -> dict[str, str]:
        """The video of each image, by the image's name."""
        found = [path for path in self.tree.files if path.rpartition("/")[2] == OFFICIAL]
        if not found:
            self.notes.append(f"there is no {OFFICIAL}, so nothing says which images are of one video")
            return {}
        self.used.add(found[0])
        try:
            return videos_of(self.root / found[0])
        except LabelError as error:
            self.notes.append(f"nothing says which images are of one video: {error}")
            return {}

    def pose(self, video_id: str) -> PoseLabels:
        """All people of an image. All labelled joints have flag 2; a box is the square of the person's scale."""
        arrays = self._by_id[video_id].usable()
        known = arrays["keypoints"][..., 2] > 0
        joints = np.where(known[..., None], arrays["keypoints"][..., :2] - 1, 0).astype(np.float32)
        centre, half = arrays["center"] - 1, 100 * arrays["scale"][..., None]
        boxes = np.concatenate([centre - half, centre + half], axis=-1).astype(np.float32)
        return PoseLabels(joints, np.where(known, 2, 0).astype(np.uint8), boxes)

    def own_probe(self, path: Path) -> Probe:
        """The size in the image's header."""
        return probe_image(path)

    def own_frames(self, path: Path) -> Decoded:
        """The image as a video of one frame."""
        return image_frames(path)

    def own_arrays(self, path: Path) -> Arrays:
        """See the top of this file."""
        return self._images[path.relative_to(self.root).as_posix()].usable()

    @cached_property
    def _lists(self) -> list[str]:
        """The lists, below the root: train and valid, or the union of both if there is nothing else."""
        found = {path: match["part"] for path in self.tree.files if (match := _LIST.fullmatch(path))}
        return [path for path, part in found.items() if part != "trainval" or len(found) == 1]

    @cached_property
    def _images(self) -> dict[str, Image]:
        images: dict[str, Image] = {}
        for name in self._lists:
            for path, people in _people_of(self.root, name).items():
                split = "test" if "val" in name and "trainval" not in name else "train"
                image = _image(path, people, name, split)
                if path in images:
                    image = image._replace(error=f"it is in {images[path].named_in} and in {name}")
                images[path] = image
        return images

    @cached_property
    def _by_id(self) -> dict[str, Image]:
        return {path.rpartition(".")[0]: image for path, image in self._images.items()}


def _people_of(root: Path, name: str) -> dict[str, list[Mapping[str, Any]]]:
    """The entries of a list, by the path of their image."""
    try:
        entries = read_json(root / name)
        people: dict[str, list[Mapping[str, Any]]] = {}
        for one in entries:
            people.setdefault(f"images/{one['image']}", []).append(one)
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise HumotionError(
            f"{root / name} is no list of people with the name of their 'image': {error!r}. Expected: {MPII.origin}"
        ) from error
    return people


def _image(path: str, people: list[Mapping[str, Any]], name: str, split: str) -> Image:
    try:
        return Image(name, split, _arrays(people))
    except (TypeError, ValueError, LookupError) as error:
        what = str(error) if isinstance(error, ValueError) else repr(error)
        return Image(name, split, {}, f"{name}, {path}: {what}")


def _arrays(people: list[Mapping[str, Any]]) -> Arrays:
    num_joints = len(SKELETON.joints)
    for one in people:
        if np.shape(one["joints"]) != (num_joints, 2) or np.shape(one["joints_vis"]) != (num_joints,):
            raise LabelError(
                f"a person has joints {np.shape(one['joints'])}, not {num_joints} x 2, each with joints_vis"
            )
    places = np.array([one["joints"] for one in people], float)  # (P, J, 2)
    labelled = np.array([one["joints_vis"] for one in people], float) > 0
    centre = np.array([one["center"] for one in people], float).reshape(len(people), 2)
    scale = np.array([one["scale"] for one in people], float)
    if not (np.isfinite(places[labelled]).all() and np.isfinite(centre).all() and (scale > 0).all()):
        raise LabelError("a joint or the center of a person is not finite, or its scale is not positive")
    keypoints = np.concatenate([np.where(labelled[..., None], places, 0), labelled[..., None]], axis=-1)
    arrays = {"keypoints": keypoints, "center": centre, "scale": scale, "head_size": HEAD_SIZE * scale}
    return {name: array[:, None] for name, array in (arrays | {"found": np.ones(len(people), bool)}).items()}


def videos_of(path: Path) -> dict[str, str]:
    """The number of the video of each image in the official file; raises LabelError if it cannot be read."""
    try:
        images = read_mat(path, ("RELEASE",))["RELEASE"][0, 0]["annolist"].reshape(-1)
        named = ((one["image"][0, 0]["name"], one["vidx"]) for one in images)
        return {str(name[0]): f"video {int(video[0, 0])}" for name, video in named if name.size and video.size}
    except (LookupError, TypeError, ValueError) as error:
        raise LabelError(f"{path.name} has no RELEASE.annolist with image.name and vidx: {error}") from error
