"""sweeps/dvc.yaml against the real DVC: what makes a sweep stale, and that `dvc repro` alone never runs one."""

from __future__ import annotations

import contextlib
import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from dvc.stage import PipelineStage
from ruamel.yaml import YAML

from tests.support.dvc_project import code_and_data, copy_pipeline, pipeline
from tests.support.every_choice import chosen_by_experiment, params_of_every_choice
from tests.support.import_graph import reached_files
from tests.support.repository import REPOSITORY
from tests.test_dvc_params import changed, leaves
from tests.test_dvc_yaml import covers

PARAMS: dict[str, Any] = YAML(typ="safe").load((REPOSITORY / "params.yaml").read_text())
EXPERIMENTS = list(PARAMS["experiments"])
NAMES = ("task", "dataset", "layer", "input")  # another one leads to other files
READ = ("seed", "augment", "model", "optimizer", "trainer")


def sweep_stages(repo: Repo) -> dict[str, PipelineStage]:
    stages = [stage for stage in repo.index.stages if isinstance(stage, PipelineStage)]
    return {stage.name: stage for stage in stages if Path(stage.path).parent.name == "sweeps"}


def copy_with_sweeps(folder: Path) -> Path:
    copy_pipeline(folder)
    (folder / "sweeps").mkdir()
    shutil.copy(REPOSITORY / "sweeps" / "dvc.yaml", folder / "sweeps")
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline with its sweeps, everything up to date."""
    folder = copy_with_sweeps(tmp_path_factory.mktemp("pipeline"))
    with contextlib.chdir(folder), Repo.init(".", no_scm=True) as repo:
        every = {**pipeline(repo), **sweep_stages(repo)}.values()
        paths = {out.def_path for stage in every for out in stage.outs}
        for path in paths | {path for stage in every for path in code_and_data(stage)[1]}:
            file = folder / path if Path(path).suffix else folder / path / "file"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(path)
        repo.commit(force=True)
        assert repo.status() == {}
    return folder


def stale(project: Path, params: dict[str, Any]) -> set[str]:
    with (project / "params.yaml").open("w") as stream:
        YAML().dump(params, stream)
    with contextlib.chdir(project), Repo(".") as repo:
        names = set()
        for name, stage in sweep_stages(repo).items():
            tracked = (dep for dep in stage.deps if dep.def_path == "params.yaml")
            if stage.changed_stage() or any(dep.status() for dep in tracked):
                names.add(name)
        return names


def test_a_sweep_for_every_experiment(project: Path) -> None:
    with contextlib.chdir(project), Repo(".") as repo:
        stages = sweep_stages(repo)
        others = {out.def_path for stage in pipeline(repo).values() for out in stage.outs}
    assert sorted(stages) == sorted(f"sweep@{name}" for name in EXPERIMENTS)
    for name in EXPERIMENTS:
        assert code_and_data(stages[f"sweep@{name}"])[1] <= others
        assert [out.def_path for out in stages[f"sweep@{name}"].outs] == [f"sweeps/{name}"]


def test_code_that_a_sweep_runs_is_a_dependency_whatever_is_chosen(tmp_path: Path) -> None:
    folder = copy_with_sweeps(tmp_path)
    with (folder / "params.yaml").open("w") as stream:
        YAML().dump(params_of_every_choice(PARAMS["experiments"]), stream)
    with contextlib.chdir(folder), Repo.init(".", no_scm=True) as repo:
        stages = sweep_stages(repo)
    listed: set[str] = set()
    reached: set[str] = set()
    for name, chosen in chosen_by_experiment().items():
        code, _ = code_and_data(stages[f"sweep@{name}"])
        files = reached_files("sweep", chosen)
        missing = sorted(file for file in files if not any(covers(dep, file) for dep in code))
        assert not missing, f"sweep@{name}: sweeps/dvc.yaml lacks the dependencies {missing}"
        listed |= code
        reached |= files
    unused = sorted(dep for dep in listed if not any(covers(dep, file) for file in reached))
    assert not unused, f"sweeps/dvc.yaml: runs nothing of {unused}"


def test_what_makes_a_sweep_stale(project: Path) -> None:
    assert stale(project, PARAMS) == set()
    for name in EXPERIMENTS:
        by_section: dict[str, list[tuple[str, ...]]] = {}
        for leaf in leaves(PARAMS["experiments"][name]):
            by_section.setdefault(leaf[0], []).append(("experiments", name, *leaf))
        by_section["sweeps"] = [("sweeps", name, "trials")]
        for section, paths in by_section.items():
            if section in NAMES:
                continue
            params = copy.deepcopy(PARAMS)
            *parents, last = paths[-1]
            target: Any = params
            for key in parents:
                target = target[key]
            target[last] = changed(target[last])
            expected = {f"sweep@{name}"} if section in (*READ, "sweeps") else set()
            assert stale(project, params) == expected, section


def test_repro_alone_never_sweeps(project: Path) -> None:
    params = copy.deepcopy(PARAMS)
    for name in EXPERIMENTS:
        params["sweeps"][name]["trials"] += 1
    assert stale(project, params) == {f"sweep@{name}" for name in EXPERIMENTS}
    with contextlib.chdir(project), Repo(".") as repo:
        assert repo.reproduce() == []
        planned = repo.reproduce(targets=["sweeps/dvc.yaml"], dry=True)
        assert {stage.name for stage in planned} == {f"sweep@{name}" for name in EXPERIMENTS}


def test_dvc_finds_sweeps_only_when_they_are_named() -> None:
    """So that `dvc status` is clean after `dvc repro`, and outputs stay out of git."""
    with Repo(str(REPOSITORY)) as repo, contextlib.chdir(REPOSITORY):
        assert not sweep_stages(repo)
        (stage,) = repo.stage.collect("sweeps/dvc.yaml:sweep@ls_vit")
        assert stage.outs[0].def_path == "sweeps/ls_vit"
        assert repo.scm.is_ignored("sweeps/ls_vit/")
        assert not repo.scm.is_ignored("sweeps/dvc.lock")
        assert not repo.scm.is_ignored("sweeps/dvc.yaml")
