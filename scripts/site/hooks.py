"""What the site has in addition to docs/: README, and a reference of commands, params.yaml and Python.

The reference is made from the code when the site is built, so it cannot be out of date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.cli import get_docs_for_click

from humotion.cli.main import app
from humotion.params.document import Params

REPOSITORY = Path(__file__).parents[2]
MODULES = (
    "humotion.prediction.predictor",
    "humotion.training.task",
    "humotion.datasets.shared.base",
    "humotion.clips.input",
    "humotion.annotation.shared.contract",
    "humotion.store.frames",
    "humotion.store.layers",
    "humotion.video.decode",
)
_LINK = re.compile(r"\]\((?!\w+://)([^)#\s]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""
    pages = {
        "readme.md": _readme(),
        "reference/commands.md": _commands(),
        "reference/params.md": params_page(Params.model_json_schema()),
        "reference/python.md": _python(),
    }
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Let links to README lead to its page."""
    return markdown.replace("](../README.md", "](readme.md")


def _readme() -> str:
    """README, whose links lead to pages of the site, or are names of files of the repository."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    return _LINK.sub(_as_page, text)


def _as_page(match: re.Match[str]) -> str:
    target, anchor = match[1], match[2] or ""
    return f"]({target.removeprefix('docs/')}{anchor})" if target.startswith("docs/") else "](index.md)"


def _commands() -> str:
    """Every command with its arguments and options, as `--help` has them."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="humotion")
    return str(get_docs_for_click(obj=command, ctx=context, name="humotion", title="Commands"))


def params_page(schema: Mapping[str, Any]) -> str:
    """Every setting of params.yaml: a section per group of settings, a row per setting."""
    lines = ["# params.yaml", "", "Every setting. A type with a link is a section of its own.", ""]
    sections = {"params.yaml as a whole": schema, **dict(sorted(schema["$defs"].items()))}
    for name, section in sections.items():
        if "properties" in section:
            lines += [f"## {_short(name)}", "", str(section.get("description", "")), "", *_rows(section), ""]
    return "\n".join(lines)


def _rows(section: Mapping[str, Any]) -> Iterator[str]:
    yield "| setting | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    required = set(section.get("required", ()))
    for name, setting in section["properties"].items():
        default = "needed" if name in required else f"`{setting.get('default', '...')}`"
        cells = (f"`{name}`", _type(setting), default, str(setting.get("description", "")))
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _type(setting: Mapping[str, Any]) -> str:
    """The type of a setting in words."""
    if "$ref" in setting:
        name = _short(setting["$ref"].rpartition("/")[2])
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in setting:
            return " or ".join(_type(one) for one in setting[several])
    if "const" in setting:
        return f"`{setting['const']}`"
    if "enum" in setting:
        return " or ".join(f"`{value}`" for value in setting["enum"])
    if setting.get("type") == "array" and "items" in setting:
        return f"list of {_type(setting['items'])}"
    if setting.get("type") == "object" and isinstance(setting.get("additionalProperties"), dict):
        return f"map of {_type(setting['additionalProperties'])}"
    limits = [f"{sign} {setting[key]}" for key, sign in _LIMITS.items() if key in setting]
    return " ".join([str(setting.get("type", "any")), *limits])


_LIMITS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}


def _short(name: str) -> str:
    return name.removesuffix("Params")


def _python() -> str:
    """The interfaces for additions: see extending.md."""
    lines = ["# Python", "", "The interfaces that an addition meets; [extending](../extending.md) shows how.", ""]
    return "\n".join([*lines, *(f"::: {module}\n" for module in MODULES)])
