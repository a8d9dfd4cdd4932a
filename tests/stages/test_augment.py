from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from humotion.clips.augment import Policy
from humotion.stages import augment, sample
from tests.clips.conftest import make_params, project  # noqa: F401


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


def test_same_plan_again(project: Path) -> None:  # noqa: F811
    sample.run("action", make_params())
    contents = []
    for _ in range(2):
        augment.run("action", make_params(balance="square_root"))
        contents.append({path.name: path.read_bytes() for path in sorted(Path("plans/action").iterdir())})
    assert contents[0] == contents[1]
