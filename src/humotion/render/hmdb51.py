"""The HMDB51-like part of the sample: classes, source films, official file names and split files.

Clips of a source film share performer, clothes, place and light, like clips cut from one film, and
every split keeps a film on one side. A name states what was rendered: visible body (f full, u upper), camera
motion (cm, nm), number of people, view (fr, le, ri, ba), quality (goo, med, bad), index of the clip in its film.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from humotion.render.avi import write_avi
from humotion.render.clip import render_clip
from humotion.render.motion import load_motion
from humotion.render.spec import FPS, ClipSpec

SPLITS = "testTrainMulti_7030_splits"
_FRAME_RANGE = (8, 90)
_SHARE_WITH_B_FRAMES = 1 / 3
_QUANTISERS = {"goo": 4, "med": 4, "bad": 5}


@dataclass(frozen=True)
class ActionClass:
    """How clips of a class are drawn at random.

    ``motions`` are the recordings with their shares; ``views`` the shares of side, front and back.
    ``window`` is the range of the share of a recording that a clip shows (or of seconds, for cyclic motions).
    ``core`` is the point of the recording that every clip shows.
    """

    num_clips: int
    motions: dict[str, float]
    views: tuple[float, float, float] = (0.68, 0.22, 0.1)
    window: tuple[float, float] = (0.6, 0.95)
    core: float = 0.5
    speed: tuple[float, float] = (0.8, 1.4)
    close: float = 0.0
    short: float = 0.0


CLASSES = {
    "cartwheel": ActionClass(28, {"cartwheel": 1.0}, (0.25, 0.5, 0.25), (0.45, 0.75), 0.45, (0.9, 1.4)),
    "flic_flac": ActionClass(26, {"backflip": 1.0}, window=(0.65, 1.0), core=0.55),
    "jump": ActionClass(34, {"jump": 1.0}, window=(0.5, 0.85), core=0.5),
    "kick": ActionClass(32, {"kick": 0.6, "spinkick": 0.4}, window=(0.5, 0.95), core=0.48, short=0.08),
    "punch": ActionClass(32, {"punch": 1.0}, window=(0.4, 0.85), core=0.36, close=0.15, short=0.08),
    "run": ActionClass(40, {"run": 1.0}, window=(0.6, 1.5), close=0.08, short=0.1),
    "somersault": ActionClass(24, {"roll": 1.0}, window=(0.6, 0.9), core=0.45, speed=(0.9, 1.4)),
    "stand": ActionClass(
        28, {"getup_facedown": 0.5, "getup_faceup": 0.5}, window=(0.42, 0.68), core=0.7, speed=(1.1, 1.4)
    ),
    "walk": ActionClass(48, {"walk": 1.0}, window=(0.7, 1.5), close=0.15, short=0.06),
}

_FIRST = (
    "Sunday", "Morning", "Evening", "School", "City", "Garden", "Summer", "Winter", "Studio", "Village",
    "Riverside", "Backyard", "Harbour", "Station", "Hilltop", "Market",
)  # fmt: skip
_SECOND = (
    "training", "walk", "lesson", "run_club", "sports_day", "jump_practice", "rehearsal", "home_movie",
    "stand_and_stretch", "gymnastics", "kick_drill", "warm_up", "film_project", "holiday",
)  # fmt: skip
_THIRD = ("", "", "", "_(Take_2)", "_[HQ]", "_(Part_1)", "_2", "_-_Lesson_3", "_(Nr.4)", "_[_HD_]_NEW!!", "_+_extras")


@dataclass(frozen=True)
class Job:
    """One clip to render and write; what was rendered completes the name of its file."""

    label: str
    film: str
    index: int
    spec: ClipSpec
    b_frames: bool


@dataclass(frozen=True)
class Written:
    """A written clip: its class, source film and file name."""

    label: str
    film: str
    name: str


def plan(seed: int, num_clips: dict[str, int] | None = None) -> list[Job]:
    """All clips of the sample in order of their classes; ``num_clips`` overrides the number per class."""
    rng = np.random.default_rng((seed, 51))
    films = _film_names(rng)
    jobs, film_number = [], 0
    for label, action in CLASSES.items():
        left = action.num_clips if num_clips is None else num_clips.get(label, 0)
        while left:
            size = min(left, int(rng.integers(1, 4)))
            for index in range(size):
                spec = _draw(action, rng, (seed, 51, film_number), (seed, 51, film_number, index))
                b_frames = bool(rng.random() < _SHARE_WITH_B_FRAMES)
                jobs.append(Job(label, films[film_number], index, spec, b_frames))
            left -= size
            film_number += 1
    return jobs


def _film_names(rng: np.random.Generator) -> list[str]:
    names = [f"{first}_{second}" for first in _FIRST for second in _SECOND]
    return [name + _THIRD[rng.integers(len(_THIRD))] for name in rng.permutation(names)]


def _draw(action: ActionClass, rng: np.random.Generator, source: tuple[int, ...], seed: tuple[int, ...]) -> ClipSpec:
    name = str(rng.choice(list(action.motions), p=list(action.motions.values())))
    motion = load_motion(name)
    speed = rng.uniform(*action.speed)
    seconds = rng.uniform(*action.window) * (1.0 if motion.cyclic else motion.duration) / speed
    num_frames = int(np.clip(round(seconds * FPS), *_FRAME_RANGE))
    drawn = rng.random()
    if drawn < action.short:
        num_frames = int(rng.integers(8, 13))
    elif motion.cyclic and drawn > 0.94:
        num_frames = _FRAME_RANGE[1]
    span = (num_frames - 1) / FPS * speed
    start = rng.uniform(0, motion.duration)
    if not motion.cyclic:
        # Any start for which the clip shows the core and stays within the recording.
        core = action.core * motion.duration
        low, high = max(0.0, core - 0.85 * span), min(core - 0.15 * span, motion.duration - span)
        start = rng.uniform(low, high) if low < high else max(0.0, motion.duration - span) / 2
    close = rng.random() < action.close
    mode, shake = _camera(rng, moving=motion.cyclic and num_frames > 24)
    return ClipSpec(
        motion=name, source=source, seed=seed, start=float(start), num_frames=num_frames, speed=float(speed),
        mirror=bool(rng.random() < 0.5), azimuth=_azimuth(rng, action.views),
        mode="follow" if close and motion.cyclic else mode, shake=shake,
        size_in_frame=float(rng.uniform(1.25, 1.6) if close else rng.uniform(0.5, 0.78)),
        quality=str(rng.choice(["goo", "med", "bad"], p=[0.3, 0.5, 0.2])),
    )  # fmt: skip


def _azimuth(rng: np.random.Generator, views: tuple[float, float, float]) -> float:
    """An angle near the side (left or right alike), the front or the back, in radians."""
    view = rng.choice(3, p=views)
    degrees = rng.choice([-1, 1]) * rng.uniform(50, 125) if view == 0 else rng.uniform(-42, 42) + 180 * (view == 2)
    return float(np.radians((degrees + 180) % 360 - 180))


def _camera(rng: np.random.Generator, moving: bool) -> tuple[str, float]:
    """How the camera moves; ``moving`` if the performer covers much ground."""
    mode = str(rng.choice(["still", "pan", "follow"], p=[0.2, 0.4, 0.4] if moving else [0.65, 0.2, 0.15]))
    return mode, float(rng.uniform(0.4, 1.0)) if rng.random() < 0.3 else 0.0


def write_clip(job: Job, root: Path) -> Written:
    """Render one clip into its class's folder."""
    clip = render_clip(job.spec)
    body = "f" if clip.whole_body else "u"
    motion, view = ("cm" if clip.camera_moves else "nm"), clip.view[:2]
    name = f"{job.film}_{job.label}_{body}_{motion}_np1_{view}_{job.spec.quality}_{job.index}.avi"
    folder = root / job.label
    folder.mkdir(parents=True, exist_ok=True)
    write_avi(folder / name, clip.frames, FPS, _QUANTISERS[job.spec.quality], job.b_frames)
    return Written(job.label, job.film, name)


