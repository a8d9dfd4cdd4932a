"""The linear probe as a baseline: the result of the pretrained weights alone, on the same frames and crops.

Features are the frame-averaged embeddings of the plain ViT with the initial weights of the training. Clips are shown
as in evaluation.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from humotion.clips.datamodule import ClipDataModule
from humotion.clips.splits import SPLITS
from humotion.errors import HumotionError
from humotion.files import write_json
from humotion.models.common.hub import checkpoint_file
from humotion.params.document import Params
from humotion.params.models.vit import ViTParams
from humotion.params.tasks.action_recognition import ActionExperiment
from humotion.tasks.action_recognition.training import linear_probe
from humotion.tasks.action_recognition.training.module import ActionRecognition
from humotion.tasks.action_recognition.training.outcomes import action_outcome
from humotion.training.description import read_description
from humotion.work import digest_of_file

Floats = npt.NDArray[np.float64]
PROBE = "linear_probe"


def probe_probabilities(data: ClipDataModule, params: Params, folder: Path) -> Floats:
    """Probabilities (N, classes) of the test clips from a probe that was fitted on training clips.

    Its L2 strength is chosen on validation clips. All trials are written to ``folder/linear_probe.json``.

    Raises:
        HumotionError: the weights are absent, or they are not the initial weights of the training.
    """
    name, experiment = data.clips_folder.name, data.experiment
    assert isinstance(experiment, ActionExperiment)
    refuse_other_weights(experiment, Path("models") / name)
    plain = ActionRecognition.from_experiment(plain_vit(experiment), data.meta)
    single = ClipDataModule(name, params, num_neighbours=1)
    outcomes = {split: action_outcome(plain, single, split, params.machine) for split in SPLITS}
    labels = {split: outcome.clips["label_id"].to_numpy() for split, outcome in outcomes.items()}
    probe = linear_probe.fit(
        outcomes["train"].embeddings,
        labels["train"],
        outcomes["val"].embeddings,
        labels["val"],
        len(data.meta["classes"]),
    )
    trials = [trial._asdict() for trial in probe.trials]
    chosen = {"l2": probe.l2, "val_cross_entropy": probe.cross_entropy, "val_top1": probe.top1}
    write_json(folder / "linear_probe.json", {**chosen, "trials": trials})
    return probe.probabilities(outcomes["test"].embeddings)


def plain_vit(experiment: ActionExperiment) -> ActionExperiment:
    """Return the same experiment with a frame-averaged ViT as its model, with the same sizes and weights."""
    shared = experiment.model.model_dump(include=set(ViTParams.model_fields) - {"name"})
    return experiment.model_copy(update={"model": ViTParams(name="vit", **shared)})


def refuse_other_weights(experiment: ActionExperiment, folder: Path) -> None:
    """Raise a HumotionError unless the weights are the initial weights of the model folder's training."""
    weights = experiment.model.weights
    assert weights is not None  # otherwise the parameters are refused
    file = checkpoint_file(weights)
    if not file.is_file():
        raise HumotionError(f"{weights} does not exist, but evaluate.linear_probe needs these weights.")
    if digest_of_file(file) != read_description(folder).data_md5.get("weights"):
        raise HumotionError(
            f"The training of {folder} started from other weights than {weights}, so a probe on them would not be a "
            "baseline. Restore the original file, or train again."
        )
