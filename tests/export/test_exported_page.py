"""The program of docs/exported.md runs without humotion and torch, and says what `humotion predict` says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from humotion.export.export_model import export_model
from humotion.prediction.predictor import load_predictor, read_video
from tests.export.folders import folder_of
from tests.support.footage import film
from tests.support.repository import REPOSITORY

TOLERANCE = 2e-6  # six digits are printed
REFUSE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("humotion", "torch"):
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Refuse())
"""


def program(folder: Path) -> Path:
    page = (REPOSITORY / "docs" / "exported.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len([line for line in code.splitlines() if line]) <= 23
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
    path = program(tmp_path)
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
