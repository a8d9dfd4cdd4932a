"""A copy of the checkout's pipeline files with stand-ins for all data, for questions to the real DVC."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from dvc.repo import Repo
from dvc.stage import PipelineStage
from ruamel.yaml import YAML

from tests.support.repository import REPOSITORY


def read_params() -> dict[str, Any]:
    """params.yaml, with what the sample leaves out: a layer, one that is made of it, a fusion, and heads to compare.

    DVC does not ask whether the two models of a fusion have the same task.
    """
    of_hmdb51, alone = {"dataset": "hmdb51"}, {"of": "labels", "backbone": "none"}
    params: dict[str, Any] = YAML(typ="safe").load((REPOSITORY / "params.yaml").read_text())
    return params | {
        "layers": {
            "people": {**of_hmdb51, "tool": "blazepose", **alone, "model": "lite", "smoothing": {"beta": 80.0}},
            "features": {**of_hmdb51, "tool": "joint_features", "of": "people", "backbone": "vit", "side": 224},
        },
        "fusions": {
            "both": {"task": "action_recognition", "dataset": "hmdb51", "of": ["ls_vit", "lstm_pm"], "seed": 0}
        },
        "rebalance": {"ls_vit": {"seed": 0, "k_neighbors": 5, "l2": [0.1], "tau": [0.5], "bootstrap": 2000}},
    }


def copy_pipeline(folder: Path) -> Path:
    """dvc.yaml, the parameters of `read_params` and the package, without data."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(REPOSITORY / "dvc.yaml", folder)
    with (folder / "params.yaml").open("w") as stream:
        YAML().dump(read_params(), stream)
    shutil.copytree(REPOSITORY / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return folder


def pipeline(repo: Repo) -> dict[str, PipelineStage]:
    """The stages of dvc.yaml by name, maps unrolled."""
    stages = (stage for stage in repo.index.stages if isinstance(stage, PipelineStage))
    return {stage.name: stage for stage in stages if Path(stage.path).parent == Path(repo.root_dir)}


def code_and_data(stage: PipelineStage) -> tuple[set[str], set[str]]:
    """Paths of a stage's dependencies, relative to dvc.yaml: those below src/, and the others."""
    paths = {dep.def_path for dep in stage.deps if dep.def_path != "params.yaml"}
    code = {path for path in paths if path.startswith("src/")}
    return code, paths - code


def write_stand_ins(repo: Repo) -> None:
    """A tiny file for every output and every dependency that no stage makes; folders get one file."""
    stages = pipeline(repo).values()
    for path in {out.def_path for stage in stages for out in stage.outs} | {
        path for stage in stages for path in code_and_data(stage)[1]
    }:
        target = Path(repo.root_dir) / path
        file = target if target.suffix else target / "file"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
