"""What the three streams of HP-Net see."""

from __future__ import annotations

import pytest
import torch

from humotion.errors import HumotionError
from humotion.models.hp_net.official import BODY_BONES, BODY_PARENTS, COCO_PARENTS, EARS, MODELS
from humotion.models.hp_net.streams import Streams
from tests.models.hp_net.clips import CHANNELS, EDGES, FRAMES, JOINTS, PARENTS, clips


def streams(frames: int = FRAMES, **sizes: int) -> Streams:
    return Streams(JOINTS, CHANNELS, EDGES, PARENTS, width=8, frames=frames, **sizes)


def test_each_stream_sees_its_own_differences() -> None:
    features, *_ = clips(2)
    known = torch.ones(2, FRAMES, JOINTS, dtype=torch.bool)
    views = streams().views(features, known, torch.zeros(2, FRAMES, dtype=torch.bool))  # as many frames as the clip has
    torch.testing.assert_close(views["pooled"][:, 0], features)
    torch.testing.assert_close(views["motion"][:, 0, :-1], features[:, 1:] - features[:, :-1])
    assert not views["motion"][:, 0, -1].any()
    for joint, parent in enumerate(PARENTS):
        torch.testing.assert_close(views["bone"][:, 0, :, joint], features[:, :, joint] - features[:, :, parent])
    assert not views["bone"][:, :, :, 1].any()  # the root
    assert not torch.allclose(views["pooled"], views["motion"], atol=0.1)  # as in the published code


def test_nothing_moves_in_a_still_clip() -> None:
    features, _, _, known, is_padding = clips(2)
    still = features[:, 4:5].expand_as(features)
    views = streams(frames=16).views(still, torch.ones_like(known), is_padding)
    assert not views["motion"].any()
    assert views["bone"][:, :, :, 0].any()


def test_a_difference_from_something_unknown_is_zero() -> None:
    features, _, _, known, is_padding = clips(1)
    known[:] = True
    known[0, :, 4] = False  # the parent of joint 5
    views = streams().views(features, known, is_padding * False)
    assert not views["pooled"][..., 4, :].any()
    assert not views["motion"][..., 4, :].any()
    assert not views["bone"][..., 4:, :].any()
    assert views["pooled"][..., 5, :].any()
    known[0, :, 4] = True
    known[0, 3, 0] = False
    motion = streams().views(features, known, is_padding * False)["motion"][0, 0]
    assert not motion[2:4, 0].any()
    torch.testing.assert_close(motion[4, 0], features[0, 5, 0] - features[0, 4, 0])


def test_every_stream_has_weights_of_its_own() -> None:
    torch.manual_seed(0)
    features, _, _, known, is_padding = clips(3)
    pooled, motion, bone = streams().eval()(features, known, is_padding)
    assert pooled.shape == motion.shape == bone.shape == (3, 32)
    assert not torch.allclose(pooled, motion)
    assert not torch.allclose(pooled, bone)


def test_two_persons_are_the_mean_of_both() -> None:
    torch.manual_seed(0)
    features, _, _, known, is_padding = clips(2)
    both = streams(persons=2).eval()
    alone = streams().eval()
    alone.load_state_dict(
        {
            key: value if value.shape == alone.state_dict()[key].shape else value[: len(value) // 2]  # input norm
            for key, value in both.state_dict().items()
        }
    )
    other = features.flip(0)
    together = both(torch.stack([features, other], 1), torch.stack([known, known], 1), is_padding)
    each = [alone(values, known, is_padding) for values in (features, other)]
    for found, one, two in zip(together, *each, strict=True):
        torch.testing.assert_close(found, (one + two) / 2)


def test_the_published_size_of_a_stream() -> None:
    coco = MODELS["hp_net"].official["reference, COCO joints, 96 values, vectors of 512"]
    published = Streams(17, 96, coco["edges"], coco["parents"], width=64, frames=64, persons=2)
    for network in published.networks.values():
        assert sum(parameter.numel() for parameter in network.parameters()) == 1_458_768


def test_the_graph_of_the_reference_has_no_ears() -> None:
    official = MODELS["hp_net"].official["reference, COCO joints, 96 values, vectors of 512"]
    assert not set(official["edges"]) & set(EARS)
    assert {(3, 1), (4, 2)} == {(joint, COCO_PARENTS[joint]) for joint in (3, 4)}  # but their bones
    connected = {joint for bone in BODY_BONES for joint in bone}
    assert connected == set(range(13))
    bones = {frozenset(bone) for bone in BODY_BONES}
    assert all(frozenset((joint, parent)) in bones for joint, parent in enumerate(BODY_PARENTS) if joint != parent)


@pytest.mark.parametrize("parents", [(0, 0), (0, 0, 0, 0, 0, 6), (0, 0, 0, 0, 0, -1)])
def test_parents_that_do_not_fit_are_refused(parents: tuple[int, ...]) -> None:
    with pytest.raises(HumotionError, match=r"parents of 6 joints cannot be \["):
        Streams(JOINTS, CHANNELS, EDGES, parents, width=8, frames=16)
