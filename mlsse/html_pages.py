"""Documents as HTML pages of one file: no scripts, nothing from the network, all texts escaped."""

from __future__ import annotations

import base64
import io
import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlsse
from mlsse.documents import Block, Bullets, Document, Paragraph, Part, Picture, Table
from mlsse.errors import ConditionError
from mlsse.inline_svg import inline_svg

_TEMPLATES = Path(__file__).parent / "templates"
_CODE = re.compile(r"`([^`]*)`")
#: Bytes of a page beyond which a mail server may refuse it.
MAX_BYTES = 5_000_000
_MAX_SVG = 2_000_000  # letters of a figure; a larger one is shown as an image of dots
_PX_PER_INCH = 96


def as_html(document: Document, *, made: datetime | None = None) -> str:
    """Write a document as a page by itself.

    Parameters
    ----------
    document : Document
    made : datetime.datetime, optional
        UTC; now by default.

    Returns
    -------
    str
        HTML that a browser shows without a network. It has no script, and says so to the
        browser, which then runs none.

    Raises
    ------
    ConditionError
        If the page is larger than `MAX_BYTES`.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
    )
    environment.filters["code_spans"] = _code_spans
    from markupsafe import Markup

    text = environment.get_template("page.html").render(
        title=document.title,
        lead=document.lead,
        sections=[
            {"title": section.title, "blocks": _blocks(section.blocks)}
            for section in document.sections
        ],
        style=Markup((_TEMPLATES / "page.css").read_text("utf-8").strip()),
        version=mlsse.__version__,
        made=made or datetime.now(UTC),
    )
    if (size := len(text.encode())) > MAX_BYTES:
        raise ConditionError(
            f"the page would have {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:.0f} MB: "
            "report on fewer rows"
        )
    return text


def write_page(document: Document, path: str | Path, *, made: datetime | None = None) -> Path:
    """Write a document as an HTML file, the whole of it or nothing.

    Raises
    ------
    ConditionError
        If the page is too large or the file cannot be written.
    """
    path = Path(path)
    text = as_html(document, made=made)
    write_text(path, text)
    return path


def write_text(path: Path, text: str) -> None:
    """Write a text so that it is there as a whole or not at all.

    Raises
    ------
    ConditionError
        If it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise ConditionError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def write_figures(document: Document, folder: str | Path) -> list[Path]:
    """Write the figures of a document as PNG and SVG, for papers.

    Parameters
    ----------
    document : Document
    folder : str or pathlib.Path
        Made if it is not there; files of the same names are replaced.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    ConditionError
        If the folder cannot be made.
    ConditionError
        If a figure cannot be written.
    """
    from mlsse.figures import save

    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConditionError(f"cannot make the folder {folder}: {error.strerror}") from error
    paths = [
        folder / f"{picture.name}.{suffix}"
        for picture in document.pictures()
        for suffix in ("png", "svg")
    ]
    for path in paths:
        picture = next(p for p in document.pictures() if p.name == path.stem)
        save(picture.figure, path)
    return paths


def _blocks(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    return [_block(block) for block in blocks]


def _block(block: Block) -> dict[str, Any]:
    """What the template shows of a block."""
    from markupsafe import Markup

    from mlsse.figures import DPI

    kind = {"kind": type(block).__name__}
    if isinstance(block, Paragraph):
        return {**kind, "text": block.text}
    if isinstance(block, Bullets):
        return {**kind, "items_": block.items}
    if isinstance(block, Table):
        return {**kind, "table": block}
    if isinstance(block, Part):
        return {**kind, "title": block.title, "blocks": _blocks(block.blocks)}
    assert isinstance(block, Picture)
    # Drawn by matplotlib, which escapes the texts in it.
    svg = Markup(inline_svg(block.figure, block.name, block.caption, block.alternative))
    if len(svg) <= _MAX_SVG:
        return {**kind, "caption": block.caption, "svg": svg}
    png = io.BytesIO()
    block.figure.savefig(png, format="png", dpi=DPI)
    return {
        **kind,
        "caption": block.caption,
        "png": base64.b64encode(png.getvalue()).decode(),
        "alternative": block.alternative,
        "width": round(float(block.figure.get_size_inches()[0]) * _PX_PER_INCH),
    }


def _code_spans(text: str) -> list[tuple[str, bool]]:
    """Parts of a text, and whether each stood between backticks."""
    return [(part, bool(i % 2)) for i, part in enumerate(_CODE.split(text)) if part]
