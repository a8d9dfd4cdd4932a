"""The programs of docs/exported.md run without humotion and torch, and say what `humotion predict` says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from humotion.convert.openpose_mobilenet import convert_openpose_mobilenet
from humotion.export.export_model import export_model
from humotion.prediction.predictor import load_predictor, read_video
from tests.export.folders import folder_of
from tests.support.footage import film
from tests.support.repository import REPOSITORY

SIDE, STRIDE = 368, 8  # of pictures of the public network, and of its cells, in pixels
TOLERANCE = 2e-6  # six digits are printed
REFUSE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("humotion", "torch"):
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Refuse())
"""


def program(folder: Path, number: int, most_lines: int) -> Path:
    """A program of the page, in a folder in which neither humotion nor torch can be imported."""
    page = (REPOSITORY / "docs" / "exported.md").read_text(encoding="utf-8")
    code = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[number]
    assert len([line for line in code.splitlines() if line]) <= most_lines
    path = folder / "program.py"
    path.write_text(code, encoding="utf-8")
    (folder / "sitecustomize.py").write_text(REFUSE, encoding="utf-8")
    return path


def run(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    alone = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
    return subprocess.run([sys.executable, *arguments], env=alone, capture_output=True, text=True)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model folder of LS-ViT, and its export."""
    root = tmp_path_factory.mktemp("ls_vit")
    folder = folder_of(root / "model", "ls_vit", "default, ViT-B/16")
    export_model(folder, "onnx", root / "exported")
    return folder, root / "exported"


@pytest.mark.parametrize(("num_frames", "size"), [(20, "96x64"), (3, "64x96"), (40, "30x30")])
def test_the_program_says_what_predict_says(
    tmp_path: Path, folders: tuple[Path, Path], num_frames: int, size: str
) -> None:
    path = program(tmp_path, 0, 23)
    for name in ("humotion", "torch"):
        assert "is not installed here" in run(tmp_path, "-c", f"import {name}").stderr
    folder, exported = folders
    video = film(tmp_path / "clip.mp4", "libx264", size=size, num_frames=num_frames)
    done = run(tmp_path, path, exported, video)
    assert done.returncode == 0, done.stderr
    said = {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}
    assert said == pytest.approx(
        load_predictor(folder).answer(read_video(video)).values["probabilities"], abs=TOLERANCE
    )


@pytest.fixture(scope="module")
def public(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported network with public weights."""
    graph = real_data / "multi" / "openpose_mobilenet" / "graph_opt.pb"
    if not graph.exists():
        pytest.skip(f"no public network at {graph}")
    root = tmp_path_factory.mktemp("public")
    convert_openpose_mobilenet(graph, root / "model", SIDE)
    export_model(root / "model", "onnx", root / "exported")
    return root / "exported"


@pytest.mark.parametrize("name", ["000000034417", "000000109313", "000000151938"])
def test_the_program_of_several_people_finds_the_surest_one(
    tmp_path: Path, real_data: Path, public: Path, name: str
) -> None:
    """Joints within two cells of those that predict finds: the program knows no places between cells."""
    picture = real_data / "multi" / "coco_mini" / "val2017" / f"{name}.jpg"
    done = run(tmp_path, program(tmp_path, 1, 48), public, picture)
    assert done.returncode == 0, done.stderr
    people = [dict(map(_joint, block.splitlines())) for block in done.stdout.strip().split("\n\n")]
    answer = load_predictor(public).answer(read_video(picture)).values["people"]
    surest = zip(answer["names"], answer["frames"][0][0]["joints"], strict=True)
    expected = {joint: np.array([x, y]) for joint, (x, y, score) in surest if score > 0}
    two_cells = 2 * STRIDE * max(np.asarray(cv2.imread(str(picture))).shape) / SIDE
    near = [
        sum(joint in one and np.hypot(*(one[joint] - place)) < two_cells for joint, place in expected.items())
        for one in people
    ]
    assert max(near) >= 0.8 * len(expected)


def _joint(line: str) -> tuple[str, npt.NDArray[np.float64]]:
    joint, x, y = line.split()
    return joint, np.array([float(x), float(y)])
