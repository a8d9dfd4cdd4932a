"""What each part of LS-ViT adds to a pretrained ViT: one training per row, on the same clips with the same seed."""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.action_rows import gain_over, read_yaml, run_stages, with_changes, write_yaml
from benchmarks.intervals import interval
from humotion.evaluation.result import CLIPS
from humotion.figures.tables import markdown_table
from humotion.files import read_json

DESCRIPTION = """\
Run it on a checkout with a recipe for action recognition from pretrained weights. It copies the experiment once per
row and split, applies the row's changes, and trains and evaluates each copy. Finished copies are not run again: after
a change of settings or code, delete their NAME.done. The evaluations of the first row fit the linear probe that all
rows are compared with. Scores are means over the splits.

  humotion recipe jhmdb_pretrained --root /path/to/JHMDB --into ../ablation
  python -m benchmarks.action_ablation --project ../ablation --jobs 2
  python -m benchmarks.action_ablation --project ../ablation --jobs 2 --rows vit ls_vit --splits split_1 split_2 split_3
"""
SCORES = ("top1", "macro_f1", "top1_reversed", "top1_shuffled")
PLAIN, FULL = "vit", "ls_vit"
NO_SHORT: dict[str, Any] = {"model.smif": "none"}
NO_LONG: dict[str, Any] = {"model.lmi": "none", "model.temporal_position": False}
ONE_STREAM: dict[str, Any] = {"model.motion_frames": 0}
PROBE = "top1_linear_probe"
ROWS: dict[str, dict[str, Any]] = {
    PLAIN: {"model.name": "vit"},
    "smif": NO_LONG | ONE_STREAM,
    "lmi": NO_SHORT | ONE_STREAM,
    "smif_lmi": ONE_STREAM,
    "reference": {"model.setting": "reference"} | ONE_STREAM,
    "motion_frames": NO_SHORT | NO_LONG,
    FULL: {},
    # The linear probe that LS-ViT starts as, with motion frames among its features.
    "head_start": {"trainer.epochs": 1, "optimizer.warmup_epochs": 0, "optimizer.lr": 1e-12},
    "sampled_neighbours": {"model.raw_neighbours": False} | ONE_STREAM,
    "no_identity_start": {"model.identity_start": False} | ONE_STREAM,
    "unbounded_gates": {"model.bounded_gates": False} | ONE_STREAM,
    "adjacent_segments": {"model.lmi_reach": 1} | ONE_STREAM,
    "no_temporal_position": {"model.temporal_position": False} | ONE_STREAM,
    "no_motion_embed": {"model.motion_embed": False} | ONE_STREAM,
}


class Trained(NamedTuple):
    """A row on a split: an experiment of params.yaml."""

    row: str
    split: str

    @property
    def name(self) -> str:
        return f"{self.row}_{self.split}"


def main() -> None:
    """Parse the command line, train and evaluate all rows, print the table."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="the checkout; the command changes its params.yaml")
    parser.add_argument("--experiment", default=FULL, help="the experiment to copy (%(default)s)")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--splits", nargs="+", default=["split_1"])
    parser.add_argument("--jobs", type=int, default=1, help="trainings at the same time (%(default)s)")
    options = parser.parse_args()
    os.chdir(options.project)
    every = [Trained(row, split) for split in options.splits for row in options.rows]
    add_rows(Path("params.yaml"), options.experiment, every)
    for one in every:
        subprocess.run(["dvc", "repro", f"augment@{one.name}"], check=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda one: run_stages(one.name, ("train", "evaluate")), every))
    print(table(options.rows, options.splits))


def add_rows(params: Path, experiment: str, every: Sequence[Trained]) -> None:
    """Write the rows as experiments into params.yaml. Only the first row fits the probe, once per split."""
    content = read_yaml(params)
    base = content["experiments"][experiment]
    for one in every:
        others = {"clips.split": one.split, "evaluate.linear_probe": one.row == every[0].row}
        content["experiments"][one.name] = changed(base, ROWS[one.row] | others)
    write_yaml(params, content)


def changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The experiment with other values at some paths. For a plain ViT, the options of LS-ViT are removed."""
    experiment = with_changes(base, changes)
    if experiment["model"]["name"] == PLAIN:
        for option in ("setting", "num_neighbours", "motion_frames"):
            experiment["model"].pop(option, None)
    return experiment


def table(rows: Sequence[str], splits: Sequence[str]) -> str:
    """A Markdown table: mean scores per row, and top-1 over the linear probe and the first row, with 95 % intervals."""
    header = ("row", "top-1", "macro-F1", "reversed", "shuffled", "over the linear probe", f"over {rows[0]}")
    probe, first = clips_of(rows[0], splits, PROBE), clips_of(rows[0], splits)
    cells = [["linear probe", *(mean_score(rows[0], splits, key, "baseline", "linear_probe") for key in SCORES[:2])]]
    for row in rows:
        scores = [mean_score(row, splits, key) for key in SCORES]
        mine = clips_of(row, splits)
        cells.append([row, *scores, gain(mine, probe), gain(mine, first) if row != rows[0] else ""])
    return markdown_table(header, [[*line, *[""] * (len(header) - len(line))] for line in cells])


def mean_score(row: str, splits: Sequence[str], key: str, *sections: str) -> str:
    """The mean over the splits of a score in a section of the test scores; empty if a split does not have it."""
    scores = []
    for split in splits:
        section = read_json(Path("metrics") / Trained(row, split).name / "test.json")
        for name in sections or ("test",):
            section = section.get(name, {})
        scores.append(section.get(key))
    return f"{sum(scores) / len(scores):.3f}" if None not in scores else ""


def gain(mine: pd.DataFrame, other: pd.DataFrame) -> str:
    """Mean paired difference between the clips of two rows; empty without clips of the other."""
    return "" if other.empty else interval(gain_over(mine, other))


def clips_of(row: str, splits: Sequence[str], metric: str = "top1") -> pd.DataFrame:
    """A score of a row's test clips, by split and clip."""
    tables = [pd.read_parquet(Path("reports") / Trained(row, split).name / CLIPS) for split in splits]
    clips = pd.concat([table.assign(split=split) for split, table in zip(splits, tables, strict=True)])
    return clips[clips["metric"] == metric].set_index(["split", "clip_id"], drop=False).rename_axis(["of", "clip"])


if __name__ == "__main__":
    main()
