"""Is the average precision of two methods different by more than chance?

AP is no mean over images, so each draw of a bootstrap needs the AP again. A draw only says how often each image counts,
and sums over the sorted detections with these weights. Both methods get the same draws.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np

from humotion.errors import HumotionError
from humotion.evaluation.average_precision import Matches, ap_of
from humotion.evaluation.bootstrap import BootstrapResult, draw_groups, percentile_interval


def paired_ap(
    one: Matches,
    other: Matches,
    seed: int,
    num_resamples: int = 1000,
    groups: Mapping[int, Hashable] | None = None,
    thresholds: slice = slice(None),
) -> BootstrapResult:
    """AP of ``one`` less that of ``other``, with a 95 % interval from resampled images.

    Args:
        one: the detections of a method.
        other: those of another, for the same labels.
        seed: of the resampling; equal arguments return equal intervals.
        num_resamples: number of draws.
        groups: what each image belongs to, by its id, if images are not independent: the sequence of a frame. Then
            groups are drawn.
        thresholds: see `ap_of`.

    Raises:
        HumotionError: the two are not of the same labels, or there are no labelled people.
    """
    if one.image_ids != other.image_ids or not np.array_equal(one.num_people, other.num_people):
        raise HumotionError("The two methods are not compared on the same labels.")
    difference = ap_of(one, thresholds=thresholds) - ap_of(other, thresholds=thresholds)
    if np.isnan(difference):
        raise HumotionError("There are no labelled people, so there is no AP.")
    names = one.image_ids if groups is None else [groups[image_id] for image_id in one.image_ids]
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    group = np.array([places[name] for name in names])
    draws = draw_groups(len(places), seed, num_resamples)
    resampled = [ap_of(one, times[group], thresholds) - ap_of(other, times[group], thresholds) for times in draws]
    return percentile_interval(difference, np.array(resampled), len(places))
