"""The layer ``labels``: what a dataset itself shipped. Its joints and boxes are in the frame store, so it is tiny."""

from __future__ import annotations

from pathlib import Path

from humotion.files import atomic_folder
from humotion.store.frames import FrameStore
from humotion.store.layers import LABELS, LayerFacts, folder_of_layer, write_facts

VERSION = 1


def write_labels(dataset: str, store: FrameStore) -> Path:
    """Write ``layers/<dataset>/labels/layer.json``: the joint set, and how many videos have joints and boxes."""
    counts = {"videos": len(store), "videos_with_joints": 0, "videos_with_boxes": 0}
    for video_id in store:
        video = store[video_id]
        counts["videos_with_joints"] += video.joints is not None
        counts["videos_with_boxes"] += video.boxes is not None
    place = folder_of_layer(dataset, LABELS)
    with atomic_folder(place) as folder:
        write_facts(folder, LayerFacts(LABELS, VERSION, skeleton=store.skeleton, counts=counts))
    return place
