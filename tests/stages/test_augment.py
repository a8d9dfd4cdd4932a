from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from humotion.clips.augment import Policy
from humotion.clips.datamodule import ClipDataModule
from humotion.clips.dataset import ClipDataset
from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.exploration.plan import sheet_rows
from humotion.params.experiment import TransformParams
from humotion.stages import augment, sample
from tests.clips.conftest import project  # noqa: F401
from tests.support.prepared import make_params


@pytest.mark.parametrize("name", ["action", "pose"])
def test_plan(name: str, project: Path) -> None:  # noqa: F811
    params = make_params(balance="oversample", replicas=2)
    sample.run(name, params)
    before = {path.name: path.read_bytes() for path in Path(f"clips/{name}").iterdir()}
    augment.run(name, params)
    assert before == {path.name: path.read_bytes() for path in Path(f"clips/{name}").iterdir()}

    clips, plan = (pd.read_parquet(f"{room}/{name}/train.parquet") for room in ("clips", "plans"))
    assert set(plan["video_id"]) == set(clips["video_id"])  # training clips, and no others
    counts = pd.read_csv(f"plans/{name}/class_counts.csv")
    most = clips["label"].value_counts().max()
    assert counts["label"].tolist() == ["jump", "walk"]
    assert counts["before"].tolist() == clips["label"].value_counts()[["jump", "walk"]].tolist()
    assert counts["after"].tolist() == [2 * most, 2 * most]
    assert len(plan) == 4 * most

    assert Policy.load(Path(f"plans/{name}/policy.json")).crops_itself == (name == "action")
    sheet = Image.open(f"plans/{name}/contact_sheet.jpg")
    assert sheet.width > sheet.height / 2
    assert Image.open(f"plans/{name}/class_counts.png").width > 400
    report = Path(f"plans/{name}/report.md").read_text()
    few = clips["label"].value_counts().min()
    assert f"| all | {len(clips)} | {4 * most} |" in report
    assert f"| largest / smallest | {most / few:.2f} | 1.00 |" in report
    assert f"| jump | {few} | {2 * most} | {2 * most / few:.2f} |" in report
    assert "| HorizontalFlip | p 0.5 |" in report
    assert all((Path("plans") / name / figure).exists() for figure in re.findall(r"\]\((.+?)\)", report))


def test_captions_count_the_joints_that_left_the_frame(project: Path) -> None:  # noqa: F811
    params = make_params()
    shift = TransformParams(name="Affine", translate_px={"x": [12, 12], "y": [0, 0]}, p=1.0)
    pose = params.experiment("pose")
    moved = pose.model_copy(update={"augment": pose.augment.model_copy(update={"policy": (shift,)})})
    params = params.model_copy(update={"experiments": {"pose": moved}})
    sample.run("pose", params)
    augment.run("pose", params)
    module = ClipDataModule("pose", params)
    after = module.dataset("train")
    before = ClipDataset(module.table("train"), module.store, module.input.make(moved.augment, PENN_ACTION))
    rows = sheet_rows(before, after, PENN_ACTION)
    first_of_each = before.table.drop_duplicates("label_id").sort_values("label_id").index
    num_absent = 0
    for (_, tiles), index in zip(rows, first_of_each, strict=True):
        absent = int((after[index]["visibility"][0] == 0).sum())
        expected = f"{13 - absent} visible, {absent} absent" if absent else "13 visible"
        assert (tiles[0].caption[1], tiles[4].caption[1]) == ("13 visible", expected)
        num_absent += absent
    assert num_absent


def test_same_plan_again(project: Path) -> None:  # noqa: F811
    sample.run("action", make_params())
    contents = []
    for _ in range(2):
        augment.run("action", make_params(balance="square_root"))
        contents.append({path.name: path.read_bytes() for path in sorted(Path("plans/action").iterdir())})
    assert contents[0] == contents[1]
