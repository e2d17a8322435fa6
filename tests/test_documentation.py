"""The documentation: its examples run, its tables agree with the code, and it builds."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

import mlsse
from mlsse.prediction import SCORE_CARD
from mlsse.windows import WINDOW_CODES

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
TOOLS = DOCS / "tools"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
sys.path.insert(0, str(TOOLS))

import benchmark_tables  # noqa: E402
import command_reference  # noqa: E402
import example_blocks  # noqa: E402
import example_outputs  # noqa: E402
import outside_links  # noqa: E402
import run_examples as examples  # noqa: E402

PAGE = """Text.

```console
$ mlsse predict Li3YCl6 \\
>   --celsius 60
a  b
$ cat <<END
> one
>
> END
```

<!-- example: needs the datasets -->
```pycon
>>> 1 + 1
2
```

<!-- example: not run, it is dear -->
```python
1 / 0
```

```bash
rm -r /
```
"""


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


# How examples are read and compared


def test_blocks_and_their_steps_are_found() -> None:
    console, session, script = example_blocks.examples_of(PAGE)
    assert [step.source for step in console.steps] == [
        "mlsse predict Li3YCl6 \\\n  --celsius 60",
        "cat <<END\none\n\nEND",
    ]
    assert [step.shown for step in console.steps] == ["a  b\n", ""]
    assert (console.line, session.line, session.when) == (4, 15, "needs the datasets")
    assert PAGE[session.start : session.stop] == ">>> 1 + 1\n2\n"
    assert script.kind == "python"


def test_marks_say_when_an_example_runs() -> None:
    console, session, script = example_blocks.examples_of(PAGE)
    assert console.runs(data=False, slow=False)
    assert not session.runs(data=False, slow=True)
    assert session.runs(data=True, slow=False)
    assert not script.runs(data=True, slow=True)
    (slow,) = example_blocks.examples_of("<!-- example: takes minutes -->\n```console\n$ a\n```\n")
    assert not slow.runs(data=True, slow=False)
    assert not slow.runs(data=False, slow=True)
    assert slow.runs(data=True, slow=True)
    (unknown,) = example_blocks.examples_of("<!-- example: later -->\n```console\n$ a\n```\n")
    with pytest.raises(ValueError, match="marked 'later'"):
        unknown.runs(data=True, slow=True)


TABLE = """formula    sigma  trust
───────────────────────
Li3YCl6   7.1e-4  yes
Li3YCl6: a warning in words
{"model":"champion-99be40de"}
"""


@pytest.mark.parametrize(
    "printed",
    [
        TABLE,
        TABLE.replace("7.1e-4", "2.3e-12").replace("yes", "no"),
        TABLE.replace("formula    sigma", "formula       sigma"),
        TABLE.replace("champion-99be40de", "champion-bcb3413f"),
    ],
)
def test_figures_may_differ(printed: str) -> None:
    assert example_outputs.difference(TABLE, printed) == ""


@pytest.mark.parametrize(
    ("printed", "complaint"),
    [
        ("", "the command printed ''"),
        (TABLE.replace("sigma", "conductivity"), "no head of a table"),
        (TABLE + "and then much that the page does not say, " * 3, "words agree"),
        ("Traceback (most recent call last)\n" + TABLE[:48], "words agree"),
    ],
)
def test_words_and_heads_may_not(printed: str, complaint: str) -> None:
    assert complaint in example_outputs.difference(TABLE, printed)


def test_lines_may_be_left_out_where_the_page_says_so() -> None:
    long = "".join(f"row {'abcdefgh'[i]}\n" for i in range(8))
    assert example_outputs.difference("row a\n...\nrow h\n", long) == ""
    assert "words agree" in example_outputs.difference("row a\nrow h\n", long)


@pytest.fixture
def run_text(tmp_path):
    def run(text: str):
        path = tmp_path / "page.md"
        path.write_text(text, encoding="utf-8")
        return examples.run_page(path)

    return run


def test_a_page_runs_in_one_shell_and_a_failure_is_told(run_text) -> None:
    text = "```console\n$ name=Li\n$ echo $name; ls\nNa experiments\n$ false\n```\n"
    set_, echo, false = run_text(text)
    assert set_.complaint == ""
    assert echo.printed == "Li\nexperiments\n"
    assert false.complaint.startswith("ended with status 1")


def test_a_shell_that_ends_early_fails_the_rest(run_text) -> None:
    one, two = run_text("```console\n$ exit 3\n$ echo more\n```\n")
    assert one.status
    assert two.status


def test_what_runs_in_the_background_ends_with_the_page(run_text) -> None:
    start = time.monotonic()
    _, told = run_text(
        "```console\n$ sh -c 'sleep 60 & echo $! > pid; wait' &\n$ sleep 0.5; cat pid\n```\n"
    )
    assert time.monotonic() - start < 20
    command_line = Path(f"/proc/{int(told.printed)}/cmdline")
    for _ in range(50):
        if not command_line.exists() or not command_line.read_bytes():
            return
        time.sleep(0.1)
    pytest.fail("the background process is still there")


def test_a_session_shows_values_and_ends_with_an_error(run_text) -> None:
    text = "```pycon\n>>> for i in range(2):\n...     i\n...\n0\n1\n>>> 2 * 21\n42\n```\n"
    (good,) = run_text(text)
    assert good.complaint == ""
    assert good.printed.endswith(">>> 2 * 21\n42\n")
    (bad,) = run_text("```pycon\n>>> 1 / 0\n```\n")
    assert bad.status == 1
    assert "ZeroDivisionError" in bad.printed


def test_outputs_are_written_anew_but_failures_and_cuts_are_not(run_text) -> None:
    text = "A\n```console\n$ seq 5\n1\n...\n9\n```\nB\n```console\n$ false\nold\n```\nC\n"
    assert examples.refreshed(text, run_text(text)) == text.replace("9", "5")


# The pages


def test_every_mark_is_known() -> None:
    marks = [mark for name in PAGES for mark in re.findall(r"<!-- example: (.*?) -->", page(name))]
    known = [example.when for name in PAGES for example in example_blocks.examples_of(page(name))]
    assert sorted(marks) == sorted(when for when in known if when)


@pytest.mark.parametrize("name", [n for n in PAGES if n != "trust.md"])
def test_commands_stand_where_they_are_run(name: str) -> None:
    assert not re.search(r"^    \$ ", page(name), re.MULTILINE), "use a console block"


@pytest.mark.parametrize("name", [n for n in PAGES if example_blocks.examples_of(page(n))])
def test_examples(name: str) -> None:
    """Everything on a page is done, with the outcome that the page shows."""
    for program in ("bash", *(["curl"] if "$ curl" in page(name) else [])):
        if not shutil.which(program):
            pytest.skip(f"needs the program {program}")
    complaints = [
        f"{name}:{result.example.line}: {result.step.source}: {result.complaint}"
        for result in examples.run_page(DOCS / name)
        if result.complaint
    ]
    assert not complaints, "\n".join(complaints)


def first_cells(text: str) -> list[str]:
    """Names in code in the first column of tables."""
    rows = re.findall(r"^\| (`[^|]*`) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_score_card_page_has_every_column_in_order() -> None:
    columns, _, warnings = page("reference/score-card.md").partition("## Warnings")
    assert first_cells(columns) == list(SCORE_CARD)
    modules = ("prediction", "score_batches", "phase_columns")
    sources = [Path(mlsse.__file__).with_name(f"{name}.py") for name in modules]
    codes = {
        code
        for source in sources
        for code in re.findall(r"f?\"([a-z]+(?:_[a-z]+)*): ", source.read_text("utf-8"))
    }
    assert set(first_cells(warnings)) == codes | WINDOW_CODES


def test_settings_page_has_every_environment_variable() -> None:
    sources = Path(mlsse.__file__).parent.rglob("*.py")
    used = {name for s in sources for name in re.findall(r"MLSSE_[A-Z_]+", s.read_text("utf-8"))}
    settings = page("reference/settings.md").partition("## Exit codes")[0]
    assert used | {"MLFLOW_TRACKING_URI"} == set(first_cells(settings))


def test_gallery_shows_what_its_commands_draw() -> None:
    text = page("gallery.md")
    pictures = re.findall(r"!\[([^\]]+)\]\(figures/([^)]+)\)", text)
    assert len(pictures) == text.count("![")
    assert pictures
    for words, file in pictures:
        assert len(words.split()) > 3, "say in words what the picture shows"
        assert (DOCS / "figures" / file).is_file()
    drawn = [e.body for e in example_blocks.examples_of(text)]
    for _, file in pictures:
        assert any(file in body or "--figures" in body for body in drawn)


# The parts that are made when the site is built


def test_benchmark_tables_are_those_of_the_records(tmp_path: Path) -> None:
    text = "\n".join(benchmark_tables.tables())
    for path in benchmark_tables.RECORDS.glob("*.json"):
        record = json.loads(path.read_text("utf-8"))
        assert f"`mlsse benchmark {record['benchmark']}`" in text
        for protocol, scores in record["protocols"].items():
            assert protocol in text
            if isinstance(scores.get("mae"), float):
                assert f"| {scores['mae']:.4g} |" in text
    widths = [line.count("|") for line in text.splitlines()]
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if "| --- |" in line:
            assert widths[i - 1] == widths[i]


def test_a_record_of_a_new_benchmark_is_shown_too(tmp_path: Path) -> None:
    record = {
        "benchmark": "novel",
        "commit": "abc",
        "machine": {"cores": 2, "cpu": "a|b"},
        "protocols": {
            "one": {"n": 1200, "mae": 0.123456, "interval": [0.1, 0.2], "none": None},
            "two": {"n": 3, "mae": 1.5, "interval": [1.0, 2.0], "none": None},
            "other": {"parts": {"a": {"n": 1}, "b": {"n": 2}}, "ok": True, "text": "a < b | c"},
        },
    }
    (tmp_path / "novel.json").write_text(json.dumps(record), encoding="utf-8")
    lines = list(benchmark_tables.tables(tmp_path))
    lines = [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]
    assert "| `one` | 1,200 | 0.1235 | 0.1 to 0.2 | undefined |" in lines
    assert "| `two` | 3 | 1.5 | 1 to 2 | undefined |" in lines
    assert "| `text` | a &lt; b \\| c |" in lines
    assert "| `ok` | yes |" in lines
    assert "    | b | 2 |" in lines


def test_command_reference_has_every_option() -> None:
    text = command_reference.reference()
    import typer

    from mlsse.cli import app

    pending = [("mlsse", typer.main.get_command(app))]
    while pending:
        name, command = pending.pop()
        context = typer.Context(command)
        for child in getattr(command, "commands", {}).values():
            assert f"# `{name} {child.name}`" in text
            pending.append((f"{name} {child.name}", child))
        for parameter in command.params if name != "mlsse" else ():
            for option in parameter.opts if parameter.get_help_record(context) else ():
                assert not option.startswith("-") or f"`{option}" in text
    assert "```console" not in text


def test_links_out_of_the_documentation_become_names() -> None:
    def made(text: str, where: str = "trust.md") -> str:
        there = SimpleNamespace(file=SimpleNamespace(src_uri=where))
        return outside_links.on_page_markdown(text, page=there, files=None)

    assert made("see [a/b/](../a/b/) here") == "see `a/b` here"
    assert made("[the file](../a.toml)") == "the file (`a.toml`)"
    assert made("[Data](../reference/data.md)", "how-to/x.md") == "[Data](../reference/data.md)"
    assert made("![y](figures/gone.png)\n") == "![y](figures/gone.png)\n"


class Outside(HTMLParser):
    """Addresses that a browser would fetch from elsewhere when it opens a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        fetched = {"script": "src", "img": "src", "iframe": "src", "source": "src"}.get(tag)
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev"):
            fetched = "href"
        address = given.get(fetched or "") or ""
        if address.startswith(("http:", "https:", "//")):
            self.found.append(address)


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("mkdocs", "material", "mkdocstrings"))),
    reason="needs pip install '.[docs]'",
)
def test_site_builds_without_warnings_and_fetches_nothing(tmp_path: Path) -> None:
    site = tmp_path / "site"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # ruff lays out code
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=REPOSITORY,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert not re.search(r"^WARNING", done.stderr, re.MULTILINE)
    for name in PAGES:
        folder = site / name.removesuffix(".md")
        path = site / "index.html" if name == "index.md" else folder / "index.html"
        reader = Outside()
        reader.feed(path.read_text("utf-8"))
        assert reader.found == []
    assert "log10_conductivity" in (site / "search" / "search_index.json").read_text("utf-8")
    assert not (site / "tools").exists()
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", style.read_text("utf-8"))
