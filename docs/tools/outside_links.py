"""A hook of mkdocs: links that leave `docs/`.

The pages are read in the repository as well, where a link to a file beside `docs/` works. The
site has only its own pages; there such a link becomes the name of the file.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.structure.pages import Page

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>\.\./[^)\s]*)\)")


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
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

    return _LINK.sub(named, markdown)
