"""What PersonLab's heads should say of pictures whose people are known.

    around each joint lies a disc     heat     1 in it
                                      short    from each cell in it to the joint
                                      mid      from each cell in it to the neighbours of the joint in the tree
    in the mask of a person           mask     1
                                      long     from each cell to each joint of the person

Where discs of one joint overlap, the nearest person has the cell. Where masks overlap, no one has. An offset to a joint
without label teaches nothing: some code leaves out this rule, and so trains offsets that lead to the corner.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from humotion.models.common.people_maps import Labels, Maps, of_cells
from humotion.models.person_lab.cells import Grid
from humotion.models.person_lab.tree import Edges
from humotion.store.owners import NOBODY, SEVERAL, UNKNOWN


class _Discs(NamedTuple):
    """Whose disc each cell is in, (B, J, h, w): the number of the nearest person, and whether it is near enough."""

    owner: Tensor
    inside: Tensor


def encode(labels: Labels, height: int, width: int, grid: Grid, radius: float, edges: Edges) -> Maps:
    """Return the maps that say where the people are; offsets are y, x in pixels.

    Args:
        labels: the people.
        height: cells.
        width: cells.
        grid: where the cells lie.
        radius: of the discs in pixels.
        edges: the tree.

    Returns:
        ``heat`` (B, J, h, w) and ``mask`` (B, 1, h, w) with 0 and 1; ``short`` and ``long`` (B, 2, J, h, w),
        ``forward`` and ``backward`` (B, 2, E, h, w), which are 0 where they are not known; ``has_short`` and so on
        (B, J or E, h, w), whether they are; and ``has_mask`` (B, 1, 1, 1), whether anybody's mask is known.
    """
    rows, columns = (grid.middles(cells, labels.joints.device) for cells in (height, width))
    discs = _discs(labels, rows, columns, radius)
    every = torch.arange(labels.known.shape[2], device=rows.device)
    parents, children = torch.tensor(edges, device=rows.device).reshape(-1, 2).T.unbind()
    ways = {"short": (every, every), "forward": (parents, children), "backward": (children, parents)}
    found = {"heat": discs.inside.float()}
    for name, (start, end) in ways.items():
        offsets, known = _to(labels, discs.owner[:, start], end, rows, columns)
        found |= _parts(name, offsets, known & discs.inside[:, start])
    cells = of_cells(labels.owners, height, width)
    of_one = (cells != NOBODY) & (cells != SEVERAL) & (cells != UNKNOWN)
    owner = torch.where(of_one, cells.long() - 1, 0)[:, None].expand(-1, len(every), -1, -1)
    offsets, known = _to(labels, owner, every, rows, columns)
    anybody = of_one.flatten(1).any(dim=1) | ~labels.known.flatten(1).any(dim=1)
    found |= _parts("long", offsets, known & of_one[:, None])
    mask = (of_one | (cells == SEVERAL)).float()[:, None]
    return found | {"mask": mask, "has_mask": anybody.float()[:, None, None, None]}


def _parts(name: str, offsets: Tensor, known: Tensor) -> Maps:
    return {name: torch.where(known[:, None], offsets, 0.0), f"has_{name}": known.float()}


def _discs(labels: Labels, rows: Tensor, columns: Tensor, radius: float) -> _Discs:
    """One person after the other: all together would need as many times the memory."""
    x, y = (labels.joints[..., axis] for axis in (0, 1))
    across = torch.where(labels.known[..., None], (columns - x[..., None]) ** 2, torch.inf)  # (B, P, J, w)
    along = (rows - y[..., None]) ** 2  # (B, P, J, h)
    nearest = torch.full((*x.shape[::2], len(rows), len(columns)), torch.inf, device=x.device)
    owner = torch.zeros_like(nearest, dtype=torch.long)
    taken = labels.known.any(dim=2).any(dim=0)  # a batch has places for many more people than most pictures show
    for person in taken.nonzero().flatten().tolist():
        away = along[:, person, :, :, None] + across[:, person, :, None]
        nearer = away < nearest
        owner.masked_fill_(nearer, person)
        nearest = torch.minimum(nearest, away)
    return _Discs(owner, nearest <= radius**2)


def _to(labels: Labels, owner: Tensor, joint: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """From each cell to joint ``joint[k]`` of person ``owner`` (B, K, h, w): (B, 2, K, h, w), and if it is known."""
    batch = torch.arange(len(owner), device=owner.device)[:, None, None, None]
    which = joint[:, None, None]
    x, y = labels.joints[batch, owner, which].unbind(-1)
    return torch.stack([y - rows[:, None], x - columns], dim=1), labels.known[batch, owner, which]
