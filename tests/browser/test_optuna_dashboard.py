"""optuna-dashboard on the study that `humotion sweep` made."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from tests.browser.page import Page
from tests.browser.project import EXPERIMENT, SPACE, TRIALS

pytestmark = pytest.mark.browser


def test_the_study_opens(page: Page, dashboard_address: str, project: Path) -> None:
    url = f"sqlite:///{project / 'optuna.db'}"
    (name,) = optuna.get_all_study_names(url)
    study = optuna.load_study(study_name=name, storage=url)
    assert name.startswith(EXPERIMENT) and len(study.trials) == TRIALS
    page.open(f"{dashboard_address}/dashboard", name)
    page.shot("dashboard_studies")
    page.click("a[href*='/studies/']")
    page.see(name, "History", "Best Trial", *SPACE)
    assert shown(study.best_value) in page.text
    page.find(".js-plotly-plot .main-svg")
    page.shot("dashboard_study")
    page.click("a[href$='/trials']")
    page.see("Complete", *(f"Trial {trial.number}" for trial in study.trials))
    page.shot("dashboard_trials")


def shown(value: float) -> str:
    """A number as JavaScript writes it."""
    return repr(value).removesuffix(".0")
