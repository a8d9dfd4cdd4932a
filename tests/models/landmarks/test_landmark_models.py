"""Models of landmarks: published sizes, what may change nothing, and what must change with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from humotion.datasets.jhmdb import SKELETON as JHMDB
from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.models.common.build import build_model
from humotion.models.common.joint_graph import adjacency, depths
from humotion.models.ctr_gcn.official import MODELS as GCNS
from humotion.models.ddnet.ddnet import DDNet
from humotion.models.landmark_lstm.layer import LSTMLayer

JOINTS, VALUES, CLASSES, FRAMES = len(JHMDB.joints), 2, 6, 9
SIZES: dict[str, dict[str, Any]] = {
    "landmark_lstm": {"name": "landmark_lstm", "widths": (12, 10)},
    "landmark_lstm, relu": {"family": "landmark_lstm", "name": "landmark_lstm", "activation": "relu", "dense": (7,)},
    "gru": {"name": "bigru", "width": 10, "num_frames": 12},
    "ddnet": {"name": "ddnet", "filters": 8},
    "ctr_gcn": {"name": "ctr_gcn", "width": 8, "frames": 16, "edges": JHMDB.edges},
}
everyone = pytest.mark.parametrize("family", SIZES)


def small(family: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    sizes = {"family": family, "num_classes": CLASSES, "num_joints": JOINTS, "dimensions": VALUES, **SIZES[family]}
    model = build_model(**sizes)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # what starts at zero takes part
    model.train()
    model(*clips(8, seed=5))  # running statistics that are not 0 and 1
    return model.eval()


def clips(number: int, seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Clips in which somebody is not seen at the start, and of whom two joints are not seen later."""
    random = torch.Generator().manual_seed(seed)
    landmarks = torch.randn(number, FRAMES, JOINTS, VALUES, generator=random)
    known = torch.ones(number, FRAMES, JOINTS, dtype=torch.bool)
    known[0, :2] = known[0, 4, 3] = known[-1, 5:7, 2] = False
    is_padding = torch.zeros(number, FRAMES, dtype=torch.bool)
    is_padding[-1, -2:] = True
    return landmarks, known, is_padding


@everyone
def test_unknown_places_and_padding_change_nothing(family: str) -> None:
    model = small(family)
    landmarks, known, is_padding = clips(3)
    other = torch.where(known[..., None] & ~is_padding[..., None, None], landmarks, torch.nan)
    assert other.isnan().any()
    with torch.no_grad():
        expected = model(landmarks, known, is_padding)
        torch.testing.assert_close(model(other, known, is_padding), expected)
        assert expected.isfinite().all()
        assert not torch.allclose(model(landmarks, torch.ones_like(known), is_padding), expected)


@everyone
def test_frames_in_which_nobody_is_seen_are_as_if_they_were_not_there(family: str) -> None:
    model = small(family)
    landmarks, known, is_padding = clips(1)
    landmarks, known = landmarks[:, :5], torch.ones_like(known[:, :5])
    between = landmarks.new_full((1, 2, JOINTS, VALUES), 7.0)
    longer = torch.cat([landmarks[:, :3], between, landmarks[:, 3:]], dim=1)
    seen = torch.cat([known[:, :3], torch.zeros_like(known[:, :2]), known[:, 3:]], dim=1)
    with torch.no_grad():
        torch.testing.assert_close(
            model(longer, seen, torch.zeros(1, 7, dtype=torch.bool)), model(landmarks, known, is_padding[:, :5])
        )


@everyone
def test_a_clip_in_which_nobody_was_found_gets_an_answer(family: str) -> None:
    model = small(family)
    landmarks, known, is_padding = clips(2)
    nobody = known & torch.tensor([True, False])[:, None, None]
    with torch.no_grad():
        logits = model(landmarks, nobody, is_padding)
    assert logits.isfinite().all()
    model.train()
    loss = model(landmarks, nobody, is_padding).square().mean()
    loss.backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


