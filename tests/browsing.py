"""The explorer in a real browser: a server in a thread, Chromium, and what a page said."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
WAIT_MS = 120_000  # the machine may be busy


@contextmanager
def chromium() -> Iterator[Any]:
    """Open Chromium without a window; skip with the reason where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: mlsse[test]")
    named = os.environ.get("MLSSE_CHROMIUM")
    path = named or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs chromium: apt-get install chromium, or name one in MLSSE_CHROMIUM")
    with api.sync_playwright() as play:
        # The sandbox of Chromium needs rights that a container has not.
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def served(context: Any) -> Iterator[str]:
    """Serve an explorer as the command does; yields its address without the last slash."""
    from mlsse.explorer.app import create_app, run
    from mlsse.server import take_port

    taken = take_port("127.0.0.1", 0)
    app = create_app(context)
    taken.listen()
    # It ends with the tests: waitress has no stop from another thread.
    threading.Thread(target=run, args=(app, taken), daemon=True).start()
    yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@dataclass
class Visit:
    """A tab that remembers what went wrong.

    Attributes
    ----------
    page : playwright.sync_api.Page
    address : str
        Of the explorer.
    faults : list of str
        Warnings and errors of the console, exceptions, failed requests, foreign addresses.
    """

    page: Any
    address: str
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        self.page.on("response", self._answered)
        self.page.on("request", self._asked)

    def _hear(self, said: Any) -> None:
        if said.type in ("error", "warning"):
            self.faults.append(f"{said.type}: {said.text}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status} of {response.url}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"asked {request.url}")

    def go(self, path: str) -> None:
        """Open a view and wait until it is drawn."""
        self.page.goto(self.address + path)
        self.settle()

    def settle(self) -> None:
        """Wait until no callback runs and every figure in sight is drawn with its caption."""
        page = self.page
        page.locator("main h1").wait_for()
        page.locator("[data-dash-is-loading=true]").first.wait_for(state="detached")
        page.wait_for_load_state("networkidle")
        for figure in page.locator("figure.figure:visible").all():
            figure.locator(".js-plotly-plot .main-svg").first.wait_for()
        page.locator("[data-dash-is-loading=true]").first.wait_for(state="detached")

    def fits_the_width(self) -> bool:
        """Whether nothing makes the page scroll sideways."""
        root = "document.documentElement"
        return bool(self.page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"))
