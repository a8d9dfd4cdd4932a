"""Motion-capture clips as joint rotations over time, from the data files that pybullet ships.

The files are DeepMimic's ``humanoid3d_*.txt``: JSON whose ``Frames`` rows contain a duration, the root
position (metres, y up) and the rotations of 13 joints (quaternions w x y z; knees and elbows are
angles about z). The performer looks along +x, and z points to the performer's right. Between
keyframes, rotations are interpolated by slerp. Walking and running repeat, each time displaced by their length.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from humotion.errors import HumotionError

Floats = NDArray[np.float64]

#: Rotating joints in the order of the files' columns, with the number of columns of each.
BONES = (
    ("root", 4), ("chest", 4), ("neck", 4),
    ("r_hip", 4), ("r_knee", 1), ("r_ankle", 4), ("r_shoulder", 4), ("r_elbow", 1),
    ("l_hip", 4), ("l_knee", 1), ("l_ankle", 4), ("l_shoulder", 4), ("l_elbow", 1),
)  # fmt: skip
BONE = {name: index for index, (name, _) in enumerate(BONES)}
_MIRROR = [BONE[{"r_": "l_", "l_": "r_"}.get(name[:2], name[:2]) + name[2:]] for name, _ in BONES]
_CYCLIC = {"walk", "run"}


@dataclass(frozen=True)
class Motion:
    """Keyframes of one recording: ``times`` (N,) seconds, ``root`` (N, 3), ``rotations`` (N, 13, 4) x y z w."""

    name: str
    times: Floats
    root: Floats
    rotations: Floats
    cyclic: bool

    @property
    def duration(self) -> float:
        """Seconds from the first keyframe to the last."""
        return float(self.times[-1])


@lru_cache(maxsize=32)
def load_motion(name: str) -> Motion:
    """Read the recording ``name`` ("walk", "cartwheel", ...).

    Raises:
        HumotionError: pybullet's data files are not installed, or have no such recording.
    """
    path = _motion_folder() / f"humanoid3d_{name}.txt"
    if not path.exists():
        raise HumotionError(f"There is no motion {name!r}: {path} does not exist.")
    rows = np.array(json.loads(path.read_text(encoding="utf-8"))["Frames"], dtype=np.float64)
    times = np.concatenate([[0.0], np.cumsum(rows[:-1, 0])])
    return Motion(name, times, rows[:, 1:4], _quaternions(rows[:, 4:]), name in _CYCLIC)


def _motion_folder() -> Path:
    spec = find_spec("pybullet_data")
    if spec is None or spec.origin is None:
        raise HumotionError(
            "Rendering the sample needs the motion-capture files of pybullet, which is not installed; "
            "run: pip install humotion[sample]"
        )
    return Path(spec.origin).parent / "data" / "motions"


def _quaternions(columns: Floats) -> Floats:
    joints, start = [], 0
    for _, width in BONES:
        values = columns[:, start : start + width]
        start += width
        if width == 1:
            joints.append(Rotation.from_euler("z", values).as_quat())
        else:
            joints.append(Rotation.from_quat(values[:, [1, 2, 3, 0]]).as_quat())
    return np.stack(joints, axis=1)


def sample_motion(motion: Motion, times: Floats, mirror: bool = False) -> tuple[Floats, Floats]:
    """The motion at any times: root positions (T, 3) in metres and local rotations (T, 13, 3, 3).

    A cyclic motion repeats without end, displaced by its own length at each turn. Any other motion is
    still before its start and after its end. ``mirror`` swaps left and right.
    """
    shift = np.zeros((len(times), 3))
    if motion.cyclic:
        turns = np.floor(times / motion.duration)
        shift = turns[:, None] * (motion.root[-1] - motion.root[0]) * [1.0, 0.0, 1.0]
        times = times - turns * motion.duration
    times = np.clip(times, 0.0, motion.duration)
    root = np.stack([np.interp(times, motion.times, motion.root[:, axis]) for axis in range(3)], axis=1) + shift
    matrices = np.stack(
        [
            Slerp(motion.times, Rotation.from_quat(motion.rotations[:, bone]))(times).as_matrix()
            for bone in range(len(BONES))
        ],
        axis=1,
    )
    return _mirrored(root, matrices) if mirror else (root, matrices)


def _mirrored(root: Floats, matrices: Floats) -> tuple[Floats, Floats]:
    flip = np.array([1.0, 1.0, -1.0])
    return root * flip, (matrices * flip[:, None] * flip)[:, _MIRROR]
