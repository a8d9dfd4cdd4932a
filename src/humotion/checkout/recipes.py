"""Recipes: settings for a dataset, which are merged into params.yaml; comments are kept.

A recipe (``recipes/NAME.yaml``, see `humotion.checkout.recipe_files`) has a dataset, its layers, and complete
experiments on it. Applying it replaces the experiments of the same names, and removes datasets that no experiment uses
any more, with their layers and fusions.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
from pathlib import Path
from textwrap import indent
from typing import Any

from ruamel.yaml.comments import CommentedMap

from humotion.checkout.recipe_files import plain_lists, plain_yaml, read_recipe
from humotion.errors import HumotionError
from humotion.figures.tables import text_table
from humotion.files import atomic_path
from humotion.params.document import PARAMS_FILE, load_params
from humotion.work import main_checkout

RECIPES = Path("recipes")


def describe_recipes() -> str:
    """One line per recipe: its name and the first comment line of its file."""
    files = sorted((main_checkout() / RECIPES).glob("*.yaml"))
    rows = [(path.stem, path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")) for path in files]
    table = indent(text_table(None, rows), "  ")
    return f"Recipes (humotion recipe NAME --root /path/to/dataset):\n{table}"


def apply_recipe(name: str, root: Path | None = None, into: Path | None = None) -> str:
    """Merge a recipe into params.yaml, and return a text that says what changed.

    Args:
        name: the recipe.
        root: the folder of the dataset (default: as in the recipe); it is read there and never copied.
        into: a new clone of this checkout is made there and changed instead.

    Raises:
        HumotionError: there is no such recipe or root, or ``into`` exists.
    """
    checkout = main_checkout()
    recipe = find_recipe(name, checkout)
    if root is not None and not root.is_dir():
        raise HumotionError(f"--root {root} is not a folder. Name the folder that has the dataset.")
    target = checkout if into is None else _clone(checkout, into)
    params_file = target / PARAMS_FILE
    (dataset,) = recipe["datasets"]
    if root is not None:
        recipe["datasets"][dataset]["root"] = os.path.relpath(root.resolve(), target.resolve())
    load_params(params_file)
    text, dropped = merge(params_file.read_text(encoding="utf-8"), recipe)
    with atomic_path(params_file) as temporary:
        temporary.write_text(text, encoding="utf-8")
        load_params(temporary)
    experiments = ", ".join(recipe["experiments"])
    lines = [f"{params_file}: {experiments} now train on {dataset} ({recipe['datasets'][dataset]['root']})."]
    if dropped:
        lines.append(f"No experiment uses {', '.join(dropped)} any more: removed from datasets.")
    if into is not None and (number := _uncommitted(checkout)):
        lines.append(f"The clone has the last commit: {number} files with uncommitted changes are not in it.")
    where = "" if into is None else f"cd {into} && "
    return "\n".join([*lines, f"Next: {where}make repro"])


def find_recipe(name: str, checkout: Path) -> CommentedMap:
    """A recipe of a checkout, with every entry complete.

    Raises:
        HumotionError: there is no recipe of that name (the message lists all recipes), or it is not valid.
    """
    if name not in [path.stem for path in (checkout / RECIPES).glob("*.yaml")]:
        raise HumotionError(f"There is no recipe {name!r}.\n{describe_recipes()}")
    return read_recipe(name, checkout / RECIPES)


def show_recipe(name: str) -> str:
    """The YAML that a recipe puts into params.yaml."""
    stream = io.StringIO()
    plain_yaml().dump(find_recipe(name, main_checkout()), stream)
    return stream.getvalue().rstrip()


def merge(text: str, recipe: dict[str, Any]) -> tuple[str, list[str]]:
    """Merge a recipe into the text of a params.yaml; return the new text and the datasets that were removed."""
    # Each section is read with the comment above it. In one document, the parser would attach that comment to the last
    # value of the section before, and move it with that value. The section `machine` keeps its exact text.
    found = list(re.finditer(r"^(?:#.*\n)*(\w+):", text, re.MULTILINE))
    ends = [match.start() for match in found[1:]] + [len(text)]
    sections = {match[1]: text[match.start() : end] for match, end in zip(found, ends, strict=True)}
    yaml, recipe = plain_yaml(), {key: plain_lists(section) for key, section in recipe.items()}
    datasets, experiments = (yaml.load(sections[key]) for key in ("datasets", "experiments"))
    for key, value in recipe["experiments"].items():
        _overwrite(experiments["experiments"].setdefault(key, value), value)
    datasets["datasets"].update(recipe["datasets"])
    changed = {"datasets": datasets, "experiments": experiments}
    for key in (key for key in ("layers", "fusions", "rebalance") if key in {**sections, **recipe}):
        changed[key] = yaml.load(sections.get(key, f"{key}: {{}}"))
        changed[key][key].update(recipe.get(key, {}))
    used = {experiment["dataset"] for experiment in experiments["experiments"].values()}
    dropped = [name for name in datasets["datasets"] if name not in used]
    for name in dropped:
        del datasets["datasets"][name]
    for key in {"layers", "fusions"} & changed.keys():
        for name in [name for name, made in changed[key][key].items() if made["dataset"] in dropped]:
            del changed[key][key][name]
    for key, section in changed.items():
        stream = io.StringIO()
        yaml.dump(section, stream)
        sections[key] = stream.getvalue().rstrip() + "\n\n"
    return text[: found[0].start()] + "".join(sections.values()), dropped


def _overwrite(target: Any, source: Any) -> None:
    """Make one map equal to another, in place, so that comments next to values stay."""
    for key in [key for key in target if key not in source]:
        del target[key]
    for key, value in source.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _overwrite(target[key], value)
        else:
            target[key] = value


def _uncommitted(checkout: Path) -> int:
    """Number of changed or new files of a checkout, which a clone does not have."""
    done = subprocess.run(["git", "status", "--porcelain"], cwd=checkout, capture_output=True, text=True, check=True)
    return len(done.stdout.splitlines())


def _clone(checkout: Path, into: Path) -> Path:
    if into.exists():
        raise HumotionError(f"--into {into} exists already. Name a new folder.")
    done = subprocess.run(["git", "clone", "--quiet", str(checkout), str(into)], capture_output=True, text=True)
    if done.returncode:
        raise HumotionError(f"Cloning {checkout} into {into} failed: {done.stderr.strip()}")
    return into
