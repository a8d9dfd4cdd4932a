"""EfficientNet-Lite0 against outputs of an independent implementation, and what is special about it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from humotion.errors import HumotionError
from humotion.models.efficientnet.checkpoint import load_backbone
from humotion.models.efficientnet.efficientnet_lite0 import EfficientNet, FrameAveragedEfficientNet
from humotion.models.efficientnet.frozen import open_frozen
from humotion.models.efficientnet.layers import SameConv
from humotion.models.efficientnet.weights import CHECKPOINT, FOLDER
from humotion.work import main_checkout
from tests.support.efficientnet import published_name, write_random_checkpoint

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def picture(side: int) -> torch.Tensor:
    """Two ramps and a chessboard (1, 3, side, side)."""
    y, x = np.mgrid[0:side, 0:side]
    planes = [x * 255 // (side - 1), y * 255 // (side - 1), (x // 16 + y // 16) % 2 * 255]
    return torch.from_numpy(np.stack(planes).astype(np.uint8))[None]


def state_by_formula() -> dict[str, torch.Tensor]:
    """All tensors under their published names, with values that any program can compute."""
    state = {}
    model = FrameAveragedEfficientNet()
    for number, (key, value) in enumerate(model.state_dict().items()):
        if value.ndim == 0:
            state[published_name(key)] = torch.zeros((), dtype=torch.int64)
            continue
        noise = np.sin((np.arange(value.numel()) + 1) * 12.9898 + number * 78.233) * 43758.5453
        noise = 2 * (noise - np.floor(noise)) - 1  # between -1 and 1
        fan_in = value[0].numel() if value.ndim > 1 else 1
        if "running_var" in key:
            values = 1 + 0.5 * noise
        elif value.ndim == 1:
            values = 0.2 * noise + (1 if key.endswith("weight") else 0)
        else:
            values = noise * np.sqrt(6 / fan_in)
        state[published_name(key)] = torch.from_numpy(values.astype(np.float32)).reshape(value.shape)
    return state


@pytest.fixture(scope="module")
def by_formula(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "formula.pth"
    torch.save(state_by_formula(), path)
    return path


def outputs(path: Path, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The map and the logits of `picture`."""
    network = EfficientNet().eval()
    classifier = load_backbone(network, path)
    with torch.no_grad():
        images = network.normalise(picture(side))
        return network.map_after(images), F.linear(network(images), classifier["fc.weight"], classifier["fc.bias"])


def test_an_independent_implementation_gives_the_same(by_formula: Path) -> None:
    """Recorded outputs of the PyPI package efficientnet-lite-pytorch 0.1.0 with the same weights and picture."""
    found, logits = outputs(by_formula, 224)
    assert found.shape == (1, 1280, 7, 7)
    assert float(found.mean()) == pytest.approx(1.64433, abs=1e-4)
    assert float(found.std()) == pytest.approx(2.15942, abs=1e-4)
    assert found[0, [3, 200, 700, 1100], 2, 5].tolist() == pytest.approx([0, 4.6284, 6, 0], abs=1e-3)
    expected = [1.7361, -5.4815, -3.9459, 1.6306, 4.0631, 7.0782, 0.9594, 2.2184]
    assert logits[0, :8].tolist() == pytest.approx(expected, abs=2e-3)
    assert int(logits.argmax()) == 273


def test_the_published_weights_give_the_same(real_data: Path) -> None:
    """The same with the published checkpoint."""
    places = [real_data / "weights" / CHECKPOINT, main_checkout() / FOLDER / CHECKPOINT]
    path = next((path for path in places if path.exists()), None)
    if path is None:
        pytest.skip("no published checkpoint: run `humotion fetch efficientnet-lite0`")
    found, logits = outputs(path, 224)
    assert (float(found.mean()), float(found.std())) == pytest.approx((0.0725505, 0.3839944), abs=1e-5)
    expected = [-0.3293, 0.4698, 1.4476, 1.6114, 1.9959, 2.2850, -0.5980, -0.5145]
    assert logits[0, :8].tolist() == pytest.approx(expected, abs=1e-3)
    assert int(logits.argmax()) == 844


