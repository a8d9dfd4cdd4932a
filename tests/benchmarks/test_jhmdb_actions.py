"""Rows of the table are valid experiments of the recipes, and its scores are those of the written predictions."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from benchmarks import jhmdb_answers
from benchmarks.action_rows import finished, gain_over, read_yaml, run_stages, with_changes, write_yaml
from benchmarks.jhmdb_actions import FOLDER, STAGES, Copy, add_copies, copies, make_layers, seconds_left
from benchmarks.jhmdb_rows import BLOCKS, ENSEMBLES, FUSIONS, LABELLED, LAYERS, MAJORITY, RECIPES, ROWS
from benchmarks.jhmdb_tables import LEAST, clips_of, name_of, scores_of, spread, tables, trainings_of
from humotion.checkout.recipe_files import plain_yaml, read_recipe
from humotion.clips.table import write_table
from humotion.files import write_json
from humotion.params.document import load_params
from humotion.store.layers import folder_of_layer
from humotion.tasks.action_recognition.evaluation.assessment import write_predictions
from tests.support.repository import REPOSITORY

SPLITS, CLASSES = ("split_1", "split_2"), ("walk", "run", "jump")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recipes as a params.yaml, in a folder that is entered."""
    content: dict[str, dict[str, object]] = {
        "datasets": {},
        "layers": {},
        "fusions": {},
        "experiments": {},
        "machine": {},
    }
    for recipe in RECIPES:
        for section, found in read_recipe(recipe, REPOSITORY / "recipes").items():
            content[section] |= found
    with (tmp_path / "params.yaml").open("w") as stream:
        plain_yaml().dump(content, stream)
    for layer in ("labels", "people", "features", *LAYERS):
        (tmp_path / folder_of_layer("jhmdb", layer)).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jhmdb_answers, "FILE", tmp_path / "answers.parquet")
    return tmp_path / "params.yaml"


def test_rows_become_experiments_that_differ_in_what_they_say(project: Path) -> None:
    every = copies(list(ROWS), SPLITS, [7, 8])
    assert len(set(every)) == len(every) == sum(4 if row.has_seeds else 2 for row in ROWS.values())
    make_layers(project, list(ROWS))
    add_copies(project, every, 1)
    params = load_params(project)
    assert LAYERS.keys() <= params.layers.keys()
    experiments = {one: params.experiments[one.name] for one in every}
    assert all((of.seed, of.clips.split) == (one.seed, one.split) for one, of in experiments.items())
    settings = (of.model_dump(exclude={"seed", "clips"}) for of in experiments.values())
    assert len({str(of) for of in settings}) == len(ROWS)


def test_tables_name_rows_that_are_there() -> None:
    known = {MAJORITY, *ROWS, *FUSIONS, *ENSEMBLES}
    for block in (*BLOCKS, LABELLED):
        assert {*block.rows, *block.peers} <= known
    names = list(FUSIONS)
    for number, fusion in enumerate(FUSIONS.values()):
        assert {*fusion.parts} <= {*ROWS, *names[:number]}, "a fusion of fusions comes after them, so none has itself"
    assert {one.of for one in ENSEMBLES.values()} <= {*ROWS, *FUSIONS}
    assert {row for block in (*BLOCKS, LABELLED) for row in block.rows} == known


def evaluated(row: str, split: str, seed: int, confident: dict[int, tuple[int, float]]) -> None:
    """What sample and evaluate leave of four test clips of two films: per clip its prediction and confidence."""
    labels = np.array([0, 0, 1, 2])
    clips = pd.DataFrame(
        {
            "clip_id": [f"{split}/{number}" for number in range(4)],
            "video_id": [f"{split}/{number}" for number in range(4)],
            "person": -1,
            "group": ["film_a", "film_a", "film_b", "film_b"],
            "label": [CLASSES[label] for label in labels],
            "label_id": labels,
            "frame_indices": [[0]] * 4,
            "is_padding": [[False]] * 4,
        }
    )
    name = name_of(row, split, seed)
    write_table(Path("clips") / name / "test.parquet", clips)
    write_table(Path("clips") / name / "train.parquet", clips)
    probabilities = np.full((4, 3), 0.0)
    for number, (predicted, confidence) in confident.items():
        probabilities[number] = (1 - confidence) / 2
        probabilities[number, predicted] = confidence
    (Path("reports") / name).mkdir(parents=True)
    order = np.arange(4)[::-1]  # another order than that of the table
    path = Path("reports") / name / "predictions.csv"
    write_predictions(path, clips.iloc[order], probabilities[order], list(CLASSES))


