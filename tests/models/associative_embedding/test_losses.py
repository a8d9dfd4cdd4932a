"""The losses: what they are 0 at, what changes nothing, and that training on them works."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from humotion.models.associative_embedding.associative_embedding import AssociativeEmbedding
from humotion.models.associative_embedding.ideal_maps import ideal_maps
from humotion.models.associative_embedding.losses import joint_cells, tag_losses
from humotion.models.common.people_maps import Labels
from humotion.store.owners import UNKNOWN

JOINTS = ("nose", "l_wrist", "r_wrist")
SIDE = 64


def some_labels(pictures: int = 2, people: int = 3, seed: int = 0) -> Labels:
    """People whose joints lie in cells of their own."""
    random = torch.Generator().manual_seed(seed)
    places = torch.stack([torch.randperm(16, generator=random) for _ in range(pictures * 2)]).reshape(pictures, 2, 16)
    cells = places[..., : people * len(JOINTS)].reshape(pictures, 2, people, len(JOINTS)).permute(0, 2, 3, 1)
    known = torch.ones(pictures, people, len(JOINTS), dtype=torch.bool)
    return Labels(cells * 4.0 + 1.5, known, torch.zeros(pictures, SIDE, SIDE, dtype=torch.uint8))


def by_loops(tags: Tensor, labels: Labels) -> tuple[float, float]:
    """Pull and push, person after person."""
    pulls, pushes = [], []
    for own, joints, known in zip(tags, labels.joints, labels.known, strict=True):
        means, pull = [], []
        for person in range(len(joints)):
            read = [
                own[k, int(joints[person, k, 1] + 0.5) // 4, int(joints[person, k, 0] + 0.5) // 4].item()
                for k in range(len(JOINTS))
                if known[person, k]
            ]
            if read:
                means.append(sum(read) / len(read))
                pull.append(sum((one - means[-1]) ** 2 for one in read) / len(read))
        pulls.append(sum(pull) / max(len(pull), 1))
        pairs = [math.exp(-((a - b) ** 2)) for i, a in enumerate(means) for j, b in enumerate(means) if i != j]
        pushes.append(0.5 * sum(pairs) / max(len(pairs), 1))
    return sum(pulls) / len(pulls), sum(pushes) / len(pushes)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_the_losses_are_those_of_the_formulas(share: float) -> None:
    labels = some_labels()
    known = torch.rand(labels.known.shape, generator=torch.Generator().manual_seed(1)) >= share
    labels = labels._replace(known=known, joints=labels.joints.where(known[..., None], torch.nan))
    tags = torch.randn(2, len(JOINTS), 16, 16, generator=torch.Generator().manual_seed(2))
    pull, push = tag_losses(tags, *joint_cells(labels, 16, 16, 4))
    assert (pull.item(), push.item()) == pytest.approx(by_loops(tags, labels), rel=1e-5)


@pytest.mark.parametrize(("people", "joints"), [(0, 3), (1, 1), (1, 3), (2, 1)])
def test_few_people_with_few_joints_give_numbers(people: int, joints: int) -> None:
    labels = some_labels(people=max(people, 1))
    known = torch.zeros_like(labels.known)
    known[:, :people, :joints] = True
    tags = torch.randn(2, len(JOINTS), 16, 16, requires_grad=True)
    pull, push = tag_losses(tags, *joint_cells(labels._replace(known=known), 16, 16, 4))
    (pull + push).backward()  # type: ignore[no-untyped-call]
    assert tags.grad is not None and torch.isfinite(tags.grad).all()
    assert (pull > 0) == (people > 0 and joints > 1)
    assert (push > 0) == (people > 1)


def test_a_joint_lies_in_the_nearest_cell_or_outside() -> None:
    x = torch.tensor([-0.6, -0.5, 3.4, 3.5, 63.4, 63.6, torch.nan])
    joints = torch.stack([x, torch.full_like(x, 5)], dim=-1)[None, :, None]  # seven people with one joint
    known = torch.ones(1, len(x), 1, dtype=torch.bool)
    cells, inside = joint_cells(Labels(joints, known, torch.zeros(0)), 16, 16, 4)
    assert inside[0, 0].tolist() == [False, True, True, True, True, False, False]
    assert cells[0, 0].tolist() == [0, 16, 16, 17, 31, 0, 0]


def model(**settings: object) -> AssociativeEmbedding:
    torch.manual_seed(0)
    return AssociativeEmbedding(JOINTS, **{"width": 16, "depth": 2, **settings})  # type: ignore[arg-type]


def test_ideal_maps_cost_nothing_but_what_people_push() -> None:
    labels, network = some_labels(), model()
    maps = {name: one.requires_grad_() for name, one in ideal_maps(labels, 16, 16, 4, network.sigma).items()}
    parts = network.stack_losses(maps, network.targets(labels, 16, 16), torch.ones(2, 1, 16, 16))
    assert parts["heat"] == parts["pull"] == 0
    pairs = (4 * math.exp(-4) + 2 * math.exp(-16)) / 6  # the tags of three people are 2 and 4 apart
    assert parts["push"].item() == pytest.approx(1e-3 * pairs / 2, rel=1e-5)
    worse = {name: maps[name].detach() + 0.1 * torch.randn(2, 3, 16, 16) for name in maps}
    others = network.stack_losses(worse, network.targets(labels, 16, 16), torch.ones(2, 1, 16, 16))
    assert others["heat"] > 0 and others["pull"] > 0


def test_weights_multiply_pull_and_push() -> None:
    labels = some_labels()
    maps = {name: torch.randn(2, 3, 16, 16) for name in ("heat", "tags")}
    one, other = (
        network.stack_losses(maps, network.targets(labels, 16, 16), torch.ones(2, 1, 16, 16))
        for network in (model(), model(pull=3e-3, push=5e-4))
    )
    assert other["heat"] == one["heat"]
    assert other["pull"].item() == pytest.approx(3 * one["pull"].item())
    assert other["push"].item() == pytest.approx(one["push"].item() / 2)


def test_cells_of_unknown_people_teach_nothing() -> None:
    labels, network = some_labels(), model()
    weight = (torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(3)) > 0.4).float()
    maps = {name: torch.randn(2, 3, 16, 16, requires_grad=True) for name in ("heat", "tags")}
    parts = network.stack_losses(maps, network.targets(labels, 16, 16), weight)
    torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
    taught = weight.expand(-1, 3, -1, -1) > 0
    for one in maps.values():
        assert one.grad is not None
        assert not one.grad[~taught].any() and one.grad[taught].any()


def batch_of(labels: Labels) -> dict[str, Tensor]:
    """Noise with a bright spot at each joint, as the input ``whole_pictures`` gives it."""
    heat = ideal_maps(labels, SIDE, SIDE, 1, 2.0)["heat"]
    pictures = (30 * torch.rand(len(heat), 3, SIDE, SIDE) + 200 * heat).clamp(0, 255).to(torch.uint8)
    return {
        "frames": pictures[:, None, None],
        "joints": labels.joints,
        "visibility": labels.known.long(),
        "owners": labels.owners,
    }


@pytest.mark.parametrize("network", ["hourglass", "official"])
def test_a_few_steps_reduce_every_loss(network: str) -> None:
    trained = model(network=network, stacks=2, pull=0.1, push=0.1)
    batch = batch_of(some_labels(pictures=4))
    optimizer = torch.optim.Adam(trained.parameters(), lr=3e-3)
    seen = []
    for _ in range(60):
        parts = trained.losses(batch)
        seen.append({name: part.item() for name, part in parts.items()})
        optimizer.zero_grad()
        torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    first, last = (sum(parts.values()) for parts in (seen[0], seen[-1]))
    assert last < 0.8 * first
    assert seen[-1]["heat"] < seen[0]["heat"]
    assert max(seen[-1]["pull"], seen[-1]["push"]) < max(seen[0]["pull"], seen[0]["push"])


def test_a_picture_of_unknown_people_alone_teaches_nothing() -> None:
    network, batch = model(), batch_of(some_labels())
    batch["owners"] = torch.full_like(batch["owners"], UNKNOWN)
    parts = network.losses(batch)
    assert all(part == 0 for part in parts.values())
