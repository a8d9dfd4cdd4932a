"""sample, augment, train, evaluate and register on a tiny project, with a real MLflow store."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from humotion.checkout.join import join
from humotion.checkout.summary import summarise
from humotion.comparison.compare import compare
from humotion.errors import HumotionError
from humotion.evaluation.face import load_face
from humotion.files import read_json
from humotion.params.document import AnyExperiment
from humotion.params.tasks.pose_estimation import PoseEvaluateParams, PoseRegisterParams
from humotion.registration.card import card
from humotion.registration.rule import Decision, Incumbent, decide, validated_on
from humotion.stages import augment, evaluate, register, sample, train
from humotion.tracking import registry
from humotion.tracking.store import connect
from humotion.training.description import read_description
from humotion.training.model_folder import load_task
from humotion.work import digest_of_file
from tests.support.tiny_project import build_project, tiny_params

EXPERIMENTS = ("action", "pose")
MAIN = {"action": ("top1", "majority"), "pose": ("pck_0.2", "mean_pose")}
MODEL = {"action": "ls_vit-tiny", "pose": "lstm_pm-tiny"}


@pytest.fixture(scope="module")
def store() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture(scope="module")
def finished(store: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which every stage has run, for both experiments."""
    folder = build_project(tmp_path_factory.mktemp("finished"))
    with contextlib.chdir(folder):
        for name in EXPERIMENTS:
            for stage in (sample, augment, train, evaluate, register):
                stage.run(name, tiny_params())
    return folder


@pytest.fixture
def champion_scores(own_project: Path) -> Iterator[Path]:
    """validation.parquet of version 1 where the store keeps it, put back at the end: the stores share it."""
    model_id = str(connect().get_model_version("ls_vit-tiny", "1").source).removeprefix("models:/")
    location = str(connect().get_logged_model(model_id).artifact_location)
    path = next(Path(location.removeprefix("file://")).rglob("validation.parquet"))
    content = path.read_bytes()
    yield path
    path.write_bytes(content)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def versions(name: str) -> dict[str, list[str]]:
    client = connect()
    found = client.search_model_versions(f"name = '{MODEL[name]}'")
    return {str(v.version): client.get_model_version(MODEL[name], v.version).aliases for v in found}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_files(project: Path, name: str) -> None:
    assert files(project / "models" / name) == {"model.json", "model.safetensors", "model.ckpt", "validation.parquet"}
    assert {"train.json", "curves.csv", "test.json", "breakdown.csv"} <= files(project / "metrics" / name)
    report = files(project / "reports" / name)
    assert {"summary.json", "clips.parquet", "scores.md"} <= report
    assert [path for path in report if path.endswith(".png")]
    assert [path for path in report if path.endswith(".mp4")]
    assert len([path for path in report if path.startswith("motion/")]) == (2 if name == "action" else 0)
    assert not list((project / ".humotion" / "work" / "train").iterdir()), "finished work is cleared away"
    assert not [path for path in files(project) if Path(path).name.startswith(".")], "no litter"


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_metrics(project: Path, name: str) -> None:
    main, baseline = MAIN[name]
    test = read_json(Path("metrics") / name / "test.json")
    assert test["num_clips"] == 4
    assert 0 <= test["test"][main] <= 1
    assert main in test["baseline"][baseline]
    assert test["gain"]["metric"] == main
    difference = test["test"][main] - test["baseline"][baseline][main]
    assert test["gain"]["difference"] == pytest.approx(difference)
    trained = read_json(Path("metrics") / name / "train.json")
    curves = pd.read_csv(Path("metrics") / name / "curves.csv")
    best = curves.loc[curves["epoch"] == trained["best_epoch"]].iloc[0]
    assert best[f"val/{main}"] == curves[f"val/{main}"].max() == pytest.approx(trained["val"][main])
    assert curves["epoch"].tolist() == [0, 1]
    assert "time" not in json.dumps(trained)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_scores_of_clips_pool_to_the_test_scores(project: Path, name: str) -> None:
    clips = pd.read_parquet(Path("reports") / name / "clips.parquet")
    test = read_json(Path("metrics") / name / "test.json")
    assert set(clips["clip_id"]) == set(pd.read_parquet(Path("clips") / name / "test.parquet")["clip_id"])
    assert MAIN[name][0] in set(clips["metric"])
    for metric, of_metric in clips[clips["weight"] > 0].groupby("metric"):
        pooled = (of_metric["score"] * of_metric["weight"]).sum() / of_metric["weight"].sum()
        assert pooled == pytest.approx(test["test"][metric], abs=1e-6)


