"""Which modules of the package a stage's code reaches, found by reading imports and not by running them.

Names that are resolved at run time are followed too: ``choices.load("tasks", name, "training.module")`` reaches the
module of whatever is chosen.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from humotion import choices
from tests.support.repository import REPOSITORY

SOURCE = REPOSITORY / "src"

# Rooms on which no stage depends: they pass settings in and reports out, and change no result.
OUTSIDE = (
    *("humotion.cli", "humotion.params", "humotion.parallel", "humotion.choices"),
    *("humotion.errors", "humotion.files", "humotion.work", "humotion.tracking"),
    "humotion.system",
)


def file_of(module: str) -> Path | None:
    """The source file of a module of the package, or None if there is no such module."""
    path = SOURCE.joinpath(*module.split("."))
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def reached_files(stage: str, chosen: Mapping[str, str]) -> set[str]:
    """Files, relative to the checkout, of the modules that a stage reaches.

    ``chosen`` has the name that is chosen in each room (``{"tasks": "pose_estimation"}``), and the ``model`` of the
    family; a layer that reads any model of its family has none, and reaches all of them.

    What is resolved in a room that the stage chooses nothing from is not followed: a dataset's layout, of which
    a model folder of an older version may name the joint set, for stages that no such folder reaches.
    """
    todo, seen = [f"humotion.stages.{stage}"], set()
    while todo:
        module = todo.pop()
        if module in seen or any(module == room or module.startswith(f"{room}.") for room in OUTSIDE):
            continue
        seen.add(module)
        todo += [*imported(module), *resolved(module, chosen)]
    files = {file for module in seen if (file := file_of(module)) is not None and _has_code(file)}
    return {file.relative_to(SOURCE.parent).as_posix() for file in files}


def imported(module: str) -> set[str]:
    """Modules of the package that a module imports, inside functions too, but not under TYPE_CHECKING."""
    path = file_of(module)
    assert path is not None, module
    found: set[str] = set()
    for node in _runtime_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {target for alias in node.names for target in _with_parents(alias.name)}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                is_module = str(node.module).startswith("humotion") and file_of(submodule) is not None
                found |= _with_parents(submodule if is_module else str(node.module))
    return found


def resolved(module: str, chosen: Mapping[str, str]) -> set[str]:
    """Modules that calls of ``choices.load`` in a module resolve, for what is chosen."""
    path = file_of(module)
    assert path is not None, module
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "choices.load":
            room, _, *part = node.args
            assert isinstance(room, ast.Constant), f"{path}: choices.load of a room that is not written out"
            if room.value in chosen:
                name = f"humotion.{room.value}.{chosen[room.value]}"
                found |= {f"{name}.{last}" for one in part for last in _parts(one, chosen)} if part else {name}
    return found


def _parts(part: ast.expr, chosen: Mapping[str, str]) -> list[str]:
    """What the part of a choice may be: as it is written out, or else the model, or else all models of the family."""
    if isinstance(part, ast.Constant):
        return [str(part.value)]
    return [chosen["model"]] if "model" in chosen else list(choices.load("models", chosen["models"], "official").MODELS)


def _with_parents(module: str) -> set[str]:
    """The module and, as Python runs them on the way, its packages."""
    if module.split(".")[0] != "humotion":
        return set()
    parts = module.split(".")
    return {module} | {".".join(parts[:end]) for end in range(1, len(parts))}


def _runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from (found for other in child.orelse for found in _runtime_nodes(other))
            continue
        yield child
        yield from _runtime_nodes(child)


def _has_code(path: Path) -> bool:
    body: list[Any] = ast.parse(path.read_text(encoding="utf-8")).body
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in body)
