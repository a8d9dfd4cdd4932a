"""Stage augment: make the training plan of an experiment, and show its effect.

The stage reads the training clips and their frames. It balances the classes, gives every replica a seed, and builds the
augmentation policy. It writes these and a contact sheet to ``plans/<experiment>/``.
"""

from __future__ import annotations

from pathlib import Path

from humotion.clips.balance import class_counts
from humotion.clips.datamodule import skeleton_of_clips
from humotion.clips.dataset import ClipDataset
from humotion.clips.input import load_input
from humotion.clips.plan import write_plan
from humotion.clips.table import read_table
from humotion.exploration.plan import sheet_rows, write_report
from humotion.figures.bars import plot_change
from humotion.figures.contact_sheet import write_contact_sheet
from humotion.files import atomic_folder, read_json
from humotion.params.document import Params
from humotion.store.frames import FrameStore
from humotion.store.layers import folder_of_layer


def run(name: str, params: Params) -> None:
    """Write ``plans/<name>/``: train.parquet, policy.json, report.md, class_counts.{csv,png}, contact_sheet.jpg.

    Raises:
        HumotionError: there is no such experiment, the clips are not sampled yet, or the policy cannot be built.
    """
    experiment = params.experiment(name)
    clips = read_table(Path("clips") / name / "train.parquet")
    meta = read_json(Path("clips") / name / "meta.json")
    prepared = Path("prepared") / experiment.dataset
    layer = folder_of_layer(experiment.dataset, experiment.layer)
    store = FrameStore(prepared / "frames", prepared / "frames.parquet", layer)
    with atomic_folder(Path("plans") / name) as folder:
        plan, policy = write_plan(folder, experiment, clips)
        shown, skeleton = load_input(experiment.input), skeleton_of_clips(meta)
        inputs = [shown.make(experiment.augment, skeleton, chosen) for chosen in (None, policy)]
        before, after = (ClipDataset(plan, store, each) for each in inputs)
        counts = class_counts(meta["classes"], clips, plan)
        counts.to_csv(folder / "class_counts.csv", index=False)
        plot_change(folder / "class_counts.png", counts, ("training clips", "samples in an epoch"))
        drawn = getattr(inputs[0], "skeleton", None)
        write_contact_sheet(folder / "contact_sheet.jpg", sheet_rows(before, after, drawn))
        write_report(folder, name, counts, experiment.augment, policy)
