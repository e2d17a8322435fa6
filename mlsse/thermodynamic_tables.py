"""Hulls, windows, interfaces and coatings as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlsse.interfaces import partners
from mlsse.tables import Row, number, plain_table, print_notes, printable, say
from mlsse.thermodynamics import WORTH_A_NOTE_EV_PER_ATOM, mixture

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_LAST_KIND = "other"
_MUTUAL = "reaction_energy_mutual_ev_per_atom"  # without a voltage, that of the reaction
_ABOVE_HULL = "above_hull: "
_MOLECULE = "molecule: "
_COLUMN = 14  # characters of a formula above a column, the rest below


def print_hulls(rows: Sequence[Row], console: Console) -> None:
    """Print energies above the hull with what each formula decomposes into."""
    from rich.text import Text

    table = plain_table()
    table.add_column("formula", overflow="fold", min_width=12)
    table.add_column("above hull\neV/atom", justify="right", no_wrap=True)
    table.add_column("source", no_wrap=True)
    table.add_column("products of its decomposition", overflow="fold")
    for row in rows:
        formula = Text(printable(row["formula"]))
        if row["error"]:
            table.add_row(formula, "-", Text("error", style="bold red"), "")
        else:
            energy = _three_decimals(row["e_hull_ev_per_atom"])
            table.add_row(formula, energy, row["source"], Text(_decomposition(row)))
    console.print(table)
    console.print()
    print_notes(_by_name(rows), console)
    if any(not row["error"] for row in rows):
        say(
            "Stable by: how far the formula lies below what it competes with. Energies at 0 K.",
            console,
            style="dim",
        )


def _decomposition(row: Row) -> str:
    energy = row["decomposition_energy_ev_per_atom"]
    products = mixture(row["products"])
    if list(row["products"]) == [row["formula"]]:
        words = "an element"
    elif energy > 0.0:
        words = products
    else:
        words = f"stable by {_three_decimals(-energy)} against {products}"
    if row["stable_probability"] is None:
        return words
    return (
        f"{words} (chance to be stable {row['stable_probability']:.0%}, within 0.05 eV/atom "
        f"{row['metastable_probability']:.0%})"
    )


def _three_decimals(energy: float) -> str:
    return "<0.001" if 0.0 < energy < WORTH_A_NOTE_EV_PER_ATOM else f"{energy:.3f}"


def print_windows(rows: Sequence[Row], console: Console, *, steps: bool = False) -> None:
    """Print windows, the reactions that end them, and if wanted the staircases."""
    from rich.text import Text

    table = plain_table()
    table.add_column("formula", overflow="fold", min_width=12)
    table.add_column("ion", no_wrap=True)
    for heading in ("reduction\nlimit, V", "oxidation\nlimit, V", "above hull\neV/atom"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        formula = Text(printable(row["formula"]))
        if row["error"]:
            table.add_row(formula, "-", "-", "-", Text("error", style="bold red"))
        else:
            table.add_row(
                formula,
                row["ion"],
                number(row["reduction_limit_v"], ".2f"),
                number(row["oxidation_limit_v"], ".2f"),
                _three_decimals(row["e_hull_ev_per_atom"]),
            )
    console.print(table)
    console.print()
    usable = [row for row in rows if not row["error"]]
    for row in usable:
        say(f"{row['formula']} against {row['ion']}", console, style="bold")
        low, high = row["reduction_limit_v"], row["oxidation_limit_v"]
        if row["reduction_reaction"]:
            say(f"  below {low:.2f} V: {row['reduction_reaction']}", console)
        else:
            say(f"  stable against {row['ion']} metal", console)
        say(f"  above {high:.2f} V: {row['oxidation_reaction'] or 'nothing forms'}", console)
        if steps:
            console.print(_staircase(row))
    if usable:
        console.print()
    print_notes(_by_name(rows), console)
    if usable:
        say(
            "Volts against the metal of the ion. Thermodynamics alone: slow reactions let "
            "measured windows look wider.",
            console,
            style="dim",
        )


def _staircase(row: Row) -> Table:
    from rich.text import Text

    table = plain_table(gap=2)
    table.add_column("  V", no_wrap=True)
    table.add_column(f"{row['ion']} taken up", justify="right", no_wrap=True)
    table.add_column("in equilibrium", overflow="fold")
    for step in row["steps"]:
        high = step["voltage_high_v"]
        end = f"{step['voltage_low_v']:.2f} up" if high is None else None
        table.add_row(
            "  " + (end or f"{step['voltage_low_v']:.2f} to {high:.2f}"),
            f"{step['uptake']:+.3g}",
            Text(mixture(step["products"])),
        )
    return table


def print_interfaces(rows: Sequence[Row], console: Console) -> None:
    """Print one pair in full, or many as a matrix."""
    if len(rows) == 1:
        _print_pair(rows[0], console)
    else:
        _print_matrix(rows, console)


def _print_pair(row: Row, console: Console) -> None:
    first, second = printable(row["first"]), printable(row["second"])
    if row["error"]:
        say(f"{first} with {second}: {printable(row['error'])}", console)
        return
    named = second if row["partner"] == second else f"{row['partner']} ({second})"
    say(f"{first} with {named}, {_circumstances(row)}", console, style="bold")
    notes = [note for note in row["notes"] if not note.startswith(_MOLECULE)]
    _print_cautions({note: [] for note in row["notes"] if note.startswith(_MOLECULE)}, console)
    other = "" if row["voltage_v"] is None else f" other than {row['ion']}"
    unit = f"eV/atom{other and f' ({other.strip()})'}"
    lines = {
        "reaction energy": f"{_signed(row['reaction_energy_ev_per_atom'], 3)} {unit}, "
        f"{_signed(row['reaction_energy_kj_per_mol'], 1)} kJ/mol, "
        f"{_signed(row['reaction_energy_kj_per_kg'], 0)} kJ/kg",
        "from own energies": f"{_signed(row['reaction_energy_own_ev_per_atom'], 3)} {unit}",
    }
    if row["voltage_v"] is not None:
        mutual = _signed(row[_MUTUAL], 3)
        lines["mutual"] = f"{mutual} {unit}, beyond what each does alone at that voltage"
    if row["fraction"] is None:
        lines["reaction"] = "none"
    else:
        lines["mixing ratio"] = (
            f"{row['fraction']:.1%} of the atoms{other} and {row['mole_fraction']:.1%} of the "
            f"formula units are of {first}"
        )
        lines["reaction"] = row["reaction"]
        lines[f"in much {row['partner']}"] = row["excess_reaction"]
    width = max(map(len, lines)) + 2
    for name, words in lines.items():
        say(f"  {name + ':':<{width}}{words}", console)
    if row["fraction"] is not None:
        console.print(_kinks(row))
    console.print()
    for note in notes:
        say(note, console)


def _kinks(row: Row) -> Table:
    from rich.text import Text

    table = plain_table(gap=2)
    table.add_column("  atoms of\n  " + printable(row["first"]), overflow="fold", min_width=14)
    table.add_column("eV/atom", justify="right", no_wrap=True)
    table.add_column("in equilibrium", overflow="fold")
    for kink in row["kinks"]:
        table.add_row(
            f"  {kink['fraction']:.1%}",
            _signed(kink["reaction_energy_ev_per_atom"], 3),
            Text(mixture(kink["products"])),
        )
    return table


def _circumstances(row: Row) -> str:
    if row["voltage_v"] is None:
        return "open circuit"
    return f"at {row['voltage_v']:g} V against {row['ion']}"


def _signed(value: float, digits: int) -> str:
    """A number without the sign of a zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def _print_matrix(rows: Sequence[Row], console: Console) -> None:
    cells = {(printable(row["first"]), _partner(row)): row for row in rows}
    electrolytes = list(dict.fromkeys(first for first, _ in cells))
    names = list(dict.fromkeys(name for _, name in cells))
    kinds = {partner.name: partner.kind for partner in partners()}
    groups: dict[str, list[str]] = {kind: [] for kind in dict.fromkeys(kinds.values())}
    for name in names:
        groups.setdefault(kinds.get(name, _LAST_KIND), []).append(name)
    usable = [row for row in rows if not row["error"]]
    notes = _matrix_notes(cells)
    doubtful = {
        name for note, about in notes.items() if note.startswith(_MOLECULE) for name in about
    }
    wide = sum(max(len(name) + 1, 6) for name in names) + max(map(len, electrolytes)) + 1
    circumstances = dict.fromkeys(_circumstances(row) for row in usable)
    say(f"Reaction energy, meV/atom; {', '.join(circumstances) or 'no pair'}", console, "bold")
    if wide <= console.width:
        table = plain_table()
        table.add_column("", no_wrap=True)
        for name in names:
            table.add_column(_marked(name, doubtful), justify="right", no_wrap=True)
        for electrolyte in electrolytes:
            line = [_milli(cells.get((electrolyte, name))) for name in names]
            table.add_row(electrolyte, *line)
        console.print(table)
    else:
        blocks = _blocks(electrolytes, console.width - max(map(len, names)) - 5)
        for i, block in enumerate(blocks):
            if i:
                console.print()
            console.print(_upright(block, groups, cells, doubtful))
    console.print()
    _print_cautions({n: a for n, a in notes.items() if n.startswith(_MOLECULE)}, console)
    print_notes({n: a for n, a in notes.items() if not n.startswith(_MOLECULE)}, console)
    _print_above_hull(usable, console)
    legend = "0: no reaction; the lower the energy, the stronger the reaction."
    if any(row["voltage_v"] is not None for row in usable):
        legend += (
            " At a voltage: what contact adds to what each material does alone, for one atom that "
            "is not of the ion."
        )
    if usable:
        say(legend, console, style="dim")


