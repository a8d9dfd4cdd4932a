"""Where a run comes from (commit, uncommitted changes, settings, command), and a name that distinguishes runs.

The pipeline itself writes `dvc.lock` and `metrics/`, which git tracks. They are results, so they do not make a checkout
dirty. All other differences from the commit are kept as a patch, so that such a run can be rebuilt too.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from humotion.tracking import git
from humotion.tracking.address import shown
from humotion.tracking.dvc_lock import LOCK, entry_here, md5_in
from humotion.tracking.store import mlflow
from humotion.work import digest_of_folder

MAX_LENGTH = 6000  # of a parameter or a tag
FOLDER, PATCH = "source", "changes.patch"
FILES = ("params.yaml", "dvc.yaml", "dvc.lock")
COMMIT, DIRTY, CHANGED, EXPERIMENT_NAME = "git.commit", "git.dirty", "git.changed", "dvc.exp_name"
UNTRACKED = "git.untracked"
ORIGIN = (COMMIT, DIRTY, CHANGED, UNTRACKED, EXPERIMENT_NAME)
"""Tags that describe the state of the checkout of a run; a model folder repeats them."""
LOCKED = "dvc.lock.train"
"""Tag: md5 of the model folder in the run's dvc.lock. It proves that this dvc.lock is of this training."""
PATCH_FAILS = "git.patch_fails"
"""Tag: why the patch of a run does not apply to its commit."""
NOTE = "mlflow.note.content"
_RESULTS = ("dvc.lock", "metrics", "sweeps/dvc.lock")
_ALL_BUT_RESULTS = (".", *(f":(exclude){path}" for path in _RESULTS))
_SHOWN_CHANGES, _SHOWN_LENGTH = 2, 16


@dataclass(frozen=True)
class RunSource:
    """The name of a run, and where it comes from.

    Attributes:
        experiment: the MLflow experiment, ``<task>/<dataset>``.
        name: the humotion experiment; the run's name starts with it.
        params: nested settings, logged flattened with dots.
        data_md5: md5 of every input that was read, by name.
        note: the description of the run, in Markdown.
        origin: tags of `ORIGIN` of an earlier training; None for a training that starts now.
        clips: tables of clips by what they are used for (``training``, ``validation``, ``test``).
    """

    experiment: str
    name: str
    params: Mapping[str, Any]
    data_md5: Mapping[str, str]
    note: str = ""
    origin: Mapping[str, str] | None = None
    clips: Mapping[str, Path] = field(default_factory=dict)


def source_tags(source: RunSource) -> dict[str, str]:
    """Tags that trace a run back to its code, data and command."""
    tags = {
        "kind": "training",
        "humotion.experiment": source.name,
        "humotion.command": command_line(),
        **{f"data.{name}.md5": md5 for name, md5 in source.data_md5.items()},
        **(origin_tags() if source.origin is None else source.origin),
    }
    if source.origin is None and (changes := changed_params(source.name)):
        tags["params.changed"] = shortened(", ".join(f"{key}={value}" for key, value in changes.items()))
    return tags | ({NOTE: shortened(source.note)} if source.note else {})


def origin_tags() -> dict[str, str]:
    """The state of the checkout of the working folder, as the tags of `ORIGIN`; empty without git.

    Raises:
        GitFailed: there is a git repository, but git does not answer.
    """
    tags = {}
    if (commit := git.commit()) is not None:
        changed = git.names("diff", "HEAD", "--name-only", "-z", "--no-ext-diff", "--relative", "--", *_ALL_BUT_RESULTS)
        untracked = git.names("ls-files", "--others", "--exclude-standard", "-z", "--", "src")
        listed = {CHANGED: ", ".join(changed), UNTRACKED: ", ".join(untracked)}
        tags = {COMMIT: commit, DIRTY: str(any(listed.values())).lower()}
        tags |= {key: shortened(text) for key, text in listed.items() if text}
    if name := os.environ.get("DVC_EXP_NAME"):
        tags[EXPERIMENT_NAME] = name
    return tags


