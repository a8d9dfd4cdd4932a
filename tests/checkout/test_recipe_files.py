"""Recipes whose entries are like others: what they become, and which ones are refused."""

from __future__ import annotations

import re
from functools import reduce
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from humotion.checkout.recipe_files import read_recipe
from humotion.checkout.recipes import show_recipe
from humotion.errors import HumotionError
from humotion.params.document import validate_params
from tests.support.repository import REPOSITORY

RECIPES = REPOSITORY / "recipes"
BASE = """\
# The base.
experiments:
  a:
    seed: 7                     # lucky
    augment:
      size: 96                  # pixels
      geometry: {scale: [0.5, 2.0], rotate: 30}
    optimizer:
      lr: 1.0e-3
      decay: 0.1
"""


def read(folder: Path, text: str, base: str = BASE) -> Any:
    (folder / "base.yaml").write_text(base)
    (folder / "own.yaml").write_text(text)
    return read_recipe("own", folder)["experiments"]


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(HumotionError) as caught:
        read(folder, text)
    return str(caught.value)


def test_an_entry_says_only_what_differs(tmp_path: Path) -> None:
    text = """\
experiments:
  c: {like: b, without: [optimizer.decay], seed: 8}
  b:
    like: base/a
    augment: {size: 368, geometry: {rotate: 40}}
    policy: []
"""
    found = read(tmp_path, text)
    assert found["b"] == {
        "seed": 7,
        "augment": {"size": 368, "geometry": {"scale": [0.5, 2.0], "rotate": 40}},
        "optimizer": {"lr": 0.001, "decay": 0.1},
        "policy": [],
    }
    assert found["c"] == {**found["b"], "seed": 8, "optimizer": {"lr": 0.001}}
    assert read_recipe("base", tmp_path)["experiments"]["a"]["augment"]["size"] == 96  # nothing is changed on the way


def test_a_list_is_replaced_and_a_section_can_be(tmp_path: Path) -> None:
    changes = "without: [optimizer], optimizer: {name: sgd}, augment: {geometry: {scale: [1]}}"
    found = read(tmp_path, f"experiments:\n  b: {{like: base/a, {changes}}}\n")["b"]
    assert found["optimizer"] == {"name": "sgd"}
    assert found["augment"]["geometry"] == {"scale": [1], "rotate": 30}


def test_comments_stay_with_their_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    monkeypatch.chdir(tmp_path)
    text = "experiments:\n  b:\n    like: base/a\n    augment:\n      size: 368               # larger\n"
    read(tmp_path / "recipes", text)
    shown = show_recipe("own")
    assert YAML(typ="safe").load(shown)["experiments"]["b"]["augment"]["size"] == 368
    assert "seed: 7                     # lucky" in shown
    assert "size: 368               # larger" in shown
    assert "pixels" not in shown  # it was said of another value


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("{like: b}", "Recipes refer to each other in a circle: own/b is like own/b."),
        ("{like: c}\n  c: {like: own/b}", "own/b is like own/c is like own/b"),
        ("{like: base/z}", "recipes/base.yaml has no 'z' in `experiments`. It has a."),
        ("{like: nosuch/a}", "There is no recipe 'nosuch'"),
        ("{like: ../outside/a}", "There is no recipe '../outside'"),
        ("{like: base/a, without: [augment.sise]}", "b is without augment.sise, but a does not have augment.sise"),
        ("{like: base/a, without: [seed.of]}", "b is without seed.of, but a does not have seed.of"),
        ("[", "is not valid YAML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, entry: str, complaint: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "outside.yaml").write_text(BASE)
    assert complaint in refusal(tmp_path / "folder", f"experiments:\n  b: {entry}\n")


def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path) -> None:
    assert "is not a recipe" in refusal(tmp_path, "# Nothing.\n")
    assert "is not a recipe" in refusal(tmp_path, "experiments: 3\n")


def test_a_section_that_a_recipe_cannot_set_is_refused(tmp_path: Path) -> None:
    text = "experiments: {}\nsweeps: {b: {trials: 3}}\n"
    assert "has the section `sweeps`, which a recipe cannot set: it has datasets, layers, experiments" in refusal(
        tmp_path, text
    )


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*.yaml")))
def test_the_recipes_of_the_repository(name: str) -> None:
    recipe = read_recipe(name, RECIPES)
    params = validate_params(recipe, "not valid:")
    assert len(params.datasets) == 1  # `humotion recipe NAME --root` sets the root of that dataset
    # DVC needs every section that a stage tracks, also where the schema has a default.
    sections = {"task", "dataset", "layer", "input", "seed", "clips", "augment", "model"}
    sections |= {"optimizer", "trainer", "evaluate", "register"}
    for experiment in recipe["experiments"].values():
        assert set(experiment) == sections
    stages = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"]
    for stage in stages.values():  # and every value that a stage names
        entries = recipe.get(str(stage.get("foreach", "")).strip("${}"), {})
        for path, entry in product(re.findall(r"\$\{item\.([\w.]+)\}", str(stage.get("do"))), entries.values()):
            assert reduce(lambda value, key: value[key], path.split("."), entry) is not None, path


def test_the_recipes_repeat_little() -> None:
    assert sum(len(path.read_text().splitlines()) for path in RECIPES.glob("*.yaml")) < 740
