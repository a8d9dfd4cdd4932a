"""The report of an action evaluation says what its means and tables leave out."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from humotion.evaluation.bootstrap import BootstrapResult
from humotion.evaluation.result import Evaluation
from humotion.tasks.action_recognition.evaluation.report import MOST_PAIRS, action_report

RESULT = Evaluation(
    scores={"top1": 0.5, "mean_class_accuracy": 0.5, "macro_f1": 0.5, "ece": 0.1},
    baselines={},
    main="top1",
    against="majority",
    gain=BootstrapResult(0.1, 0.0, 0.2),
    num_clips=10,
    num_groups=5,
    breakdown=pd.DataFrame(),
    clips=pd.DataFrame(),
)


def report(num_clips: list[int], known: list[tuple[str, int]], num_pairs: int) -> str:
    table = pd.DataFrame({"label": [f"class{i}" for i in range(len(num_clips))], "num_clips": num_clips})
    table = table.assign(recall=0.5, precision=0.5, f1=0.5)
    pairs = pd.DataFrame({"label": "a", "predicted": "b", "count": 1, "share": 0.1}, index=range(num_pairs))
    fields = pd.DataFrame(
        [(field, str(place), count, 1, 0.5, 0.1, 0.9) for place, (field, count) in enumerate(known)],
        columns=["field", "value", "num_clips", "num_groups", "top1", "low", "high"],
    )
    return action_report("t", RESULT, table, pairs, fields)


def test_nothing_is_said_if_nothing_is_left_out() -> None:
    said = report([4, 6], [("camera", 4), ("camera", 6), ("view", 10)], MOST_PAIRS)
    assert not any(words in said for words in ("have no test clip", "Not in this table", "more pairs"))


def test_classes_without_a_clip_unknown_fields_and_further_pairs_are_said() -> None:
    said = report([4, 0, 6, 0], [("camera", 4), ("camera", 3), ("view", 10)], MOST_PAIRS + 2)
    assert (
        "2 of 4 classes have no test clip, so mean-class accuracy and macro-F1 are means over the other classes: "
        "class1, class3." in said
    )
    assert "Not in this table: 3 clips have no camera." in said
    assert "2 more pairs are in confused_pairs.csv." in said


def test_what_the_threshold_is_worth_on_test_clips_is_said() -> None:
    assert "## None" not in report([4, 6], [], 0)
    rule = {"temperature": 1.5, "threshold": 0.7, "wanted": 0.9, "coverage": 0.4, "accuracy": 0.75}
    pairs = pd.DataFrame(columns=["label", "predicted", "count", "share"])
    table = pd.DataFrame({"label": ["a"], "num_clips": 10, "recall": 0.5, "precision": 0.5, "f1": 0.5})

    def said(**changes: float | None) -> str:
        return action_report("t", replace(RESULT, abstention=rule | changes), table, pairs, None)

    assert "below a confidence of 0.700 (at temperature 1.50)" in said()
    assert "It answers 40.0% of the test clips, and 75.0% of these answers are right." in said()
    assert "It answers 0.0% of the test clips. All" in said(coverage=0.0, accuracy=None)
    assert "no confidence gave at least 90% right answers" in said(threshold=None, coverage=0.0, accuracy=None)
    assert replace(RESULT, abstention=rule).as_dict()["abstention"] == rule
    assert "abstention" not in RESULT.as_dict()