def test_poses_at_several_scales_and_by_another_decoding(own_project: Path) -> None:
    """Another evaluation of the same model: other joints, the same metrics, and comparable with the first."""
    before = read_json(Path("metrics") / "pose" / "test.json")["test"]
    settings = {"overlays": 0, "bootstrap": 100, "scales": [0.8, 1.2], "decoding": "argmax"}
    params = tiny_params()
    pose = params.experiment("pose")
    other = PoseEvaluateParams.model_validate(settings)
    changed = params.model_copy(update={"experiments": {"pose": pose.model_copy(update={"evaluate": other})}})
    shutil.copytree("reports/pose", "reports/plain")
    evaluate.run("pose", changed)
    after = read_json(Path("metrics") / "pose" / "test.json")["test"]
    assert set(after) == set(before)
    assert after["acceleration_labels"] == before["acceleration_labels"]
    assert after["acceleration"] != before["acceleration"]
    assert "argmax, at scales (0.8, 1.2)" in Path("reports/pose/scores.md").read_text()
    assert "pose - plain" in compare(["plain", "pose"], num_resamples=100)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_validation_scores_are_those_of_the_chosen_epoch(project: Path, name: str) -> None:
    """The table on which versions are compared pools to the metric that chose the checkpoint."""
    scores = pd.read_parquet(Path("models") / name / "validation.parquet")
    pooled = (scores["score"] * scores["weight"]).sum() / scores["weight"].sum()
    assert pooled == pytest.approx(read_json(Path("metrics") / name / "train.json")["val"][MAIN[name][0]], abs=1e-6)
    assert set(scores["clip_id"]) == set(pd.read_parquet(Path("clips") / name / "val.parquet")["clip_id"])


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_run(project: Path, name: str) -> None:
    client = connect()
    description = read_description(Path("models") / name)
    run = client.get_run(description.run_id)
    main, baseline = MAIN[name]
    test = read_json(Path("metrics") / name / "test.json")
    assert run.info.status == "FINISHED"
    assert run.data.metrics[f"test/{main}"] == pytest.approx(test["test"][main])
    assert f"test_baseline/{baseline}/{main}" in run.data.metrics
    assert f"best_val/{main}" in run.data.metrics
    history = client.get_metric_history(description.run_id, f"val/{main}")
    assert len(history) == 2
    assert run.data.params["trainer.epochs"] == "2"
    assert not [key for key in run.data.params if key.startswith(("evaluate", "register"))]
    assert run.data.tags["evaluate.bootstrap"] == "100"
    assert run.data.tags["data.plan.md5"] == description.data_md5["plan"]
    listed = (client.list_artifacts(run.info.run_id, under) for under in ("train", "evaluate", "augment"))
    logged = {entry.path for entries in listed for entry in entries}
    assert {"evaluate/curves.png", "evaluate/summary.json", "augment/policy.json"} <= logged
    note = run.data.tags["mlflow.note.content"]
    assert f"dvc repro train@{name}" in note
    assert note.count("### Figures") == 1
    assert f"{test['test'][main]:.4f}" in note


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_first_version_is_champion_and_registering_again_changes_nothing(project: Path, name: str) -> None:
    before = read_json(Path("registered") / f"{name}.json")
    assert before["alias"] == "champion"
    assert before["reason"] == "there was no champion"
    assert before["uri"] == f"models:/{MODEL[name]}@champion"
    register.run(name, tiny_params())
    assert versions(name) == {"1": ["champion"]}
    after = read_json(Path("registered") / f"{name}.json")
    assert after == before
    card = connect().get_model_version(MODEL[name], "1").description
    test = read_json(Path("metrics") / name / "test.json")["test"]
    row = next(line for line in card.splitlines() if line.startswith(f"| {MAIN[name][0]} |"))
    assert f" {test[MAIN[name][0]]:.4f} |" in row
    for section in ("Intended use", "Data", "Metrics", "How it was chosen", "Limits", "Licence", "Lineage"):
        assert f"\n## {section}\n" in card


def retrain(name: str, **changes: Any) -> dict[str, Any]:
    """Train with other settings, evaluate and register; what the last stage wrote."""
    params = tiny_params(epochs=1, **changes)
    for stage in (train, evaluate, register):
        stage.run(name, params)
    return read_json(Path("registered") / f"{name}.json")


