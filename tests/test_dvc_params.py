"""Which stages turn stale when one value of params.yaml changes, asked of the real DVC."""

from __future__ import annotations

import contextlib
import copy
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from dvc.stage import PipelineStage
from dvc.stage.cache import _get_stage_hash
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from humotion.checkout.recipes import apply_recipe, show_recipe
from humotion.params.document import Params
from tests.support.dvc_project import copy_pipeline, pipeline, read_params, write_stand_ins
from tests.support.repository import REPOSITORY

Leaf = tuple[str, ...]
PARAMS = read_params()
UNTRACKED = ("machine", "sweeps")  # by the stages of dvc.yaml; sweeps have a file of their own

# The stages whose code reads a value, or whose inputs lie elsewhere with it. Stages after them follow through files.
READERS: dict[str, set[str]] = {
    "datasets.layout": {"index", "extract"},
    "datasets.root": {"index", "extract"},
    "datasets.decode": {"extract"},
    "datasets.frames": {"extract"},
    "datasets.on_damage": {"extract"},  # index records facts; what is done about them is a choice
    "layers.dataset": {"annotate", "review"},
    "layers": {"annotate"},  # a layer that is made of another one follows through files
    # names of folders are read by every stage that depends on one of them
    "experiments.task": {"sample", "train", "evaluate", "register"},
    "experiments.dataset": {"sample", "augment", "train", "evaluate", "register"},
    "experiments.layer": {"sample", "augment", "train", "evaluate"},
    "experiments.input": {"sample", "augment", "train", "evaluate"},
    "experiments.seed": {"augment", "train", "evaluate", "register"},
    "experiments.clips": {"sample"},
    "experiments.augment": {"augment", "train"},  # training reads the crop's size, which no plan repeats
    "experiments.model": {"train"},
    "experiments.model.family": {"train", "evaluate"},
    "experiments.optimizer": {"train"},
    "experiments.trainer": {"train"},
    "experiments.evaluate": {"evaluate"},
    "experiments.register": {"register"},
    "fusions": {"fuse"},
    "rebalance": {"rebalance"},
}


def expected(leaf: Leaf) -> set[str]:
    """Addresses of the stages that a leaf makes stale, by the longest entry of READERS that it lies under."""
    section, name, *rest = leaf
    if section in UNTRACKED:
        return set()
    ends = range(len(rest), -1, -1)
    key = next(key for end in ends if (key := ".".join([section, *rest[:end]])) in READERS)
    return {f"{stage}@{name}" for stage in READERS[key]}


def leaves(value: Any, path: Leaf = ()) -> Iterator[Leaf]:
    if not isinstance(value, dict):
        yield path
        return
    for key, child in value.items():
        yield from leaves(child, (*path, key))


def changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):  # DVC compares a list as a whole, so a change deep in its last item is enough
        return [*value[:-1], changed(value[-1])] if value else ["changed"]
    if isinstance(value, dict):
        return {key: changed(item) for key, item in value.items()}
    return value + 1 if isinstance(value, int | float) else "changed"


def with_changes(paths: list[Leaf]) -> dict[str, Any]:
    params = copy.deepcopy(PARAMS)
    for *parents, last in paths:
        target: Any = params
        for key in parents:
            target = target[key]
        target[last] = changed(target[last])
    return params


def rounds() -> list[list[Leaf]]:
    """All leaves, several at a time: one of each dataset and each experiment (and what else has its name)."""
    by_owner: dict[str, list[Leaf]] = {}
    for leaf in leaves(PARAMS):
        if leaf[0] != "machine":
            by_owner.setdefault(leaf[1], []).append(leaf)
    machine = [leaf for leaf in leaves(PARAMS) if leaf[0] == "machine"]
    return [machine, *([leaf for leaf in row if leaf] for row in itertools.zip_longest(*by_owner.values()))]


def inputs(stage: PipelineStage) -> set[str]:
    return {dep.def_path for dep in stage.deps}


def run_key(stage: PipelineStage) -> str:
    """What DVC finds an earlier run with the same inputs by, in its run cache."""
    return str(_get_stage_hash(stage))


