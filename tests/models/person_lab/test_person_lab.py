"""PersonLab: true people come out of true maps with their masks, and the losses teach what they should."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from humotion.datasets import coco, mpii, posetrack18
from humotion.models.common.people_maps import Found, Maps, of_cells
from humotion.models.person_lab.losses import KINDS
from humotion.models.person_lab.person_lab import PersonLab
from humotion.params.models.person_lab import PersonLabDecodingParams, PersonLabParams
from humotion.store.owners import SEVERAL, UNKNOWN
from tests.models.person_lab.people import (
    Bools,
    Floats,
    Owners,
    drawn,
    fields_of,
    in_order,
    labels_of,
    learned,
    people_at,
)

SIDE = 256
USUAL = PersonLabDecodingParams()
BY_HEAT = PersonLabDecodingParams(start="heat")
NAMES = {one.name: one.joints for one in (*coco.SKELETONS, mpii.SKELETON, posetrack18.SKELETON)}


def small(joint_set: str = "coco", **changes: object) -> PersonLab:
    sizes: dict[str, object] = {"width": 8, "stacks": 1, "depth": 2, "radius": 10.0}
    return PersonLab(NAMES[joint_set], **{**sizes, **changes})  # type: ignore[arg-type]


def found_in(
    joints: Floats,
    owners: Owners,
    known: Bools | None = None,
    decoding: PersonLabDecodingParams = USUAL,
    joint_set: str = "coco",
) -> Found:
    model = small(joint_set)
    return model.decode(fields_of(model, labels_of(joints, owners, known)), decoding)


def overlaps(found: Found, owners: Owners, order: np.ndarray) -> list[float]:
    """The IoU of each true mask, in cells, with that of the found person."""
    height, width = (side // 4 for side in owners.shape)
    cells = of_cells(torch.from_numpy(owners)[None], height, width)[0].numpy()
    assert found.masks is not None
    return [
        float((found.masks[place] & (cells == number)).sum() / (found.masks[place] | (cells == number)).sum())
        for number, place in enumerate(order, start=1)
    ]


@pytest.mark.parametrize("decoding", [USUAL, BY_HEAT], ids=["votes", "heat"])
@pytest.mark.parametrize("joint_set", NAMES)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_people_come_back_with_their_masks(count: int, joint_set: str, decoding: PersonLabDecodingParams) -> None:
    places = [(50 + 75 * number, 110 + 20 * number) for number in range(count)]
    truth = people_at(*places, names=NAMES[joint_set])
    owners = drawn(truth, (SIDE, SIDE))
    found = found_in(truth, owners, decoding=decoding, joint_set=joint_set)
    assert found.joints.shape == truth.shape
    assert found.masks is not None and found.masks.shape == (count, SIDE // 4, SIDE // 4)
    if count:
        order = in_order(found.joints, truth)
        np.testing.assert_allclose(found.joints[order], truth, atol=1e-3)
        np.testing.assert_allclose(found.scores, 1, atol=1e-6)
        assert overlaps(found, owners, order) == [1.0] * count


def test_people_in_each_others_way_share_no_cell_of_a_mask() -> None:
    truth = people_at((100, 120), (125, 126))
    owners = drawn(truth, (SIDE, SIDE))
    assert (owners == SEVERAL).any()
    found = found_in(truth, owners)
    np.testing.assert_allclose(found.joints[in_order(found.joints, truth)], truth, atol=1e-3)
    assert found.masks is not None and found.masks.sum(axis=0).max() == 1


def test_a_head_outside_divides_nobody() -> None:
    """Without its nose, a person's halves are joined by the long offsets alone."""
    truth = people_at((128, 30))
    inside = (truth >= 0).all(axis=-1)
    assert not inside[0, 0]
    owners = drawn(truth, (SIDE, SIDE))
    found = found_in(truth, owners, inside)
    assert len(found.scores) == 1
    np.testing.assert_allclose(found.joints[0][inside[0]], truth[0][inside[0]], atol=1e-3)
    assert overlaps(found, owners, np.array([0])) == [1.0]
    as_published = found_in(truth, owners, inside, PersonLabDecodingParams(bridges=False))
    assert len(as_published.scores) > 1


