"""What the heads are taught, cell by cell, against rules that are written out in loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from humotion.models.common.people_maps import Labels, Maps
from humotion.models.person_lab.cells import Grid, centred
from humotion.models.person_lab.targets import encode
from humotion.models.person_lab.tree import EDGES, tree_of
from humotion.store.owners import NOBODY, SEVERAL, UNKNOWN

NAMES = ("nose", "l_shoulder", "r_shoulder", "l_elbow")
TREE = tree_of(NAMES)
RADIUS, SIDE = 9.0, 48


def crowd(seed: int) -> Labels:
    """Two pictures with up to four people in each other's way, some of their joints without labels."""
    random = np.random.default_rng(seed)
    joints = random.uniform(-5, SIDE + 5, (2, 4, len(NAMES), 2)).astype(np.float32)
    known = random.uniform(size=(2, 4, len(NAMES))) < 0.7
    known[1, 3] = False
    joints[~known] = 0
    values = np.array([NOBODY, 1, 2, 3, 4, SEVERAL, UNKNOWN], np.uint8)
    owners = values[random.integers(0, len(values), (2, 12, 12))].repeat(4, 1).repeat(4, 2)
    return Labels(*(torch.from_numpy(one) for one in (joints, known, owners)))


def expected(labels: Labels, grid: Grid) -> dict[str, np.ndarray]:
    joints, known, owners = (one.numpy() for one in labels)
    cells = SIDE // grid.stride
    found: dict[str, np.ndarray] = {"heat": np.zeros((2, 4, cells, cells)), "mask": np.zeros((2, 1, cells, cells))}
    for name, number in (("short", 4), ("forward", 3), ("backward", 3), ("long", 4)):
        found[name] = np.zeros((2, 2, number, cells, cells))
        found[f"has_{name}"] = np.zeros((2, number, cells, cells))

    def put(name: str, b: int, k: int, i: int, j: int, end: tuple[int, int], cell: np.ndarray) -> None:
        if known[(b, *end)]:
            found[name][b, :, k, i, j] = (joints[(b, *end)] - cell)[::-1]
            found[f"has_{name}"][b, k, i, j] = 1

    for b, i, j in np.ndindex(2, cells, cells):
        cell = np.array([j, i]) * grid.stride + grid.first
        owner = owners[b, i * 4 + 2, j * 4 + 2]
        found["mask"][b, 0, i, j] = owner not in (NOBODY, UNKNOWN)
        for k in range(4):
            if owner not in (NOBODY, SEVERAL, UNKNOWN):
                put("long", b, k, i, j, (owner - 1, k), cell)
            away = np.where(known[b, :, k], np.linalg.norm(joints[b, :, k] - cell, axis=-1), np.inf)
            person = int(away.argmin())
            ends = [("short", k, k)] + [("forward", e, c) for e, (p, c) in enumerate(TREE) if p == k]
            ends += [("backward", e, p) for e, (p, c) in enumerate(TREE) if c == k]
            for name, layer, end in ends if away.min() <= RADIUS else []:
                found["heat"][b, k, i, j] = 1
                put(name, b, layer, i, j, (person, end), cell)
    return found


@pytest.mark.parametrize("grid", [centred(4), Grid(4, 0.0)], ids=["middles", "corners"])
@pytest.mark.parametrize("seed", range(3))
def test_every_cell(seed: int, grid: Grid) -> None:
    labels = crowd(seed)
    maps = encode(labels, SIDE // 4, SIDE // 4, grid, RADIUS, TREE)
    for name, values in expected(labels, grid).items():
        np.testing.assert_allclose(maps[name].numpy(), values, atol=1e-4, err_msg=name)
    for name in ("short", "forward", "backward", "long"):
        assert maps[f"has_{name}"].sum() > 10


def maps_of(joints: torch.Tensor, known: torch.Tensor, owners: torch.Tensor) -> Maps:
    return encode(Labels(joints, known, owners), 12, 12, centred(4), RADIUS, EDGES)


def test_a_picture_of_people_without_masks_says_nothing_about_masks() -> None:
    """Not every dataset has masks; a picture of nobody has one, which is empty."""
    known = torch.tensor([True, False, True])[:, None, None].expand(-1, 1, 17)
    owners = torch.zeros(3, SIDE, SIDE, dtype=torch.uint8)
    owners[2, :4, :4] = 1
    maps = maps_of(torch.rand(3, 1, 17, 2) * SIDE, known, owners)
    assert maps["has_mask"].flatten().tolist() == [0, 1, 1]


def test_no_places_for_people() -> None:
    maps = maps_of(torch.zeros(1, 1, 17, 2), torch.zeros(1, 1, 17, dtype=torch.bool), torch.zeros(1, 8, 8).byte())
    assert all(not maps[name].any() for name in maps if name != "has_mask")
