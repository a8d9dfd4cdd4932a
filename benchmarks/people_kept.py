"""How sure somebody must be to be followed: what `person_tracks` keeps of a layer of everybody, and how right it is."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from humotion.annotation.person_tracks.tool import open_tool
from humotion.annotation.shared.given import stored
from humotion.figures.tables import markdown_table
from humotion.params.annotation.person_tracks import PersonTracksParams
from humotion.review.measures import Reviewed, main_landmarks, review_video, summarise
from humotion.store.frames import FrameStore
from humotion.store.layers import folder_of_layer

DESCRIPTION = """\
Follows the people of a layer, such as one of posenet, once per pair of settings, and prints what `humotion review` says
of it: in how many frames somebody is found, and PCK@0.2 of labelled joints of the person who is found most often. The
last columns are PCK@0.2 in the frames in which the first pair of settings has found that person, and in all others.

  python -m benchmarks.people_kept --dataset jhmdb --layer everybody --surely 0.4 0.3 0.2 --alike 0.2
"""
NEAR = 0.2  # of the longer side of the labelled box
HEAD = ("surely", "alike", "frames with somebody", "where found", "with misses", "frames of the first line", "others")
Floats = npt.NDArray[np.float64]
Distances = Mapping[str, Floats]


def followed(store: FrameStore, settings: PersonTracksParams) -> tuple[list[Reviewed], Distances]:
    """The review of each video, and how far each visible labelled joint (T, J) is from the main person's.

    A distance is in units of the longer side of the labelled box; infinite where the person was not found, and NaN
    where there is no such label.
    """
    assert store.layer is not None and store.layer.skeleton is not None and store.skeleton is not None
    ours, theirs = store.layer.skeleton.joints, store.skeleton.joints
    shared = [name for name in theirs if name in ours]
    places = [ours.index(name) for name in shared], [theirs.index(name) for name in shared]
    follow = open_tool(settings)
    reviewed, distances = [], {}
    for video_id in (one for one in store if one in store.layer):
        video = store[video_id]
        video.annotation = follow(stored(store, video_id))
        reviewed.append(review_video(video, store.layer.skeleton, store.skeleton))
        if video.joints is None or video.boxes is None or video.visibility is None or len(video.joints) != 1:
            continue
        side = (video.boxes[0, :, 2:] - video.boxes[0, :, :2]).max(axis=1)[:, None]
        visible = (video.visibility[0][:, places[1]] == 2) & (side > 0)
        points = main_landmarks(video)
        apart = np.full(visible.shape, np.inf)
        if points is not None:
            apart = np.linalg.norm(points[:, places[0]] - video.joints[0][:, places[1], :2], axis=-1)
            apart = np.where(np.isfinite(apart), apart / np.maximum(side, 1), np.inf)
        distances[video_id] = np.where(visible, apart, np.nan)
    return reviewed, distances


def shares(first: Distances, now: Distances) -> tuple[float, float]:
    """PCK@0.2 where the person is found, in frames in which the first settings have found it, and in all others."""
    parts: tuple[list[Floats], list[Floats]] = ([], [])
    for video_id, apart in now.items():
        before = np.isfinite(first[video_id]).any(axis=1)
        for part, frames in zip(parts, (before, ~before), strict=True):
            part.append(apart[frames][np.isfinite(apart[frames])])
    both, others = (np.concatenate([*part, np.zeros(0)]) for part in parts)
    return tuple(float((one < NEAR).mean()) if len(one) else float("nan") for one in (both, others))  # type: ignore[return-value]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, help="a dataset with labelled joints, in prepared/")
    parser.add_argument("--layer", required=True, help="its layer of everybody")
    parser.add_argument("--surely", type=float, nargs="+", default=[0.4, 0.3, 0.25, 0.2, 0.15])
    parser.add_argument("--alike", type=float, nargs="+", default=[0.2])
    args = parser.parse_args(arguments)
    prepared = Path("prepared") / args.dataset
    store = FrameStore(prepared / "frames", prepared / "frames.parquet", folder_of_layer(args.dataset, args.layer))
    rows: list[list[str]] = []
    first: Distances = {}
    for alike, surely in product(args.alike, args.surely):
        section = {"dataset": args.dataset, "tool": "person_tracks", "of": args.layer, "surely": surely, "alike": alike}
        reviewed, distances = followed(store, PersonTracksParams.model_validate(section))
        first = first or distances
        said = summarise(reviewed)
        pck = [said["pck_0.2_where_found"] or float("nan"), said["pck_0.2"], *shares(first, distances)]
        rows.append([f"{surely:g}", f"{alike:g}", f"{said['found']:.1%}", *(f"{value:.3f}" for value in pck)])
    print(f"{len(reviewed)} videos, {said['frames']} frames")
    print(markdown_table(HEAD, rows))


if __name__ == "__main__":
    main()