def test_who_is_hidden_gets_no_joints_of_whom_is_in_front() -> None:
    """The cell of a hidden shoulder is of the other person, so its long offsets lead to that one: no bridge."""
    truth = people_at((100, 120), (130, 120))
    known = np.ones((2, 17), bool)
    known[0, :5] = False  # a body without a head, behind the other
    owners = np.full((SIDE, SIDE), 0, np.uint8)
    owners[drawn(truth[:1], (SIDE, SIDE)) > 0] = 1
    owners[40:210, 88:180] = 2
    found = found_in(truth, owners, known)
    behind = found.joints[in_order(found.joints, truth)[0]]
    for joint in np.flatnonzero(found.joint_scores[in_order(found.joints, truth)[0]] > 0.3):
        assert np.linalg.norm(behind[joint] - truth[0, joint]) < 1


def test_unknown_joints_and_people() -> None:
    truth = people_at((60, 120), (180, 120))
    known = np.ones((2, 17), bool)
    known[0, [9, 16]] = False
    known[1] = False
    owners = drawn(truth, (SIDE, SIDE))
    owners[owners == 2] = UNKNOWN
    found = found_in(truth, owners, known)
    assert len(found.scores) == 1
    np.testing.assert_allclose(found.joints[0][known[0]], truth[0][known[0]], atol=1e-3)
    assert found.scores[0] == pytest.approx(15 / 17)


