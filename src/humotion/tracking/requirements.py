"""What a logged model needs to be served on another machine: this package's code, and its dependencies pinned.

The package is on no index. A requirement ``humotion`` would install whatever somebody puts there under that name. So
the code travels inside the model, and the requirements name only public packages at the versions that were in use.
"""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

import humotion

PACKAGE = Path(humotion.__file__).parent
# Parts of the pipeline that no prediction runs; a server need not install them.
_NOT_FOR_SERVING = frozenset(
    {"dvc", "optuna", "cmaes", "plotly", "imagehash", "imbalanced-learn", "rarfile", "psutil", "ruamel-yaml-clib"}
)


def code_paths() -> list[str]:
    """The folders of code that a model carries."""
    return [str(PACKAGE)]


def pip_requirements() -> list[str]:
    """The packages that serving needs, each as ``name==version``, without the local part of a version (``+cpu``)."""
    lines = []
    for requirement in map(Requirement, _declared()):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if requirement.name.lower().replace(".", "-").replace("_", "-") in _NOT_FOR_SERVING:
            continue
        try:
            lines.append(f"{requirement.name}=={Version(version(requirement.name)).public}")
        except PackageNotFoundError:
            lines.append(f"{requirement.name}{requirement.specifier}")
    return lines


def _declared() -> list[str]:
    """The dependencies of this package: of the installed one, or of the checkout if it runs from its source."""
    project = PACKAGE.parent.parent / "pyproject.toml"
    if project.is_file():
        content = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
        if content.get("name") == "humotion":
            return list(content["dependencies"])
    try:
        return list(requires("humotion") or [])
    except PackageNotFoundError:
        return []
