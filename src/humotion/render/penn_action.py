"""The Penn-Action-like part of the sample: JPEG frames and one MATLAB label file per sequence.

The label files have the fields, types and shapes of the official ones. Coordinates are 1-based. A joint
outside the image keeps its position and has visibility 0. ``train`` is 1 or -1, and ``pose`` is the side
of the performer that the camera sees. The first joint of each pair is the anatomical right one. Performers
wear balls of bright colours at elbows, wrists, knees and ankles, like markers in motion capture, so that a
small network learns in minutes to find them and to distinguish left from right.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from humotion.errors import HumotionError
from humotion.render.clip import Clip, render_clip
from humotion.render.motion import load_motion
from humotion.render.spec import FPS, ClipSpec

#: Action names, and the recordings from which their sequences are drawn in turn.
ACTIONS = {
    "backflip": ("backflip",) * 7, "cartwheel": ("cartwheel",) * 9, "crawl": ("crawl",) * 5,
    "dance": ("dance_a", "dance_b") * 9, "get_up": ("getup_facedown", "getup_faceup") * 6, "jump": ("jump",) * 12,
    "kick": ("kick",) * 13, "punch": ("punch",) * 13, "roll": ("roll",) * 7, "run": ("run",) * 15,
    "spin": ("spin",) * 10, "spin_kick": ("spinkick",) * 10, "walk": ("walk",) * 18,
}  # fmt: skip
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 74, cv2.IMWRITE_JPEG_OPTIMIZE, 1)
_SHARE_OF_TRAIN = 2 / 3
#: MATLAB files start with 116 bytes of free text; SciPy would write the current time there.
_MAT_TEXT = b"MATLAB 5.0 MAT-file, rendered by humotion".ljust(116)


@dataclass(frozen=True)
class Job:
    """One sequence to render and write, with its number in the dataset."""

    number: int
    action: str
    train: bool
    spec: ClipSpec


def plan(seed: int, num_sequences: int | None = None) -> list[Job]:
    """All sequences of the sample, or the first ``num_sequences``, in order of their actions."""
    rng = np.random.default_rng((seed, 13))
    drawn = [(action, motion) for action, motions in ACTIONS.items() for motion in motions]
    # Every third sequence is for testing, so that each action is on both sides.
    jobs = [
        Job(number, action, (number - 1) % 3 != 1, _draw(motion, rng, (seed, 13, number)))
        for number, (action, motion) in enumerate(drawn, start=1)
    ]
    return jobs[:num_sequences]


def _draw(name: str, rng: np.random.Generator, seed: tuple[int, ...]) -> ClipSpec:
    motion = load_motion(name)
    num_frames, speed = int(rng.integers(10, 19)), rng.uniform(1.0, 1.8)
    span = (num_frames - 1) / FPS * speed
    spare = max(0.0, motion.duration - span)
    start = rng.uniform(0, motion.duration) if motion.cyclic else spare * rng.uniform(0.25, 0.75)
    # A few performers are too close for the image, so that joints are outside it.
    size = rng.uniform(0.97, 1.12) if rng.random() < 0.1 else rng.uniform(0.55, 0.8)
    mode = rng.choice(["still", "pan", "follow"], p=[0.5, 0.25, 0.25])
    return ClipSpec(
        motion=name, source=(*seed, 0), seed=(*seed, 1), start=float(start), num_frames=num_frames,
        speed=float(speed), mirror=bool(rng.random() < 0.5), azimuth=float(rng.uniform(-np.pi, np.pi)),
        mode=str(mode), shake=float(rng.uniform(0.3, 0.8)) if rng.random() < 0.25 else 0.0,
        size_in_frame=float(size), quality=str(rng.choice(["goo", "med"])), pads=True,
    )  # fmt: skip


def write_sequence(job: Job, root: Path) -> None:
    """Render one sequence into ``frames/NNNN/NNNNNN.jpg`` and ``labels/NNNN.mat``."""
    clip = render_clip(job.spec)
    frames, labels = root / "frames" / f"{job.number:04d}", root / "labels"
    frames.mkdir(parents=True)
    labels.mkdir(parents=True, exist_ok=True)
    for index, frame in enumerate(clip.frames, start=1):
        encoded = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), _JPEG)[1]
        (frames / f"{index:06d}.jpg").write_bytes(encoded.tobytes())
    (labels / f"{job.number:04d}.mat").write_bytes(encode_labels(clip, job.action, job.train))


def encode_labels(clip: Clip, action: str, train: bool) -> bytes:
    """The bytes of a label file.

    Raises:
        HumotionError: the performer is out of sight in a frame, so there is no box.
    """
    if not np.isfinite(clip.boxes).all():
        raise HumotionError(f"In a rendered {action} sequence the performer is out of sight; choose another seed.")
    num_frames, height, width = clip.frames.shape[:3]
    fields = {
        "action": action,
        "pose": clip.view,
        "x": clip.joints[..., 0] + 1,
        "y": clip.joints[..., 1] + 1,
        "visibility": clip.visible.astype(np.uint8),
        "train": np.array([[1 if train else -1]], np.int32),
        "bbox": clip.boxes + 1,
        "dimensions": np.array([[height, width, num_frames]], np.uint16),
        "nframes": np.array([[num_frames]], np.uint8),
    }
    stream = io.BytesIO()
    savemat(stream, fields, do_compression=True)
    return _MAT_TEXT + stream.getvalue()[len(_MAT_TEXT) :]
