"""A page with small untrained models, and clips for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tiny_models import make_task, write_model_folder
from tests.support.trees import write_video


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two versions of one action model, and a pose model."""
    folder = tmp_path_factory.mktemp("models")
    kinds = {"first": ("action_recognition", 0), "second": ("action_recognition", 1), "poses": ("pose_estimation", 0)}
    for name, (kind, seed) in kinds.items():
        write_model_folder(folder / name, make_task(kind, seed), kind)
    return [str(folder / name) for name in kinds]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clips") / "stripes.mp4", num_frames=12)


@pytest.fixture(scope="module")
def real_clip(real_data: Path) -> Path:
    """A golfer, 40 frames of 320x240."""
    return sorted((real_data / "jhmdb" / "ReCompress_Videos" / "golf").glob("*.avi"))[0]
