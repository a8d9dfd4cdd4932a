"""The public small OpenPose network: its graph and the converted model say the same, and what it finds on photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from humotion.cli.main import app
from humotion.convert import openpose_mobilenet
from humotion.convert.frozen_graph import read_frozen_graph
from humotion.convert.openpose_mobilenet import JOINTS, LIMBS, convert_openpose_mobilenet, state_of
from humotion.errors import HumotionError
from humotion.evaluation.average_precision import ap_of
from humotion.models.common.build import build_model
from humotion.params.models.open_pose import OpenPoseMobileNetParams
from humotion.prediction.predictor import DecodedVideo, load_predictor
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.outcomes import as_people
from humotion.training.model_folder import load_task
from tests.models.open_pose.crowds import real_people
from tests.support.frozen_graph import run


@pytest.fixture(scope="module")
def graph(real_data: Path) -> Path:
    """The published file."""
    path = real_data / "multi" / "openpose_mobilenet" / "graph_opt.pb"
    if not path.exists():
        pytest.skip(f"no public network at {path}")
    return path


@pytest.fixture(scope="module")
def folder(graph: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The converted model folder."""
    out = tmp_path_factory.mktemp("models") / "openpose"
    done = CliRunner().invoke(app, ["convert", "openpose-mobilenet", str(graph), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "477,270 parameters, joints of COCO" in done.output
    return out


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    """The converted model."""
    task, _ = load_task(folder)
    return task.model


def test_the_orders_are_the_published_ones() -> None:
    assert len(JOINTS) == 18
    assert JOINTS[4] == "r_wrist"
    assert JOINTS[13:16] == ("l_ankle", "r_eye", "l_eye")
    assert len(set(LIMBS)) == 19


@pytest.mark.parametrize("size", [(64, 96), (80, 112)])
def test_the_model_says_what_the_graph_says(graph: Path, model: Any, size: tuple[int, int]) -> None:
    pictures = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)) * 255
    with torch.inference_mode():
        theirs = run(graph, pictures.flip(1), "Openpose/concat_stage7", "MobilenetV2/expanded_conv_5/add")[0]
        ours = {name: one[0] for name, one in model(pictures)[-1].items()}
    heat, fields = theirs[:19], theirs[19:].unflatten(0, (19, 2))
    for number, name in enumerate(model.body.joints):
        torch.testing.assert_close(ours["heat"][number], heat[JOINTS.index(name)], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours["heat"][-1], heat[-1], atol=1e-5, rtol=1e-4)
    for number, (a, b) in enumerate(model.body.limbs):
        limb = LIMBS.index((JOINTS.index(model.body.joints[a]), JOINTS.index(model.body.joints[b])))
        torch.testing.assert_close(ours["limbs"][[number, 19 + number]], fields[limb], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("name", "ap"), [("val", 0.155), ("train", 0.162)])
def test_ap_on_some_photos(real_data: Path, model: Any, name: str, ap: float) -> None:
    """tf-pose-estimation publishes .173 on the complete val2014."""
    truth, _ = real_people(real_data, name)
    found = {}
    for image in truth.images:
        photo = cv2.imread(str(real_data / "multi" / "coco_mini" / f"{name}2017" / image["file_name"]))
        size = np.array(photo.shape[1::-1])
        shown = (size * 656 / size.max() / 16).round().astype(int) * 16
        picture = cv2.resize(photo[..., ::-1], shown.tolist(), interpolation=cv2.INTER_LINEAR)
        with torch.inference_mode():
            (fields,) = model.fields_of(torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None])
        people = model.decode(fields, OpenPoseMobileNetParams.decodes())
        found[image["id"]] = as_people(people._replace(joints=(people.joints + 0.5) * (size / shown) - 0.5))
    assert ap_of(match(truth, found)) == pytest.approx(ap, abs=0.02)


def test_the_folder_predicts(real_data: Path, folder: Path) -> None:
    photo = cv2.cvtColor(cv2.imread(str(real_data / "multi" / "posenet" / "test_couple.jpg")), cv2.COLOR_BGR2RGB)
    small = cv2.resize(photo, (480, 352), interpolation=cv2.INTER_AREA)
    answer = load_predictor(folder).answer(DecodedVideo(np.stack([small] * 3), 25.0))
    (frame, *_) = answer.values["people"]["frames"]
    surest = sorted(frame, key=lambda person: -person["score"])[:2]
    noses = np.array([person["joints"][0][:2] for person in surest])
    published = np.array([[203.6, 97.6], [257.9, 105.1]]) * [480 / 481, 352 / 353]  # of another network, PoseNet
    np.testing.assert_allclose(noses[np.argsort(noses[:, 0])], published, atol=6)


def test_other_files_are_refused(graph: Path, tmp_path: Path) -> None:
    content = graph.read_bytes()
    model = build_model("open_pose", "open_pose_mobilenet")
    damaged = tmp_path / "graph.pb"
    for changed, message in (
        (content[: len(content) // 2], "cannot be read as a frozen graph"),
        (b"<html>", "cannot be read as a frozen graph"),
        (b"", "has no nodes"),
        (
            content.replace(b"expanded_conv_7/", b"expanded_conv_z/"),
            "is not the small OpenPose network.*has no weights",
        ),
        (
            content.replace(b"Openpose/MConv_Stage6_L1_5", b"Openpose/MConv_Stage9_L1_5"),
            "belongs to no layer|no weights",
        ),
    ):
        damaged.write_bytes(changed)
        with pytest.raises(HumotionError, match=message):
            state_of(damaged, read_frozen_graph(damaged), model)
    with pytest.raises(HumotionError, match="There is no file"):
        read_frozen_graph(tmp_path / "missing.pb")


def test_a_constant_that_is_not_finite_is_refused(graph: Path, tmp_path: Path) -> None:
    some = next(
        node
        for node in read_frozen_graph(graph).values()
        if node.array is not None and node.array.size and np.ptp(node.array) > 0
    )
    assert some.array is not None
    damaged = tmp_path / "graph.pb"
    content = graph.read_bytes()
    damaged.write_bytes(content.replace(some.array.tobytes()[:8], b"\x00\x00\xc0\x7f" * 2))
    with pytest.raises(HumotionError, match="NaN or infinite"):
        read_frozen_graph(damaged)


def test_a_folder_that_exists_and_odd_sizes_are_refused(graph: Path, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="exists already"):
        convert_openpose_mobilenet(graph, tmp_path)
    with pytest.raises(HumotionError, match="multiple of 16"):
        convert_openpose_mobilenet(graph, tmp_path / "new", 100)
    assert openpose_mobilenet.USUAL_SIZE % 16 == 0
