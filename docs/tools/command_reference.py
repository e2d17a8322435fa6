"""A hook of mkdocs: the reference of the command line, from the commands themselves."""

from __future__ import annotations

import re
from typing import Any

MARK = "<!-- commands -->"
_USAGE = re.compile(r"\*\*Usage\*\*:\n\n```console\n\$ (.*?)\n```")
_LIST = re.compile(r"\*\*(Arguments|Options|Commands)\*\*:")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the help of every command where a page asks for it."""
    return markdown.replace(MARK, reference()) if MARK in markdown else markdown


def reference() -> str:
    """Help of all commands, in Markdown, a heading of the second level for each."""
    import typer
    from typer.cli import get_docs_for_click

    from mlsse.cli import app

    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="mlsse")
    _, _, commands = text.partition("\n## ")
    text = _USAGE.sub(r"```text\n\1\n```", f"## {commands}")
    return _LIST.sub(r"**\1**", text)
