"""Plots of a study: one interactive page that needs no network, and one PNG per plot."""

from __future__ import annotations

import html
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import optuna
from optuna import visualization
from optuna.study import Study
from optuna.trial import TrialState
from optuna.visualization import matplotlib as drawn

from humotion.sweep.study import Sweep

PAGE = "plots.html"

logger = logging.getLogger(__name__)


def write_plots(folder: Path, sweep: Sweep, study: Study) -> None:
    """Write ``plots.html`` and PNGs: history, importance, parallel coordinates, and curves or the Pareto front.

    A plot that the trials do not allow (for example, importance with a single trial) is left out; the page says why.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not complete:
        return
    figures, absent = [], _not_drawn(sweep, study)
    for name, interactive, static, options in _plots(sweep, study):
        try:
            figures.append((name, interactive(study, **options)))
            _save_png(folder / f"{name}.png", static, study, options)
        except (ValueError, RuntimeError) as error:
            logger.warning("No plot %s: %s", name, error)
            absent.append(f"{name}: {error}")
    _write_page(folder / PAGE, sweep.study_name, figures, absent)


Plot = tuple[str, Callable[..., Any], Callable[..., Any], dict[str, Any]]


def _plots(sweep: Sweep, study: Study) -> list[Plot]:
    names = [objective.metric for objective in sweep.objectives]
    plots: list[Plot] = []
    for index, name in enumerate(names):
        options: dict[str, Any] = {"target_name": name}
        suffix = ""
        if len(names) > 1:
            options["target"] = _value_of(index)
            suffix = "_" + name.replace("/", "_")
        plots.append(
            (f"history{suffix}", visualization.plot_optimization_history, drawn.plot_optimization_history, options)
        )
        if _varies(study, index):
            plots.append(
                (f"importance{suffix}", visualization.plot_param_importances, drawn.plot_param_importances, options)
            )
        plots.append(
            (
                f"parallel_coordinates{suffix}",
                visualization.plot_parallel_coordinate,
                drawn.plot_parallel_coordinate,
                options,
            )
        )
    if 1 < len(names) <= 3:
        options = {"target_names": names}
        plots.append(("pareto", visualization.plot_pareto_front, drawn.plot_pareto_front, options))
    if sweep.reported is not None:
        plots.append(
            ("intermediate_values", visualization.plot_intermediate_values, drawn.plot_intermediate_values, {})
        )
    return plots


def _not_drawn(sweep: Sweep, study: Study) -> list[str]:
    """The plots of `_plots` that are not tried, and why."""
    absent = [
        f"importance of {objective.metric}: it needs more than 3 finished trials with different values"
        for index, objective in enumerate(sweep.objectives)
        if not _varies(study, index)
    ]
    if len(sweep.objectives) > 3:
        absent.append("pareto: it can show 3 objectives at most")
    return absent


def _value_of(index: int) -> Callable[[Any], float]:
    return lambda trial: float(trial.values[index])


def _varies(study: Study, index: int) -> bool:
    """Whether importance can be computed: it explains differences between finished trials."""
    values = [trial.values[index] for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
    finite = {value for value in values if math.isfinite(value)}
    return len(values) > 3 and len(finite) > 1


def _save_png(path: Path, static: Callable[..., Any], study: Study, options: dict[str, Any]) -> None:
    static(study, **options)
    figure = plt.gcf()
    figure.set_size_inches(9, 5)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close("all")


def _write_page(path: Path, title: str, figures: list[tuple[str, Any]], absent: list[str]) -> None:
    parts = [
        f"<h2>{name.replace('_', ' ')}</h2>" + figure.to_html(full_html=False, include_plotlyjs=index == 0)
        for index, (name, figure) in enumerate(figures)
    ]
    if absent:
        parts.append(f"<h2>not drawn</h2><ul>{''.join(f'<li>{html.escape(line)}</li>' for line in absent)}</ul>")
    head = f"<!doctype html><html><head><meta charset='utf-8'><title>{title}</title></head>"
    path.write_text(f"{head}<body style='font-family: sans-serif'><h1>{title}</h1>{''.join(parts)}</body></html>")