def run_name(source: RunSource) -> str:
    """``ls_vit bold-idea optimizer.lr=0.003``: experiment, DVC experiment or commit, and changed settings."""
    origin = origin_tags() if source.origin is None else source.origin
    parts = [source.name, origin.get(EXPERIMENT_NAME) or origin.get(COMMIT, "")[:7]]
    if source.origin is None:
        changes = changed_params(source.name)
        short = [key if len(value) > _SHOWN_LENGTH else f"{key}={value}" for key, value in changes.items()]
        parts += short[:_SHOWN_CHANGES]
        parts += [f"+{len(short) - _SHOWN_CHANGES}"] if len(short) > _SHOWN_CHANGES else []
    return " ".join(filter(None, parts))


def changed_params(name: str) -> dict[str, str]:
    """Settings of a training in params.yaml that differ from those of the commit, flattened.

    Empty if the commit does not have the experiment: then `git.changed` names params.yaml.
    """
    committed = git.ask("show", "HEAD:./params.yaml")
    path = Path("params.yaml")
    if committed is None or not path.exists():
        return {}
    try:
        before = _settings(committed, name)
    except (YAMLError, AttributeError):
        return {str(path): "the committed one cannot be read, so nothing is compared"}
    now = _settings(path.read_text(encoding="utf-8"), name)
    if not before:
        return {}
    gone = {key: "default" for key in before if key not in now}
    return {key: value for key, value in now.items() if before.get(key) != value} | gone


def log_sources() -> None:
    """Log the files that show what is run, as they are now, and the differences from the commit, to the open run."""
    for name in FILES:
        if Path(name).exists():
            mlflow.log_artifact(name, FOLDER)
    commit = git.commit()
    if commit is not None and (patch := git.changes(*_ALL_BUT_RESULTS)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / PATCH
            path.write_bytes(patch)
            mlflow.log_artifact(str(path), FOLDER)
        if (problem := git.why_patch_fails(patch, commit)) is not None:
            mlflow.set_tag(PATCH_FAILS, shortened(problem))
            print(
                f"humotion: The uncommitted changes are kept with the run, but cannot be restored from it ({problem}). "
                "Commit them to be able to rebuild this model.",
                file=sys.stderr,
            )


def log_lock(stage: str, folder: Path) -> None:
    """Log dvc.lock again if it records that ``stage`` made ``folder`` in its current state.

    DVC writes it after a stage has ended, so the dvc.lock that a training logs has only the stages before.
    """
    md5 = md5_in(entry_here(stage), "outs", folder)
    if md5 is not None and md5 == digest_of_folder(folder):
        mlflow.log_artifact(str(LOCK), FOLDER)
        mlflow.set_tag(LOCKED, md5)


def stage_of(settings: Mapping[str, str]) -> str:
    """The stage that made a model with these flattened settings; only a fusion names its members, in ``of``."""
    return "fuse" if "of" in settings else "train"


def flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """``{"a": {"b": 1}}`` as ``{"a.b": "1"}``; lists and empty maps stay values."""
    flat: dict[str, str] = {}
    for key, value in params.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{name}."))
        else:
            flat[name] = shortened(str(value))
    return flat


def shortened(text: str) -> str:
    """A text that MLflow keeps. A long one is cut, and ends with its length and md5, by which it can be compared."""
    if len(text) <= MAX_LENGTH:
        return text
    mark = f" ... ({len(text):,} characters, md5 {hashlib.md5(text.encode()).hexdigest()})"
    return text[: MAX_LENGTH - len(mark)] + mark


def was_cut(text: str) -> bool:
    """Whether a value was cut by an older version of humotion, which left no mark: it cannot be compared."""
    return len(text) == MAX_LENGTH and not text.endswith(")")


def has_commit(commit: str) -> bool:
    """Whether the git repository of the working folder has this commit."""
    return git.ask("cat-file", "-e", f"{commit}^{{commit}}") is not None


def has_dvc_experiment(name: str) -> bool:
    """Whether the checkout has a DVC experiment of that name."""
    return bool(git.ask("for-each-ref", f"refs/exps/*/*/{name}"))


def is_tracked(path: str) -> bool:
    """Whether git tracks a file of the working folder."""
    return bool(git.ask("ls-files", "--", path))


def _settings(text: str, name: str) -> dict[str, str]:
    content = YAML(typ="safe").load(text) or {}
    found = (content.get("experiments") or {}).get(name) or (content.get("fusions") or {}).get(name) or {}
    return flatten({key: value for key, value in found.items() if key not in ("evaluate", "register")})


def command_line() -> str:
    """Return the command that runs, without passwords."""
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return shown(command)