RIGHT = {0: (0, 0.8), 1: (0, 0.8), 2: (1, 0.8), 3: (2, 0.8)}


def test_scores_are_means_over_splits_then_seeds(project: Path) -> None:
    evaluated("ddnet", "split_1", 7, RIGHT)
    evaluated("ddnet", "split_2", 7, RIGHT | {0: (1, 0.8), 1: (1, 0.8)})
    evaluated("ddnet", "split_1", 8, RIGHT | {3: (0, 0.8)})
    assert list(trainings_of("ddnet", SPLITS, [7, 8])) == [7]  # split_2 of seed 8 is not finished
    evaluated("ddnet", "split_2", 8, RIGHT | {3: (0, 0.8)})
    found = trainings_of("ddnet", SPLITS, [7, 8])
    scores = scores_of(found)
    assert scores["top1"].to_dict() == pytest.approx({7: 0.75, 8: 0.75})
    # F1 of split_2 with seed 7: walk 0, run 2 * 1 / (1 + 3), jump 1; with seed 8: walk 4 / 5, run 1, jump 0
    assert scores["macro_f1"].to_dict() == pytest.approx({7: (1 + 0.5) / 2, 8: 1.8 / 3})
    assert spread(scores["top1"]) == "0.750 to 0.750 (2)"
    assert clips_of(found)["score"].tolist() == [1, 1, 1, 0.5, 0.5, 0.5, 1, 0.5]


def test_a_fusion_follows_the_more_confident_part_of_the_same_seed(project: Path) -> None:
    for split in SPLITS:
        evaluated("ls_vit", split, 7, RIGHT | {0: (1, 0.6), 3: (0, 0.9)})
        evaluated("ddnet", split, 7, RIGHT | {2: (0, 0.6), 3: (2, 1.0)})
        evaluated("ddnet", split, 8, RIGHT | {0: (2, 0.9), 2: (0, 0.9)})
    found = trainings_of("ls_vit+ddnet", SPLITS, [7, 8, 9])
    assert list(found) == [7, 8]  # LS-ViT was trained once, and counts in both
    assert found[7]["split_1"].right.tolist() == [1, 1, 1, 1]
    assert found[8]["split_1"].right.tolist() == [0, 1, 0, 0]
    expected = np.sqrt(np.array([0.9, 0.05, 0.05]) * np.array([LEAST, LEAST, 1.0]))
    np.testing.assert_allclose(found[7]["split_1"].probabilities[3], expected / expected.sum(), rtol=1e-6)
    text = tables(SPLITS, [7, 8, 9])
    fusion = next(line for line in text.splitlines() if line.startswith("| LS-ViT + DD-Net"))
    assert fusion.startswith("| LS-ViT + DD-Net | 0.625 | ")
    assert "+0.125 (" in fusion  # over LS-ViT, which has 0.5
    assert "| majority class | 0.500 |" in text


def test_an_ensemble_is_one_model_of_all_seeds(project: Path) -> None:
    for split in SPLITS:
        evaluated("ddnet", split, 7, RIGHT | {0: (1, 0.5)})
        evaluated("ddnet", split, 8, RIGHT | {3: (0, 0.9)})
    found = trainings_of("seeds:ddnet", SPLITS, [7, 8])
    assert found[7]["split_1"].right.tolist() == [1, 1, 1, 0]  # seed 8 is the surer one of clip 0
    assert scores_of(found)["top1"].to_dict() == {7: 0.75}
    assert not trainings_of("seeds:ddnet", SPLITS, [7, 8, 9])
    assert not trainings_of("seeds:ddnet", SPLITS, [7])


