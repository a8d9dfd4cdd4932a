from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from humotion.checkout.recipes import apply_recipe, describe_recipes
from humotion.errors import HumotionError
from humotion.params.document import load_params
from tests.support.repository import REPOSITORY

TEXT = """\
# Every knob.

# Facts: raw footage.
datasets:
  films:                        # of our own
    layout: folder
    root: data/films
  other:
    layout: folder              # one folder a class
    root: data/other

# Facts that a tool finds.
layers: {}
fusions: {}

# Choices: a model trained on a dataset.
experiments:
  ls_vit:                       # the first one
    task: action_recognition
    layer: labels
    input: whole_frames
    dataset: films
    clips:
      num_frames: 16            # over the whole clip
      validation_folds: 3
    model: {family: vit, name: ls_vit}
    optimizer: {lr: 1.0e-3}
    # As long as patience lasts.
    trainer:
      epochs: 20                # of all clips
      batch_size: 16

  mine:
    task: action_recognition
    layer: labels
    input: whole_frames
    dataset: other
    model: {family: vit, name: vit}
    optimizer: {lr: 1.0e-3}
    trainer: {epochs: 1, batch_size: 2}

# What this machine can do.
machine:
  workers: auto                 # processes
  tracking_uri: null
"""
RECIPE = """\
# Tiny: for a test.
datasets:
  tiny:
    layout: hmdb51
    root: data/tiny             # where it is unpacked
experiments:
  ls_vit:
    task: action_recognition
    layer: labels
    input: whole_frames
    dataset: tiny
    clips:
      num_frames: 8
    model: {family: vit, name: ls_vit}
    optimizer: {lr: 1.0e-4}
    trainer:
      epochs: 40
      batch_size: 16
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "checkout"
    (folder / "recipes").mkdir(parents=True)
    (folder / "params.yaml").write_text(TEXT)
    (folder / "dvc.yaml").write_text("stages: {}\n")
    (folder / "recipes" / "tiny.yaml").write_text(RECIPE)
    monkeypatch.chdir(folder)
    return folder


def test_values_are_the_recipes_and_the_rest_stays(checkout: Path) -> None:
    said = apply_recipe("tiny")
    params = YAML(typ="safe").load(Path("params.yaml"))
    recipe = YAML(typ="safe").load(RECIPE)
    assert params["experiments"]["ls_vit"] == recipe["experiments"]["ls_vit"]
    assert params["datasets"] == {"other": {"layout": "folder", "root": "data/other"}, **recipe["datasets"]}
    assert params["experiments"]["mine"] == YAML(typ="safe").load(TEXT)["experiments"]["mine"]
    assert load_params().experiment("ls_vit").dataset == "tiny"
    assert "ls_vit now train on tiny (data/tiny)" in said
    assert "No experiment uses films any more: removed from datasets." in said
    assert said.endswith("Next: make repro")


def test_comments_stay(checkout: Path) -> None:
    apply_recipe("tiny")
    text = Path("params.yaml").read_text()
    comments = [line[line.index("#") :] for line in TEXT.splitlines() if "#" in line]
    assert [comment for comment in comments if comment not in text] == ["# of our own"]  # its dataset is gone
    assert "data/tiny             # where it is unpacked" in text
    assert "      num_frames: 8             # over the whole clip\n" in text
    assert text.index("data/tiny") < text.index("\n# Choices") < text.index("experiments:")
    assert text.endswith(TEXT[TEXT.index("# What this machine") :])
    assert "\n\n  mine:" in text


def test_applied_again_it_changes_nothing(checkout: Path) -> None:
    apply_recipe("tiny")
    text = Path("params.yaml").read_text()
    apply_recipe("tiny")
    assert Path("params.yaml").read_text() == text


def test_the_recipes_fit_the_repositorys_params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    shutil.copytree(REPOSITORY / "recipes", tmp_path / "recipes")
    monkeypatch.chdir(tmp_path)
    original = Path("params.yaml").read_text()
    for recipe in sorted(Path("recipes").glob("*.yaml")):
        Path("params.yaml").write_text(original)
        apply_recipe(recipe.stem)
        params = load_params()
        (dataset,) = YAML(typ="safe").load(recipe.read_text())["datasets"]
        assert any(experiment.dataset == dataset for experiment in params.experiments.values())
        assert dataset in params.datasets
        text = Path("params.yaml").read_text()
        assert [line for line in original.splitlines() if line.startswith("#") and line not in text] == []


def test_a_recipe_may_bring_a_rebalance_section(checkout: Path) -> None:
    (checkout / "recipes" / "tiny.yaml").write_text(RECIPE + "rebalance:\n  ls_vit: {seed: 4}\n")
    apply_recipe("tiny")
    assert load_params().rebalance["ls_vit"].seed == 4
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("{seed: 4}", "{seed: 5}") + "  mine: {seed: 6}\n")
    apply_recipe("tiny")
    assert {name: section.seed for name, section in load_params().rebalance.items()} == {"ls_vit": 4, "mine": 6}
    apply_recipe("tiny")
    assert Path("params.yaml").read_text().count("rebalance:") == 1


def test_a_root_is_relative_to_the_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout.parent / "raw" / "Tiny").mkdir(parents=True)
    (checkout / "reports").mkdir()
    monkeypatch.chdir(checkout / "reports")
    apply_recipe("tiny", root=Path("../../raw/Tiny"))
    assert load_params(checkout / "params.yaml").dataset("tiny").root == Path("../raw/Tiny")


def test_into_makes_a_clone_and_leaves_this_checkout(checkout: Path) -> None:
    raw = checkout.parent / "raw"
    raw.mkdir()
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "a"]):
        subprocess.run(["git", *arguments], check=True)
    said = apply_recipe("tiny", root=Path("../raw"), into=Path("../deep/new"))
    new = checkout.parent / "deep" / "new"
    assert load_params(new / "params.yaml").dataset("tiny").root == Path("../../raw")
    assert Path("params.yaml").read_text() == TEXT
    status = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True)
    assert not status.stdout
    assert said.endswith("Next: cd ../deep/new && make repro") and "uncommitted" not in said
    Path("params.yaml").write_text(f"# Mine.\n{TEXT}")
    Path("recipes/new.yaml").write_text(RECIPE)
    said = apply_recipe("tiny", root=Path("../raw"), into=Path("../third"))
    assert "The clone has the last commit: 2 files with uncommitted changes are not in it.\n" in said
    with pytest.raises(HumotionError, match="exists already"):
        apply_recipe("tiny", into=Path("../deep/new"))


def test_mistakes_change_nothing(checkout: Path) -> None:
    with pytest.raises(HumotionError, match=r"no recipe 'nosuch'(.|\n)*tiny +Tiny: for a test\."):
        apply_recipe("nosuch")
    with pytest.raises(HumotionError, match="--root absent is not a folder"):
        apply_recipe("tiny", root=Path("absent"))
    with pytest.raises(HumotionError, match=r"Cloning .* failed"):  # this checkout is no git repository
        apply_recipe("tiny", into=Path("../new"))
    (checkout / "recipes" / "tiny.yaml").write_text(RECIPE.replace("epochs: 40", "epochs: 0"))
    with pytest.raises(HumotionError, match="epochs"):
        apply_recipe("tiny")
    assert Path("params.yaml").read_text() == TEXT
    assert sorted(path.name for path in checkout.iterdir()) == ["dvc.yaml", "params.yaml", "recipes"]


def test_list(checkout: Path) -> None:
    assert describe_recipes().splitlines()[1:] == ["  tiny  Tiny: for a test."]
