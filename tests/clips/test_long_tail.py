from __future__ import annotations

import numpy as np
import pandas as pd

from humotion.clips.long_tail import exponential_profile, thin_out
from humotion.params.experiment import LongTailParams


def make_videos(sizes: dict[str, int], per_group: int = 4) -> pd.DataFrame:
    rows = [(f"{label}/{i:03d}", label, f"{label}{i // per_group}") for label, n in sizes.items() for i in range(n)]
    return pd.DataFrame(rows, columns=["video_id", "label", "group"]).sample(frac=1, random_state=0)


def test_profile_by_hand() -> None:
    assert exponential_profile(np.array([100, 100, 100]), 100).tolist() == [100, 10, 1]
    # The last class has 5, so that the first may have 50, and the one between 50 / sqrt(10) = 15.8.
    assert exponential_profile(np.array([80, 90, 5]), 10).tolist() == [50, 16, 5]
    assert exponential_profile(np.array([7, 9]), 1).tolist() == [7, 7]
    assert exponential_profile(np.array([3, 3]), 100).tolist() == [3, 1]  # never below 1
    assert exponential_profile(np.array([12]), 10).tolist() == [12]


def test_sizes_follow_the_profile_and_the_rest_stays_as_it_was() -> None:
    videos = make_videos({name: 40 for name in "abcde"})
    thinned, facts = thin_out(videos, LongTailParams(ratio=10, seed=3))
    counts = thinned["label"].value_counts()
    assert counts.tolist() == [40, 22, 13, 7, 4]
    assert thinned["video_id"].tolist() == [id_ for id_ in videos["video_id"] if id_ in set(thinned["video_id"])]
    assert {label: row["videos_after"] for label, row in facts["classes"].items()} == counts.to_dict()
    assert facts["classes"][counts.index[-1]] == {
        "videos_before": 40,
        "videos_after": 4,
        "groups_before": 10,
        "groups_after": 1,
    }
    assert (facts["ratio"], facts["seed"]) == (10, 3)


def test_a_rare_class_is_rare_in_recordings_too() -> None:
    videos = make_videos({name: 40 for name in "abcde"})
    thinned, _ = thin_out(videos, LongTailParams(ratio=10, seed=0))
    for label, rows in thinned.groupby("label"):
        sizes = rows["group"].value_counts()
        assert len(sizes) == -(-len(rows) // 4), f"{label}: whole groups, the last one in part"
        assert (sizes.iloc[:-1] == 4).all()


def test_the_seed_decides_and_the_order_of_rows_does_not() -> None:
    videos = make_videos({name: 40 for name in "abcde"})
    one, again, other = (
        thin_out(v, LongTailParams(seed=seed))[0]
        for v, seed in ((videos, 0), (videos.sort_values("video_id"), 0), (videos, 1))
    )
    assert set(one["video_id"]) == set(again["video_id"])
    assert one["label"].value_counts().to_dict() != other["label"].value_counts().to_dict()
    assert list(thin_out(videos, LongTailParams(seed=0))[0].index) == list(one.index)
