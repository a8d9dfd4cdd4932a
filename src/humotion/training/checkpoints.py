"""Checkpoints of unfinished trainings that prove themselves, so that a damaged one is no dead end.

A power cut, a full disk or a quota may leave half a file. So a folder has the checkpoints of the last epoch and of the
best epoch, the two that were there before, and ``checkpoints.json`` with checksums:

    last.ckpt  previous.ckpt      where training resumes, or if last.ckpt is damaged
    best.ckpt  best.previous.ckpt the best epoch so far, and the one before it
    checkpoints.json              [{"checkpoint": sha256, "best": sha256}, ...]  of last.ckpt, and of previous.ckpt

A training resumes from a checkpoint whose checksum is right, and whose best epoch at that time is still there.
Otherwise it starts again. What is damaged is renamed (``*.damaged``) and named in a warning.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from humotion.files import atomic_path

LAST, BEST = "last.ckpt", "best.ckpt"
_BEFORE = {LAST: "previous.ckpt", BEST: "best.previous.ckpt"}
_PROOFS = "checkpoints.json"
_Proof = Mapping[str, str | None]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resumption:
    """Where a training resumes.

    Attributes:
        checkpoint: the checkpoint; None to start again.
        best: the checkpoint of its best epoch.
        proof: the checksums of both.
        damaged: files whose checksum is wrong.
        useless: all files, if the training starts again.
    """

    checkpoint: Path | None = None
    best: Path | None = None
    proof: _Proof = field(default_factory=dict)
    damaged: tuple[Path, ...] = ()
    useless: tuple[Path, ...] = ()


def find_resumption(folder: Path) -> Resumption:
    """Choose the newest checkpoint in ``folder`` that proves itself; changes nothing."""
    found = {path: _digest(path) for name in (LAST, BEST) for path in _both(folder, name) if path.exists()}
    proofs = _read_proofs(folder)
    for proof in proofs:
        checkpoint, best = (_with_digest(folder, name, found, proof.get(key)) for key, name in _PARTS)
        if checkpoint is not None and best is not None:
            # A best.ckpt without proof may also be whole: the process died before it saved last.ckpt.
            is_newest = checkpoint.name == LAST or folder / LAST not in found
            return Resumption(checkpoint, best, proof, () if is_newest else _unproven(found, proofs))
    return Resumption(damaged=_unproven(found, proofs), useless=tuple(found))


_PARTS = (("checkpoint", LAST), ("best", BEST))


class KeepProven(pl.Callback):
    """Sets damaged files aside when a training starts; by then all its processes have chosen the same checkpoint."""

    def __init__(self, resumption: Resumption) -> None:
        self.resumption = resumption

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Rename the damaged files, and say so."""
        chosen = self.resumption
        if not trainer.is_global_zero:
            return
        for path in {*chosen.damaged, *chosen.useless}:
            path.replace(path.with_name(f"{path.name}.damaged"))
        if chosen.best is not None and chosen.best.name != BEST:
            chosen.best.replace(chosen.best.with_name(BEST))
        if wrong := chosen.damaged or chosen.useless:
            _logger.warning(
                "Unfinished work in %s is damaged (%s; by a power cut or a full disk?) and set aside as *.damaged. "
                "The training %s.",
                wrong[0].parent,
                ", ".join(path.name for path in wrong),
                "starts again" if chosen.checkpoint is None else "resumes from the checkpoint of the epoch before",
            )


class ProvenCheckpoints(TorchCheckpointIO):
    """Writes checkpoints with their checksums, and keeps those that they replace.

    Args:
        resumption: where the training resumes.
    """

    def __init__(self, resumption: Resumption) -> None:
        self._proofs: list[_Proof] = [resumption.proof] if resumption.proof else []
        self._best = resumption.proof.get("best")

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint; until it is complete, the old one stays."""
        path = Path(path)
        with atomic_path(path) as temporary:
            torch.save(checkpoint, temporary)
            digest = _digest(temporary)
            if path.name == BEST:
                self._best = digest
            elif path.name == LAST:
                self._proofs = [{"checkpoint": digest, "best": self._best}, *self._proofs[:1]]
                _write_proofs(path.parent, self._proofs)
            if path.exists() and path.name in _BEFORE:
                path.replace(path.with_name(_BEFORE[path.name]))


def _unproven(found: Mapping[Path, str], proofs: list[_Proof]) -> tuple[Path, ...]:
    known = {digest for proof in proofs for digest in proof.values()}
    return tuple(path for path, digest in found.items() if digest not in known)


def _both(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / name, folder / _BEFORE[name]


def _with_digest(folder: Path, name: str, found: Mapping[Path, str], digest: str | None) -> Path | None:
    return next((path for path in _both(folder, name) if digest is not None and found.get(path) == digest), None)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_proofs(folder: Path) -> list[_Proof]:
    try:
        proofs: list[_Proof] = json.loads((folder / _PROOFS).read_text(encoding="utf-8"))
        return [{key: str(proof[key]) for key, _ in _PARTS} for proof in proofs]
    except (OSError, ValueError, TypeError, KeyError):  # absent or damaged: then nothing is proven
        return []


def _write_proofs(folder: Path, proofs: list[_Proof]) -> None:
    with atomic_path(folder / _PROOFS) as temporary:
        temporary.write_text(json.dumps(proofs), encoding="utf-8")
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())  # without it, both checkpoints would be worth nothing after a power cut