@everyone
def test_the_answer_for_a_clip_does_not_depend_on_the_others(family: str) -> None:
    model = small(family)
    batch = clips(5)
    with torch.no_grad():
        together = model(*batch)
        for index in range(5):
            alone = model(*(part[index : index + 1] for part in batch))
            torch.testing.assert_close(alone[0], together[index], rtol=1e-4, atol=1e-5)


@everyone
def test_logits_are_the_head_of_the_embedding_and_follow_a_new_order_of_the_classes(family: str) -> None:
    model = small(family)
    batch = clips(3)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    with torch.no_grad():
        logits = model(*batch)
        assert logits.shape == (3, CLASSES)
        torch.testing.assert_close(model.head(model.embed(*batch)), logits)  # type: ignore[operator]
        model.head.weight.copy_(model.head.weight[order])  # type: ignore[operator, union-attr, index]
        model.head.bias.copy_(model.head.bias[order])  # type: ignore[operator, union-attr, index]
        torch.testing.assert_close(model(*batch), logits[:, order])


@everyone
def test_time_matters(family: str) -> None:
    model = small(family)
    landmarks, known, _ = clips(1)
    is_padding = torch.zeros(1, FRAMES, dtype=torch.bool)
    with torch.no_grad():
        forwards = model(landmarks, torch.ones_like(known), is_padding)
        backwards = model(landmarks.flip(1), torch.ones_like(known), is_padding)
    assert not torch.allclose(forwards, backwards, atol=1e-3)