class Pipeline:
    """A project in which everything is up to date."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_pipeline(folder)
        with contextlib.chdir(folder), Repo.init(".", no_scm=True) as repo:
            write_stand_ins(repo)
            repo.commit(force=True)
            assert repo.status() == {}
            self.inputs = {name: inputs(stage) for name, stage in pipeline(repo).items()}
            self.runs = {name: run_key(stage) for name, stage in pipeline(repo).items()}

    def stale(self, params: dict[str, Any]) -> set[str]:
        """The stages that other parameters make stale: by a value they track, their command, or their inputs."""
        with (self.folder / "params.yaml").open("w") as stream:
            YAML().dump(params, stream)
        with contextlib.chdir(self.folder), Repo(".") as repo:
            return {name for name, stage in pipeline(repo).items() if self._is_stale(name, stage)}

    def _is_stale(self, name: str, stage: PipelineStage) -> bool:
        if inputs(stage) != self.inputs[name]:
            return True
        tracked = [dep for dep in stage.deps if dep.def_path == "params.yaml"]
        is_stale = stage.changed_stage() or any(dep.status() for dep in tracked)
        for dep in tracked:
            dep.save()
        is_another_run = run_key(stage) != self.runs[name]
        assert is_another_run == is_stale, f"DVC would take the outputs of another value from its cache: {name}"
        return is_stale


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return Pipeline(tmp_path_factory.mktemp("params"))


def test_nothing_is_stale_without_a_change(project: Pipeline) -> None:
    assert project.stale(PARAMS) == set()


def test_each_leaf_makes_exactly_its_readers_stale(project: Pipeline) -> None:
    assert len(rounds()) > 20
    wrong = []
    for paths in rounds():
        stale = project.stale(with_changes(paths))
        for path in paths:
            mine = {address for address in stale if address.endswith(f"@{path[1]}")}
            if mine != expected(path):
                wrong.append(f"{'.'.join(path)}: stale {sorted(mine)}, expected {sorted(expected(path))}")
        if paths[0][0] == "machine" and stale:
            wrong.append(f"machine: stale {sorted(stale)}")
    assert not wrong, "\n".join(wrong)


def set_by_dvc(path: Path, *changes: str) -> list[tuple[str, str]]:
    """The lines, before and after, that differ when the real DVC writes ``dvc exp run -S`` changes into params.yaml."""
    before = path.read_text()
    apply_overrides(path, list(changes))
    after = path.read_text()
    assert len(before.splitlines()) == len(after.splitlines())
    return [pair for pair in zip(before.splitlines(), after.splitlines(), strict=True) if pair[0] != pair[1]]


def test_dvc_changes_only_the_lines_that_are_set(tmp_path: Path) -> None:
    path = Path(shutil.copy(REPOSITORY / "params.yaml", tmp_path))
    assert set_by_dvc(path, "experiments.ls_vit.seed=7") == []  # the same value
    changes = ("experiments.ls_vit.trainer.epochs=1", "experiments.ls_vit.trainer.ema=0.99")
    assert [(old.split("#")[0].split(), new.split("#")[0].split()) for old, new in set_by_dvc(path, *changes)] == [
        (["epochs:", "36"], ["epochs:", "1"]),
        (["ema:"], ["ema:", "0.99"]),
    ]
    (line,) = set_by_dvc(path, "experiments.lstm_pm.augment.policy.0.fill=0")
    assert [side.strip() for side in line] == ["fill: 128", "fill: 0"]
    comments = [line.partition("#")[2] for line in (REPOSITORY / "params.yaml").read_text().splitlines()]
    assert [line.partition("#")[2] for line in path.read_text().splitlines()] == comments


def test_dvc_changes_only_the_lines_that_are_set_after_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recipes are short, in flow style; in params.yaml their lists get DVC's style."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    shutil.copytree(REPOSITORY / "recipes", tmp_path / "recipes")
    monkeypatch.chdir(tmp_path)
    for recipe in sorted(Path("recipes").glob("*.yaml")):
        shutil.copy(REPOSITORY / "params.yaml", tmp_path)
        apply_recipe(recipe.stem)
        wanted = YAML(typ="safe").load(show_recipe(recipe.stem))
        written = YAML(typ="safe").load(Path("params.yaml"))
        for section, entries in wanted.items():
            assert {name: written[section][name] for name in entries} == entries
        (name, *_) = wanted["experiments"]
        (line,) = set_by_dvc(Path("params.yaml"), f"experiments.{name}.seed=99")
        assert [side.split()[:2] for side in line] == [["seed:", "7"], ["seed:", "99"]]


def test_every_section_has_its_readers() -> None:
    """A new section of the schema is a decision about stages: it must be made in READERS."""
    schema = Params.model_json_schema()["$defs"]
    for kind in ("ActionExperiment", "PoseExperiment"):
        assert {f"experiments.{section}" for section in schema[kind]["properties"]} <= READERS.keys()
    assert {f"datasets.{section}" for section in schema["DatasetParams"]["properties"]} <= READERS.keys()
    assert set(Params.model_fields) == {"datasets", "layers", "experiments", "fusions", "rebalance", *UNTRACKED}
