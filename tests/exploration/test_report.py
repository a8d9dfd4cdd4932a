"""The data report says which videos its numbers leave out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from humotion.exploration.duplicates import duplicate_facts
from humotion.exploration.report import _near_duplicates, _overview, listed_rates

SUMMARY: dict[str, Any] = {
    **dict.fromkeys(("num_videos", "num_frames", "num_videos_with_joints", "num_classes"), 3),
    **{"largest_class": 2, "smallest_class": 1, "imbalance_ratio": 2.0},
}


def test_the_total_length_names_the_videos_of_unknown_rate() -> None:
    table = pd.DataFrame({"num_frames": [600, 600, 900], "fps": [10.0, 20.0, None], "group": ["a", "b", "c"]})
    assert "| total length | 1.5 min (without 1 videos of unknown rate) |" in _overview(table, SUMMARY)
    assert "| total length | 1.0 min |" in _overview(table.iloc[:1], SUMMARY)


def test_frame_rates_that_are_not_listed_are_counted() -> None:
    assert listed_rates(pd.Series([25.0, 24.0, 25.001, None])) == "24, 25"
    assert listed_rates(pd.Series(range(1, 12), dtype=float)) == "1, 2, 3, 4, 5, 6, 7, 8 and 3 more"


def test_videos_without_a_hash_are_counted_and_said() -> None:
    hashes = np.zeros((3, 3, 4), np.uint64)
    hashes[1, 2, 0] = 5  # one frame is enough to be compared
    pairs = pd.DataFrame({"across_groups": pd.Series([], dtype=bool), "video_a": [], "video_b": []})
    facts = duplicate_facts(pairs, hashes)
    assert facts["num_not_compared"] == 2
    assert "2 videos were not compared: their frames have too little contrast" in _near_duplicates(facts)
    assert "not compared" not in _near_duplicates({**facts, "num_not_compared": 0})
