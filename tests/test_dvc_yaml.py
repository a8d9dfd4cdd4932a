"""dvc.yaml against the code: the stages there are, and that each lists the code it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from dvc.repo import Repo
from dvc.stage import PipelineStage

from humotion.datasets.shared.open import LAYOUTS
from humotion.models.common.build import model_entry
from humotion.training.task import TASKS
from tests.support.dvc_project import code_and_data, copy_pipeline, pipeline, read_params
from tests.support.import_graph import reached_files
from tests.support.repository import REPOSITORY

PARAMS = read_params()
PER_DATASET = ("index", "extract", "explore")
PER_EXPERIMENT = ("sample", "augment", "train", "evaluate", "register")
PER_REBALANCED = ("rebalance",)
EXPECTED = [
    *(f"{stage}@{name}" for stage in PER_DATASET for name in PARAMS["datasets"]),
    *(f"{stage}@{name}" for stage in PER_EXPERIMENT for name in PARAMS["experiments"]),
    *(f"{stage}@{name}" for stage in PER_REBALANCED for name in PARAMS["rebalance"]),
]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PipelineStage]:
    folder = copy_pipeline(tmp_path_factory.mktemp("pipeline"))
    with Repo.init(str(folder), no_scm=True) as repo:
        return pipeline(repo)


def named_modules(stage: str, name: str) -> dict[str, str]:
    """What the registries resolve for a dataset or an experiment."""
    if name in PARAMS["datasets"]:
        layout = LAYOUTS[PARAMS["datasets"][name]["layout"]]
        return {"humotion.datasets.shared.open": layout.__module__}
    experiment = PARAMS["experiments"][name]
    return {
        "humotion.training.task": TASKS[experiment["task"]].split(":")[0],
        "humotion.models.common.build": model_entry(experiment["model"]["name"]).target.split(":")[0],
        "protocol": f"humotion.tasks.{experiment['task']}.evaluation.protocol",
    }


def covers(dep: str, file: str) -> bool:
    return file == dep or file.startswith(f"{dep}/")


def test_stages(stages: dict[str, PipelineStage]) -> None:
    assert sorted(stages) == sorted(EXPECTED)
    assert all(stage.desc for stage in stages.values())


@pytest.mark.parametrize("address", EXPECTED)
def test_code_that_a_stage_runs_is_a_dependency(stages: dict[str, PipelineStage], address: str) -> None:
    code, _ = code_and_data(stages[address])
    reached = reached_files(address.split("@")[0], named_modules(*address.split("@")))
    missing = sorted(file for file in reached if not any(covers(dep, file) for dep in code))
    assert not missing, f"{address}: dvc.yaml lacks the dependencies {missing}"


@pytest.mark.parametrize("stage", PER_DATASET + PER_EXPERIMENT + PER_REBALANCED)
def test_no_code_dependency_is_stale(stages: dict[str, PipelineStage], stage: str) -> None:
    # The instances of a stage share a list, so an entry is of use if one of them runs it.
    instances = [address for address in EXPECTED if address.startswith(f"{stage}@")]
    code = {dep for address in instances for dep in code_and_data(stages[address])[0]}
    reached = {file for address in instances for file in reached_files(stage, named_modules(*address.split("@")))}
    absent = sorted(dep for dep in code if not (REPOSITORY / dep).exists())
    unused = sorted(dep for dep in code if not any(covers(dep, file) for file in reached))
    assert not absent, f"{stage}: no such file {absent}"
    assert not unused, f"{stage}: runs nothing of {unused}"


def test_the_walk_sees_what_imports_do_not_say() -> None:
    reached = reached_files("train", named_modules("train", "ls_vit"))
    assert "src/humotion/models/vit/ls_vit.py" in reached  # named at run time
    assert "src/humotion/models/vit/vit.py" in reached  # ... and what that imports
    assert "src/humotion/models/pose_machine/lstm_pm.py" not in reached
    assert "src/humotion/clips/views.py" in reached
    assert "src/humotion/params/document.py" not in reached
    assert "src/humotion/training/__init__.py" not in reached  # a docstring
    assert "src/humotion/datasets/hmdb51.py" not in reached


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


def test_without_heads_to_compare_the_pipeline_has_no_such_stage(tmp_path: Path) -> None:
    folder = copy_pipeline(tmp_path)
    (folder / "params.yaml").write_text((REPOSITORY / "params.yaml").read_text())
    with Repo.init(str(folder), no_scm=True) as repo:
        assert sorted(pipeline(repo)) == sorted(stage for stage in EXPECTED if not stage.startswith("rebalance@"))
