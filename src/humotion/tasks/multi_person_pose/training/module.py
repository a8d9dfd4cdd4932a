"""Multi-person pose: the joints of everybody in a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import torch
import torch.distributed as dist
from torch import Tensor, nn

from humotion.clips.datamodule import ClipDataModule, skeleton_of_clips
from humotion.errors import HumotionError
from humotion.evaluation.average_precision import ap_of
from humotion.models.common.people_maps import FindsPeople, Found
from humotion.models.common.weights import misfits, read_weights
from humotion.params.experiment import OptimizerParams
from humotion.params.machine import MachineParams
from humotion.params.section import Section
from humotion.params.tasks.multi_person_pose import MultiPersonExperiment, PeopleEvaluateParams, decoding_of
from humotion.tasks.multi_person_pose.training.abstention import people_abstention
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.outcomes import (
    labels_of_split,
    packed,
    people_by_image,
    pictures_of,
    to_stored,
    unpacked,
)
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.scores import AP50, score_table
from humotion.tasks.multi_person_pose.training.truth import Truth
from humotion.training.predict import predict
from humotion.training.task import Batch, Task


class MultiPersonPose(Task):
    """The loss of the model in training; AP over all validation images in validation.

    Attributes:
        decoding: thresholds by which people are read from maps, in validation and prediction: the model's defaults.
    """

    main_metric: ClassVar[str] = "val/ap"
    output_columns: ClassVar[tuple[str, ...]] = ("video", "people")
    decoding: Section

    def __init__(self, architecture: dict[str, Any], optimizer: OptimizerParams | None = None) -> None:
        super().__init__(architecture, optimizer)
        # Small kernels on few channels: faster on a CPU than the default layout.
        self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.decoding = decoding_of(architecture["name"])
        self._found: list[tuple[int, Found]] = []
        self._truth: Truth | None = None

    @property
    def people_model(self) -> FindsPeople:
        """The model, as what it is."""
        model: Any = self.model
        return model

    @classmethod
    def from_experiment(cls, experiment: MultiPersonExperiment, meta: dict[str, Any]) -> MultiPersonPose:
        """Build the task of an experiment, and load its initial weights if it has some."""
        skeleton = skeleton_of_clips(meta)
        if skeleton is None:
            raise HumotionError(f"Dataset {experiment.dataset!r} has no joints to estimate.")
        architecture = cls.architecture_of(
            experiment.model,
            num_joints=len(skeleton.joints),
            joint_names=list(skeleton.joints),
            flip=list(skeleton.flip),
            input_size=experiment.augment.size,
        )
        task = cls(architecture, experiment.optimizer)
        if experiment.model.weights is not None:
            load_weights(task.model, experiment.model.weights)
        return task

    def read_by(self, evaluate: PeopleEvaluateParams) -> None:
        """Read people from maps by ``evaluate.decoding``."""
        self.decoding = decoding_of(self.architecture["name"], evaluate.decoding)

    def training_step(self, batch: Batch, batch_idx: int = 0) -> Tensor:
        """Return the sum of the parts of the model's loss, and log each."""
        parts = self.people_model.losses(batch)
        size, share = self.share_of_batch(len(batch["frames"]), batch_idx)
        loss = torch.stack(list(parts.values())).sum()
        self.log_training("loss", loss * share, size, prog_bar=True)
        for name, part in parts.items():
            self.log_training(name, part.detach() * share, size)
        return loss * share

    def found_in(self, batch: Batch) -> list[Found]:
        """Return the people in each sample of a batch, in pixels of the stored frame."""
        crops = batch["crop"][:, 0].float().cpu().numpy()
        found = self.people_model.find(batch, self.decoding)
        return [to_stored(one, crop) for one, crop in zip(found, crops, strict=True)]

    def validation_step(self, batch: Batch, batch_idx: int = 0) -> None:
        """Keep the people of a batch until all images are seen."""
        self._found += zip(batch["clip_index"].tolist(), self.found_in(batch), strict=True)

    def on_validation_epoch_end(self) -> None:
        """Log AP and AP50 over all validation images, of all devices."""
        found = self._gathered()
        self._found = []
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        if self._truth is None:
            self._truth = labels_of_split(data, "val")
        people = self._by_image(data, "val", found, self._truth)
        matches = match(self._truth, people)
        self.log_dict({"val/ap": ap_of(matches), "val/ap_50": ap_of(matches, thresholds=AP50)}, prog_bar=True)

    def _gathered(self) -> dict[int, Found]:
        if not (dist.is_available() and dist.is_initialized()):
            return dict(self._found)
        everybody: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(everybody, self._found)
        return {index: found for of_device in everybody for index, found in of_device}

    def _by_image(self, data: ClipDataModule, split: str, found: dict[int, Found], truth: Truth) -> dict[int, People]:
        pictures = pictures_of(data.clips(split))
        pairs = ((pictures[index], one) for index, one in sorted(found.items(), key=lambda pair: pair[0]))
        return people_by_image(pairs, data.store, truth)

    def people_of_split(
        self, data: ClipDataModule, split: str, machine: MachineParams
    ) -> tuple[Truth, dict[int, People]]:
        """Return the labels of a split, and the people that the model finds, by image."""
        truth = labels_of_split(data, split)
        outputs = predict(self, data.evaluation_dataloader(split), machine)
        return truth, self._by_image(data, split, dict(_by_clip(outputs)), truth)

    def clip_scores(self, data: ClipDataModule, split: str, machine: MachineParams) -> pd.DataFrame:
        """Return one row per image; see `humotion.tasks.multi_person_pose.training.scores`.

        AP is no mean over images, so ``score`` only describes an image: how many of its people are found at OKS 0.5.
        """
        truth, people = self.people_of_split(data, split, machine)
        groups = dict(data.clips(split)[["video_id", "group"]].itertuples(index=False, name=None))
        return score_table(truth, people, groups)

    def abstention_of(self, scores: pd.DataFrame) -> dict[str, Any]:
        """See `humotion.tasks.multi_person_pose.training.abstention`."""
        return people_abstention(scores, in_crops=getattr(self.model, "reads", None) == ("crops",)).as_dict()

    def predict_step(self, batch: Batch, batch_idx: int = 0) -> dict[str, Tensor]:
        """Return the people of a batch in pixels of the stored frame (`unpacked` reads them), and ``clip_index``."""
        return {"clip_index": batch["clip_index"].cpu(), **packed(self.found_in(batch))}


def load_weights(model: nn.Module, path: Path) -> None:
    """Start from the weights of another model of the same sizes.

    Raises:
        HumotionError: they cannot be read, or do not fit.
    """
    weights = read_weights(path)
    if problems := misfits(weights, model.state_dict()):
        raise HumotionError(f"{path} does not fit the model: {'; '.join(problems[:3])} ({len(problems)} in all).")
    model.load_state_dict(weights)


def _by_clip(outputs: list[dict[str, Tensor]]) -> Iterator[tuple[int, Found]]:
    for output in outputs:
        yield from zip(output["clip_index"].tolist(), unpacked(output), strict=True)
