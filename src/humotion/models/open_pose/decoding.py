"""From OpenPose's maps to people.

    peaks      local maxima of the heatmaps
    links      pairs of peaks that the field of a limb joins; of each limb, the best ones first, each peak once
    people     links that share a peak, limb by limb
    merging    parts of one person that are left apart are joined by weaker links, and then across a missing joint

Source: the paper (see `humotion.models.open_pose.vgg`) and the text of its published decoders. Maps are not enlarged:
a peak lies between cells by its neighbours.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from humotion.models.common.peaks import Peaks, peaks
from humotion.models.common.people_maps import Found, nobody
from humotion.models.open_pose.assembly import NOTHING, Grown, grow, merge
from humotion.models.open_pose.bridging import bridge
from humotion.models.open_pose.limbs import Body
from humotion.models.open_pose.matching import Rule, all_pairs, each_joint_once, links_among

Floats = npt.NDArray[np.float32]

MOST = 60
"""People whose joints are looked at in a picture, at most."""


class Decoding(Protocol):
    """The thresholds; see `humotion.params.models.open_pose.OpenPoseDecoding`."""

    min_joint: float
    most: int
    min_sample: float
    min_share: float
    merge: bool
    merge_share: float
    reach: float
    min_joints: int
    min_person: float


def decode(heat: Floats, fields: Floats, body: Body, stride: int, decoding: Decoding) -> Found:
    """Return the people of one picture.

    Args:
        heat: (K, h, w) of the joints of ``body``.
        fields: (2 L, h, w) of its limbs, x of all before y.
        body: joints and limbs.
        stride: pixels per cell.
        decoding: the thresholds.
    """
    tops = _highest(peaks(heat, decoding.min_joint, decoding.most), MOST * len(body.joints))
    rule = Rule(decoding.min_sample, decoding.min_share)
    links = each_joint_once(links_among(fields, tops, all_pairs(tops.joint, body.limbs), rule))
    people = grow(links, tops, body)
    if decoding.merge:
        people = merge(people, fields, tops, body, rule._replace(min_share=decoding.merge_share))
        people = bridge(people, tops, body, decoding.reach, decoding.min_joints)
    return _found(people, tops, body, stride, decoding)


def _highest(tops: Peaks, most: int) -> Peaks:
    """The ``most`` highest peaks of all joints together: in noise there are many, and time grows with their square."""
    if len(tops.joint) <= most:
        return tops
    kept = np.sort(np.argsort(-tops.scores, kind="stable")[:most])
    return Peaks(tops.joint[kept], tops.cells[kept], tops.scores[kept])


def _found(people: Grown, tops: Peaks, body: Body, stride: int, decoding: Decoding) -> Found:
    """The people who have enough joints and scores, with the joints of the data, the surest first.

    A person's score is, as published, the sum of joint and limb scores times the number of joints; here divided by
    what a complete person with perfect scores would have, so that it lies between 0 and 1.
    """
    has = people.members != NOTHING
    count = has.sum(axis=1)
    kept = (count >= decoding.min_joints) & (people.totals >= decoding.min_person * np.maximum(count, 1))
    if not kept.any():
        return nobody(body.num_given)
    most = (len(body.joints) + len(body.limbs)) * len(body.joints)
    scores = (people.totals * count / most)[kept]
    order = np.argsort(-scores, kind="stable")
    members = people.members[kept][order][:, : body.num_given]
    places = tops.cells[members] * stride + (stride - 1) / 2
    known = members != NOTHING
    joints = np.where(known[..., None], places, np.nan).astype(np.float32)
    joint_scores = np.where(known, tops.scores[members], 0).astype(np.float32)
    return Found(joints, joint_scores, scores[order].astype(np.float32))
