"""LSTM Pose Machine (Luo et al., CVPR 2018, arXiv 1712.06316): a recurrent pose machine for video.

The layer table is that of the authors' Caffe code (lawy623/LSTM_Pose_Machines): ceil-mode pools without
padding, no peepholes, and a first step without forget gate and hidden convolutions. ConvNet2 (most of the
work of a step) does not depend on the state, so a clip runs it once over all frames. Maps have the joints,
then the background. Input is RGB; the authors' weights are for BGR, so a conversion turns round the input
channels of the two first layers.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from humotion.errors import HumotionError

OFFICIAL_INPUT_SIZE = 368
FEATURES = 32  # channels of a frame's features, at the official width
CENTRE_SIGMA = 21.0  # pixels at the official input size
GATE_BIASES = (0.0, 1.4, 1.0, 0.2)  # g, i, f, o


class State(NamedTuple):
    """Carried from frame to frame: maps (B, J+1, h, w); hidden, cell (B, H, h, w), None before frame 1."""

    heatmaps: Tensor
    hidden: Tensor | None
    cell: Tensor | None


class LSTMPoseMachine(nn.Module):
    """Heatmaps of every joint in every frame of a person-centred clip.

    Args:
        num_joints: J; the official models have 14.
        input_size: side S of the square crop in pixels, a multiple of 8.
        width: factor on the 128 and 512 channels of the official table, to multiples of 8; the 32 feature
            channels of a frame only ever grow.
        dropout: after the two widest layers of ConvNet1.
        init: "official" (Gaussian 0.01, for long schedules) or "he", which trains small models from scratch.

    Raises:
        HumotionError: the input size is no multiple of 8.
    """

    stride = 8
    num_neighbours = 1

    def __init__(
        self,
        num_joints: int = 14,
        input_size: int = OFFICIAL_INPUT_SIZE,
        width: float = 1.0,
        dropout: float = 0.5,
        init: Literal["official", "he"] = "official",
    ) -> None:
        super().__init__()
        if input_size % self.stride:
            raise HumotionError(
                f"lstm_pm: input_size is {input_size}, which is no multiple of {self.stride}. "
                f"Choose {input_size // self.stride * self.stride or self.stride} or another multiple."
            )
        self.num_joints, self.input_size = num_joints, input_size
        body, wide = scaled(128, width), scaled(512, width)
        # All that the recurrence sees of a frame: fewer than the official 32 leave a small network blind.
        features = max(FEATURES, scaled(FEATURES, width))
        maps = num_joints + 1
        self.hidden_size = features + maps + 1
        self.convnet1 = nn.Sequential(
            *feature_layers(body, features),
            *conv_relu(features, wide, 9),
            nn.Dropout(dropout),
            *conv_relu(wide, wide, 1),
            nn.Dropout(dropout),
            nn.Conv2d(wide, maps, 1),
        )
        self.convnet2 = nn.Sequential(*feature_layers(body, features))
        self.lstm = ConvLSTMCell(self.hidden_size)
        self.convnet3 = nn.Sequential(
            *conv_relu(self.hidden_size, body, 11),
            *conv_relu(body, body, 11),
            *conv_relu(body, body, 11),
            *conv_relu(body, body, 1),
            nn.Conv2d(body, maps, 1),
        )
        self.register_buffer("centre_map", centre_map(input_size), persistent=False)
        self.reset_parameters(init)

    @property
    def map_size(self) -> int:
        """Cells along a side of a map: 46 at 368 pixels."""
        return self.input_size // self.stride

    @staticmethod
    def normalise(frames: Tensor) -> Tensor:
        """uint8 RGB frames as the model wants them: (x - 128) / 256, so that the pad value 128 becomes 0."""
        return (frames.float() - 128) / 256

    def reset_parameters(self, init: Literal["official", "he"]) -> None:
        """Draw fresh weights; the gate biases of the LSTM keep their published values."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                if init == "official":
                    nn.init.normal_(layer.weight, std=0.01)
                else:
                    focus_kernels(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        if init == "he":
            self.start_from_background()

    def start_from_background(self) -> None:
        """Begin near empty joint maps and a full background, where the first steps would otherwise lead."""
        with torch.no_grad():
            for last in (self.convnet1[-1], self.convnet3[-1]):
                assert isinstance(last, nn.Conv2d) and last.bias is not None
                last.weight.mul_(0.1)
                last.bias[-1] = 1.0

    def forward(self, frames: Tensor) -> Tensor:
        """Maps of a clip from its beginning.

        Args:
            frames: (B, T, 3, S, S) normalised.

        Returns:
            (B, T+1, J+1, h, w): the initial map of frame 1 (ConvNet1), then one refined map a frame.
        """
        state = self.begin(frames[:, 0])
        maps, _ = self.advance(frames, state)
        return torch.cat([state.heatmaps[:, None], maps], dim=1)

    def begin(self, frame: Tensor) -> State:
        """The state before the first frame (B, 3, S, S): ConvNet1's maps of it, and no memory."""
        return State(self.convnet1(frame), None, None)

    def init(self, frame: Tensor) -> tuple[Tensor, State]:
        """Begin a stream with its first frame (B, 3, S, S): refined maps (B, J+1, h, w) and the state."""
        return self.step(frame, self.begin(frame))

    def step(self, frame: Tensor, state: State) -> tuple[Tensor, State]:
        """Go on with the next frame (B, 3, S, S): refined maps (B, J+1, h, w) and the new state."""
        maps, state = self.advance(frame[:, None], state)
        return maps[:, 0], state

    def advance(self, frames: Tensor, state: State) -> tuple[Tensor, State]:
        """Go on with several frames (B, T, 3, S, S) at once: maps (B, T, J+1, h, w) and the state after them.

        Long videos go through in pieces of bounded memory; the pieces give what one pass over all gives.
        """
        features = self.convnet2(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])  # (B, T, F, h, w)
        centre = self.get_buffer("centre_map").expand(frames.shape[0], -1, -1, -1)
        maps = []
        for feature in features.unbind(1):
            seen = torch.cat([feature, state.heatmaps, centre], dim=1)
            hidden, cell = self.lstm(seen, state.hidden, state.cell)
            state = State(self.convnet3(hidden), hidden, cell)
            maps.append(state.heatmaps)
        return torch.stack(maps, dim=1), state


