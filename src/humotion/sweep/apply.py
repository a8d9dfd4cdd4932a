"""`humotion sweep apply EXPERIMENT`: write the best parameters to params.yaml, and keep every comment and line.

Only the values are replaced in the text, at the positions that the YAML parser reports. So `git diff` shows these
changes and nothing else.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from humotion.errors import HumotionError
from humotion.files import atomic_path, read_json
from humotion.params.document import PARAMS_FILE, load_params


def apply_best(name: str, folder: Path, trial: int | None = None, params_file: Path = PARAMS_FILE) -> str:
    """Write the parameters of a sweep's best trial to params.yaml, and return a text that says what changed.

    Args:
        name: the experiment.
        folder: the results of the sweep.
        trial: the trial to apply, if several objectives give more than one best trial.
        params_file: the file to change.

    Raises:
        HumotionError: no sweep has ended yet, or the user must choose a trial.
    """
    chosen = _chosen(name, folder, trial)
    changes = {f"experiments.{name}.{path}": value for path, value in chosen["params"].items()}
    text = params_file.read_text(encoding="utf-8")
    new = replace_values(text, changes)
    with atomic_path(params_file) as temporary:
        temporary.write_text(new, encoding="utf-8")
        load_params(temporary)
    lines = [f"{params_file}: trial {chosen['trial']} of {name} applied."]
    lines += [f"  {path}: {value}" for path, value in changes.items()]
    return "\n".join([*lines, f"Next: `git diff {params_file}` shows the change, `dvc repro` uses it."])


def replace_values(text: str, changes: Mapping[str, Any]) -> str:
    """The YAML ``text`` with the values at dotted paths replaced, or added to the map that lacks them.

    Raises:
        HumotionError: an anchor shares a value, so that other values would change with it.
    """
    expected = _plain(text)
    for path, value in changes.items():
        text = _replace(text, path.split("."), value)
        _assign(expected, path.split("."), value)
    if _plain(text) != expected:
        listed = "\n".join(f"  {path}: {value}" for path, value in changes.items())
        raise HumotionError(f"{PARAMS_FILE} shares values by anchors. Change these by hand:\n{listed}")
    return text


def _plain(text: str) -> Any:
    """The content of YAML with a copy for each use of an anchor, so that a change of one place changes only that."""
    return json.loads(json.dumps(YAML(typ="safe").load(text), default=str))


def _chosen(name: str, folder: Path, trial: int | None) -> dict[str, Any]:
    path = folder / "best.json"
    if not path.exists():
        raise HumotionError(f"{path} does not exist. Run `humotion sweep {name}` first, or `dvc pull` its results.")
    candidates: list[dict[str, Any]] = read_json(path)["best"]
    if not candidates:
        raise HumotionError(f"No trial of the sweep of {name} was completed. See {folder}/trials.csv.")
    if trial is None and len(candidates) == 1:
        return candidates[0]
    for candidate in candidates:
        if candidate["trial"] == trial:
            return candidate
    listed = "\n".join(f"  {candidate['trial']}: {candidate['values']}" for candidate in candidates)
    raise HumotionError(f"Choose one of the best trials with --trial:\n{listed}")


def _replace(text: str, path: list[str], value: Any) -> str:
    node: Node = YAML().compose(text)
    parent, in_flow = node, False  # inside {} or []
    for depth, key in enumerate(path):
        child = _child(node, key)
        if child is None:
            return _insert(text, node, path[depth:], value)
        in_flow = in_flow or bool(getattr(node, "flow_style", False))
        parent, node = node, child
    start, end = node.start_mark.index, node.end_mark.index
    if start == end:  # a key without a value, which is null; YAML says that it is at the next key
        colon = text.index(":", _key_end(parent, path[-1])) + 1
        return text if value is None else _fill(text[:colon], text[colon:], value)
    if value is None and not in_flow:  # DVC writes null as nothing
        blank = " " * (end - start) if text[end:].startswith(" ") else ""
        return f"{text[:start]}{blank}{text[end:]}" if blank else text[:start].rstrip(" ") + text[end:]
    return text[:start] + _scalar(value) + text[end:]


def _fill(before: str, after: str, value: Any) -> str:
    """Write a value between a key without one and what follows; a comment keeps its column if there is space."""
    new = " " + _scalar(value)
    spaces = len(after) - len(after.lstrip(" "))
    return before + new + after[max(0, min(len(new), spaces - 1)) :]


def _child(node: Node, key: str) -> Node | None:
    if isinstance(node, SequenceNode):
        return node.value[int(key)]
    if not isinstance(node, MappingNode):
        raise HumotionError(f"{PARAMS_FILE} has no map for {key!r}. Change it by hand.")
    return next((value for name, value in node.value if name.value == key), None)


def _key_end(node: Node, key: str) -> int:
    """Where the text of a key of a map ends."""
    if not isinstance(node, MappingNode):
        raise HumotionError(f"{PARAMS_FILE} has a list with an item that is empty. Change it by hand.")
    return next(int(name.end_mark.index) for name, _ in node.value if name.value == key)


def _insert(text: str, node: Node, keys: list[str], value: Any) -> str:
    """Add ``keys`` as the first entry of a map."""
    if not isinstance(node, MappingNode) or not (node.value or node.flow_style):
        raise HumotionError(f"{PARAMS_FILE} has no map for {'.'.join(keys)}. Change it by hand.")
    entry = keys[-1] + ": " + _scalar(value)
    for key in reversed(keys[:-1]):
        entry = f"{key}: {{{entry}}}"
    if not node.value:  # {}
        return text[: node.start_mark.index] + "{" + entry + "}" + text[node.end_mark.index :]
    first = node.value[0][0].start_mark
    separator = ", " if node.flow_style else "\n" + " " * first.column
    return text[: first.index] + entry + separator + text[first.index :]


def _assign(target: Any, path: list[str], value: Any) -> None:
    for key in path[:-1]:
        target = target[int(key)] if isinstance(target, list) else target.setdefault(key, {})
    target[int(path[-1]) if isinstance(target, list) else path[-1]] = value


def _scalar(value: Any) -> str:
    stream = io.StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = True
    yaml.dump([value], stream)
    return stream.getvalue().strip()[1:-1]
