"""Object keypoint similarity (OKS): how near two poses are, from 0 to 1.

The mean over a person's labelled joints of exp(-d^2 / (2 * area * (2 * sigma)^2)): COCO's definition (Lin et al., ECCV
2014; cocodataset.org, keypoint evaluation). ``area`` is that of the person's segment, not of the box.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BOX_SHARE = 0.53
"""The area of a person as a share of its box, where no segment is known. CrowdPose's code has this number."""


def oks(found: Floats, keypoints: Floats, areas: Floats, boxes: Floats, sigmas: Floats) -> Floats:
    """The OKS (D, G) of D detected and G labelled people.

    A labelled person without labelled joints, as a crowd, stands for its box doubled around its centre: joints in it
    have distance 0, and the others the distance to it along x and y. All joints count then.

    Args:
        found: (D, J, 2) joints.
        keypoints: (G, J, 3) labelled joints and their flags, 0 for a joint that is not labelled.
        areas: (G,) of the labelled people, in square pixels.
        boxes: (G, 4) x, y, width, height of the labelled people.
        sigmas: (J,) see `humotion.tasks.multi_person_pose.training.joint_sets`.
    """
    known = np.asarray(keypoints[..., 2] > 0)  # (G, J)
    steps = found[:, None] - keypoints[None, ..., :2]  # (D, G, J, 2)
    empty = np.asarray(~known.any(axis=1))
    if empty.any():
        corner, size = boxes[empty, None, :2], boxes[empty, None, 2:]
        places = found[:, None]
        steps[:, empty] = np.maximum(corner - size - places, 0) + np.maximum(places - corner - 2 * size, 0)
    variances = (2 * sigmas) ** 2
    error = (steps**2).sum(axis=3) / variances / (areas[:, None] + np.spacing(1)) / 2  # (D, G, J)
    counts = known | empty[:, None]
    return np.asarray((np.exp(-error) * counts).sum(axis=2) / np.maximum(counts.sum(axis=1), 1))