def test_kept_answers_stand_in_for_trainings_of_another_machine(project: Path) -> None:
    for split in SPLITS:
        evaluated("ls_vit", split, 7, RIGHT | {0: (1, 0.6)})
        evaluated("ddnet", split, 7, RIGHT)
    names = [name_of(row, split, 7) for row in ("ls_vit", "ddnet", "bigru") for split in SPLITS]
    before = tables(SPLITS, [7])
    assert jhmdb_answers.keep(names) == 4
    shutil.rmtree("reports")
    assert tables(SPLITS, [7]) == before
    evaluated("ls_vit", "split_1", 7, RIGHT | {3: (1, 0.6)})  # trained again: what is here counts, and replaces the old
    assert trainings_of("ls_vit", SPLITS, [7])[7]["split_1"].right.tolist() == [1, 1, 1, 0]
    assert jhmdb_answers.keep(names) == 1
    shutil.rmtree("reports")
    assert trainings_of("ls_vit", SPLITS, [7])[7]["split_1"].right.tolist() == [1, 1, 1, 0]
    assert trainings_of("ls_vit", SPLITS, [7])[7]["split_2"].right.tolist() == [0, 1, 1, 1]


def test_labelled_joints_are_compared_on_their_own_clips(project: Path) -> None:
    for split in SPLITS:
        evaluated("ddnet", split, 7, RIGHT | {0: (1, 0.8)})
        evaluated("ddnet_labelled", split, 7, RIGHT)
        name = name_of("ddnet_labelled", split, 7)
        test = pd.read_parquet(Path("clips") / name / "test.parquet")
        write_table(Path("clips") / name / "test.parquet", test.iloc[:2])
    block = tables(SPLITS, [7]).split("\n\n")[-1].splitlines()
    assert block[0].startswith("| Clips with labelled joints")
    assert block[2].startswith("| DD-Net, labelled joints | 1.000 | 1.000 |  | +0.500 (")
    assert block[3].startswith("| DD-Net | 0.500 |")


def test_splits_have_the_same_weight_in_a_difference() -> None:
    mine = pd.DataFrame({"split": list("aaab"), "group": list("uvwx"), "score": [1.0, 1, 1, 0]})
    mine.index = pd.MultiIndex.from_arrays([mine["split"], range(4)], names=["of", "clip"])
    other = mine.assign(score=0.0).iloc[::-1]
    assert gain_over(mine, other).difference == pytest.approx(0.5)


def test_what_is_finished_is_not_run_again_and_tells_the_time_left(project: Path) -> None:
    every = [Copy("ddnet", split, seed) for split in SPLITS for seed in (7, 8)] + [Copy("bigru", "split_1", 7)]
    write_json(FOLDER / f"{every[0].name}.done", {"seconds": 30.0})
    write_json(FOLDER / f"{every[1].name}.done", {"seconds": 50.0})
    run_stages(every[0].name, STAGES, FOLDER)
    assert not (FOLDER / f"{every[0].name}.log").exists()
    assert (finished(every[1].name, FOLDER), finished(every[2].name, FOLDER)) == (50.0, None)
    assert seconds_left(every, 2) == pytest.approx(3 * 40 / 2)


def test_a_failed_stage_is_said_with_its_log(project: Path) -> None:
    FOLDER.mkdir()
    with pytest.raises(SystemExit, match=r"no_such failed: see .*no_such\.log"):
        run_stages("no_such", ("sample",), FOLDER)
    assert "no_such" in (FOLDER / "no_such.log").read_text()
    assert finished("no_such", FOLDER) is None


SHARED: dict[str, Any] = {"evaluate.orders": []}


def test_copies_with_an_empty_list_can_be_read_again(tmp_path: Path) -> None:
    """Two copies share no value, and a comment of the original does not move into the line of another key."""
    text = "base:\n  evaluate:\n    orders:                # a remark\n    - reversed\n  register:\n    metric: top1\n"
    path = tmp_path / "params.yaml"
    path.write_text(text)
    content = read_yaml(path)
    for name in ("one", "other"):
        content[name] = with_changes(content["base"], SHARED)
    write_yaml(path, content)
    written = YAML(typ="safe").load(path.read_text())
    assert written["one"] == written["other"] == {"evaluate": {"orders": []}, "register": {"metric": "top1"}}
    assert "&" not in path.read_text()
