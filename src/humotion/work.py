"""Where unfinished work lies, and how it is recognised as one's own.

A stage that takes long keeps its partial results in ``.humotion/work/<stage>/<digest>/`` under the
main checkout, where ``digest`` covers the stage's parameters, its inputs and the code that it runs. After a crash
the same attempt finds its folder again; a changed one gets a new folder and never mixes in old results.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_DVC_EXPERIMENT_DIR = (".dvc", "tmp", "exps")
_CODE = "src/humotion/"


def main_checkout(folder: Path | None = None) -> Path:
    """The user's own checkout, also from inside a ``dvc exp run --temp/--queue`` working copy.

    DVC runs those in ``<checkout>/.dvc/tmp/exps/...`` and throws the copy away afterwards, so
    nothing that should outlive the run may be kept there.
    """
    folder = (folder or Path.cwd()).resolve()
    parts = folder.parts
    for start in range(len(parts) - len(_DVC_EXPERIMENT_DIR)):
        if parts[start : start + len(_DVC_EXPERIMENT_DIR)] == _DVC_EXPERIMENT_DIR:
            return Path(*parts[:start])
    for parent in (folder, *folder.parents):
        if (parent / "dvc.yaml").exists() and (parent / "params.yaml").exists():
            return parent
    return folder


def digest_of(value: Any) -> str:
    """A short digest of a JSON-like value; equal values give equal digests on every machine."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_of_file(path: Path) -> str:
    """MD5 of a file's content, as DVC records it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def digest_of_folder(folder: Path) -> str:
    """Digest of a folder's files as DVC records it: ``<md5>.dir``."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = [{"md5": digest_of_file(path), "relpath": path.relative_to(folder).as_posix()} for path in files]
    entries.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest() + ".dir"


def digest_of_code(*stages: str, chosen: Mapping[str, Any]) -> str:
    """Digest of the code that stages run: work that other code started is not resumed.

    Which code that is, dvc.yaml says: a stage's dependencies below ``src/humotion``. So work is resumed where DVC takes
    the stage's code for unchanged, and a change elsewhere in the package throws nothing away. Where no dvc.yaml says
    it, it is the whole package.

    Args:
        stages: of dvc.yaml, by name.
        chosen: the section of params.yaml that the stage unrolls, for ``${item...}`` in its dependencies.
    """
    package = Path(__file__).parent
    listed = {place for stage in stages for place in _code_of_stage(stage, chosen)} or {"."}
    files = {file for place in listed for file in _sources(package / place)}
    return digest_of([(path.relative_to(package).as_posix(), digest_of_file(path)) for path in sorted(files)])


def _code_of_stage(stage: str, chosen: Mapping[str, Any]) -> list[str]:
    """The dependencies of a stage below ``src/humotion``, relative to it; none without a dvc.yaml with the stage."""
    pipeline = Path("dvc.yaml")
    content = YAML(typ="safe").load(pipeline.read_text(encoding="utf-8")) if pipeline.exists() else None
    deps = ((content or {}).get("stages") or {}).get(stage, {}).get("do", {}).get("deps", [])
    code = (dep.removeprefix(_CODE) for dep in deps if dep.startswith(_CODE))
    return [re.sub(r"\$\{item\.([\w.]+)\}", lambda found: _value_at(chosen, found[1]), dep) for dep in code]


def _value_at(section: Mapping[str, Any], path: str) -> str:
    value: Any = section
    for key in path.split("."):
        value = value[key]
    return str(value)


def _sources(place: Path) -> Iterator[Path]:
    yield from place.rglob("*.py") if place.is_dir() else [place]


def work_folder(stage: str, digest: str) -> Path:
    """The folder of this attempt's unfinished work, created if absent."""
    folder = main_checkout() / ".humotion" / "work" / stage / digest
    folder.mkdir(parents=True, exist_ok=True)
    return folder