class Gates(NamedTuple):
    """What an LSTM decides, each (B, C, h, w): tanh of the candidate, sigmoids of the others."""

    candidate: Tensor
    write: Tensor
    forget: Tensor
    output: Tensor


class ConvLSTMCell(nn.Module):
    """Convolutional LSTM without peepholes; gates g, i, f, o, each with a third, per-channel bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.from_input = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        self.from_hidden = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        self.gate_bias = nn.Parameter(torch.tensor(GATE_BIASES).repeat_interleave(channels))

    def gates(self, x: Tensor, hidden: Tensor | None) -> Gates:
        """Gates of a frame; without a past, no hidden convs."""
        gates = self.from_input(x) + self.gate_bias[:, None, None]
        if hidden is not None:
            gates = gates + self.from_hidden(hidden)
        candidate, write, forget, output = gates.chunk(4, dim=1)
        return Gates(candidate.tanh(), write.sigmoid(), forget.sigmoid(), output.sigmoid())

    def forward(self, x: Tensor, hidden: Tensor | None, cell: Tensor | None) -> tuple[Tensor, Tensor]:
        """New hidden and cell, each (B, C, h, w); without a past, nothing to forget."""
        gates = self.gates(x, hidden)
        new = gates.write * gates.candidate
        if cell is not None:
            new = new + gates.forget * cell
        return gates.output * new.tanh(), new


def focus_kernels(weight: Tensor, sigma: float = 1.0) -> None:
    """He initialisation under a Gaussian window: large kernels begin as small ones of the same total variance.

    With plain He weights every output of a 9x9 kernel averages over 81 places, and a short training on few
    clips learns scenes by heart before it learns where a small thing is.
    """
    nn.init.kaiming_normal_(weight, nonlinearity="relu")
    offset = torch.arange(weight.shape[-1], dtype=weight.dtype) - (weight.shape[-1] - 1) / 2
    line = torch.exp(-(offset**2) / (2 * sigma**2))
    window = torch.outer(line, line)
    with torch.no_grad():
        weight.mul_(window / window.square().mean().sqrt())


def scaled(channels: int, width: float) -> int:
    """Channels times width, to the nearest multiple of 8 and at least 8."""
    return max(8, 8 * round(channels * width / 8))


def conv_relu(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    """A convolution that keeps the size, and its ReLU."""
    return [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU(inplace=True)]


def feature_layers(body: int, features: int) -> list[nn.Module]:
    """The image trunk of which ConvNet1 and ConvNet2 have one each: S pixels to S/8 cells."""
    layers: list[nn.Module] = []
    for inputs in (3, body, body):
        layers += [*conv_relu(inputs, body, 9), nn.MaxPool2d(3, 2, ceil_mode=True)]
    return [*layers, *conv_relu(body, features, 5)]


def centre_map(input_size: int) -> Tensor:
    """Where the person is: a Gaussian at the crop's centre, average-pooled to the cells, (1, 1, h, w)."""
    sigma = CENTRE_SIGMA * input_size / OFFICIAL_INPUT_SIZE
    distance = torch.arange(input_size, dtype=torch.float32) - input_size / 2
    line = torch.exp(-(distance**2) / (2 * sigma**2))
    return F.avg_pool2d(torch.outer(line, line)[None, None], kernel_size=9, stride=8, ceil_mode=True)
