"""How precisely joints are read from heatmaps: argmax, quarter offset and DARK, on target and on predicted maps."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import torch

from humotion.clips.datamodule import ClipDataModule
from humotion.figures.tables import markdown_table
from humotion.params.document import load_params
from humotion.poses.decoding import Decoding, decode_heatmaps
from humotion.poses.heatmaps import gaussian_targets
from humotion.poses.scores import PoseScores
from humotion.store.skeleton import Skeleton
from humotion.tasks.pose_estimation.training.module import FRAMES_AT_ONCE, PoseEstimation
from humotion.training.model_folder import load_task

DESCRIPTION = """\
First table: mean distance between joints and what is read from their target maps, in pixels of the crop. The maps
have 46x46 cells of 8 pixels, with noise added to every cell. Without --experiment this is the only table.
Second table: PCK on the maps of a trained model, by each method, in one pass of the network. The default method was
chosen on validation clips; test clips are for reporting. Run it in the folder with models/, clips/ and prepared/.

  python -m benchmarks.pose_decoding --experiment lstm_pm
"""
METHODS: tuple[Decoding, ...] = get_args(Decoding)
NOISE = (0.0, 0.02, 0.05, 0.1)
SHOWN = ("pck_0.2", "pck_0.1", "pck_0.05", "jitter")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", help="also measure the model in models/EXPERIMENT")
    parser.add_argument("--joints", type=int, default=2000, help="random joints for the first table (%(default)s)")
    parser.add_argument("--splits", nargs="+", default=["val", "test"])
    options = parser.parse_args(arguments)
    print(made_maps(options.joints))
    for split in options.splits if options.experiment else ():
        print(f"\n{options.experiment}, {split}:\n\n{predicted_maps(options.experiment, split)}")


def made_maps(num_joints: int, map_size: int = 46, stride: int = 8) -> str:
    """Mean error of every method at every level of noise, on target maps."""
    generator = torch.Generator().manual_seed(0)
    size = map_size * stride
    joints = stride + (size - 1 - 2 * stride) * torch.rand(1, num_joints, 1, 2, generator=generator)
    clean = gaussian_targets(joints, torch.full((1, num_joints, 1), 2), map_size, stride)
    noise = torch.randn(clean.shape, generator=generator)
    rows = []
    for method in METHODS:
        found = [decode_heatmaps(clean + level * noise, stride, method)[0] for level in NOISE]
        rows.append([method, *(f"{torch.linalg.vector_norm(xy - joints, dim=-1).mean():.2f}" for xy in found)])
    return markdown_table(["error in px", *(f"noise {level:g}" for level in NOISE)], rows)


@torch.inference_mode()
def predicted_maps(experiment: str, split: str) -> str:
    """Pooled PCK by box and jitter of every method, on a split of the experiment's clips."""
    task, description = load_task(Path("models") / experiment)
    assert isinstance(task, PoseEstimation)
    data = ClipDataModule(experiment, load_params())
    data.num_workers = 0
    skeleton = Skeleton.from_dict(description.meta["skeleton"])
    scores = {method: PoseScores(skeleton) for method in METHODS}
    for batch in data.evaluation_dataloader(split):
        state, found = None, {method: [] for method in METHODS}  # type: ignore[var-annotated]
        for piece in batch["frames"][:, :, 0].split(FRAMES_AT_ONCE, dim=1):
            maps, state = task.advance(piece, state)
            for method in METHODS:
                found[method].append(decode_heatmaps(maps, task.model.stride, method)[0])  # type: ignore[arg-type]
        for method, parts in found.items():
            labels = (batch[key][0] for key in ("joints", "visibility", "box"))
            scores[method].update(torch.cat(parts, dim=1)[0], *labels)
    rows = [[method, *(f"{scores[method].compute()[name]:.4f}" for name in SHOWN)] for method in METHODS]
    return markdown_table(["", *SHOWN], rows)


if __name__ == "__main__":
    main()
