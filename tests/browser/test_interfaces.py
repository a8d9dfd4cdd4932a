"""The MLflow UI on the store of a pipeline, comparing runs, from a registered model to its run, figures; and the
dashboard of a sweep. One file, because one project and one browser serve all of it.

What is to be seen is asked of the store, by its own client, and never written down here.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import optuna
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.browser.page import Page
from tests.browser.project import EXPERIMENT, LEARNING_RATES, SPACE, TRIALS

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def store(project: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{project / 'mlflow.db'}")


def all_runs(store: MlflowClient) -> list[Run]:
    """The runs of the only experiment that has any, oldest first."""
    experiments = [experiment.experiment_id for experiment in store.search_experiments()]
    return list(store.search_runs(experiments, order_by=["attributes.start_time"]))


def trainings(store: MlflowClient) -> list[Run]:
    return [run for run in all_runs(store) if run.data.tags.get("kind") == "training"]


def trials(store: MlflowClient) -> list[Run]:
    return [run for run in all_runs(store) if run.data.tags.get("kind") == "trial"]


def run_address(address: str, run: Run, tab: str = "") -> str:
    return f"{address}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}{tab}"


def table(text: str) -> dict[str, list[str]]:
    """Rows of the tables in a page's text, by the first cell."""
    rows = (line.split("\t") for line in text.splitlines() if "\t" in line)
    return {first.strip(): [cell.strip() for cell in cells] for first, *cells in rows}


def metrics_on_page(text: str) -> dict[str, float]:
    """Metrics of a run's page: a name on one line, its value on the next."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = {}
    for name, value in pairwise(lines):
        try:
            found.setdefault(name, float(value))
        except ValueError:
            continue
    return found


def assert_metrics_shown(page: Page, run: Run) -> None:
    page.see(f"Metrics ({len(run.data.metrics)})", "Parameters")
    shown = metrics_on_page(page.text)
    missing = {name: value for name, value in run.data.metrics.items() if shown.get(name) != pytest.approx(value)}
    assert not missing, page.text


def test_two_runs_are_compared(page: Page, mlflow_address: str, store: MlflowClient) -> None:
    runs = {run.info.run_id: run for run in trainings(store)}
    assert [float(run.data.params["optimizer.lr"]) for run in runs.values()] == list(LEARNING_RATES)
    (experiment,) = {run.info.experiment_id for run in runs.values()}
    page.open(f"{mlflow_address}/#/experiments/{experiment}/runs", "matching runs")
    for run_id, run in runs.items():
        row = f"[role=row][row-id='{run_id}']"
        assert run.info.run_name in page.find(row).text
        page.click(f"{row} .ag-selection-checkbox input")
    page.shot("runs")
    page.click("[data-testid=runs-compare-button]")

    page.see("Comparing 2 Runs", *runs, *(str(run.info.run_name) for run in runs.values()), "optimizer.lr")
    rows = table(page.text)
    first, second = (runs[run_id] for run_id in rows["Run ID:"])
    assert first.info.run_id != second.info.run_id
    for name in ("optimizer.lr", "trainer.epochs", "model.name", "seed"):
        assert rows[name] == [first.data.params[name], second.data.params[name]]
    differing = {name for name, value in first.data.params.items() if second.data.params.get(name) != value}
    assert differing == {"optimizer.lr"}
    page.shot("compare")
    common = sorted(name for name in first.data.metrics.keys() & second.data.metrics.keys() if "system/" not in name)
    assert {"best_val/loss", "test/top1"} <= set(common)
    for name in common:
        # Rounded to three decimals, or four digits.
        pair = [run.data.metrics[name] for run in (first, second)]
        assert compared_metric(page, name) == pytest.approx(pair, rel=6e-4, abs=6e-4), name
    page.shot("compare_metrics")


COMPARED = """
const links = [...document.querySelectorAll("a[title='Plot chart']")];
const link = links.find(link => link.textContent.trim() === arguments[0]);
if (!link) {
    // The columns of values move the column of names; behind the end it begins again.
    const values = [...document.querySelectorAll(".ReactVirtualized__Grid")].at(-1);
    values.scrollTop = (values.scrollTop + 150) % values.scrollHeight;
    return null;
}
const cells = [...document.querySelectorAll(".ReactVirtualized__Grid__innerScrollContainer > div")];
const row = cells.filter(cell => cell.style.top === link.parentElement.style.top && !cell.contains(link));
return row.sort((a, b) => parseFloat(a.style.left) - parseFloat(b.style.left)).map(cell => cell.innerText);
"""


def compared_metric(page: Page, name: str) -> list[float]:
    """A row of the comparison's metrics; the table draws what is in view alone, so it is scrolled down to it."""
    cells = page.wait(lambda: page.driver.execute_script(COMPARED, name), f"{name} in the table of metrics")
    return [float(cell) for cell in cells]


