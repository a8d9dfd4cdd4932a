"""The published PoseNet gives the published poses, and a damaged file is an error that says what to do."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from humotion.errors import HumotionError
from humotion.models.person_lab.decoding import Fields, decode
from humotion.models.person_lab.posenet import PoseNet
from humotion.models.person_lab.published import picture_size
from humotion.models.person_lab.tfjs import open_posenet
from humotion.models.person_lab.tree import EDGES, JOINTS


@pytest.fixture
def folder(real_data: Path) -> Path:
    return real_data / "multi" / "posenet"


def test_sizes() -> None:
    network = PoseNet().eval()
    assert sum(one.numel() for one in network.parameters()) == 1_258_195
    with torch.inference_mode():
        maps = network(network.normalise(torch.zeros(2, 3, 65, 97, dtype=torch.uint8)))
    assert maps.heat.shape == (2, len(JOINTS), 5, 7)
    assert maps.short.shape == (2, 2, len(JOINTS), 5, 7)
    assert maps.forward.shape == maps.backward.shape == (2, 2, len(EDGES), 5, 7)


def test_the_photo_has_the_two_published_people(folder: Path) -> None:
    network = open_posenet(folder / "posenet.json", folder / "posenet.bin")
    photo = cv2.cvtColor(cv2.imread(str(folder / "test_couple.jpg")), cv2.COLOR_BGR2RGB)
    picture = cv2.resize(photo, (481, 353), interpolation=cv2.INTER_AREA)
    with torch.inference_mode():
        maps = network(network.normalise(torch.from_numpy(picture).permute(2, 0, 1)[None]))
    heat, *offsets = (one[0].numpy() for one in maps._replace(heat=maps.heat.sigmoid()))
    found = decode(Fields(heat, *offsets))
    with (folder / "posenet_mobilenet_v1_075_353_481_quant_decoder_reference.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if int(row["pose_id"]) < 2]
    published = np.array([[float(row["keypoint_x"]), float(row["keypoint_y"])] for row in rows]).reshape(2, 17, 2)
    sure = np.array([float(row["keypoint_score"]) > 0.5 for row in rows]).reshape(2, 17)
    apart = np.linalg.norm(found.joints[:2] - published, axis=-1)
    assert np.median(apart) < 3  # the published poses are of a network with 8 bits
    assert apart[sure].max() < 8
    np.testing.assert_allclose(found.scores[:2], [0.890, 0.836], atol=0.02)


def test_sizes_of_what_the_network_sees() -> None:
    assert picture_size(640, 480, 513) == (513, 385)
    assert picture_size(480, 640, 513) == (385, 513)
    assert picture_size(10_000, 10, 513) == (513, 17)
    assert picture_size(1, 1, 33) == (33, 33)


@pytest.mark.parametrize("damage", ["cut", "longer", "no json", "another graph", "missing"])
def test_damaged_files_are_an_error(folder: Path, tmp_path: Path, damage: str) -> None:
    graph, numbers = tmp_path / "posenet.json", tmp_path / "posenet.bin"
    shutil.copyfile(folder / graph.name, graph)
    content = (folder / numbers.name).read_bytes()
    numbers.write_bytes({"cut": content[:-400], "longer": content + bytes(4)}.get(damage, content))
    if damage == "no json":
        graph.write_text("<html>")
    elif damage == "another graph":
        graph.write_text(graph.read_text().replace("heatmap_2", "heatmap_3"))
    elif damage == "missing":
        numbers.unlink()
    with pytest.raises(HumotionError, match="humotion fetch posenet"):
        open_posenet(graph, numbers)
