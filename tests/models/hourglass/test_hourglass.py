"""The hourglass for one person: what it learns from labels, and that left and right, mirrored, stay left and right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from humotion.errors import HumotionError
from humotion.models.common.people_maps import Found
from humotion.models.hourglass.hourglass import PersonHourglass
from humotion.models.hourglass.targets import squared_error, targets
from humotion.params.models.hourglass import HourglassDecoding, HourglassParams

FLIP = (0, 2, 1, 3)
SIDE = 32


def small(seed: int = 0, **changes: Any) -> PersonHourglass:
    torch.manual_seed(seed)
    return PersonHourglass(**{"num_joints": 4, "flip": FLIP, "width": 16, "depth": 2, "stacks": 2, **changes})


def batch_of(number: int, side: int = SIDE, seed: int = 0) -> dict[str, Tensor]:
    """Grey crops with a bright square at each joint, of a brightness of its own."""
    random = np.random.default_rng(seed)
    joints = random.uniform(4, side - 5, (number, 1, 4, 2)).astype(np.float32)
    frames = np.full((number, 1, 1, 3, side, side), 60, np.uint8)
    for crop, of_crop in zip(frames[:, 0, 0], joints[:, 0], strict=True):
        for joint, (x, y) in enumerate(of_crop.round().astype(int)):
            crop[:, y - 1 : y + 2, x - 1 : x + 2] = np.array([90 + 50 * joint, 255 - 60 * joint, 130])[:, None, None]
    visibility = np.full((number, 1, 4), 2, np.uint8)
    return {
        name: torch.from_numpy(one)
        for name, one in zip(("frames", "joints", "visibility"), (frames, joints, visibility), strict=True)
    }


def joints_of(found: list[Found]) -> np.ndarray:
    return np.concatenate([one.joints for one in found])


def test_the_settings_are_the_arguments_of_the_class() -> None:
    settings = HourglassParams.model_validate({"family": "hourglass", "name": "hourglass", "width": 16})
    arguments = settings.model_dump(exclude={"weights", "family", "name"})
    model = PersonHourglass(num_joints=4, flip=list(FLIP), **arguments)
    assert (model.sigma, model.unlabelled, len(model.network.stacks)) == (4.0, "zero", 1)
    assert HourglassParams.decodes is HourglassDecoding


@pytest.mark.parametrize("flip", [(0, 1), (1, 2, 0, 3), (0, 1, 2, 4), (0, 1, 2, -1)])
def test_a_flip_that_does_not_exchange_pairs_is_refused(flip: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="in pairs"):
        small(flip=flip)


def test_weights_have_nothing_of_the_joint_set_but_its_maps() -> None:
    assert not [name for name in small().state_dict() if "flip" in name]


@pytest.mark.parametrize("unlabelled", ["zero", "ignore"])
def test_the_loss_is_0_at_its_own_targets(unlabelled: Any) -> None:
    batch = batch_of(3)
    batch["visibility"][0, 0, 1] = 0
    wanted = targets(batch["joints"][:, 0], batch["visibility"][:, 0], 8, 4, 4.0, unlabelled)
    maps = wanted.maps.clone().requires_grad_()
    loss = squared_error(maps, wanted)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss == 0 and not maps.grad.any()  # type: ignore[union-attr]
    assert squared_error(wanted.maps + 0.1, wanted) == pytest.approx(0.01, rel=1e-4)


def test_an_unlabelled_joint_teaches_an_empty_map_or_nothing() -> None:
    batch = batch_of(2)
    batch["visibility"][0, 0, 1] = 0  # not labelled
    batch["joints"][1, 0, 2] = torch.tensor([SIDE + 3.0, 4.0])  # labelled, but outside the crop
    batch["joints"][0, 0, 1] = torch.nan
    labels = batch["joints"][:, 0], batch["visibility"][:, 0]
    absent = [(0, 1), (1, 2)]
    for unlabelled in ("zero", "ignore"):
        wanted = targets(*labels, 8, 4, 4.0, unlabelled)  # type: ignore[arg-type]
        maps = torch.full((2, 4, 8, 8), 0.5, requires_grad=True)
        squared_error(maps, wanted).backward()  # type: ignore[no-untyped-call]
        for place in absent:
            assert not wanted.maps[place].any()
            assert bool(maps.grad[place].any()) == (unlabelled == "zero")  # type: ignore[index]
        assert maps.grad[0, 0].any()  # type: ignore[index]


def test_a_batch_without_labels_has_a_loss_that_is_a_number() -> None:
    batch = batch_of(2)
    batch["visibility"][:] = 0
    loss = small(unlabelled="ignore").losses(batch)["heat"]
    assert loss == 0
    loss.backward()  # type: ignore[no-untyped-call]


def test_every_stack_is_trained() -> None:
    model = small(stacks=3)
    model.losses(batch_of(2))["heat"].backward()  # type: ignore[no-untyped-call]
    for stack in model.network.stacks:
        assert stack.maps.weight.grad.any()  # type: ignore[union-attr, operator]


def test_a_few_steps_reduce_the_loss_and_find_the_joints() -> None:
    model, batch = small(width=32), batch_of(6)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(80):
        optimizer.zero_grad()
        loss = model.losses(batch)["heat"]
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    model.eval()
    with torch.no_grad():
        found = model.find(batch, HourglassDecoding(flip_test=False))
    error = np.linalg.norm(joints_of(found) - batch["joints"][:, 0].numpy(), axis=-1)
    assert np.median(error) < model.stride / 2


@pytest.mark.parametrize("shift", ["none", "quarter", "dark", "half"])
def test_a_mirrored_crop_has_mirrored_joints(shift: Any) -> None:
    model, batch = small().eval(), batch_of(5)
    decoding = HourglassDecoding(shift=shift, flip_test=True)
    mirrored = {"frames": batch["frames"].flip(-1)}
    with torch.no_grad():
        there, back = (model.find(one, decoding) for one in (batch, mirrored))
    expected = joints_of(there)[:, list(FLIP)] * [-1, 1] + [SIDE - 1, 0]
    np.testing.assert_allclose(joints_of(back), expected, atol=0.02)
    np.testing.assert_allclose([one.scores for one in back], [one.scores for one in there], atol=1e-5)


def test_mirrored_maps_lie_on_the_maps_without_a_shift() -> None:
    """A network that says the truth of both crops says it of their mean, too: nothing becomes wider or moves."""

    class Truthful(PersonHourglass):
        def forward(self, crops: Tensor) -> list[Tensor]:
            is_mirrored = bool((crops[0, 0, 0, 0] > crops[0, 0, 0, -1]).item())
            shown = truth[:, list(FLIP)] * torch.tensor([-1, 1]) + torch.tensor([SIDE - 1, 0]) if is_mirrored else truth
            return [targets(shown, torch.full((2, 4), 2), SIDE // 4, 4, 4.0, "zero").maps]

    truth = batch_of(2)["joints"][:, 0]
    crops = torch.zeros(2, 3, SIDE, SIDE, dtype=torch.uint8)
    crops[..., -1] = 200
    model = Truthful(num_joints=4, flip=FLIP, width=16, depth=2)
    torch.testing.assert_close(model.maps(crops, flip_test=True), model.maps(crops), atol=1e-5, rtol=0)


def test_a_size_that_is_no_multiple_of_a_cell_is_refused() -> None:
    model, batch = small().eval(), batch_of(1, side=34)
    with pytest.raises(HumotionError, match=r"augment\.size is 34\. Choose 32"):
        model.losses(batch)
    with pytest.raises(HumotionError, match="multiple of 4"):
        model.find(batch, HourglassDecoding())
