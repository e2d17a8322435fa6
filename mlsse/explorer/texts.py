"""Texts in pages: where they may break and where not, and commands to copy."""

from __future__ import annotations

import re

from dash import html
from dash.development.base_component import Component

from mlsse.explorer.parts import aria


def unbroken(text: str) -> Component:
    """A text that stays on one line, such as a formula in a table that scrolls."""
    return html.Span(text, style={"whiteSpace": "nowrap"})


def breakable(name: str) -> Component:
    """A long name that may break behind its slashes and underscores and nowhere else."""
    parts: list[str | Component] = []
    for part in re.findall(r"[^/_]*[/_]|[^/_]+", name):
        parts += [part, html.Wbr()]
    return html.Span(parts[:-1])


def command_block(text: str, *, id_: str = "") -> Component:
    """A command to copy; an id fills it by a callback."""
    code = html.Code(text, id=id_) if id_ else html.Code(text)
    return html.Pre(
        code,
        className="table",
        tabIndex=0,
        role="region",
        style={"padding": "0.625rem 0.75rem"},
        **aria(label="Command"),
    )
