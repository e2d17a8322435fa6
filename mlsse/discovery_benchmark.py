"""An honest look back: would a screen have found a family of conductors that it did not know?

A family of `mlsse.splits.family_masks` is taken out of the training data, with every row that
shares a paper with it, names no paper, or lies within 0.05 of one of its compositions. Its
materials with a value at room temperature are then screened, each mixed with 100 decoys: lithium
compounds of CritExam that the conductivity table does not hold, alike in number of elements and
share of lithium. Nobody has measured the decoys; they are presumed slow, so that a fast one among
them counts as a mistake, and the enrichments are too low rather than too high.

The enrichment in the first 1 % is the share of superionic conductors there over their share in
the whole mixture; 1 is what chance gives. The model ranks by the probability of at least
1e-4 S/cm and then by the predicted conductivity, as `mlsse rank` would. Beside it: the mean of
the five nearest known materials. Where equal scores straddle the limit, the expectation over
their random order counts.

The rows of the official test split of OBELiX take no part, neither learned from nor screened.
The intervals resample single materials with their decoys: materials of one paper err together,
so the true uncertainty is larger.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsse import metrics, splits, training
from mlsse.benchmark_tools import Protocols
from mlsse.charges import is_charge_balanced
from mlsse.compositions import composition_vectors, l1_distance_matrix, nearest
from mlsse.config import Experiment
from mlsse.datasets import load_dataset
from mlsse.features import MOBILE_ION, compute_features
from mlsse.featurize import element_tables
from mlsse.formulas import ELEMENT_INDEX, parse_formula
from mlsse.targets import SUPERIONIC_LOG10
from mlsse.training import ConductivityRows

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_log = logging.getLogger(__name__)

SHARES = (0.01, 0.05)
_DECOYS = 100  # for each material
_POOL = 500  # alike compounds that its decoys are drawn from
_ELEMENT_COSTS = 0.1  # one element more or less, in shares of lithium
_IN_TABLE = 0.02  # sum of differences of atom fractions
_LEAK_DISTANCE = 0.05
_NEIGHBOURS = 5
_MIN_SUPERIONIC = 5
_RESAMPLES = 1000
_BLOCK = 500


@dataclass(frozen=True)
class Materials:
    """Compositions with a measured conductivity at room temperature, n of them.

    Attributes
    ----------
    vectors : ndarray of shape (n, len(ELEMENTS))
    features : ndarray of shape (n, n_features)
    log10_conductivity : ndarray of shape (n,)
        Median of what was measured; an upper bound counts as its value.
    is_superionic : ndarray of bool, shape (n,)
        Whether the median is at least 1e-4 S/cm, upper bounds below everything.
    """

    vectors: Floats
    features: Floats
    log10_conductivity: Floats
    is_superionic: Mask

    def __len__(self) -> int:
        """Count of materials."""
        return len(self.is_superionic)


@dataclass(frozen=True)
class Compounds:
    """Compounds that decoys are drawn from, m of them."""

    vectors: Floats
    features: Floats
    is_balanced: Mask

    def __getitem__(self, chosen: Mask) -> Compounds:
        """Some of the compounds."""
        return Compounds(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    def __len__(self) -> int:
        """Count of compounds."""
        return len(self.is_balanced)


def discovery_protocols(experiment: Experiment) -> Protocols:
    """Screen each family, mixed with decoys, by a model that knows no member of it.

    Parameters
    ----------
    experiment : Experiment

    Returns
    -------
    dict
        ``families``, and the same with decoys of balanced charge alone.
    """
    rows = training.load_conductivity_rows(experiment.conductivity.sources)
    table = rows.table
    test = ((table["source"] == "obelix") & (table["split"] == "test")).to_numpy()
    compounds = _compounds(rows.vectors)
    _log.info("discovery: %d lithium compounds to draw decoys from", len(compounds))
    return look_back(rows[~test], compounds, experiment)


def look_back(rows: ConductivityRows, compounds: Compounds, experiment: Experiment) -> Protocols:
    """Score every family by itself; see the module.

    Parameters
    ----------
    rows : ConductivityRows
    compounds : Compounds
    experiment : Experiment

    Returns
    -------
    dict
        By set of decoys and family: counts, and for each share of the mixture the enrichment of
        model and neighbours with intervals of 95 %.
    """
    protocols: Protocols = {"discovery": {}, "discovery_balanced_decoys": {}}
    for name, family in splits.family_masks(rows.vectors).items():
        screened = materials(rows[family])
        n_superionic = int(screened.is_superionic.sum())
        if n_superionic < _MIN_SUPERIONIC:
            why = f"{n_superionic} superionic conductors; at least {_MIN_SUPERIONIC} are needed"
            for of_decoys in protocols.values():
                of_decoys[name] = {"n_materials": len(screened), "left_out": why}
            continue
        known, n_leaks = _known(rows, family)
        _log.info("discovery, %s: %d materials, %d rows known", name, len(screened), len(known))
        fitted = training.fit_conductivity(known, experiment.conductivity, experiment.seed)

        def score(features: Floats, fitted: Any = fitted) -> Floats:
            lines = fitted.predict_lines(features)
            probability = fitted.calibration.superionic_probability(lines, 0.0)
            return _places(probability, lines.room_log10_conductivity)

        neighbours = materials(known)
        features = np.vstack([screened.features, compounds.features])
        vectors = np.vstack([screened.vectors, compounds.vectors])
        scores = {"model": score(features), "neighbours": _of_neighbours(vectors, neighbours)}
        of_family = splits.family_masks(compounds.vectors)[name]
        about = {
            "n_materials": len(screened),
            "n_superionic": n_superionic,
            "n_training_rows": len(known),
            "n_leaking_rows_left_out": n_leaks,
        }
        for protocol, chosen in (
            ("discovery", np.ones(len(compounds), dtype=bool)),
            ("discovery_balanced_decoys", compounds.is_balanced),
        ):
            places = np.flatnonzero(np.concatenate([np.ones(len(screened), bool), chosen]))
            protocols[protocol][name] = about | _figures(
                screened,
                compounds[chosen],
                of_family[chosen],
                {who: values[places] for who, values in scores.items()},
                experiment.seed,
            )
    return protocols


def materials(rows: ConductivityRows) -> Materials:
    """Compositions of rows that were measured at room temperature."""
    room = rows[rows.at_room_temperature]
    vectors, first, place = np.unique(
        room.vectors.round(9), axis=0, return_index=True, return_inverse=True
    )
    value = room.measurements.log10_conductivity
    lowered = np.where(room.measurements.is_bound, -np.inf, value)
    place = place.ravel()
    medians = [float(np.median(value[place == i])) for i in range(len(vectors))]
    superionic = [
        float(np.quantile(lowered[place == i], 0.5, method="lower")) >= SUPERIONIC_LOG10
        for i in range(len(vectors))
    ]
    return Materials(
        vectors,
        room.measurements.features[first],
        np.array(medians),
        np.array(superionic, dtype=bool),
    )


def _known(rows: ConductivityRows, family: Mask) -> tuple[ConductivityRows, int]:
    """Rows that tell nothing of a family, and how many others were left out beside it."""
    doi = rows.table["doi"]
    leaks = splits.leak_mask(
        rows.vectors,
        doi.tolist(),
        rows.vectors[family],
        doi[family].tolist(),
        max_distance=_LEAK_DISTANCE,
    )
    known = rows[~leaks.any & ~family]
    groups = splits.composition_groups(known.vectors, known.table["doi"].tolist())
    return replace(known, groups=groups), int((leaks.any & ~family).sum())


def _compounds(table_vectors: Floats) -> Compounds:
    """Lithium compounds of CritExam with a composition that is not in the table."""
    formulas = [parse_formula(text) for text in load_dataset("critexam")["formula"]]
    formulas = [f for f in formulas if MOBILE_ION in f.amounts and len(f.amounts) > 1]
    vectors = composition_vectors(formulas)
    _, first = np.unique(vectors.round(9), axis=0, return_index=True)
    away = np.concatenate(
        [
            l1_distance_matrix(vectors[start : start + _BLOCK], table_vectors).min(axis=1)
            for start in range(0, len(vectors), _BLOCK)
        ]
    )
    chosen = np.sort(first)[away[np.sort(first)] > _IN_TABLE]
    formulas = [formulas[i] for i in chosen.tolist()]
    return Compounds(
        vectors[chosen],
        compute_features(formulas, element_tables()),
        np.array([is_charge_balanced(f) is True for f in formulas]),
    )


def _places(*keys: Floats) -> Floats:
    """Scores that sort as several keys do, the first the most important; equal for equal keys."""
    _, place = np.unique(np.column_stack(keys), axis=0, return_inverse=True)
    return place.ravel().astype(float)


def _of_neighbours(vectors: Floats, known: Materials) -> Floats:
    """Mean log10 conductivity of the nearest known materials.

    Of equally distant ones those that come first in the order of the vectors count.
    """
    near, _ = nearest(vectors, known.vectors, k=min(_NEIGHBOURS, len(known)))
    return np.asarray(known.log10_conductivity[near].mean(axis=1).round(9))


def draw_decoys(
    screened: Floats, compounds: Floats, generator: np.random.Generator
) -> NDArray[np.intp]:
    """Draw decoys for each material from the compounds that are most alike.

    Alike in number of elements and share of lithium: one element more or less weighs as much as
    a difference of 0.1 in the share. Of the 500 most alike, 100 are drawn without repetition;
    two materials may share a decoy, which then counts twice.

    Parameters
    ----------
    screened, compounds : ndarray of shapes (n, len(ELEMENTS)) and (m, len(ELEMENTS))
    generator : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (n, 100)
        Rows of the compounds; fewer columns where there are fewer compounds.
    """
    lithium = ELEMENT_INDEX[MOBILE_ION]
    n_elements, of_screened = (compounds > 0).sum(axis=1), (screened > 0).sum(axis=1)
    drawn = []
    for vector, n in zip(screened, of_screened.tolist(), strict=True):
        unlike = _ELEMENT_COSTS * np.abs(n_elements - n)
        unlike = unlike + np.abs(compounds[:, lithium] - vector[lithium])
        shuffled = generator.permutation(len(compounds))  # equals come in random order
        pool = shuffled[np.argsort(unlike[shuffled], kind="stable")[:_POOL]]
        drawn.append(generator.choice(pool, min(_DECOYS, len(pool)), replace=False))
    return np.array(drawn, dtype=np.intp)


def _figures(
    screened: Materials,
    compounds: Compounds,
    of_family: Mask,
    scores: dict[str, Floats],
    seed: int,
) -> dict[str, Any]:
    """Enrichments of one family among its decoys."""
    generator = np.random.default_rng(seed)
    decoys = draw_decoys(screened.vectors, compounds.vectors, generator)
    lithium = ELEMENT_INDEX[MOBILE_ION]
    repeated = np.repeat(np.arange(len(screened)), decoys.shape[1])
    one, other = screened.vectors[repeated], compounds.vectors[decoys.ravel()]
    found: dict[str, Any] = {
        "n_decoys": decoys.size,
        "n_different_decoys": len(np.unique(decoys)),
        "decoys_of_the_family_share": of_family[decoys].mean(),
        "same_number_of_elements_share": ((one > 0).sum(1) == (other > 0).sum(1)).mean(),
        "mean_difference_of_lithium_share": np.abs(one - other)[:, lithium].mean(),
    }
    is_hit = np.concatenate([screened.is_superionic, np.zeros(len(compounds), dtype=bool)])
    samples = [np.arange(len(screened)), *_resamples(screened, generator)]
    weights = [_weights(sample, decoys, len(compounds)) for sample in samples]
    values = {
        who: np.array([enrichments(score, is_hit, weight) for weight in weights])
        for who, score in scores.items()
    }
    n_hits, size = int(is_hit.sum()), len(screened) * (1 + decoys.shape[1])
    for i, share in enumerate(SHARES):
        n_first = round(share * size)
        by_chance = generator.hypergeometric(n_hits, size - n_hits, n_first, _RESAMPLES)
        scale = n_hits * share
        found[f"first_{100 * share:g}_percent"] = {
            **{
                who: {
                    "enrichment": value[0, i],
                    "ci95": _interval(value[1:, i]),
                    "n_superionic_found": value[0, i] * scale,
                }
                for who, value in values.items()
            },
            "model_minus_neighbours_ci95": _interval(
                values["model"][1:, i] - values["neighbours"][1:, i]
            ),
            "random": {"enrichment": 1.0, "ci95": _interval(by_chance / scale)},
            "best_possible": min(1.0 / share, size / n_hits),
        }
    inside = {who: score[: len(screened)] for who, score in scores.items()}
    found["roc_auc_inside_the_family"] = {
        who: metrics.roc_auc(screened.is_superionic, score) for who, score in inside.items()
    }
    return found


def _resamples(screened: Materials, generator: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Samples with a superionic conductor in them, drawn with repetition."""
    n_left = _RESAMPLES
    while n_left:
        sample = generator.integers(len(screened), size=len(screened))
        if screened.is_superionic[sample].any():
            n_left -= 1
            yield sample


