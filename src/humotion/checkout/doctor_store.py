"""The doctor on MLflow: the store, where its files are, what it lacks, and git, on which its runs depend."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from humotion.checkout.entered import not_entered
from humotion.checkout.findings import Finding
from humotion.errors import HumotionError
from humotion.params.document import Params, load_params
from humotion.params.machine import MachineParams
from humotion.tracking import git
from humotion.tracking.address import database_of, in_use
from humotion.tracking.local import deleted_experiments, refusal
from humotion.tracking.relocation import bring_here, relocate, stale_addresses


def check_git() -> Finding:
    """Check that git answers, and whether the checkout has changes."""
    if not shutil.which("git"):
        return Finding("git", "fail", "git is not installed", "apt-get install git. DVC and MLflow runs need it.")
    try:
        if not git.in_repository():
            advice = "Work in a clone: DVC and MLflow runs need its commits."
            return Finding("git", "fail", "this is not a git checkout", advice)
    except git.GitFailed as error:
        return Finding("git", "fail", str(error), "Without git, DVC stops after a stage, and runs have no commit.")
    done = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True)
    if done.returncode:
        return Finding("git", "fail", done.stderr.strip()[-300:], "`git status` shows the complete error.")
    num_changed = len(done.stdout.splitlines())
    if num_changed:
        advice = "This is fine for tests. Commit before a run that you want to repeat later."
        return Finding("git", "warn", f"{num_changed} changed or new files: runs will be tagged dirty", advice)
    return Finding("git", "ok", "clean")


def check_store() -> Finding:
    """Ask the store, and report settings of the environment that change where runs go."""
    from humotion.tracking.store import ask

    uri, problem = ask(_machine().tracking_uri)
    if problem:
        remote = uri.startswith(("http", "postgres", "mysql", "mssql"))
        advice = "Start that server, or fix MLFLOW_TRACKING_URI or machine.tracking_uri in params.yaml."
        if not remote:
            advice = "Do what it says, or name another store by MLFLOW_TRACKING_URI or machine.tracking_uri."
        return Finding("mlflow store", "fail", f"{uri}: {problem}", advice)
    database = database_of(in_use(_machine().tracking_uri))
    if database is not None and (deleted := deleted_experiments(database)):
        advice = (
            f"Restore what you still use: MLFLOW_TRACKING_URI={uri} mlflow experiments search --view deleted_only, "
            "then mlflow experiments restore -x ID."
        )
        found = f"{uri}: deleted experiments, which take no runs: {', '.join(deleted)}"
        return Finding("mlflow store", "fail" if _in_params(deleted) else "warn", found, advice)
    if registry := os.environ.get("MLFLOW_REGISTRY_URI"):
        advice = "Versions go there, and runs to the store. Unset MLFLOW_REGISTRY_URI if you do not want that."
        return Finding("mlflow store", "warn", f"{uri}; MLFLOW_REGISTRY_URI is {registry}", advice)
    return Finding("mlflow store", "ok", uri)


def check_files() -> Finding:
    """Compare the addresses of runs and models in a store on this machine with where the store lies."""
    database = _usable_database()
    stale = stale_addresses(database) if database else []
    if not stale:
        return Finding("run files", "ok", "at the server" if database is None else f"at {database.parent}/mlruns")
    former = sorted({str(each.former).partition("/mlruns/")[0] for each in stale})
    behind = sum(each.files == "former" for each in stale)
    found = f"{len(stale)} addresses name {', '.join(former)}, {behind} of which have files only there"
    advice = "`humotion doctor --repair` copies those files here and corrects all addresses."
    return Finding("run files", "warn", found, advice)


def check_registry() -> Finding:
    """Compare the files of this checkout with the registry in use."""
    try:
        missing = not_entered(load_params())
    except HumotionError as error:
        return Finding("registry", "warn", f"not asked: {error}", "See the checks above.")
    if missing:
        found = f"registered/ names {', '.join(missing)}, which the store in use does not have"
        return Finding("registry", "warn", found, "`humotion join` enters them from the files of this checkout.")
    return Finding("registry", "ok", "has what registered/ names")


def check_dead_runs() -> Finding:
    """Look for runs in the store that count as running, although their process is gone."""
    from humotion.tracking.runs import names_of_dead_runs
    from humotion.training.attempt import abandoned_runs

    names = names_of_dead_runs(_machine().tracking_uri, abandoned_runs())
    if not names:
        return Finding("dead runs", "ok", "none")
    found = f"{len(names)} still open in the store although their process is gone: {', '.join(names)}"
    advice = "The next training or evaluation closes them as KILLED. An interrupted training resumes by its command."
    return Finding("dead runs", "warn", found, advice)


def repair() -> Iterator[str]:
    """Correct what can be corrected without a loss: addresses and files of a store that was moved."""
    if (database := _usable_database()) is None or not database.exists():
        yield "Nothing to repair: there is no store on this machine."
        return
    before = len(stale_addresses(database))
    relocate(database)
    folders = bring_here(database)
    yield f"{before} addresses in {database} corrected." if before else "All addresses of files are right."
    yield from (f"copied here: {folder}" for folder in folders)


def _usable_database() -> Path | None:
    """The database of a store on this machine that MLflow can read; None for a server or a store that it refuses."""
    try:
        database = database_of(in_use(_machine().tracking_uri))
    except HumotionError:
        return None
    return None if database is None or refusal(database) else database


def _in_params(names: list[str]) -> bool:
    """Whether an experiment of params.yaml writes its runs to one of these MLflow experiments."""
    from humotion.tracking.address import experiment_name

    try:
        params: Params = load_params()
    except HumotionError:
        return False
    return any(experiment_name(each.task, each.dataset) in names for each in params.experiments.values())


def _machine() -> MachineParams:
    """The machine's settings; the defaults if params.yaml is not valid, which another check reports."""
    try:
        return load_params().machine
    except HumotionError:
        return MachineParams()
