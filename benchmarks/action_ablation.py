"""What each part of LS-ViT adds to a pretrained ViT: one training a row, on the same clips with the same seed."""

from __future__ import annotations

import argparse
import copy
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from humotion.evaluation.bootstrap import paired_bootstrap
from humotion.evaluation.result import CLIPS
from humotion.figures.markdown import markdown_table
from humotion.files import atomic_path, read_json

DESCRIPTION = """\
In a checkout to which a recipe for action recognition from pretrained weights was applied, the experiment is copied
once a row, with the row's changes, and trained and evaluated. Rows that are done are not done again: after a change of
settings or code, delete their NAME.done. The first row's evaluation makes the linear probe that all are held against.

  humotion recipe jhmdb_pretrained --root /path/to/JHMDB --into ../ablation
  python -m benchmarks.action_ablation --project ../ablation --jobs 2
"""
SCORES = ("top1", "macro_f1", "top1_reversed", "top1_shuffled")
PLAIN, FULL = "vit", "ls_vit"
NO_SHORT: dict[str, Any] = {"model.smif": "none"}
NO_LONG: dict[str, Any] = {"model.lmi": "none", "model.temporal_position": False}
ROWS: dict[str, dict[str, Any]] = {
    PLAIN: {"model.name": "vit"},
    "smif": NO_LONG,
    "lmi": NO_SHORT,
    FULL: {},
    "reference": {"model.setting": "reference"},
    "sampled_neighbours": {"model.raw_neighbours": False},
    "no_identity_start": {"model.identity_start": False},
    "unbounded_gates": {"model.bounded_gates": False},
    "adjacent_segments": {"model.lmi_reach": 1},
    "no_temporal_position": {"model.temporal_position": False},
    "no_motion_embed": {"model.motion_embed": False},
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="the checkout; its params.yaml is changed")
    parser.add_argument("--experiment", default=FULL, help="what the rows are made from")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--jobs", type=int, default=1, help="rows at a time")
    options = parser.parse_args()
    os.chdir(options.project)
    names = add_rows(Path("params.yaml"), options.experiment, options.rows)
    for name in names:
        subprocess.run(["dvc", "repro", f"augment@{name}"], check=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(run_row, names))
    print(table(names))


def add_rows(params: Path, experiment: str, rows: list[str]) -> list[str]:
    """Write the rows as experiments into params.yaml; their names. The probe, the same for all, is the first one's."""
    yaml = YAML()
    content = yaml.load(params.read_text(encoding="utf-8"))
    base = content["experiments"][experiment]
    for row in rows:
        content["experiments"][row] = changed(base, {**ROWS[row], "evaluate.linear_probe": row == rows[0]})
    with atomic_path(params) as temporary:
        yaml.dump(content, temporary)
    return rows


def changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The experiment with other values at some paths; a plain ViT has none of LS-ViT's options."""
    experiment: dict[str, Any] = copy.deepcopy(dict(base))
    for path, value in changes.items():
        *sections, key = path.split(".")
        section = experiment
        for part in sections:
            section = section[part]
        section[key] = value
    if experiment["model"]["name"] == PLAIN:
        for option in ("setting", "num_neighbours"):
            experiment["model"].pop(option, None)
    return experiment


def run_row(name: str) -> None:
    """Train and evaluate one experiment in processes of their own."""
    done = Path(f"{name}.done")  # scores alone say little: a checkout brings those of its last commit
    if done.exists():
        return
    log = Path(f"{name}.log")
    with log.open("a", encoding="utf-8") as file:
        for stage in ("train", "evaluate"):
            command = [sys.executable, "-m", "humotion", stage, name]
            if subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False).returncode:
                raise SystemExit(f"{stage} {name} failed: see {log.resolve()}")
    done.touch()


def table(names: list[str]) -> str:
    """Markdown: scores of every row, and top-1 over the linear probe and over the first row, with 95 % intervals."""
    header = ("row", "top-1", "macro-F1", "reversed", "shuffled", "over the linear probe", f"over {names[0]}")
    rows = []
    for name in names:
        test = read_json(Path("metrics") / name / "test.json")["test"]
        scores = [f"{test[key]:.3f}" if key in test else "" for key in SCORES]
        rows.append([name, *scores, gain(name, names[0], "top1_linear_probe"), gain(name, names[0])])
    return markdown_table(header, rows)


def gain(name: str, over: str, metric: str = "top1") -> str:
    """Top-1 of a row over a score of another row: paired by clips, bootstrapped over groups."""
    mine, other = (
        clips[clips["metric"] == chosen].set_index("clip_id")
        for clips, chosen in ((clips_of(name), "top1"), (clips_of(over), metric))
    )
    if other.empty or (name, metric) == (over, "top1"):
        return ""
    paired = paired_bootstrap(mine["score"], other["score"].loc[mine.index], mine["group"].tolist(), 0, 2000)
    return f"{paired.difference:+.3f} ({paired.low:+.3f} to {paired.high:+.3f})"


def clips_of(name: str) -> pd.DataFrame:
    """The scores of a row's test clips."""
    return pd.read_parquet(Path("reports") / name / CLIPS)


if __name__ == "__main__":
    main()
