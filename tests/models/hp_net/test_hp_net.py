"""HP-Net: what may change nothing, what must change with it, its controls and its published sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from humotion.errors import HumotionError
from humotion.models.common.build import build_model
from humotion.models.hp_net.class_names import DIM, vectors_of, write_vectors
from humotion.models.hp_net.hp_net import HPNet
from humotion.models.hp_net.official import MODELS
from tests.models.hp_net.clips import CLASSES, PARENTS, SIZES, Clips, clips, small

OPTIONS: dict[str, dict[str, Any]] = {
    "names": {},
    "reference": {"setting": "reference"},
    "random": {"text": "random"},
    "learned": {"text": "learned"},
    "no text": {"text": "none"},
    "landmarks": {"at_joints": "landmarks"},
    "both": {"at_joints": "both"},
    "other length": {"dim": 20},
    "narrow": {"joint_dim": 5},
}
everyone = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def without_values(batch: Clips) -> Clips:
    """The same clips with NaN where a joint is not known, or where a frame is padding."""
    features, frame, landmarks, known, is_padding = batch
    shown = known & ~is_padding[..., None]
    features, landmarks = (values.where(shown[..., None], torch.nan) for values in (features, landmarks))
    assert features.isnan().any()
    return features, frame, landmarks, known, is_padding


@everyone
def test_what_is_not_known_and_padding_change_nothing(options: dict[str, Any]) -> None:
    model, batch = small(**options), clips(3)
    features, frame, landmarks, known, is_padding = batch
    with torch.no_grad():
        expected = model(*batch)
        assert expected.shape == (3, len(CLASSES))
        assert expected.isfinite().all()
        torch.testing.assert_close(model(*without_values(batch)), expected)
        moved = frame.masked_scatter(is_padding[..., None], torch.randn_like(frame))
        torch.testing.assert_close(model(features, moved, landmarks, known, is_padding), expected)
        assert not torch.allclose(model(features, frame, landmarks, torch.ones_like(known), is_padding), expected)
        assert not torch.allclose(model(features, frame + 1, landmarks, known, is_padding), expected, atol=1e-3)


@everyone
def test_joints_that_are_not_known_get_no_gradient(options: dict[str, Any]) -> None:
    model = small(**options).train()
    features, frame, landmarks, known, is_padding = clips(3)
    seen = (features if model.at_joints != "landmarks" else landmarks).requires_grad_()
    sum(
        each.square().mean() for each in model.training_logits(features, frame, landmarks, known, is_padding)
    ).backward()  # type: ignore[union-attr]
    shown = known & ~is_padding[..., None]
    assert seen.grad is not None
    assert not seen.grad[~shown].any()
    assert seen.grad[shown].any(1).float().mean() > 0.9


@everyone
def test_the_answer_for_a_clip_does_not_depend_on_the_others(options: dict[str, Any]) -> None:
    model, batch = small(**options), clips(5)
    with torch.no_grad():
        together = model(*batch)
        for index in range(5):
            alone = model(*(part[index : index + 1] for part in batch))
            torch.testing.assert_close(alone[0], together[index], rtol=1e-4, atol=1e-4)


def test_validation_leaves_the_running_statistics_as_they_are() -> None:
    model = small(setting="reference")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        model(*clips(4, seed=9))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@everyone
def test_a_clip_in_which_nobody_was_found_gets_an_answer_from_its_picture(options: dict[str, Any]) -> None:
    model = small(**options)
    features, frame, landmarks, known, is_padding = clips(2)
    nobody = torch.zeros_like(known)
    with torch.no_grad():
        logits = model(features, frame, landmarks, nobody, is_padding)
        assert logits.isfinite().all()
        assert not torch.allclose(logits[0], logits[1], atol=1e-2)
        same_picture = frame[:1].expand_as(frame)
        alike = model(features, same_picture, landmarks, nobody, is_padding & False)
        torch.testing.assert_close(alike[0], alike[1])


@pytest.mark.parametrize("text", ["names", "random", "learned"])
def test_logits_follow_a_new_order_of_the_classes(text: str) -> None:
    model, batch = small(text=text), clips(3)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    with torch.no_grad():
        logits = model(*batch)
        model.head.text_embed.copy_(model.head.text_embed[order])  # type: ignore[operator, union-attr, index]
        torch.testing.assert_close(model(*batch), logits[:, order])
    if text == "names":
        model.name_classes([CLASSES[index] for index in order])
        torch.testing.assert_close(model(*batch), logits[:, order])


@everyone
def test_logits_are_the_head_of_the_embedding(options: dict[str, Any]) -> None:
    model, batch = small(**options), clips(3)
    with torch.no_grad():
        logits = model(*batch)
        torch.testing.assert_close(model.head(model.embed(*batch)), logits)
        main, *auxiliary = model.training_logits(*batch)
        torch.testing.assert_close(main, logits)
    assert [each.shape for each in auxiliary] == 3 * [logits.shape]


def test_the_default_starts_as_the_cosine_to_the_plain_names() -> None:
    model, batch = small(is_moved=False), clips(3)
    _, frame, _, _, is_padding = batch
    with torch.no_grad():
        mean = torch.stack([frame[clip, ~is_padding[clip]].mean(0) for clip in range(3)])
        names = torch.from_numpy(vectors_of(CLASSES))
        cosines = torch.cosine_similarity(model.picture(mean)[:, None], names, dim=-1)
        torch.testing.assert_close(model(*batch), cosines / 0.07)
        assert not torch.allclose(small(is_moved=False, setting="reference")(*batch), cosines / 0.07, atol=0.1)
        assert not torch.allclose(small(is_moved=False, identity_start=False)(*batch), cosines / 0.07, atol=0.1)


def test_the_person_moves_the_answer_after_the_start() -> None:
    model = small(is_moved=False).train()
    batch = clips(6)
    others = (torch.randn_like(batch[0]), *batch[1:])
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(*batch), torch.arange(6)).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        assert not torch.allclose(model(*batch), model(*others), atol=0.05)
        texts = model.head.text_embed  # type: ignore[union-attr]
        assert model.head.refine.mixed(texts).abs().max() > 1e-3  # type: ignore[operator, union-attr]


def test_every_auxiliary_classifier_sees_one_stream() -> None:
    model, batch = small(), clips(3)
    for name in ("pooled", "motion", "bone"):
        model.zero_grad()
        _, *auxiliary = model.training_logits(*batch)
        auxiliary[["pooled", "motion", "bone"].index(name)].square().sum().backward()
        for other, network in model.streams.networks.items():
            reached = any(weight.grad is not None and weight.grad.any() for weight in network.parameters())
            assert reached == (other == name)
        assert model.picture.weight.grad is None or not model.picture.weight.grad.any()


def test_what_the_streams_see_is_chosen() -> None:
    features, frame, landmarks, known, is_padding = clips(2)
    others = torch.randn_like(features), torch.randn_like(landmarks)
    with torch.no_grad():
        for at_joints, reads_features, reads_landmarks in (
            ("features", True, False),
            ("landmarks", False, True),
            ("both", True, True),
        ):
            model = small(at_joints=at_joints)
            expected = model(features, frame, landmarks, known, is_padding)
            for_features = model(others[0], frame, landmarks, known, is_padding)
            for_landmarks = model(features, frame, others[1], known, is_padding)
            assert torch.allclose(for_features, expected, atol=1e-4) != reads_features
            assert torch.allclose(for_landmarks, expected, atol=1e-4) != reads_landmarks


def test_names_are_read_from_the_table_and_stay_in_the_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model: Any = build_model("hp_net", "hp_net", num_classes=2, **SIZES, parents=PARENTS, width=4)
    batch = clips(2)
    assert model.eval()(*batch).isnan().all()  # nobody has named the classes
    with pytest.raises(HumotionError, match=r"humotion embed-classes juggle"):
        model.name_classes(["walk", "juggle"])
    vector = np.random.default_rng(0).normal(size=DIM)
    write_vectors(tmp_path / "table.safetensors", {"juggle": vector})
    model.load_pretrained(tmp_path / "table.safetensors")
    model.name_classes(["walk", "juggle"])
    np.testing.assert_allclose(model.head.text_embed[1], vector / np.linalg.norm(vector), atol=1e-3)
    np.testing.assert_array_equal(model.head.text_embed[0], vectors_of(["walk"])[0])
    (tmp_path / "table.safetensors").unlink()
    again: Any = build_model("hp_net", "hp_net", num_classes=2, **SIZES, parents=PARENTS, width=4)
    again.load_state_dict(model.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(again.eval()(*batch), model.eval()(*batch))
    with pytest.raises(HumotionError, match="vectors of class names have 384 values, not 512"):
        build_model("hp_net", "hp_net", num_classes=2, **SIZES, parents=PARENTS, text_dim=512)


def test_random_vectors_come_from_the_seed_and_have_length_1() -> None:
    one, same, other = (small(seed, text="random").head.text_embed for seed in (0, 0, 1))  # type: ignore[union-attr]
    assert torch.equal(one, same)  # type: ignore[arg-type]
    assert not torch.allclose(one, other)  # type: ignore[arg-type]
    torch.testing.assert_close(one.norm(dim=1), torch.ones(len(CLASSES)))  # type: ignore[operator, union-attr]


def test_settings_are_presets_whose_parts_can_be_replaced() -> None:
    reference = small(is_moved=False, setting="reference", width=None, frames=None)
    assert (reference.options.width, reference.options.frames, reference.options.identity_start) == (64, 64, False)
    default = small(is_moved=False, width=None, frames=None)
    assert (default.options.width, default.options.frames, default.options.identity_start) == (16, 32, True)
    mixed = small(is_moved=False, setting="reference", width=4, frames=None)
    assert (mixed.options.width, mixed.options.frames, mixed.options.identity_start) == (4, 64, False)


def test_the_size_of_the_reference_is_the_sum_of_the_published_parts() -> None:
    official = MODELS["hp_net"].official["reference, COCO joints, 96 values, vectors of 512"]
    model = HPNet(**official)
    streams, auxiliary, refinement = 3 * 1_458_768, 3 * (256 * 60 + 60), 2_363_392
    picture, temperature = 96 * 512 + 512, 1
    total = sum(parameter.numel() for parameter in model.parameters())
    assert total == streams + auxiliary + refinement + picture + temperature == 6_835_621