def test_all_tensors_of_the_checkpoint_have_a_place(by_formula: Path) -> None:
    state = state_by_formula()
    assert len(state) == 296
    assert {"_conv_stem.weight", "_bn0.running_var", "_blocks.15._project_conv.weight", "_fc.bias"} <= state.keys()
    network = EfficientNet()
    assert len(load_backbone(network, by_formula)) == 2
    torch.testing.assert_close(network.blocks[3].bn1.running_var, state["_blocks.3._bn1.running_var"])


def test_a_checkpoint_of_another_network_is_refused(by_formula: Path, tmp_path: Path) -> None:
    state = state_by_formula()
    state["_blocks.15._se_reduce.weight"] = torch.zeros(1)
    torch.save(state, tmp_path / "b0.pth")
    with pytest.raises(HumotionError, match=r"unexpected blocks\.15\.se_reduce\.weight"):
        load_backbone(EfficientNet(), tmp_path / "b0.pth")


@pytest.mark.parametrize(("side", "kernel", "stride"), [(8, 3, 2), (9, 3, 2), (8, 5, 2), (7, 5, 1), (8, 1, 1)])
def test_padding_is_that_of_tensorflow(side: int, kernel: int, stride: int) -> None:
    convolution = SameConv(1, 1, kernel, stride)
    torch.nn.init.ones_(convolution.weight)
    images = torch.rand(1, 1, side, side)
    outputs = -(-side // stride)
    lack = max((outputs - 1) * stride + kernel - side, 0)
    padded = np.zeros((side + lack, side + lack), np.float32)
    padded[lack // 2 : lack // 2 + side, lack // 2 : lack // 2 + side] = images[0, 0]
    expected = [
        [padded[y * stride :, x * stride :][:kernel, :kernel].sum() for x in range(outputs)] for y in range(outputs)
    ]
    np.testing.assert_allclose(convolution(images)[0, 0].detach(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("depth", "channels", "stride"),
    [(0, 32, 2), (1, 16, 2), (5, 40, 8), (11, 112, 16), (16, 320, 32), (None, 1280, 32)],
)
def test_a_frozen_map_has_the_size_that_it_says(
    by_formula: Path, depth: int | None, channels: int, stride: int
) -> None:
    frozen = open_frozen(by_formula, 64, depth, *IMAGENET)
    found, vector = frozen(picture(64))
    assert (frozen.channels, frozen.stride) == (channels, stride)
    assert found.shape == (1, channels, 64 // stride, 64 // stride)
    torch.testing.assert_close(vector, found.mean((2, 3)))
    assert not any(parameter.requires_grad for parameter in frozen.parameters())


def test_a_frozen_network_keeps_its_statistics(tmp_path: Path) -> None:
    path = write_random_checkpoint(tmp_path / "random.pth")
    model = FrameAveragedEfficientNet(num_classes=3)
    model.load_pretrained(path)
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    frames, is_padding = model.normalise(picture(64)).expand(2, 4, 1, 3, 64, 64), torch.zeros(2, 4, dtype=torch.bool)
    model.backbone.requires_grad_(False)
    model.train()
    model(frames, is_padding)
    assert all(torch.equal(value, before[key]) for key, value in model.backbone.state_dict().items())
    model.backbone.requires_grad_(True)
    model.train()
    model(frames, is_padding)
    assert not torch.equal(model.backbone.bn0.running_mean, before["bn0.running_mean"])


def test_layers_near_the_input_change_less() -> None:
    model = FrameAveragedEfficientNet(num_classes=3)
    names = ["backbone.conv_stem.weight", "backbone.blocks.0.bn1.bias", "backbone.blocks.15.bn2.bias"]
    shares = [model.learning_rate_share(name, 0.5, 3.0) for name in [*names, "backbone.conv_head.weight"]]
    assert shares == [0.5**18, 0.5**17, 0.5**2, 0.5]
    assert model.learning_rate_share("head.bias", 0.5, 3.0) == 3.0
