"""A hook of mkdocs: links that leave `docs/`, and pages whose figures are still being measured.

The pages are read in the repository as well, where a link to a file beside `docs/` works. The
site has only its own pages; there such a link becomes the name of the file.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>\.\./[^)\s]*)\)")
_PICTURE = re.compile(r"^!\[[^\]]*\]\((?P<target>[^)\s]+)\)\n?", re.MULTILINE)
#: How a page marks a figure that is still to be filled in.
_OPEN = "@@"
_NOTE = "!!! note\n    Figures marked @@ are still being measured.\n\n"


def on_page_markdown(markdown: str, *, page: Page, files: Files, **_: Any) -> str:
    """Turn what the site cannot show into what it can."""
    folder = posixpath.dirname(page.file.src_uri)

    def inside(target: str) -> str:
        return posixpath.normpath(posixpath.join(folder, target.partition("#")[0]))

    def named(found: re.Match[str]) -> str:
        path = inside(found["target"])
        if not path.startswith("../"):
            return found[0]
        name = path.removeprefix("../")
        text = found["text"]
        return f"`{name}`" if text.strip("/`") == name else f"{text} (`{name}`)"

    markdown = _LINK.sub(named, markdown)
    if _OPEN in markdown:
        markdown = _PICTURE.sub(
            lambda found: found[0] if files.get_file_from_path(inside(found["target"])) else "",
            markdown,
        )
        head, end, rest = markdown.partition("\n\n")
        markdown = head + end + _NOTE + rest
    return markdown
