"""Follow several people from frame to frame.

    track    joints, and how they moved: where will they be in the next frame?
    frame    1. sure people are matched with all tracks, by how alike they are to where the track expects somebody
             2. unsure people are matched with the tracks that are left: a person half hidden is not lost
             3. a sure person who is left starts a track; a track without anybody waits for ``lost`` frames

A pair is matched so that the sum of all similarities is largest (the assignment problem). Only where somebody was found
in ``hits`` frames is the track a person. Sources: for the two rounds, Y. Zhang et al., "ByteTrack", 2022.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from humotion.annotation.person_tracks.similarity import Floats, areas_of, similarities

Ints = npt.NDArray[np.integer]

KEPT = 0.5
"""Share of the old velocity in the new one."""
SLOWER = 0.9
"""A lost person is expected to move by this share of the movement of the frame before."""
STALE = 0.5
"""A joint that is not found again counts by this share of its weight in the frame before."""
SHRINKS = 0.9
"""Who is half hidden shows less: the area of a person becomes smaller by at most this factor per frame."""


@dataclass
class Track:
    """One person.

    Attributes:
        joints: (J, 2) in pixels: of the last frame in which each joint was known, moved with the body since then.
        weights: (J,) visibility then, less for each frame since then.
        velocity: (J, 2) pixels per frame.
        area: of the person in pixels, as large as was seen of late: see `SHRINKS`.
        seen: number of the person in each frame in which it was found, by the frame.
    """

    joints: Floats
    weights: Floats
    velocity: Floats
    area: float
    seen: dict[int, int] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The last frame in which the person was found."""
        return max(self.seen)

    @property
    def body(self) -> Floats:
        """How the body as a whole moves (2,), by the joints that are known."""
        total = self.weights.sum()
        return (self.velocity * self.weights[:, None]).sum(axis=0) / total if total > 0 else self.velocity.mean(axis=0)

    def expected(self, t: int) -> Floats:
        """Where the joints (J, 2) should be in frame ``t``.

        Of a person who was lost, only the movement as a whole is extrapolated, slower and slower: arms swing back.
        """
        frames = t - self.last
        if frames == 1:
            return self.joints + self.velocity
        return self.joints + self.body * (1 - SLOWER**frames) / (1 - SLOWER)

    def found(self, t: int, person: int, joints: Floats, weights: Floats, area: float) -> None:
        """Continue with a person of frame ``t``."""
        frames = t - self.last
        known, both = weights > 0, (weights > 0) & (self.weights > 0)
        steps = (joints - self.joints) / frames
        body = np.average(steps[both], axis=0, weights=weights[both]) if both.any() else self.body
        self.velocity = KEPT * self.velocity + (1 - KEPT) * np.where(both[:, None], steps, body)
        self.joints = np.where(known[:, None], joints, self.joints + frames * body)
        self.weights = np.where(known, weights, self.weights * STALE**frames)
        self.area = max(area, self.area * SHRINKS**frames)
        self.seen[t] = person


@dataclass(frozen=True)
class Tracker:
    """See the module, and `humotion.params.annotation.person_tracks.PersonTracksParams` for the settings."""

    sigmas: Floats
    surely: float
    alike: float
    hits: int
    lost: int

    def __call__(
        self, joints: Floats, visibility: Floats, boxes: Floats, found: npt.NDArray[np.bool_]
    ) -> list[dict[int, int]]:
        """Return the people: of each, its number in each frame in which it was found, longest first.

        Args:
            joints: (P, T, J, 2) in pixels.
            visibility: (P, T, J) from 0 to 1.
            boxes: (P, T, 4) in pixels.
            found: (P, T).
        """
        alive: list[Track] = []
        ended: list[Track] = []
        for t in range(found.shape[1]):
            people = np.flatnonzero(found[:, t])
            self.step(alive, t, people, joints[people, t], visibility[people, t], areas_of(boxes[people, t]))
            ended += [track for track in alive if t - track.last > self.lost]
            alive = [track for track in alive if t - track.last <= self.lost]
        tracks = [track.seen for track in (*ended, *alive) if len(track.seen) >= self.hits]
        return sorted(tracks, key=lambda seen: (-len(seen), min(seen), seen[min(seen)]))

    def step(self, alive: list[Track], t: int, people: Ints, joints: Floats, weights: Floats, areas: Floats) -> None:
        """Match the people of frame ``t`` with the tracks that are alive, and start tracks.

        Args:
            alive: the tracks, which this changes.
            t: number of the frame.
            people: (N,) the number of each person, which goes into `Track.seen`.
            joints: (N, J, 2) in pixels.
            weights: (N, J) visibility from 0 to 1.
            areas: (N,) in pixels.
        """
        sure = weights.mean(axis=1) >= self.surely
        free, left = list(range(len(alive))), set(range(len(people)))
        for round_ in (sure, ~sure):
            some = [one for one in np.flatnonzero(round_).tolist() if one in left]
            for place, one in self._pairs([alive[i] for i in free], t, joints[some], weights[some], areas[some]):
                person = some[one]
                alive[free[place]].found(t, int(people[person]), joints[person], weights[person], float(areas[person]))
                left.discard(person)
            free = [i for i in free if alive[i].last != t]
        for one in sorted(left):
            if sure[one]:
                still, seen = np.zeros_like(joints[one]), {t: int(people[one])}
                alive.append(Track(joints[one].copy(), weights[one], still, float(areas[one]), seen))

    def _pairs(
        self, tracks: list[Track], t: int, joints: Floats, weights: Floats, areas: Floats
    ) -> list[tuple[int, int]]:
        """Pairs of a track and a person who are alike enough, with the largest sum of similarities."""
        if not tracks or not len(joints):
            return []
        expected = np.stack([track.expected(t) for track in tracks])
        both = np.stack([track.weights for track in tracks])[:, None] * weights[None]
        # A person who is partly hidden looks smaller than the track knows it to be.
        larger = np.maximum(np.array([track.area for track in tracks])[:, None], areas[None])
        alike = similarities(expected, joints, both, larger, self.sigmas)
        rows, columns = linear_sum_assignment(-alike)
        return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if alike[r, c] >= self.alike]
