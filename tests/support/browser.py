"""Debian's Chromium without a window, for pages that must not ask the network for anything."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

BINARY = Path("/usr/bin/chromium")
DRIVER = Path("/usr/bin/chromedriver")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip

DESK = 1200
PHONE = 390

# How the WCAG reckon the contrast of two colours.
_CONTRAST = """
    const channels = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const luminance = colour => channels(colour)
        .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, index) => sum + c * [0.2126, 0.7152, 0.0722][index], 0);
    const [ink, surface] = [arguments[0], arguments[1]].map(luminance);
    return (Math.max(ink, surface) + 0.05) / (Math.min(ink, surface) + 0.05);
"""


class Browser:
    """A page that is open, and what a person would see of it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, page: Path, width: int = DESK, scheme: str = "light") -> None:
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width <= PHONE},
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.driver.get(page.as_uri())

    def ask(self, expression: str, *arguments: object) -> Any:
        """The value of an expression of JavaScript, run from outside the page's policy."""
        return self.driver.execute_script(f"return {expression}", *arguments)

    def text(self, selector: str) -> str:
        return str(self.ask("document.querySelector(arguments[0]).textContent", selector))

    def texts(self, selector: str) -> list[str]:
        query = "[...document.querySelectorAll(arguments[0])].map(each => each.textContent)"
        return [str(text) for text in self.ask(query, selector)]

    def count(self, selector: str) -> int:
        return int(self.ask("document.querySelectorAll(arguments[0]).length", selector))

    def contrast(self, selector: str, style: str) -> float:
        """Of an element with the surface of the page."""
        ink = self.ask(
            "getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]", selector, style
        )
        surface = self.ask("getComputedStyle(document.body).backgroundColor")
        return float(self.driver.execute_script(_CONTRAST, ink, surface))

    def complaints(self) -> list[dict[str, Any]]:
        """What stands in the console; reading it empties it."""
        return list(self.driver.get_log("browser"))  # type: ignore[no-untyped-call]

    def picture(self, file: Path) -> None:
        height = self.ask("document.documentElement.scrollHeight")
        width = self.ask("innerWidth")
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width <= PHONE},
        )
        self.driver.save_screenshot(str(file))


@contextmanager
def running() -> Iterator[Browser]:
    """A browser with an empty profile, gone at the end."""
    with tempfile.TemporaryDirectory() as profile:
        options = Options()
        options.binary_location = str(BINARY)
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
        try:
            yield Browser(driver)
        finally:
            driver.quit()
