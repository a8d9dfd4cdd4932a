"""How far apart annotators place each joint: the sigmas of OKS, by joint set.

COCO's are of its evaluation code, CrowdPose's of its own, in the order of the joints. PoseTrack and MPII publish none:
theirs are those that mmpose's dataset files (Apache-2.0) have for them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from humotion.errors import HumotionError

_BODY = (0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089)  # shoulders to ankles
_FACE = (0.026, 0.025, 0.025, 0.035, 0.035)

SIGMAS: dict[str, tuple[float, ...]] = {
    "coco": (*_FACE, *_BODY),
    "crowdpose": (*_BODY, 0.079, 0.079),
    "posetrack18": (*_FACE, *_BODY),
    "mpii": (
        *(0.089, 0.083, 0.107, 0.107, 0.083, 0.089, 0.026, 0.026, 0.026, 0.026),
        *(0.062, 0.072, 0.179, 0.179, 0.072, 0.062),
    ),
}
"""By the name of the skeleton, as `humotion.store.skeleton.Skeleton` has it."""


def sigmas_of(joint_set: str) -> npt.NDArray[np.float64]:
    """The sigmas (J,) of a joint set.

    Raises:
        HumotionError: there are none; the message lists the known sets.
    """
    if joint_set not in SIGMAS:
        raise HumotionError(f"OKS has no sigmas for the joint set {joint_set!r}. Known: {', '.join(sorted(SIGMAS))}.")
    return np.array(SIGMAS[joint_set])
