"""`humotion convert openpose-mobilenet`: the small OpenPose network of tf-pose-estimation as a model folder.

The published maps have OpenPose's order of joints and limbs, and x and y of a limb side by side. Here they have the
order of `humotion.models.open_pose`. A stage reads the maps of the stage before, so its first layers change too. The
network reads pixels as BGR; its first layer is turned to RGB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from humotion import choices
from humotion.convert.frozen_graph import Floats, GraphNode, read_frozen_graph
from humotion.datasets.coco import SKELETONS
from humotion.errors import HumotionError
from humotion.params.document import task_of
from humotion.training.description import WEIGHTS, ModelDescription
from humotion.training.model_folder import save_foreign_model
from humotion.training.task import task_class
from humotion.work import digest_of_file

MODEL = "open_pose_mobilenet"
TASK = task_of(MODEL)
SKELETON = next(one for one in SKELETONS if one.name == "coco")
SEES_PIXELS = "network.stem.0.weight"
USUAL_SIZE = 656
"""Pixels of the long side of a picture. Smaller ones are faster, but fewer people are found."""

_SIDES = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
JOINTS = (
    *("nose", "neck"),
    *(f"{side}_{part}" for parts in _SIDES for side in "rl" for part in parts),
    *("r_eye", "l_eye", "r_ear", "l_ear"),
)
"""The order of the published heatmaps, before the background."""
LIMBS = (
    *((1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 2), (2, 3), (3, 4), (2, 16)),
    *((1, 5), (5, 6), (6, 7), (5, 17), (1, 0), (0, 14), (0, 15), (14, 16), (15, 17)),
)
"""The order of the published fields."""


def convert_openpose_mobilenet(path: Path, out: Path | None = None, size: int = USUAL_SIZE) -> str:
    """Read the published network, write it as a model folder, and return a text that says what was done.

    Args:
        path: ``graph_opt.pb``.
        out: the folder, which must not exist (default: ``models/openpose_mobilenet``).
        size: side of the square pictures that the model is shown, in pixels.

    Raises:
        HumotionError: the folder exists, the size is no multiple of 16, or the file is another network.
    """
    out = out or Path("models") / "openpose_mobilenet"
    if out.exists():
        raise HumotionError(f"{out} exists already. Remove it, or name another folder with --out.")
    if size < 64 or size % 16:
        raise HumotionError(f"--size must be a multiple of 16, from 64 on, not {size}.")
    nodes = read_frozen_graph(path)
    joints = list(SKELETON.joints)
    architecture = {"family": "open_pose", "name": MODEL, "num_joints": len(joints), "joint_names": joints}
    task = task_class(TASK)(architecture)
    model: Any = task.model
    model.load_state_dict(state_of(path, nodes, model))
    md5 = digest_of_file(path)
    save_foreign_model(out, task, _description(out.name, architecture, size, md5))
    return "\n".join(
        [
            f"{path}: {len(nodes)} nodes, md5 {md5}",
            f"OpenPose on MobileNetV2: {sum(one.numel() for one in model.parameters()):,} parameters, joints of COCO",
            f"model folder: {out}",
            f"Predict with it:   humotion predict VIDEO --model {out}",
            f"Train further:     model.name: {MODEL}, model.weights: {out / WEIGHTS}",
        ]
    )


def state_of(path: Path, nodes: Mapping[str, GraphNode], model: Any) -> dict[str, Tensor]:
    """Return the state dict of a model ``open_pose_mobilenet`` with COCO's joints.

    Raises:
        HumotionError: a node is missing, unknown or has another shape; the message names some.
    """
    expected: dict[str, Tensor] = model.state_dict()
    heat, fields = _orders(model.body)
    state, problems, used = {}, [], set()
    for name, node, part in _places():
        constant = nodes[node].inputs[part] if node in nodes and len(nodes[node].inputs) > part else ""
        array = nodes[constant].array if constant in nodes else None
        if array is None:
            problems.append(f"{node} has no weights")
            continue
        used.add(constant)
        found = torch.from_numpy(np.ascontiguousarray(_as_here(name, array, heat, fields)))
        state[name] = found
        if found.shape != expected[name].shape:
            problems.append(f"{node} has shape {tuple(found.shape)}, not {tuple(expected[name].shape)}")
    unknown = [name for name, node in nodes.items() if node.array is not None and node.array.size and name not in used]
    problems += [f"{name} belongs to no layer" for name in unknown]
    if problems:
        raise HumotionError(
            f"{path} is not the small OpenPose network of tf-pose-estimation: {'; '.join(problems[:3])} "
            f"({len(problems)} problems in all). Nothing was written."
        )
    return state | {name: one for name, one in expected.items() if name.endswith("num_batches_tracked")}


def _places() -> Iterator[tuple[str, str, int]]:
    """Of each tensor: its name here, the node that reads it in the graph, and which of its inputs it is."""
    network: Any = choices.load("models", "open_pose", "mobilenet")
    layers = {"stem": "MobilenetV2/Conv"}
    for number in range(len(network.BLOCKS)):
        start = "MobilenetV2/expanded_conv" + (f"_{number}" if number else "")
        parts = ("expand", "depthwise", "project") if number else ("depthwise", "project")
        layers |= {f"blocks.{number}.{part}": f"{start}/{part}" for part in parts}
    for name, node in layers.items():
        yield f"network.{name}.0.weight", f"{node}/{'depthwise' if node.endswith('depthwise') else 'Conv2D'}", 1
        yield f"network.{name}.1.weight", f"{node}/BatchNorm/FusedBatchNorm", 1
        yield f"network.{name}.1.bias", f"{node}/BatchNorm/FusedBatchNorm", 2
    for stage in range(network.STAGES):
        for branch, letter in (("limbs", "L1"), ("heat", "L2")):
            for number in range(5):
                node = f"Openpose/MConv_Stage{stage + 1}_{letter}_{number + 1}"
                here = f"network.{branch}.{stage}.layers.{number}"
                yield f"{here}.depthwise.weight", f"{node}_depthwise/depthwise", 1
                yield f"{here}.pointwise.weight", f"{node}_pointwise/Conv2D", 1
                for place, part in enumerate(("weight", "bias", "running_mean", "running_var"), start=1):
                    yield f"{here}.norm.{part}", f"{node}_pointwise/BatchNorm/FusedBatchNorm", place


def _orders(body: Any) -> tuple[list[int], list[int]]:
    """The published numbers of the heatmaps and of the fields, in the order that they have here."""
    heat = [JOINTS.index(name) for name in body.joints]
    limbs = [LIMBS.index((heat[a], heat[b])) for a, b in body.limbs]
    return [*heat, len(JOINTS)], [2 * limb + axis for axis in (0, 1) for limb in limbs]


def _as_here(name: str, array: Floats, heat: list[int], fields: list[int]) -> Floats:
    """An array in torch's order of axes, with the maps in the order that they have here."""
    _, branch, stage, _, number, *part = [*name.split("."), "", ""][:7]
    if array.ndim == 4:
        array = array.transpose((2, 3, 0, 1) if "depthwise" in name else (3, 2, 0, 1))
    if name == SEES_PIXELS:
        return array[:, ::-1]
    if branch not in ("heat", "limbs"):
        return array
    if number == "4" and part[0] != "depthwise":
        array = array[heat if branch == "heat" else fields]
    if number == "0" and stage != "0":  # it reads fields, heatmaps and features in this order; here heatmaps come first
        maps = [*(len(fields) + one for one in heat), *fields]
        axis = 0 if part[0] == "depthwise" else 1
        if part[0] != "norm":
            rest = range(len(maps), array.shape[axis])
            array = array.take([*maps, *rest], axis=axis)
    return array


def _description(name: str, architecture: dict[str, Any], size: int, md5: str) -> ModelDescription:
    """No run trained it, so the md5 of its file is used as the run id."""
    return ModelDescription(
        experiment=name,
        dataset="coco",
        task=TASK,
        architecture=architecture,
        meta={"classes": [], "skeleton": SKELETON.as_dict(), "split": None},
        preprocessing={"input": "whole_pictures", "size": size, "num_frames": 1},
        run_id=md5,
        data_md5={"graph": md5},
        validation={},
        outputs=list(task_class(TASK).output_columns),
    )
