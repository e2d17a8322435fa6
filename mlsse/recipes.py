"""The shape of a recipe: a TOML file that says which candidates to make.

Numbers of a recipe are read as written, never in binary floating point, so that 0.05 is one
twentieth and the amounts of candidates are exact. Unknown settings are refused.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from mlsse.errors import ConfigError, FormulaError
from mlsse.formulas import parse_formula
from mlsse.strict_tables import StrictTable, read_element, read_number, read_whole, shown

#: Most values that one grid may have.
MAX_VALUES = 10_000
#: Most atoms of an enumerated formula, so that any two differ by more than 1e-6 in a fraction.
MAX_ATOMS = 1000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Substitution:
    """Atoms of one element of a parent replaced by another.

    Attributes
    ----------
    site : str
        The element that is replaced.
    by : tuple of str
        What takes its place, one of these at a time.
    x : tuple of Fraction
        How many atoms of a formula unit of the parent are replaced, rising. A zero leaves the
        site alone.
    """

    site: str
    by: tuple[str, ...]
    x: tuple[Fraction, ...]


@dataclass(frozen=True)
class Series:
    """Every combination of some substitutions, in each of some parents.

    Attributes
    ----------
    parents : tuple of str
        Formulas, as written.
    substitutions : tuple of Substitution
    compensate : tuple of str
        Elements whose amount makes up for the charge, one at a time.
    limits : mapping of str to (Fraction, Fraction)
        Least and greatest amount of an element in a formula unit of the parent.
    charges : mapping of str to int
        Charges where several are common.
    where : str
        Named in errors.
    """

    parents: tuple[str, ...]
    substitutions: tuple[Substitution, ...]
    compensate: tuple[str, ...]
    limits: Mapping[str, tuple[Fraction, Fraction]]
    charges: Mapping[str, int]
    where: str


@dataclass(frozen=True)
class Enumeration:
    """All neutral formulas of small whole numbers over some elements.

    Attributes
    ----------
    cations, anions : tuple of str
        Elements with a charge above, and below, zero.
    required : tuple of str
        Elements that every formula has.
    n_elements : (int, int)
        Least and greatest number of elements.
    max_amount : int
        Greatest amount of one element.
    max_atoms : int
        Greatest sum of the amounts.
    smact : bool
        Whether SMACT has to know the charges and its Pauling test has to pass.
    charges : mapping of str to int
        Charges in place of all common ones.
    where : str
        Named in errors.
    """

    cations: tuple[str, ...]
    anions: tuple[str, ...]
    required: tuple[str, ...]
    n_elements: tuple[int, int]
    max_amount: int
    max_atoms: int
    smact: bool
    charges: Mapping[str, int]
    where: str


@dataclass(frozen=True)
class Recipe:
    """What `mlsse.candidates` makes candidates from."""

    name: str
    mobile_ion: str
    series: tuple[Series, ...]
    enumerations: tuple[Enumeration, ...]


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe file.

    Parameters
    ----------
    path : str or pathlib.Path
        A TOML file such as ``experiments/recipes/garnets.toml``.

    Returns
    -------
    Recipe

    Raises
    ------
    ConfigError
        If the file cannot be read, or a setting is missing, unknown or impossible.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}: name an existing recipe file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: byte {error.start}") from error
    return parse_recipe(text, str(path))


def parse_recipe(text: str, where: str = "recipe") -> Recipe:
    """Read the text of a recipe.

    Parameters
    ----------
    text : str
        TOML.
    where : str
        Named in errors.

    Returns
    -------
    Recipe

    Raises
    ------
    ConfigError
        If the text is no TOML, or a setting is missing, unknown or impossible.

    Examples
    --------
    >>> recipe = parse_recipe('''
    ... name = "tantalum"
    ... [[series]]
    ... parents = ["Li7La3Zr2O12"]
    ... substitutions = [{site = "Zr", by = "Ta", x = {from = 0, to = 1, by = 0.05}}]
    ... ''')
    >>> len(recipe.series[0].substitutions[0].x), recipe.series[0].compensate
    (21, ('Li',))
    """
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where} is no valid TOML: {error}") from error
    table = StrictTable(content, where)
    name = table.text("name")
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{where}: name {name!r}: use letters, digits, '-', '_' and '.'")
    ion = table.element("mobile_ion", "Li")
    charges = _charges(table)
    series = tuple(
        _series(StrictTable(item, f"{where}, series {i}"), ion, charges)
        for i, item in enumerate(table.tables("series"), 1)
    )
    enumerations = tuple(
        _enumeration(StrictTable(item, f"{where}, enumerate {i}"), ion, charges)
        for i, item in enumerate(table.tables("enumerate"), 1)
    )
    table.end()
    if not series and not enumerations:
        raise ConfigError(f"{where} makes nothing: give it a [[series]] or an [[enumerate]]")
    return Recipe(name, ion, series, enumerations)


def _series(table: StrictTable, ion: str, charges: Mapping[str, int]) -> Series:
    parents = table.texts("parents")
    for parent in parents:
        try:
            parse_formula(parent)
        except FormulaError as error:
            raise ConfigError(f"{table.where}: parents: {error}") from error
    substitutions = tuple(
        _substitution(StrictTable(item, f"{table.where}, substitution {i}"))
        for i, item in enumerate(table.tables("substitutions"), 1)
    )
    compensate = table.elements("compensate", [ion])
    limits = {}
    for symbol, value in table.table("limits").items():
        where = f"{table.where}: limits of {read_element(symbol, table.where)}"
        if not isinstance(value, list) or len(value) != 2:
            raise ConfigError(f"{where}: expected [least, greatest], got {shown(value)}")
        low, high = (read_number(item, where) for item in value)
        if low > high:
            raise ConfigError(f"{where}: the least, {low}, is above the greatest, {high}")
        limits[symbol] = (low, high)
    own_charges = {**charges, **_charges(table)}
    table.end()
    return Series(parents, substitutions, compensate, limits, own_charges, table.where)


def _substitution(table: StrictTable) -> Substitution:
    site, by = table.element("site"), table.elements("by")
    if site in by:
        raise ConfigError(f"{table.where}: {site} cannot replace itself: take it out of 'by'")
    x = _grid(table.take("x"), f"{table.where}: x")
    table.end()
    return Substitution(site, by, x)


def _enumeration(table: StrictTable, ion: str, charges: Mapping[str, int]) -> Enumeration:
    cations, anions = table.elements("cations"), table.elements("anions")
    both = sorted(set(cations) & set(anions))
    if both:
        raise ConfigError(
            f"{table.where}: {both[0]} is cation and anion at once: keep it in one of the lists"
        )
    required = table.elements("required", [ion], at_least=0)
    for symbol in required:
        if symbol not in cations and symbol not in anions:
            raise ConfigError(
                f"{table.where}: required {symbol} is neither in 'cations' nor in 'anions': "
                "add it, or set 'required'"
            )
    most = len(cations) + len(anions)
    sizes = table.take("n_elements", [2, most])
    if not isinstance(sizes, list) or len(sizes) != 2:
        raise ConfigError(
            f"{table.where}: n_elements: expected [least, greatest], got {shown(sizes)}"
        )
    low, high = (read_whole(item, f"{table.where}: n_elements", 2, most) for item in sizes)
    if low > high:
        raise ConfigError(f"{table.where}: n_elements: the least, {low}, is above {high}")
    max_amount = read_whole(table.take("max_amount"), f"{table.where}: max_amount", 1, MAX_ATOMS)
    limit = min(max_amount * high, MAX_ATOMS)
    max_atoms = read_whole(
        table.take("max_atoms", limit), f"{table.where}: max_atoms", 2, MAX_ATOMS
    )
    smact = table.take("smact", False)
    if not isinstance(smact, bool):
        raise ConfigError(f"{table.where}: smact: expected true or false, got {shown(smact)}")
    own_charges = {**charges, **_charges(table)}
    table.end()
    return Enumeration(
        cations, anions, required, (low, high), max_amount, max_atoms, smact, own_charges,
        table.where,
    )  # fmt: skip


def _charges(table: StrictTable) -> dict[str, int]:
    return {
        read_element(symbol, f"{table.where}: charges"): read_whole(
            value, f"{table.where}: charge of {symbol}", -4, 8
        )
        for symbol, value in table.table("charges").items()
    }


def _grid(value: Any, where: str) -> tuple[Fraction, ...]:
    """Values of x: a number, a list of numbers, or {from, to, by}."""
    if isinstance(value, dict):
        table = StrictTable(value, where)
        start, end, step = (read_number(table.take(key), where) for key in ("from", "to", "by"))
        table.end()
        if step <= 0 or end < start:
            raise ConfigError(f"{where}: from {start} to {end} by {step} has no values")
        n_steps = (end - start) / step
        if n_steps.denominator != 1:
            raise ConfigError(
                f"{where}: steps of {float(step):g} from {float(start):g} do not meet "
                f"{float(end):g}: end at {float(start + int(n_steps) * step):g}, or change 'by'"
            )
        if n_steps >= MAX_VALUES:
            raise ConfigError(
                f"{where}: {int(n_steps) + 1} values, at most {MAX_VALUES}: widen 'by'"
            )
        values = [start + i * step for i in range(int(n_steps) + 1)]
    else:
        items = value if isinstance(value, list) else [value]
        if len(items) > MAX_VALUES:
            raise ConfigError(f"{where}: {len(items)} values, at most {MAX_VALUES}: leave some out")
        values = sorted({read_number(item, where) for item in items})
    if not any(values):
        raise ConfigError(f"{where}: nothing above zero: give the atoms to be replaced")
    return tuple(values)
