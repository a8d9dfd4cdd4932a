"""Average precision of poses by OKS, as COCO and CrowdPose define it, with the library faster-coco-eval.

Per image the 20 surest people count. At each of ten thresholds of OKS (.5 to .95), every detection takes the free
labelled person with the highest OKS; precision is read at 101 recalls, and AP is the mean over thresholds and recalls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from humotion.errors import HumotionError
from humotion.tasks.multi_person_pose.training.joint_sets import sigmas_of
from humotion.tasks.multi_person_pose.training.matching import check
from humotion.tasks.multi_person_pose.training.people import PERSON, People, to_results
from humotion.tasks.multi_person_pose.training.truth import Truth

_NAMES = {
    **{f"{kind}_all": kind for kind in ("AP", "AR")},
    **{f"{kind}_{threshold}": f"{kind}{threshold}" for kind in ("AP", "AR") for threshold in (50, 75)},
}
_WITHOUT_PEOPLE = -1  # what COCO's code says of a score for which there are no labelled people


def average_precision(truth: Truth, people: Mapping[int, People]) -> dict[str, float]:
    """The scores of detected people, by name.

    For COCO: AP, AP50, AP75, AP_medium (labelled area 32^2 to 96^2 pixels), AP_large, and AR, the recall, in the same
    way. For CrowdPose: AP, AP50, AP75, AR, AR50, AR75, and AP_easy, AP_medium, AP_hard: images with a ``crowdIndex``
    below .2, below .8, and others, rounded to four digits by its code. A score without labelled people is NaN.

    Args:
        truth: labelled images.
        people: detected people by the id of the image; an image without an entry has none.

    Raises:
        HumotionError: people are of an image that the labels do not have, or their joints are other ones; CrowdPose's
            images lack ``crowdIndex``; or the library is not installed.
    """
    check(truth, people)
    is_crowd = truth.joint_set == "crowdpose"
    if is_crowd and (without := [image["id"] for image in truth.images if "crowdIndex" not in image]):
        raise HumotionError(f"Image {without[0]} has no 'crowdIndex', by which CrowdPose's scores are divided.")
    api, evaluator = _library()
    labels = {
        "images": truth.images,
        "annotations": [dict(one) for one in truth.annotations],
        "categories": [{"id": PERSON, "name": "person"}],
    }
    results = [one for image_id, found in people.items() for one in to_results(image_id, found)]
    known = api(labels)
    evaluation = evaluator(
        known,
        known.loadRes(results),
        "keypoints_crowd" if is_crowd else "keypoints",
        print_function=_say_nothing,
        kpt_oks_sigmas=sigmas_of(truth.joint_set),
        use_area=not is_crowd,
    )
    evaluation.run()
    scores = {_NAMES.get(name, name): float(score) for name, score in evaluation.stats_as_dict.items()}
    return {name: float("nan") if score == _WITHOUT_PEOPLE else score for name, score in scores.items()}


def _library() -> tuple[Any, Any]:
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ModuleNotFoundError as error:
        raise HumotionError(
            "AP needs the package faster-coco-eval, which is not installed: pip install 'humotion[people]'"
        ) from error
    return COCO, COCOeval_faster


def _say_nothing(*words: object) -> None:
    """The library prints its progress and its table; the scores are returned instead."""
