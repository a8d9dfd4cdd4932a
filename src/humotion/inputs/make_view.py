"""The view of an experiment."""

from __future__ import annotations

from humotion.clips.augment import Policy
from humotion.clips.views import View
from humotion.errors import HumotionError
from humotion.inputs.person_crops import PoseView
from humotion.inputs.whole_frames import ActionView
from humotion.params.document import AnyExperiment
from humotion.params.tasks.pose_estimation import PoseExperiment
from humotion.store.skeleton import SKELETONS


def make_view(
    experiment: AnyExperiment, skeleton: str | None, policy: Policy | None = None, place: float = 0.5
) -> View:
    """The view of an experiment's task; with a policy for training, without one for evaluation.

    ``skeleton`` is the joint set of the dataset, as the meta.json of its clips names it; ``place`` is where whole
    frames are cropped (see `evaluation_window`).
    """
    size = experiment.augment.size
    if not isinstance(experiment, PoseExperiment):
        return ActionView(size, policy, place)
    if skeleton is None:
        raise HumotionError(f"Dataset {experiment.dataset!r} has no joints, which {experiment.task} needs.")
    augment = experiment.augment
    geometry = None if policy is None else augment.geometry
    return PoseView(size, augment.person_scale, SKELETONS[skeleton], policy, augment.pixel_scale, geometry)
