"""How sure a model of several people is of new videos, beside its validation images."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from humotion.drift.rows import _sureness
from humotion.drift.sureness import sureness_of
from humotion.files import read_json, write_json
from tests.export.folders import folder_of


def test_the_share_of_believed_joints_is_that_of_everybody(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "model", "open_pose", "2 hourglasses, COCO")
    rule = {"person_threshold": 0.5, "joint_threshold": 0.4}
    write_json(folder / "model.json", {**read_json(folder / "model.json"), "abstention": rule})
    images = [([0.9, 0.1], [0.5, 0.3, 0.9, 0.9]), ([], []), ([0.6], [0.4, 0.41])]
    table = pd.DataFrame(images, columns=["scores", "joint_scores"])
    table.to_parquet(folder / "validation.parquet")
    people = [[{"believed": [True, False]}, {"believed": [True, True]}], []]
    row = _sureness({"people": {"frames": people}})
    assert row == {"believed": 0.75} and _sureness({"people": {"frames": [[]]}}) == {"believed": None}
    found = sureness_of(folder, pd.DataFrame([{**row, "confidence": None, "over_time": None}]))
    assert found is not None and found.validation.tolist() == [0.25, 1.0] and found.new.tolist() == [0.75]
    never = {**rule, "joint_threshold": None}
    write_json(folder / "model.json", {**read_json(folder / "model.json"), "abstention": never})
    nobody = sureness_of(folder, pd.DataFrame([{**row, "confidence": None, "over_time": None}]))
    assert nobody is not None and nobody.validation.max() == pytest.approx(0)
