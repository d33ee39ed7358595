"""Headless Chromium with a software renderer, and the controls of the Studio's page as a visitor finds them."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

WAIT = 120.0  # seconds; software rendering on a machine that is busy with other things
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)  # fmt: skip
SIZE = (1060, 640)


@dataclass
class Visitor:
    """A tab of the browser.

    Attributes:
        page: playwright's.
        asked: every address that the tab asked for.
        broken: what its scripts failed with.
    """

    page: object
    asked: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def row(self, label: str):  # type: ignore[no-untyped-def]
        """The control with a label; the last one where several tabs have it."""
        return self.page.locator(f"label:text-is('{label}'):visible").last.locator("xpath=../../..")

    def write(self, label: str, text: str) -> None:
        """Into the box with a label."""
        self.row(label).locator("textarea, input").first.fill(text)

    def press(self, name: str) -> None:
        """A button."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def open(self, name: str) -> None:
        """A tab of controls."""
        self.page.get_by_role("tab", name=name, exact=True).click()

    def read(self, text: str) -> None:
        """Wait until the page says something."""
        self.page.get_by_text(text).first.wait_for()

    def drag(self, label: str, thumb: int, pixels: float) -> float:
        """A thumb of a slider to the right; the value at which it is let go, before the slider rounds it."""
        slider = self.row(label)
        box = slider.locator(".multi-slider-thumb").nth(thumb).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + pixels, y, steps=3)
        self.page.mouse.up()
        track = slider.locator(".multi-slider-track-container").bounding_box()
        most = float(slider.locator(".multi-slider-mark-label").last.inner_text())
        return most * (x + pixels - track["x"]) / track["width"]

    def scene(self) -> np.ndarray:
        """(h, w, 3) pixels of the tab."""
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")).astype(int)


@contextmanager
def chromium() -> Iterator[object]:
    """A browser; the test is skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@contextmanager
def visiting(browser, url: str) -> Iterator[Visitor]:  # type: ignore[no-untyped-def]
    """A visitor of their own: nothing is shared with another one. The picture is coarse, to be drawn quickly."""
    context = browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}, accept_downloads=True)
    context.set_default_timeout(WAIT * 1000)
    page = context.new_page()
    visitor = Visitor(page)
    page.on("request", lambda request: visitor.asked.append(request.url))
    page.on("pageerror", lambda error: visitor.broken.append(str(error)))
    page.goto(f"{url}/?fixedDpr=0.5")
    page.get_by_role("button", name="Generate", exact=True).wait_for()
    yield visitor
    context.close()


def until(true: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
