"""The description of a run in the MLflow UI: model, data and settings, how to repeat it, and its results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from humotion.figures.tables import markdown_table
from humotion.tracking.sources import stage_of

FIGURES = "### Figures"
_KEY_SETTINGS = ("seed", "trainer.epochs", "trainer.batch_size", "optimizer.lr", "augment.balance", "augment.size")


def training_note(name: str, settings: Mapping[str, str], meta: Mapping[str, Any], commit: str | None) -> str:
    """Describe a training; ``settings`` are its flattened parameters, ``meta`` is the meta.json of its clips."""
    # An option that is not set has the default of the model, so "None" would be wrong.
    given = {key.split(".", 1)[1]: value for key, value in settings.items() if key.startswith("model.")}
    model = ", ".join(f"{key} {value}" for key, value in given.items() if value != "None")
    if (stage := stage_of(settings)) == "fuse":
        model = f"late fusion of {settings['of']}, weights {settings['weights']}"
    chosen = ", ".join(f"{key} {settings[key]}" for key in _KEY_SETTINGS if key in settings)
    checkout = f"git checkout {commit} && " if commit else ""
    return "\n".join(
        [
            f"**{name}**: {settings['task'].replace('_', ' ')} on `{settings['dataset']}`.",
            "",
            f"- Model: {model}",
            f"- Data: {data_line(meta)}",
            f"- Settings: {chosen}",
            f"- Repeat: `{checkout}dvc repro {stage}@{name}`; `humotion lineage RUN_ID` shows what else it needs",
        ]
    )


def data_line(meta: Mapping[str, Any]) -> str:
    """Split, fold and number of clips of an experiment, from ``clips/<experiment>/meta.json``."""
    split = meta.get("split") or {}  # a converted model has none
    text = str(split.get("column", "split unknown"))
    if shared := split.get("test_clips_shared"):
        text += f" (LEAKY: {shared:.0%} of the test clips share frames with training clips)"
    if "validation_fold" in split:
        text += f", validation fold {split['validation_fold']} of {split['validation_folds']}"
    counts = meta.get("counts", {})
    numbers = ", ".join(
        f"{title} {counts[part]['clips']} clips from {counts[part]['groups']} groups"
        for part, title in (("train", "training"), ("val", "validation"), ("test", "test"))
        if part in counts
    )
    return f"{text}; {numbers}" if numbers else text


def with_figures(note: str, validation: Mapping[str, float | None], test: Mapping[str, Any]) -> str:
    """The note with a table of scores at its end, which replaces an older table; ``test`` is as in test.json."""
    before = note.split(FIGURES)[0].rstrip()
    return "\n".join([before, "", FIGURES, "", figure_table(validation, test)])


def figure_table(validation: Mapping[str, float | None], test: Mapping[str, Any]) -> str:
    """A Markdown table: one row per metric; columns for validation, test, and every baseline on the test clips."""
    columns = {"validation": validation, "test": test["test"]}
    columns |= {f"test, {baseline}": scores for baseline, scores in test["baseline"].items()}
    metrics = [key for key in {**test["test"], **validation} if key != "loss"]
    rows = [(key, *(_cell(column, key) for column in columns.values())) for key in metrics]
    return markdown_table(("metric", *columns), rows)


def _cell(scores: Mapping[str, float | None], key: str) -> str:
    if key not in scores:
        return ""
    value = scores[key]
    return "none" if value is None else f"{value:.4f}"  # JSON has null if there was nothing to score
