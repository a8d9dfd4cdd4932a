"""Large-kernel convolutions of a frozen model on a CPU, with fewer multiplications in the frequency domain.

The method is overlap-save in tiles: transform, multiply the spectra, transform back. A tile of P points per side
has P - k + 1 outputs per side. The transforms are products with small DFT matrices. So every step is a matrix
product on memory that is already in order (channels innermost), without an FFT library and without transposition.
The code processes one row of frequencies at a time, which stays in the cache. Kernels are transformed once.

Only the shape of a layer decides whether it uses this method (see `is_faster`), never a timing. So two runs on one
machine return exactly the same result. Compared with a direct convolution, the result differs by about 1e-6 of its
largest value. With ``HUMOTION_CONVOLUTION=direct`` in the environment, every layer uses the direct convolution.
"""

from __future__ import annotations

import math
import os
from functools import cache
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from humotion.errors import HumotionError

SWITCH = "HUMOTION_CONVOLUTION"
LARGEST_TILE = 32  # points along a side: above this, the transforms cost more than larger tiles save
TILES_AT_ONCE = 64  # small frames share a pass over the kernels' spectra; this limits the working memory
READING = 8  # reading a spectrum's value takes as long as multiplying it by this many tiles
MARGIN = 2.5  # factor of saved multiplications above which time is saved too, measured (docs/pose_latency.md)

Model = TypeVar("Model", bound=nn.Module)


class Tiling(NamedTuple):
    """How a map is cut into tiles: outputs and points along a side of a tile, and tiles down and across."""

    outputs: int
    points: int
    rows: int
    columns: int

    @property
    def frequencies(self) -> int:
        """Rows of the half spectrum, which is enough for real values."""
        return self.points // 2 + 1


class Matrices(NamedTuple):
    """DFT matrices along y and x, forward and inverse; the matrices along x are complex."""

    y: Tensor  # (2 * frequencies, points): real and imaginary part of each frequency in turn
    x: Tensor  # (points, points)
    x_back: Tensor  # (outputs, points)
    y_back: Tensor  # (outputs, 2 * frequencies)


def fast_for_inference(model: Model) -> Model:
    """Let the large convolutions of a model use the frequency domain if it is faster, and return the same model.

    This changes no weight and no name in ``state_dict``. Training, devices other than the CPU, and types other than
    float32 compute as before. The spectra need memory: 65 MB for 128 x 128 channels of 9 x 9.

    Raises:
        HumotionError: HUMOTION_CONVOLUTION has an unknown value.
    """
    way = os.environ.get(SWITCH, "auto")
    if way not in ("auto", "direct"):
        raise HumotionError(f"{SWITCH} is {way!r} in the environment. Set it to auto or direct, or do not set it.")
    if way == "auto":
        for parent in list(model.modules()):
            for name, layer in list(parent.named_children()):
                if type(layer) is nn.Conv2d and is_eligible(layer):
                    setattr(parent, name, FrequencyConv2d(layer))
    return model


