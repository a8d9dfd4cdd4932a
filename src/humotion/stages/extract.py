"""Stage extract: decode every video once into the frame store.

The stage reads ``videos.parquet`` and the raw files. It writes ``prepared/<dataset>/frames/`` (see
`humotion.store.frames`), ``frames.parquet``, the only source of real frame counts, and ``layers/<dataset>/labels/``,
which says what the dataset shipped. Shards are made in parallel in a work folder. After an interruption, finished
shards are kept and the stage resumes.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
from pathlib import Path

import pandas as pd

from humotion.datasets.shared.open import open_dataset
from humotion.errors import HumotionError
from humotion.extraction.labels import write_labels
from humotion.extraction.shards import make_shards, state_of
from humotion.files import atomic_path, move_into_place
from humotion.params.document import Params
from humotion.store.frames import FrameStore
from humotion.video.decode import Device, has_cuda
from humotion.work import digest_of, digest_of_code, digest_of_file, owned_work

_MOST_NAMED = 5
_logger = logging.getLogger(__name__)


def run(dataset: str, params: Params) -> None:
    """Write ``prepared/<dataset>/frames/`` and ``frames.parquet``, and ``layers/<dataset>/labels/``.

    The bytes depend only on the videos and on ``datasets.<dataset>``, not on the number of workers. A video without
    frames has a table row with ``row`` -1, 0 frames and its status.

    Raises:
        HumotionError: the dataset is not indexed, its root does not exist, the disk is full, no video is there any
            more, or a video is damaged and ``on_damage`` is "fail".
    """
    settings = params.dataset(dataset)
    layout = open_dataset(settings.layout, settings.root.resolve())  # workers of a cluster start in another folder
    prepared = Path("prepared") / dataset
    index = prepared / "videos.parquet"
    if not index.exists():
        raise HumotionError(f"{index} does not exist. Run the index stage of {dataset!r} first.")
    videos = pd.read_parquet(index)
    _require_some_video(videos, layout.root)
    code = digest_of_code("extract", chosen=settings.model_dump(mode="json"))
    digest = digest_of([settings.model_dump(), digest_of_file(index), state_of(layout.root), code])
    with owned_work("extract", digest) as work:
        try:
            table = make_shards(videos, layout, settings, work, params.machine)
            _report_damage(table, dataset, settings.on_damage)
            _report_remarks(table, dataset)
            _warn_of_videos_read_on_the_cpu(table, settings.decode.device)
            with atomic_path(prepared / "frames.parquet") as temporary:
                table.to_parquet(temporary, index=False)
            move_into_place(work / "frames", prepared / "frames")
            paths = dict(zip(videos["video_id"], videos["path"], strict=True))
            write_labels(dataset, FrameStore(prepared / "frames", prepared / "frames.parquet"), layout, paths)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise HumotionError(
                f"The disk is full. Frames of {dataset!r} are written to {work}, then moved to {prepared}. Free some "
                "space and run the stage again. Finished shards are kept and used."
            ) from error
        shutil.rmtree(work)


def _require_some_video(videos: pd.DataFrame, root: Path) -> None:
    """Refuse a root without any of the videos: that is a disk that is not mounted, not a dataset without videos."""
    readable = videos.loc[videos["status"] == "ok", "path"]
    if len(readable) and not any(os.path.lexists(root / path) for path in readable):
        raise HumotionError(
            f"None of the {len(readable)} videos that the index found in {root} is there now. Is the disk mounted? "
            "If the videos moved, set datasets.<name>.root and run the index stage again."
        )


def _report_damage(frames: pd.DataFrame, dataset: str, on_damage: str) -> None:
    """Say once how many videos are not whole, and which; raises HumotionError if ``on_damage`` is "fail"."""
    bad = frames[~frames["status"].isin(["ok", "missing"])]
    if bad.empty:
        return
    counts = ", ".join(f"{number} {status}" for status, number in bad["status"].value_counts().items())
    text = f"{len(bad)} of {len(frames)} videos of {dataset!r} are not whole ({counts}):\n{_named(bad)}"
    if on_damage == "fail":
        raise HumotionError(
            f"{text}\ndatasets.{dataset}.on_damage is fail: repair or remove these files, or set it to keep or drop."
        )
    done = {"keep": "their frames before the damage are kept", "drop": "they are dropped"}[on_damage]
    _logger.warning("%s\nTruncated and damaged: %s (datasets.%s.on_damage: %s).", text, done, dataset, on_damage)


def _report_remarks(frames: pd.DataFrame, dataset: str) -> None:
    """Say once of which whole videos there is something to know."""
    told = frames[(frames["status"] == "ok") & frames["error"].notna()]
    if len(told):
        _logger.warning(
            "%d of %d videos of %r are whole, but not as expected (`error` in frames.parquet):\n%s",
            *(len(told), len(frames), dataset, _named(told)),
        )


def _named(videos: pd.DataFrame) -> str:
    """The first videos, one per line, with their status and what is said of them."""
    rows = videos.head(_MOST_NAMED).itertuples()
    more = [f"  and {len(videos) - _MOST_NAMED} more"] if len(videos) > _MOST_NAMED else []
    return "\n".join([*(f"  {row.video_id}: {row.status}: {row.error}" for row in rows), *more])


def _warn_of_videos_read_on_the_cpu(frames: pd.DataFrame, device: Device) -> None:
    """Warn once, after all workers, how many videos were read on the CPU although decode.device is cuda."""
    videos = frames[~frames["method"].isin(["images", "copy"]) & frames["method"].notna()]
    num_left = int((~videos["method"].str.startswith("torchcodec-cuda")).sum())
    if device == "cuda" and num_left:
        reason = "the GPU does not decode them" if has_cuda() else "torch finds no GPU"
        _logger.warning(
            "decode.device is cuda, but %d of %d videos were read on the CPU (%s); "
            "`method` in frames.parquet shows which",
            *(num_left, len(videos), reason),
        )
