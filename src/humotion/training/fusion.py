"""The model folder of a fusion: the folders of its members, and the weight of each.

``model.json`` has the description, as for every model. ``members/<name>/`` has what prediction needs of each member.
``model.safetensors`` has the weights, and the md5 of each member's weights in its header. So the file identifies the
fusion, as it identifies other models.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from humotion.files import atomic_folder, write_json
from humotion.training.description import (
    CHECKPOINT,
    DESCRIPTION,
    FUSION,
    VALIDATION,
    WEIGHTS,
    ModelDescription,
)
from humotion.work import digest_of_file

MEMBERS = "members"


def architecture_of(weights: Mapping[str, float]) -> dict[str, object]:
    """Return the ``architecture`` of a fusion's description, from the weight of each member."""
    return {"family": FUSION, "name": FUSION, "members": dict(weights)}


def members_of(description: ModelDescription) -> dict[str, float]:
    """Return the weight of each member of a fusion, by name."""
    return dict(description.architecture["members"])


def weights_of_members(names: Mapping[str, object] | tuple[str, ...]) -> dict[str, str]:
    """Return the md5 of the weights of each member in ``models/``."""
    return {name: digest_of_file(Path("models") / name / WEIGHTS) for name in names}


def save_fusion(folder: Path, description: ModelDescription, validation: pd.DataFrame) -> None:
    """Write the model folder of a fusion in one atomic step; its members are copied from ``models/``."""
    weights = members_of(description)
    with atomic_folder(folder) as temporary:
        for name in weights:
            leave_out = shutil.ignore_patterns(CHECKPOINT, VALIDATION)  # only needed to train, and to compare
            shutil.copytree(Path("models") / name, temporary / MEMBERS / name, ignore=leave_out)
        save_file(
            {"weights": np.array(list(weights.values()))}, temporary / WEIGHTS, metadata=weights_of_members(weights)
        )
        validation.to_parquet(temporary / VALIDATION, index=False)
        write_json(temporary / DESCRIPTION, asdict(description))
