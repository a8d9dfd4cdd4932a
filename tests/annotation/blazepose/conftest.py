from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from humotion.params.annotation.blazepose import BlazePoseParams


@pytest.fixture(scope="session")
def weights(real_data: Path) -> Path:
    """The folder of the published files, less the heavy network."""
    folder = real_data / "blazepose"
    if not (folder / "pose_detection.tflite").exists():
        pytest.skip(f"no weights of BlazePose in {folder}")
    return folder


def settings(weights: Path, **changes: Any) -> BlazePoseParams:
    return BlazePoseParams.model_validate({"dataset": "any", "tool": "blazepose", "weights": weights, **changes})
