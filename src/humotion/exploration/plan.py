"""Report a training plan: class counts, the policy, and a sheet of clips before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from humotion.clips.augment import Policy
from humotion.clips.dataset import ClipDataset
from humotion.clips.input import Sample
from humotion.figures.contact_sheet import TILE_HEIGHT, Tile
from humotion.figures.overlay import draw_skeleton, enlarge
from humotion.figures.stick_figure import stick_figures
from humotion.figures.tables import markdown_table
from humotion.files import atomic_path
from humotion.params.experiment import AugmentParams
from humotion.params.inputs import LandmarkParams, PersonCropParams
from humotion.store.skeleton import Skeleton

NUM_TILES = 4  # frames per clip on the contact sheet, both before and after the policy


def write_report(folder: Path, name: str, counts: pd.DataFrame, augment: AugmentParams, policy: Policy) -> None:
    """Write ``report.md``: class counts before and after balancing, the policy, and the figures."""
    before, after = counts["before"], counts["after"]
    sums = [f"{values.sum():,}" for values in (before, after)]
    ratios = [f"{values.max() / values[values > 0].min():.2f}" for values in (before, after)]
    factors = (f"{other / one:.2f}" if one else "" for one, other in zip(before, after, strict=True))
    classes = zip(counts["label"], before, after, factors, strict=True)
    rows = [("all", *sums, ""), ("largest / smallest", *ratios, ""), *classes]
    steps = [
        (step.name, ", ".join(f"{key} {value}" for key, value in step.arguments().items())) for step in augment.policy
    ]
    sections = [
        f"# {name}: the training plan",
        "## Classes",
        f"`balance: {augment.balance}`, `replicas: {augment.replicas}`. Complete clips are repeated or left out, "
        "only in training. Every repetition is augmented with its own seed.",
        "![class_counts](class_counts.png)",
        markdown_table(("class", "training clips", "samples per epoch", "factor"), rows),
        "## Augmentation",
        *_geometry_section(augment),
        f"In this order, with the same draw for all frames of a clip (policy {policy.digest[:12]}):",
        markdown_table(("transform", "arguments"), steps) if steps else "No transform.",
        "One clip per class, as evaluation would see it and as the first epoch sees it:",
        "![contact_sheet](contact_sheet.jpg)",
    ]
    with atomic_path(folder / "report.md") as temporary:
        temporary.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def _geometry_section(augment: AugmentParams) -> list[str]:
    """The text on what happens to a clip before its crops are cut and the policy changes them."""
    geometry = augment.geometry if isinstance(augment, PersonCropParams | LandmarkParams) else None
    if geometry is None:
        return []
    when = "Before its crops are cut, one" if isinstance(augment, PersonCropParams) else "One"
    return [
        f"{when} draw per clip: scale {geometry.scale[0]:g} to {geometry.scale[1]:g}, rotation "
        f"by up to {geometry.rotate:g} degrees, mirrored with probability {geometry.flip:g}."
    ]


def sheet_rows(before: ClipDataset, after: ClipDataset, skeleton: Skeleton | None) -> list[tuple[str, Sequence[Tile]]]:
    """One row per class: frames of its first planned clip as evaluation would see them, then augmented.

    The augmented frames are exactly the sample of the first epoch. If there is a ``skeleton``, the joints
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
    num_frames = len(sample["is_padding"])
    shown = np.linspace(0, num_frames - 1, min(NUM_TILES, num_frames)).round().astype(int)
    lines = [[f"{caption}, {step + 1} of {num_frames}"] for step in shown]
    if "frames" not in sample:
        assert skeleton is not None
        landmarks, known = (sample[name][shown].numpy() for name in ("landmarks", "known"))
        pictures = stick_figures(landmarks, known, skeleton, 2 * TILE_HEIGHT)
        told = [_flags(np.where(flags, 2, 0)) for flags in known]
        return [Tile(picture, [*line, text]) for picture, line, text in zip(pictures, lines, told, strict=True)]
    if skeleton is not None:
        lines = [[*line, _flags(sample["visibility"][step].numpy())] for line, step in zip(lines, shown, strict=True)]
    return [Tile(_picture(sample, step, skeleton), line) for line, step in zip(lines, shown, strict=True)]


def _flags(visibility: npt.NDArray[np.uint8]) -> str:
    """The numbers of visible, occluded and absent joints; absent ones are out of the frame or unlabelled."""
    occluded, absent = int((visibility == 1).sum()), int((visibility == 0).sum())
    parts = [f"{int((visibility == 2).sum())} visible", *([f"{occluded} occluded"] if occluded else [])]
    return ", ".join([*parts, *([f"{absent} absent"] if absent else [])])


def _picture(sample: Sample, step: int, skeleton: Skeleton | None) -> npt.NDArray[np.uint8]:
    """One frame of a sample as (S, S, 3), with its joints if there is a skeleton."""
    image = sample["frames"][step, 0].permute(1, 2, 0).numpy()
    if skeleton is None:
        return np.asarray(image)
    image, joints = enlarge(image, sample["joints"][step].numpy(), height=2 * TILE_HEIGHT)
    return draw_skeleton(image, joints, sample["visibility"][step].numpy(), skeleton, thickness=3)
