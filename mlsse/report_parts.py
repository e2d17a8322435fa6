"""What all reports have in common: cells of the score card, and what a result rests on."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import mlsse
from mlsse import provenance
from mlsse.documents import Bullets, Cell, Paragraph, Section, Table, facts
from mlsse.tables import interval, number, power, trust

Row = Mapping[str, Any]

#: Most letters of a formula, an error or a name of the user that a report repeats.
MAX_TEXT = 200
CARD_COLUMNS = (
    "formula", "conductivity /\u00a0(S/cm)", "90 % interval", "activation energy /\u00a0eV",
    "superionic", "energy above hull /\u00a0(eV/atom)", "window /\u00a0V", "trust",
    "nearest known",
)  # fmt: skip
_NUMERIC = frozenset({1, 2, 3, 4, 5, 6})
CARD_LEGEND = (
    "Superionic: probability of at least 1e-4 S/cm. Energy above hull: ~ if learned from other "
    "compounds. Window: between which voltages against the metal of its ion the formula lasts. "
    "Trust in the conductivity: partly if a warning applies, no if far from what is known. "
    "Nearest known: the nearest composition that was measured, and how far it is (earth mover's "
    "distance on the modified Pettifor scale)."
)


def card_table(
    caption: str, rows: Sequence[Row], before: Mapping[str, Sequence[str]] | None = None
) -> Table:
    """The main columns of the score card; those that are empty in all rows are left out.

    Parameters
    ----------
    caption : str
    rows : sequence of mapping
        Without errors.
    before : mapping of str to sequence of str, optional
        Columns of numbers that come first, by their headings, one text a row.
    """
    cells = [_card_cells(row) for row in rows]
    kept = [i for i in range(len(CARD_COLUMNS)) if i == 0 or any(c[i] != "-" for c in cells)]
    first = before or {}
    return Table(
        caption,
        (*first, *(CARD_COLUMNS[i] for i in kept)),
        tuple(
            (*(column[n] for column in first.values()), *(of_row[i] for i in kept))
            for n, of_row in enumerate(cells)
        ),
        frozenset(range(len(first)))
        | {len(first) + place for place, i in enumerate(kept) if i in _NUMERIC},
    )


def _card_cells(row: Row) -> tuple[Cell, ...]:
    learned = "~" if row["e_hull_source"] == "model" else ""
    energy = row["e_hull_ev_per_atom"]
    low, high = row["reduction_limit_v"], row["oxidation_limit_v"]
    known = row["nearest_known_formula"]
    return (
        shorten(row["formula"]),
        power(row["conductivity_s_per_cm"], digits=1),
        interval(row["log10_conductivity_lower"], row["log10_conductivity_upper"]),
        number(row["activation_energy_ev"], ".2f"),
        percent(row["superionic_probability"]),
        "-" if energy is None else f"{learned}{energy:.3f}",
        "-" if low is None or high is None else f"{low:.2f} to {high:.2f}",
        "-" if row["log10_conductivity"] is None else trust(row),
        "-" if known is None else f"{known} ({row['nearest_known_distance']:.2f})",
    )


def percent(share: float | None) -> str:
    """A share in whole percent, never rounded to certainty.

    >>> percent(0.998), percent(0.5)
    ('above 99 %', '50 %')
    """
    if share is None:
        return "-"
    if 0.0 < share < 0.01:
        return "below 1 %"
    return "above 99 %" if 0.99 < share < 1.0 else f"{100.0 * share:.0f} %"


def shorten(text: object) -> str:
    """A text in one line of at most `MAX_TEXT` letters, control characters left out."""
    line = " ".join(str(text).split())
    plain = "".join(letter for letter in line if letter.isprintable())
    return plain if len(plain) <= MAX_TEXT else f"{plain[: MAX_TEXT - 1]}…"


def notes_table(caption: str, notes: Iterable[tuple[str, Iterable[str]]], heading: str) -> Table:
    """Formulas and what is said of each under a heading, rows of equal words put together."""
    by_words: dict[str, list[str]] = {}
    for formula, words in notes:
        for word in words:
            by_words.setdefault(shorten(word), []).append(shorten(formula))
    rows = tuple((_some(formulas), words) for words, formulas in by_words.items())
    return Table(caption, ("formula", heading), rows)


_MAX_SHOWN = 8


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MAX_SHOWN])
    return shown if len(names) <= _MAX_SHOWN else f"{shown} and {len(names) - _MAX_SHOWN:,} more"


def rests_on(
    pairs: Iterable[tuple[str, Cell]], metadata: Mapping[str, Any] | None, protocol: Sequence[str]
) -> Section:
    """The last section of a report: how it was made, with which versions, from which data.

    Parameters
    ----------
    pairs : iterable of (str, str or Link)
        What this report was asked for.
    metadata : mapping or None
        That of the model, None where it is not at hand.
    protocol : sequence of str
        Sentences on how the figures come about.
    """
    made_with = (
        ("mlsse", f"{mlsse.__version__} (commit {provenance.commit()})"),
        ("Python", platform.python_version()),
    )
    blocks: list[Bullets | Table | Paragraph] = [
        Bullets(tuple(protocol)),
        facts("How this report was made", (*pairs, *made_with)),
    ]
    if metadata is None:
        blocks.append(
            Paragraph("The model is not on this machine, so its data and versions are not told.")
        )
    else:
        blocks += [model_table(metadata), sources_table(metadata)]
    blocks.append(
        Paragraph(
            "What no formula can tell: polymorphs, glass against crystal, density, grain "
            "boundaries, processing, and what happens at interfaces over time. Measured values of "
            "one and the same formula differ by decades; believe the interval rather than the "
            "point."
        )
    )
    return Section("What it rests on", tuple(blocks))


def model_table(metadata: Mapping[str, Any]) -> Table:
    """Name and versions of a model."""
    versions = ", ".join(f"{name} {number}" for name, number in metadata["versions"].items())
    return facts(
        "The model",
        (
            ("model version", metadata.get("model_version", "")),
            ("experiment", metadata["experiment"]["name"]),
            ("seed", str(metadata["experiment"]["seed"])),
            ("trained with", versions),
            ("reference phases", f"{metadata['phases']['count']:,}"),
        ),
    )


def sources_table(metadata: Mapping[str, Any]) -> Table:
    """The data that a model learned from, with the hashes of their files."""
    rows = tuple(
        (
            source["title"],
            f"{source['rows']:,}",
            source["licence"],
            source["citation"],
            ", ".join(f"{name} {digest[:12]}" for name, digest in source["sha256"].items()),
        )
        for source in metadata["data"].values()
    )
    columns = ("source", "rows", "terms", "reference", "sha256 of each file begins with")
    return Table("The data that the model learned from", columns, rows, frozenset({1}))
