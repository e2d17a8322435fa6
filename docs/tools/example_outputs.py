"""Whether a command still prints what a page shows, up to the figures of another model."""

from __future__ import annotations

import difflib
import itertools
import re

#: What stays of a number, a hash or a verdict when two outputs are compared.
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9.)\]])~?[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?%?(?![A-Za-z0-9])"
)
_HASH = re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{8,64}\b")
_VERDICT = re.compile(r"\b(?:yes|partly|no|true|false|True|False)\b")
_RULE = re.compile(r"^\s*[\u2500-]{8,}\s*$")
#: Outputs are alike from this share of common words on.
LEAST_LIKENESS = 0.7


def difference(shown: str, printed: str) -> str:
    """Compare the output of a page with a real one, loosely.

    The figures of a page are those of one model; another gives others. What has to agree is
    the status, the heads of tables word for word, and seven in ten of the words, numbers and
    verdicts taken out.

    Returns
    -------
    str
        What is wrong, or nothing.
    """
    if bool(shown.strip()) != bool(printed.strip()):
        return f"the page shows {shown.strip()[:200]!r}, the command printed {printed[:500]!r}"
    heads = {" ".join(line.split()) for line in printed.splitlines()}
    lines = shown.splitlines()
    for line, below in itertools.pairwise(lines):
        if _RULE.match(below) and " ".join(line.split()) not in heads:
            return f"no head of a table is {line!r} in\n{printed}"
    expected, found = _words(shown), _words(printed)
    matcher = difflib.SequenceMatcher(None, expected, found, autojunk=False)
    common = sum(block.size for block in matcher.get_matching_blocks())
    total = len(expected) if is_cut(shown) else max(len(expected), len(found))
    if common < LEAST_LIKENESS * total:
        return f"{common} of {total} words agree between\n{shown}and\n{printed}"
    return ""


def is_cut(shown: str) -> bool:
    """Whether an output leaves lines out."""
    return any(line.strip() == "..." for line in shown.splitlines())


def _words(text: str) -> list[str]:
    text = _VERDICT.sub("?", _NUMBER.sub("#", _HASH.sub("#", text)))
    return [word for word in text.split() if word != "..." and word.strip("\u2500-|")]
