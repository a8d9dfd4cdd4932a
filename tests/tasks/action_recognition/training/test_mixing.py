"""Mixup and CutMix of clips, with the random numbers that decide chosen by seed or by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from humotion.tasks.action_recognition.training.mixing import Mixing, paste, random_box

LABELS = torch.tensor([0, 2, 1])
PADDING = torch.tensor([[False, False, False, True], [False, True, True, True], [False, False, True, True]])


def clips(height: int = 12, width: int = 20) -> Tensor:
    """(3, 4, 3, 3, H, W): each clip of a value of its own, 1, 2 and 4."""
    values = torch.tensor([1.0, 2.0, 4.0])
    return values.reshape(3, 1, 1, 1, 1, 1).expand(3, 4, 3, 3, height, width).clone()


def mixed(seed: int, mixup: float, cutmix: float, probability: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(seed)
    return Mixing(mixup, cutmix, probability, 3)(clips(), PADDING, LABELS)


@pytest.mark.parametrize("seed", range(5))
def test_mixup_blends_all_frames_by_the_share_of_the_targets(seed: int) -> None:
    frames, _, targets = mixed(seed, mixup=0.8, cutmix=0)
    share = targets[0, 0].item()
    assert 0 < share < 1
    # Each clip with the one before it in the batch, the last before the first: labels 0 2 1 beside 1 0 2.
    expected = torch.tensor([[share, 1 - share, 0], [1 - share, 0, share], [0, share, 1 - share]])
    assert torch.allclose(targets, expected)
    for clip, (own, other) in enumerate([(1, 4), (2, 1), (4, 2)]):
        assert torch.allclose(frames[clip], torch.tensor(share * own + (1 - share) * other))


@pytest.mark.parametrize("seed", range(20))
def test_cutmix_pastes_one_box_into_all_frames_and_targets_are_its_exact_area(seed: int) -> None:
    frames, _, targets = mixed(seed, mixup=0, cutmix=1.0)
    pasted = frames[0] == 4
    assert ((frames[0] == 1) | pasted).all()
    assert (pasted == pasted[0, 0, 0]).all()  # frames, neighbours and colours alike
    assert torch.equal(frames[1] == 1, pasted)
    assert torch.equal(frames[2] == 2, pasted)
    share = 1 - pasted[0, 0, 0].float().mean().item()
    assert targets[0].tolist() == pytest.approx([share, 1 - share, 0], abs=1e-6)
    rows, columns = pasted[0, 0, 0].any(1).sum(), pasted[0, 0, 0].any(0).sum()
    assert pasted[0, 0, 0].sum() == rows * columns  # a box


def test_a_box_has_the_proportions_of_the_image_and_is_cut_off_at_its_edge() -> None:
    torch.manual_seed(0)
    sizes = set()
    for _ in range(300):
        rows, columns = random_box(0.75, 40, 80)  # half of either side
        assert 0 <= rows.start <= rows.stop <= 40
        assert 0 <= columns.start <= columns.stop <= 80
        sizes.add((rows.stop - rows.start, columns.stop - columns.start))
    assert max(sizes) == (20, 40)
    assert min(size[0] for size in sizes) <= 11  # around a place at the edge


def test_the_ends_of_the_share() -> None:
    frames = clips()
    assert paste(frames, random_box(1.0, 12, 20)) == 1
    assert torch.equal(frames, clips())
    torch.manual_seed(0)
    frames = clips()
    assert paste(frames, (slice(0, 12), slice(0, 20))) == 0
    assert torch.equal(frames, clips().roll(1, 0))


@pytest.mark.parametrize("ways", [(0.8, 0.0), (0.0, 1.0)])
def test_a_mixed_frame_is_padding_only_where_both_are(ways: tuple[float, float]) -> None:
    _, is_padding, _ = mixed(0, *ways)
    assert is_padding.tolist() == [
        [False, False, False, True],  # 3 frames of its own and 2 of the last clip
        [False, False, False, True],  # 1 of its own and 3
        [False, False, True, True],  # 2 of its own and 1
    ]


def test_a_batch_is_mixed_as_often_as_asked_for_and_in_both_ways_alike() -> None:
    torch.manual_seed(0)
    mixing, counts = Mixing(0.8, 1.0, 0.5, 3), {"none": 0, "mixup": 0, "cutmix": 0}
    for _ in range(400):
        frames, _, targets = mixing(clips(), PADDING, LABELS)
        if torch.equal(targets, torch.eye(3)[LABELS]):
            assert torch.equal(frames, clips())
            counts["none"] += 1
        else:
            counts["cutmix" if set(frames.unique().tolist()) <= {1, 2, 4} else "mixup"] += 1
    assert counts["none"] == pytest.approx(200, abs=50)
    assert counts["cutmix"] == pytest.approx(100, abs=40)


def test_what_is_mixed_follows_from_the_seed() -> None:
    one, same, other = (mixed(seed, 0.8, 1.0)[2] for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_padding_and_targets_are_left_alone_where_nothing_is_mixed() -> None:
    frames, is_padding, targets = mixed(0, 0.8, 1.0, probability=0.0)
    assert torch.equal(frames, clips())
    assert torch.equal(is_padding, PADDING)
    assert targets.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
