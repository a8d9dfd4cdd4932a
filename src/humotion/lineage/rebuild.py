"""The commands that rebuild a model, and notes on what they cannot do."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from humotion.lineage.trace import Trace
from humotion.models.common.hub import is_on_hub
from humotion.tracking import sources

WORK = ".humotion/lineage"  # in the clone; git ignores it
OWN_CODE = 'export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}"'
"""Without it, Python would import the installed humotion, which is usually the code of another checkout."""
_TRIAL = "optuna.param."


@dataclass(frozen=True)
class Rebuild:
    """Shell commands in order, to be run in the root of a checkout, and notes on what they need or lack."""

    commands: tuple[str, ...]
    notes: tuple[str, ...]


def rebuild(found: Trace) -> Rebuild:
    """How to rebuild the model of a trace, in a new clone next to this checkout."""
    commit = found.origin.get(sources.COMMIT)
    if commit is None:
        return Rebuild((), ("The training did not run in a git checkout, so no commit has its code.",))
    notes = []
    if not sources.has_commit(commit):
        notes.append(f"Commit {commit} is not in this repository. Fetch it first, or clone the repository that has it.")
    name = found.experiment
    folder = f"../{name}-{commit[:7]}"
    commands = [f"git clone --quiet . {folder} && cd {folder}", f"git checkout --quiet {commit}", OWN_CODE]
    if found.origin.get(sources.DIRTY) == "true":
        patch, remarks = _changes(found)
        commands += patch
        notes += remarks
    commands += _data(found)
    notes += _needs(found)
    if changes := _trial(found):
        sets = " ".join(f"-S {shlex.quote(f'experiments.{name}.{key}={value}')}" for key, value in changes.items())
        notes.append("It is a trial of a sweep: -S sets its parameters, and it was never registered.")
        return Rebuild((*commands, f"dvc exp run {sets} train@{name}"), tuple(notes))
    stage = sources.stage_of(found.settings)
    last = "register" if stage == "train" else stage  # a fusion registers itself
    notes.append(
        "Without a clone, `dvc repro` in this checkout may restore this training from DVC's cache and not train again. "
        f"`dvc repro --force --single-item {stage}@{name}` always trains."
    )
    return Rebuild((*commands, f"dvc repro {last}@{name}"), tuple(notes))


def _changes(found: Trace) -> tuple[list[str], list[str]]:
    """How to restore the changes of a dirty checkout: commands, and notes."""
    changed = found.origin.get(sources.CHANGED, "")
    notes = [f"The checkout was dirty: uncommitted changes to {changed or 'no file that git tracks'}."]
    if untracked := found.origin.get(sources.UNTRACKED):
        notes.append(f"Files that git did not track, and that were not kept: {untracked}. It may not run without them.")
    if name := found.origin.get(sources.EXPERIMENT_NAME):
        here = f"`dvc exp apply {name}` restores it" if sources.has_dvc_experiment(name) else "not in this checkout"
        notes.append(f"It was the DVC experiment {name} ({here}).")
    run = found.run
    if run is None or not run.sources:
        notes.append("The store does not have the run's files, so these changes cannot be restored.")
        return [], notes
    download = (
        f"MLFLOW_TRACKING_URI={shlex.quote(found.store)} mlflow artifacts download --run-id {run.run_id} "
        f"--artifact-path {sources.FOLDER} --dst-path {WORK}"
    )
    if "***" in found.store:
        notes.append("Replace *** by the password of the store.")
    if sources.PATCH in run.sources:
        apply = f"git apply --whitespace=nowarn {WORK}/{sources.FOLDER}/{sources.PATCH}"
        if not sources.has_commit(found.origin[sources.COMMIT]):
            notes.append("The patch of these changes was not tried, because its commit is not here.")
        if found.patch_fails is None:
            return [download, apply] if changed else [], notes
        notes.append(
            f"{sources.PATCH} of the run does not apply to its commit: {found.patch_fails}. The code of the training "
            "cannot be restored by it."
        )
    if "params.yaml" not in run.sources:
        return [], [*notes, "None of these changes was kept with the run."]
    notes.append("Of these changes, the run kept only params.yaml and dvc.yaml. Changed code cannot be restored.")
    return [download, f"cp {WORK}/{sources.FOLDER}/params.yaml {WORK}/{sources.FOLDER}/dvc.yaml ."], notes


def _data(found: Trace) -> list[str]:
    is_sample = found.root is not None and found.root.parts[:1] == ("data",)
    return ["dvc pull --quiet --remote sample data.dvc"] if is_sample and sources.is_tracked("data.dvc") else []


def _needs(found: Trace) -> list[str]:
    paths = [str(found.root)] if found.root is not None and found.root.parts[:1] != ("data",) else []
    weights = found.settings.get("model.weights", "None")
    paths += [weights] if weights != "None" and not is_on_hub(weights) else []
    relative = [path for path in paths if not path.startswith("/")]
    return [f"The clone needs the same files as this checkout at: {', '.join(relative)}."] if relative else []


def _trial(found: Trace) -> dict[str, str]:
    tags = found.run.tags if found.run else {}
    return {key.removeprefix(_TRIAL): value for key, value in tags.items() if key.startswith(_TRIAL)}
