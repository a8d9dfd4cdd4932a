"""Write the report of a run: what the new footage is like, in sentences, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from humotion.drift.compared import LABELS, Difference
from humotion.drift.figures import plot_measures, plot_sureness
from humotion.drift.measured import Held
from humotion.drift.said import shown, verdict_of
from humotion.drift.sureness import Sureness, sentence_of
from humotion.figures.tables import markdown_table
from humotion.files import atomic_path
from humotion.system.names import file_stem

REPORT, PREDICTIONS, DIFFERENCES = "report.md", "predictions.csv", "differences.csv"
MOST_FAILED = 50
_LIMIT = (
    "These measures see light, colour, blur, sizes and lengths. They do not see content: other actions, people, "
    "clothes or camera angles may look alike here. A model may be wrong on footage that is like its training, and "
    "right on footage that is not."
)


@dataclass
class Part:
    """What is said of the models that share a training footage.

    Attributes:
        names: the models.
        dataset: of their training.
        held: how the videos were held when they were measured.
        differences: one per measure; without training values if ``unknown``.
        num_videos: new videos that were measured.
        unknown: why the training footage is not known; empty if it is.
        cautions: what must be known of the models.
        sure: how sure each model is.
    """

    names: list[str]
    dataset: str
    held: Held
    differences: list[Difference]
    num_videos: int
    unknown: str = ""
    cautions: list[str] = field(default_factory=list)
    sure: list[tuple[str, Sureness]] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The models and their dataset."""
        return f"{' and '.join(self.names)} on {self.dataset}"

    @property
    def sentences(self) -> list[str]:
        """What is said, as lines of Markdown."""
        if not self.num_videos:
            said = ["No video could be read, so there is nothing to compare."]
        elif self.unknown:
            said = [f"**The footage is not compared with the training of {self.title}.** {self.unknown}"]
        else:
            said = verdict_of(self.differences, " and ".join(self.names), self.num_videos)
        return [*self.cautions, *said, *(sentence_of(one, name) for name, one in self.sure)]


def note_of(name: str, parts: Sequence[Part], failed: pd.DataFrame) -> str:
    """Return the description of the run: everything that is said, without tables and figures."""
    lines = [f"**{name}**: what trained models said of videos, and what these are like."]
    for part in parts:
        lines += [f"### {part.title}", _joined(part.sentences)]
    if len(failed):
        lines.append(f"{failed['video'].nunique()} videos could not be read.")
    return "\n\n".join(lines)


def write_report(folder: Path, name: str, rows: pd.DataFrame, parts: Sequence[Part]) -> None:
    """Write report.md, predictions.csv, differences.csv and the figures into ``folder``."""
    rows.to_csv(folder / PREDICTIONS, index=False)
    known = [part for part in parts if part.num_videos and not part.unknown]
    if known:
        pd.concat([_differences(part) for part in known]).to_csv(folder / DIFFERENCES, index=False)
    failed = rows[rows["status"] == "failed"]
    sections = [f"# {name}", _counts(rows)]
    for part in parts:
        sections += _part(folder, part)
    sections += ["## How sure the models are", *_sure(folder, parts)]
    sections += ["## What could not be read", _failed(failed)]
    sections += ["## What this cannot tell", _LIMIT]
    with atomic_path(folder / REPORT) as temporary:
        temporary.write_text("\n\n".join(section for section in sections if section) + "\n", encoding="utf-8")


def _counts(rows: pd.DataFrame) -> str:
    videos = rows.drop_duplicates("video")
    status = ", ".join(f"{count} {name}" for name, count in videos["status"].value_counts().items())
    return f"{len(videos)} videos ({status}). One row per video and model is in [{PREDICTIONS}]({PREDICTIONS})."


