"""`humotion doctor`: can this machine do the work, and if not, what to do about it.

Each check does the real thing, as small as it can: decodes a video, asks the store. None of them writes into the
checkout, and a check that breaks is a finding like any other.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from humotion.errors import HumotionError
from humotion.figures.tables import text_table
from humotion.params.document import Params, load_params
from humotion.params.machine import MachineParams
from humotion.work import main_checkout

Status = Literal["ok", "warn", "fail"]
_SCARCE, _NONE_LEFT = 10e9, 1e9  # bytes of free disk: the sample needs less, any real dataset more

_RAR = (
    "526172211a0700cf907300000d00000000000000b70874008021000100000001000000038316dc8c00608e5a14300100a4810000"
    "6178c43d7b00400700"
)


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, how it is, and what to do if it is not well."""

    check: str
    status: Status
    found: str
    advice: str = ""


def examine() -> list[Finding]:
    """Run all checks."""
    return [_guarded(name, check) for name, check in CHECKS.items()]


def describe(findings: list[Finding]) -> str:
    """The findings for people: a line each, and a line of advice below those that are not well."""
    rows: list[tuple[str, str, str]] = []
    for finding in findings:
        rows.append((finding.status, finding.check, finding.found))
        if finding.status != "ok":
            rows.append(("", "", f"-> {finding.advice}"))
    return text_table(None, rows)


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # whatever breaks is what the user has to hear of
        return Finding(
            name, "fail", f"{type(error).__name__}: {error}", "This check itself broke; the text says where."
        )


def _python() -> Finding:
    """Which one it is; pip has refused what is older than pyproject.toml asks for."""
    return Finding("python", "ok", f"{sys.version.split()[0]} at {sys.executable}")


def _packages() -> Finding:
    """All dependencies at the versions that pyproject.toml asks for."""
    from packaging.requirements import Requirement

    advice = "Install what pyproject.toml asks for: pip install -e '.[dev]'"
    try:
        wanted = [Requirement(line) for line in importlib.metadata.requires("humotion") or []]
    except importlib.metadata.PackageNotFoundError:
        return Finding("packages", "warn", "humotion runs from its source and is not installed", advice)
    wrong = []
    for requirement in wanted:
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} {version} is not {requirement.specifier}")
    if wrong:
        return Finding("packages", "fail", "; ".join(wrong), advice)
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "torchcodec", "mlflow", "dvc")
    )
    return Finding("packages", "ok", versions)


def _decoding() -> Finding:
    """Write four frames with PyAV and read them as extraction does."""
    import av
    import numpy as np

    from humotion.video.decode import decode_video

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for level in range(4):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 60 * level, np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        decoded = decode_video(path)
        num_frames = sum(1 for _ in decoded)
    found = f"{num_frames} of 4 frames by {decoded.method}"
    if num_frames != 4 or decoded.status != "ok":
        return Finding(
            "decoding", "fail", f"{found}: {decoded.error}", "Reinstall av and torchcodec at these versions."
        )
    if decoded.method != "torchcodec":
        advice = "torchcodec found no FFmpeg libraries (4 to 8): apt-get install ffmpeg. PyAV reads on, more slowly."
        return Finding("decoding", "warn", found, advice)
    return Finding("decoding", "ok", found)


def _gpu() -> Finding:
    import torch

    wanted = _machine().accelerator
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        name = f"{torch.cuda.device_count()} x {properties.name}, {properties.total_memory / 1e9:.0f} GB"
        return Finding("gpu", "ok", name)
    if wanted in ("gpu", "cuda"):
        advice = "Install PyTorch for your CUDA, or set machine.accelerator in params.yaml to auto."
        return Finding(
            "gpu", "fail", f"none that torch {torch.__version__} can use, and params.yaml asks for one", advice
        )
    if shutil.which("nvidia-smi"):
        advice = "Install PyTorch for your CUDA if you want to train on it."
        return Finding("gpu", "warn", f"nvidia-smi is here, but torch {torch.__version__} cannot use a GPU", advice)
    return Finding("gpu", "ok", "none; training runs on the CPU")


def _machine() -> MachineParams:
    """The machine's settings; the defaults where params.yaml is not valid, which another check tells."""
    try:
        return load_params().machine
    except HumotionError:
        return MachineParams()


