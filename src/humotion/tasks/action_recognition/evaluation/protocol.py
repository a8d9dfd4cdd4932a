"""The protocol of action recognition: one view of every test clip, compared with chance and the majority class.

Several views, other orders of the frames, and a linear probe on the pretrained weights are optional. They do not
replace the main scores and choose nothing.
"""

from __future__ import annotations

from pathlib import Path

from humotion.clips.datamodule import ClipDataModule
from humotion.evaluation.result import Evaluation
from humotion.params.document import Params
from humotion.params.tasks.action_recognition import ActionExperiment
from humotion.tasks.action_recognition.evaluation.assessment import Answers, assess
from humotion.tasks.action_recognition.evaluation.motion import draw_motion
from humotion.tasks.action_recognition.evaluation.probe import PROBE, probe_probabilities
from humotion.tasks.action_recognition.evaluation.variants import variant_probabilities
from humotion.tasks.action_recognition.training.abstention import read_abstention
from humotion.tasks.action_recognition.training.outcomes import action_probabilities
from humotion.training.task import Task


def evaluate(task: Task, data: ClipDataModule, params: Params, folder: Path) -> Evaluation:
    """Score the test clips and write figures, tables, overlays and ``scores.md`` into ``folder``."""
    experiment = data.experiment
    assert isinstance(experiment, ActionExperiment)
    clips, probabilities = action_probabilities(task, data, "test", params.machine)
    answers = Answers(
        clips=clips,
        systems={"": probabilities, **variant_probabilities(task, data, params.machine)},
        peers={PROBE: probe_probabilities(data, params, folder)} if experiment.evaluate.linear_probe else {},
        rule=read_abstention(task.abstention),
    )
    title = f"{experiment.model.name} on {experiment.dataset}: actions"
    result, said = assess(answers, data, title, experiment.evaluate, experiment.seed, folder)
    draw_motion(task, data, said, folder / "motion")
    return result
