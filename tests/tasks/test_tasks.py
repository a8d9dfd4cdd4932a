"""The two tasks on hand-made batches."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from humotion.datasets.penn_action import SKELETON
from humotion.params.tasks.pose_estimation import TargetParams
from humotion.poses.heatmaps import gaussian_targets
from humotion.tasks.action_recognition.training.mixing import Mixing
from humotion.tasks.pose_estimation.training.module import FRAMES_AT_ONCE, PoseEstimation, to_stored_frame
from humotion.training.task import Batch, Task
from tests.support.tiny_models import ARCHITECTURES, OPTIMIZER, make_task


def action_batch() -> Batch:
    """A dark clip of class 0 and a bright one of class 1, the second half padding."""
    levels = torch.tensor([40, 215], dtype=torch.uint8)
    frames = levels[:, None, None, None, None, None].expand(2, 4, 3, 3, 32, 32).contiguous()
    padding = torch.tensor([[False, False, False, True]] * 2)
    return {"frames": frames, "is_padding": padding, "label": torch.tensor([0, 1]), "clip_index": torch.tensor([7, 9])}


def pose_batch(num_frames: int = 3) -> Batch:
    """A bright patch on grey with all joints on it."""
    frames = torch.full((2, num_frames, 1, 3, 32, 32), 100, dtype=torch.uint8)
    frames[0, ..., 4:12, 4:12] = 250
    frames[1, ..., 20:28, 20:28] = 250
    centres = torch.tensor([[7.5, 7.5], [23.5, 23.5]])
    box = torch.cat([centres - 8, centres + 8], dim=1)
    return {
        "frames": frames,
        "is_padding": torch.zeros(2, num_frames, dtype=torch.bool),
        "joints": centres[:, None, None].expand(2, num_frames, 13, 2).contiguous(),
        "visibility": torch.full((2, num_frames, 13), 2, dtype=torch.uint8),
        "box": box[:, None].expand(2, num_frames, 4).contiguous(),
        "crop": torch.tensor([10.0, 20.0, 0.5]).expand(2, num_frames, 3),
        "clip_index": torch.tensor([7, 9]),
    }


BATCHES = {"action_recognition": action_batch, "pose_estimation": pose_batch}


def quiet(task: Task) -> dict[str, Any]:
    """Collect what a task logs without a trainer."""
    logged: dict[str, Any] = {}
    task.log = lambda name, value, **_: logged.update({name: value})  # type: ignore[method-assign]
    task.log_dict = lambda values, **_: logged.update(values)  # type: ignore[method-assign]
    return logged


def losses_of_steps(task: Task, batch: dict[str, Tensor], num_steps: int) -> list[float]:
    """The loss of each step of a training on one batch."""
    optimizer = torch.optim.AdamW(task.parameters(), lr=0.003)
    losses = []
    for _ in range(num_steps):
        loss = task.training_step(batch)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("kind", list(BATCHES))
def test_training_steps_lower_the_loss(kind: str) -> None:
    task, batch = make_task(kind), BATCHES[kind]()
    logged = quiet(task)
    losses = losses_of_steps(task, batch, 20)
    assert losses[-1] < 0.8 * losses[0]
    assert logged["train/loss"].item() == losses[-1]


def test_action_losses_and_scores() -> None:
    task, batch = make_task("action_recognition").eval(), action_batch()
    logged = quiet(task)
    task.label_smoothing = 0.2  # type: ignore[assignment]
    task.set_class_counts(torch.ones(2))  # type: ignore[operator]
    with torch.no_grad():
        logits = task.logits(batch)  # type: ignore[operator]
        smoothed = task.training_step(batch)
        task.validation_step(batch)  # type: ignore[operator]
        task.on_validation_epoch_end()
    log_probabilities = F.log_softmax(logits, dim=1)
    right = log_probabilities[torch.arange(2), batch["label"]]
    assert logged["val/loss"].item() == pytest.approx(-right.mean().item(), rel=1e-5)
    expected = -(0.8 * right + 0.2 * log_probabilities.mean(dim=1)).mean()
    assert smoothed.item() == pytest.approx(expected.item(), rel=1e-5)
    assert logged["val/top1"].item() == (logits.argmax(1) == batch["label"]).float().mean().item()
    prediction = task.predict_step(batch)
    assert prediction["clip_index"].tolist() == [7, 9]
    assert torch.allclose(prediction["probabilities"], logits.detach().softmax(1))


def test_a_mixed_batch_is_held_to_both_labels_and_scored_by_the_heavier() -> None:
    task, batch = make_task("action_recognition").eval(), action_batch()
    logged = quiet(task)
    task.mixing = Mixing(mixup=0.4, cutmix=0, probability=1, num_classes=2)  # type: ignore[assignment]
    with torch.no_grad():
        torch.manual_seed(1)
        loss = task.training_step(batch)
        torch.manual_seed(1)
        frames = task.model.normalise(batch["frames"])  # type: ignore[operator]
        frames, padding, targets = task.mixing(frames, batch["is_padding"], batch["label"])  # type: ignore[operator]
        logits = task.model(frames, padding)
    assert 0 < targets[0, 0] < 1
    assert loss.item() == pytest.approx(-(targets * logits.log_softmax(1)).sum(1).mean().item(), rel=1e-5)
    assert logged["train/top1"].item() == (logits.argmax(1) == targets.argmax(1)).float().mean().item()
    assert batch["frames"].unique().tolist() == [40, 215]  # the batch itself stays as it is


def test_padding_does_not_touch_an_action() -> None:
    task, batch = make_task("action_recognition").eval(), action_batch()
    before = task.predict_step(batch)["probabilities"]
    batch["frames"][:, 3] = 0
    assert torch.allclose(task.predict_step(batch)["probabilities"], before, atol=1e-6)


def test_to_stored_frame_by_hand() -> None:
    joints = torch.tensor([[[[0.0, 0.0], [10.0, 4.0]], [[2.0, 2.0], [1.0, 3.0]]]])  # (1, 2, 2, 2)
    crop = torch.tensor([[[5.0, 7.0, 2.0], [-3.0, 0.0, 0.5]]])
    expected = torch.tensor([[[[5.0, 7.0], [25.0, 15.0]], [[-2.0, 1.0], [-2.5, 1.5]]]])
    assert torch.equal(to_stored_frame(joints, crop), expected)


def test_pieces_of_a_long_video_equal_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    assert FRAMES_AT_ONCE == 16
    task = make_task("pose_estimation").eval()
    assert isinstance(task, PoseEstimation)
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (1, 40, 1, 3, 32, 32), dtype=torch.uint8, generator=generator)
    with torch.no_grad():
        joints, score = task.joints(frames)  # pieces of 16, 16 and 8
        monkeypatch.setattr("humotion.tasks.pose_estimation.training.module.FRAMES_AT_ONCE", 40)
        whole_joints, whole_score = task.joints(frames)
        early_joints, _ = task.joints(frames[:, 20:])
    assert joints.shape == (1, 40, 13, 2)
    assert score.shape == (1, 40, 13)
    assert torch.allclose(score, whole_score, atol=1e-5)
    assert torch.equal(joints, whole_joints)
    assert not torch.equal(early_joints, whole_joints[:, 20:])  # memory is carried through


def test_pose_validation_is_pck_of_the_predicted_joints() -> None:
    task, batch = make_task("pose_estimation").eval(), pose_batch()
    logged = quiet(task)
    predicted, _ = task.joints(batch["frames"])  # type: ignore[operator]
    task.validation_step(batch)  # type: ignore[operator]
    task.on_validation_epoch_end()
    distance = (predicted - batch["joints"]).norm(dim=-1)
    assert logged["val/pck_0.2"].item() == pytest.approx((distance <= 0.2 * 16).float().mean().item())
    assert not [name for name, value in logged.items() if isinstance(value, Tensor) and value.ndim]
    prediction = task.predict_step(batch)
    assert torch.allclose(prediction["joints"], predicted.detach() * 0.5 + torch.tensor([10.0, 20.0]))


def test_absent_joints_do_not_count_in_the_pose_loss() -> None:
    task, batch = make_task("pose_estimation").eval(), pose_batch()
    quiet(task)
    batch["visibility"][:, :, 3] = 0
    with torch.no_grad():
        expected = task.training_step(batch)
        batch["joints"][:, :, 3] = float("nan")
        assert torch.equal(task.training_step(batch), expected)


def test_every_map_is_held_to_the_target_of_its_frame() -> None:
    task, batch = make_task("pose_estimation").eval(), pose_batch()
    quiet(task)
    batch["joints"] += torch.arange(3)[None, :, None, None]  # the person moves: targets differ
    target = gaussian_targets(batch["joints"], batch["visibility"], 4)
    with torch.no_grad():
        maps = task.model(task.model.normalise(batch["frames"][:, :, 0]))  # type: ignore[operator]
        by_hand = sum(0.5 * (maps[:, m] - target[:, frame]).square().sum() / 2 for m, frame in enumerate([0, 0, 1, 2]))
        assert task.training_step(batch).item() == pytest.approx(by_hand.item(), rel=1e-5)  # type: ignore[union-attr]


def test_targets_of_a_pose_experiment_follow_its_settings() -> None:
    """Sigma, and Penn Action's rule: a joint beyond the box by more than a share of the torso gets no map."""
    batch = pose_batch()
    torso = tuple(SKELETON.joints.index(name) for name in ("l_shoulder", "r_hip"))
    centre = batch["joints"][0, 0, 0].clone()
    batch["joints"][:, :, torso[0]] += torch.tensor([0.0, -5.0])
    batch["joints"][:, :, torso[1]] += torch.tensor([0.0, 5.0])  # 10 apart: the box of 16 grows by 2
    batch["joints"][0, 0, 9] = centre + torch.tensor([9.5, 0.0])
    batch["joints"][0, 0, 10] = centre + torch.tensor([10.5, 0.0])
    maps = {}
    for share in (None, 0.2):
        targets = TargetParams(mask_beyond_box=share, sigma_px=6.0)
        task = PoseEstimation(ARCHITECTURES["pose_estimation"], OPTIMIZER, targets, torso)  # type: ignore[arg-type]
        maps[share] = task.targets(batch, map_size=4)
    assert maps[None][0, 0, 10].any()
    assert not maps[0.2][0, 0, 10].any()
    joints = torch.arange(13) != 10
    assert torch.equal(maps[None][0, 0, :13][joints], maps[0.2][0, 0, :13][joints])
    assert torch.equal(maps[None][:, 1:], maps[0.2][:, 1:])
    assert maps[None][0, 0, 0, 0, 1].item() == pytest.approx(math.exp(-(4**2 + 4**2) / (2 * 6**2)))


def test_targets_are_made_without_a_look_at_the_labels() -> None:
    """Tensors without values: code that waited for one, as for a GPU, would fail here."""
    batch = {name: tensor.to("meta") for name, tensor in pose_batch().items()}
    task = PoseEstimation(ARCHITECTURES["pose_estimation"], OPTIMIZER, TargetParams(mask_beyond_box=0.2), (2, 7))
    maps = task.targets(batch, map_size=4)
    assert maps.device.type == "meta"
    assert maps.shape == (2, 3, 14, 4, 4)
