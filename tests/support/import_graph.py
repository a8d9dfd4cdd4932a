"""Which modules of the package a stage's code reaches, found by reading imports and not by running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.repository import REPOSITORY

SOURCE = REPOSITORY / "src"

# Rooms on which no stage depends: they pass settings in and reports out, and change no result.
OUTSIDE = (
    *("humotion.cli", "humotion.params", "humotion.parallel"),
    *("humotion.errors", "humotion.files", "humotion.work", "humotion.tracking"),
)
# Modules that resolve names: of the modules it knows, only the one that is named decides anything.
# Reached merely because Python runs it on the way to a submodule, it decides nothing at all.
REGISTRIES = ("humotion.datasets.shared.open", "humotion.models.common.build", "humotion.training.task")


def file_of(module: str) -> Path | None:
    """The source file of a module of the package, or None if there is no such module."""
    path = SOURCE.joinpath(*module.split("."))
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def reached_files(stage: str, named: dict[str, str]) -> set[str]:
    """Files, relative to the checkout, of the modules that a stage reaches.

    ``named`` has the module that each registry would resolve in this instance of the stage.
    """
    todo, seen = [f"humotion.stages.{stage}"], set()
    if stage == "evaluate":
        todo.append(named["protocol"])
    while todo:
        module = todo.pop()
        if module in seen or any(module == room or module.startswith(f"{room}.") for room in OUTSIDE):
            continue
        seen.add(module)
        todo += [named[module]] if module in REGISTRIES else []
        alternatives = _alternatives(module) if module in REGISTRIES else set()
        todo += [target for target in imported(module) if target not in alternatives]
    files = {file for module in seen if (file := file_of(module)) is not None and _has_code(file)}
    return {file.relative_to(SOURCE.parent).as_posix() for file in files}


def _alternatives(registry: str) -> set[str]:
    """The modules that a registry chooses from: the layouts that it imports, but not what they share."""
    return {
        module for module in imported(registry) if module.startswith("humotion.datasets.") and ".shared" not in module
    }


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


def _with_parents(module: str) -> set[str]:
    """The module and, as Python runs them on the way, its packages; registries only if meant themselves."""
    if module.split(".")[0] != "humotion":
        return set()
    parts = module.split(".")
    parents = {".".join(parts[:end]) for end in range(1, len(parts))}
    return {module} | (parents - set(REGISTRIES))


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
