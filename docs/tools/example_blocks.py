"""The examples that a page of the documentation holds; `run_examples.py` tells their kinds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec

NEEDS_DATA, SLOW = "needs the datasets", "takes minutes"
#: Marks of what an extra brings, with a module of it.
NEEDS_EXTRA = {"needs mlsse[explore]": "dash"}
_BLOCK = re.compile(
    r"(?:^<!-- example: (?P<when>[^>]*) -->\n+)?^```(?P<kind>console|pycon|python)\n"
    r"(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Step:
    """One command, or one block of Python, with the output that the page shows."""

    source: str
    shown: str


@dataclass(frozen=True)
class Example:
    """A block of a page.

    Attributes
    ----------
    kind : {"console", "pycon", "python"}
    when : str
        The words of its comment; empty if it always runs.
    body : str
    start, stop : int
        Where the body stands in the text of the page.
    line : int
        The line of the page on which the body begins.
    """

    kind: str
    when: str
    body: str
    start: int
    stop: int
    line: int

    @property
    def steps(self) -> list[Step]:
        """The commands of a console; a block of Python is one step."""
        if self.kind == "pycon":
            return [Step(self.body, self.body)]
        if self.kind == "python":
            return [Step(self.body, "")]
        steps: list[Step] = []
        for line in self.body.splitlines():
            if line.startswith("$ "):
                steps.append(Step(line[2:], ""))
            elif not steps:
                raise ValueError(f"line {self.line}: a console begins with '$ ', not {line!r}")
            elif re.match(">( |$)", line) and not steps[-1].shown:
                steps[-1] = Step(f"{steps[-1].source}\n{line[2:]}", "")
            else:
                steps[-1] = Step(steps[-1].source, f"{steps[-1].shown}{line}\n")
        return steps

    def runs(self, *, data: bool, slow: bool) -> bool:
        """Whether it is to be run, where the datasets are at hand or time is."""
        if self.when.startswith("not run, "):
            return False
        if self.when in NEEDS_EXTRA:
            return find_spec(NEEDS_EXTRA[self.when]) is not None
        if self.when not in ("", NEEDS_DATA, SLOW):
            raise ValueError(f"line {self.line}: no example is marked {self.when!r}")
        return not self.when or (data and (slow or self.when != SLOW))


def examples_of(text: str) -> list[Example]:
    """Find the examples of a page."""
    return [
        Example(
            found["kind"],
            found["when"] or "",
            found["body"],
            found.start("body"),
            found.end("body"),
            text.count("\n", 0, found.start("body")) + 1,
        )
        for found in _BLOCK.finditer(text)
    ]
