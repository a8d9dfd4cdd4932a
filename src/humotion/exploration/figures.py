"""The figures and contact sheets of the data report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from humotion.exploration.measures import LOGARITHMIC, MEASURES, robust_z, split_columns, split_roles
from humotion.figures.bars import plot_stacked_counts, plot_stacked_shares
from humotion.figures.contact_sheet import Tile, write_contact_sheet
from humotion.figures.distributions import plot_by_class, plot_by_split, plot_colours
from humotion.figures.overlay import draw_skeleton, enlarge
from humotion.store.frames import FrameStore
from humotion.store.skeleton import Skeleton
from humotion.system.names import file_stem

BY_CLASS = ("num_frames", "brightness", "contrast", "sharpness")
OUTLIERS = (
    ("darkest", "brightness", True),
    ("brightest", "brightness", False),
    ("least contrast", "contrast", True),
    ("most blurred", "sharpness", True),
    ("shortest", "num_frames", True),
    ("longest", "num_frames", False),
)
TILES_IN_A_ROW = 7
MOST_SIZES = 15


def draw_figures(
    folder: Path,
    statistics: pd.DataFrame,
    joint_counts: pd.DataFrame | None,
    store: FrameStore,
    skeleton: Skeleton | None,
) -> None:
    """Draw everything that report.md shows into ``folder``."""
    columns = split_columns(statistics)
    chosen: list[str | None] = [*columns] or [None]
    for column in chosen:
        roles = split_roles(statistics, column)
        plot_stacked_counts(
            folder / f"classes_{file_stem(column or 'all')}.png",
            count_by_role(statistics["label"], roles),
            f"Videos per class, {column}" if column else "Videos per class",
        )
    roles = split_roles(statistics, columns[0] if columns else None)
    plot_stacked_counts(folder / "sizes.png", count_by_role(size_names(statistics), roles), "Frame sizes")
    labels = {column: MEASURES[column] for column in BY_CLASS}
    plot_by_class(folder / "by_class.png", statistics, labels, LOGARITHMIC, "Measures by class")
    plot_by_split(folder / "by_split.png", statistics, MEASURES, roles, LOGARITHMIC, "Measures by split")
    plot_colours(folder / "colours.png", statistics, "Mean colour by class")
    if joint_counts is not None:
        plot_stacked_shares(folder / "joints.png", joint_counts, "Joint labels")
    write_contact_sheet(folder / "examples.jpg", example_rows(statistics, store, skeleton))
    write_contact_sheet(folder / "outliers.jpg", outlier_rows(statistics, store))


def count_by_role(names: pd.Series, roles: pd.Series) -> pd.DataFrame:
    """Counts of each name (rows, in alphabetical order) by role in the split (columns that occur)."""
    counts = pd.crosstab(names, roles)
    order = [role for role in ("train", "test", "unused", "all") if role in counts.columns]
    return counts[order].sort_index()


def size_names(statistics: pd.DataFrame) -> pd.Series:
    """``width x height`` of every video; all but the 15 most frequent sizes are "other"."""
    width, height = statistics["width"].astype(str), statistics["height"].astype(str)
    names = (width + " x " + height).where(statistics["width"].notna(), "unknown")
    frequent = names.value_counts().index[:MOST_SIZES]
    return names.where(names.isin(frequent), "other")


def outlier_rows(statistics: pd.DataFrame, store: FrameStore) -> list[tuple[str, Sequence[Tile]]]:
    """The most extreme videos of each kind, with their value and its robust z."""
    rows: list[tuple[str, Sequence[Tile]]] = []
    for heading, column, ascending in OUTLIERS:
        scores = robust_z(statistics[column], column in LOGARITHMIC)
        ranked = statistics.assign(z=scores).sort_values(["z", "video_id"], ascending=[ascending, True], kind="stable")
        tiles = [
            Tile(
                _middle_frame(store, str(video.video_id)),
                (_short(video), str(video.label), f"{column} {getattr(video, column):.4g}, z {video.z:+.1f}"),
            )
            for video in ranked.head(TILES_IN_A_ROW).itertuples()
        ]
        rows.append((heading, tiles))
    return rows


def example_rows(
    statistics: pd.DataFrame, store: FrameStore, skeleton: Skeleton | None
) -> list[tuple[str, Sequence[Tile]]]:
    """The middle frame of a video of median length per class, with its labelled skeleton if it has one."""
    tiles = []
    for label, videos in statistics.groupby("label"):
        best = videos[videos["has_joints"]] if videos["has_joints"].any() else videos
        video = best.sort_values(["num_frames", "video_id"]).iloc[len(best) // 2]
        picture = _middle_frame(store, video["video_id"], skeleton)
        tiles.append(Tile(picture, (str(label), f"{len(videos)} videos")))
    starts = range(0, len(tiles), TILES_IN_A_ROW)
    return [("", tiles[start : start + TILES_IN_A_ROW]) for start in starts]


def _middle_frame(store: FrameStore, video_id: str, skeleton: Skeleton | None = None) -> Any:
    video = store[video_id]
    middle = video.num_frames // 2
    image = video.decode([middle])[0]
    if skeleton is None or video.joints is None or video.visibility is None:
        return image
    image, people = enlarge(image, video.joints[:, middle, :, :2], height=288)
    for joints, visibility in zip(people, video.visibility[:, middle], strict=True):
        image = draw_skeleton(image, joints, visibility, skeleton, thickness=3)
    return image


def _short(video: Any) -> str:
    """The last part of a video's id: the class in front of it is in another line of the caption."""
    return str(video.video_id).rsplit("/", 1)[-1]
