"""Scores of tracks: does a person keep the same number through a video? MOTA, IDF1 and HOTA.

- **MOTA** (Bernardin and Stiefelhagen, 2008): 1 less misses, false ones and switches of number, per labelled person. It
  is mostly a score of finding people, and can be negative.
- **IDF1** (Ristani et al., 2016): F1 if every labelled track may have only one found track, in the whole video.
- **HOTA** (Luiten et al., IJCV 2021): the geometric mean of how well people are found and how well they are associated,
  averaged over thresholds of similarity from .05 to .95.

Who is like whom in a frame is given as similarity, from 0 to 1: OKS, or the IoU of boxes. Sums are over all videos, and
numbers of tracks matter only within a video.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ALPHAS = np.arange(1, 20) * 0.05
_EPS = float(np.finfo(float).eps)


class Frame(NamedTuple):
    """The people of a frame: ``labelled`` (G,) and ``found`` (D,) numbers of tracks, ``similarity`` (G, D)."""

    labelled: Ints
    found: Ints
    similarity: Floats


class Rule(NamedTuple):
    """How MOTA gives found people to labelled ones, where two evaluation codes differ.

    Attributes:
        remembers: a pair is kept although its person was not found in the frame before.
        most_pairs: as many pairs as possible, then the most similar ones; or else the largest sum of similarities.
    """

    remembers: bool
    most_pairs: bool


MOTCHALLENGE = Rule(remembers=False, most_pairs=False)
"""As TrackEval has it, the code of MOTChallenge."""
POSETRACK = Rule(remembers=True, most_pairs=True)
"""As py-motmetrics has it, which PoseTrack's code calls."""


@dataclass(frozen=True)
class Clear:
    """Counts of MOTA: labelled people, and what is wrong. They can be added."""

    labelled: int = 0
    misses: int = 0
    false: int = 0
    switches: int = 0

    def __add__(self, other: Clear) -> Clear:
        return Clear(
            self.labelled + other.labelled,
            self.misses + other.misses,
            self.false + other.false,
            self.switches + other.switches,
        )

    @property
    def mota(self) -> float:
        """MOTA; NaN without labelled people."""
        wrong = self.misses + self.false + self.switches
        return 1 - wrong / self.labelled if self.labelled else float("nan")


def clear_counts(frames: Iterable[Frame], threshold: float = 0.5, rule: Rule = MOTCHALLENGE) -> Clear:
    """The counts of one video. Two people can be a pair if their similarity is at least ``threshold``."""
    partner: dict[int, int] = {}  # the found track of each labelled one, when it was last found
    before: dict[int, int] = {}  # the same of the frame before alone
    total = Clear()
    for labelled, found, similarity in frames:
        rows, columns = _pairs(labelled, found, similarity, threshold, partner if rule.remembers else before, rule)
        if len(found) and len(labelled):  # a frame in which nobody was found leaves the pairs before it in force
            before = dict(zip(labelled[rows].tolist(), found[columns].tolist(), strict=True))
        pairs = dict(zip(labelled[rows].tolist(), found[columns].tolist(), strict=True))
        switches = sum(partner.get(person, track) != track for person, track in pairs.items())
        partner |= pairs
        total += Clear(len(labelled), len(labelled) - len(rows), len(found) - len(rows), switches)
    return total


def _pairs(
    labelled: Ints, found: Ints, similarity: Floats, threshold: float, kept: dict[int, int], rule: Rule
) -> tuple[Ints, Ints]:
    """Places of labelled and found people that are pairs: those of before first, then the most similar ones."""
    if not similarity.size:
        return np.zeros(0, int), np.zeros(0, int)
    allowed = similarity >= threshold - _EPS
    nobody = found.min() - 1
    is_kept = np.array([kept.get(person, nobody) for person in labelled.tolist()])[:, None] == found[None]
    gain = 1000.0 * is_kept + similarity + (10.0 if rule.most_pairs else 0.0)
    rows, columns = linear_sum_assignment(-np.where(allowed, gain, 0))
    real = allowed[rows, columns]
    return rows[real], columns[real]


@dataclass(frozen=True)
class TrackScores:
    """Scores from 0 to 1 (``mota`` up to 1); NaN without labelled people.

    ``deta`` and ``assa`` are the two sides of HOTA: people found, and tracks kept.
    """

    mota: float
    idf1: float
    hota: float
    deta: float
    assa: float
    clear: Clear