def is_eligible(layer: nn.Conv2d) -> bool:
    """Return whether the layer keeps the size of its map, with a square kernel and zero padding."""
    size = layer.kernel_size[0]
    return (
        1 < size < LARGEST_TILE // 2
        and size % 2 == 1
        and layer.kernel_size == (size, size)
        and layer.padding == (size // 2, size // 2)
        and layer.stride == layer.dilation == (1, 1)
        and layer.groups == 1
        and layer.padding_mode == "zeros"
    )


@cache
def is_faster(inputs: int, outputs: int, kernel: int, height: int, width: int) -> bool:
    """Return whether the frequency domain is faster for a layer with these channels on a map of this size.

    The function counts real multiplications: of the transforms in both directions, of the spectra (a complex product
    has four), and of a direct convolution, which does nearly as many per second as a matrix product.
    """
    tiling = tiles_of(height, width, kernel)
    points, frequencies, tiles = tiling.points, tiling.frequencies, tiling.rows * tiling.columns
    there = 6 * frequencies * points**2
    back = 4 * frequencies * points * tiling.outputs + 2 * frequencies * tiling.outputs**2
    spectra = 4 * frequencies * points * inputs * outputs
    ours = tiles * (there * inputs + back * outputs) + (tiles + READING) * spectra
    return kernel**2 * inputs * outputs * height * width > MARGIN * ours


class FrequencyConv2d(nn.Conv2d):
    """A `torch.nn.Conv2d` with the weights of another one, which is faster when nothing is trained."""

    def __init__(self, layer: nn.Conv2d) -> None:
        size = layer.kernel_size[0]
        super().__init__(layer.in_channels, layer.out_channels, size, padding=size // 2, device="meta")
        self.weight, self.bias = layer.weight, layer.bias
        self.training = layer.training
        self._spectra: dict[int, tuple[tuple[int, int], Tensor]] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (B, C, H, W) to (B, C', H, W); the faster method returns the channels-last layout."""
        if not self._is_plain(x) or not is_faster(self.in_channels, self.out_channels, self.size, *x.shape[-2:]):
            return super().forward(x)
        tiling = tiles_of(x.shape[-2], x.shape[-1], self.size)
        spectrum = self._spectrum(tiling)
        at_once = max(1, TILES_AT_ONCE // (tiling.rows * tiling.columns))
        parts = [convolve(part, spectrum, self.bias, tiling, self.size) for part in x.split(at_once)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    @property
    def size(self) -> int:
        """Side of the square kernel."""
        return self.kernel_size[0]

    def _is_plain(self, x: Tensor) -> bool:
        """Return whether the input is float32 on the CPU, and no gradient is needed."""
        plain = x.ndim == 4 and len(x) > 0 and x.device.type == "cpu" and x.dtype == self.weight.dtype == torch.float32
        return plain and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")

    def _spectrum(self, tiling: Tiling) -> Tensor:
        """Return the kernels' spectrum; it is computed again only if the weights have changed."""
        weight = self.weight
        state = weight.data_ptr(), 0 if weight.is_inference() else weight._version
        found = self._spectra.get(tiling.points)
        if found is None or found[0] != state:
            found = state, kernel_spectrum(weight, tiling)
            self._spectra[tiling.points] = found
        return found[1]


@cache
def tiles_of(height: int, width: int, kernel: int) -> Tiling:
    """Choose the fewest tiles that the largest transform allows, each as small as possible to cover the map."""
    most = LARGEST_TILE - kernel + 1
    outputs = max(math.ceil(side / math.ceil(side / most)) for side in (height, width))
    return Tiling(outputs, outputs + kernel - 1, math.ceil(height / outputs), math.ceil(width / outputs))


@cache
def matrices(points: int, outputs: int) -> Matrices:
    """Return the DFT matrices of a tile, computed in double precision and rounded once."""
    steps = torch.arange(points, dtype=torch.float64)
    angle = 2 * math.pi / points * torch.outer(steps, steps)
    wave = torch.complex(angle.cos(), -angle.sin())
    half = torch.view_as_real(wave[: points // 2 + 1]).transpose(1, 2)  # (frequencies, 2, points)
    twice = torch.full((len(half), 1, 1), 2.0, dtype=torch.float64)  # a frequency also represents its mirror
    twice[0] = 1
    if points % 2 == 0:
        twice[-1] = 1
    y, y_back = half.flatten(0, 1), (half * twice / points).flatten(0, 1).T[:outputs]
    x_back = wave.conj()[:outputs].resolve_conj() / points
    to_float = torch.complex64
    return Matrices(y.float().contiguous(), wave.to(to_float), x_back.to(to_float), y_back.float().contiguous())


@torch.no_grad()
def kernel_spectrum(weight: Tensor, tiling: Tiling) -> Tensor:
    """Spectrum (frequencies, points, C, C') of kernels (C', C, k, k), conjugated because this is a correlation."""
    outputs, inputs, size, _ = weight.shape
    steps = torch.arange(tiling.points, dtype=torch.float64)
    angle = 2 * math.pi / tiling.points * torch.outer(steps, steps[:size])
    wave = torch.complex(angle.cos(), angle.sin())
    kernels = weight.double().permute(2, 3, 1, 0).reshape(size**2, -1)  # (k * k, C * C')
    spectrum = torch.empty(tiling.frequencies, tiling.points, inputs, outputs, dtype=torch.complex64)
    for frequency, row in zip(spectrum, wave, strict=False):  # wave also has the mirrored frequencies
        both = (row[:, None] * wave[:, None, :]).flatten(1)  # (points, k * k)
        for part, values in zip(torch.view_as_real(frequency).unbind(-1), (both.real, both.imag), strict=True):
            part.copy_((values @ kernels).view(part.shape))
    return spectrum


def convolve(x: Tensor, spectrum: Tensor, bias: Tensor | None, tiling: Tiling, kernel: int) -> Tensor:
    """Convolve maps (B, C, H, W) with kernels of a known spectrum, to (B, C', H, W), channels last.

    Outline, for all tiles together::

        lines = DFT along y of every row of tiles
        for each row of frequencies v:
            tile_spectra = DFT along x of lines[v], cut into overlapping tiles
            products     = tile_spectra times spectrum[v], summed over the input channels
            outputs_x    = inverse DFT along x of products: only the N points without wrap-around
        maps = inverse DFT along y of the outputs_x of all v

    Letters in the comments: P points and N outputs along a side of a tile, V = P // 2 + 1 rows of frequencies, S tiles
    across, L = B * (tiles down) rows of tiles, Q = L * S tiles.
    """
    height, width = x.shape[-2:]
    along = matrices(tiling.points, tiling.outputs)
    lines = _transform_y(x, along.y, tiling, kernel)  # (L, V, 2, W', C); W' is the padded width
    num_tiles = len(lines) * tiling.columns
    inputs, outputs = spectrum.shape[-2:]
    points, stored = tiling.points, torch.complex64
    # Allocated once: new memory for every row of frequencies would cost more than the arithmetic.
    tiles_x = torch.empty(points, len(lines), tiling.columns, inputs, dtype=stored)  # (P, L, S, C)
    tile_spectra = torch.empty(points, num_tiles * inputs, dtype=stored)  # (P, Q * C)
    products = torch.empty(points, num_tiles, outputs, dtype=stored)  # (P, Q, C')
    outputs_x = torch.empty(tiling.outputs, num_tiles * outputs, dtype=stored)  # (N, Q * C')
    # Real and imaginary part of the outputs along x, before the inverse transform along y: (V, 2, N, Q * C').
    halves = torch.empty(tiling.frequencies, 2, tiling.outputs, num_tiles * outputs)
    for frequency in range(tiling.frequencies):
        # Overlapping windows of P columns, N apart: (L, 2, W', C) -> (2, P, L, S, C).
        windows = lines[:, frequency].unfold(2, points, tiling.outputs).permute(1, 4, 0, 2, 3)
        torch.view_as_real(tiles_x).permute(4, 0, 1, 2, 3).copy_(windows)
        torch.mm(along.x, tiles_x.view(points, -1), out=tile_spectra)
        torch.bmm(tile_spectra.view(points, num_tiles, inputs), spectrum[frequency], out=products)
        if frequency == 0 and bias is not None:
            products[0] += bias * points**2  # a constant has only the lowest frequency
        torch.mm(along.x_back, products.view(points, -1), out=outputs_x)
        halves[frequency].copy_(torch.view_as_real(outputs_x).permute(2, 0, 1))
    found = torch.mm(along.y_back, halves.view(2 * tiling.frequencies, -1))  # (N, N * Q * C')
    found = found.view(tiling.outputs, tiling.outputs, len(x), tiling.rows, tiling.columns, outputs)
    maps = found.permute(2, 3, 0, 4, 1, 5).reshape(  # tiles next to each other; the last ones extend past the map
        len(x), tiling.rows * tiling.outputs, tiling.columns * tiling.outputs, outputs
    )
    return maps.permute(0, 3, 1, 2)[:, :, :height, :width]


def _transform_y(x: Tensor, matrix: Tensor, tiling: Tiling, kernel: int) -> Tensor:
    """Transform rows of tiles down their columns, to (B * rows, frequencies, 2, W', C), W' with the padding."""
    margin, channels = kernel // 2, x.shape[1]
    height, width = (count * tiling.outputs + kernel - 1 for count in (tiling.rows, tiling.columns))
    padding = (margin, width - margin - x.shape[-1], margin, height - margin - x.shape[-2])
    padded = F.pad(x.contiguous(memory_format=torch.channels_last), padding).permute(0, 2, 3, 1).contiguous()
    lines = torch.empty(len(x), tiling.rows, len(matrix), width * channels)
    for image, out in zip(padded.view(len(x), height, -1), lines, strict=True):
        for row in range(tiling.rows):
            torch.mm(matrix, image[row * tiling.outputs :][: tiling.points], out=out[row])
    return lines.view(len(x) * tiling.rows, tiling.frequencies, 2, width, channels)