def test_only_a_version_that_is_better_beyond_noise_takes_over(champion_scores: Path) -> None:
    second = retrain("action", seed=4)
    assert (second["version"], second["alias"]) == ("2", "challenger")
    assert "validation gain in top1" in second["reason"]
    assert versions("action") == {"1": ["champion"], "2": ["challenger"]}
    assert read_json(Path("metrics/action/test.json"))["test"], "evaluated, and without a say"

    # A champion that was wrong about every validation clip, and this one right.
    for path, score in ((champion_scores, 0.0), (Path("models/action/validation.parquet"), 1.0)):
        pd.read_parquet(path).assign(score=score).to_parquet(path)
    register.run("action", tiny_params(epochs=1, seed=4))
    assert versions("action") == {"1": [], "2": ["champion"]}
    promoted = read_json(Path("registered/action.json"))
    assert "+1.0000" in promoted["reason"]

    registry.demote("ls_vit-tiny", "2", "1", "it was a fluke")
    assert versions("action") == {"1": ["champion"], "2": []}
    for _ in range(2):
        register.run("action", tiny_params(epochs=1, seed=4))
        demoted = read_json(Path("registered/action.json"))
        assert (demoted["alias"], demoted["uri"]) == (None, "models:/ls_vit-tiny/2")
        assert "it was a fluke" in demoted["reason"]
        assert versions("action") == {"1": ["champion"], "2": []}
    register.run("action", tiny_params(epochs=1, seed=4), again=True)
    assert versions("action") == {"1": [], "2": ["champion"]}
    assert read_json(Path("registered/action.json")) == promoted


def test_the_champion_again_leaves_the_challenger_its_alias(own_project: Path) -> None:
    shutil.copytree("models/action", "kept")
    retrain("action", seed=4)
    shutil.rmtree("models/action")
    Path("kept").rename("models/action")
    register.run("action", tiny_params())
    assert versions("action") == {"1": ["champion"], "2": ["challenger"]}
    assert read_json(Path("registered/action.json"))["reason"] == "there was no champion"


def decide_against(champion_scores: Path, experiment: AnyExperiment) -> Decision:
    """About a version 2 of the action model, while version 1 is champion."""
    validation = pd.read_parquet("models/action/validation.parquet")
    incumbent = Incumbent("1", validated_on(validation), lambda: pd.read_parquet(champion_scores))
    return decide("2", validation, incumbent, experiment.register_, load_face(experiment.task), experiment.seed)


def test_validation_clips_of_one_group_give_no_interval(champion_scores: Path) -> None:
    for path in (champion_scores, Path("models/action/validation.parquet")):
        pd.read_parquet(path).assign(group="film").to_parquet(path)
    decision = decide_against(champion_scores, tiny_params().experiment("action"))
    assert decision.alias == "challenger"
    assert "no interval" in decision.reason


def test_a_card_has_a_word_for_scores_of_nothing(project: Path) -> None:
    description = read_description(Path("models/pose"))
    test = read_json(Path("metrics/pose/test.json"))
    test["test"]["jitter"] = None
    about_data = read_json(Path("prepared/tiny/index.json"))
    text = card("lstm_pm-tiny", description, about_data, test, PoseRegisterParams(), load_face("pose_estimation"))
    (row,) = [line for line in text.splitlines() if line.startswith("| jitter |")]
    assert "| none |" in row
    assert "13 joints (penn_action)" in text
    assert about_data["footage"] in text
    assert about_data["terms"] in text


@pytest.mark.parametrize("metric", ["macro_f1", "top1"])
def test_a_champion_of_an_older_version_is_compared_where_it_can_be(champion_scores: Path, metric: str) -> None:
    pd.read_parquet(champion_scores)[["clip_id", "group", "score", "weight"]].to_parquet(champion_scores)
    experiment = tiny_params(register={"metric": metric, "bootstrap": 100}, only="action").experiment("action")
    decision = decide_against(champion_scores, experiment)
    assert decision.alias == "challenger"
    older = "by an older version of humotion, which kept no predicted: not compared"
    assert decision.reason.endswith(older) == (metric == "macro_f1")


def test_a_champion_of_other_validation_clips_is_not_compared(own_project: Path) -> None:
    path = Path("clips/action/val.parquet")
    pd.read_parquet(path).iloc[:-1].to_parquet(path)
    second = retrain("action")
    assert second["alias"] == "challenger"
    assert "validated on other clips" in second["reason"]
    assert versions("action")["1"] == ["champion"]