def test_sixty_people_and_the_limit() -> None:
    truth = people_at(*((25 + 50 * (number % 10), 45 + 82 * (number // 10)) for number in range(60)), size=0.5)
    owners = drawn(truth, (512, 512))
    found = found_in(truth, owners, decoding=PersonLabDecodingParams(most=60))
    order = in_order(found.joints, truth)
    assert sorted(order) == list(range(60))
    np.testing.assert_allclose(found.joints[order], truth, atol=1e-3)
    assert found_in(truth, owners).joints.shape == (30, 17, 2)


def test_noise_moves_joints_and_masks_little() -> None:
    truth = people_at((70, 120), (170, 130))
    owners = drawn(truth, (SIDE, SIDE))
    model, random = small(), np.random.default_rng(2)
    fields = dict(fields_of(model, labels_of(truth, owners)))
    for name in ("short", "forward", "backward", "long"):
        fields[name] = fields[name] + random.normal(0, 1.5, fields[name].shape).astype(np.float32)
    for name in ("heat", "mask"):
        fields[name] = (0.8 * fields[name] + random.uniform(0, 0.2, fields[name].shape)).astype(np.float32)
    for decoding in (USUAL, BY_HEAT):
        found = model.decode(fields, decoding)
        order = in_order(found.joints, truth)
        assert len(set(order)) == 2
        assert np.linalg.norm(found.joints[order] - truth, axis=-1).mean() < 3
        assert min(overlaps(found, owners, order)) > 0.95
        assert found.scores[2:].max(initial=0) < 0.2


def test_refinement_takes_back_what_far_offsets_miss() -> None:
    truth = people_at((120, 130))
    owners, model = drawn(truth, (SIDE, SIDE)), small()
    fields = dict(fields_of(model, labels_of(truth, owners)))
    for name in ("forward", "backward", "long"):
        fields[name] = fields[name] * 1.1
    errors = [
        np.abs(model.decode(fields, PersonLabDecodingParams(refinements=times)).joints[0] - truth[0]).max()
        for times in (0, 1)
    ]
    assert errors[0] > 3
    assert errors[1] < 1e-3


def batch_of(model: PersonLab, seed: int = 0) -> dict[str, torch.Tensor]:
    """Two pictures that show people as what they are: filled ellipses with bright joints."""
    random = np.random.default_rng(seed)
    frames, joints, owners = [], [], []
    for _ in range(2):
        truth = people_at(*random.uniform([15, 35], [80, 60], (2, 2)), size=0.4)
        own = drawn(truth, (96, 96))
        picture = np.full((3, 96, 96), 40, np.uint8)
        picture[0, own > 0] = 160
        for number, (x, y) in enumerate(truth.reshape(-1, 2).round().astype(int).clip(0, 95)):
            picture[1, y, x], picture[2, y, x] = 255, 14 * (number % 17)
        frames.append(picture)
        joints.append(truth)
        owners.append(own)
    visible = torch.ones(2, 2, 17)
    return {
        "frames": torch.from_numpy(np.stack(frames))[:, None, None],
        "joints": torch.from_numpy(np.stack(joints)),
        "visibility": visible,
        "owners": torch.from_numpy(np.stack(owners)),
    }


def test_losses_are_nothing_at_their_targets_and_have_gradients_elsewhere() -> None:
    torch.manual_seed(0)
    model = small()
    batch = batch_of(model)
    labels = labels_of(batch["joints"][0].numpy(), batch["owners"][0].numpy())
    targets = model.targets(labels, 24, 24)
    weight = torch.ones(1, 1, 24, 24)
    perfect = model.stack_losses(learned(model, targets), targets, weight)
    assert set(perfect) == {"heat", "mask", *KINDS}
    assert all(part < 1e-5 for part in perfect.values())
    maps = {name: one + torch.randn_like(one) for name, one in learned(model, targets).items()}
    for name, part in model.stack_losses(_leaves(maps), targets, weight).items():
        assert part > perfect[name]
    for name in maps:
        moved = _leaves(maps)
        sum(model.stack_losses(moved, targets, weight).values()).backward()  # type: ignore[union-attr]
        gradient = moved[name].grad
        assert gradient is not None and gradient.abs().sum() > 0
        if name in ("short", "forward", "backward", "long"):
            unknown = (targets[f"has_{name}"] == 0).repeat(1, 2, 1, 1)
            assert not gradient[unknown].any()


def _leaves(maps: Maps) -> Maps:
    return {name: one.clone().requires_grad_() for name, one in maps.items()}


def test_cells_that_teach_nothing() -> None:
    """Whatever the network says in a crowd, and of unlabelled joints, the loss is the same."""
    torch.manual_seed(0)
    model = small()
    batch = batch_of(model)
    owners = batch["owners"][0].numpy().copy()
    owners[:, :48] = UNKNOWN
    labels = labels_of(batch["joints"][0].numpy(), owners)
    targets = model.targets(labels, 24, 24)
    weight = torch.ones(1, 1, 24, 24)
    weight[..., :12] = 0
    maps = {name: torch.randn_like(one) for name, one in learned(model, targets).items()}
    other = {name: torch.cat([one[..., :12] + 5, one[..., 12:]], dim=-1) for name, one in maps.items()}
    torch.testing.assert_close(*(model.stack_losses(one, targets, weight) for one in (maps, other)))
    nothing = model.stack_losses(maps, targets, torch.zeros_like(weight))
    assert all(part == 0 for part in nothing.values())


def test_weights_multiply_the_parts() -> None:
    torch.manual_seed(0)
    batch = batch_of(small())
    model, doubled = small(), small(loss_weights={"heat": 8.0, "mask": 0.0, "short": 1.0, "mid": 0.5, "long": 0.25})
    doubled.load_state_dict(model.state_dict())
    parts, others = (
        {name: float(part.detach()) for name, part in one.losses(batch).items()} for one in (model, doubled)
    )
    factors = {"heat": 2, "mask": 0, "short": 1, "mid": 2, "long": 2}
    assert others == pytest.approx({name: factors[name] * part for name, part in parts.items()})


def test_a_few_steps_reduce_every_part() -> None:
    torch.manual_seed(0)
    model = small(width=32, stacks=2)
    batch = batch_of(model)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    first = {name: float(part.detach()) for name, part in model.losses(batch).items()}
    for _ in range(40):
        optimizer.zero_grad()
        loss = torch.stack([*model.losses(batch).values()]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    last = {name: float(part.detach()) for name, part in model.losses(batch).items()}
    assert all(last[name] < 0.8 * first[name] for name in first), (first, last)
    with torch.inference_mode():
        found = model.eval().find(batch, USUAL)
    assert len(found) == 2 and all(one.masks is not None for one in found)


def test_the_section_builds_the_model_and_its_decoding() -> None:
    section = PersonLabParams(family="person_lab", name="person_lab", width=16)
    sizes = section.model_dump(exclude={"family", "name", "weights"})
    model = PersonLab(NAMES["crowdpose"], **sizes)
    assert model.radius == 10
    assert model.channels == {"heat": 14, "short": 28, "forward": 26, "backward": 26, "long": 28, "mask": 1}
    assert section.decodes is PersonLabDecodingParams
    with torch.inference_mode():
        frames = torch.zeros(1, 1, 1, 3, 64, 96, dtype=torch.uint8)
        (found,) = model.eval().find({"frames": frames}, section.decodes())
    assert found.masks is not None and found.masks.shape[1:] == (16, 24)


def test_fifteen_people_take_milliseconds() -> None:
    truth = people_at(*((30 + 50 * (number % 5), 45 + 85 * (number // 5)) for number in range(15)), size=0.5)
    model = small()
    fields = fields_of(model, labels_of(truth, drawn(truth, (SIDE, SIDE))))
    took = []
    for _ in range(15):
        start = time.process_time()
        assert len(model.decode(fields, USUAL).scores) == 15
        took.append(time.process_time() - start)
    assert np.median(took) < 0.05  # about 6 ms on an idle core
