from __future__ import annotations

import numpy as np
import pandas as pd

from humotion.exploration.duplicates import duplicate_facts, near_duplicates

ROWS = [
    # video_id, group, split_1, split_2, footage
    ("a", "film 1", "train", "train", 0),
    ("b", "film 1", "train", "test", 0),  # one film: only split_2 tears it apart
    ("c", "film 2", "test", "train", 0),  # the same footage under another name
    ("d", "film 3", None, None, 1),
    ("e", None, None, None, 1),  # no group known: may be any film
    ("f", "film 4", "train", "train", 2),
    ("g", "film 4", "train", None, 2),  # what a group is for
]


def make_table() -> tuple[pd.DataFrame, np.ndarray]:
    table = pd.DataFrame(ROWS, columns=["video_id", "group", "split_1", "split_2", "footage"]).assign(label="walk")
    footage = np.random.default_rng(0).integers(1, 2**63, (3, 3, 4)).astype(np.uint64)
    return table, footage[table["footage"]]


def test_pairs_that_matter() -> None:
    pairs = near_duplicates(*make_table())
    found = pairs[["video_a", "video_b", "across_groups", "split_1", "split_2"]].astype(object)
    assert found.where(found.notna(), None).to_numpy().tolist() == [
        ["a", "b", False, None, "train/test"],
        ["a", "c", True, "train/test", None],
        ["b", "c", True, "train/test", "test/train"],
        ["d", "e", True, None, None],
    ]
    assert (pairs["distance"] == 0).all()


def test_facts() -> None:
    table, hashes = make_table()
    facts = duplicate_facts(near_duplicates(table, hashes), hashes)
    assert facts["num_pairs_across_groups"] == 3
    assert facts["splits"]["split_1"] == {"num_pairs": 2, "num_pairs_across_groups": 2, "num_test_videos": 1}
    assert facts["splits"]["split_2"] == {"num_pairs": 2, "num_pairs_across_groups": 1, "num_test_videos": 1}


def test_no_pair_at_all() -> None:
    table, hashes = make_table()
    pairs = near_duplicates(table.iloc[[0, 3]], hashes[[0, 3]])
    assert pairs.empty
    assert duplicate_facts(pairs, hashes[[0, 3]])["splits"]["split_2"] == {
        "num_pairs": 0,
        "num_pairs_across_groups": 0,
        "num_test_videos": 0,
    }
