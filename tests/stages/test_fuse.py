"""fuse on a tiny project with three trained models and a real MLflow store."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from scipy.special import softmax

from humotion.checkout.join import join
from humotion.checkout.summary import summarise
from humotion.comparison.compare import compare
from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.lineage.rebuild import rebuild
from humotion.lineage.trace import SAME, trace
from humotion.params.document import Params, validate_params
from humotion.prediction.predictor import load_predictor
from humotion.stages import augment, evaluate, fuse, register, sample, train
from humotion.tasks.action_recognition.fusion.members import answers_of
from humotion.tracking.store import connect
from humotion.training.description import read_description
from tests.support.tiny_project import build_project, tiny_settings

COMMON: dict[str, Any] = {
    "task": "action_recognition",
    "dataset": "tiny",
    "evaluate": {"overlays": 1, "bootstrap": 100},
}


def settings() -> dict[str, Any]:
    """Three experiments of actions, a fusion of two, one whose weights are fitted, and one of a fusion."""
    raw = tiny_settings(epochs=1, only="action")
    for name, seed in (("second", 4), ("third", 5)):
        raw["experiments"][name] = {**copy.deepcopy(raw["experiments"]["action"]), "seed": seed}
    raw["fusions"] = {
        "both": {**COMMON, "of": ["action", "second"]},
        "fitted": {**COMMON, "of": ["action", "second"], "weights": "validation"},
        "three": {**COMMON, "of": ["both", "third"], "register": {"metric": "macro_f1"}},
    }
    return raw


PARAMS = Params.model_validate(settings())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_project(tmp_path_factory.mktemp("fused"))
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        for name in ("action", "second", "third"):
            for stage in (sample, augment, train, evaluate, register):
                stage.run(name, PARAMS)
        for name in ("both", "fitted", "three"):
            fuse.run(name, PARAMS)
    return folder


def probabilities(name: str) -> pd.DataFrame:
    table = pd.read_csv(f"reports/{name}/predictions.csv").set_index("clip_id").sort_index()
    rows = [json.loads(row) for row in table["probabilities"]]
    return pd.DataFrame(rows, index=table.index)


def added(first: str, second: str, weight: float = 0.5) -> Any:
    one, other = probabilities(first), probabilities(second)
    return softmax(weight * np.log(one) + (1 - weight) * np.log(other), axis=1)


def test_log_probabilities_are_added(project: Path) -> None:
    assert np.abs(probabilities("both") - added("action", "second")).max().max() < 1e-5
    assert np.abs(probabilities("three") - added("both", "third")).max().max() < 1e-5
    weights = read_json(Path("metrics/fitted/train.json"))["weights"]
    assert np.abs(probabilities("fitted") - added("action", "second", weights["action"])).max().max() < 1e-4
    labels = pd.read_csv("reports/both/predictions.csv").set_index("clip_id")["label"]
    classes = read_description(Path("models/both")).meta["classes"]
    right = np.array(classes)[probabilities("both").to_numpy().argmax(axis=1)] == labels.sort_index()
    assert read_json(Path("metrics/both/test.json"))["test"]["top1"] == pytest.approx(right.mean())


def test_weights_are_fitted_on_validation_clips(project: Path) -> None:
    clips, first = answers_of("action", PARAMS)["val"]
    second = answers_of("second", PARAMS)["val"].probabilities

    def cross_entropy(weight: float) -> float:
        found = softmax(weight * np.log(first) + (1 - weight) * np.log(second), axis=1)
        return float(-np.log(found[np.arange(len(clips)), clips["label_id"]]).mean())

    trained = read_json(Path("metrics/fitted/train.json"))
    best = min(np.linspace(0, 1, 1001), key=cross_entropy)
    assert trained["weights"]["action"] == pytest.approx(best, abs=0.003)
    assert trained["val"]["loss"] == pytest.approx(cross_entropy(trained["weights"]["action"]), abs=1e-6)
    assert sum(trained["weights"].values()) == pytest.approx(1)
    assert read_json(Path("metrics/both/train.json"))["weights"] == {"action": 0.5, "second": 0.5}


def test_it_is_compared_with_its_members(project: Path) -> None:
    test = read_json(Path("metrics/both/test.json"))
    for member in ("action", "second"):
        own = read_json(Path(f"metrics/{member}/test.json"))["test"]
        assert test["baseline"][member]["top1"] == own["top1"]
        gain = test["more_gains"][f"top1_over_{member}"]
        assert gain["difference"] == pytest.approx(test["test"]["top1"] - own["top1"])
    assert "both - action" in compare(["action", "both"]).replace("  ", " ")
    text = Path("reports/both/scores.md").read_text()
    assert "| action |" in text and "top1 | second" in text.replace("| top1 ", "| top1 ")
    assert "both on tiny" in summarise(PARAMS)


def test_it_is_a_run_and_a_version(project: Path) -> None:
    recorded = read_json(Path("registered/both.json"))
    assert recorded["model"] == "fusion-tiny"
    client = connect()
    run = client.get_run(recorded["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.params["of"] == "['action', 'second']"
    assert run.data.metrics["weight/action"] == 0.5
    assert run.data.metrics["test/top1"] == read_json(Path("metrics/both/test.json"))["test"]["top1"]
    assert "late fusion of ['action', 'second']" in run.data.tags["mlflow.note.content"]
    assert len(client.search_model_versions("name='fusion-tiny'")) == 3
    register.run("both", PARAMS)
    assert len(client.search_model_versions("name='fusion-tiny'")) == 3, "the same run and weights are one version"


def test_a_video_is_predicted_by_both(project: Path) -> None:
    video = "data/tiny/v08.avi"
    one, other = (
        json.loads(load_predictor(f"models/{name}").row(video)["probabilities"]) for name in ("action", "second")
    )
    found = json.loads(load_predictor("models/both").row(video)["probabilities"])
    expected = softmax([0.5 * np.log(one[label]) + 0.5 * np.log(other[label]) for label in found])
    assert list(found.values()) == pytest.approx(expected.tolist(), abs=1e-6)
    assert sum(json.loads(load_predictor("models/three").row(video)["probabilities"]).values()) == pytest.approx(1)
    served = mlflow.pyfunc.load_model(read_json(Path("registered/both.json"))["uri"])
    row = served.predict(pd.DataFrame({"video": [video]})).iloc[0]
    assert json.loads(row["probabilities"]) == pytest.approx(found)


def test_it_has_a_rule_of_its_own_from_its_validation_answers(project: Path) -> None:
    predictor: Any = load_predictor("models/both")
    clips = pd.read_parquet("models/both/validation.parquet")
    assert predictor.rule.num_clips == len(clips) > 0 and predictor.rule.num_groups == clips["group"].nunique()
    tested = read_json(Path("metrics/both/test.json"))["abstention"]
    assert tested["temperature"] == pytest.approx(predictor.rule.temperature)
    assert tested["threshold"] == predictor.rule.threshold and tested["num_clips"] == len(probabilities("both"))


def test_lineage_knows_its_members(own_project: Path) -> None:
    with Path("params.yaml").open("w") as stream:
        YAML().dump(settings(), stream)
    found = trace("models/both")
    assert [each.here for each in found.data] == [SAME, SAME]
    assert "models/second/model.safetensors" in found.data[1].name
    assert not rebuild(found).commands or "dvc repro fuse@both" in rebuild(found).commands[-1]


def test_another_store_gets_it(own_project: Path) -> None:
    Path("mlflow.db").unlink()
    said = list(join(PARAMS, ["both"]))
    assert "entered as run" in said[0] and "fusion-tiny version 1 is champion" in said[1]


def test_a_member_that_is_not_trained_is_named(own_project: Path) -> None:
    Path("models/second/model.safetensors").unlink()
    with pytest.raises(HumotionError, match=r"models/second has no trained model yet. Run `dvc repro evaluate@second`"):
        fuse.run("both", PARAMS)
    assert Path("models/both/model.json").exists()


def test_members_with_other_clips_are_refused(own_project: Path) -> None:
    table = pd.read_parquet("clips/second/val.parquet")
    table.assign(clip_id=table["clip_id"] + "x").to_parquet("clips/second/val.parquet")
    with pytest.raises(HumotionError, match="action and second have other val clips or labels"):
        fuse.run("both", PARAMS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"both": {"of": ["action", "action"]}}, "fusions.both.of names action twice"),
        ({"both": {"of": ["action", "nobody"]}}, "names 'nobody', which does not exist; there are action, second"),
        ({"both": {"of": ["three", "action"]}}, r"no fusion can be made of itself \(both of three of both\)"),
        ({"both": {"dataset": "other"}}, "action is no experiment of action_recognition on its dataset 'other'"),
        ({"both": {"of": ["action", "pose"]}}, "pose is no experiment of action_recognition"),
        ({"both": {"of": ["action"]}}, "fusions.both.of"),
        ({"both": {"of": ["action", "other_fold"]}}, "action and other_fold have other test or validation clips"),
        ({"tiny": COMMON | {"of": ["action", "second"]}}, "tiny names a dataset and a fusion"),
    ],
)
def test_what_cannot_be_added_is_refused(changes: dict[str, Any], message: str) -> None:
    raw = settings()
    raw["experiments"]["pose"] = tiny_settings(only="pose")["experiments"]["pose"]
    raw["experiments"]["other_fold"] = copy.deepcopy(raw["experiments"]["action"])
    raw["experiments"]["other_fold"]["clips"]["validation_fold"] = 1
    for name, values in changes.items():
        raw["fusions"][name] = raw["fusions"].get(name, {}) | values
    with pytest.raises(HumotionError, match=message):
        validate_params(raw, "params.yaml is not valid:")
