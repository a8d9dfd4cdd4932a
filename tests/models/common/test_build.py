"""Names resolve to models; an unknown name says which ones there are."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from humotion import choices
from humotion.errors import HumotionError
from humotion.models.common.build import build_model, every_entry, model_entry
from humotion.params.document import family_of

NAMES = [(family, name) for family, name, _ in every_entry()]
ONLY_READ = {"posenet"}  # by an annotation tool: no experiment has it as its model


@pytest.mark.parametrize(("family", "name"), NAMES)
def test_every_name_builds_a_model_that_takes_what_an_input_gives(family: str, name: str) -> None:
    with torch.device("meta"):
        model = build_model(family, name, **next(iter(model_entry(family, name).official.values())))
    if name in ONLY_READ:
        assert model.reads == ("pictures",) and callable(model.normalise)
        return
    assert model.num_neighbours in (1, 3)
    if {"frames", "pictures", "crops"} & set(getattr(model, "reads", ("frames",))):
        assert callable(model.normalise)
    else:
        assert {"landmarks", "features"} & set(model.reads) and not hasattr(model, "normalise")


def test_names_are_unique_so_that_older_model_folders_find_their_family() -> None:
    assert len({name for _, name in NAMES}) == len(NAMES)
    assert all(family_of(name) == (None if name in ONLY_READ else family) for family, name in NAMES)
    assert family_of("resnet") is None


def test_sizes_reach_the_model() -> None:
    assert build_model("pose_machine", "lstm_pm", num_joints=13, input_size=96, width=0.125).map_size == 12


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(HumotionError, match=r"no model family 'resnets'.*pose_machine, vit"):
        build_model("resnets", "resnet")
    with pytest.raises(HumotionError, match=r"'vit' has no model 'rpm'.*ls_vit, vit"):
        model_entry("vit", "rpm")


def test_resolving_names_imports_no_torch() -> None:
    code = "import sys; from humotion.models.common.build import every_entry; list(every_entry()); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_family_is_a_folder_with_its_catalogue() -> None:
    assert {"pose_machine", "vit", "ctr_gcn", "ddnet", "gru", "landmark_lstm"} <= set(choices.names("models"))
