"""The examples of the documentation: run them, compare them, write their outputs anew.

    python docs/tools/run_examples.py                  # run every example, say what differs
    python docs/tools/run_examples.py --update         # and write the new outputs into the pages
    python docs/tools/run_examples.py docs/gallery.md --keep docs/figures

An example is a fenced block of one of three kinds:

- ``console``: commands after ``$ ``, continued after ``> ``, each followed by what it prints in
  a terminal of 80 columns; a command ends with status 0 unless it shows its status by
  ``; echo $?``; a line ``...`` stands for lines left out;
- ``pycon``: a Python session with ``>>> ``, from an empty interpreter;
- ``python``: a script, of which only the success counts.

The examples of a page run in order, in one shell and one new folder, in which ``experiments``
is that of the repository. A comment in the line before a block says when it runs:

- ``<!-- example: needs the datasets -->``: where ``MLSSE_DATA_MIRROR`` names a folder of them,
- ``<!-- example: needs mlsse[explore] -->``: where that extra is installed,
- ``<!-- example: takes minutes -->``: with ``--slow`` alone, and with the datasets,
- ``<!-- example: not run, REASON -->``: never.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

from example_blocks import examples_of
from example_outputs import is_cut
from example_shell import Result, data_at_hand, run

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = REPOSITORY / "docs"


def run_page(page: Path, *, slow: bool = False, keep: Path | None = None) -> list[Result]:
    """Run the examples of a page.

    Parameters
    ----------
    page : pathlib.Path
    slow : bool
        Whether to run those that take minutes.
    keep : pathlib.Path, optional
        Folder to which the pictures that the page shows are copied.

    Returns
    -------
    list of Result
        One a step, in order.
    """
    data, text = data_at_hand(), page.read_text("utf-8")
    chosen = [e for e in examples_of(text) if e.runs(data=data, slow=slow)]
    if not chosen:
        return []
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above).resolve() / "me"
        folder.mkdir()
        (folder / "experiments").symlink_to(REPOSITORY / "experiments")
        results = list(run(chosen, folder, limit_seconds=3600 if slow else 300))
        if keep is not None:
            for name in re.findall(r"!\[[^\]]*\]\((?:[^)]*/)?([^)/]+)\)", text):
                for picture in folder.rglob(name):
                    shutil.copy(picture, keep)
    return results


def refreshed(text: str, results: list[Result]) -> str:
    """Write the outputs of results into the text of a page; cuts stay where they are."""
    of: dict[int, list[Result]] = {}
    for result in results:
        of.setdefault(result.example.start, []).append(result)
    for found in reversed(list(of.values())):
        example = found[0].example
        if example.kind == "python" or any(result.status for result in found):
            continue  # what failed is no output to show
        body = "".join(map(_shown, found))
        text = text[: example.start] + body + text[example.stop :]
    return text


def _shown(result: Result) -> str:
    if result.example.kind == "pycon":
        return result.printed
    command = re.sub("\n(?=.)", "\n> ", result.step.source).replace("\n\n", "\n>\n")
    return f"$ {command}\n{_cut_like(result.step.shown, result.printed)}"


def _cut_like(shown: str, printed: str) -> str:
    """Leave out of an output as many lines as the page does, without trailing blanks."""
    lines = [line.rstrip() for line in printed.rstrip().splitlines()]
    before = shown.splitlines()
    if is_cut(shown):
        place = [line.strip() for line in before].index("...")
        tail = len(before) - place - 1
        lines = [*lines[:place], before[place], *(lines[-tail:] if tail else [])]
    return "".join(f"{line}\n" for line in lines)


def main(arguments: list[str] | None = None) -> int:
    """Run examples; 1 if any is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path, help="pages; all by default")
    parser.add_argument("--update", action="store_true", help="write the outputs into the pages")
    parser.add_argument("--slow", action="store_true", help="run what takes minutes as well")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="copy pictures here")
    asked = parser.parse_args(arguments)
    wrong = 0
    for page in asked.pages or sorted(PAGES.rglob("*.md")):
        text = page.read_text("utf-8")
        results = run_page(page.resolve(), slow=asked.slow, keep=asked.keep)
        for result in results:
            if result.complaint:
                wrong += 1
                print(f"{page}:{result.example.line}: {result.step.source}: {result.complaint}")
        if results:
            print(f"{page}: {len(results)} examples")
        if asked.update and page.read_text("utf-8") != text:
            sys.exit(f"{page} was changed meanwhile: its outputs were not written")
        if asked.update:
            page.write_text(refreshed(text, results), encoding="utf-8")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
