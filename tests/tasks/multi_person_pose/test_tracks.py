"""MOTA, IDF1 and HOTA by hand, against py-motmetrics, and against numbers that TrackEval gave."""

from __future__ import annotations

import math

import motmetrics
import numpy as np
import pytest

from humotion.tasks.multi_person_pose.evaluation.tracks import (
    ALPHAS,
    POSETRACK,
    Clear,
    Frame,
    clear_counts,
    track_scores,
)


def frame(labelled: list[int], found: list[int], similarity: list[list[float]] | float = 0.9) -> Frame:
    """Where one number is given, people are alike who stand at the same place of the lists."""
    matrix = similarity if isinstance(similarity, list) else np.eye(len(labelled), len(found)) * similarity
    return Frame(
        np.array(labelled, int), np.array(found, int), np.array(matrix, float).reshape(len(labelled), len(found))
    )


def moving(seed: int, num_frames: int = 40, num_people: int = 6) -> list[Frame]:
    """People who move; a tracker that loses some, finds a false one, and swaps numbers."""
    random = np.random.default_rng(seed)
    places, speeds = random.uniform(0, 100, (num_people, 2)), random.normal(0, 2, (num_people, 2))
    tracks = random.permutation(num_people + 1) + 10
    video = []
    for _ in range(num_frames):
        places = places + speeds
        labelled = np.flatnonzero(random.uniform(size=num_people) < 0.85)
        found = np.flatnonzero(random.uniform(size=num_people + 1) < 0.85)
        if random.uniform() < 0.08:
            one, other = random.choice(num_people + 1, 2, replace=False)
            tracks[[one, other]] = tracks[[other, one]]
        labelled = labelled[:0] if random.uniform() < 0.05 else labelled
        found = found[:0] if random.uniform() < 0.05 else found
        seen = np.concatenate([places, random.uniform(0, 100, (1, 2))]) + random.normal(0, 4, (num_people + 1, 2))
        distance = np.linalg.norm(places[labelled][:, None] - seen[found][None], axis=2)
        video.append(Frame(labelled * 3 + 5, tracks[found].astype(np.int64), np.exp(-distance / 12)))
    return video


def test_all_right() -> None:
    scores = track_scores([[frame([1, 2], [7, 8])] * 5])
    assert (scores.mota, scores.idf1) == (1, 1)
    assert scores.clear == Clear(labelled=10)
    assert scores.hota == pytest.approx((ALPHAS <= 0.9 + 1e-9).mean())  # similar by .9: right up to that threshold


def test_counts_by_hand() -> None:
    """A switch in the second frame; a miss and a false one in the third; the old number again is one more switch."""
    video = [frame([1], [7]), frame([1], [8]), frame([1], [9], 0.3), frame([1], [7])]
    scores = track_scores([video])
    assert scores.clear == Clear(labelled=4, misses=1, false=1, switches=2)
    assert scores.mota == 1 - 4 / 4
    assert scores.idf1 == 2 * 2 / (4 + 4)  # track 7 is right twice


def test_the_partner_of_before_is_kept_before_a_nearer_one() -> None:
    near_two = [[0.6, 0.9]]
    video = [frame([1], [7]), frame([1], [7, 8], near_two)]
    assert clear_counts(video).switches == 0
    assert clear_counts([frame([1], [8]), frame([1], [7, 8], near_two)]).switches == 0
    assert clear_counts([frame([1], [9]), frame([1], [7, 8], near_two)]).switches == 1


def test_rules_differ_after_a_frame_without_the_person() -> None:
    """Person 1 is found by 7, is not there, and is then nearer to 8. Only PoseTrack remembers 7."""
    video = [frame([1], [7]), frame([2], [7, 8], 0.0), frame([1], [7, 8], [[0.6, 0.9]])]
    assert clear_counts(video).switches == 1
    assert clear_counts(video, rule=POSETRACK).switches == 0


def test_rules_differ_between_many_pairs_and_near_ones() -> None:
    """One pair of 1.0 and none, or two pairs of .5 and .45: the sum is larger for one, two are more."""
    video = [frame([1, 2], [7, 8], [[1.0, 0.45], [0.45, 0.0]])]
    assert clear_counts(video, 0.4).misses == 1
    assert clear_counts(video, 0.4, POSETRACK).misses == 0


def test_hota_by_hand() -> None:
    """One person for four frames, found by two tracks of two frames: DetA 1; AssA 2/4; HOTA sqrt(1/2)."""
    scores = track_scores([[frame([1], [7], 1.0)] * 2 + [frame([1], [8], 1.0)] * 2])
    assert (scores.deta, scores.assa) == (1, pytest.approx(0.5))
    assert scores.hota == pytest.approx(math.sqrt(0.5))
    half = track_scores([[frame([1], [7], 1.0), frame([1], [])]])
    assert (half.deta, half.assa) == (pytest.approx(0.5), pytest.approx(0.5))


@pytest.mark.parametrize("seed", range(10))
def test_motmetrics_counts_the_same(seed: int) -> None:
    """py-motmetrics knows MOTA by PoseTrack's rule, and IDF1."""
    video = moving(seed)
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for labelled, found, similarity in video:
        accumulator.update(labelled, found, np.where(similarity >= 0.5, 1 - similarity, np.nan))
    names = ["mota", "idf1", "num_objects", "num_misses", "num_false_positives", "num_switches"]
    theirs = motmetrics.metrics.create().compute(accumulator, metrics=names, return_dataframe=False)
    scores = track_scores([video], rule=POSETRACK)
    clear = scores.clear
    assert (clear.labelled, clear.misses, clear.false, clear.switches) == tuple(theirs[name] for name in names[2:])
    assert scores.mota == pytest.approx(theirs["mota"], abs=1e-12)
    assert scores.idf1 == pytest.approx(theirs["idf1"], abs=1e-12)


def test_trackeval_gave_the_same() -> None:
    """TrackEval 1.3.0, the code of MOTChallenge, on these three videos together. (It needs another OpenCV.)"""
    scores = track_scores([moving(seed) for seed in (1, 2, 3)])
    expected = {
        "mota": 0.24625623960066556,
        "idf1": 0.4948124501197127,
        "hota": 0.3339555716633439,
        "deta": 0.38417737483068803,
        "assa": 0.29181578075044146,
    }
    assert {name: getattr(scores, name) for name in expected} == pytest.approx(expected, abs=1e-12)


def test_videos_are_summed_and_numbers_are_of_one_video() -> None:
    """Track 7 of one video is not that of another: no switch, and no identity, leads from one to the other."""
    first, second = [frame([1], [7])] * 3, [frame([1], [8])]
    both = track_scores([first, second])
    assert both.clear == Clear(labelled=4)
    assert both.idf1 == 1
    assert track_scores([[*first, *second]]).clear.switches == 1


def test_nobody() -> None:
    empty = track_scores([])
    assert all(math.isnan(value) for value in (empty.mota, empty.idf1, empty.hota, empty.deta, empty.assa))
    false = track_scores([[frame([], [7])]])
    assert math.isnan(false.mota) and false.clear.false == 1
    missed = track_scores([[frame([1], [])], []])
    assert (missed.mota, missed.idf1, missed.hota) == (0, 0, 0)
