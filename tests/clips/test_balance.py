from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from humotion.clips.balance import Balance, balanced_indices, class_counts, make_plan

COUNTS = {"a": 36, "b": 9, "c": 4}


def make_clips() -> pd.DataFrame:
    labels = [label for label, count in COUNTS.items() for _ in range(count)]
    ids = [f"{label}{number:02d}" for number, label in enumerate(labels)]
    return pd.DataFrame({"clip_id": ids, "label": labels, "label_id": [ord(x) - ord("a") for x in labels]})


@pytest.mark.parametrize(
    ("balance", "after"),
    [
        ("none", {"a": 36, "b": 9, "c": 4}),
        ("oversample", {"a": 36, "b": 36, "c": 36}),
        ("undersample", {"a": 4, "b": 4, "c": 4}),
        # 49 clips shared out as 6 : 3 : 2 (roots) of 11: 26.7, 13.4, 8.9
        ("square_root", {"a": 27, "b": 13, "c": 9}),
    ],
)
def test_counts_by_hand(balance: Balance, after: dict[str, int]) -> None:
    clips = make_clips()
    plan = make_plan(clips, balance, replicas=1, seed=3)
    assert plan["label"].value_counts().to_dict() == after
    counts = class_counts(["a", "b", "c", "d"], clips, plan)
    assert counts["before"].tolist() == [36, 9, 4, 0]
    assert counts["after"].tolist() == [*after.values(), 0]


@pytest.mark.parametrize("balance", ["oversample", "square_root"])
def test_repeating_a_class_keeps_each_of_its_clips(balance: Balance) -> None:
    clips = make_clips()
    chosen = clips.iloc[balanced_indices(clips["label_id"].to_numpy(), balance, seed=0)]
    assert set(chosen.loc[chosen["label"] == "c", "clip_id"]) == set(clips.loc[clips["label"] == "c", "clip_id"])


def test_replicas_are_numbered_and_seeded_apart() -> None:
    plan = make_plan(make_clips(), "oversample", replicas=2, seed=3)
    assert len(plan) == 2 * 3 * 36
    assert not plan.duplicated(["clip_id", "replica"]).any()
    assert plan["seed"].is_unique
    for _, rows in plan.groupby("clip_id"):
        assert rows["replica"].tolist() == list(range(len(rows)))


def test_plan_is_deterministic_and_follows_the_seed() -> None:
    plans = [make_plan(make_clips(), "undersample", 1, seed) for seed in (3, 3, 4)]
    pd.testing.assert_frame_equal(plans[0], plans[1])
    assert plans[0]["clip_id"].tolist() != plans[2]["clip_id"].tolist()


def test_seeds_stay_when_other_clips_go() -> None:
    clips = make_clips()
    few, all_ = (make_plan(table, "none", 2, 0) for table in (clips.iloc[5:9], clips))
    merged = few.merge(all_, on=["clip_id", "replica"])
    assert len(merged) == len(few)
    assert (merged["seed_x"] == merged["seed_y"]).all()


def test_single_class_needs_no_balance() -> None:
    assert balanced_indices(np.zeros(5, np.int64), "oversample", 0).tolist() == [0, 1, 2, 3, 4]
