from __future__ import annotations

from humotion.evaluation.face import load_face
from humotion.params.tasks.action_recognition import ActionRegisterParams
from humotion.registration.card import card
from humotion.tracking.notes import training_note
from humotion.training.description import ModelDescription


def test_an_option_that_is_not_set_is_not_said_to_be_none() -> None:
    """``smif: null`` is what LS-ViT's setting has, and so far from none."""
    architecture = {"name": "ls_vit", "setting": "default", "smif": None, "lmi": "none"}
    description = ModelDescription("x", "own", "action_recognition", architecture, {}, {}, "run", {}, {})
    gain = {"metric": "top1", "over": "majority", "difference": 0.1, "low": None, "high": None}
    test = {"test": {"top1": 0.5}, "baseline": {}, "gain": gain, "num_clips": 2, "num_groups": 1}
    about = {"layout": "folder", "footage": "The videos lie elsewhere.", "terms": "see its terms"}
    told = card("ls_vit-own", description, about, test, ActionRegisterParams(), load_face("action_recognition"))
    assert "The videos lie elsewhere." in told
    assert "Data: see its terms." in told
    assert "Model: name ls_vit, setting default, lmi none.\n" in told
    settings = {"task": "action_recognition", "input": "whole_frames", "dataset": "own"}
    settings |= {f"model.{key}": str(value) for key, value in architecture.items()}
    assert "- Model: name ls_vit, setting default, lmi none\n" in training_note("x", settings, {}, None)
