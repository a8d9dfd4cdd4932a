"""Training batches from the frame store, compared with loaders that decode video in the loop."""

from __future__ import annotations

import argparse
import cProfile
import io
import pstats
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import pandas as pd
import torch
from torch.utils.data import DataLoader

from benchmarks.decoding_loaders import DecodingVideos, DecordVideo, PyAVVideo, decord_is_installed
from benchmarks.extraction import prepare
from benchmarks.footage import JHMDB, UNTRIMMED, clips_in
from benchmarks.measure import Target, Work, as_json, compare, hardware, table, use_cores, write_report
from benchmarks.peers import Settings
from humotion.checkout.recipe_files import read_recipe
from humotion.clips.augment import Policy
from humotion.clips.datamodule import set_up_worker
from humotion.clips.dataset import ClipDataset
from humotion.clips.input import SCENE
from humotion.clips.sampling import uniform
from humotion.inputs.whole_frames import WholeFrames
from humotion.params.document import Params, validate_params
from humotion.store.frames import FrameStore

OURS, PYAV, DECORD = "frame store", "PyAV in the loop", "decord in the loop"
BATCH_SIZE = 8
RECIPES = Path(__file__).parents[1] / "recipes"
RECIPE, EXPERIMENT = "jhmdb_small", "ls_vit"

DESCRIPTION = """\
Training batches of real clips, from the frame store and from loaders that open and decode the video every time:

  PyAV in the loop        decodes up to the last wanted frame, converts only the wanted frames
  decord in the loop      VideoReader.get_batch, if decord is installed (pip install -e '.[benchmarks]')

All use sampling, augmentation and batch size of the recipe jhmdb_small (ls_vit), and the same code after decoding.
The other loaders do not shrink frames to the stored size. Processes are loader workers that persist between epochs.
N processes use exactly N cores.

  short       clips as JHMDB trims them (15-40 frames)
  untrimmed   full HMDB51 clips (89 and 172 frames), each several times with different augmentation
  16 x 3      the three raw neighbours that LS-ViT reads around each of 16 frames

  python -m benchmarks.loading --data ../shared/data --processes 1 2
  python -m benchmarks.loading --profile              where our loader spends its time
"""


@dataclass(frozen=True)
class Footage:
    """Clips to load, how often to load each, and the target ratio."""

    name: str
    folder: Path
    count: int
    repeats: int
    at_least: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison and print it."""
    options = _parser().parse_args(arguments)
    params = validate_params(read_recipe(RECIPE, RECIPES), f"The recipe {RECIPE} is not valid:")
    footages = [Footage("short", JHMDB, options.clips, 1, 2.0), Footage("untrimmed", UNTRIMMED, 2, options.copies, 4.0)]
    report: dict[str, Any] = {"hardware": hardware()}
    print(f"{report['hardware']}\nbatches as in {RECIPE}, {EXPERIMENT}; median of {options.repeats}")
    torch.set_num_threads(1)
    for footage in footages:
        with tempfile.TemporaryDirectory() as folder:
            stores, clips = _stores(footage, options.data, params, Path(folder))
            for num_neighbours in options.neighbours:
                datasets = {name: _dataset(store, clips, params, num_neighbours) for name, store in stores.items()}
                title = f"{footage.name}, 16 x {num_neighbours} frames"
                if options.profile:
                    print(f"\n{title}\n{_profile(datasets[OURS])}")
                else:
                    report[title] = _compare(title, datasets, footage.at_least, options)
    write_report(options.json, report)


def _compare(
    title: str, datasets: dict[str, ClipDataset], at_least: float, options: argparse.Namespace
) -> dict[str, Any]:
    targets = [Target(name, at_least) for name in datasets if name != OURS]
    report = {}
    for processes in options.processes:
        use_cores(processes)
        loaders = {name: _loader(dataset, processes) for name, dataset in datasets.items()}
        heading = f"{title}, {processes} process{'es' if processes > 1 else ''}"
        timings = compare(loaders, options.repeats, heading)
        print(f"\n{heading}\n{table(timings, targets, OURS, 'clip')}", flush=True)
        report[f"processes_{processes}"] = as_json(timings, targets, OURS)
    return report


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="the folder with jhmdb/ and hmdb51/ (%(default)s)"
    )
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2], help="numbers of processes to measure")
    parser.add_argument("--clips", type=int, default=64, help="number of short clips, spread over all (%(default)s)")
    parser.add_argument("--copies", type=int, default=20, help="how often each untrimmed clip is loaded (%(default)s)")
    parser.add_argument("--neighbours", type=int, nargs="+", default=[1, 3], help="raw frames around each sampled one")
    parser.add_argument("--repeats", type=int, default=3, help="timed repetitions (%(default)s)")
    parser.add_argument("--profile", action="store_true", help="only show where our loader spends its time")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser


def _stores(footage: Footage, data: Path, params: Params, folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """The contenders' sources of frames, by name, and the clips to load from them."""
    frames = params.dataset("jhmdb").frames
    paths = clips_in(data, footage.folder, footage.count)
    prepare(folder, paths, Settings(frames.short_side, frames.jpeg_quality), workers=1)()
    prepared = folder / "prepared" / "clips"
    rows = pd.read_parquet(prepared / "frames.parquet").set_index("video_id")
    files = pd.read_parquet(prepared / "videos.parquet").set_index("video_id")["path"]
    known = ({name: folder / "root" / path for name, path in files.items()}, rows["num_frames"].to_dict())
    stores: dict[str, Any] = {
        OURS: FrameStore(prepared / "frames", prepared / "frames.parquet"),
        PYAV: DecodingVideos(*known, PyAVVideo),
    }
    if decord_is_installed():
        stores[DECORD] = DecodingVideos(*known, DecordVideo)
    experiment = params.experiment(EXPERIMENT)
    sampled = [uniform(count, experiment.clips.num_frames) for count in rows["num_frames"]]
    clips = pd.DataFrame(
        {
            "video_id": rows.index,
            "frame_indices": [clip.frame_indices for clip in sampled],
            "is_padding": [clip.is_padding for clip in sampled],
        }
    )
    clips = pd.concat([clips] * footage.repeats, ignore_index=True)
    return stores, clips.assign(person=SCENE, label_id=0, seed=range(len(clips)))


def _dataset(store: Any, clips: pd.DataFrame, params: Params, num_neighbours: int) -> ClipDataset:
    augment = params.experiment(EXPERIMENT).augment
    policy = Policy.compile(augment.policy, augment.size, has_joints=False)
    return ClipDataset(clips, store, WholeFrames(augment.size, policy), num_neighbours)


def _loader(dataset: ClipDataset, num_workers: int) -> Callable[[], Work]:
    """Make a contender that loads every clip once."""
    loader = DataLoader(
        dataset,
        batch_size=BATCH_SIZE,
        num_workers=num_workers,
        persistent_workers=True,
        worker_init_fn=set_up_worker,
    )
    return lambda: Work(sum(len(batch["frames"]) for batch in loader))


def _profile(dataset: ClipDataset) -> str:
    cv2.setNumThreads(0)
    profile = cProfile.Profile()
    profile.runcall(lambda: [dataset[index] for index in range(len(dataset))])
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(18)
    return text.getvalue()


if __name__ == "__main__":
    main()