def test_charts_of_the_trials(page: Page, mlflow_address: str, store: MlflowClient) -> None:
    """The trials beside each other: every one's name, the searched parameters, a plot that is drawn."""
    children = trials(store)
    assert len(children) == TRIALS
    ids = quote(json.dumps([run.info.run_id for run in children]))
    experiments = quote(json.dumps([children[0].info.experiment_id]))
    names = [str(run.info.run_name) for run in children]
    page.open(f"{mlflow_address}/#/compare-runs?runs={ids}&experiments={experiments}", f"Comparing {TRIALS} Runs")
    page.see(*names, "Parallel Coordinates Plot")
    page.find(".js-plotly-plot .parcoords")
    drawn = page.find(".js-plotly-plot").text
    assert any(name in drawn for name in SPACE), drawn
    page.shot("parallel_coordinates")
    page.open(f"{mlflow_address}/#/experiments/{children[0].info.experiment_id}/runs?compareRunsMode=CHART")
    page.find("[data-testid=experiment-view-compare-runs-card] .js-plotly-plot")
    page.shot("charts")


def test_from_a_registered_model_to_its_run(page: Page, mlflow_address: str, store: MlflowClient) -> None:
    (model,) = store.search_registered_models()
    champion = store.get_model_version_by_alias(model.name, "champion")
    page.open(f"{mlflow_address}/#/models", "Registered Models", model.name)
    page.put_away("Try it now")
    page.shot("models")
    page.click(f"a[href$='/models/{model.name}']")
    page.see(*(f"Version {version.version}" for version in store.search_model_versions()), "@ champion")
    page.shot("model")
    page.click(f"a[href$='/models/{model.name}/versions/{champion.version}']")
    page.see(f"Version {champion.version}", "@ champion", "Source Run")
    assert_card_shown(page, str(champion.description))
    page.shot("version")

    page.click(f"a[href*='/runs/{champion.run_id}']")
    run = store.get_run(champion.run_id)
    page.see(str(run.info.run_name), champion.run_id)
    assert f"/runs/{champion.run_id}" in page.driver.current_url
    assert_metrics_shown(page, run)
    page.shot("run")


def assert_card_shown(page: Page, card: str) -> None:
    """The version's description, drawn: its headings, and the figures in its table."""
    lines = [line for line in card.splitlines() if line]
    page.see(*(line.lstrip("# ") for line in lines if line.startswith("#")))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    rows = {name: list(filter(None, row)) for name, *row in cells[2:]}  # below the header and its rule
    shown = {name: list(filter(None, row)) for name, row in table(page.text).items()}
    assert rows and {name: shown.get(name) for name in rows} == rows


def test_figures_and_system_metrics_of_a_run(page: Page, mlflow_address: str, store: MlflowClient) -> None:
    run = trainings(store)[-1]
    files = [file.path for file in store.list_artifacts(run.info.run_id, "evaluate")]
    figures = [Path(path).name for path in files if path.endswith((".png", ".jpg"))]
    assert figures
    page.open(run_address(mlflow_address, run, "/artifacts"), "evaluate")
    page.click("[data-testid=artifact-tree-node][aria-label=evaluate]")
    for figure in figures:
        page.click(f"[data-testid=artifact-tree-node][aria-label$='{figure}']")
        page.see(f"evaluate/{figure}")
        page.wait(lambda: largest_picture(page) >= 200, f"the picture {figure}")
        page.shot(f"figure_{Path(figure).stem}")

    page.open(run_address(mlflow_address, run, "/system-metrics"), "System metrics", "cpu_utilization_percentage")
    page.find("[data-testid=experiment-view-compare-runs-card] .js-plotly-plot")
    assert any(name.startswith("system/cpu") for name in run.data.metrics)
    page.shot("system_metrics")


def largest_picture(page: Page) -> int:
    """Width in pixels of the largest picture that has been loaded."""
    script = "return Math.max(0, ...[...document.images].filter(i => i.complete).map(i => i.naturalWidth))"
    return int(page.driver.execute_script(script))


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
