"""What is said of a comparison, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from humotion.drift.compared import LABELS, Difference, Floats, Verdict

WORDS = {
    "short_side": ("smaller frames", "larger frames"),
    "aspect": ("narrower", "wider"),
    "fps": ("fewer frames per second", "more frames per second"),
    "num_frames": ("shorter", "longer"),
    "brightness": ("darker", "brighter"),
    "contrast": ("less contrast", "more contrast"),
    "sharpness": ("more blurred", "sharper"),
    "saturation": ("paler colours", "stronger colours"),
    "warmth": ("bluer", "redder"),
}
"""What a smaller and a larger value of a measure mean."""
NAMES = {name: label.partition(" (")[0] for name, label in LABELS.items()} | {
    "aspect": "width divided by height",
    "warmth": "red minus blue",
}
_UNITS = {"short_side": " pixels", "num_frames": " frames"}
_CLEAR = 0.25  # shift of the median from which on a direction is said


def verdict_of(differences: Sequence[Difference], name: str, num_videos: int) -> list[str]:
    """Return a heading sentence, and one per measure that differs, and what does not differ or is not compared.

    Args:
        differences: of `humotion.drift.compared.compare`.
        name: of the model, or of several.
        num_videos: how many new videos could be read.
    """
    footage = "This video is" if num_videos == 1 else f"These {num_videos} videos are"
    unlike = [one for one in differences if one.verdict is Verdict.UNLIKE]
    if unlike:
        head = f"**{footage} unlike what {name} saw in training, in these ways:**"
    else:
        head = f"**{footage} like what {name} saw in training, as far as these measures tell.**"
    lines = [f"- {sentence_of(one)}" for one in sorted(unlike, key=lambda one: -abs(one.shift))]
    if small := [sentence_of(one) for one in differences if one.verdict is Verdict.HARDLY]:
        lines += ["Small differences:", *(f"- {sentence}" for sentence in small)]
    single = [one for one in differences if one.verdict is Verdict.LIKE and (one.below or one.above)]
    if single:
        lines += ["Single videos stand out:", *(f"- {_outside(one)}." for one in single)]
    if alike := [NAMES[one.measure] for one in differences if one.verdict is Verdict.LIKE]:
        lines.append(f"Not distinguishable from the training: {', '.join(alike)}.")
    for one in differences:
        if one.why:
            some = "Not compared" if one.verdict is Verdict.NOT_COMPARED else "Not compared for all videos"
            lines.append(f"{some}: {NAMES[one.measure]}, because {one.why}.")
    return [head, *lines]


def sentence_of(one: Difference) -> str:
    """Return how a measure differs: in which direction, by how much, and how surely."""
    if one.p is None:
        return f"{_outside(one)}."
    text = f"{_direction(one).capitalize()}: {NAMES[one.measure]} {_value(one, one.new)}, in training "
    text += f"{_value(one, one.training)} (medians)"
    if np.ptp(one.training):
        text += f", {abs(one.shift):.1f} robust standard deviations {'lower' if one.shift < 0 else 'higher'}"
    rest = f" {_outside(one)}." if one.below or one.above else ""
    return f"{text}; p {_rounded(one.p)}.{rest}"


def shown(value: float, measure: str = "") -> str:
    """Return a value of a measure as text."""
    if not math.isfinite(value):
        return ""
    digits = 2 if measure == "aspect" else 0 if abs(value) >= 100 or float(value).is_integer() else 1
    return f"{value:.{digits}f}"


def _direction(one: Difference) -> str:
    if abs(one.shift) < _CLEAR:
        return "otherwise distributed"
    return WORDS[one.measure][one.shift > 0]


def _outside(one: Difference) -> str:
    """Which videos lie outside of the range of the training: ``darker than all 149 training videos: ...``."""
    low, high = shown(one.training.min(), one.measure), shown(one.training.max(), one.measure)
    span = low if low == high else f"{low} to {high}"
    parts = []
    for number, word in zip((one.below, one.above), WORDS[one.measure], strict=True):
        if number:
            who = "" if len(one.new) == 1 else f"{number} of {len(one.new)}: "
            parts.append(f"{who}{_than(word)} all {len(one.training)} training videos")
    values = f"{NAMES[one.measure]} {_value(one, one.new)}, in training {span}" if one.p is None else f"training {span}"
    text = " and ".join(parts)
    return f"{text[:1].upper()}{text[1:]} ({values})"


def _than(word: str) -> str:
    return f"{word} than"


def _value(one: Difference, values: Floats) -> str:
    unit = _UNITS.get(one.measure, "")
    if len(values) > 1 and one.p is None and np.ptp(values):
        return f"{shown(values.min(), one.measure)} to {shown(values.max(), one.measure)}{unit}"
    return f"{shown(float(np.median(values)), one.measure)}{unit}"


def _rounded(p: float) -> str:
    return "below 0.0001" if p < 1e-4 else f"{p:.2g}"
