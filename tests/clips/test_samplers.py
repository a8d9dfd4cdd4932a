"""Any number of devices is given the global batches of one."""

from __future__ import annotations

from itertools import chain

import pytest
from torch import nn

from humotion.clips.datamodule import has_batch_norm
from humotion.clips.samplers import EpochSampler, InTurn


def batches(num_clips: int, num_devices: int, rank: int, batch_size: int, epoch: int) -> list[list[int]]:
    sampler = EpochSampler(range(num_clips), num_devices, rank, batch_size, seed=3)  # type: ignore[arg-type]
    sampler.set_epoch(epoch)
    drawn = list(sampler)
    assert len(drawn) == len(sampler)
    assert {found for found, _ in drawn} == {epoch}
    size = batch_size // num_devices
    return [[index for _, index in drawn[start : start + size]] for start in range(0, len(drawn), size)]


@pytest.mark.parametrize("num_clips", range(1, 27))
@pytest.mark.parametrize(("num_devices", "batch_size"), [(2, 2), (2, 6), (3, 6), (4, 8)])
def test_global_batches_are_those_of_one_device(num_clips: int, num_devices: int, batch_size: int) -> None:
    for epoch in (0, 1):
        alone = batches(num_clips, 1, 0, batch_size, epoch)
        shared = [batches(num_clips, num_devices, rank, batch_size, epoch) for rank in range(num_devices)]
        samplers = [
            EpochSampler(range(num_clips), num_devices, rank, batch_size, seed=3)  # type: ignore[arg-type]
            for rank in range(num_devices)
        ]
        assert {len(steps) for steps in shared} == {len(alone)}  # the same steps everywhere
        for step, expected in enumerate(alone):
            counting = []
            for sampler, steps in zip(samplers, shared, strict=True):
                mine, together = sampler.counts(step)
                assert together == len(expected)
                assert steps[step]  # no device is without a batch
                assert len(steps[step]) == max(1, mine)
                counting += steps[step][:mine]
            assert sorted(counting) == sorted(expected)


def test_an_epoch_holds_every_clip_once_in_an_order_of_its_own() -> None:
    first, second = (list(chain(*batches(11, 1, 0, 4, epoch))) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(11))
    assert first != second


@pytest.mark.parametrize("num_clips", range(2, 8))
def test_in_turn_deals_out_each_clip_once(num_clips: int) -> None:
    hands = [list(InTurn(range(num_clips), 2, rank)) for rank in range(2)]  # type: ignore[arg-type]
    assert sorted(hands[0] + hands[1]) == list(range(num_clips))
    assert hands[0] == list(range(0, num_clips, 2))
    assert [len(InTurn(range(num_clips), 2, rank)) for rank in range(2)] == [len(hand) for hand in hands]  # type: ignore[arg-type]


def test_a_last_batch_that_is_too_small_is_left_out_in_turn() -> None:
    def drawn(num_clips: int, epoch: int, smallest: int) -> list[int]:
        sampler = EpochSampler(range(num_clips), 1, 0, 4, seed=3, smallest_batch=smallest)  # type: ignore[arg-type]
        sampler.set_epoch(epoch)
        assert sampler.counts(0) == (min(4, num_clips), min(4, num_clips))
        assert len(list(sampler)) == len(sampler)
        return [index for _, index in sampler]

    assert len(drawn(9, 0, smallest=1)) == 9
    assert len(drawn(9, 0, smallest=2)) == len(set(drawn(9, 0, smallest=2))) == 8
    assert {index for epoch in range(20) for index in drawn(9, epoch, smallest=2)} == set(range(9))
    assert len(drawn(10, 0, smallest=2)) == 10
    assert len(drawn(8, 0, smallest=2)) == 8
    assert len(drawn(1, 0, smallest=2)) == 1  # the only batch
    for num_devices in (1, 2):
        shared = [
            EpochSampler(range(9), num_devices, rank, 4, seed=3, smallest_batch=2)  # type: ignore[arg-type]
            for rank in range(num_devices)
        ]
        assert sorted(index for one in shared for _, index in one) == sorted(drawn(9, 0, smallest=2))


def test_models_with_batch_norm_are_known() -> None:
    assert has_batch_norm(nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.BatchNorm1d(2))))
    assert not has_batch_norm(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)))
