"""The network's published size, the targets, the losses, and that a few steps of training help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from humotion import choices
from humotion.models.common.build import build_model, model_entry
from humotion.models.common.people_maps import Labels
from humotion.models.open_pose.limbs import COCO, body_of
from humotion.models.open_pose.open_pose import OpenPose
from humotion.models.open_pose.targets import limb_fields, with_neck
from humotion.params.models.open_pose import OpenPoseParams
from humotion.store.owners import UNKNOWN
from tests.models.open_pose.crowds import USUAL, labels_of, people_at

BODY = body_of(COCO)
LIMB = [(BODY.joints[a], BODY.joints[b]) for a, b in BODY.limbs].index(("l_knee", "l_ankle"))
SMALL: dict[str, dict[str, Any]] = {"hourglass": {"width": 8, "depth": 2}, "vgg19": {"width": 8, "stages": 2}}


@pytest.mark.parametrize(
    ("official", "parameters", "gmacs"),
    [("VGG-19, COCO", 52_311_446, 135.934), ("VGG-19, 2 stages, COCO", 17_172_146, 61.593)],
)
def test_the_published_size(official: str, parameters: int, gmacs: float) -> None:
    with torch.device("meta"), torch.no_grad():
        model = build_model("open_pose", "open_pose", **model_entry("open_pose", "open_pose").official[official])
        run = choices.load("models", "open_pose", "official").count(model.eval())
    assert sum(one.numel() for one in model.parameters()) == parameters
    assert run.gmacs["picture"] == pytest.approx(gmacs, abs=1e-3)
    assert run.outputs == {"heat": (1, 19, 46, 46), "limbs": (1, 38, 46, 46)}


def test_every_setting_of_the_section_reaches_the_model() -> None:
    section = OpenPoseParams(family="open_pose", name="open_pose")
    settings = section.model_dump(exclude={"family", "name", "weights"})
    model = OpenPose(num_joints=17, joint_names=COCO, **settings)
    assert settings.keys() == set(OpenPose.__init__.__annotations__) - {"num_joints", "joint_names", "return"}
    assert section.decodes() == USUAL
    assert model.stride == 4


def test_other_joints_have_other_maps() -> None:
    names = (*COCO[5:], "head", "neck")
    model = OpenPose(14, names, **SMALL["hourglass"])
    maps = model(torch.zeros(1, 3, 64, 96))[-1]
    assert maps["heat"].shape == (1, 15, 16, 24)
    assert maps["limbs"].shape == (1, 26, 16, 24)
    with pytest.raises(ValueError, match="17 joints, but 14 names"):
        OpenPose(17, names)


def test_the_neck_is_the_middle_of_shoulders_that_are_both_known() -> None:
    joints = people_at((100, 120), (200, 120))
    known = np.ones((2, 17), bool)
    known[1, COCO.index("l_shoulder")] = False
    complete = with_neck(labels_of(joints, known), BODY)
    assert complete.joints.shape == (1, 2, 18, 2)
    assert complete.joints[0, :, -1].tolist() == [[100, 60], [200, 60]]
    assert complete.known[0, :, -1].tolist() == [True, False]


def test_heatmaps_have_the_largest_gaussian_and_a_background() -> None:
    model = OpenPose(width=8, sigma=6.0)
    heat = model.targets(labels_of(people_at((101.5, 121.5), (113.5, 121.5))), 64, 64)["heat"][0]
    assert heat.shape == (19, 64, 64)
    knee = heat[COCO.index("l_knee")]  # at x 118.5 and 130.5, y 189.5
    assert knee[47, 29] == pytest.approx(np.exp(-((118.5 - 117.5) ** 2) / 72), abs=1e-6)
    assert knee[47, 31] == pytest.approx(np.exp(-((125.5 - 130.5) ** 2) / 72), abs=1e-6)  # not the sum of both
    torch.testing.assert_close(heat[-1], 1 - heat[:-1].amax(0))


def field(joints: np.ndarray, overlap: str = "average", limb_width: float = 1.0, known: Any = None) -> Tensor:
    """The field (2, 64, 64) from the left knee to the left ankle, with cells of 4 pixels."""
    labels = with_neck(labels_of(joints, known), BODY)
    fields = limb_fields(labels, BODY, 64, 64, 4, limb_width, overlap)  # type: ignore[arg-type]
    return fields[0].unflatten(0, (2, -1))[:, LIMB]


def test_a_field_points_along_its_limb_in_the_cells_near_it() -> None:
    joints = people_at((101.3, 121.6))
    joints[0, COCO.index("l_ankle")] = joints[0, COCO.index("l_knee")] + [30, 40]
    found = field(joints)
    near = found.norm(dim=0) > 0
    torch.testing.assert_close(found[:, near], torch.tensor([[0.6], [0.8]]).expand(-1, int(near.sum())))
    y, x = np.mgrid[:64, :64] * 4 + 1.5
    x, y = x - 118.3, y - 189.6
    inside = (np.abs(y * 0.6 - x * 0.8) <= 4) & (x * 0.6 + y * 0.8 >= -4) & (x * 0.6 + y * 0.8 <= 54)
    assert (near.numpy() == inside).all()
    assert (field(joints, limb_width=2).norm(dim=0) > 0).sum() > 1.7 * near.sum()


def test_where_limbs_cross_the_field_is_their_mean_or_the_last_one() -> None:
    joints = people_at((101.5, 121.5), (101.5, 121.5), (101.5, 121.5))
    knee, ankle = COCO.index("l_knee"), COCO.index("l_ankle")
    middle = joints[0, knee] + [0, 20]
    for person, step in enumerate(([0, 20], [20, 0], [0, 20])):
        joints[person, knee], joints[person, ankle] = middle - step, middle + step
    known = np.ones((3, 17), bool)
    known[2, knee] = False  # the third has no such limb
    row, column = int((middle[1] - 1.5) / 4), int((middle[0] - 1.5) / 4)
    assert field(joints, "average", known=known)[:, row, column].tolist() == [0.5, 0.5]
    assert field(joints, "overwrite", known=known)[:, row, column].tolist() == [1, 0]
    assert field(joints[[1, 0]], "overwrite")[:, row, column].tolist() == [0, 1]
    assert field(joints, known=np.zeros((3, 17), bool)).abs().sum() == 0


def test_a_limb_without_length_has_no_field() -> None:
    joints = people_at((101.5, 121.5))
    joints[0, COCO.index("l_ankle")] = joints[0, COCO.index("l_knee")]
    assert field(joints).abs().sum() == 0


def batch(unknown: bool = False) -> Mapping[str, Tensor]:
    """Two pictures of 96 x 96 with one and two people, or regions that teach nothing on their right halves."""
    torch.manual_seed(0)
    joints = torch.from_numpy(people_at((40, 50), (60, 55))).expand(2, -1, -1, -1).clone() * 0.8
    known = torch.ones(2, 2, 17, dtype=torch.bool)
    known[0, 1] = False
    owners = torch.zeros(2, 96, 96, dtype=torch.uint8)
    owners[:, :, 48:] = UNKNOWN if unknown else 0
    frames = torch.randint(0, 256, (2, 1, 1, 3, 96, 96), dtype=torch.uint8)
    return {"frames": frames, "joints": joints, "visibility": known.to(torch.uint8) * 2, "owners": owners}


@pytest.mark.parametrize("features", SMALL)
def test_losses_are_0_at_their_targets_and_have_a_gradient(features: str) -> None:
    model = OpenPose(features=features, **SMALL[features])  # type: ignore[arg-type]
    shown = batch()
    labels = Labels(shown["joints"], shown["visibility"] > 0, shown["owners"])
    cells = 96 // model.stride
    targets = model.targets(labels, cells, cells)
    weight = torch.ones(2, 1, cells, cells)
    assert all(part == 0 for part in model.stack_losses(targets, targets, weight).values())
    parts = model.losses(shown)
    assert set(parts) == {"heat", "limbs"}
    assert all(part > 0 for part in parts.values())
    for part in parts.values():
        model.zero_grad()
        part.backward(retain_graph=True)  # type: ignore[no-untyped-call]
        assert any(one.grad is not None and one.grad.abs().sum() > 0 for one in model.parameters())
    doubled = OpenPose(features=features, limb_weight=2.0, **SMALL[features])  # type: ignore[arg-type]
    wrong = {name: one + 1 for name, one in targets.items()}
    once, twice = (one.stack_losses(wrong, targets, weight) for one in (model, doubled))
    assert twice["limbs"] == 2 * once["limbs"]
    assert twice["heat"] == once["heat"]


def test_cells_of_unknown_people_teach_nothing() -> None:
    model = OpenPose(**SMALL["hourglass"])
    maps = {name: torch.zeros(2, size, 24, 24, requires_grad=True) for name, size in model.channels.items()}
    model.network = torch.nn.Module()
    model.network.stride = 4  # type: ignore[assignment]
    model.network.forward = lambda pictures: [torch.cat(list(maps.values()), dim=1)]  # type: ignore[method-assign]
    sum(model.losses(batch(unknown=True)).values()).backward()  # type: ignore[union-attr, no-untyped-call]
    for one in maps.values():
        assert one.grad is not None
        assert one.grad[..., 12:].abs().sum() == 0
        assert one.grad[..., :12].abs().sum() > 0


@pytest.mark.parametrize("features", SMALL)
def test_a_few_steps_reduce_the_loss(features: str) -> None:
    torch.manual_seed(0)
    model = OpenPose(features=features, **SMALL[features])  # type: ignore[arg-type]
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    shown = batch()
    found = []
    for _ in range(25):
        parts = model.losses(shown)
        loss = torch.stack(list(parts.values())).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        found.append({name: part.item() for name, part in parts.items()})
    assert sum(found[-1].values()) < 0.85 * sum(found[0].values())
    assert all(found[-1][name] < found[0][name] for name in ("heat", "limbs"))
    with torch.inference_mode():
        people = model.eval().find(shown, USUAL)
    assert len(people) == 2
    assert all(one.joints.shape[1:] == (17, 2) for one in people)


def test_the_foreground_counts_more() -> None:
    """An error at a joint or on a limb counts 1 + foreground times; one where nobody is counts once."""
    plain, weighted = (OpenPose(width=8, depth=1, foreground=foreground) for foreground in (0.0, 3.0))
    labels = Labels(
        torch.tensor([[[[20.0, 20.0], [44.0, 20.0]] + [[0.0, 0.0]] * 15]]), torch.zeros(1, 1, 17).bool(), None
    )  # type: ignore[arg-type]
    labels.known[..., 5:7] = True  # both shoulders
    labels.joints[..., 5, :], labels.joints[..., 6, :] = torch.tensor([21.5, 21.5]), torch.tensor([45.5, 21.5])
    targets = plain.targets(labels, 16, 16)
    everywhere = torch.ones(1, 1, 16, 16)

    def losses(model: OpenPose, at: tuple[int, int]) -> dict[str, float]:
        maps = {name: one.clone() for name, one in targets.items()}
        for one in maps.values():
            one[..., at[0], at[1]] += 0.5
        return {name: float(part) for name, part in model.stack_losses(maps, targets, everywhere).items()}

    far = (15, 0)
    assert losses(weighted, far) == pytest.approx(losses(plain, far), rel=1e-3)
    # Of the two shoulders and the neck between them, each has one map that is 1 at its cell.
    heat = targets["heat"][0, :-1, 5, 5].sum()
    num_maps = targets["heat"].shape[1]
    gained = losses(weighted, (5, 5))["heat"] / losses(plain, (5, 5))["heat"]
    assert gained == pytest.approx(float((num_maps + 3 * heat) / num_maps), rel=1e-3)
    on_limb = losses(weighted, (5, 7))["limbs"] / losses(plain, (5, 7))["limbs"]
    length = targets["limbs"].unflatten(1, (2, -1)).norm(dim=1)[0, :, 5, 7].sum()
    assert length > 0.9
    assert on_limb == pytest.approx(float(1 + 3 * 2 * length / targets["limbs"].shape[1]), rel=1e-3)
