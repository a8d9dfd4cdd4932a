"""Any number of devices is given the global batches of one."""

from __future__ import annotations

from itertools import chain

import pytest

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
