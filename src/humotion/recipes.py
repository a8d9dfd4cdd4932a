"""Recipes: ready-made settings for a dataset, merged into params.yaml with its comments kept.

A recipe (``recipes/NAME.yaml``) names a dataset and whole experiments on it. Applying it replaces the
experiments of those names and drops datasets that no experiment uses any more.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from humotion.errors import HumotionError
from humotion.files import atomic_path
from humotion.params import PARAMS_FILE, load_params
from humotion.work import main_checkout

RECIPES = Path("recipes")


def describe_recipes() -> str:
    """A line a recipe: its name and the first comment line of its file."""
    lines = []
    for path in sorted((main_checkout() / RECIPES).glob("*.yaml")):
        first = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        lines.append(f"  {path.stem:<14}{first}")
    return "\n".join(["Recipes (humotion recipe NAME --root /path/to/dataset):", *lines])


def apply_recipe(name: str, root: Path | None = None, into: Path | None = None) -> str:
    """Merge a recipe into params.yaml and say what changed.

    Args:
        name: the recipe.
        root: where the dataset lies (default ``data/NAME``); read in place, never copied.
        into: a fresh clone of this checkout is made there and changed instead.

    Raises:
        HumotionError: no such recipe, no such root, or ``into`` exists.
    """
    checkout = main_checkout()
    recipe_file = checkout / RECIPES / f"{name}.yaml"
    if not recipe_file.exists():
        raise HumotionError(f"There is no recipe {name!r}.\n{describe_recipes()}")
    if root is not None and not root.is_dir():
        raise HumotionError(f"--root {root} is not a folder; give the folder that holds the dataset.")
    target = checkout if into is None else _clone(checkout, into)
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 110
    params_file = target / PARAMS_FILE
    params = yaml.load(params_file.read_text(encoding="utf-8"))
    recipe = yaml.load(recipe_file.read_text(encoding="utf-8"))
    if root is not None:
        recipe["datasets"][name]["root"] = os.path.relpath(root.resolve(), target.resolve())
    dropped = _merge(params, recipe)
    with atomic_path(params_file) as temporary:
        with temporary.open("w", encoding="utf-8") as stream:
            yaml.dump(params, stream)
        load_params(temporary)
    experiments = ", ".join(recipe["experiments"])
    lines = [f"{params_file}: {experiments} now train on {name} ({recipe['datasets'][name]['root']})."]
    if dropped:
        lines.append(f"No experiment uses {', '.join(dropped)} any more: dropped from datasets.")
    where = "" if into is None else f"cd {into} && "
    return "\n".join([*lines, f"Next: {where}make repro"])


def _merge(params: Any, recipe: Any) -> list[str]:
    """Merge in place; return the names of the datasets that were dropped."""
    for section in ("datasets", "experiments"):
        for key, value in recipe[section].items():
            params[section][key] = value
    used = {experiment["dataset"] for experiment in params["experiments"].values()}
    dropped = [name for name in params["datasets"] if name not in used]
    for name in dropped:
        del params["datasets"][name]
    return dropped


def _clone(checkout: Path, into: Path) -> Path:
    if into.exists():
        raise HumotionError(f"--into {into} exists already; name a folder that does not.")
    done = subprocess.run(["git", "clone", "--quiet", str(checkout), str(into)], capture_output=True, text=True)
    if done.returncode:
        raise HumotionError(f"Cloning {checkout} into {into} failed: {done.stderr.strip()}")
    return into
