"""One project, one server of each kind and one browser for all tests of this folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.project import make_project
from tests.browser.servers import free_port, mlflow_ui, serving

if TYPE_CHECKING:
    from tests.browser.page import Page


@pytest.fixture(scope="session")
def browser_programs() -> tuple[str, str]:
    """Chromium (or Chrome) and its driver; before anything is trained for nothing."""
    pytest.importorskip("selenium", reason="selenium is not installed (pip install -e '.[dev]')")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("Chromium and chromedriver are not installed (make test-services)")
    return browser, driver


@pytest.fixture(scope="session")
def project(browser_programs: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two `dvc repro` and a sweep left."""
    return make_project(tmp_path_factory.mktemp("browser") / "project")


@pytest.fixture(scope="session")
def mlflow_address(project: Path) -> Iterator[str]:
    with serving(mlflow_ui(), project, free_port()) as address:
        yield address


@pytest.fixture(scope="session")
def dashboard_address(project: Path) -> Iterator[str]:
    pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed (pip install -e '.[dashboard]')")
    port = free_port()
    command = ["optuna-dashboard", "sqlite:///optuna.db", "--port", str(port), "--server", "wsgiref"]
    with serving(command, project, port) as address:
        yield address


@pytest.fixture(scope="module")  # an idle browser still takes a tenth of a core
def page(browser_programs: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The browser; screenshots go to HUMOTION_SCREENSHOTS, if it is set."""
    from tests.browser.page import Page, start

    folder = tmp_path_factory.mktemp("chromium")
    shots = Path(os.environ.get("HUMOTION_SCREENSHOTS", folder / "screenshots")).resolve()
    shots.mkdir(parents=True, exist_ok=True)
    driver = start(*browser_programs, folder / "profile")
    try:
        yield Page(driver, shots)
    finally:
        driver.quit()
