"""Summary of the last `dvc repro`: scores compared with baselines, where the plots are, and how to open the UI."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Any

from humotion.checkout.entered import registered
from humotion.evaluation.face import load_face
from humotion.figures.tables import text_table
from humotion.files import read_json
from humotion.params.document import Params
from humotion.tracking.address import in_use, shown

# Without this address, MLflow opens with its menus for language models.
_PAGE = "/#/experiments?workflowType=machine_learning"
_PLACES = [
    ("reports/<dataset>/report.md", "what is in the data"),
    ("plans/<experiment>/contact_sheet.jpg", "what augmentation does"),
    ("reports/<experiment>/", "figures, overlays, predictions"),
    ("dvc metrics show; dvc plots show", "scores and curves"),
]


def summarise(params: Params) -> str:
    """A short text for the terminal; if a stage has not run, it says what is missing."""
    blocks = [
        _block(name, maker.task, maker.dataset, registered(name, params)) for name, maker in params.makers.items()
    ]
    notes = [note for name in params.datasets if (note := _damage(name, params.dataset(name).on_damage))]
    return "\n\n".join([*blocks, *(["\n".join(notes)] if notes else []), _next_steps(params)])


def _damage(dataset: str, on_damage: str) -> str | None:
    """How many videos of a dataset are not whole; None if all are, or if it was not explored."""
    path = Path("metrics") / dataset / "data.json"
    facts = read_json(path) if path.exists() else {}
    counts = {name: facts.get(f"num_{name}", 0) for name in ("truncated", "damaged", "unreadable", "missing")}
    if not any(counts.values()):
        return None
    found = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    return f"{dataset}: {found} (on_damage: {on_damage}). Which and why: reports/{dataset}/problems.csv"


def _block(name: str, task: str, dataset: str, where: str | None) -> str:
    path = Path("metrics") / name / "test.json"
    if not path.exists():
        return f"{name} on {dataset}: not evaluated yet. Run `dvc repro`."
    test = read_json(path)
    lines = [f"{name} on {dataset} (test: {test['num_clips']} clips)"]
    metrics = load_face(task).HEADLINES
    scores = {name: test["test"], **test["baseline"]}
    rows = [(row, *(_cell(scores[row], metric) for metric in metrics)) for row in scores]
    table = text_table(("", *metrics), rows, right=range(1, len(metrics) + 1))
    lines.append(indent(table, "  "))
    gain = test["gain"]
    interval = "no interval: only one group"
    if gain["low"] is not None:
        interval = f"95 % interval {gain['low']:+.3f} to {gain['high']:+.3f}"
    lines.append(
        f"  {gain['metric']} over {gain['over']}: {gain['difference']:+.3f} "
        f"({interval}, bootstrap over {test['num_groups']} groups)"
    )
    lines += [_more_gain(gain_name, gain) for gain_name, gain in test.get("more_gains", {}).items()]
    if where is not None:
        lines.append(f"  {where}")
    return "\n".join(lines)


def _more_gain(name: str, gain: dict[str, Any]) -> str:
    interval = (
        " (no interval: only one group)"
        if gain["low"] is None
        else f" (95 % interval {gain['low']:+.3f} to {gain['high']:+.3f})"
    )
    return f"  {name.replace('_over_', ' over ')}: {gain['difference']:+.3f}{interval}"


def _cell(scores: dict[str, Any], metric: str) -> str:
    """A score; empty if there is no such score, and in words if there was nothing to score (null in JSON)."""
    if metric not in scores:
        return ""
    value = scores[metric]
    return "undefined" if value is None else f"{value:.3f}"


def _next_steps(params: Params) -> str:
    places = [*_PLACES, ("make ui", "MLflow: select runs, click Compare"), ("", ui_address(params))]
    return "\n".join(["Look at:", indent(text_table(None, places), "  ")])


def ui_address(params: Params) -> str:
    """Where the runs of the store in use are shown: by `make ui` on this machine, or by the server that keeps them."""
    uri = shown(in_use(params.machine.tracking_uri))
    return f"{uri.rstrip('/')}{_PAGE}" if uri.startswith("http") else f"http://127.0.0.1:5000{_PAGE}"
