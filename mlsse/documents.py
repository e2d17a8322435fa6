"""Pages as data: what a card, a sheet or a report says, before it is Markdown or HTML.

Texts are plain, but for `` `code` `` between backticks. Whatever writes them escapes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CODE = re.compile(r"(`[^`]*`)")
# An underscore within a word is no mark-up.
_MARKDOWN = re.compile(r"([\\<|*\[\]]|(?<!\w)_|_(?!\w))")


@dataclass(frozen=True)
class Link:
    """A text that leads to an address, such as a DOI."""

    text: str
    address: str


Cell: TypeAlias = "str | Link"


@dataclass(frozen=True)
class Paragraph:
    """A text by itself."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """Short texts, one below the other."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first cell of a row names it.

    Attributes
    ----------
    caption : str
        What the table shows.
    columns : tuple of str
        Headings, with units.
    rows : tuple of tuple of (str or Link)
        Each as long as `columns`.
    numeric : frozenset of int
        Places of the columns that hold numbers.
    is_folded : bool
        Whether a page shows the table only when asked to.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: frozenset[int] = frozenset()
    is_folded: bool = False


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes
    ----------
    name : str
        Of a file of it, without suffix: letters, digits and underscores.
    caption : str
    alternative : str
        What the figure shows, in words, for those who do not see it.
    figure : matplotlib.figure.Figure
    """

    name: str
    caption: str
    alternative: str
    figure: Figure


Block: TypeAlias = "Paragraph | Bullets | Table | Picture | Part"


@dataclass(frozen=True)
class Part:
    """Blocks under a heading of their own within a section."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Section:
    """Blocks under a heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A page.

    Attributes
    ----------
    title : str
    lead : str
        One or two sentences below the title.
    sections : tuple of Section
    """

    title: str
    lead: str
    sections: tuple[Section, ...]

    def pictures(self) -> list[Picture]:
        """All figures in the order of the page."""
        return [
            block
            for section in self.sections
            for block in _flat(section.blocks)
            if isinstance(block, Picture)
        ]


def _flat(blocks: Iterable[Block]) -> Iterable[Block]:
    for block in blocks:
        if isinstance(block, Part):
            yield from _flat(block.blocks)
        else:
            yield block


def facts(caption: str, pairs: Iterable[tuple[str, Cell]]) -> Table:
    """A table of terms and what is known of each; those that are empty are left out."""
    rows = tuple((term, value) for term, value in pairs if value != "")
    return Table(caption, ("", "value"), rows)


def doi_link(doi: str) -> Cell:
    """A link to a paper by its DOI; of several joined by ``|``, to the first."""
    first = doi.partition("|")[0].strip()
    # Old DOIs hold characters that addresses may not.
    return Link(first, f"https://doi.org/{quote(first, safe='/:;()')}") if first else "none given"


def as_markdown(document: Document) -> str:
    """Write a page as Markdown; figures are left out.

    Parameters
    ----------
    document : Document

    Returns
    -------
    str
        Ends in a line break.

    Examples
    --------
    >>> page = Document("A", "", (Section("B", (Bullets(("1 < 2",)),)),))
    >>> print(as_markdown(page), end="")
    # A
    <BLANKLINE>
    ## B
    <BLANKLINE>
    - 1 \\< 2
    """
    parts = [f"# {_escape(document.title)}"]
    if document.lead:
        parts.append(_escape(document.lead))
    for section in document.sections:
        parts.append(f"## {_escape(section.title)}")
        parts += _blocks(section.blocks, "###")
    return "\n\n".join(parts) + "\n"


def _blocks(blocks: Sequence[Block], level: str) -> list[str]:
    parts: list[str] = []
    for block in blocks:
        if isinstance(block, Paragraph):
            parts.append(_escape(block.text))
        elif isinstance(block, Bullets):
            parts.append("\n".join(f"- {_escape(item)}" for item in block.items))
        elif isinstance(block, Table):
            parts += [_escape(f"{block.caption}:"), _table(block)] if block.caption else []
            parts += [] if block.caption else [_table(block)]
        elif isinstance(block, Part):
            parts += [f"{level} {_escape(block.title)}", *_blocks(block.blocks, f"{level}#")]
    return parts


def _table(table: Table) -> str:
    lines = [_row([_escape(name) for name in table.columns])]
    lines.append(_row(["---:" if i in table.numeric else "---" for i in range(len(table.columns))]))
    lines += [_row([_cell(cell) for cell in row]) for row in table.rows]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(cell: Cell) -> str:
    if isinstance(cell, Link):
        address = cell.address.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
        return f"[{_escape(cell.text)}]({address})"
    return _escape(cell)


def _escape(text: str) -> str:
    """One line in which nothing but code is mark-up."""
    parts = _CODE.split(" ".join(text.split()))
    return "".join(
        part.replace("|", "\\|") if i % 2 else _MARKDOWN.sub(r"\\\1", part)
        for i, part in enumerate(parts)
    )
