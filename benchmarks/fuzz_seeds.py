"""The intact files that fuzzing damages, each with the tiny dataset around it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import scipy.io
import simplejpeg

from humotion.datasets.hmdb51 import SPLITS_FOLDER

_ENCODERS = {  # generated, because there is no real footage of these kinds
    "h264.mp4": ("libx264", "-pix_fmt yuv420p -bf 2"),
    "faststart.mp4": ("libx264", "-pix_fmt yuv420p -movflags +faststart"),
    "h265.mov": ("libx265", "-pix_fmt yuv420p -x265-params log-level=0"),
    "vp9.webm": ("libvpx-vp9", "-pix_fmt yuv420p -deadline realtime -cpu-used 8"),
    "h264.mkv": ("libx264", "-pix_fmt yuv420p"),
    "mjpeg.avi": ("mjpeg", "-q:v 5"),
    "mpeg4.avi": ("mpeg4", "-bf 2"),
    "mpeg2.mpg": ("mpeg2video", "-bf 2"),
}


@dataclass(frozen=True)
class Seed:
    """An intact file: ``data`` is at ``target`` in a dataset of that layout, together with ``others``."""

    kind: str
    layout: str
    target: str
    data: bytes
    others: dict[str, bytes] = field(default_factory=dict)

    def build(self, root: Path, data: bytes) -> None:
        """Write the dataset with ``data`` in place of the intact file."""
        for name, content in {**self.others, self.target: data}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def make_seeds(data: Path, folder: Path) -> list[Seed]:
    """Seeds of every kind that is available: real files below ``data``, and generated ones."""
    videos = dict(_generated_videos(folder))
    clip = videos["mpeg4.avi"]
    return [*_videos(data, videos), *_frames(), *_labels(data, clip), *_splits(data, clip)]


def _generated_videos(folder: Path) -> Iterator[tuple[str, bytes]]:
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg, "fuzzing needs the ffmpeg command to make its videos"
    source = ["-f", "lavfi", "-i", "testsrc=size=96x64:rate=30:duration=1", "-frames:v", "24"]
    for name, (encoder, options) in _ENCODERS.items():
        command = [ffmpeg, "-v", "error", "-y", *source, "-c:v", encoder, *options.split(), str(folder / name)]
        if subprocess.run(command, capture_output=True).returncode == 0:
            yield name, (folder / name).read_bytes()


def _videos(data: Path, generated: dict[str, bytes]) -> Iterator[Seed]:
    for name, content in generated.items():
        yield Seed(name, "folder", f"walk/a{Path(name).suffix}", content)
    clips = sorted(data.glob("jhmdb/ReCompress_Videos/*/*.avi"), key=lambda path: path.stat().st_size)
    for kind, paths in (("jhmdb.avi", clips[:2]), ("untrimmed.avi", sorted(data.glob("hmdb51/untrimmed/*.avi"))[1:])):
        for path in paths:
            yield Seed(kind, "folder", "walk/a.avi", path.read_bytes())


def _picture() -> np.ndarray:
    x, y = np.meshgrid(np.arange(96), np.arange(64))
    return np.stack([x * 2, y * 3, (x + y) % 256], axis=-1).astype(np.uint8)


def _frames() -> Iterator[Seed]:
    """The second of three frames of a Penn Action sequence and of a JHMDB clip."""
    jpeg, label = simplejpeg.encode_jpeg(_picture()), _mat(_penn_label(3))
    others = {f"frames/0001/{number:06d}.jpg": jpeg for number in (1, 3)} | {"labels/0001.mat": label}
    yield Seed("frame.jpg", "penn_action", "frames/0001/000002.jpg", jpeg, others)
    png = cv2.imencode(".png", _picture())[1].tobytes()
    folder = "Rename_Images/walk/Film_walk_f_cm_np1_fr_med_0"
    yield Seed("frame.png", "jhmdb", f"{folder}/00002.png", png, {f"{folder}/{n:05d}.png": png for n in (1, 3)})


def _labels(data: Path, clip: bytes) -> Iterator[Seed]:
    """Label files as published, and without compression, so that damage reaches the values."""
    jpeg, film = simplejpeg.encode_jpeg(_picture()), "Film_walk_f_cm_np1_fr_med_0"
    frames = {f"frames/0001/{number:06d}.jpg": jpeg for number in range(1, 6)}
    video = {f"ReCompress_Videos/walk/{film}.avi": clip}
    joints = {"pos_img": np.random.default_rng(0).uniform(1, 60, (2, 15, 24))}
    mask = {"part_mask": np.ones((64, 96, 24), np.uint8)}
    for kind, layout, target, others, made, real in (
        ("penn.mat", "penn_action", "labels/0001.mat", frames, _penn_label(5), "penn_action/labels/0246.mat"),
        ("joints.mat", "jhmdb", f"joint_positions/walk/{film}/joint_positions.mat", video, joints, "jhmdb/joint_pos*"),
        ("mask.mat", "jhmdb", f"puppet_mask/walk/{film}/puppet_mask.mat", video, mask, "jhmdb/puppet_mask"),
    ):
        if kind == "mask.mat":
            others = {**others, f"joint_positions/walk/{film}/joint_positions.mat": _mat(joints)}
        found = sorted(data.glob(real if real.endswith(".mat") else f"{real}/*/*/*.mat"))[:1]
        contents = [_mat(made, is_compressed=False), *(path.read_bytes() for path in found)]
        for content in contents:
            yield Seed(kind, layout, target, content, others)


def _splits(data: Path, clip: bytes) -> Iterator[Seed]:
    film = "Film_walk_f_cm_np1_fr_med_0"
    line = f"{film}.avi 1 \n".encode()
    found = sorted(data.glob(f"hmdb51/{SPLITS_FOLDER}/walk_test_split1.txt"))
    text = line + b"".join(line for path in found for line in path.read_bytes().splitlines(keepends=True)[:20])
    clips = {"hmdb51": f"walk/{film}.avi", "jhmdb": f"ReCompress_Videos/walk/{film}.avi"}
    for layout, folder in (("hmdb51", SPLITS_FOLDER), ("jhmdb", "splits")):
        yield Seed(f"{layout} split", layout, f"{folder}/walk_test_split1.txt", text, {clips[layout]: clip})


def _penn_label(num_frames: int) -> dict[str, object]:
    rng = np.random.default_rng(0)
    return {
        **{"action": "squat", "pose": "front", "train": np.array([[1]], np.int32)},
        **{axis: rng.uniform(5, 60, (num_frames, 13)) for axis in "xy"},
        "visibility": np.ones((num_frames, 13), np.uint8),
        "bbox": np.tile([4.0, 5.0, 60.0, 44.0], (num_frames, 1)),
        **{"dimensions": np.array([[64, 96, num_frames]], np.uint16), "nframes": np.array([[num_frames]], np.uint8)},
    }


def _mat(content: dict[str, object], is_compressed: bool = True) -> bytes:
    file = BytesIO()
    scipy.io.savemat(file, content, do_compression=is_compressed)
    return file.getvalue()