def write_splits(clips: Iterable[Written], root: Path, seed: int) -> None:
    """Write the three official splits: 1 train, 2 test, 0 unused; a line per clip, ``name flag`` and a space."""
    folder = root / SPLITS
    folder.mkdir(parents=True)
    by_class: dict[str, list[Written]] = {}
    for clip in clips:
        by_class.setdefault(clip.label, []).append(clip)
    for number in (1, 2, 3):
        for place, (label, members) in enumerate(by_class.items()):
            flags = split(members, np.random.default_rng((seed, number, place)))
            lines = [f"{clip.name} {flags[clip.name]} \n" for clip in sorted(members, key=lambda clip: clip.name)]
            (folder / f"{label}_test_split{number}.txt").write_text("".join(lines), encoding="ascii")


def split(clips: list[Written], rng: np.random.Generator) -> dict[str, int]:
    """One split of a class, 70/30 by complete films; in larger classes a tenth of the clips is unused."""
    films = rng.permutation(sorted({clip.film for clip in clips}))
    test: set[str] = set()
    wanted, taken = 0.3 * len(clips), 0
    for film in films:
        size = sum(clip.film == film for clip in clips)
        # Take a film if that moves the test side closer to its share.
        if taken + size / 2 <= wanted:
            test.add(str(film))
            taken += size
    flags = {clip.name: 2 if clip.film in test else 1 for clip in clips}
    num_unused = len(clips) // 10 if len(clips) >= 26 else 0
    for name in rng.choice(sorted(flags), num_unused, replace=False):
        flags[str(name)] = 0
    return flags
