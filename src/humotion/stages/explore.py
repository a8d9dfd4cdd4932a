"""Stage explore: report what the footage of a dataset looks like, before a model is trained on it.

The stage reads ``prepared/<dataset>/{videos,frames}.parquet`` and three frames per video. It writes to
``reports/<dataset>/``: a report, one row of measures per video, figures by class and by split, and contact sheets.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from humotion.errors import HumotionError
from humotion.exploration.duplicates import MOST_LISTED, duplicate_facts, near_duplicates, pair_rows
from humotion.exploration.figures import draw_figures
from humotion.exploration.measures import Measured, measure_video, split_columns, split_facts
from humotion.exploration.report import write_report
from humotion.figures.contact_sheet import write_contact_sheet
from humotion.files import atomic_folder, write_json
from humotion.params.document import Params
from humotion.store.frames import FrameStore
from humotion.store.skeleton import Skeleton


def run(dataset: str, params: Params) -> None:
    """Write ``reports/<dataset>/`` (report.md, statistics.parquet, figures, contact sheets, problems.csv,
    near_duplicates.csv) and ``metrics/<dataset>/data.json``.

    Raises:
        HumotionError: there is no such dataset, the stages before have not run, or no video has a frame.
    """
    params.dataset(dataset)  # raises an error with the known datasets if this one does not exist
    prepared = Path("prepared") / dataset
    videos = read_videos(prepared)
    store = FrameStore(prepared / "frames", prepared / "frames.parquet")
    if not len(store):
        raise HumotionError(
            f"No video of {dataset!r} has a frame. The status and error of each video are in "
            f"{prepared / 'frames.parquet'}. Check datasets.{dataset}.root and run the index stage again."
        )
    statistics, measured = measure(videos, store, params.machine.num_workers)
    skeleton = store.skeleton
    hashes = np.stack([video.hashes for video in measured])
    pairs = near_duplicates(statistics, hashes)
    summary = {**summarise(videos, statistics), "near_duplicates": duplicate_facts(pairs, hashes)}
    with atomic_folder(Path("reports") / dataset) as folder:
        statistics.to_parquet(folder / "statistics.parquet", index=False)
        draw_figures(folder, statistics, count_joints(measured, skeleton), store, skeleton)
        if len(pairs):
            pairs.head(MOST_LISTED).to_csv(folder / "near_duplicates.csv", index=False)
            write_contact_sheet(folder / "near_duplicates.jpg", pair_rows(pairs, store))
        write_report(folder, dataset, videos, statistics, summary)
    write_json(Path("metrics") / dataset / "data.json", summary)


def read_videos(prepared: Path) -> pd.DataFrame:
    """The video table with the results of decoding: ``num_frames``, ``status`` and ``error``.

    Raises:
        HumotionError: a table does not exist.
    """
    for name, stage in (("videos.parquet", "index"), ("frames.parquet", "extract")):
        if not (prepared / name).exists():
            raise HumotionError(f"{prepared / name} does not exist. Run the {stage} stage of this dataset first.")
    videos = pd.read_parquet(prepared / "videos.parquet").drop(columns=["status", "error"])
    decoded = pd.read_parquet(prepared / "frames.parquet")[["video_id", "num_frames", "status", "error"]]
    videos["label"] = videos["label"].fillna("(no label)")
    return videos.merge(decoded, on="video_id", how="left", validate="one_to_one")


def measure(videos: pd.DataFrame, store: FrameStore, num_workers: int) -> tuple[pd.DataFrame, list[Measured]]:
    """Measure every video that has frames: the rows of statistics.parquet, and further measures of each video."""
    readable = videos[videos["video_id"].isin(list(store))].reset_index(drop=True)
    # Threads, not processes: decoding and OpenCV release the interpreter lock, and threads share the memory map.
    work = Parallel(n_jobs=max(1, num_workers), prefer="threads", return_as="generator")
    jobs = (delayed(measure_video)(store, video_id) for video_id in readable["video_id"])
    measured: list[Measured] = list(tqdm(work(jobs), total=len(readable), desc="explore", unit="video"))
    facts = readable[
        [
            *("video_id", "label", *split_columns(videos), "group"),
            *("width", "height", "fps", "num_frames", "status"),
        ]
    ]
    facts = facts.assign(has_joints=[video.joint_counts is not None for video in measured])
    return pd.concat([facts, pd.DataFrame([video.measures for video in measured])], axis=1), measured


def count_joints(measured: list[Measured], skeleton: Skeleton | None) -> pd.DataFrame | None:
    """Number of labels of every joint (rows) by visibility over all videos; None if no video has joints."""
    counts = [video.joint_counts for video in measured if video.joint_counts is not None]
    if skeleton is None or not counts:
        return None
    return pd.DataFrame(sum(counts), index=list(skeleton.joints), columns=["visible", "occluded", "absent"])


def summarise(videos: pd.DataFrame, statistics: pd.DataFrame) -> dict[str, object]:
    """The numbers of data.json, which ``dvc metrics`` reads. Class counts are counts of videos that have frames."""
    classes = statistics["label"].value_counts()
    status = videos["status"].value_counts()
    return {
        "num_videos": len(statistics),
        "num_frames": int(statistics["num_frames"].sum()),
        "num_videos_with_joints": int(statistics["has_joints"].sum()),
        "num_classes": len(classes),
        "largest_class": int(classes.max()),
        "smallest_class": int(classes.min()),
        "imbalance_ratio": round(float(classes.max() / classes.min()), 4),
        "num_unreadable": int(len(videos) - len(statistics) - status.get("missing", 0)),
        "num_missing": int(status.get("missing", 0)),
        "num_truncated": int(status.get("truncated", 0)),
        "num_damaged": int(status.get("damaged", 0)),
        "splits": {column: split_facts(statistics, column) for column in split_columns(videos)},
    }
