"""Settings of the tool for its tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from humotion.params.annotation.blazepose import BlazePoseParams


def settings(weights: Path, **changes: Any) -> BlazePoseParams:
    return BlazePoseParams.model_validate({"dataset": "any", "tool": "blazepose", "weights": weights, **changes})
