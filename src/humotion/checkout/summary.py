"""Summary of the last `dvc repro`: scores compared with baselines, where the plots are, and how to open the UI."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Any

from humotion.evaluation.face import load_face
from humotion.figures.tables import text_table
from humotion.files import read_json
from humotion.params.document import Params

# Without this address, MLflow opens with its menus for language models.
MLFLOW_UI = "http://127.0.0.1:5000/#/experiments?workflowType=machine_learning"
_PLACES = [
    ("reports/<dataset>/report.md", "what is in the data"),
    ("plans/<experiment>/contact_sheet.jpg", "what augmentation does"),
    ("reports/<experiment>/", "figures, overlays, predictions"),
    ("dvc metrics show; dvc plots show", "scores and curves"),
    ("make ui", "MLflow: select runs, click Compare"),
    ("", MLFLOW_UI),
]


def summarise(params: Params) -> str:
    """A short text for the terminal; if a stage has not run, it says what is missing."""
    blocks = [_block(name, experiment.task, experiment.dataset) for name, experiment in params.experiments.items()]
    return "\n\n".join([*blocks, _next_steps()])


def _block(name: str, task: str, dataset: str) -> str:
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
    registered = Path("registered") / f"{name}.json"
    if registered.exists():
        lines.append("  registered: {uri} (version {version}; {reason})".format(**read_json(registered)))
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


def _next_steps() -> str:
    return "\n".join(
        [
            "Look at:",
            indent(text_table(None, _PLACES), "  "),
        ]
    )
