"""The model card of a bundle, from its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def model_card(metadata: Mapping[str, Any]) -> str:
    """Write the model card.

    Parameters
    ----------
    metadata : mapping
        As `mlsse.training` hands it to the bundle.

    Returns
    -------
    str
        Markdown.
    """
    conductivity, stability = (metadata["metrics"][k] for k in ("conductivity", "stability"))
    sources = metadata["data"].values()
    total = sum(source["rows"] for name, source in metadata["data"].items() if name != "critexam")
    table = "\n".join(
        f"| {source['title']} | {source['rows']:,} | {_share(name, source['rows'], total)} "
        f"| {source['licence']} | {source['citation']} |"
        for name, source in zip(metadata["data"], sources, strict=True)
    )
    return f"""# Model card: {metadata["experiment"]["name"]}

## What it predicts
From a chemical formula alone: lithium-ion conductivity between 200 and 800 K with a 90 %
interval and an activation energy, the probability of at least 1e-4 S/cm, formation and
decomposition energy, and the probabilities of being stable and metastable; for any ion, what the
composition decomposes into, and for Li, Na and K the voltage window.

- Conductivity: a Gaussian process over compositions, linear in 1/T by construction
  (log10 of conductivity, not of conductivity times temperature), and beside it, near to known
  compositions, a forest of extremely randomised trees for the room-temperature value. Upper
  bounds enter as bounds.
  How far a prediction steps away from the median of the training rows, and how wide its interval
  is, was fitted to rows held out by paper, by chains of like compositions and by chemistry.
- Stability: gradient-boosted trees for both energies and both probabilities (calibrated by a
  logistic map; stable is held at most as likely as metastable).
- Energy above hull, products, voltage windows and interface reactions: linear programs over the
  energies of {metadata["phases"]["count"]:,} reference phases, at 0 K. The energy above hull is
  learned only for a composition that is none of them. Windows treat a composition above the hull
  as if it lay on it.

## What it cannot know
Polymorphs, glass against crystal, density, grain boundaries and processing: one formula has one
prediction, and measured values of one formula spread over decades. Melting and phase changes are
not modelled. Conductivities of sodium and other ions are refused: the sources hold no measured
value of one. Most values are total conductivities at room temperature; sources that do not say
which are taken as total. Thermodynamics says what could form, not how fast: measured voltage
limits are wider, and an interface that reacts may pass into a thin layer that stops. Small
molecules (water, carbon dioxide) are bound too strongly in the reference data, so reactions with
air are a ranking at best; energies of nickel oxides are off by up to 0.3 eV/atom.

## What it learned from
| source | rows | share of the conductivity rows | terms | reference |
|---|---|---|---|---|
{table}

The bundle holds fitted parameters (weights, composition vectors, calibration, the energies of
the reference phases); it holds no measured value and no DOI.

## How it scored while it was trained
Conductivity: {conductivity["protocol"]}. {conductivity["n_rows"]:,} rows
({conductivity["n_bounds"]} bounds) in {conductivity["n_groups"]} groups.

| mean absolute error, log10(S/cm) | this model | linear baseline | median baseline |
|---|---|---|---|
| room temperature | {_decades(conductivity, "mae_room_temperature")} \
| {_decades(conductivity, "mae_room_temperature_linear_baseline")} \
| {_decades(conductivity, "mae_room_temperature_median_baseline")} |
| other temperatures | {_decades(conductivity, "mae_other_temperatures")} | | |

Stability: {stability["protocol"]}.

| | this model | linear baseline | prevalence |
|---|---|---|---|
| stable, ROC-AUC | {_decades(stability, "stable_roc_auc")} \
| {_decades(stability, "stable_linear_roc_auc")} \
| {_decades(stability, "stable_prevalence_roc_auc")} |
| stable, Brier score | {_decades(stability, "stable_brier")} \
| {_decades(stability, "stable_linear_brier")} \
| {_decades(stability, "stable_prevalence_brier")} |
| metastable, ROC-AUC | {_decades(stability, "metastable_roc_auc")} \
| {_decades(stability, "metastable_linear_roc_auc")} \
| {_decades(stability, "metastable_prevalence_roc_auc")} |
| metastable, Brier score | {_decades(stability, "metastable_brier")} \
| {_decades(stability, "metastable_linear_brier")} \
| {_decades(stability, "metastable_prevalence_brier")} |

Scores on the published test splits are made by `mlsse benchmark`, with models of the same
recipe that have not seen the test rows, and kept in `experiments/results/`.
"""


def _share(name: str, rows: int, total: int) -> str:
    return "" if name == "critexam" else f"{100 * rows / total:.1f} %"


def _decades(report: Mapping[str, Any], key: str) -> str:
    value = report[key]
    return "undefined" if value is None else f"{value:.3f}"