def _params() -> Finding:
    """params.yaml is valid, and the datasets it names are there."""
    try:
        params: Params = load_params()
    except HumotionError as error:
        return Finding("params.yaml", "fail", str(error), "Mend params.yaml; git diff params.yaml shows what changed.")
    absent = [f"{name} ({settings.root})" for name, settings in params.datasets.items() if not settings.root.is_dir()]
    if absent:
        advice = "The sample: make data. Others: humotion fetch, or set datasets.<name>.root to where they lie."
        return Finding("params.yaml", "fail", f"valid, but there is no data for {', '.join(absent)}", advice)
    return Finding(
        "params.yaml", "ok", f"datasets {', '.join(params.datasets)}; experiments {', '.join(params.experiments)}"
    )


def _git() -> Finding:
    if not shutil.which("git"):
        return Finding("git", "fail", "git is not installed", "apt-get install git; DVC and the run records need it.")
    done = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True)
    if done.returncode:
        return Finding(
            "git", "fail", "this is no git checkout", "Work in a clone: DVC and the run records need its commits."
        )
    num_changed = len(done.stdout.splitlines())
    if num_changed:
        advice = "Fine for trying things; commit before runs that you want to find again."
        return Finding("git", "warn", f"{num_changed} changed or new files: runs will be tagged dirty", advice)
    return Finding("git", "ok", "clean")


def _dvc() -> Finding:
    checkout = main_checkout()
    if not (checkout / ".dvc").is_dir():
        return Finding("dvc", "fail", f"{checkout} has no .dvc folder", "Work in a clone of the repository.")
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "stage", "list", "--names-only"],
        cwd=checkout,
        capture_output=True,
        text=True,
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
    )
    if done.returncode:
        return Finding("dvc", "fail", done.stderr.strip()[-300:], "dvc stage list shows the error in full.")
    return Finding("dvc", "ok", f"{len(done.stdout.split())} stages; dvc status says which are stale")


def _disk() -> Finding:
    checkout = main_checkout()
    free = shutil.disk_usage(checkout).free
    found = f"{free / 1e9:,.1f} GB free at {checkout}"
    advice = "Free some space: dvc gc -w drops cached data that this checkout does not use."
    if free < _NONE_LEFT:
        return Finding("disk", "fail", found, advice)
    return Finding("disk", "warn" if free < _SCARCE else "ok", found, advice)


def _mlflow() -> Finding:
    from humotion.tracking.store import ask

    uri, problem = ask(_machine().tracking_uri)
    if problem:
        advice = "Start that server, or mend MLFLOW_TRACKING_URI or machine.tracking_uri in params.yaml."
        return Finding("mlflow store", "fail", f"{uri}: {problem}", advice)
    return Finding("mlflow store", "ok", uri)


def _waiting() -> Finding:
    """Runs on disk that a remote store does not have yet."""
    from humotion.tracking.outbox.waiting import waiting_runs

    runs = waiting_runs()
    if runs:
        advice = "humotion track sync, when their server answers; humotion track status lists them."
        return Finding("unsent runs", "warn", f"{len(runs)} on disk, for a remote MLflow store", advice)
    return Finding("unsent runs", "ok", "none")


def _rar() -> Finding:
    """Unpack a RAR of one byte: a tool may be here and know no RAR, as Debian's 7zz."""
    from humotion.fetch.unpack import unpack

    with tempfile.TemporaryDirectory() as name:
        archive, folder = Path(name) / "a.rar", Path(name) / "out"
        archive.write_bytes(bytes.fromhex(_RAR))
        folder.mkdir()
        try:
            unpack(archive, folder)
        except HumotionError:
            found = "none that unpacks RAR"
            return Finding("rar tool", "warn", found, "Only `humotion fetch hmdb51` needs one: apt-get install unar.")
    return Finding("rar tool", "ok", "found")


CHECKS: dict[str, Callable[[], Finding]] = {
    "python": _python,
    "packages": _packages,
    "decoding": _decoding,
    "gpu": _gpu,
    "params.yaml": _params,
    "git": _git,
    "dvc": _dvc,
    "disk": _disk,
    "mlflow store": _mlflow,
    "unsent runs": _waiting,
    "rar tool": _rar,
}
