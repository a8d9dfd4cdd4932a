from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from humotion.figures.bars import plot_change, plot_joint_pck, plot_recall, plot_stacked_counts, plot_stacked_shares
from humotion.figures.confusion import plot_confusion
from humotion.figures.curves import plot_curves
from humotion.figures.distributions import plot_by_class, plot_by_split, plot_colours
from humotion.figures.intervals import plot_by_field
from humotion.figures.recall_grid import plot_recall_grid
from humotion.figures.reliability import plot_reliability
from humotion.figures.style import LONGEST_NAME, figure_file, name_rows, readable, rows_height


def pixels(path: Path) -> np.ndarray:
    """The figure as an array, which fails if it is no whole PNG; and something must be drawn on it."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        array = np.asarray(image.convert("RGB"))
    assert array.std() > 1
    return array


def class_names(number: int) -> list[str]:
    return [f"class_{index:02d}_with_a_rather_long_name" for index in range(number)]


def test_long_names_are_shortened_in_the_middle():
    assert readable("shoot_ball") == "shoot ball"
    short = readable("throwing_a_ball_over_a_very_high_wall_left")
    assert len(short) <= LONGEST_NAME
    assert short.startswith("throwing")
    assert short.endswith("left")


@pytest.mark.parametrize("number", [2, 9, 51])
def test_row_labels_never_overlap(tmp_path, number):
    with figure_file(tmp_path / "rows.png", 7, rows_height(number)) as (figure, grid):
        name_rows(grid[0, 0], class_names(number))
        figure.canvas.draw()
        boxes = [label.get_window_extent() for label in grid[0, 0].get_yticklabels()]
    edges = sorted((box.y0, box.y1) for box in boxes)
    assert all(lower[1] <= upper[0] for lower, upper in pairwise(edges))
    assert all(box.x0 >= 0 for box in boxes)


def test_confusion_row_is_the_label_and_a_class_without_clips_is_grey(tmp_path):
    plot_confusion(tmp_path / "confusion.png", np.array([[0, 0], [0, 30]]), ["sit", "run"])
    image = pixels(tmp_path / "confusion.png").astype(int)
    image = image[:, : image.shape[1] * 3 // 4]  # without the colour bar
    grey = np.argwhere((abs(image - 232) <= 1).all(axis=-1))  # the row "sit"
    dark = np.argwhere((image[..., 2] > 90) & (image[..., 0] < 20))  # the cell run, run
    assert min(len(grey), len(dark)) > 500
    assert np.percentile(dark[:, 0], 5) > np.percentile(grey[:, 0], 95)  # text has a few such pixels too
    assert dark[:, 1].mean() > grey[:, 1].mean()


def test_confusion_of_many_classes_has_a_bounded_size(tmp_path):
    plot_confusion(tmp_path / "confusion.png", np.eye(51, dtype=int) * 30, class_names(51), "title")
    assert max(pixels(tmp_path / "confusion.png").shape) < 2000


def test_equal_data_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        plot_confusion(tmp_path / f"{name}.png", np.array([[3, 1], [0, 2]]), ["sit", "run"])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_curves_take_gaps_and_a_single_epoch(tmp_path):
    epochs = pd.DataFrame(
        {"epoch": [0, 1], "train/loss": [2.0, 1.0], "val/loss": [np.nan, 1.5], "val/top1": [np.nan] * 2, "lr": 1e-3}
    )
    plot_curves(tmp_path / "two.png", epochs, "run")
    plot_curves(tmp_path / "one.png", epochs.head(1))
    pixels(tmp_path / "two.png")
    pixels(tmp_path / "one.png")


def test_bars(tmp_path):
    table = pd.DataFrame({"label": class_names(3), "num_clips": [3, 0, 2], "recall": [0.5, np.nan, 1.0]})
    plot_recall(tmp_path / "recall.png", table)
    plot_joint_pck(tmp_path / "pck.png", {"PCK@0.2": [0.9, np.nan], "PCK@0.1": [0.5, np.nan]}, ["head", "neck"])
    counts = pd.DataFrame({"train": [70, 60], "unused": [0, 400]}, index=["sit", "run"])
    plot_stacked_counts(tmp_path / "counts.png", counts)
    plot_stacked_shares(tmp_path / "shares.png", counts)
    for path in tmp_path.iterdir():
        pixels(path)


def test_no_curve_is_left_out_however_many_there_are(tmp_path):
    curves = {f"model {number}": [number / 12] for number in range(12)}
    plot_joint_pck(tmp_path / "twelve.png", curves, ["head"])
    plot_joint_pck(tmp_path / "eleven.png", dict(list(curves.items())[:11]), ["head"])
    plot_joint_pck(tmp_path / "eight.png", dict(list(curves.items())[:8]), ["head"])
    twelve, eleven, eight = (pixels(tmp_path / f"{name}.png") for name in ("twelve", "eleven", "eight"))
    assert not np.array_equal(twelve, eleven) and not np.array_equal(eleven, eight)


def test_distributions_of_one_and_of_many_values(tmp_path):
    generator = np.random.default_rng(0)
    many = pd.DataFrame(
        {
            "label": generator.choice(["sit", "run"], 40),
            "length": generator.integers(10, 300, 40),
            **{channel: generator.uniform(0, 255, 40) for channel in ("red", "green", "blue")},
        }
    )
    same = many.assign(length=30).head(1)
    for name, table in (("many", many), ("same", same)):
        splits = pd.Series("train", index=table.index)
        plot_by_class(tmp_path / f"{name}_class.png", table, {"length": "frames"}, log=("length",))
        plot_by_split(tmp_path / f"{name}_split.png", table, {"length": "frames"}, splits, log=("length",))
        plot_colours(tmp_path / f"{name}_colours.png", table)
    for path in tmp_path.iterdir():
        pixels(path)


def test_failed_figure_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="halfway"), figure_file(tmp_path / "half.png", 3, 3):
        raise RuntimeError("halfway")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [1, 9, 51])
def test_change_of_class_counts(tmp_path, number):
    labels = class_names(number)
    table = pd.DataFrame({"label": labels, "before": range(number), "after": [30] * number})
    plot_change(tmp_path / "change.png", table, ("before", "after"))
    height, width, _ = pixels(tmp_path / "change.png").shape
    assert width > 800
    assert height > 20 * number


@pytest.mark.parametrize("number", [2, 51])
def test_recall_grid_shades_cells_and_leaves_classes_without_clips_grey(tmp_path, number):
    recall = pd.DataFrame({"own": np.linspace(0, 1, number), "tau_normalised": np.nan}, index=class_names(number))
    plot_recall_grid(tmp_path / "grid.png", recall, list(range(number)), "Recall")
    colours = {tuple(colour) for colour in pixels(tmp_path / "grid.png").reshape(-1, 3)}
    assert (0xE8, 0xE8, 0xE8) in colours
    assert (8, 48, 107) in colours  # the darkest blue: a recall of 1


def test_reliability_of_one_bin_and_of_many(tmp_path):
    edges = np.arange(15) / 15
    table = pd.DataFrame({"low": edges, "high": edges + 1 / 15, "num_clips": 3, "confidence": edges, "accuracy": edges})
    plot_reliability(tmp_path / "many.png", table, "Calibration")
    plot_reliability(tmp_path / "one.png", table.tail(1))
    assert (pixels(tmp_path / "many.png") != 255).sum() > (pixels(tmp_path / "one.png") != 255).sum()


def test_footage_takes_a_value_without_an_interval(tmp_path):
    rows = [("camera", "still", 30, 9, 0.5, 0.3, 0.7), ("camera", "moving", 1, 1, 1.0, np.nan, np.nan)]
    columns = ["field", "value", "num_clips", "num_groups", "top1", "low", "high"]
    plot_by_field(tmp_path / "fields.png", pd.DataFrame(rows, columns=columns), 0.52, "Footage")
    pixels(tmp_path / "fields.png")
