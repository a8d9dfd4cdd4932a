"""Images of people in COCO's format: COCO keypoints (Lin et al., ECCV 2014) and CrowdPose (Li et al., CVPR 2019).

``annotations/person_keypoints_val2017.json`` and ``val2017/*.jpg``; ``json/crowdpose_test.json`` and ``images/*.jpg``;
or other JSON files of this form in these folders, also your own. The files name the joint set: COCO's or CrowdPose's.
An image is a video of one frame. Every annotation is a person, in the order of the file; a crowd has no known joints.

What evaluation needs in addition is in the layer ``labels``, in pixels of the original image (P people, T = 1)::

    found          (P, 1)        all True             image_id     (1, 1)     int64
    annotation_id  (P, 1)        int64                size         (1, 1, 2)  width, height; NaN if not stated
    keypoints      (P, 1, J, 3)  x, y, flag           crowd_index  (1, 1)     CrowdPose's; NaN if not stated
    bbox           (P, 1, 4)     x, y, width, height  segments     (1, 1, B)  uint8, all people's joined
    area           (P, 1)        NaN if not stated    segment_end  (P, 1)     int64, where each one's ends in them
    num_keypoints  (P, 1)        as in the file       is_crowd     (P, 1)     bool

Other numbers are float64. A segmentation is the text of the file: JSON of polygons, or of an RLE.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from functools import cached_property, lru_cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.datasets.shared.base import LabelError, Layout, PoseLabels, require_videos, unique_ids, video_table
from humotion.datasets.shared.boxes import complete_boxes
from humotion.datasets.shared.one_image import image_frames, probe_image
from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.store.skeleton import Skeleton, skeleton_of
from humotion.video.decoded import Decoded
from humotion.video.listing import suffix_of, visible_entries
from humotion.video.probe import Probe

Arrays = dict[str, npt.NDArray[Any]]

OFFICIAL, OTHER_LABELS = "person_keypoints_", ("instances_", "captions_", "image_info_", "stuff_", "panoptic_")
_NAME = re.compile(r"(?!/|(.*/)?\.\./).+")  # a path that stays below its folder
_PAIRS = tuple(f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in "lr")
_CHAINS = ("shoulder elbow wrist", "shoulder hip knee ankle")
_LIMBS = (
    *((f"{side}_{a}", f"{side}_{b}") for side in "lr" for one in _CHAINS for a, b in pairwise(one.split())),
    *(("l_shoulder", "r_shoulder"), ("l_hip", "r_hip")),
)
_FACE = (
    *(("l_eye", "r_eye"), ("nose", "l_eye"), ("nose", "r_eye"), ("l_eye", "l_ear"), ("r_eye", "r_ear")),
    *(("l_ear", "l_shoulder"), ("r_ear", "r_shoulder")),
)
_NECK = (("head", "neck"), ("neck", "l_shoulder"), ("neck", "r_shoulder"))

SKELETONS = (
    skeleton_of("coco", ("nose", "l_eye", "r_eye", "l_ear", "r_ear", *_PAIRS), (*_LIMBS, *_FACE), "labelled"),
    skeleton_of("crowdpose", (*_PAIRS, "head", "neck"), (*_LIMBS, *_NECK), "labelled"),
)
"""COCO's 17 joints and CrowdPose's 14. (The bones in CrowdPose's files are COCO's, and do not fit its joints.)"""


class Image(NamedTuple):
    """An image that a file names; ``error`` says why its labels cannot be used."""

    path: str  # below the root
    named_in: str
    split: str | None
    arrays: Arrays
    error: str | None = None

    def usable(self) -> Arrays:
        """The arrays; raises LabelError if there is an error."""
        if self.error:
            raise LabelError(self.error)
        return self.arrays


class COCO(Layout):
    """Images of people below ``root``; ``split_1`` says "train" or "test", and the group is the image."""

    origin = (
        f"annotations/{OFFICIAL}<split>.json and <split>/*.jpg, as at https://cocodataset.org; or other .json files of "
        "COCO's format in annotations/ or json/, and images/*.jpg"
    )
    terms = "those of its page; for COCO, the file of labels names the licence of every image"
    spare = tuple(f"annotations/{start}" for start in OTHER_LABELS)

    @property
    def skeleton(self) -> Skeleton:  # type: ignore[override]  # other layouts know theirs before they see a file
        """The joint set that the files name, also of the joints in the layer ``labels``."""
        return self._content[0]

    array_joints = skeleton

    def __getstate__(self) -> dict[str, Any]:
        """Without the content of the files: every worker reads them once."""
        return {key: value for key, value in super().__getstate__().items() if not key.startswith("_")}

    def list_videos(self) -> pd.DataFrame:
        """All images that the files name."""
        _, images, notes = self._content
        self.used |= {path.relative_to(self.root).as_posix() for path in _label_files(self.root)}
        self.notes += notes
        files = set(self.tree.files)
        rows: list[dict[str, Any]] = [
            {"video_id": video_id, "path": one.path, "label": "person", "group": one.path, "split_1": one.split}
            | ({} if one.path in files else {"status": "missing", "error": f"{one.named_in} names it"})
            for video_id, one in images.items()
        ]
        require_videos(rows, self)
        return video_table(rows, ["split_1"], ["person"])

    def pose(self, video_id: str) -> PoseLabels:
        """All people of an image. Joints without a flag are unknown, and stand at 0, 0."""
        arrays = self._content[1][video_id].usable()
        flags = arrays["keypoints"][..., 2].astype(np.uint8)  # (P, 1, J)
        joints = np.where(flags[..., None] > 0, arrays["keypoints"][..., :2], 0).astype(np.float32)
        corner, size = np.split(arrays["bbox"], 2, axis=-1)
        boxes = np.concatenate([corner, corner + size], axis=-1).astype(np.float32)
        changed = {"an annotation without an area: 0.53 of its box counts"} if np.isnan(arrays["area"]).any() else set()
        for person in np.flatnonzero(~(size > 0).all(axis=(1, 2))):
            boxes[person], counts = complete_boxes(boxes[person], joints[person], 2 * np.minimum(flags[person], 1))
            changed |= counts.keys()
        return PoseLabels(joints, flags, boxes, dict.fromkeys(sorted(changed), 1))

    def own_probe(self, path: Path) -> Probe:
        """The size in the image's header, which must be the one in the file of labels."""
        return probe_image(path, self._check_size)

    def own_frames(self, path: Path) -> Decoded:
        """The image as a video of one frame."""
        return image_frames(path, self._check_size)

    def _check_size(self, path: Path, width: int, height: int) -> None:
        image = self._by_path[path.relative_to(self.root).as_posix()]
        stated = image.arrays["size"][0, 0] if image.arrays else np.array([width, height])
        if not np.isnan(stated).any() and (width, height) != tuple(stated):
            size = " x ".join(f"{side:g}" for side in stated)
            raise ValueError(f"it has {width} x {height} pixels, but {image.named_in} says {size}: no joint would fit")

    def own_arrays(self, path: Path) -> Arrays:
        """See the top of this file."""
        return self._by_path[path.relative_to(self.root).as_posix()].usable()

    @cached_property
    def _by_path(self) -> dict[str, Image]:
        return {image.path: image for image in self._content[1].values()}

    @cached_property
    def _content(self) -> tuple[Skeleton, dict[str, Image], list[str]]:
        """The joint set, the images by ``video_id``, and notes for the user."""
        stamps = [(path, path.stat()) for path in _label_files(self.root)]
        require_videos(stamps, self)
        return _read_all(self.root, tuple((path, stamp.st_mtime_ns, stamp.st_size) for path, stamp in stamps))


def _label_files(root: Path) -> list[Path]:
    """The files of labels: the official ones if there are any, and no "trainval" if it has been divided."""
    found = [path for folder in ("annotations", "json") for path in visible_entries(root / folder)]
    found = [path for path in found if suffix_of(path.name) == ".json" and not path.name.startswith(OTHER_LABELS)]
    found = [path for path in found if path.name.startswith(OFFICIAL)] or found
    parts = {_part_of(path) for path in found}
    return [path for path in found if _part_of(path) != "trainval" or not {"train", "val"} <= parts]


def _part_of(path: Path) -> str | None:
    """Return train, val, trainval or test, by the name of a file of labels; None if it says none."""
    match = re.search(r"(trainval|train|val|test)\d*$", path.stem)
    return match and match[1]


@lru_cache(maxsize=2)
def _read_all(root: Path, stamps: tuple[tuple[Path, int, int], ...]) -> tuple[Skeleton, dict[str, Image], list[str]]:
    """Read all files. ``stamps`` are their paths, times and sizes: a file that changed is read again."""
    images: dict[str, Image] = {}
    skeletons: dict[str, Skeleton] = {}
    notes: list[str] = []
    has_test = any(_part_of(path) == "test" for path, _, _ in stamps)
    for path, _, _ in stamps:
        name = path.relative_to(root).as_posix()
        is_test = _part_of(path) == ("test" if has_test else "val")
        split = "test" if is_test else _part_of(path) and "train"
        skeletons[name], found = _read_file(root, path, split, notes)
        for image in found:
            before = images.get(image.path)
            error = f"it is named twice, in {before.named_in} and in {name}" if before else image.error
            images[image.path] = image._replace(error=error)
    if len(set(skeletons.values())) > 1:
        listed = ", ".join(f"{name}: {one.name}" for name, one in skeletons.items())
        raise HumotionError(f"The files in {root} have different joints ({listed}). Make a dataset of each of them.")
    return next(iter(skeletons.values())), dict(zip(unique_ids(list(images)), images.values(), strict=True)), notes


