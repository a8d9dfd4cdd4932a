"""Convolutions by way of the frequency domain: the same answer, the same weights, and only where they pay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from humotion.errors import HumotionError
from humotion.models.common.fast_conv import (
    SWITCH,
    FrequencyConv2d,
    convolve,
    fast_for_inference,
    is_eligible,
    is_faster,
    kernel_spectrum,
    tiles_of,
)
from humotion.models.pose_machine.lstm_pm import LSTMPoseMachine


@pytest.mark.parametrize(
    ("inputs", "outputs", "kernel", "height", "width", "batch"),
    [(3, 5, 9, 50, 31, 2), (4, 2, 11, 46, 46, 1), (2, 3, 3, 7, 64, 3), (1, 1, 5, 1, 1, 1), (2, 2, 7, 24, 25, 1)],
)
def test_agrees_with_a_direct_convolution(
    inputs: int, outputs: int, kernel: int, height: int, width: int, batch: int
) -> None:
    """Maps that fill their tiles and maps that do not, odd and even transforms, smaller than a kernel too."""
    torch.manual_seed(0)
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    x = torch.randn(batch, inputs, height, width)
    tiling = tiles_of(height, width, kernel)
    with torch.no_grad():
        expected = layer.double()(x.double())
        layer.float()
        found = convolve(x, kernel_spectrum(layer.weight, tiling), layer.bias, tiling, kernel)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=3e-6)


def test_tiles_cover_the_map_and_divide_the_official_ones() -> None:
    """At 368 pixels no output of a tile is thrown away."""
    assert [tiles_of(side, side, 9).outputs for side in (184, 92, 46)] == [23, 23, 23]
    for side in range(1, 200):
        tiling = tiles_of(side, 2 * side, 9)
        assert tiling.points <= 32
        assert tiling.rows * tiling.outputs >= side and tiling.columns * tiling.outputs >= 2 * side


def test_only_layers_that_gain_change_their_way() -> None:
    """The choice depends on shapes alone; the measured ends of the scale stay where they are."""
    assert is_faster(128, 128, 9, 184, 184) and is_faster(128, 128, 11, 46, 46) and is_faster(32, 32, 9, 72, 72)
    assert not is_faster(3, 128, 9, 368, 368)  # few inputs: the transform back is all the work
    assert not is_faster(8, 8, 9, 24, 24) and not is_faster(48, 192, 3, 46, 46)


@pytest.mark.parametrize("options", [{"stride": 2}, {"dilation": 2}, {"padding": 3}, {"groups": 2}])
def test_other_convolutions_are_left_alone(options: dict[str, int]) -> None:
    assert not is_eligible(nn.Conv2d(4, 4, 9, **{"padding": 4, **options}))


@pytest.fixture
def model() -> LSTMPoseMachine:
    torch.manual_seed(0)
    return LSTMPoseMachine(num_joints=13, input_size=144, width=0.25, init="he").eval()


def ways_taken(model: nn.Module) -> int:
    """Layers that have used a spectrum."""
    return sum(bool(layer._spectra) for layer in model.modules() if isinstance(layer, FrequencyConv2d))


def test_a_pose_machine_gives_the_same_maps_and_the_same_weights(model: LSTMPoseMachine) -> None:
    """Frames of a video through the whole machine, memory carried; run twice, equal to the last digit."""
    frames = torch.randn(1, 3, 3, 144, 144)
    with torch.inference_mode():
        expected, names = model(frames), {name: weight.clone() for name, weight in model.state_dict().items()}
        found = fast_for_inference(model)(frames)
        again = model(frames)
    assert ways_taken(model) >= 3
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
    assert torch.equal(found, again)
    assert list(model.state_dict()) == list(names)
    assert all(torch.equal(model.state_dict()[name], weight) for name, weight in names.items())


def test_training_goes_the_direct_way_and_new_weights_make_new_spectra(model: LSTMPoseMachine) -> None:
    fast_for_inference(model)
    frames = torch.randn(1, 1, 3, 144, 144)
    model(frames).square().mean().backward()
    assert ways_taken(model) == 0
    assert all(weight.grad is not None for name, weight in model.named_parameters() if "from_hidden" not in name)
    with torch.no_grad():
        before = model(frames)
        for weight in model.parameters():
            weight.mul_(0.5)
        after = model(frames)
        for layer in model.modules():
            if isinstance(layer, FrequencyConv2d):
                layer._spectra.clear()
        assert ways_taken(model) == 0
        torch.testing.assert_close(after, model(frames), rtol=0, atol=0)
    assert not torch.allclose(before, after)


def test_environment_keeps_everything_direct(model: LSTMPoseMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "direct")
    assert not any(isinstance(layer, FrequencyConv2d) for layer in fast_for_inference(model).modules())
    monkeypatch.setenv(SWITCH, "quick")
    with pytest.raises(HumotionError, match="auto or direct"):
        fast_for_inference(model)
