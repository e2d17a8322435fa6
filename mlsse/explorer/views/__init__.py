"""The views of the explorer, in the order of the menu.

A view is a module with three names:

- ``TITLE: str``, its name in the menu;
- ``layout(context) -> Component``, called at each visit of its page: what takes long belongs
  into a callback, or is computed once;
- ``register(app, context) -> None``, called once, adds its callbacks.

All ids begin with the name of the module and a hyphen, such as ``voltage-formula``. Callbacks
that draw take the mode of the page (`mlsse.explorer.theme.MODE_STORE`) as an input. What a user
typed reaches the page as text alone, never as HTML or Markdown.
"""

from __future__ import annotations

from types import ModuleType

from mlsse.explorer.views import (
    arrhenius,
    elements,
    interfaces,
    materials,
    models,
    predict,
    screen,
    voltage,
    what_if,
)

VIEWS: tuple[ModuleType, ...] = (
    predict,
    arrhenius,
    voltage,
    interfaces,
    what_if,
    materials,
    elements,
    models,
    screen,
)
