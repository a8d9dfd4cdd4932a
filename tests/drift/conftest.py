"""A project whose dataset was really indexed, extracted and explored, with DVC's lock, and a model trained on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML
from scipy.ndimage import gaussian_filter

from humotion.files import read_json, write_json
from humotion.params.document import load_params
from humotion.stages import explore, extract, index
from humotion.work import digest_of_file
from tests.support.repository import REPOSITORY
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.tiny_pipeline import inside

Frames = npt.NDArray[np.uint8]
NUM_VIDEOS, NUM_COPIES = 30, 12
SIZE = (128, 96)  # of the videos; they are stored with a short side of 48
SHORT_SIDE = 48


def textured(seed: int) -> Frames:
    """A scene that moves: broad shapes with some grain, of its own light and colour; nothing of it is clipped."""
    random = np.random.default_rng(seed)
    width, height = SIZE
    broad = gaussian_filter(random.normal(size=(height, width + 16)), 8) * 8
    grain = gaussian_filter(random.normal(size=(height, width + 16)), 1.5) * random.uniform(0.5, 1.0)
    scene = random.uniform(95, 150) + 14 * (broad + grain)
    tint = np.array([random.uniform(0, 25), random.uniform(-8, 8), random.uniform(-25, 5)])
    frames = [scene[:, shift : shift + width, None] + tint for shift in range(int(random.integers(8, 14)))]
    return np.clip(np.stack(frames), 0, 255).astype(np.uint8)


def write_film(path: Path, frames: Frames, rate: int = 30) -> Path:
    """Write frames without loss of pixels, so that a copy differs from another in nothing but what was changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "bgr0"
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="bgr0")))
        container.mux(stream.encode())
    return path


def changed_copies(folder: Path, change: Callable[[Frames], Frames]) -> list[Path]:
    """Copies of the first training videos with other frames."""
    return [write_film(folder / f"{number:02d}.mkv", change(textured(number))) for number in range(NUM_COPIES)]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project; ``models/frames`` is an untrained model that says that it was trained on its videos."""
    folder = tmp_path_factory.mktemp("trained")
    for number in range(NUM_VIDEOS):
        write_film(folder / "data" / "films" / ("walk", "jump")[number % 2] / f"{number:02d}.mkv", textured(number))
    pipeline: dict[str, Any] = YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text())
    stages = {name: pipeline["stages"][name] for name in ("index", "extract", "explore")}
    for stage in stages.values():
        stage["do"]["deps"] = [path for path in stage["do"]["deps"] if not path.startswith("src/")]
    dataset = {"layout": "folder", "root": "data/films", "frames": {"short_side": SHORT_SIDE, "shards": 2}}
    params = {"datasets": {"films": dataset}, "layers": {}, "fusions": {}, "experiments": {}}
    with inside(folder):
        for name, content in {"dvc.yaml": {"stages": stages}, "params.yaml": params}.items():
            with Path(name).open("w") as stream:
                YAML().dump(content, stream)
        for stage in (index, extract, explore):
            stage.run("films", load_params())
        Repo.init(".", no_scm=True).close()
        with Repo(".") as repo:
            repo.commit(force=True)
        _model(folder)
    return folder


def _model(folder: Path) -> None:
    """A model of all videos but the last two, with the confidences of twelve validation clips."""
    Path("models").mkdir()
    model = write_model_folder(Path("models") / "frames", make_task("action_recognition"), "action_recognition")
    plan = Path("plans") / "frames" / "train.parquet"
    plan.parent.mkdir(parents=True)
    videos = pd.read_parquet("prepared/films/videos.parquet")["video_id"].sort_values()
    pd.DataFrame({"video_id": videos.iloc[:-2]}).to_parquet(plan)
    confident = [[value, 1 - value] for value in np.linspace(0.5, 0.99, 12)]
    pd.DataFrame({"probabilities": confident}).to_parquet(model / "validation.parquet")
    description = read_json(model / "model.json")
    md5 = {"frames": digest_of_file(Path("prepared/films/frames.parquet")), "plan": digest_of_file(plan)}
    write_json(model / "model.json", description | {"experiment": "frames", "dataset": "films", "data_md5": md5})


@pytest.fixture
def project(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as the working folder, for tests that leave it as it is."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(trained)
    return trained