def _part(folder: Path, part: Part) -> list[str]:
    sections = [f"## {part.title}", _joined(part.sentences[: len(part.sentences) - len(part.sure)])]
    if not part.num_videos:
        return sections
    picture = folder / f"measures_{file_stem('_'.join(part.names))}.png"
    alone = bool(part.unknown)
    title = "New videos" if alone else f"New videos and the training videos of {part.title}"
    plot_measures(picture, part.differences, title, alone)
    held = (
        f"Measured on three frames per video, shrunk to a short side of {part.held.short_side} pixels as in the frame "
        "store. Sharpness is the variance of the Laplacian: it is low if a frame is blurred."
    )
    return [*sections, f"![Distributions of the measures]({picture.name})", held, _table(part, alone)]


def _table(part: Part, alone: bool) -> str:
    if alone:
        rows = [(LABELS[one.measure], *_quantiles(one.new, one.measure)) for one in part.differences]
        return markdown_table(("measure", "smallest", "median", "largest"), rows)
    header = (
        *("measure", "training: 5 %", "median", "95 %", "new: smallest", "median", "largest"),
        *("shift", "Wasserstein", "p", "outside", "verdict"),
    )
    lines: list[tuple[object, ...]] = []
    for one in part.differences:
        known = _quantiles(one.training, one.measure, (5, 50, 95))
        shift, distance = (f"{value:.1f}" if np.isfinite(value) else "" for value in (one.shift, one.wasserstein))
        values = [*known, *_quantiles(one.new, one.measure)]
        p = "" if one.p is None else f"{one.p:.2g}"
        found = [shift, distance, p, one.below + one.above, one.verdict.value]
        lines.append((LABELS[one.measure], *values, *found))
    legend = (
        "Shift (of the median) and Wasserstein's distance are in robust standard deviations of the training, of the "
        "logarithm for sizes, rates, lengths and sharpness. p is that of Kolmogorov and Smirnov, corrected by Holm; it "
        "takes videos as independent, so that twenty cuts of one film look surer than they are. Outside: videos "
        "beyond all training videos."
    )
    return f"{markdown_table(header, lines)}\n\n{legend}"


def _quantiles(values: np.ndarray, measure: str, shares: tuple[int, ...] = (0, 50, 100)) -> list[str]:
    """Percentiles as text; empty texts if no value is known."""
    found = np.percentile(values, shares).tolist() if len(values) else [float("nan")] * len(shares)
    return [shown(value, measure) for value in found]


def _differences(part: Part) -> pd.DataFrame:
    """One row per measure, for programs."""
    return pd.DataFrame(
        {
            "models": " ".join(part.names),
            "dataset": part.dataset,
            "measure": one.measure,
            "verdict": one.verdict.value,
            "num_training": len(one.training),
            "num_new": len(one.new),
            "training_median": np.median(one.training) if len(one.training) else None,
            "new_median": np.median(one.new) if len(one.new) else None,
            "shift": one.shift,
            "wasserstein": one.wasserstein,
            "p": one.p,
            "below": one.below,
            "above": one.above,
        }
        for one in part.differences
    )


def _sure(folder: Path, parts: Sequence[Part]) -> list[str]:
    found = [pair for part in parts for pair in part.sure]
    if not found:
        return [
            "No model gave one answer for a video. Answers over time are not compared: they are means over windows."
        ]
    picture = folder / "sureness.png"
    plot_sureness(picture, found)
    sentences = [sentence_of(one, name) for name, one in found]
    return [_joined(sentences), f"![Confidence of the models]({picture.name})"]


def _failed(failed: pd.DataFrame) -> str:
    videos = failed.drop_duplicates("video")
    if not len(videos):
        return "All videos were read."
    table = markdown_table(("video", "why"), videos[["video", "error"]].head(MOST_FAILED).itertuples(index=False))
    rest = f"\n\n{len(videos) - MOST_FAILED} more are in {PREDICTIONS}." if len(videos) > MOST_FAILED else ""
    return table + rest


def _joined(lines: Sequence[str]) -> str:
    """Lines of Markdown: list items stay together, and other lines are paragraphs."""
    text = ""
    for before, line in pairwise(["", *lines]):
        together = before.startswith("- ") and line.startswith("- ")
        text += ("\n" if together else "\n\n" if text else "") + line
    return text