def test_with_an_empty_store_the_run_is_restored(own_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{own_project}/other/mlflow.db")
    trained = read_description(Path("models/action")).run_id
    evaluate.run("action", tiny_params())
    register.run("action", tiny_params())
    assert read_json(Path("registered/action.json"))["run_id"] == trained
    version = connect().get_model_version("ls_vit-tiny", "1")
    assert version.run_id != trained
    assert connect().get_run(version.run_id).data.tags["restored_from"] == trained
    assert versions("action") == {"1": ["champion"]}


def contents() -> dict[str, bytes]:
    """Everything that DVC tracks of the finished stages."""
    folders = ("models", "metrics", "reports", "registered", "clips", "plans", "prepared")
    return {str(path): path.read_bytes() for folder in folders for path in Path(folder).rglob("*") if path.is_file()}


def test_join_makes_an_empty_store_whole_from_the_files(own_project: Path) -> None:
    (own_project / "mlflow.db").unlink()
    params, before = tiny_params(), contents()
    with pytest.raises(HumotionError, match="`humotion join` enters"):
        register.run("action", params)
    with pytest.raises(HumotionError, match="`humotion join` enters"):
        registry.download_model("models:/ls_vit-tiny@champion")
    assert "registered with another store" in summarise(params) and "humotion join" in summarise(params)
    assert not (own_project / "mlflow.db").exists(), "commands that only read make no store"

    lines = list(join(params))
    for name in EXPERIMENTS:
        assert versions(name) == {"1": ["champion"]}
        assert f"{name}: {MODEL[name]} version 1 is champion: there was no champion" in lines
        version = connect().get_model_version(MODEL[name], "1")
        run = connect().get_run(version.run_id)
        description, test = read_description(Path("models") / name), read_json(Path(f"metrics/{name}/test.json"))
        assert run.data.tags["restored_from"] == description.run_id
        main = MAIN[name][0]
        assert run.data.metrics[f"test/{main}"] == pytest.approx(test["test"][main])
        assert run.data.metrics[f"best_val/{main}"] == pytest.approx(description.validation[main])
        assert "evaluate/summary.json" in [entry.path for entry in connect().list_artifacts(version.run_id, "evaluate")]
        assert (registry.download_model(f"models:/{MODEL[name]}@champion") / "MLmodel").exists()
    assert f"registered: models:/{MODEL['pose']}@champion (version 1; there was no champion)" in summarise(params)
    assert all("the store has its run" in line or "the registry has it as" in line for line in join(params))
    register.run("action", params)
    assert contents() == before, "nothing that DVC tracks changed"
    assert versions("action") == {"1": ["champion"]}


def test_join_keeps_the_challenger_and_the_demoted(own_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    retrain("action", seed=4)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///one/mlflow.db")
    recorded = read_json(Path("registered/action.json"))
    assert recorded["alias"] == "challenger"
    list(join(tiny_params(epochs=1, seed=4), ["action"]))
    assert versions("action") == {"1": ["challenger"]}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///two/mlflow.db")
    Path("registered/action.json").write_text(json.dumps({**recorded, "alias": None, "reason": "it was a fluke"}))
    list(join(tiny_params(epochs=1, seed=4), ["action"]))
    assert versions("action") == {"1": []}
    register.run("action", tiny_params(epochs=1, seed=4))
    assert versions("action") == {"1": []}, "it stays demoted"


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_run_has_its_clips_as_datasets(project: Path, name: str) -> None:
    run = connect().get_run(read_description(Path("models") / name).run_id)
    found = {each.tags[0].value: each.dataset for each in run.inputs.dataset_inputs}
    assert list(sorted(found)) == ["test", "training", "validation"]
    counts = read_json(Path("clips") / name / "meta.json")["counts"]
    for use, split in (("training", "train"), ("validation", "val"), ("test", "test")):
        path, dataset = Path("clips") / name / f"{split}.parquet", found[use]
        assert dataset.name == f"tiny/{use}"
        assert dataset.digest == digest_of_file(path)
        assert json.loads(dataset.profile)["num_rows"] == len(pd.read_parquet(path)) == counts[split]["clips"]
        assert json.loads(dataset.source) == {"uri": path.as_posix()}
        assert "frame_indices" in dataset.schema
    experiment = run.info.experiment_id
    digest = found["training"].digest
    same = connect().search_runs([experiment], f"datasets.digest = '{digest}'")
    assert run.info.run_id in [each.info.run_id for each in same]


def test_an_interrupted_training_goes_on_under_its_run(own_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_json(Path("metrics/action/train.json")), load_task(Path("models/action"))[0].state_dict()
    shutil.rmtree("models/action")
    with monkeypatch.context() as patch:
        patch.setattr(train, "save_model_folder", full_disk)
        with pytest.raises(OSError, match="disk"):
            train.run("action", tiny_params())
    assert not Path("models/action").exists()
    (work,) = (path for path in Path(".humotion/work/train").iterdir() if path.is_dir())
    run_id = read_json(work / "run.json")["run_id"]
    assert connect().get_run(run_id).info.status == "FAILED"
    train.run("action", tiny_params())
    assert read_description(Path("models/action")).run_id == run_id
    assert connect().get_run(run_id).info.status == "FINISHED"
    weights = load_task(Path("models/action"))[0].state_dict()
    assert read_json(Path("metrics/action/train.json")) == expected[0]
    assert all((weights[key] == value).all() for key, value in expected[1].items())


def full_disk(*_: Any) -> None:
    raise OSError("disk full")


def test_errors_say_what_to_do(own_project: Path) -> None:
    with pytest.raises(HumotionError, match="no experiment 'nosuch'; it has action, pose"):
        train.run("nosuch", tiny_params())
    shutil.rmtree("models/pose")
    for stage in (evaluate, register):
        with pytest.raises(HumotionError, match="not a model folder"):
            stage.run("pose", tiny_params())
