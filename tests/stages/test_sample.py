from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from humotion.datasets.penn_action import SKELETON
from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.params.document import Params
from humotion.stages import sample
from humotion.store.skeleton import Skeleton
from tests.clips.conftest import project  # noqa: F401
from tests.support.prepared import make_params


def read_clips(name: str) -> dict[str, pd.DataFrame]:
    return {split: pd.read_parquet(f"clips/{name}/{split}.parquet") for split in ("train", "val", "test")}


def test_action_clips(project: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    sample.run("action", make_params())
    clips, meta = read_clips("action"), read_json(Path("clips/action/meta.json"))
    assert sorted(clips["test"]["video_id"]) == ["v04", "v06", "v11", "v13"]
    training = set(clips["train"]["video_id"]) | set(clips["val"]["video_id"])
    assert training == {"plain", *(f"v{i:02d}" for i in range(14))} - {"v04", "v06", "v11", "v13"}
    assert not set(clips["train"]["group"]) & set(clips["val"]["group"])
    for table in clips.values():
        assert (table["frame_indices"].map(len) == 4).all()
    last = clips["test"].set_index("clip_id").loc["v13"]  # 16 frames
    assert last["frame_indices"].tolist() == [0, 5, 10, 15]
    assert meta["classes"] == ["jump", "walk"]
    assert meta["left_out"] == {"count": 1, "video_ids": {"corrupt": ["broken"]}}
    assert (meta["num_in_no_split"], meta["used_in_part"], meta["untrained_classes"]) == (1, {}, [])
    said = [
        f"action: clips: {len(clips['train'])} train, {len(clips['val'])} val, 4 test",
        "action: videos left out: 1 corrupt, 1 with no role in split_1 (named in clips/action/meta.json)",
    ]
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("action:")] == said
    assert meta["counts"]["test"] == {"clips": 4, "videos": 4, "groups": 4, "padded_clips": 0}
    # v04 and v05 come from one film, on both sides of the official split; so do v06/v07, v10/v11, v12/v13.
    shared = meta["split"]["groups_in_train_and_test"]
    assert shared == {"num_groups": 4, "num_test_videos": 4, "groups": ["film2", "film3", "film5", "film6"]}


