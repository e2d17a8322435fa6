"""The report of a prediction: score card, Arrhenius lines, windows, interfaces, why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mlsse import plots, report_figures
from mlsse.bundle import Model, champion
from mlsse.documents import (
    Block,
    Document,
    Paragraph,
    Part,
    Picture,
    Section,
    Table,
    doi_link,
)
from mlsse.errors import ConditionError
from mlsse.formulas import parse_formula
from mlsse.interfaces import Interface, interface, partners
from mlsse.prediction import Explanation, explain, predict_columns, predict_rows
from mlsse.report_figures import ArrheniusLine
from mlsse.report_parts import CARD_LEGEND, card_table, notes_table, rests_on, shorten
from mlsse.tables import power
from mlsse.windows import Window, window

#: A report of more formulas would be no reading; a screen is for those.
MAX_FORMULAS = 1000
#: So many formulas are shown in detail: with figures of their own, and why.
MAX_DETAILED = 9
_MAX_BARS = 40
_MAX_HEAT_ROWS = 18
_MAX_MEASUREMENTS = 12
_RANGE_K = (250.0, 500.0)
_N_TEMPERATURES = 21
_WINDOW_IONS = ("Li", "Na", "K")
_ELECTRODES = ("cathode", "charged cathode", "anode")

PROTOCOL = (
    "The conductivity, its interval and its activation energy are learned from measured values of "
    "other formulas; the 90 % interval is calibrated on rows that the models had not seen.",
    "Energies above hull, windows and reactions are linear programs over computed energies of "
    "reference phases at 0 K; a formula that is no reference phase enters with a learned energy.",
)


def prediction_report(
    formulas: Sequence[str],
    *,
    temperature_k: float = 298.15,
    ion: str | None = None,
    model: Model | None = None,
) -> Document:
    """Make the report of a prediction.

    Parameters
    ----------
    formulas : sequence of str
        1 to 1,000; those that cannot be read are listed with the reason.
    temperature_k : float, default 298.15
        K, 200 to 800.
    ion : str, optional
        Mobile ion; by default that of each formula.
    model : Model, optional
        By default the shipped champion.

    Returns
    -------
    Document

    Raises
    ------
    ConditionError
        If there are no formulas or too many, none of them can be used, or temperature or ion
        cannot be.
    """
    if not 0 < len(formulas) <= MAX_FORMULAS:
        raise ConditionError(
            f"{len(formulas):,} formulas to report on: expected 1 to {MAX_FORMULAS:,}; screen more "
            "with `mlsse screen` and report on its folder"
        )
    model = model or champion()
    rows = predict_rows(formulas, temperature_k=temperature_k, ion=ion, model=model)
    # The first of several that mean one composition.
    usable = list({r["reduced_formula"]: r for r in reversed(rows) if not r["error"]}.values())
    usable.reverse()
    if not usable:
        raise ConditionError(f"no formula can be used; the first: {shorten(rows[0]['error'])}")
    detailed = usable[:MAX_DETAILED]
    explanations = [
        explain(row["formula"], temperature_k=temperature_k, ion=ion, model=model)
        for row in detailed
    ]
    asked = (
        ("formulas", f"{len(rows):,}"),
        ("temperature", f"{temperature_k:g} K"),
        ("mobile ion", ion or "that of each formula"),
    )
    sections = (
        _card(rows),
        *_conductivity(usable, detailed, explanations, model),
        *_windows(detailed, model),
        *_interfaces(usable, model),
        _why(detailed, explanations),
        rests_on(asked, model.metadata, PROTOCOL),
    )
    names = ", ".join(shorten(row["formula"]) for row in rows[:3])
    more = f" and {len(rows) - 3:,} more" if len(rows) > 3 else ""
    return Document(
        f"Predicted solid electrolytes: {names}{more}",
        f"What can be said of {len(rows):,} chemical formulas as solid electrolytes at "
        f"{temperature_k:g} K, from the formulas alone; each value with its doubt.",
        sections,
    )


def _card(rows: Sequence[dict[str, Any]]) -> Section:
    usable = [row for row in rows if not row["error"]]
    caption = f"Score card at {usable[0]['temperature_k']:g} K"
    blocks: list[Block] = [card_table(caption, usable), Paragraph(CARD_LEGEND)]
    if any(row["warnings"] for row in usable):
        notes = ((row["formula"], row["warnings"]) for row in usable)
        blocks.append(notes_table("Warnings", notes, "warning"))
    if len(usable) < len(rows):
        errors = ((row["formula"], [row["error"]]) for row in rows if row["error"])
        blocks.append(notes_table("Formulas that cannot be used", errors, "why"))
    return Section("Score card", tuple(blocks))


def _conductivity(
    usable: Sequence[dict[str, Any]],
    detailed: Sequence[dict[str, Any]],
    explanations: Sequence[Explanation],
    model: Model,
) -> Iterator[Section]:
    """Intervals of all formulas and Arrhenius lines of some; nothing where there are none."""
    known = [row for row in usable if row["log10_conductivity"] is not None]
    if not known:
        return
    known.sort(key=lambda row: -row["log10_conductivity"])
    shown = known[:_MAX_BARS]
    which = f"the best {_MAX_BARS} of {len(known):,}" if len(known) > _MAX_BARS else "all"
    bars = Picture(
        "conductivity",
        f"Predicted conductivity at {shown[0]['temperature_k']:g} K with its 90 % interval, {which}"
        " formulas; open marks are out of the domain of the model.",
        "One line a formula, the best on top. "
        + "; ".join(
            f"{shorten(row['formula'])} {power(row['conductivity_s_per_cm'], digits=1)} S/cm"
            for row in shown
        )
        + ". The score card has the numbers.",
        report_figures.conductivities(shown),
    )
    lines = [
        arrhenius_line(row, explanation, model)
        for row, explanation in zip(detailed, explanations, strict=True)
        if row["log10_conductivity"] is not None
    ]
    blocks: list[Block] = [bars]
    if lines:
        measured = sum(len(at) for line in lines for _, at, _ in line.measured)
        caption = (
            "Arrhenius lines with 90 % intervals; marks are measured values of the nearest known "
            f"materials ({measured:,} points)."
        )
        words = (
            "One panel a formula: log10 of conductivity against 1000/T falls on a straight line. "
            + "; ".join(
                f"{shorten(line.formula)}: {line.log10[0]:.1f} at {line.temperature_k[0]:g} K, "
                f"{line.log10[-1]:.1f} at {line.temperature_k[-1]:g} K"
                for line in lines
            )
        )
        blocks.append(Picture("arrhenius", caption, f"{words}.", report_figures.arrhenius(lines)))
        blocks += _only_some(len(usable))
    yield Section("Conductivity", tuple(blocks))


def arrhenius_line(row: dict[str, Any], explanation: Explanation, model: Model) -> ArrheniusLine:
    """The line of a formula, and what was measured of the nearest known materials.

    Parameters
    ----------
    row : dict
        Of the score card, with a conductivity.
    explanation : Explanation
        Of the same formula.
    model : Model
    """
    ends = [*_RANGE_K, row["temperature_k"]]
    at = np.linspace(min(ends), max(ends), _N_TEMPERATURES)
    columns = predict_columns(
        [row["formula"]] * len(at), temperature_k=at.tolist(), ion=row["mobile_ion"], model=model,
        groups=["conductivity"],
    )  # fmt: skip
    log10, lower, upper = (
        np.array(columns[f"log10_conductivity{end}"], dtype=float)
        for end in ("", "_lower", "_upper")
    )
    measured = []
    for material in explanation.nearest:
        values = [m for m in material.measurements if m["censored"] == "none"]
        if values:
            temperatures = np.array([m["temperature_k"] for m in values], dtype=float)
            found = np.log10([m["conductivity_s_per_cm"] for m in values])
            measured.append((material.formula, temperatures, found))
    return ArrheniusLine(row["formula"], at, log10, lower, upper, tuple(measured))


def _windows(detailed: Sequence[dict[str, Any]], model: Model) -> Iterator[Section]:
    """Staircases of the formulas that have a window."""
    found: list[Window] = []
    for row in detailed:
        if row["reduction_limit_v"] is None or row["mobile_ion"] not in _WINDOW_IONS:
            continue
        one = window(row["formula"], row["mobile_ion"], model=model)
        assert isinstance(one, Window)
        found.append(one)
    if not found:
        return
    words = "; ".join(
        f"{shorten(w.formula)} {w.reduction_limit_v:.2f} to {w.oxidation_limit_v:.2f} V against "
        f"{w.ion}"
        for w in found
    )
    picture = Picture(
        "windows",
        "Uptake of the mobile ion against voltage; the green band is the window in which the "
        "formula neither takes up nor gives off ions.",
        f"A falling staircase for each formula, its flat part at zero the window: {words}.",
        plots.staircase(found),
    )
    limits = Table(
        "Reactions at the limits of the windows",
        ("formula", "limit", "voltage / V", "reaction"),
        tuple(
            (shorten(w.formula), name, f"{voltage:.2f}", shorten(reaction))
            for w in found
            for name, voltage, reaction in (
                ("reduction", w.reduction_limit_v, w.reduction_reaction),
                ("oxidation", w.oxidation_limit_v, w.oxidation_reaction),
            )
        ),
        frozenset({2}),
    )
    yield Section("Voltage windows", (picture, limits, *_only_some(len(detailed))))


def _interfaces(usable: Sequence[dict[str, Any]], model: Model) -> Iterator[Section]:
    """The heat map of formulas against electrodes of their ion."""
    candidates = [row for row in usable if row["reduction_limit_v"] is not None]
    formulas = [row["formula"] for row in candidates]
    names = _electrodes({row["mobile_ion"] for row in candidates})
    if not formulas:
        return
    table = interface(formulas[:_MAX_HEAT_ROWS], names, model=model)
    assert not isinstance(table, Interface)
    energies = table["reaction_energy_mutual_ev_per_atom"].astype(float)
    if energies.isna().all():
        return
    worst = table.loc[energies.idxmin()]
    picture = Picture(
        "interfaces",
        "Energy of reaction with electrodes; the darker, the stronger the reaction.",
        f"Formulas by {len(names)} electrodes in meV/atom. The strongest reaction is that of "
        f"{shorten(worst['first'])} with {shorten(worst['partner'] or worst['second'])}: "
        f"{1000 * float(worst['reaction_energy_mutual_ev_per_atom']):.0f} meV/atom.",
        plots.heat_map(table),
    )
    more = (
        (Paragraph(f"The first {_MAX_HEAT_ROWS} of {len(formulas):,} formulas."),)
        if len(formulas) > _MAX_HEAT_ROWS
        else ()
    )
    yield Section("Interfaces with electrodes", (picture, *more))


def _electrodes(ions: set[str]) -> list[str]:
    """Electrodes of cells of these ions: those that hold no other one."""
    others = set(_WINDOW_IONS) - ions
    return [
        partner.name
        for partner in partners()
        if partner.kind in _ELECTRODES
        and not others & parse_formula(partner.formula).amounts.keys()
    ]


def _why(detailed: Sequence[dict[str, Any]], explanations: Sequence[Explanation]) -> Section:
    parts: list[Block] = [
        Part(shorten(row["formula"]), tuple(_reasons(explanation)))
        for row, explanation in zip(detailed, explanations, strict=True)
    ]
    if note := next((e.note for e in explanations if e.note), ""):
        parts.insert(0, Paragraph(f"{note[:1].upper()}{note[1:]}."))
    return Section("Why, and what was measured nearby", tuple(parts))


def _reasons(explanation: Explanation) -> Iterator[Block]:
    """Why a prediction is what it is."""
    if explanation.domain_reasons:
        yield Paragraph(f"Out of the domain: {'; '.join(explanation.domain_reasons)}.")
    if explanation.contributions:
        moves = "; ".join(f"{what}: {by:+z.2f}" for what, by in explanation.contributions)
        yield Paragraph(f"What moves log10 of the conductivity, strongest first: {moves}.")
    rows = []
    for material in explanation.nearest:
        where = (material.formula, f"{material.distance:.2f}")
        values = material.measurements[:_MAX_MEASUREMENTS]
        rows += [
            (
                *where,
                _BOUNDS[m["censored"]] + power(m["conductivity_s_per_cm"], digits=1),
                f"{m['temperature_k']:.0f}",
                doi_link(m["doi"]),
            )
            for m in values
        ] or [(*where, "-", "-", "not at hand")]
    columns = ("known material", "distance", "measured / (S/cm)", "temperature / K", "DOI")
    yield Table("Nearest known materials", columns, tuple(rows), frozenset({1, 2, 3}))


_BOUNDS = {"none": "", "upper": "below ", "lower": "above "}


def _only_some(count: int) -> tuple[Paragraph, ...]:
    if count <= MAX_DETAILED:
        return ()
    return (Paragraph(f"The first {MAX_DETAILED} of {count:,} formulas are shown in detail."),)
