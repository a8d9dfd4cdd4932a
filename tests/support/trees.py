"""Tiny datasets in the official layouts, made of moving stripes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import scipy.io
import simplejpeg

SIZE = (64, 48)  # width, height


def picture(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Frame ``number``: a smooth pattern that moves, so that every frame differs, (H, W, 3) uint8."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    waves = [np.sin((x + 3 * number) / 9), np.sin((y + 5 * number) / 7), np.sin((x + y) / 11 + number)]
    return (127 + 100 * np.stack(waves, axis=-1)).astype(np.uint8)


def write_video(
    path: Path,
    num_frames: int = 12,
    codec: str = "mpeg4",
    b_frames: int = 0,
    size: tuple[int, int] = SIZE,
    times: list[int] | None = None,
) -> Path:
    """Encode the first ``num_frames`` pictures; ``times`` (in 1/30 s) gives a variable frame rate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.max_b_frames = b_frames
        stream.codec_context.time_base = Fraction(1, 30)
        stream.codec_context.bit_rate = 2_000_000
        container.start_encoding()
        for number in range(num_frames):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format="rgb24")
            frame.pts, frame.time_base = (times[number] if times else number), Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_jpegs(folder: Path, num_frames: int, size: tuple[int, int] = SIZE, quality: int = 90) -> Path:
    """``000001.jpg`` on, as Penn Action names its frames."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(num_frames):
        data = simplejpeg.encode_jpeg(picture(number, size), quality=quality)
        (folder / f"{number + 1:06d}.jpg").write_bytes(data)
    return folder


HMDB51_CLIPS = {
    "walk": {
        "Some_Film_walk_f_cm_np1_fr_med_0": "1 2 0",
        "Some_Film_walk_f_cm_np1_fr_med_1": "1 1 1",
        "(Rad)_x_[_NEW_]!!!_walk_u_nm_np2_ba_goo_0": "2 0 1",
    },
    "brush_hair": {
        "April_09_brush_hair_u_nm_np1_ba_goo_0": "1 2 2",
        "Gone_brush_hair_u_nm_np1_ba_goo_0": "2 1 1",
    },
}


def hmdb51_tree(root: Path) -> Path:
    """Five clips in the split files, of which one is not on disk, and one clip in no split file."""
    splits = root / "testTrainMulti_7030_splits"
    splits.mkdir(parents=True)
    for label, clips in HMDB51_CLIPS.items():
        for number in range(3):
            lines = [f"{name}.avi {codes.split()[number]} " for name, codes in clips.items()]
            (splits / f"{label}_test_split{number + 1}.txt").write_text("\n".join(lines) + "\n")
        for i, name in enumerate(clips):
            if not name.startswith("Gone"):
                write_video(root / label / f"{name}.avi", num_frames=6 + i, b_frames=2)
    write_video(root / "walk" / "Extra_walk_f_cm_np1_fr_med_0.avi", num_frames=5)
    return root


def penn_labels(num_frames: int, seed: int = 0) -> dict[str, object]:
    """A label file's content with joints inside the frame, all visible, 1-based."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(5, SIZE[0] - 5, (num_frames, 13))
    y = rng.uniform(5, SIZE[1] - 5, (num_frames, 13))
    return {
        "action": "squat",
        "pose": "front",
        "x": x,
        "y": y,
        "visibility": np.ones((num_frames, 13), np.uint8),
        "train": np.array([[1]], np.int32),
        "bbox": np.tile([4.0, 5.0, 60.0, 44.0], (num_frames, 1)),
        "dimensions": np.array([[SIZE[1], SIZE[0], num_frames]], np.uint16),
        "nframes": np.array([[num_frames % 256]], np.uint8),
    }


def penn_tree(root: Path, num_sequences: int = 3, num_frames: int = 5) -> Path:
    """Sequences 0001 on; the last is in the test set and of another action."""
    (root / "labels").mkdir(parents=True)
    for number in range(1, num_sequences + 1):
        content = penn_labels(num_frames, seed=number)
        if number == num_sequences:
            content |= {"train": np.array([[-1]], np.int32), "action": "bowl"}
        scipy.io.savemat(root / "labels" / f"{number:04d}.mat", content)
        write_jpegs(root / "frames" / f"{number:04d}", num_frames)
    return root


JHMDB_CLIPS = {"Film_walk_f_cm_np1_fr_med_0": 1, "Film_walk_f_cm_np1_fr_med_1": 2, "Other_walk_f_cm_np1_fr_med_2": 1}


def jhmdb_tree(root: Path, num_frames: int = 6) -> Path:
    """Three clips of class walk: the first two with joints, the first alone in sub-JHMDB."""
    (root / "splits").mkdir(parents=True)
    (root / "sub_splits").mkdir()
    names = list(JHMDB_CLIPS)
    for number in (1, 2, 3):
        lines = [f"{name}.avi {code}" for name, code in JHMDB_CLIPS.items()]
        (root / "splits" / f"walk_test_split{number}.txt").write_text("\r\n".join(lines))
        (root / "sub_splits" / f"walk_test_split{number}.txt").write_text(f"{names[0]}.avi 2\n")
    for name in names:
        write_video(root / "ReCompress_Videos" / "walk" / f"{name}.avi", num_frames)
    for name in names[:2]:
        joints = np.random.default_rng(0).uniform(10, 40, (2, 15, num_frames))
        mask = np.zeros((SIZE[1], SIZE[0], num_frames - 1), np.uint8)  # one short, as some are
        mask[10:31, 20:41] = 3
        for kind, content in (("joint_positions", {"pos_img": joints}), ("puppet_mask", {"part_mask": mask})):
            folder = root / kind / "walk" / name
            folder.mkdir(parents=True)
            scipy.io.savemat(folder / f"{kind}.mat", content)
    return root
