"""What models of actions are worth in real footage: of landmarks, of frozen features, HP-Net, LS-ViT, and fusions."""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from benchmarks.action_rows import finished, read_yaml, run_stages, with_changes, write_yaml
from benchmarks.jhmdb_answers import FILE, keep
from benchmarks.jhmdb_rows import LAYERS, RECIPES, ROWS
from benchmarks.jhmdb_tables import name_of, tables
from humotion.store.layers import LABELS, folder_of_layer

DESCRIPTION = f"""\
Run it on a checkout with the recipes {", ".join(RECIPES)}. It copies an experiment of the recipes
once per row, split and seed, makes the layers that are not there, and samples, trains and evaluates each copy.
Finished copies are not run again: after a change of settings or code, delete actions/NAME.done. All test clips count,
also those in which nobody is found. Test clips choose nothing.
The tables also use answers that are kept in {FILE.name}, of trainings that are not in the checkout.

  for recipe in {" ".join(RECIPES)}; do humotion recipe $recipe --root /path/to/JHMDB; done    # in P
  python -m benchmarks.jhmdb_actions --project P --jobs 2
  python -m benchmarks.jhmdb_actions --project P --table                           # of what is finished
  python -m benchmarks.jhmdb_actions --project P --keep                            # and keep its answers
"""
STAGES = ("sample", "augment", "train", "evaluate")
FOLDER = Path("actions")


class Copy(NamedTuple):
    """A row on a split with a seed: an experiment of params.yaml."""

    row: str
    split: str
    seed: int

    @property
    def name(self) -> str:
        return name_of(*self)


def main() -> None:
    """Parse the command line, train and evaluate what is not finished, print the tables."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="the checkout; the command changes its params.yaml")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--splits", nargs="+", default=["split_1", "split_2", "split_3"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[7, 8, 9])
    parser.add_argument("--jobs", type=int, default=1, help="trainings at the same time (%(default)s)")
    parser.add_argument("--table", action="store_true", help="only print the tables, of all rows")
    parser.add_argument(
        "--keep", action="store_true", help=f"add what is finished to {FILE.name}, and print the tables"
    )
    options = parser.parse_args()
    os.chdir(options.project)
    if options.keep:
        names = [one.name for one in copies(list(ROWS), options.splits, options.seeds)]
        print(f"{keep(names)} trainings are kept in {FILE}")
    elif not options.table:
        FOLDER.mkdir(exist_ok=True)
        every = copies(options.rows, options.splits, options.seeds)
        make_layers(Path("params.yaml"), options.rows)
        add_copies(Path("params.yaml"), every, threads_of_each(options.jobs))
        run_all(every, options.jobs)
    print(tables(options.splits, options.seeds))


def copies(rows: Sequence[str], splits: Sequence[str], seeds: Sequence[int]) -> list[Copy]:
    """Every training, in an order in which the first seed has a complete table first."""
    return [
        Copy(row, split, seed)
        for seed in seeds
        for row in rows
        if ROWS[row].has_seeds or seed == seeds[0]
        for split in splits
    ]


def make_layers(params: Path, rows: Sequence[str]) -> None:
    """Add the layers that rows need to params.yaml, and let DVC make those that are not there."""
    content = read_yaml(params)
    bases = [content["experiments"][ROWS[row].base] for row in rows]
    needed = {ROWS[row].changes.get("layer", base["layer"]) for row, base in zip(rows, bases, strict=True)}
    for name in sorted(needed & LAYERS.keys()):
        content["layers"][name] = with_changes(content["layers"]["features"], LAYERS[name])
    write_yaml(params, content)
    dataset = bases[0]["dataset"]
    for name in sorted(needed):
        if not folder_of_layer(dataset, name).exists():
            target = f"extract@{dataset}" if name == LABELS else f"annotate@{name}"
            subprocess.run(["dvc", "repro", target], check=True)


def add_copies(params: Path, every: Sequence[Copy], threads: int) -> None:
    """Write the copies as experiments into params.yaml; with one core, a training loads its clips itself."""
    content = read_yaml(params)
    for one in every:
        row = ROWS[one.row]
        chosen = {**row.changes, "clips.split": one.split, "seed": one.seed, "evaluate.overlays": 0}
        content["experiments"][one.name] = with_changes(content["experiments"][row.base], chosen)
    content["machine"]["workers"] = threads if threads > 1 else 0
    write_yaml(params, content)


def threads_of_each(jobs: int) -> int:
    """The cores that each of several trainings can have."""
    return max(1, len(os.sched_getaffinity(0)) // jobs)


def run_all(every: Sequence[Copy], jobs: int) -> None:
    """Run what is not finished, and say after each training how long the rest takes."""
    os.environ.setdefault("OMP_NUM_THREADS", str(threads_of_each(jobs)))
    todo = [one for one in every if finished(one.name, FOLDER) is None]
    print(f"{len(every) - len(todo)} of {len(every)} trainings are finished", flush=True)
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(run_stages, one.name, STAGES, FOLDER): one for one in todo}
        for number, future in enumerate(as_completed(running), 1):
            if error := future.exception():
                pool.shutdown(wait=False, cancel_futures=True)
                raise SystemExit(str(error))
            one = running[future]
            took, left = finished(one.name, FOLDER) or 0.0, seconds_left(every, jobs)
            print(f"{number}/{len(todo)} {one.name}: {took:.0f} s; about {left / 60:.0f} min left", flush=True)


def seconds_left(every: Sequence[Copy], jobs: int) -> float:
    """An estimate: what a row's finished trainings took on average, or, of a row without one, the mean of all."""
    took: dict[str, list[float]] = {}
    todo = []
    for one in every:
        seconds = finished(one.name, FOLDER)
        if seconds is None:
            todo.append(one.row)
        else:
            took.setdefault(one.row, []).append(seconds)
    means = {row: sum(of) / len(of) for row, of in took.items()}
    usual = sum(means.values()) / len(means) if means else 0.0
    return sum(means.get(row, usual) for row in todo) / jobs


if __name__ == "__main__":
    main()
