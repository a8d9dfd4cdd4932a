"""Names resolve to models; an unknown name says which ones there are."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from humotion.errors import HumotionError
from humotion.models.common.build import MODELS, build_model, model_entry


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_name_builds_a_model_that_normalises_frames(name: str) -> None:
    with torch.device("meta"):
        model = build_model(name)
    assert model.num_neighbours in (1, 3)
    assert MODELS[name].task in ("pose_estimation", "action_recognition")
    assert callable(model.normalise)


def test_sizes_reach_the_model() -> None:
    assert build_model("lstm_pm", num_joints=13, input_size=96, width=0.125).map_size == 12


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(HumotionError, match=r"resnet.*cpm, ls_vit, lstm_pm, rpm, vit"):
        build_model("resnet")
    assert model_entry("vit").task == "action_recognition"


def test_resolving_names_imports_no_torch() -> None:
    code = "import sys, humotion.models; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
