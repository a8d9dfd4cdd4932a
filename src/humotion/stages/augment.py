"""Stage augment: make an experiment's training plan, and show what it does.

Reads the training clips and their frames; balances the classes, gives every replica its seed,
compiles the augmentation policy, and writes all of it with a contact sheet to ``plans/<experiment>/``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from humotion.clips.balance import class_counts
from humotion.clips.dataset import ClipDataset
from humotion.clips.plan import write_plan
from humotion.clips.table import read_table
from humotion.clips.views import Sample, make_view
from humotion.datasets.skeletons import SKELETONS, Skeleton
from humotion.figures.contact_sheet import Tile, write_contact_sheet
from humotion.figures.overlay import draw_skeleton
from humotion.figures.style import BLUE, ORANGE, figure_file, name_rows, rows_height
from humotion.files import atomic_folder, read_json
from humotion.params import Params
from humotion.video.store import FrameStore

NUM_TILES = 4  # frames of a clip on the contact sheet, before and again after


def run(name: str, params: Params) -> None:
    """Write ``plans/<name>/``: train.parquet, policy.json, class_counts.{csv,png}, contact_sheet.jpg.

    Raises:
        HumotionError: no such experiment, clips not sampled yet, or a policy that cannot be built.
    """
    experiment = params.experiment(name)
    clips = read_table(Path("clips") / name / "train.parquet")
    meta = read_json(Path("clips") / name / "meta.json")
    prepared = Path("prepared") / experiment.dataset
    store = FrameStore(prepared / "frames", prepared / "frames.parquet")
    with atomic_folder(Path("plans") / name) as folder:
        plan, policy = write_plan(folder, experiment, clips)
        views = (make_view(experiment, meta["skeleton"], chosen) for chosen in (None, policy))
        before, after = (ClipDataset(plan, store, view) for view in views)
        counts = class_counts(meta["classes"], clips, plan)
        counts.to_csv(folder / "class_counts.csv", index=False)
        plot_class_counts(folder / "class_counts.png", counts)
        skeleton = SKELETONS[meta["skeleton"]] if experiment.task == "pose_estimation" else None
        write_contact_sheet(folder / "contact_sheet.jpg", sheet_rows(before, after, skeleton))


def plot_class_counts(path: Path, counts: pd.DataFrame) -> None:
    """Clips of each class before and after balancing, from the table of `class_counts`."""
    rows = np.arange(len(counts))
    with figure_file(path, 7, rows_height(2 * len(counts), margin=1.3)) as (_, grid):
        axes = grid[0, 0]
        axes.barh(rows - 0.2, counts["before"], height=0.38, color=ORANGE, label="training clips")
        axes.barh(rows + 0.2, counts["after"], height=0.38, color=BLUE, label="samples in an epoch")
        name_rows(axes, counts["label"].tolist())
        axes.set(xlabel="count")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2, fontsize=8)


def sheet_rows(before: ClipDataset, after: ClipDataset, skeleton: Skeleton | None) -> list[tuple[str, Sequence[Tile]]]:
    """One row a class: frames of its first planned clip as evaluation would see them, then augmented.

    The augmented ones are the very sample that the first epoch holds. With a ``skeleton`` the joints
    are drawn.
    """
    plan = before.table
    first_of_each = plan.sort_values("label_id", kind="stable").drop_duplicates("label_id").index.tolist()
    rows: list[tuple[str, Sequence[Tile]]] = []
    for index in tqdm(first_of_each, desc="contact sheet", unit="class"):
        tiles = [
            tile
            for caption, dataset in (("before", before), ("after", after))
            for tile in _tiles(dataset[index], caption, skeleton)
        ]
        rows.append((f"{plan.loc[index, 'label']}: {plan.loc[index, 'clip_id']}", tiles))
    return rows


def _tiles(sample: Sample, caption: str, skeleton: Skeleton | None) -> list[Tile]:
    num_frames = len(sample["frames"])
    shown = np.linspace(0, num_frames - 1, min(NUM_TILES, num_frames)).round().astype(int)
    return [Tile(_picture(sample, step, skeleton), (f"{caption}, {step + 1} of {num_frames}",)) for step in shown]


def _picture(sample: Sample, step: int, skeleton: Skeleton | None) -> npt.NDArray[np.uint8]:
    """One frame of a sample as (S, S, 3), with its joints where there is a skeleton."""
    image = sample["frames"][step, 0].permute(1, 2, 0).numpy()
    if skeleton is None:
        return np.asarray(image)
    return draw_skeleton(image, sample["joints"][step].numpy(), sample["visibility"][step].numpy(), skeleton)