def _weights(sample: NDArray[np.intp], decoys: NDArray[np.intp], n_compounds: int) -> Floats:
    """How often each material and each compound is in the mixture."""
    return np.concatenate(
        [
            np.bincount(sample, minlength=len(decoys)),
            np.bincount(decoys[sample].ravel(), minlength=n_compounds),
        ]
    ).astype(float)


def enrichments(score: Floats, is_hit: Mask, weights: Floats) -> Floats:
    """Share of hits among the best over their share in the whole, for each of `SHARES`.

    Parameters
    ----------
    score : ndarray of shape (n,)
        The higher the better.
    is_hit : ndarray of bool, shape (n,)
    weights : ndarray of shape (n,)
        How often each row counts.

    Returns
    -------
    ndarray of shape (len(SHARES),)
        Of equal scores at the limit a part counts, as in the mean over their random orders.

    Examples
    --------
    >>> score = np.arange(100.0)
    >>> enrichments(score, score >= 98, np.ones(100))  # one of two in the first, both in five
    array([50., 20.])
    """
    values, place = np.unique(-score, return_inverse=True)
    counts = np.bincount(place.ravel(), weights, len(values))
    hits = np.bincount(place.ravel(), weights * is_hit, len(values))
    limits = np.array(SHARES) * counts.sum()
    # Within equal scores hits are spread evenly: the sums are linear between their ends.
    ends, found = (np.concatenate([[0.0], np.cumsum(each)]) for each in (counts, hits))
    return np.asarray(np.interp(limits, ends, found) / limits / (hits.sum() / counts.sum()))


def _interval(values: Floats) -> list[float]:
    return [float(value) for value in np.quantile(values, [0.025, 0.975])]
