"""A person before the screen: opens, reads, clicks, waits until there is something to see."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

PATIENCE = 180.0  # seconds: a loaded machine takes a minute to draw a page that is there in two
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # it refuses to run as root otherwise
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--window-size=1600,1200",
    "--lang=en-US",
)
Seen = TypeVar("Seen")


def start(chromium: str, chromedriver: str, profile: Path, *more: str) -> Chrome:
    """A Chromium that knows nothing and asks nobody; with ``more`` options."""
    options = ChromeOptions()
    options.binary_location = chromium
    for option in (*OPTIONS, *more, f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    driver = Chrome(options=options, service=ChromeService(chromedriver))
    driver.set_page_load_timeout(PATIENCE)
    return driver


class Page:
    """What the browser shows.

    Args:
        driver: the browser.
        shots: a folder for screenshots.
    """

    def __init__(self, driver: Chrome, shots: Path) -> None:
        self.driver = driver
        self.shots = shots

    def open(self, address: str, *texts: str) -> None:
        """Go to an address and wait for all ``texts``."""
        self.driver.get("about:blank")  # else a change behind the # alone loads nothing
        self.driver.get(address)
        self.see(*texts)

    @property
    def text(self) -> str:
        """All text of the page, scrolled into view or not, with every blank a plain one."""
        return str(self.driver.execute_script("return document.body.innerText")).replace("\xa0", " ")

    def see(self, *texts: str) -> None:
        """Wait until the page shows all texts."""
        self.wait(lambda: all(text in self.text for text in texts), f"texts {texts}")

    def wait(self, condition: Callable[[], Seen], what: str) -> Seen:
        """Wait until the condition holds; what it gave."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if seen := condition():
                    return seen
            except StaleElementReferenceException:
                pass  # redrawn while it was looked at
            if time.monotonic() > deadline:
                self.shot("failure")
                raise AssertionError(f"not to be seen: {what}\n{self.driver.current_url}\n{self.text[:3000]}")
            time.sleep(0.25)

    def find(self, css: str) -> WebElement:
        """Wait for the first element that a CSS selector matches."""
        return self.wait(lambda: self.driver.find_elements(By.CSS_SELECTOR, css), css)[0]

    def click(self, css: str) -> None:
        """Click the first element that a CSS selector matches, once it can be."""

        def clicked() -> bool:
            try:
                self.driver.find_element(By.CSS_SELECTOR, css).click()
            except WebDriverException:
                return False
            return True

        self.wait(clicked, f"{css} to click")

    def put_away(self, words: str) -> None:
        """Click the button of these words, should the page have it: an announcement that covers the rest."""
        for button in self.driver.find_elements(By.TAG_NAME, "button"):
            if button.text == words:
                button.click()
                return

    def shot(self, name: str) -> None:
        """Save what is on the screen as ``<name>.png``, once it stands still."""
        before = None
        deadline = time.monotonic() + 10
        while (now := self.driver.get_screenshot_as_png()) != before and time.monotonic() < deadline:
            before = now
            time.sleep(0.5)
        (self.shots / f"{re.sub(r'[^a-z0-9_]+', '_', name)}.png").write_bytes(now)
