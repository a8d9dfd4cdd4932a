"""Every row of the ablation is a valid experiment of a model that is what the row's name says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.action_ablation import FULL, PLAIN, ROWS, Trained, add_rows, changed
from humotion.checkout.recipe_files import plain_yaml, read_recipe
from humotion.models.common.build import build_model
from humotion.params.document import load_params
from tests.support.repository import REPOSITORY

RECIPES = REPOSITORY / "recipes"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The recipe as a params.yaml."""
    params = tmp_path / "params.yaml"
    with params.open("w") as stream:
        plain_yaml().dump({"layers": {}, "fusions": {}, **read_recipe("jhmdb_pretrained", RECIPES)}, stream)
    return params


def test_rows_become_experiments_that_differ_in_what_they_say(project: Path) -> None:
    splits = ("split_1", "split_2")
    every = [Trained(row, split) for split in splits for row in ROWS]
    add_rows(project, FULL, every)
    experiments = load_params(project).experiments
    settings = {one: experiments[one.name].model_dump() for one in every}
    assert all(of["clips"]["split"] == one.split for one, of in settings.items())
    assert len({str(of["model"]) for of in settings.values()}) == len(ROWS) - 1
    assert all(of["trainer"]["head_start"] for of in settings.values())
    assert [one.row for one, of in settings.items() if of["evaluate"]["linear_probe"]] == [next(iter(ROWS))] * 2
    varied = ("model", "evaluate", "clips")
    same = [of for one, of in settings.items() if one.row != "head_start"]
    assert len({str({key: of[key] for key in of if key not in varied}) for of in same}) == 1


@pytest.mark.parametrize("row", ROWS)
def test_every_row_s_model_sees_what_it_should(row: str) -> None:
    base: dict[str, Any] = read_recipe("jhmdb_pretrained", RECIPES)["experiments"][FULL]
    named = changed(base, ROWS[row])["model"]
    del named["weights"]
    sizes = {"patch_size": 8, "dim": 32, "depth": 2, "heads": 2, "num_classes": 3, "image_size": 16}
    frames = {} if row == PLAIN else {"num_frames": 2}
    model: Any = build_model(**{**named, **sizes, **frames})
    padding = torch.zeros(1, 2, dtype=torch.bool)
    still = torch.rand(1, 1, 1, 3, 16, 16).expand(1, 2, model.num_neighbours, 3, 16, 16)
    assert model(still, padding).shape == (1, 3)
    has_short, has_long = getattr(model, "smif", None) is not None, len(getattr(model, "lmi", ())) > 0
    assert has_short == (row not in (PLAIN, "lmi", "motion_frames"))
    assert has_long == (row not in (PLAIN, "smif", "motion_frames"))
    assert (model.head.in_features > 32) == (row in ("motion_frames", "head_start", FULL))
