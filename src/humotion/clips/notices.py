"""What an experiment leaves out, in words: nobody reads meta.json unless something points to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from humotion.params.experiment import LEAKY_WINDOWS

SHOWN = 5


def used_in_part(parts: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    """Number of videos that are used although not all of each could be read, by status (truncated, ...)."""
    return dict(
        sorted(Counter(status for part in parts.values() for status in part["status"] if status != "ok").items())
    )


def untrained_classes(classes: Sequence[str], train: pd.DataFrame) -> list[str]:
    """The classes without a training clip: a classifier has an output for each, but cannot learn it."""
    known = set(train["label"])
    return [label for label in classes if label not in known]


def notices(name: str, meta: Mapping[str, Any]) -> list[str]:
    """Lines for the terminal about the clips of experiment ``name``, from the content of its meta.json."""
    counts = ", ".join(f"{counted['clips']:,} {split}" for split, counted in meta["counts"].items())
    lines = [f"{name}: clips: {counts}"]
    left_out = [f"{len(ids):,} {reason}" for reason, ids in meta["left_out"]["video_ids"].items()]
    if number := meta["num_in_no_split"]:
        left_out.append(f"{number:,} with no role in {meta['split']['column']}")
    if left_out:
        lines.append(f"{name}: videos left out: {', '.join(left_out)} (named in clips/{name}/meta.json)")
    if partly := meta["used_in_part"]:
        told = ", ".join(f"{number:,} {status}" for status, number in partly.items())
        lines.append(f"{name}: videos used as far as they can be read: {told}")
    if lone := meta["split"]["num_without_group"]:
        lines.append(f"{name}: {lone:,} videos have no group, so each counts as a recording of its own")
    lines += [f"{name}: {line}" for line in within_notices(meta["split"])]
    if untrained := meta["untrained_classes"]:
        listed = ", ".join(untrained[:SHOWN]) + (f" and {len(untrained) - SHOWN} more" if untrained[SHOWN:] else "")
        lines.append(f"{name}: NO CLIP of {len(untrained)} of {len(meta['classes'])} classes: {listed}")
    return lines


def within_notices(split: Mapping[str, Any]) -> list[str]:
    """What a split within videos means for its scores, from ``split`` in meta.json; nothing for other splits."""
    if (shared := split.get("test_clips_shared")) is None:
        return []
    if split["column"] == LEAKY_WINDOWS:
        return [
            f"LEAKY SPLIT: {shared:.0%} of the test clips share frames with training clips. Scores on it say nothing "
            "about footage that the model has not seen"
        ]
    return [
        f"{shared:.0%} of the test clips share frames with training clips. But every recording is in training and in "
        "test, so scores say nothing about other people and places"
    ]
