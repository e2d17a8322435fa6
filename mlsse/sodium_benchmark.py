"""Whether the data at hand could teach sodium conductivity: counts, and the verdict.

A prediction of sodium conductivity would have to beat the median of the other papers on papers
left out one at a time. That takes measured values of sodium conductors from several papers. This
module counts them, in the datasets and in the facts of the reviews.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlsse.datasets import load_dataset
from mlsse.errors import FormulaError
from mlsse.formulas import parse_formula

if TYPE_CHECKING:
    import pandas as pd

ION = "Na"
#: Below this many papers with a measured sodium conductor, leaving papers out says nothing.
LEAST_PAPERS = 10


def sodium_benchmark() -> dict[str, Any]:
    """Count what is known of sodium conductors.

    Returns
    -------
    dict
        ``rows``: measurements of all sources; ``rows_of_sodium_conductors``: those whose mobile
        ion is sodium, of ``papers``; ``lithium_rows_with_sodium``: rows of lithium conductors
        that hold sodium too, and ``of_them_more_sodium_than_lithium``, in which nobody says what
        the sodium contributes; ``review_materials``: sodium compounds of which the reviews tell
        something else than a conductivity; ``skill_over_median``: None where ``papers`` is less
        than `LEAST_PAPERS`; ``verdict``: in words.

    Raises
    ------
    DataUnavailableError
        If a dataset can be had neither from a mirror, nor the cache, nor the network.
    """
    table = load_dataset("conductivity")
    facts = load_dataset("review_properties")
    return _account(table, facts)


def _account(table: pd.DataFrame, facts: pd.DataFrame) -> dict[str, Any]:
    amounts = [parse_formula(formula).amounts for formula in table["formula"]]
    is_sodium = (table["mobile_ion"] == ION).to_numpy()
    papers = {doi for cell in table.loc[is_sodium, "doi"] for doi in cell.split("|") if doi}
    mixed = [a for a in amounts if ION in a and "Li" in a]
    materials = sorted({f for f in facts["formula"] if f and _is_of_sodium(f)})
    verdict = (
        f"{int(is_sodium.sum())} measured values of sodium conductors from {len(papers)} papers "
        f"among {len(table)} rows: "
    )
    if len(papers) < LEAST_PAPERS:
        verdict += (
            f"fewer than {LEAST_PAPERS} papers, so no protocol can show skill over the median, "
            "and sodium conductivity stays refused"
        )
    else:
        verdict += "enough to leave papers out one at a time; nobody has done so yet"
    return {
        "protocol": "leave one paper out, skill over the median of the other papers",
        "rows": len(table),
        "rows_of_sodium_conductors": int(is_sodium.sum()),
        "papers": len(papers),
        "lithium_rows_with_sodium": len(mixed),
        "of_them_more_sodium_than_lithium": sum(a[ION] > a["Li"] for a in mixed),
        "review_materials": materials,
        "skill_over_median": None,
        "verdict": verdict,
    }


def _is_of_sodium(text: str) -> bool:
    """Whether a formula of the reviews has sodium and no lithium; some are no formulas."""
    try:
        amounts = parse_formula(text).amounts
    except FormulaError:
        return False
    return ION in amounts and "Li" not in amounts
