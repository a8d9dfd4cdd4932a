"""Find all people in every frame of any video file with an exported model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from humotion.errors import DivergedError
from humotion.export.folder import ExportedFolder, open_exported
from humotion.models.common.people_maps import Found
from humotion.tasks.multi_person_pose.predictor import PeoplePredictor
from humotion.training.description import ModelDescription, read_description
from humotion.training.task import task_class


class ExportedPeople:
    """The graph of an exported folder with those members of the trained task that the predictor uses.

    The decoder of a bottom-up model is code of its family. So the model is built, without weights.
    """

    def __init__(self, folder: ExportedFolder, description: ModelDescription) -> None:
        with torch.device("meta"):
            task: Any = task_class(description.task)(description.architecture)
        self.decoding, self._model = task.decoding, task.model
        self._run, self._in_graph = folder.run, folder.about["decoding"]["in_graph"]

    @property
    def people_model(self) -> ExportedPeople:
        """What finds people."""
        return self

    def find(self, batch: Mapping[str, Tensor], decoding: Any) -> list[Found]:
        """See `humotion.models.common.people_maps.FindsPeople`.

        Raises:
            DivergedError: a value is NaN or infinite: it would only look as if nobody were there.
        """
        fields = self._run("model", {"picture": batch["frames"][:, 0, 0].contiguous()})
        if not torch.stack([one.isfinite().all() for one in fields.values()]).all():
            raise DivergedError("The exported model gives values that are NaN or infinite: its training diverged.")
        arrays = {name: one.numpy() for name, one in fields.items()}
        if self._in_graph:
            joints, scores, person = (arrays[name] for name in ("joints", "scores", "person"))
            return [Found(joints[at : at + 1], scores[at : at + 1], person[at : at + 1]) for at in range(len(person))]
        pictures = ({name: one[at] for name, one in arrays.items()} for at in range(len(batch["frames"])))
        return [self._model.decode(one, decoding) for one in pictures]


class ExportedPeoplePredictor(PeoplePredictor):
    """See `PeoplePredictor`."""

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """The predictor of an exported folder."""
        description = read_description(folder)
        task: Any = ExportedPeople(open_exported(folder), description)
        return cls(task, description)
