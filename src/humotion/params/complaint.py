"""Errors in params.yaml, in the words of the file: which key, what is wrong with it, what it can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def complaint_about(raw: Any, issue: Mapping[str, Any]) -> str:
    """One line of an error message: the key as the user wrote it, and what is wrong.

    Args:
        raw: the content of params.yaml.
        issue: one entry of pydantic's ``ValidationError.errors()``.
    """
    keys = written_keys(raw, issue["loc"])
    context = issue.get("ctx", {})
    match issue["type"]:
        case "extra_forbidden":
            what = ": unknown key; is it misspelt, or in the wrong section?"
        case "missing":
            what = " is missing"
        case "literal_error":
            what = f" is {issue['input']!r}; it can be {context['expected']}"
        case "union_tag_invalid":
            keys.append(context["discriminator"].strip("'"))
            what = f" is {context['tag']!r}; it can be {_alternatives(context['expected_tags'])}"
        case "union_tag_not_found":
            keys.append(context["discriminator"].strip("'"))
            what = " is missing"
        case _:
            what = ": " + issue["msg"].removeprefix("Value error, ")
    return (".".join(keys) + what).removeprefix(": ")


def written_keys(raw: Any, location: tuple[int | str, ...]) -> list[str]:
    """The keys of a pydantic location as the user wrote them.

    Pydantic adds parts that are no keys: the tag of a tagged union (the value of ``task`` or ``name``, or a word in
    parentheses), and the names of other unions' branches. A part is one of these if it is a value of the map at that
    place and not a key, or if it comes below a plain value.
    """
    keys: list[str] = []
    here = raw
    for key in location:
        if key == "[key]":  # the complaint is about the key before, and repeats it
            return keys[:-1]
        if isinstance(key, str) and key.startswith("("):
            continue
        if isinstance(here, dict):
            if key not in here and key in [value for value in here.values() if isinstance(value, str)]:
                continue
            here = here.get(key)
        elif isinstance(here, list | tuple):
            here = here[key] if isinstance(key, int) and key < len(here) else None
        elif keys and here is not None:
            break
        keys.append(str(key))
    return keys


def _alternatives(names: str) -> str:
    """``'a', 'b', 'c'`` as ``'a', 'b' or 'c'``."""
    *others, last = names.split(", ")
    return f"{', '.join(others)} or {last}" if others else last