def _read_file(root: Path, path: Path, split: str | None, notes: list[str]) -> tuple[Skeleton, list[Image]]:
    name = path.relative_to(root).as_posix()
    try:
        content = read_json(path)
        named, annotations = list(content["images"]), list(content["annotations"])
        category, skeleton = _category(content["categories"])
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise HumotionError(f"{path} is not of COCO's format: {error!r}. Expected: {COCO.origin}") from error
    records = [one for one in named if isinstance(one, dict) and _NAME.fullmatch(str(one.get("file_name", "")))]
    numbers = Counter(str(one.get("id")) for one in records)
    people: dict[str, list[dict[str, Any]]] = {number: [] for number in numbers}
    left_out = Counter({"images have no file name": len(named) - len(records)})
    for one in annotations:
        if not isinstance(one, dict) or str(one.get("image_id")) not in people:
            left_out["annotations are of images that it does not name"] += 1
        elif one.get("category_id") != category:
            left_out["annotations are of another category"] += 1
        else:
            people[str(one["image_id"])].append(one)
    notes += [f"{name}: {number} {what}" for what, number in left_out.items() if number]
    used = Counter(str(one.get("id")) for ones in people.values() for one in ones)
    folder = _folder_of(root, path, records)
    images = []
    for one in records:
        place, ones = f"{folder}{one['file_name']}", people[str(one.get("id"))]
        try:
            if numbers[str(one.get("id"))] > 1 or any(used[str(other.get("id"))] > 1 for other in ones):
                raise LabelError(f"its id, {one.get('id')}, or that of an annotation is given twice")
            images.append(Image(place, name, split, _arrays_of(one, ones, len(skeleton.joints))))
        except (LabelError, TypeError, ValueError, OverflowError, KeyError) as error:
            images.append(Image(place, name, split, {}, f"{name}: {error}"))
    return skeleton, images


def _category(categories: list[dict[str, Any]]) -> tuple[Any, Skeleton]:
    """The id and the joint set of the category that has joints."""
    for one, known in product(categories, SKELETONS):
        if known.joints == tuple(re.sub("^(l|r)(eft|ight)_", r"\1_", name) for name in one.get("keypoints", ())):
            return one["id"], known
    expected = " or ".join(f"{one.name}'s {len(one.joints)}" for one in SKELETONS)
    raise ValueError(f"no category has {expected} joints in 'keypoints'")


def _folder_of(root: Path, path: Path, records: list[dict[str, Any]]) -> str:
    """The folder of a file's images, with its slash: the first in which one of the first images is."""
    stem = path.stem.removeprefix(OFFICIAL)
    folders = (f"{stem}/", f"images/{stem}/", "images/", "")
    here = (folder for folder in folders for one in records[:100] if os.path.lexists(root / folder / one["file_name"]))
    return next(here, folders[0] if path.name.startswith(OFFICIAL) else folders[2])


def _arrays_of(image: Mapping[str, Any], people: list[dict[str, Any]], num_joints: int) -> Arrays:
    """The arrays of the layer ``labels`` (see the top of this file) of an image and its annotations."""
    segments = [json.dumps(one.get("segmentation", []), separators=(",", ":")).encode() for one in people]
    keypoints = np.array([_numbers(one, "keypoints", 3 * num_joints) for one in people]).reshape(-1, num_joints, 3)
    known = (keypoints[..., 2] > 0).sum(axis=1).tolist()
    of_people: Arrays = {
        "found": np.ones(len(people), bool),
        "annotation_id": np.array([one["id"] for one in people], np.int64),
        "keypoints": keypoints,
        "bbox": np.array([_numbers(one, "bbox", 4) for one in people]).reshape(-1, 4),
        "area": np.array([one.get("area", np.nan) for one in people], float),
        "num_keypoints": np.array([one.get("num_keypoints", n) for one, n in zip(people, known, strict=True)], float),
        "is_crowd": np.array([one.get("iscrowd", 0) for one in people], bool),
        "segment_end": np.cumsum([len(one) for one in segments], dtype=np.int64),
    }
    sound = np.asarray(np.isin(keypoints[..., 2], (0, 1, 2)).all(axis=1))
    for one, is_sound in zip(people, sound, strict=True):
        if not is_sound or not 0 <= one.get("area", 0) < np.inf:
            raise LabelError(f"annotation {one['id']} has a flag that is not 0, 1 or 2, or an area that is no area")
    of_image: Arrays = {
        "image_id": np.array([[image["id"]]], np.int64),
        "size": np.array([[[image.get("width", np.nan), image.get("height", np.nan)]]], float),
        "crowd_index": np.array([[image.get("crowdIndex", np.nan)]], float),
        "segments": np.frombuffer(b"".join(segments), np.uint8)[None, None],
    }
    return {name: array[:, None] for name, array in of_people.items()} | of_image


def _numbers(one: Mapping[str, Any], key: str, count: int) -> npt.NDArray[np.float64]:
    found = np.array(one.get(key, [0] * count), float)
    if found.shape != (count,) or not np.isfinite(found).all():
        raise LabelError(f"annotation {one['id']}: {key} has {found.size} numbers, not {count} that are finite")
    return found
