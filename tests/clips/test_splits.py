from __future__ import annotations

import pandas as pd
import pytest

from humotion.clips.splits import check_classes, check_partition, partition
from humotion.errors import HumotionError


def make_videos(num_groups: int = 8, official: bool = True) -> pd.DataFrame:
    """Per class and group two videos; the last two groups of each class are the test split."""
    rows = []
    for label_id, label in enumerate(["jump", "walk"]):
        for group in range(num_groups):
            split = ("test" if group >= num_groups - 2 else "train") if official else None
            for take in range(2):
                rows.append((f"{label}/{group}_{take}", f"{label}{group}", label, label_id, split))
    return pd.DataFrame(rows, columns=["video_id", "group", "label", "label_id", "split_1"])


def test_official_split_and_group_clean_fold() -> None:
    videos = make_videos()
    result = partition(videos, "split_1", folds=3, fold=0)
    train, val, test = (result.videos[split] for split in ("train", "val", "test"))
    assert set(test["video_id"]) == set(videos.loc[videos["split_1"] == "test", "video_id"])
    assert len(train) + len(val) + len(test) == len(videos)
    assert not set(train["group"]) & set(val["group"])
    assert val["label"].value_counts().to_dict() == {"jump": 4, "walk": 4}
    assert result.facts["source"] == "official"
    assert result.facts["groups_in_train_and_test"]["num_groups"] == 0


def test_folds_are_disjoint_and_cover_the_training_split() -> None:
    videos = make_videos()
    folds = [set(partition(videos, "split_1", 3, fold).videos["val"]["video_id"]) for fold in range(3)]
    assert sum(map(len, folds)) == len(set.union(*folds)) == (videos["split_1"] == "train").sum()


def test_groups_shared_with_the_official_test_split_are_reported() -> None:
    videos = make_videos()
    videos.loc[videos["group"] == "walk7", "group"] = "walk0"
    facts = partition(videos, "split_1", 3, 0).facts["groups_in_train_and_test"]
    assert facts == {"num_groups": 1, "num_test_videos": 2, "groups": ["walk0"]}


def test_dataset_without_a_split_gets_a_group_clean_one() -> None:
    videos = make_videos(official=False)
    result = partition(videos, "split_1", folds=4, fold=1)
    assert result.facts["source"].startswith("made")
    assert result.facts["groups_in_train_and_test"]["num_groups"] == 0
    assert {name: len(part) for name, part in result.videos.items()} == {"train": 18, "val": 6, "test": 8}


def test_grouped_makes_a_test_split_of_all_videos() -> None:
    videos = make_videos()
    videos.loc[:5, "split_1"] = None  # of no use in the official split
    result = partition(videos, "grouped", folds=4, fold=0)
    parts = result.videos
    assert sum(map(len, parts.values())) == len(videos)
    assert set(parts["test"]["video_id"]) != set(videos.loc[videos["split_1"] == "test", "video_id"])
    for one, other in (("train", "test"), ("val", "test"), ("train", "val")):
        assert not set(parts[one]["group"]) & set(parts[other]["group"])
    assert (result.facts["source"], result.facts["column"]) == ("made: group-clean folds", "grouped")


def test_test_split_stays_while_validation_folds_move() -> None:
    tests = [set(partition(make_videos(), "grouped", 4, fold).videos["test"]["video_id"]) for fold in range(4)]
    assert tests[0] == tests[1] == tests[2] == tests[3]


def test_a_group_on_both_sides_of_a_made_split_is_refused() -> None:
    parts = dict(partition(make_videos(), "grouped", 4, 0).videos)
    parts["test"] = parts["test"].assign(group=parts["train"]["group"].iloc[0])
    check_partition(parts)  # as an official split may be
    with pytest.raises(HumotionError, match="Leak: 1 groups are in both train and test"):
        check_partition(parts, is_made=True)


def test_video_without_group_is_a_group_of_its_own() -> None:
    videos = make_videos().assign(group=None)
    result = partition(videos, "split_1", 3, 0)
    assert result.videos["train"]["group"].tolist() == result.videos["train"]["video_id"].tolist()


def test_leaking_group_is_refused() -> None:
    parts = dict(partition(make_videos(), "split_1", 3, 0).videos)
    parts["val"] = parts["val"].assign(group=parts["train"]["group"].iloc[0])
    with pytest.raises(HumotionError, match="Leak: 1 groups"):
        check_partition(parts)


def test_video_in_two_splits_is_refused() -> None:
    parts = dict(partition(make_videos(), "split_1", 3, 0).videos)
    parts["test"] = pd.concat([parts["test"], parts["train"].iloc[:1]])
    with pytest.raises(HumotionError, match="Leak: 1 videos are in both train and test"):
        check_partition(parts)


def test_class_absent_from_training_is_refused() -> None:
    videos = make_videos()
    videos.loc[videos["label"] == "walk", "split_1"] = "test"
    parts = partition(videos, "split_1", 3, 0).videos
    with pytest.raises(HumotionError, match="contain walk, but no training video does"):
        check_classes(parts)


def test_classes_smaller_than_the_folds_still_make_group_clean_folds() -> None:
    videos = make_videos()
    videos["label"] = [f"motion_{number // 2}" for number in range(len(videos))]
    parts = partition(videos, "split_1", 5, 0).videos
    assert not set(parts["train"]["group"]) & set(parts["val"]["group"])
    assert len(parts["val"])


def test_empty_test_split_is_refused() -> None:
    videos = make_videos()
    with pytest.raises(HumotionError, match="No readable test video"):
        partition(videos[videos["split_1"] == "train"], "split_1", 3, 0)


def test_unknown_split_names_the_known_ones() -> None:
    with pytest.raises(HumotionError, match=r"'split_9'.*split_1, grouped"):
        partition(make_videos(), "split_9", 3, 0)


def test_too_few_groups_for_the_folds() -> None:
    with pytest.raises(HumotionError, match=r"12 groups .*Set clips\.validation_folds to at most 12,"):
        partition(make_videos(), "split_1", 13, 0)
    one = make_videos().assign(group="film")
    with pytest.raises(HumotionError, match=r"are of one group \(source recording\): film\. .*Add recordings"):
        partition(one, "split_1", 2, 0)


def test_one_class_is_refused() -> None:
    videos = make_videos()
    parts = partition(videos[videos["label"] == "walk"], "split_1", 2, 0).videos
    with pytest.raises(HumotionError, match=r"of the class walk\. A classifier needs at least two"):
        check_classes(parts)
    check_classes(partition(videos, "split_1", 2, 0).videos)
