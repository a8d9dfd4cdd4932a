"""dvc.yaml against the code: its stages, and that each lists the code it runs, whatever params.yaml chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from dvc.stage import PipelineStage
from ruamel.yaml import YAML

from humotion.params.layer import NO_BACKBONE
from tests.support.dvc_project import code_and_data, copy_pipeline, pipeline, read_params
from tests.support.every_choice import (
    PER_DATASET,
    PER_EXPERIMENT,
    PER_LAYER,
    chosen_by_dataset,
    chosen_by_experiment,
    chosen_by_layer,
    fused,
    params_of_every_choice,
    rebalanced,
)
from tests.support.import_graph import reached_files
from tests.support.repository import REPOSITORY

PARAMS = read_params()
EXPECTED = [
    *(f"{stage}@{name}" for stage in PER_DATASET for name in PARAMS["datasets"]),
    *(f"{stage}@{name}" for stage in PER_LAYER for name in PARAMS["layers"]),
    *(f"{stage}@{name}" for stage in PER_EXPERIMENT for name in PARAMS["experiments"]),
    *(f"fuse@{name}" for name in PARAMS["fusions"]),
    *(f"rebalance@{name}" for name in PARAMS["rebalance"]),
]
EVERY: dict[str, tuple[str, dict[str, str]]] = {
    **{f"{stage}@{name}": (stage, found) for stage in PER_DATASET for name, found in chosen_by_dataset().items()},
    **{f"{stage}@{name}": (stage, found) for stage in PER_LAYER for name, found in chosen_by_layer().items()},
    **{f"{stage}@{name}": (stage, found) for stage in PER_EXPERIMENT for name, found in chosen_by_experiment().items()},
    **{
        f"rebalance@{name}": ("rebalance", found)
        for name, found in chosen_by_experiment().items()
        if found["tasks"] in rebalanced()
    },
    **{
        f"fuse@fusion_of_{task}": ("fuse", next(one for one in chosen_by_experiment().values() if one["tasks"] == task))
        for task in fused()
    },
}


WITH_MODELS = ("rebalance", "fuse")
"""Stages that start from trained models."""


def unrolled(folder: Path, params: dict[str, Any]) -> dict[str, PipelineStage]:
    """The stages of dvc.yaml for these parameters."""
    copy_pipeline(folder)
    with (folder / "params.yaml").open("w") as stream:
        YAML().dump(params, stream)
    with Repo.init(str(folder), no_scm=True) as repo:
        return pipeline(repo)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PipelineStage]:
    return unrolled(tmp_path_factory.mktemp("pipeline"), PARAMS)


@pytest.fixture(scope="module")
def every_stage(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PipelineStage]:
    """The stages of every layout, and of every combination of task, input and model."""
    return unrolled(tmp_path_factory.mktemp("every"), params_of_every_choice(PARAMS["experiments"]))


def covers(dep: str, file: str) -> bool:
    return file == dep or file.startswith(f"{dep}/")


def reached(address: str) -> set[str]:
    """The code that a stage runs, less what comes with a model folder that it depends on."""
    stage, chosen = EVERY[address]
    files = reached_files(stage, chosen)
    if stage not in WITH_MODELS:
        return files
    with_the_model = (
        f"src/humotion/tasks/{chosen['tasks']}/training",
        f"src/humotion/models/{chosen['models']}",
        f"src/humotion/inputs/{chosen['inputs']}.py",
        "src/humotion/poses",
    )
    return {file for file in files if not any(covers(dep, file) for dep in with_the_model)}


def test_stages(stages: dict[str, PipelineStage], every_stage: dict[str, PipelineStage]) -> None:
    assert sorted(stages) == sorted(EXPECTED)
    assert sorted(every_stage) == sorted(EVERY)
    assert all(stage.desc for stage in stages.values())


@pytest.mark.parametrize("address", EVERY)
def test_code_that_a_stage_runs_is_a_dependency(every_stage: dict[str, PipelineStage], address: str) -> None:
    code, _ = code_and_data(every_stage[address])
    missing = sorted(file for file in reached(address) if not any(covers(dep, file) for dep in code))
    assert not missing, f"{address}: dvc.yaml lacks the dependencies {missing}"


@pytest.mark.parametrize("stage", [*PER_DATASET, *PER_LAYER, *PER_EXPERIMENT, *WITH_MODELS])
def test_no_code_dependency_is_without_use(every_stage: dict[str, PipelineStage], stage: str) -> None:
    # The instances of a stage share a list, so an entry is of use if one of them runs it.
    instances = [address for address in EVERY if address.startswith(f"{stage}@")]
    code = {dep for address in instances for dep in code_and_data(every_stage[address])[0]}
    used = {file for address in instances for file in reached(address)}
    absent = sorted(dep for dep in code if not (REPOSITORY / dep).exists())
    empty = {f"src/humotion/models/{NO_BACKBONE}"}  # stands for no code
    unused = sorted(dep for dep in code - empty if not any(covers(dep, file) for file in used))
    assert not absent, f"{stage}: no such file {absent}"
    assert not unused, f"{stage}: runs nothing of {unused}"


def test_what_rebalancing_has_from_the_model_folder_trains_the_model(every_stage: dict[str, PipelineStage]) -> None:
    for address in (address for address in EVERY if address.startswith("rebalance@")):
        name = address.partition("@")[2]
        stage, chosen = EVERY[address]
        left_out = reached_files(stage, chosen) - reached(address)
        code, _ = code_and_data(every_stage[f"train@{name}"])
        assert not [file for file in left_out if not any(covers(dep, file) for dep in code)]


def test_the_lists_are_short() -> None:
    assert len((REPOSITORY / "dvc.yaml").read_text().splitlines()) < 350
    pipeline: dict[str, Any] = YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text())
    code = [dep for dep in pipeline["stages"]["train"]["do"]["deps"] if dep.startswith("src/")]
    assert len(code) <= 10


def test_the_walk_sees_what_imports_do_not_say() -> None:
    files = reached_files("train", chosen_by_experiment()["ls_vit_whole_frames"])
    named = {"tasks/action_recognition/training/module.py", "models/vit/ls_vit.py", "inputs/whole_frames.py"}
    assert {f"src/humotion/{file}" for file in named} <= files  # resolved at run time
    assert "src/humotion/models/vit/vit.py" in files  # ... and what that imports
    assert "src/humotion/clips/input.py" in files
    assert not [file for file in files if "pose_machine" in file or "pose_estimation" in file or "person_crops" in file]
    assert not [file for file in files if "params/" in file or file.endswith("__init__.py")]
    indexed = reached_files("index", chosen_by_dataset()["of_jhmdb"])
    assert "src/humotion/datasets/jhmdb.py" in indexed
    assert "src/humotion/datasets/hmdb51.py" not in indexed


def test_outs_are_disjoint_and_not_below_data(stages: dict[str, PipelineStage]) -> None:
    outs = [Path(out.def_path) for stage in stages.values() for out in stage.outs]
    assert not [out for out in outs if out.parts[0] in ("data", "src")]
    nested = [(str(one), str(other)) for one in outs for other in outs if one in other.parents]
    assert not nested
    assert len(set(outs)) == len(outs)


def test_every_input_is_made_by_a_stage_or_is_raw(stages: dict[str, PipelineStage]) -> None:
    outs = {out.def_path for stage in stages.values() for out in stage.outs}
    roots = {settings["root"] for settings in PARAMS["datasets"].values()}
    inputs = {path for stage in stages.values() for path in code_and_data(stage)[1]}
    assert not inputs - outs - roots


def test_without_layers_fusions_and_heads_to_compare_the_pipeline_has_no_such_stage(tmp_path: Path) -> None:
    params: dict[str, Any] = YAML(typ="safe").load((REPOSITORY / "params.yaml").read_text())
    assert params["layers"] == params["fusions"] == params["rebalance"] == {}
    made = ("annotate@", "review@", "fuse@", "rebalance@")
    assert sorted(unrolled(tmp_path, params)) == sorted(name for name in EXPECTED if not name.startswith(made))
