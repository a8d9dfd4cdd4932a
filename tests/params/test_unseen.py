"""DVC overlooks changes of settings called size and nfiles: one is repeated in commands, others are refused."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from humotion.errors import HumotionError
from humotion.params.document import Params, validate_params
from humotion.params.unseen import UNSEEN, WHY, unseen_settings
from tests.support.tiny_project import tiny_params


def raw_params() -> dict[str, Any]:
    return tiny_params().model_dump(mode="json", by_alias=True, exclude_unset=True)


def test_one_setting_has_such_a_name() -> None:
    found: set[type[BaseModel]] = set()

    def walk(kind: Any) -> None:
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in found:
            found.add(kind)
            for field in kind.model_fields.values():
                walk(field.annotation)
        for part in getattr(kind, "__args__", ()):
            walk(part)

    walk(Params)
    assert len(found) > 30
    names = {(kind.__name__, name) for kind in found for name in kind.model_fields if name in UNSEEN}
    sections = ("JointFeature", "Landmark", "PersonCrop", "Picture", "WholeFrame")
    assert names == {(f"{name}Params", "size") for name in sections}


def test_one_of_a_users_is_refused() -> None:
    raw = raw_params()
    raw["experiments"]["action"]["augment"]["policy"] = [{"name": "RandomResizedCrop", "size": [32, 32]}]
    with pytest.raises(HumotionError) as caught:
        validate_params(raw, "params.yaml is not valid:")
    assert str(caught.value).splitlines() == [
        "params.yaml is not valid:",
        "  experiments.action.augment.policy.0.size: remove it; a transform without it uses augment.size",
        WHY,
    ]


def test_names_of_datasets_and_the_machine_may_be_anything() -> None:
    raw = {"datasets": {"size": {"layout": "folder"}}, "experiments": {"nfiles": {}}, "machine": {"size": 1}}
    assert unseen_settings(raw) == []


@pytest.mark.parametrize("name", UNSEEN)
def test_dvc_still_overlooks_them(name: str, tmp_path: Path) -> None:
    """If this fails, a new version of DVC sees them, and the rule can go."""

    def run(command: str) -> str:
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    (tmp_path / "code.py").write_text("import shutil; shutil.copy('params.yaml', 'out.txt')\n")
    (tmp_path / "dvc.yaml").write_text(
        f"stages:\n  a:\n    cmd: python code.py\n    params: [{name}]\n    deps: [code.py]\n    outs: [out.txt]\n"
    )
    run("dvc init --no-scm -q")
    for value in (1, 2):
        (tmp_path / "params.yaml").write_text(f"{name}: {value}\n")
        said = run("dvc repro")
    assert "is cached - skipping run" in said
    assert (tmp_path / "out.txt").read_text() == f"{name}: 1\n"
