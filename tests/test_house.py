"""The rules of the house that no linter knows: where names may stand, how large rooms grow, what has a docstring."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from humotion import choices
from tests.support.import_graph import imported
from tests.support.repository import REPOSITORY

PACKAGE = REPOSITORY / "src" / "humotion"
FILES = sorted(PACKAGE.rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def functions(path: Path) -> Iterator[tuple[Function, bool]]:
    """Every function of a file, and whether it is a public method of a public class."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    methods = {
        item
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        for item in node.body
        if isinstance(item, Function) and not item.name.startswith("_")
    }
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node, node in methods


def length(node: Function) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("task", choices.names("tasks"))
def test_no_shared_room_knows_a_task(task: str) -> None:
    named = [path for path in FILES if room(path) not in ("tasks", "params") and task in path.read_text("utf-8")]
    assert not named, f"{task} is named in {[str(path) for path in named]}: its room in tasks/ is to answer instead"


def test_packages_hold_nothing_but_their_description() -> None:
    """What stands there is run by everybody who imports something of the package, and no dependency names it."""
    sets_up_mlflow = PACKAGE / "tracking" / "__init__.py"
    for path in set(PACKAGE.rglob("__init__.py")) - {sets_up_mlflow}:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert [type(node) for node in body] == [ast.Expr], path


def test_rooms_are_small() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 7
    stages = [len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.glob("stages/*.py")]
    assert sum(stages) < 90 * len(stages), "stages are thin: the rooms do the work"
    long = [path for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > 300]
    assert not long


def test_functions_fit_on_a_screen() -> None:
    long = [f"{path.name}:{node.name}" for path in FILES for node, _ in functions(path) if length(node) > 60]
    assert not long


def test_public_methods_of_more_than_a_line_say_what_they_do() -> None:
    silent = [
        f"{path.relative_to(PACKAGE)}:{node.name}"
        for path in FILES
        for node, is_public_method in functions(path)
        if is_public_method and len(node.body) > 1 and ast.get_docstring(node) is None
    ]
    assert not silent


def test_no_modules_import_each_other_in_a_circle() -> None:
    modules = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in FILES]
    graph = {module: imported(module) - {module} for module in modules if not module.endswith("__init__")}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle
