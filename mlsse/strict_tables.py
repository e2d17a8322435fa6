"""Tables of TOML in which every setting is asked for and checked; unknown ones are refused."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from mlsse.errors import ConfigError
from mlsse.formulas import ELEMENT_INDEX

_DECIMALS = 4
_MAX_NUMBER = 10_000
_MISSING = object()


class StrictTable:
    """A TOML table of which every setting has to be asked for."""

    def __init__(self, content: Any, where: str) -> None:
        if not isinstance(content, dict):
            raise ConfigError(f"{where}: expected a table, got {shown(content)}")
        self.content = content
        self.where = where
        self.asked: list[str] = []

    def take(self, name: str, default: Any = _MISSING) -> Any:
        """Value of a setting; one without a default has to be there."""
        self.asked.append(name)
        value = self.content.get(name, default)
        if value is _MISSING:
            raise ConfigError(f"{self.where}: setting {name!r} is missing")
        return value

    def end(self) -> None:
        """Refuse what nobody has asked for."""
        for name in self.content:
            if name not in self.asked:
                raise ConfigError(
                    f"{self.where}: unknown setting {name!r}; known ones are "
                    f"{', '.join(sorted(self.asked))}"
                )

    def text(self, name: str) -> str:
        """A text."""
        value = self.take(name)
        if not isinstance(value, str):
            raise ConfigError(f"{self.where}: {name}: expected a text, got {shown(value)}")
        return value

    def texts(self, name: str, default: Any = _MISSING, *, at_least: int = 1) -> tuple[str, ...]:
        """A list of texts, or one alone; each once."""
        value = self.take(name, default)
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or len(values) < at_least:
            raise ConfigError(
                f"{self.where}: {name}: expected a list of at least {at_least} text, got "
                f"{shown(value)}"
            )
        for item in values:
            if not isinstance(item, str):
                raise ConfigError(f"{self.where}: {name}: expected a text, got {shown(item)}")
        return tuple(dict.fromkeys(values))

    def element(self, name: str, default: Any = _MISSING) -> str:
        """A symbol."""
        return read_element(self.take(name, default), f"{self.where}: {name}")

    def elements(self, name: str, default: Any = _MISSING, *, at_least: int = 1) -> tuple[str, ...]:
        """A list of symbols, or one alone."""
        symbols = self.texts(name, default, at_least=at_least)
        return tuple(read_element(symbol, f"{self.where}: {name}") for symbol in symbols)

    def table(self, name: str) -> dict[str, Any]:
        """A table, empty by default."""
        value = self.take(name, {})
        if not isinstance(value, dict):
            raise ConfigError(f"{self.where}: {name}: expected a table, got {shown(value)}")
        return value

    def tables(self, name: str) -> list[Any]:
        """A list of tables, empty by default."""
        value = self.take(name, [])
        if not isinstance(value, list):
            raise ConfigError(f"{self.where}: {name}: expected tables, got {shown(value)}")
        return value


def read_number(value: Any, where: str) -> Fraction:
    """Exact value of a number from 0 to 10,000 with at most four decimals."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ConfigError(f"{where}: expected a number, got {shown(value)}")
    if isinstance(value, Decimal) and not value.is_finite():
        raise ConfigError(f"{where}: {value} is no finite number: correct it")
    if not 0 <= value <= _MAX_NUMBER:
        raise ConfigError(f"{where}: {value}: expected a number from 0 to {_MAX_NUMBER}")
    exact = Fraction(value)
    if 10**_DECIMALS % exact.denominator:
        raise ConfigError(f"{where}: {value} has more than {_DECIMALS} decimals: round it")
    return exact


def read_whole(value: Any, where: str, low: int, high: int) -> int:
    """Check a whole number between two others."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(
            f"{where}: expected a whole number from {low} to {high}, got {shown(value)}"
        )
    return value


def read_element(symbol: Any, where: str) -> str:
    """Check the symbol of an element."""
    if not isinstance(symbol, str) or symbol not in ELEMENT_INDEX:
        raise ConfigError(f"{where}: no element is called {shown(symbol)}: write a symbol as 'Zr'")
    return symbol


def shown(value: Any) -> str:
    """Write a value as the file has it."""
    return str(value) if isinstance(value, Decimal) else repr(value)
