"""The screenshots of the explorer in the README and the documentation.

    python docs/tools/screenshots.py               # docs/figures/explorer-*.png
    python docs/tools/screenshots.py --out FOLDER

It runs `mlsse explore` with a screen of the recipe of antiperovskites, and Chromium without a
window: needs `mlsse[explore]`, Playwright, and Chromium at MLSSE_CHROMIUM or on the path. With
`MLSSE_DATA_MIRROR` or a network the measured values are in the pictures.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
RECIPE = REPOSITORY / "experiments" / "recipes" / "antiperovskites.toml"
#: Of a picture: its address, the formula to enter, the size of the window in px, the mode.
PICTURES = {
    "predict": ("/", "", (1296, 990), "light"),
    "arrhenius": ("/arrhenius", "Li6.4La3Zr1.4Ta0.6O12", (1200, 980), "dark"),
}
MAX_BYTES = 300_000
_WAIT_MS = 120_000


@contextmanager
def explorer(screen: Path) -> Iterator[str]:
    """Run the explorer; yields its address."""
    command = [sys.executable, "-m", "mlsse", "explore", "--port", "0", "--screen", str(screen)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if (address := re.search(r"http://[^ /]+", line)) is None:
                raise SystemExit(f"the explorer did not start: {line!r}")
            yield address[0]
        finally:
            process.terminate()


def photograph(browser: Any, address: str, name: str, file: Path) -> None:
    """Open a view, wait until all is drawn, and save what the window shows."""
    path, formula, (width, height), mode = PICTURES[name]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=mode)
    page.set_default_timeout(_WAIT_MS)
    page.goto(f"{address}{path}")
    if formula:
        page.locator("figcaption:not(:empty)").first.wait_for()
        page.get_by_label("Formula", exact=True).fill(formula)
        page.get_by_label("Formula", exact=True).press("Enter")
        page.locator("figcaption").get_by_text(f"{formula}: about").wait_for()
    else:
        page.locator("#predict-table tbody").wait_for()
    page.wait_for_load_state("networkidle")
    page.locator("[data-dash-is-loading=true]").first.wait_for(state="detached")
    # Room is kept for a scroll bar, which there is none of without a window.
    shown = page.evaluate("document.body.getBoundingClientRect().width")
    page.screenshot(path=file, clip={"x": 0, "y": 0, "width": shown, "height": height})
    page.close()


def take(folder: Path) -> list[Path]:
    """Take all pictures.

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    SystemExit
        If Chromium is missing, or a picture is too large.
    """
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("MLSSE_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        raise SystemExit("no chromium: apt-get install chromium, or name one in MLSSE_CHROMIUM")
    _bring_measurements()
    files = []
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as play:
        screen = Path(temporary) / "antiperovskites"
        command = [sys.executable, "-m", "mlsse", "screen", str(RECIPE), "--out", str(screen)]
        subprocess.run([*command, "--workers", "1"], check=True)
        # The sandbox of Chromium needs rights that a container has not.
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with explorer(screen) as address:
            for name in PICTURES:
                file = folder / f"explorer-{name}.png"
                photograph(browser, address, name, file)
                files.append(file)
        browser.close()
    for file in files:
        if file.stat().st_size > MAX_BYTES:
            raise SystemExit(f"{file} has {file.stat().st_size} bytes, at most {MAX_BYTES} may")
    return files


def _bring_measurements() -> None:
    from mlsse.datasets import load_dataset
    from mlsse.errors import DataUnavailableError

    try:
        load_dataset("conductivity")
    except DataUnavailableError as error:
        print(f"without measured values: {error}", file=sys.stderr)


def main() -> None:
    """Take the pictures and say where they are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "figures")
    for file in take(parser.parse_args().out):
        print(f"{file}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