def trainable(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_published_sizes() -> None:
    lstm = build_model("landmark_lstm", "landmark_lstm", num_classes=4)
    assert trainable(lstm) == 97_404
    for filters, published in ((64, 1_800_469), (32, 489_429), (16, 149_557)):
        network = DDNet(filters=filters)  # 15 joints, 2 dimensions, 21 classes
        running = sum(buffer.numel() for name, buffer in network.named_buffers() if "running" in name)
        assert trainable(network) + running == published  # Keras counts running means and variances too
    stream = build_model("ctr_gcn", "ctr_gcn", **GCNS["ctr_gcn"].official["HP-Net stream, 96 values"])
    assert trainable(stream) - trainable(stream.head) == 1_458_768  # type: ignore[arg-type]


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_layer_computes_what_the_definition_says(activation: Any) -> None:
    torch.manual_seed(0)
    layer = LSTMLayer(3, 4, activation)
    sequence = torch.randn(2, 5, 3)
    act = np.tanh if activation == "tanh" else lambda x: np.maximum(x, 0)
    w, u, b = (p.detach().numpy() for p in (layer.weight_ih, layer.weight_hh, layer.bias))
    state = cell = np.zeros((2, 4))
    for step in sequence.numpy().transpose(1, 0, 2):
        i, f, g, o = np.split(step @ w.T + state @ u.T + b, 4, axis=1)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        cell = f * cell + i * act(g)
        state = o * act(cell)
    np.testing.assert_allclose(layer(sequence)[:, -1].detach(), state, atol=1e-6)


def test_a_layer_starts_as_in_keras() -> None:
    torch.manual_seed(0)
    layer = LSTMLayer(30, 50)
    assert layer.bias[50:100].eq(1).all()
    assert layer.bias.count_nonzero() == 50
    torch.testing.assert_close(layer.weight_hh.T @ layer.weight_hh, torch.eye(50), atol=1e-5, rtol=0)
    limit = (6 / (30 + 200)) ** 0.5
    assert 0.95 * limit < layer.weight_ih.abs().max() <= limit


def test_dropout_follows_every_lstm_layer() -> None:
    torch.manual_seed(0)
    model = build_model("landmark_lstm", "landmark_lstm", num_classes=2, num_joints=2, dimensions=1, dropout=0.5)
    batch = torch.randn(1, 6, 2, 1), torch.ones(1, 6, 2, dtype=torch.bool), torch.zeros(1, 6, dtype=torch.bool)
    dropped = (model.train().embed(*batch) == 0).float().mean()  # type: ignore[operator]
    assert 0.2 < dropped < 0.8  # nn.LSTM(dropout=...) would leave the last layer out


def test_distances_do_not_see_where_and_how_large_somebody_is() -> None:
    network = DDNet()
    landmarks, known, is_padding = clips(2)
    before, slow, fast = network.views(landmarks, known, is_padding)
    after, *_ = network.views(landmarks * 3 + 100, known, is_padding)
    torch.testing.assert_close(before, after, atol=1e-3, rtol=1e-3)
    assert before.shape == (2, 105, 32)
    assert slow.shape == (2, 30, 32)
    assert fast.shape == (2, 30, 16)
    assert before[0].sum().abs() < 1e-2  # relative to the mean of the known ones
    still, *moved = network.views(landmarks[:, 2:3].expand_as(landmarks), torch.ones_like(known), is_padding)
    assert not any(part.any() for part in moved)
    torch.testing.assert_close(still, still[..., :1].expand_as(still))


def test_distances_of_the_mirrored_person_are_the_same_in_another_order() -> None:
    network = DDNet()
    landmarks, known, is_padding = clips(2)
    flip = list(JHMDB.flip)
    mirrored = landmarks[:, :, flip] * torch.tensor([-1.0, 1.0])
    found, *_ = network.views(mirrored, known[:, :, flip], is_padding)
    expected, *_ = network.views(landmarks, known, is_padding)
    one, other = network.pairs.tolist()
    place = {frozenset(pair): at for at, pair in enumerate(zip(one, other, strict=True))}
    order = [place[frozenset((flip[a], flip[b]))] for a, b in zip(one, other, strict=True)]
    torch.testing.assert_close(found, expected[:, order])


@pytest.mark.parametrize("skeleton", [JHMDB, PENN_ACTION])
def test_the_graph_of_a_joint_set_is_that_of_the_mirrored_person(skeleton: Any) -> None:
    graphs = adjacency(len(skeleton.joints), skeleton.edges)
    flip = list(skeleton.flip)
    np.testing.assert_allclose(graphs[:, flip][:, :, flip], graphs)
    connected = (graphs[1] + graphs[2]) > 0
    assert {tuple(sorted(pair)) for pair in np.argwhere(connected)} == {tuple(sorted(edge)) for edge in skeleton.edges}
    assert set(np.unique(graphs.sum(axis=1).round(6))) <= {0.0, 1.0}


def test_inward_is_towards_the_middle_of_the_body() -> None:
    depth = dict(zip(JHMDB.joints, depths(len(JHMDB.joints), JHMDB.edges), strict=True))
    assert depth["belly"] == 0 or depth["neck"] == 0
    assert depth["r_hip"] < depth["r_knee"] < depth["r_ankle"]
    assert depth["l_elbow"] < depth["l_wrist"]
    alone = adjacency(3, [(0, 1)])
    assert not alone[1:, 2].any()
    assert alone[0, 2, 2] == 1


def test_without_refinement_a_unit_is_a_plain_graph_convolution() -> None:
    from humotion.models.common.graph_layers import GraphUnit

    torch.manual_seed(0)
    graphs = torch.tensor(adjacency(JOINTS, JHMDB.edges))
    unit = GraphUnit(16, 16, graphs).eval()
    with torch.no_grad():
        unit.norm.weight.fill_(1)
        features = torch.randn(2, 16, 3, JOINTS)
        mixed = sum(
            torch.einsum("uv,nctv->nctu", graph, conv.value(features))  # type: ignore[operator]
            for graph, conv in zip(graphs, unit.convs, strict=True)
        )
        scale = (1 + unit.norm.eps) ** -0.5
        torch.testing.assert_close(unit(features), (mixed * scale + features).relu())
        unit.alpha.fill_(1.0)
        assert not torch.allclose(unit(features), (mixed * scale + features).relu(), atol=1e-3)
