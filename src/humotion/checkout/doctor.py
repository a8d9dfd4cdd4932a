"""`humotion doctor`: check whether this machine can run the pipeline, and print how to fix problems.

Each check does real work on a small scale: it decodes a video, or it connects to the store. No check writes to the
checkout. A check that raises an error is reported as a finding, too.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from humotion.checkout.doctor_machine import check_commands, check_dvc_locks, check_shared_memory
from humotion.checkout.doctor_results import check_leftovers, check_staged
from humotion.checkout.doctor_store import check_dead_runs, check_files, check_git, check_registry, check_store
from humotion.checkout.findings import Finding as Finding
from humotion.errors import HumotionError
from humotion.figures.tables import text_table
from humotion.params.document import Params, load_params
from humotion.params.machine import MachineParams
from humotion.work import main_checkout

_SCARCE, _NONE_LEFT = 10e9, 1e9  # bytes of free disk: the sample needs less, every real dataset needs more

_RAR = (
    "526172211a0700cf907300000d00000000000000b70874008021000100000001000000038316dc8c00608e5a14300100a4810000"
    "6178c43d7b00400700"
)


def examine() -> list[Finding]:
    """Run all checks."""
    return [_guarded(name, check) for name, check in CHECKS.items()]


def describe(findings: list[Finding]) -> str:
    """The findings as text: one line per finding, and a line of advice below each problem."""
    rows: list[tuple[str, str, str]] = []
    for finding in findings:
        rows.append((finding.status, finding.check, finding.found))
        if finding.status != "ok":
            rows.append(("", "", f"-> {finding.advice}"))
    return text_table(None, rows)


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # every error of a check is a finding
        return Finding(name, "fail", f"{type(error).__name__}: {error}", "The check itself raised this error.")


def _python() -> Finding:
    """Report the version and the path; pip has already refused a version that is too old."""
    return Finding("python", "ok", f"{sys.version.split()[0]} at {sys.executable}")


def _packages() -> Finding:
    """Compare all dependencies with the versions that pyproject.toml asks for."""
    from packaging.requirements import Requirement

    advice = "Install the dependencies of pyproject.toml: pip install -e '.[dev]'"
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
    """Write four frames with PyAV, and read them in the same way as extraction."""
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
        advice = (
            "torchcodec found no FFmpeg libraries (4 to 8): apt-get install ffmpeg. Until then PyAV reads, but slower."
        )
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
        return Finding("gpu", "fail", f"params.yaml asks for a GPU, but torch {torch.__version__} can use none", advice)
    if shutil.which("nvidia-smi"):
        advice = "To train on the GPU, install PyTorch for your CUDA."
        return Finding("gpu", "warn", f"nvidia-smi is here, but torch {torch.__version__} cannot use a GPU", advice)
    return Finding("gpu", "ok", "none; training runs on the CPU")


def _machine() -> MachineParams:
    """The machine's settings; the defaults if params.yaml is not valid, which another check reports."""
    try:
        return load_params().machine
    except HumotionError:
        return MachineParams()


def _params() -> Finding:
    """Check that params.yaml is valid, and that the folders of its datasets exist."""
    try:
        params: Params = load_params()
    except HumotionError as error:
        return Finding("params.yaml", "fail", str(error), "Fix params.yaml. `git diff params.yaml` shows what changed.")
    absent = [f"{name} ({settings.root})" for name, settings in params.datasets.items() if not settings.root.is_dir()]
    if absent:
        advice = "The sample: make data. Other datasets: humotion fetch, or set datasets.<name>.root to their folder."
        return Finding("params.yaml", "fail", f"valid, but there is no data for {', '.join(absent)}", advice)
    return Finding(
        "params.yaml", "ok", f"datasets {', '.join(params.datasets)}; experiments {', '.join(params.experiments)}"
    )


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
        return Finding("dvc", "fail", done.stderr.strip()[-300:], "`dvc stage list` shows the complete error.")
    return Finding("dvc", "ok", f"{len(done.stdout.split())} stages; dvc status shows which are stale")


def _disk() -> Finding:
    checkout = main_checkout()
    free = shutil.disk_usage(checkout).free
    found = f"{free / 1e9:,.1f} GB free at {checkout}"
    advice = "Free some space: `dvc gc -w` removes cached data that this checkout does not use."
    if free < _NONE_LEFT:
        return Finding("disk", "fail", found, advice)
    return Finding("disk", "warn" if free < _SCARCE else "ok", found, advice)


def _waiting() -> Finding:
    """Look for runs on disk that a remote store does not have yet."""
    from humotion.tracking.outbox.waiting import waiting_runs

    runs = waiting_runs()
    if runs:
        advice = "Run humotion track sync when their server answers. humotion track status lists them."
        return Finding("unsent runs", "warn", f"{len(runs)} on disk, for a remote MLflow store", advice)
    return Finding("unsent runs", "ok", "none")


def _rar() -> Finding:
    """Unpack a RAR file of one byte: some installed tools cannot unpack RAR, for example Debian's 7zz."""
    from humotion.fetch.unpack import unpack

    with tempfile.TemporaryDirectory() as name:
        archive, folder = Path(name) / "a.rar", Path(name) / "out"
        archive.write_bytes(bytes.fromhex(_RAR))
        folder.mkdir()
        try:
            unpack(archive, folder)
        except HumotionError:
            found = "no tool that unpacks RAR"
            return Finding("rar tool", "warn", found, "Only `humotion fetch hmdb51` needs one: apt-get install unar.")
    return Finding("rar tool", "ok", "found")


CHECKS: dict[str, Callable[[], Finding]] = {
    "python": _python,
    "packages": _packages,
    "decoding": _decoding,
    "gpu": _gpu,
    "params.yaml": _params,
    "git": check_git,
    "dvc": _dvc,
    "staged results": check_staged,
    "leftovers": check_leftovers,
    "disk": _disk,
    "mlflow store": check_store,
    "run files": check_files,
    "registry": check_registry,
    "unsent runs": _waiting,
    "rar tool": _rar,
    "shared memory": check_shared_memory,
    "commands": check_commands,
    "dvc locks": check_dvc_locks,
    "dead runs": check_dead_runs,
}
