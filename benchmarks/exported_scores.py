"""The accuracy of a model in any form, on the test clips of its experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from humotion.clips.datamodule import ClipDataModule
from humotion.evaluation.average_precision import ap_of
from humotion.export.exporter import Exporter
from humotion.export.folder import ExportedFolder
from humotion.params.layer import LABELS
from humotion.poses.pck import PCK
from humotion.store.layers import Layer, folder_of_layer
from humotion.tasks.multi_person_pose.exported_predictor import ExportedPeople
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.outcomes import people_by_image, pictures_of, to_stored
from humotion.tasks.multi_person_pose.training.truth import truth_of_layer

Call = Callable[[str, Mapping[str, Tensor]], dict[str, Tensor]]


@dataclass(frozen=True)
class Form:
    """A model in one form: how to call its graphs, and its bytes on disk (None: it has no file of its own)."""

    call: Call
    num_bytes: int | None


def clips_of(data: ClipDataModule, most: int | None) -> Iterator[dict[str, Any]]:
    """The test clips, each as a batch of one."""
    clips = data.clip_dataset("test")
    for row in range(len(clips) if most is None else min(most, len(clips))):
        yield {name: torch.as_tensor(value)[None] for name, value in clips[row].items()}


Score = tuple[str, list[dict[str, Tensor]]]


def score_actions(form: Form, exporter: Exporter, data: ClipDataModule, most: int | None) -> Score:
    """Top-1 over the test clips, and the probabilities of each."""
    outputs, right = [], []
    for batch in clips_of(data, most):
        (inputs,) = exporter.examples(batch).values()
        found = form.call("model", inputs)
        outputs.append({name: value.clone() for name, value in found.items()})
        right.append(int(found["probabilities"].argmax()) == int(batch["label"]))
    return f"top-1 {np.mean(right):.3f} of {len(right)} clips", outputs


def score_poses(form: Form, exporter: Exporter, data: ClipDataModule, most: int | None) -> Score:
    """PCK@0.2 over complete test videos, and joints and scores of each frame."""
    assert data.skeleton is not None
    pck = PCK(len(data.skeleton.joints), data.skeleton.scored)
    outputs = []
    graphs = {graph.name: graph for graph in exporter.graphs()}
    first, later = ("init", "step") if len(graphs) > 1 else ("model", "model")
    videos = 0
    for batch in clips_of(data, most):
        videos += 1
        found: dict[str, Tensor] = {}
        joints = []
        for number, frame in enumerate(batch["frames"][:, :, 0].unbind(1)):
            name = later if number else first
            state = {into: found[out] for into, out in graphs[name].state.items()}
            found = {key: value.clone() for key, value in form.call(name, {"frame": frame, **state}).items()}
            joints.append(found["joints"])
            outputs.append({key: found[key] for key in ("joints", "scores")})
        pck.update(torch.stack(joints, dim=1), batch["joints"], batch["visibility"], batch["box"])
    return f"PCK@0.2 {float(pck.compute()['pck_0.2']):.3f} of {videos} videos", outputs


def score_people(form: Form, exporter: Exporter, data: ClipDataModule, most: int | None) -> Score:
    """AP over the test images, and what the graph returns for each."""
    outputs = []

    def call(name: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        outputs.append({key: value.clone() for key, value in form.call(name, inputs).items()})
        return outputs[-1]

    finder = ExportedPeople(ExportedFolder(exporter.answer(), call), exporter.description)
    pictures = pictures_of(data.clips("test"))[:most]
    found = []
    for picture, batch in zip(pictures, clips_of(data, most), strict=True):
        (one,) = finder.find(batch, finder.decoding)
        found.append((picture, to_stored(one, batch["crop"][0, 0].numpy())))
    truth = truth_of_layer(Layer(folder_of_layer(data.experiment.dataset, LABELS)), list(dict.fromkeys(pictures)))
    ap = ap_of(match(truth, people_by_image(found, data.store, truth)))
    return f"AP {ap:.3f} of {len(truth.images)} images", outputs


SCORES: dict[str, Callable[[Form, Exporter, ClipDataModule, int | None], Score]] = {
    "action_recognition": score_actions,
    "pose_estimation": score_poses,
    "multi_person_pose": score_people,
}
"""By task."""