def track_scores(videos: Sequence[Sequence[Frame]], threshold: float = 0.5, rule: Rule = MOTCHALLENGE) -> TrackScores:
    """The scores of all videos.

    Args:
        videos: the frames of each video, in order.
        threshold: of similarity, for MOTA and IDF1.
        rule: how MOTA makes pairs.
    """
    clear = sum((clear_counts(video, threshold, rule) for video in videos), Clear())
    tracked = [_Video(video) for video in videos]
    identities = sum(_identities(video, threshold) for video in tracked)
    labelled, found = (sum(getattr(video, name).sum() for video in tracked) for name in ("num_labelled", "num_found"))
    deta, assa = _hota(tracked)
    return TrackScores(
        mota=clear.mota,
        idf1=float(2 * identities / (labelled + found)) if labelled else float("nan"),
        hota=float(np.sqrt(deta * assa).mean()) if labelled else float("nan"),
        deta=float(deta.mean()) if labelled else float("nan"),
        assa=float(assa.mean()) if labelled else float("nan"),
        clear=clear,
    )


class _Video:
    """The frames of a video, with tracks numbered from 0, and the number of frames of each track."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        labelled, self._labelled = _numbered([frame.labelled for frame in frames])
        found, self._found = _numbered([frame.found for frame in frames])
        self.num_labelled, self.num_found = np.bincount(labelled), np.bincount(found)
        self._similarities = [frame.similarity for frame in frames]

    def frames(self) -> Iterator[Frame]:
        """The frames."""
        return map(Frame, self._labelled, self._found, self._similarities)


def _numbered(tracks: Sequence[Ints]) -> tuple[Ints, list[Ints]]:
    """Numbers from 0 in place of ids, of all frames together and by frame."""
    _, numbers = np.unique(np.concatenate([*tracks, np.zeros(0, np.int64)]), return_inverse=True)
    return numbers, np.split(numbers, np.cumsum([len(one) for one in tracks])[:-1]) if tracks else []


def _identities(video: _Video, threshold: float) -> int:
    """In how many frames people are found with the right track, if each track has the partner that is best for all."""
    together = np.zeros((len(video.num_labelled), len(video.num_found)))
    for labelled, found, similarity in video.frames():
        rows, columns = np.nonzero(similarity >= threshold)
        together[labelled[rows], found[columns]] += 1
    rows, columns = linear_sum_assignment(-together)
    return int(together[rows, columns].sum())


def _hota(videos: Sequence[_Video]) -> tuple[Floats, Floats]:
    """DetA and AssA at each of `ALPHAS`, of all videos."""
    pairs, associated, people = np.zeros(len(ALPHAS)), np.zeros(len(ALPHAS)), 0.0
    for video in videos:
        people += video.num_labelled.sum() + video.num_found.sum()
        together = _together(video, _alignment(video))  # (A, tracks, tracks)
        either = video.num_labelled[:, None] + video.num_found[None] - together
        pairs += together.sum(axis=(1, 2))
        associated += (together**2 / np.maximum(either, 1)).sum(axis=(1, 2))
    return pairs / np.maximum(people - pairs, 1), associated / np.maximum(pairs, 1)


def _alignment(video: _Video) -> Floats:
    """How much two tracks belong together in the whole video, from 0 to 1, before any pairs are made."""
    shared = np.zeros((len(video.num_labelled), len(video.num_found)))
    for labelled, found, similarity in video.frames():
        either = similarity.sum(axis=0)[None] + similarity.sum(axis=1)[:, None] - similarity
        shared[np.ix_(labelled, found)] += np.where(either > _EPS, similarity / np.maximum(either, _EPS), 0)
    return np.asarray(shared / (video.num_labelled[:, None] + video.num_found[None] - shared))


def _together(video: _Video, alignment: Floats) -> Floats:
    """In how many frames two tracks are a pair, at each of `ALPHAS`: pairs are those that serve the whole tracks."""
    counts = np.zeros((len(ALPHAS), *alignment.shape))
    for labelled, found, similarity in video.frames():
        rows, columns = linear_sum_assignment(-alignment[np.ix_(labelled, found)] * similarity)
        near = similarity[rows, columns] >= ALPHAS[:, None] - _EPS  # (A, pairs)
        counts[:, labelled[rows], found[columns]] += near
    return counts
