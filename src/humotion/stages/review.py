"""Stage review: report what a layer found, before a model is trained with it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from humotion.errors import HumotionError
from humotion.files import atomic_folder, write_json
from humotion.params.document import Params
from humotion.review.measures import review_video, summarise
from humotion.review.report import write_report
from humotion.store.frames import FrameStore
from humotion.store.layers import folder_of_layer


def run(name: str, params: Params) -> None:
    """Write ``reviews/<layer>/`` (report.md, videos.csv, figures, sheets) and ``metrics/<layer>/layer.json``.

    Raises:
        HumotionError: there is no such layer, or the stages before have not run.
    """
    dataset = params.layer(name).dataset
    prepared, folder = Path("prepared") / dataset, folder_of_layer(dataset, name)
    if not folder.exists():
        raise HumotionError(f"{folder} does not exist. Run `dvc repro annotate@{name}` first.")
    store = FrameStore(prepared / "frames", prepared / "frames.parquet", folder)
    assert store.layer is not None
    skeleton = store.layer.skeleton
    ids = [video_id for video_id in store if video_id in store.layer]
    reviewed = [review_video(store[video_id], skeleton, store.skeleton) for video_id in tqdm(ids, desc="review")]
    summary = summarise(reviewed)
    labels = pd.read_parquet(prepared / "videos.parquet").set_index("video_id")["label"].fillna("(no label)")
    table = pd.DataFrame([asdict(one) for one in reviewed]).drop(columns="hits")
    table.insert(0, "video_id", ids)
    table.insert(1, "label", labels.reindex(ids).to_numpy())
    with atomic_folder(Path("reviews") / name) as out:
        write_report(out, name, table, summary, store, skeleton)
    write_json(Path("metrics") / name / "layer.json", summary)
