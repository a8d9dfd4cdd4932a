"""`humotion models`: counted sizes against the published ones, and every registered model in the list."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from humotion.models.catalogue import Counted, count_models, describe
from humotion.models.common.build import build_model, every_entry


@pytest.fixture(scope="module")
def counted() -> dict[tuple[str, str], Counted]:
    return {(entry.model, entry.configuration): entry for entry in count_models()}


def test_every_registered_model_is_listed_in_each_configuration(counted: dict[tuple[str, str], Counted]) -> None:
    assert set(counted) == {(name, official) for _, name, entry in every_entry() for official in entry.official}
    assert {name for name, _ in counted} == {name for _, name, _ in every_entry()}


@pytest.mark.parametrize(
    ("model", "configuration", "parameters"),
    [
        ("lstm_pm", "official", 12_067_870),
        ("rpm", "official", 11_901_406),
        ("cpm", "official", 31_219_866),
        ("vit", "ViT-B/16", 85_798_656 + 39_219),
        ("ls_vit", "reference, ViT-B/16", 90_282_325),
        ("landmark_lstm", "4 x 50, 33 landmarks", 97_404),
        ("landmark_lstm", "64-128-64, 33 landmarks", 205_028),
        ("efficientnet_lite0", "ImageNet", 4_652_008),
        ("open_pose", "VGG-19, COCO", 52_311_446),
        ("open_pose_mobilenet", "MobileNetV2 0.5, COCO", 477_270),
        ("hourglass", "1 of 256, MPII", 3_426_448),
        ("hourglass", "2 of 256, MPII", 6_570_400),
        ("hourglass", "8 of 256, MPII", 25_434_112),
        ("associative_embedding", "official", 138_893_840),
        ("ctr_gcn", "HP-Net stream, 96 values", 1_458_768 + 256 * 60 + 60),
        (
            "hp_net",
            "reference, COCO joints, 96 values, vectors of 512",
            # streams, their classifiers, text refinement, picture, temperature
            3 * 1_458_768 + 3 * (256 * 60 + 60) + 2_363_392 + 97 * 512 + 1,
        ),
    ],
)
def test_parameters_are_the_published_ones(
    counted: dict[tuple[str, str], Counted], model: str, configuration: str, parameters: int
) -> None:
    assert counted[model, configuration].parameters == parameters


def test_gmacs_are_those_of_the_layer_tables(counted: dict[tuple[str, str], Counted]) -> None:
    cells, maps = 46 * 46, 15
    trunk = 3 * 128 * 81 * 368**2 + 128 * 128 * 81 * (184**2 + 92**2)
    features = trunk + 128 * 32 * 25 * cells
    refinement = (48 * 128 * 121 + 2 * 128 * 128 * 121 + 128 * 128 + 128 * maps) * cells
    initial = features + (32 * 512 * 81 + 512 * 512 + 512 * maps) * cells
    gates = 48 * 4 * 48 * 9 * cells
    lstm_pm = counted["lstm_pm", "official"].gmacs
    assert lstm_pm["later frame"] == pytest.approx((features + 2 * gates + refinement) / 1e9)
    assert lstm_pm["first frame"] == pytest.approx((initial + features + gates + refinement) / 1e9)
    assert lstm_pm["later frame"] == pytest.approx(70.94, rel=0.005)
    cpm = counted["cpm", "official"].gmacs
    assert cpm["first frame"] == cpm["later frame"] == pytest.approx(175.44, rel=0.005)


def test_gmacs_of_a_vit_have_its_attention(counted: dict[tuple[str, str], Counted]) -> None:
    patches, tokens, dim = 196, 197, 768
    linear = patches * 3 * 16**2 * dim + 12 * tokens * 12 * dim**2
    attention = 12 * 2 * tokens**2 * dim
    vit = counted["vit", "ViT-B/16"].gmacs
    assert vit["frame"] == pytest.approx((linear + attention + dim * 51 / 16) / 1e9, rel=1e-6)
    assert vit["frame"] == pytest.approx(17.56, rel=0.005)
    for setting in ("default", "reference"):
        added = counted["ls_vit", f"{setting}, ViT-B/16"].gmacs["clip"] / vit["clip"] - 1
        assert 0 < added < 0.05
    shown_again = counted["ls_vit", "default, 4 motion frames, ViT-B/16"].gmacs["clip"]
    alone = counted["ls_vit", "default, ViT-B/16"].gmacs["clip"]
    assert shown_again - alone == pytest.approx(4 * vit["frame"], rel=1e-3)


def test_gmacs_of_hp_net_are_those_of_its_streams_and_its_text(counted: dict[tuple[str, str], Counted]) -> None:
    streams = 3 * (counted["ctr_gcn", "HP-Net stream, 96 values"].gmacs["clip"] - 256 * 60 / 1e9)
    modulation = 2 * (768 * 512 + 512 * 512)
    mixing = 60 * 4 * 512**2 + 60 * 512**2  # p and q of each class, then T times each class
    rest = 96 * 512 + 60 * 512  # the picture, and its product with each class
    found = counted["hp_net", "reference, COCO joints, 96 values, vectors of 512"].gmacs
    assert found["clip"] == pytest.approx(streams + (modulation + mixing + rest) / 1e9, rel=1e-6)
    assert found["frame"] == pytest.approx(found["clip"] / 64)


def test_gmacs_of_efficientnet_lite0(counted: dict[tuple[str, str], Counted]) -> None:
    # kernel, expansion, inputs, outputs, and the sides of the maps before and after
    blocks = [(3, 1, 32, 16, 112, 112)]
    for kernel, number, inputs, outputs, before, after in (
        *((3, 2, 16, 24, 112, 56), (5, 2, 24, 40, 56, 28), (3, 3, 40, 80, 28, 14)),
        *((5, 3, 80, 112, 14, 14), (5, 4, 112, 192, 14, 7), (3, 1, 192, 320, 7, 7)),
    ):
        blocks.append((kernel, 6, inputs, outputs, before, after))
        blocks += [(kernel, 6, outputs, outputs, after, after)] * (number - 1)
    total = 27 * 32 * 112**2 + 320 * 1280 * 49 + 1280 * 1000 / 16  # the classifier runs once per clip
    for kernel, expansion, inputs, outputs, before, after in blocks:
        wide = inputs * expansion
        total += (inputs * wide * before**2 if expansion > 1 else 0) + wide * (kernel**2 + outputs) * after**2
    assert counted["efficientnet_lite0", "ImageNet"].gmacs["frame"] == pytest.approx(total / 1e9, rel=1e-6)


def test_gmacs_of_associative_embedding(counted: dict[tuple[str, str], Counted]) -> None:
    def hourglass(depth: int, channels: int, cells: int) -> int:
        wide = channels + 128
        inner = hourglass(depth - 1, wide, cells // 4) if depth > 1 else 9 * wide**2 * cells // 4
        return 9 * channels**2 * cells + 2 * 9 * channels * wide * cells // 4 + inner

    cells = 128**2
    stem = 4 * cells * (147 * 64 + 9 * 64 * 128) + cells * 9 * 128 * (128 + 256)
    stack = hourglass(4, 256, cells) + cells * (2 * 9 * 256**2 + 256 * 68)
    total = stem + 4 * stack + 3 * cells * 256 * (256 + 68)
    found = counted["associative_embedding", "official"].gmacs["picture"]
    assert found == pytest.approx(total / 1e9, rel=1e-6) == pytest.approx(222, abs=0.5)


def test_shapes_are_those_of_a_run() -> None:
    entry = next(entry for entry in count_models() if entry.model == "lstm_pm")
    assert entry.inputs == {"frame": (1, 3, 368, 368)}
    assert entry.outputs == {"maps": (1, 15, 46, 46)}
    with torch.device("meta"):
        assert build_model("pose_machine", "lstm_pm").map_size == 46


def test_the_table_has_a_line_a_model(counted: dict[tuple[str, str], Counted]) -> None:
    lines = describe(list(counted.values())).splitlines()
    assert lines[0].split()[:4] == ["family", "model", "configuration", "parameters"]
    for entry in counted.values():
        (line,) = (line for line in lines if line.split()[1:2] == [entry.model] and entry.configuration in line)
        assert f"{entry.parameters:,}" in line
    assert "GMACs:" in lines[-1]


def test_the_json_of_the_command_parses(counted: dict[tuple[str, str], Counted]) -> None:
    done = subprocess.run([sys.executable, "-m", "humotion", "models", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert [(entry["model"], entry["configuration"]) for entry in listed] == list(counted)
    machine = next(entry for entry in listed if entry["model"] == "lstm_pm")
    assert machine["gmacs"].keys() == {"first frame", "later frame"}
    assert machine["inputs"]["frame"] == [1, 3, 368, 368]