def test_what_is_left_out_is_said_and_kept_in_meta(
    project: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A class of which nothing can be read, truncated videos, videos in no split and without a group."""
    tables = {name: Path(f"prepared/tiny/{name}.parquet") for name in ("videos", "frames")}
    videos, frames = (pd.read_parquet(path) for path in tables.values())
    videos.loc[videos["video_id"] == "v00", "split_1"] = None
    videos.loc[videos["video_id"].isin(["v01", "v02"]), "group"] = None
    lost = videos.loc[videos["video_id"] == "broken"].assign(video_id="lost", label="sit", label_id=2)
    videos = pd.concat([videos, lost], ignore_index=True)
    frames = pd.concat([frames, frames[frames["video_id"] == "broken"].assign(video_id="lost")], ignore_index=True)
    frames.loc[frames["video_id"].isin(["v03", "v04", "v05"]), "status"] = "truncated"
    videos.to_parquet(tables["videos"])
    frames.to_parquet(tables["frames"])
    sample.run("action", make_params())
    meta = read_json(Path("clips/action/meta.json"))
    assert meta["num_in_no_split"] == 2 and meta["used_in_part"] == {"truncated": 3}
    assert meta["untrained_classes"] == ["sit"] and meta["split"]["num_without_group"] == 2
    assert [line.removeprefix("action: ") for line in capsys.readouterr().out.splitlines()[1:]] == [
        "videos left out: 2 corrupt, 2 with no role in split_1 (named in clips/action/meta.json)",
        "videos used as far as they can be read: 3 truncated",
        "2 videos have no group, so each counts as a recording of its own",
        "NO CLIP of 1 of 3 classes: sit",
    ]


def test_the_grouped_protocol_uses_videos_of_no_official_split(project: Path) -> None:  # noqa: F811
    params = make_params()
    action = params.experiments["action"]
    grouped = action.model_copy(update={"clips": action.clips.model_copy(update={"split": "grouped"})})
    path = Path("prepared/tiny/videos.parquet")
    videos = pd.read_parquet(path)
    videos.loc[videos["video_id"] == "v00", "split_1"] = None
    videos.to_parquet(path)
    sample.run("action", params.model_copy(update={"experiments": {"action": grouped}}))
    clips, meta = read_clips("action"), read_json(Path("clips/action/meta.json"))
    assert {video for table in clips.values() for video in table["video_id"]} == {
        "plain",
        *(f"v{i:02d}" for i in range(14)),
    }
    assert not set(clips["train"]["group"]) & set(clips["test"]["group"])
    assert meta["split"]["groups_in_train_and_test"]["num_groups"] == 0
    assert meta["split"]["column"] == "grouped"


def test_pose_clips(project: Path) -> None:  # noqa: F811
    sample.run("pose", make_params())
    clips, meta = read_clips("pose"), read_json(Path("clips/pose/meta.json"))
    assert Skeleton.from_dict(meta["skeleton"]) == SKELETON
    assert (clips["train"]["person"] == 0).all()
    assert meta["left_out"]["video_ids"] == {"corrupt": ["broken"], "no joints": ["plain"]}
    frames = pd.read_parquet("prepared/tiny/frames.parquet").set_index("video_id")["num_frames"]
    for split in ("val", "test"):
        for row in clips[split].itertuples():
            assert row.frame_indices.tolist() == list(range(frames[row.video_id]))
            assert not row.is_padding.any()
    for video_id, rows in clips["train"].groupby("video_id"):
        assert (rows["frame_indices"].map(len) == 5).all()
        assert set(rows["frame_indices"].explode()) == set(range(frames[video_id]))
        assert rows["is_padding"].map(any).any() == (frames[video_id] < 5)
    assert clips["train"]["clip_id"].is_unique


def test_same_input_gives_the_same_bytes(project: Path) -> None:  # noqa: F811
    contents = []
    for _ in range(2):
        sample.run("action", make_params())
        contents.append({path.name: path.read_bytes() for path in sorted(Path("clips/action").iterdir())})
    assert contents[0] == contents[1]


def test_no_usable_video_says_why(project: Path) -> None:  # noqa: F811
    path = Path("prepared/tiny/frames.parquet")
    pd.read_parquet(path).assign(status="missing").to_parquet(path)
    with pytest.raises(HumotionError, match="16 missing"):
        sample.run("action", make_params())
    assert not Path("clips/action").exists()


def test_a_long_tail_thins_out_training_clips_alone(project: Path) -> None:  # noqa: F811
    sample.run("action", make_params())
    before = read_clips("action")
    assert read_json(Path("clips/action/meta.json"))["long_tail"] is None
    params = make_params().model_dump(by_alias=True)
    params["experiments"]["action"]["clips"]["long_tail"] = {"ratio": 4, "seed": 1}
    sample.run("action", Params.model_validate(params))
    after, facts = read_clips("action"), read_json(Path("clips/action/meta.json"))["long_tail"]
    for split in ("val", "test"):
        pd.testing.assert_frame_equal(after[split], before[split])
    assert set(after["train"]["clip_id"]) < set(before["train"]["clip_id"])
    counts = after["train"]["label"].value_counts().to_dict()
    assert {label: row["videos_after"] for label, row in facts["classes"].items()} == counts
    assert (facts["ratio"], facts["seed"]) == (4, 1)


def test_one_class_is_refused_before_training(project: Path) -> None:  # noqa: F811
    path = Path("prepared/tiny/videos.parquet")
    videos = pd.read_parquet(path)
    videos.assign(label="walk", label_id=0).to_parquet(path)
    with pytest.raises(HumotionError, match="of the class walk"):
        sample.run("action", make_params())
    sample.run("pose", make_params())  # a pose has no class
    assert not Path("clips/action").exists()