def _partner(row: Row) -> str:
    return printable(row["partner"] or row["second"])


def _upright(
    electrolytes: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    cells: Mapping[tuple[str, str], Row],
    doubtful: set[str],
) -> Table:
    """Partners as rows, sorted within their kind: the one that reacts least first."""
    from rich.text import Text

    def strength(name: str) -> float:
        found = [cells[e, name][_MUTUAL] for e in electrolytes]
        return -sum(energy for energy in found if energy is not None)

    table = plain_table()
    table.add_column("", no_wrap=True)
    for electrolyte in electrolytes:
        width = min(len(electrolyte), _COLUMN)
        table.add_column(electrolyte, justify="right", overflow="fold", width=width)
    for kind, names in groups.items():
        if names:
            table.add_row(Text(kind, style="bold"))
        for name in sorted(names, key=strength):
            table.add_row(
                f"  {_marked(name, doubtful)}",
                *(_milli(cells.get((e, name))) for e in electrolytes),
            )
    return table


def _blocks(names: Sequence[str], width: int) -> list[list[str]]:
    """Names in groups that fit a width."""
    blocks: list[list[str]] = [[]]
    left = width
    for name in names:
        needed = min(len(name), _COLUMN) + 1
        if blocks[-1] and needed > left:
            blocks.append([])
            left = width
        blocks[-1].append(name)
        left -= needed
    return blocks


