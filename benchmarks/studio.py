"""Time from the click on Generate to a figure that has moved, in a real browser: `python benchmarks/studio.py`.

`kinelex studio` runs in a process of its own; headless Chromium opens the page, writes a sentence, presses the button,
and looks at the page until the figure has appeared and taken another pose. The first row is the first motion that the
server ever makes for a visitor. Browser and model share the machine, and the browser draws in software: with a
graphics card it is faster. Needs playwright and Chromium. Run it on a quiet machine.

`--pictures docs/images` also takes the pictures of docs/studio.md.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)  # fmt: skip
SENTENCES = (
    "a person walks forward",
    "a person walks forward, then waves with the right hand",
    "a person squats",
    "someone jumps, then sits down",
    "a person turns left and walks",
)
WAIT = 300_000  # milliseconds
# Notes when the line of the moment is first past a frame of the clip: it is sent with the pose of that frame.
WATCH = """() => {
  window.moved = null;
  const watch = () => {
    const line = document.querySelector('.kinelex-phrase')?.parentElement?.innerText ?? '';
    if (line.includes('/ 0.00')) { requestAnimationFrame(watch); return; }
    if (parseFloat(line) > 0) window.moved = performance.now(); else requestAnimationFrame(watch);
  };
  document.querySelectorAll('button').forEach(button => {
    if (button.innerText === 'Generate') button.addEventListener('click', () => {
      window.clicked = performance.now(); requestAnimationFrame(watch);
    });
  });
}"""


@contextmanager
def studio(*options: str) -> Iterator[str]:
    """The URL of a page that was started with these options."""
    command = [sys.executable, "-m", "kinelex", "studio", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        if found is None:
            raise SystemExit("the studio did not start")
        try:
            yield found[0]
        finally:
            process.terminate()


@contextmanager
def visit(browser: Browser, url: str) -> Iterator[Page]:
    """A tab with the page."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(WAIT)
    page.goto(url)
    page.get_by_role("button", name="Generate", exact=True).wait_for()
    yield page
    page.close()


def row(page: Page, label: str) -> Any:
    """The control with a label."""
    return page.locator(f"label:text-is('{label}'):visible").last.locator("xpath=../../..")


def first_motion(browser: Browser, url: str, sentence: str) -> float:
    """Seconds from the click to the second pose, for a visitor who has just come."""
    with visit(browser, url) as page:
        row(page, "Prompt").locator("textarea").first.fill(sentence)
        page.evaluate(WATCH)
        page.get_by_role("button", name="Generate", exact=True).click()
        page.wait_for_function("window.moved !== null && window.moved !== undefined")
        return page.evaluate("(window.moved - window.clicked) / 1000")


def take_pictures(browser: Browser, url: str, folder: Path) -> None:
    """The pictures of the guide."""

    def done(what: str) -> None:
        page.get_by_text(f"{what}: done").wait_for()

    def still(second: float, name: str) -> None:
        """Stand at a moment, and take the picture."""
        track = row(page, "Time").locator(".multi-slider-track-container").bounding_box()
        last = float(row(page, "Time").locator(".multi-slider-mark-label").last.inner_text())
        x, y = track["x"] + track["width"] * second / last, track["y"] + track["height"] / 2
        page.mouse.move(x - 20, y)
        page.mouse.down()
        page.mouse.move(x, y, steps=4)
        page.mouse.up()
        page.mouse.move(600, 60)
        page.wait_for_timeout(3000)
        page.screenshot(path=folder / name)

    with visit(browser, url) as page:
        for notice in page.locator(".mantine-Notification-closeButton").all():
            notice.click()
        row(page, "Prompt").locator("textarea").first.fill(SENTENCES[1])
        page.get_by_role("button", name="Generate", exact=True).click()
        done("Generating")
        still(4.5, "studio.png")
        page.get_by_role("tab", name="Find").click()
        page.get_by_role("button", name="Find it in the take").click()
        done("Finding")
        still(4.0, "studio_find.png")
        row(page, "Side by side").locator("input").last.fill("3")
        page.get_by_role("button", name="Generate", exact=True).click()
        done("Generating")
        page.get_by_role("tab", name="Takes").click()
        still(4.5, "studio_takes.png")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="default", help="model folder")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="take the pictures of the guide")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with studio("--model", options.model) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}\n")
        print("| prompt | click to moving figure, s |")
        print("| --- | ---: |")
        for sentence in SENTENCES:
            print(f"| {sentence} | {first_motion(browser, url, sentence):.2f} |", flush=True)
        if options.pictures is not None:
            take_pictures(browser, url, options.pictures)
        browser.close()


if __name__ == "__main__":
    main()
