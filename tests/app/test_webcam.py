"""A recording by the webcam, which Chromium plays from a real clip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.app.test_page import Start, choose, press, started  # noqa: F401 (a fixture)
from tests.browser.conftest import browser_programs  # noqa: F401 (a fixture)
from tests.support.footage import ffmpeg, needs_ffmpeg

if TYPE_CHECKING:
    from tests.browser.page import Page


@pytest.fixture
def page_with_camera(
    browser_programs: tuple[str, str],  # noqa: F811
    real_clip: Path,
    tmp_path: Path,
) -> Iterator[Page]:
    """A browser whose camera shows the golfer, again and again, and whose microphone beeps."""
    from tests.browser.page import Page, start

    film = tmp_path / "camera.mjpeg"
    ffmpeg("-i", real_clip, "-vf", "scale=320:240", "-c:v", "mjpeg", "-q:v", "3", "-f", "mjpeg", film)
    fake = (
        "use-fake-device-for-media-stream",
        "use-fake-ui-for-media-stream",
        f"use-file-for-fake-video-capture={film}",
    )
    shots = Path(os.environ.get("HUMOTION_SCREENSHOTS", tmp_path / "screenshots")).resolve()
    shots.mkdir(parents=True, exist_ok=True)
    driver = start(*browser_programs, tmp_path / "profile", *(f"--{option}" for option in fake))
    try:
        yield Page(driver, shots)
    finally:
        driver.quit()


def played(page: Page) -> float:
    """Seconds for which the page has shown the camera."""
    return float(page.driver.execute_script("return document.querySelector('video').currentTime"))


@pytest.mark.thorough
@needs_ffmpeg
def test_a_recording_is_answered(page_with_camera: Page, started: Start) -> None:  # noqa: F811
    page = page_with_camera
    page.open(started(), "Compare with")
    page.click("button[aria-label$='from camera']")
    page.click("div[title='grant webcam access'] button")
    page.shot("app_camera")
    page.click("button:has([title='start recording'])")
    page.find("button:has([title='stop recording'])")
    start = played(page)
    page.wait(lambda: played(page) > start + 2, "two seconds of a recording")
    page.click("button:has([title='stop recording'])")
    page.wait(lambda: page.driver.find_elements("css selector", "button[aria-label='Clear']"), "the recorded clip")
    page.shot("app_recorded")
    choose(page, "Model", "first")
    press(page)
    page.see("Done in", "Most likely")
    assert "The times of its frames are not known" not in page.text
    page.shot("app_of_camera")