def _marked(name: str, doubtful: set[str]) -> str:
    return f"{name} *" if name in doubtful else name


def _milli(row: Row | None) -> str:
    if row is None:
        return ""
    energy = row[_MUTUAL]
    return "error" if energy is None else _signed(1e3 * energy, 0)


def _matrix_notes(cells: Mapping[tuple[str, str], Row]) -> dict[str, list[str]]:
    """Notes and errors with the materials, or else the pairs, that they are about."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    for pair, row in cells.items():
        for note in [row["error"]] if row["error"] else row["notes"]:
            if not note.startswith(_ABOVE_HULL):
                pairs.setdefault(printable(note), []).append(pair)
    usable = {pair for pair, row in cells.items() if not row["error"]}
    notes = {}
    for note, found in pairs.items():
        pool = set(cells) if cells[found[0]]["error"] else usable
        about: list[str] = []
        rest = set(found)
        for side in (1, 0):
            for name in dict.fromkeys(pair[side] for pair in found):
                whole = {pair for pair in pool if pair[side] == name}
                if rest & whole and whole <= set(found):
                    about.append(name)
                    rest -= whole
        about += [f"{first} with {second}" for first, second in found if (first, second) in rest]
        notes[note] = about
    return notes


def _print_cautions(notes: Mapping[str, Sequence[str]], console: Console) -> None:
    for note, names in notes.items():
        where = f" * {', '.join(names)}" if names else ""
        say(f"Caution{where}: {note.removeprefix(_MOLECULE)}", console, style="bold yellow")


def _print_above_hull(rows: Sequence[Row], console: Console) -> None:
    """Name the materials that lie above the hull, in one line for all pairs."""
    above: dict[str, float] = {}
    for row in rows:
        above.setdefault(printable(row["first"]), row["e_hull_first_ev_per_atom"])
        above.setdefault(_partner(row), row["e_hull_second_ev_per_atom"])
    shown = [
        f"{name} {energy:.3f}"
        for name, energy in above.items()
        if energy >= WORTH_A_NOTE_EV_PER_ATOM
    ]
    if shown:
        say(
            f"{_ABOVE_HULL}by themselves above the hull, eV/atom, which counts in "
            f"reaction_energy_own_ev_per_atom alone: {', '.join(shown)}",
            console,
        )


def print_partners(rows: Sequence[Row], console: Console) -> None:
    """Print the partners that have names."""
    table = plain_table()
    for heading in ("name", "formula", "kind", "note"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(row["name"], row["formula"], row["kind"], row["note"])
    console.print(table)


def print_coatings(
    rows: Sequence[Row], console: Console, *, cathode: str, electrolyte: str, n_ranked: int
) -> None:
    """Print a ranking of coatings, best first.

    Parameters
    ----------
    rows : sequence of mapping
        Fields of `mlsse.coatings.Coating`, the error, the reaction energy without a coating.
    console : rich.console.Console
    cathode, electrolyte : str
        What the coatings keep apart.
    n_ranked : int
        How many there are, those that are not shown included.
    """
    from rich.text import Text

    usable = [row for row in rows if not row["error"]]
    title = f"Coatings between {printable(cathode)} and {printable(electrolyte)}"
    say(f"{title}: the best {len(usable)} of {n_ranked}", console, style="bold")
    table = plain_table()
    table.add_column("formula", overflow="fold", min_width=12)
    table.add_column("passes", no_wrap=True)
    for heading in ("worst", "cathode", "charged\ncathode", "electro-\nlyte", "window\nV", "hull"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        formula = Text(printable(row["formula"]))
        if row["error"]:
            table.add_row(formula, Text("error", style="bold red"))
            continue
        table.add_row(
            formula,
            Text("yes", style="green") if row["passes"] else Text("no", style="red"),
            *(_milli_of(row, f"{what}reaction_energy_ev_per_atom") for what in _SIDES),
            f"{row['reduction_limit_v']:.2f} to {row['oxidation_limit_v']:.2f}",
            _signed(1e3 * row["e_hull_ev_per_atom"], 0),
        )
    console.print(table)
    console.print()
    print_notes(_by_code(usable), console)
    print_notes(_by_name([row for row in rows if row["error"]]), console)
    if usable:
        bare = usable[0]["uncoated_reaction_energy_ev_per_atom"]
        say(f"Without a coating: {_signed(1e3 * bare, 0)} meV/atom.", console)
        say(
            "Reactions of the coating with each side in meV/atom, 0 is none; hull: meV/atom above "
            "it.",
            console,
            style="dim",
        )


def _by_code(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Notes as `_by_name`, but one for each code where only their words differ."""
    codes: dict[str, dict[str, list[str]]] = {}
    for note, names in _by_name(rows).items():
        codes.setdefault(note.partition(": ")[0], {})[note] = names
    found = {}
    for code, notes in codes.items():
        first = next(iter(notes))
        if len(notes) > 1:
            first = f"{code}: for the first, {first.removeprefix(code).removeprefix(': ')}"
        found[first] = [name for names in notes.values() for name in names]
    return found


_SIDES = ("worst_", "cathode_", "charged_cathode_", "electrolyte_")


def _milli_of(row: Row, name: str) -> str:
    return "-" if row[name] is None else _signed(1e3 * row[name], 0)


def _by_name(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Notes and errors with the formulas that they are about."""
    notes: dict[str, list[str]] = {}
    for row in rows:
        for note in [row["error"]] if row["error"] else row["notes"] or ():
            notes.setdefault(printable(note), []).append(printable(row["formula"]))
    return notes
