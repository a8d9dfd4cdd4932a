"""The table that compares versions: which detected people of each image are right, at every threshold of OKS."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from humotion.tasks.multi_person_pose.training.matching import Judged, joined, judge, match_images
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.truth import Truth, picture_of

AP50 = slice(0, 1)
"""The threshold of AP50 among the ten of `humotion.tasks.multi_person_pose.training.matching`."""


def score_table(truth: Truth, people: Mapping[int, People], groups: Mapping[str, str]) -> pd.DataFrame:
    """Return one row per image.

    ``clip_id`` and ``group`` say which image it is. ``score`` is the share of its labelled people who are found at OKS
    0.5, and ``weight`` their number. ``scores`` (D,) has the scores of its detections, ``hit`` and ``counted`` (D * K)
    whether each is right and whether it counts, threshold after threshold. ``person_is`` (D,), ``joint_scores`` and
    ``joint_is`` (D * J) say what each detection and each of its joints is, as `judge` does.

    Args:
        truth: the labels.
        people: the detections by image.
        groups: the group of each image, by its video.
    """
    in_images = match_images(truth, people)
    matches, judged = joined(truth, in_images), {image_id: judge(one) for image_id, one in in_images.items()}
    nothing = Judged(np.zeros(0, np.uint8), np.zeros((0, 0)), np.zeros((0, 0), np.uint8))
    images = {image["id"]: image for image in truth.images}
    rows = []
    for place, image_id in enumerate(matches.image_ids):
        own = matches.image == place
        number = int(matches.num_people[place])
        found = int((matches.hit[AP50] & matches.counted[AP50])[0, own].sum())
        rows.append(
            {
                "clip_id": images[image_id]["file_name"],
                "group": groups[picture_of(images[image_id])[0]],
                "score": found / number if number else float("nan"),
                "weight": float(number),
                "scores": matches.scores[own],
                "hit": matches.hit[:, own].reshape(-1),
                "counted": matches.counted[:, own].reshape(-1),
                **{name: value.reshape(-1) for name, value in judged.get(image_id, nothing)._asdict().items()},
            }
        )
    return pd.DataFrame(rows)
