"""How much a pose machine relies on its memory for each joint, and which channels of the memory follow which joint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.evaluation.bootstrap import paired_bootstrap

Floats = npt.NDArray[np.floating]
SIGMA_PX = 7.0  # of the window around a joint, the same as in its target map
OCCLUDED, VISIBLE = 1, 2


def reliance(kept: Floats, written: Floats, joints: Floats, stride: int) -> npt.NDArray[np.float64]:
    """Share (T, J) in 0..1 of the memory around each joint that came from earlier frames.

    ``sum |kept| / (sum |kept| + sum |written|)`` over all channels and over the cells around the joint, in a
    Gaussian window as wide as a target map. 0 means that all of it was written in this frame, and 1 that all of it
    was kept. A joint without a position has NaN. The first frame has 0, because it has no earlier frames.

    Args:
        kept: (T, H, h, w) part of the previous cell that the forget gate keeps.
        written: (T, H, h, w) part that is added to it.
        joints: (T, J, 2) x, y in pixels of the crop.
        stride: pixels of the crop per cell.
    """
    old, new = (np.abs(part).sum(axis=1, dtype=np.float64) for part in (kept, written))  # (T, h, w)
    rows, columns = (stride * np.arange(size) + (stride - 1) / 2 for size in old.shape[1:])
    x, y = np.moveaxis(np.asarray(joints, np.float64), -1, 0)[..., None]
    across, down = (np.exp(-((at - to) ** 2) / (2 * SIGMA_PX**2)) for at, to in ((columns, x), (rows, y)))
    old, new = (np.einsum("thw,tjh,tjw->tj", part, down, across) for part in (old, new))
    with np.errstate(invalid="ignore"):
        return old / (old + new)


def channel_correlation(channels: Floats, maps: Floats) -> npt.NDArray[np.float64]:
    """Pearson correlation (H, J) of channels (T, H, h, w) with maps (T, J, h, w) over all cells and frames.

    The maps are not enlarged, because this would add no information. It is 0 if one of the two never changes.
    """
    flat = [np.moveaxis(np.asarray(part, np.float64), 1, 0).reshape(part.shape[1], -1) for part in (channels, maps)]
    centred = [part - part.mean(axis=1, keepdims=True) for part in flat]
    lengths = [np.linalg.norm(part, axis=1) for part in centred]
    scale = np.outer(*lengths)
    return np.divide(centred[0] @ centred[1].T, scale, out=np.zeros_like(scale), where=scale > 1e-12)


def occlusion_pairs(reliances: Floats, visibility: npt.NDArray[np.integer]) -> pd.DataFrame:
    """Mean reliance of a joint when it is occluded, and when the same joint of the same clip is visible.

    Reliance grows at every joint during a clip. So each difference is also computed from the reliance minus the mean
    over the joints of its frame. The first frame has no earlier frames and does not count. There is one row per joint
    that was both: ``joint`` (index), ``occluded``, ``visible``, ``beside_others`` (the difference without the part
    that all joints share), ``num_occluded``, ``num_visible`` frames.
    """
    counts = np.isfinite(reliances[1:]) & (visibility[1:] > 0)
    values = np.where(counts, reliances[1:], 0)
    own = values - values.sum(axis=1, keepdims=True) / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = []
    for joint, flags in enumerate(visibility[1:].T):
        hidden, seen = (counts[:, joint] & (flags == flag) for flag in (OCCLUDED, VISIBLE))
        if hidden.any() and seen.any():
            means = [part[which, joint].mean() for part in (values, own) for which in (hidden, seen)]
            rows.append((joint, means[0], means[1], means[2] - means[3], hidden.sum(), seen.sum()))
    columns = ["joint", "occluded", "visible", "beside_others", "num_occluded", "num_visible"]
    return pd.DataFrame(rows, columns=columns)


def occlusion_effect(rise: Floats, groups: Sequence[str], seed: int, num_resamples: int) -> dict[str, float] | None:
    """Mean rise over pairs with an interval over recordings (``groups``); None without pairs."""
    if not len(rise):
        return None
    return paired_bootstrap(rise, np.zeros(len(rise)), groups, seed, num_resamples)._asdict()
