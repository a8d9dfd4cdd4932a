"""The best parameters in params.yaml: nothing else changes."""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from humotion.errors import HumotionError
from humotion.files import write_json
from humotion.params.document import load_params
from humotion.sweep.apply import apply_best, replace_values
from tests.support.repository import REPOSITORY


def changed_lines(before: str, after: str) -> list[str]:
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in diff if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def outcome(folder: Path, *params: dict[str, Any]) -> Path:
    best = [{"trial": number, "values": {"val/top1": 0.5}, "params": values} for number, values in enumerate(params)]
    write_json(folder / "best.json", {"best": best})
    return folder


@pytest.fixture
def params_file(tmp_path: Path) -> Path:
    return Path(shutil.copy(REPOSITORY / "params.yaml", tmp_path))


def test_git_diff_shows_the_decision(params_file: Path, tmp_path: Path) -> None:
    before = params_file.read_text()
    experiment = load_params(params_file).experiment("ls_vit")
    changes = {
        "optimizer.lr": 1e-05,
        "optimizer.name": "sgd",
        "augment.policy.1.p": 0.25,  # in a map within a list
        "model.class_token": True,
        "optimizer.momentum": 0.8,  # not in the file: its default holds so far
    }
    text = apply_best("ls_vit", outcome(tmp_path / "out", changes), params_file=params_file)
    assert "dvc repro" in text
    after = params_file.read_text()
    lines = changed_lines(before, after)
    assert len(lines) == 2 * 4 + 1, lines
    assert next(line for line in lines if line.startswith("+") and "class_token" in line).endswith(
        "# false: the mean of the patch tokens; it learns faster from scratch"
    )
    new = load_params(params_file).experiment("ls_vit")
    assert (new.optimizer.lr, new.optimizer.name, new.optimizer.momentum) == (1e-05, "sgd", 0.8)
    assert new.augment.policy[1].arguments() == {"p": 0.25}
    assert new.trainer == experiment.trainer and new.clips == experiment.clips


def test_exact_values_and_every_kind() -> None:
    text = "a: {b: 1, c: x}  # kept\nd:\n  - {e: 2}\n"
    values = {"a.b": 0.1 + 0.2, "a.c": "yes: no", "d.0.e": None, "a.f.g": False, "a.h": 3}
    new = replace_values(text, values)
    assert YAML(typ="safe").load(new) == {
        "a": {"b": 0.1 + 0.2, "c": "yes: no", "f": {"g": False}, "h": 3},
        "d": [{"e": None}],
    }
    assert new.splitlines()[0].endswith("# kept")


def test_null_is_a_key_without_a_value_as_dvc_writes_it() -> None:
    text = "a:\n  b:       # why\n  c:\n  d: 4     # four\n  e: 5\n  f: {g: 6}\n  h:\n"
    new = replace_values(text, {"a.b": 0.99, "a.c": 3, "a.d": None, "a.e": None, "a.f.g": None, "a.h": None})
    assert new == "a:\n  b: 0.99  # why\n  c: 3\n  d:       # four\n  e:\n  f: {g: null}\n  h:\n"
    assert YAML(typ="safe").load(new) == {"a": {"b": 0.99, "c": 3, "d": None, "e": None, "f": {"g": None}, "h": None}}


def test_values_shared_by_anchors_are_left_alone() -> None:
    text = "a: &x {lr: 1}\nb: *x\n"
    with pytest.raises(HumotionError, match="by hand"):
        replace_values(text, {"a.lr": 2})


def test_a_choice_is_the_users(params_file: Path, tmp_path: Path) -> None:
    before = params_file.read_text()
    folder = outcome(tmp_path / "out", {"optimizer.lr": 0.001}, {"optimizer.lr": 0.002})
    for trial in (None, 7):
        with pytest.raises(HumotionError, match="--trial"):
            apply_best("ls_vit", folder, trial, params_file)
    assert params_file.read_text() == before
    apply_best("ls_vit", folder, 1, params_file)
    assert load_params(params_file).experiment("ls_vit").optimizer.lr == 0.002


def test_nothing_to_apply(params_file: Path, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="humotion sweep ls_vit"):
        apply_best("ls_vit", tmp_path / "none", params_file=params_file)
    with pytest.raises(HumotionError, match="No trial"):
        apply_best("ls_vit", outcome(tmp_path / "out"), params_file=params_file)


def test_values_that_params_yaml_cannot_have_leave_it_as_it_was(params_file: Path, tmp_path: Path) -> None:
    before = params_file.read_text()
    with pytest.raises(HumotionError, match=r"optimizer\.lr"):
        apply_best("ls_vit", outcome(tmp_path / "out", {"optimizer.lr": -1.0}), params_file=params_file)
    assert params_file.read_text() == before
