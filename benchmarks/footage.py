"""The real clips that the benchmarks read, and datasets that are made from them."""

from __future__ import annotations

from pathlib import Path

from humotion.params.document import Params

JHMDB = Path("jhmdb") / "ReCompress_Videos"
UNTRIMMED = Path("hmdb51") / "untrimmed"


def clips_in(data: Path, folder: Path, count: int | None = None) -> list[Path]:
    """``count`` clips spread evenly over the sorted videos below ``data``/``folder``; all of them without a count.

    The paths are absolute, because the workers of the contenders start in other folders.
    """
    found = sorted((data / folder).resolve().rglob("*.avi"))
    if not found:
        raise SystemExit(f"There are no .avi files below {data / folder}; --data must contain {folder}.")
    if count is None or count >= len(found):
        return found
    return [found[index * len(found) // count] for index in range(count)]


def link_dataset(root: Path, clips: list[Path], copies: int = 1) -> Path:
    """Make a folder dataset of links to ``clips``, with ``copies`` links per clip under different names."""
    for number, clip in enumerate(clips):
        folder = root / clip.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        for copy in range(copies):
            (folder / f"{number:04d}_{copy}{clip.suffix}").symlink_to(clip.resolve())
    return root


def params_for(root: Path, short_side: int, quality: int, workers: int, shards: int = 16) -> Params:
    """Settings with one dataset, ``clips``, and no experiments."""
    frames = {"short_side": short_side, "jpeg_quality": quality, "shards": shards}
    datasets = {"clips": {"layout": "folder", "root": str(root), "frames": frames}}
    return Params.model_validate({"datasets": datasets, "experiments": {}, "machine": {"workers": workers}})
