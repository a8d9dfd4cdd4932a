from __future__ import annotations

from pathlib import Path

import pytest

from humotion.params.dataset import DatasetParams
from humotion.params.tasks.action_recognition import ActionRegisterParams
from humotion.registration.card import card, footage, terms
from humotion.tracking.notes import training_note
from humotion.training.description import ModelDescription


def test_what_a_card_says_of_footage_and_terms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sample = DatasetParams(layout="hmdb51", root=Path("data/hmdb51"))
    assert "rendered" not in footage(sample), "without data.dvc it is somebody's own footage"
    Path("data.dvc").touch()
    assert "not real footage" in footage(sample)
    assert "CC BY" not in terms(sample), "the sample is not the public dataset"
    real = DatasetParams(layout="hmdb51", root=Path("/videos/hmdb51"))
    assert "rendered" not in footage(real)
    assert terms(real) == "see the dataset's terms (of the public hmdb51: CC BY 4.0, says its page)"
    assert terms(DatasetParams(layout="folder", root=Path("/videos/mine"))) == "see its terms"


def test_an_option_that_is_not_set_is_not_said_to_be_none() -> None:
    """``smif: null`` is what LS-ViT's setting has, and so far from none."""
    architecture = {"name": "ls_vit", "setting": "default", "smif": None, "lmi": "none"}
    description = ModelDescription("x", "own", "action_recognition", architecture, {}, {}, "run", {}, {})
    gain = {"metric": "top1", "over": "majority", "difference": 0.1, "low": None, "high": None}
    test = {"test": {"top1": 0.5}, "baseline": {}, "gain": gain, "num_clips": 2, "num_groups": 1}
    dataset = DatasetParams(layout="folder", root=Path("/videos/mine"))
    told = card("ls_vit-own", description, dataset, test, ActionRegisterParams())
    assert "Model: name ls_vit, setting default, lmi none.\n" in told
    settings = {"task": "action_recognition", "dataset": "own"}
    settings |= {f"model.{key}": str(value) for key, value in architecture.items()}
    assert "- Model: name ls_vit, setting default, lmi none\n" in training_note("x", settings, {}, None)
