"""What experiments and datasets leave behind that params.yaml no longer has: outputs, and entries of lock files.

DVC keeps no list of former stages. A leftover is an output of an entry in a lock file whose experiment or dataset
params.yaml does not have, or a folder of an unknown name with the files that a stage writes. Everything else in these
folders is the user's: folders with other content, converted models, links. Nothing outside the checkout's output
folders is touched.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from humotion.files import atomic_path
from humotion.params.document import Params

LOCKS = (Path("dvc.lock"), Path("sweeps/dvc.lock"))
PIPELINES = (Path("dvc.yaml"), Path("sweeps/dvc.yaml"))
# What a stage writes into the folder of an experiment or dataset, by which the folder is known as an output.
SIGNS: dict[str, tuple[str, ...]] = {
    "prepared": ("videos.parquet", "index.json", "frames.parquet"),
    "layers": ("labels/layer.json",),
    "clips": ("meta.json",),
    "plans": ("policy.json",),
    "models": ("model.ckpt", "members"),  # a converted model has none
    "metrics": ("data.json", "train.json", "test.json", "rebalance.json", "layer.json"),
    "reports": ("summary.json", "near_duplicates.csv", "report.md"),
    "reviews": ("report.md", "videos.csv"),
    "rebalanced": ("selection.csv",),
    "registered": (),  # files: <experiment>.json
    "sweeps": ("best.json",),
}
_UNFINISHED = re.compile(r"\.[^/]+\.[0-9a-f]{8}(\.\w+)?")  # a temporary name of `humotion.files`
_DAY = 86_400  # seconds; a younger one may be of a stage that runs now


@dataclass(frozen=True)
class Leftovers:
    """What can be removed.

    Attributes:
        paths: files and folders below the output folders, none inside another.
        entries: lock file -> names of its entries that have no stage any more.
        plots: paths in the plots of dvc.yaml of experiments that params.yaml does not have; the user edits these.
    """

    paths: tuple[Path, ...]
    entries: dict[Path, tuple[str, ...]]
    plots: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.paths or any(self.entries.values()) or self.plots)

    def describe(self) -> str:
        """One line per leftover."""
        lines = [f"  {path}  ({_size(path) / 1e6:,.1f} MB)" for path in self.paths]
        lines += [f"  {lock}: {', '.join(names)}" for lock, names in self.entries.items() if names]
        lines += [f"  dvc.yaml, plots: {path} (remove these lines by hand)" for path in self.plots]
        return "\n".join(lines)


def find_leftovers(params: Params) -> Leftovers:
    """Find what params.yaml does not have any more, in the checkout that is the working folder."""
    known = {*params.datasets, *params.layers, *params.makers}
    maps = {key: set(getattr(params, key)) for key in ("datasets", "layers", "experiments", "fusions", "rebalance")}
    sources = {stage: source for file in PIPELINES for stage, source in _sources(file).items()}
    entries: dict[Path, tuple[str, ...]] = {}
    former: set[Path] = set()
    current: set[Path] = set()
    for lock in LOCKS:
        stages = _read(lock).get("stages") or {}
        entries[lock] = tuple(address for address in stages if _is_former(address, sources, maps))
        for address, stage in stages.items():
            outs = {Path(out["path"]) for out in stage.get("outs", ())}
            (former if address in entries[lock] else current).update(outs)
    former = {path for path in former - current if _is_output(path) and path.exists()}
    found = former | set(_unknown(known)) | set(_unfinished())
    paths = sorted(path for path in found if not found & set(path.parents) and _is_here(path))
    text = str(_read(PIPELINES[0]).get("plots") or "")
    plots = sorted({path for path, name in re.findall(r"(metrics/([^/'\"]+)/[^'\"]+)", text) if name not in known})
    return Leftovers(tuple(paths), entries, tuple(plots))


def remove(leftovers: Leftovers) -> None:
    """Delete the paths, the folders that are empty after it, and the entries of the lock files."""
    for path in leftovers.paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        if len(path.parts) > 2 and not any(path.parent.iterdir()):
            path.parent.rmdir()
    for lock, names in leftovers.entries.items():
        if names:
            text = without_entries(lock.read_text(encoding="utf-8"), set(names))
            with atomic_path(lock) as temporary:
                temporary.write_text(text, encoding="utf-8")


def without_entries(text: str, names: set[str]) -> str:
    """The text of a lock file without these entries of ``stages``; all other lines stay as DVC wrote them."""
    kept, drop = [], False
    for line in text.splitlines(keepends=True):
        if not line.startswith("   "):  # not inside an entry
            is_entry = line.startswith("  ") and line.strip()
            drop = bool(is_entry) and next(iter(YAML(typ="safe").load(line.strip()))) in names
        if not drop:
            kept.append(line)
    text = "".join(kept)
    return re.sub(r"^stages:\n(?! )", "stages: {}\n", text, flags=re.MULTILINE)


def _read(path: Path) -> dict[str, Any]:
    return (YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def _sources(pipeline: Path) -> dict[str, str]:
    """The map of params.yaml that each stage unrolls: ``{"train": "experiments"}``."""
    stages = _read(pipeline).get("stages") or {}
    found = {name: re.fullmatch(r"\$\{(\w+)\}", str(stage.get("foreach"))) for name, stage in stages.items()}
    return {name: match[1] for name, match in found.items() if match}


def _is_former(address: str, sources: dict[str, str], maps: dict[str, set[str]]) -> bool:
    """Whether an entry of a lock file is of a stage whose map lacks its name; unknown stages are the user's."""
    stage, _, name = address.partition("@")
    return sources.get(stage) in maps and name not in maps[sources[stage]]


def _is_output(path: Path) -> bool:
    return not path.is_absolute() and ".." not in path.parts and len(path.parts) > 1 and path.parts[0] in SIGNS


def _is_here(path: Path) -> bool:
    """Whether the folder of a path lies in this checkout: it may be a link to another disk, which is left alone."""
    return path.parent.resolve().is_relative_to(Path.cwd().resolve())


def _unknown(known: set[str]) -> Iterator[Path]:
    """Outputs of a name that params.yaml does not have."""
    for folder, signs in SIGNS.items():
        for path in Path(folder).glob("*"):
            if path.name.startswith(".") or path.is_symlink():
                continue
            is_file = folder == "registered" and path.suffix == ".json"
            if (path.stem if is_file else path.name) in known:
                continue
            if is_file or any((path / sign).exists() for sign in signs):
                yield path


def _unfinished() -> Iterator[Path]:
    """Temporary files and folders of stages that were killed more than a day ago."""
    for folder in SIGNS:
        for path in (*Path(folder).glob(".*"), *Path(folder).glob("*/.*")):
            if _UNFINISHED.fullmatch(path.name) and time.time() - path.lstat().st_mtime > _DAY:
                yield path


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(file.lstat().st_size for file in files)
