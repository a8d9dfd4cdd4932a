"""Maps that are worse than perfect: with noise, without some peaks, or without what belongs to some joints or limbs.

Noise is in shares of what a map has to say, so that families can be compared. It is 1 for

    heat, mask     the height of a joint or person
    limbs          the length of a field: its two components share the noise
    tags           half of the distance between the tags of two people
    offsets        their root mean square in the picture, where they are known

White noise is new in each cell. Smooth noise is as large, but about the same in cells near each other, as in the maps
of a network, which computes cells from common features.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from benchmarks.labelled_crowds import Crowd
from benchmarks.perfect_maps import Arrays, OpenPoseReader, Reader
from humotion.models.associative_embedding.ideal_maps import SPACING

Floats = npt.NDArray[np.float32]
Random = np.random.Generator
Spoil = Callable[[Reader, Crowd, Arrays, Random], Arrays]
"""From a family, a picture and its perfect maps to spoilt ones."""

SMOOTH = 2.0  # cells: sigma of the Gaussian that makes noise smooth; a joint's own has 1.75


def perfect(reader: Reader, crowd: Crowd, maps: Arrays, random: Random) -> Arrays:
    """The maps as they are."""
    return maps


def noise(level: float, smooth: float = 0.0, kinds: Collection[str] = ()) -> Spoil:
    """Noise of this level on maps of these kinds; on all if none are named. ``smooth`` is a sigma in cells."""

    def spoil(reader: Reader, crowd: Crowd, maps: Arrays, random: Random) -> Arrays:
        made = {name: _noise(one.shape, smooth, random) for name, one in maps.items() if name != "known"}
        chosen = {name: one for name, one in made.items() if not kinds or name in kinds}
        noisy = {name: maps[name] + level * spread(name, maps[name]) * one for name, one in chosen.items()}
        return {**maps, **{name: one.astype(np.float32) for name, one in noisy.items()}}

    return spoil


def spread(kind: str, maps: Floats) -> float:
    """The deviation of noise of level 1 on maps of a kind."""
    if kind in ("heat", "mask"):
        return 1.0
    if kind == "limbs":
        return float(np.sqrt(0.5))
    if kind == "tags":
        return SPACING / 2
    known = maps[maps != 0]
    return float(np.sqrt(np.mean(known**2))) if len(known) else 0.0


def _noise(shape: tuple[int, ...], smooth: float, random: Random) -> Floats:
    """Deviation 1. A map is continued by its other side, so that noise is as large at the border as elsewhere."""
    white = random.standard_normal(shape, dtype=np.float32)
    if not smooth or not white.size:
        return white
    blurred = gaussian_filter(white, smooth, mode="wrap", axes=(-2, -1))
    return np.asarray(blurred / blurred.std(), np.float32)


def without_peaks(share: float, left: float = 0.0) -> Spoil:
    """A share of all joints has a peak of the height ``left`` only; fields, tags and offsets say what they did."""

    def spoil(reader: Reader, crowd: Crowd, maps: Arrays, random: Random) -> Arrays:
        seen = crowd.known & (random.uniform(size=crowd.known.shape) >= share)
        fewer = reader.maps(crowd, seen)
        if "heat" not in maps:
            return fewer
        return {**maps, "heat": np.maximum(fewer["heat"], left * maps["heat"])}

    return spoil


def without_joints(share: float) -> Spoil:
    """A share of all joints is in no map, as if it had no label."""

    def spoil(reader: Reader, crowd: Crowd, maps: Arrays, random: Random) -> Arrays:
        return reader.maps(crowd, crowd.known & (random.uniform(size=crowd.known.shape) >= share))

    return spoil


def without_limbs(share: float) -> Spoil:
    """A share of all limbs is in no field; joints are where they were. Only OpenPose has limbs."""

    def spoil(reader: Reader, crowd: Crowd, maps: Arrays, random: Random) -> Arrays:
        if not isinstance(reader, OpenPoseReader):
            return maps
        seen = random.uniform(size=(len(crowd.known), reader.num_limbs)) >= share
        return reader.maps_with_limbs(crowd, seen)

    return spoil
