"""Who was found in a video, and who of them is meant where a model looks at one person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def found_frames(annotation: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    """In which frames a layer's tool found each person of a video, (P, T)."""
    return np.asarray(annotation["found"], bool)


def main_person(found: npt.NDArray[np.bool_]) -> int:
    """The person who is found in most frames, the first of several; ``found`` is (P, T), with P at least 1."""
    return int(found.sum(axis=1).argmax())
