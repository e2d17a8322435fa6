"""The gate: whether a challenger may take the champion's place, and why.

Pure: scores, measured facts and the thresholds of an experiment go in, a decision with its
reasons comes out. Nothing is fitted, read or written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from mlsse.config import GateConfig
from mlsse.errors import ConfigError

Scores = Mapping[str, float | None]

#: Metrics of held-out rows that a rule may name, and their units; True where less is better.
METRICS: Mapping[str, tuple[bool, str]] = {
    "conductivity_mae": (True, "decades"),
    "conductivity_rmse": (True, "decades"),
    "conductivity_interval_score": (True, "decades"),
    "superionic_roc_auc": (False, ""),
    "decomposition_energy_mae": (True, "eV/atom"),
    "formation_energy_mae": (True, "eV/atom"),
    "stable_roc_auc": (False, ""),
    "stable_brier": (True, ""),
}


@dataclass(frozen=True)
class BundleFacts:
    """What was measured on a bundle.

    Attributes
    ----------
    log10_conductivity : mapping of str to (float or None)
        Predicted at 298.15 K, log10 of S/cm, by formula of the sanity lists; None where the
        model gives none.
    size_mb : float
        Size of the folder, 1e6 bytes.
    latency_ms : float
        Median time of the prediction of one formula, milliseconds.
    """

    log10_conductivity: Mapping[str, float | None]
    size_mb: float
    latency_ms: float


@dataclass(frozen=True)
class Decision:
    """What the gate says.

    Attributes
    ----------
    promote : bool
    reasons : tuple of str
        Of a promotion, what is better; of a refusal, each thing that is wrong.
    """

    promote: bool
    reasons: tuple[str, ...]


def check_rules(config: GateConfig) -> None:
    """Refuse a gate that could never close or never open.

    Raises
    ------
    ConfigError
        If the protected list is empty, names an unknown metric or one twice, or a threshold is
        negative or not positive where it has to be.
    """
    if not config.metrics:
        raise ConfigError("gate.metrics is empty: name at least one metric to protect")
    seen: set[str] = set()
    for rule in config.metrics:
        if rule.name not in METRICS:
            known = ", ".join(METRICS)
            raise ConfigError(f"gate.metrics: unknown metric {rule.name!r}; known ones are {known}")
        if rule.name in seen:
            raise ConfigError(f"gate.metrics names {rule.name!r} twice: leave one of them out")
        seen.add(rule.name)
        if not rule.tolerance >= 0.0 or not rule.gain > 0.0:
            raise ConfigError(
                f"gate.metrics, {rule.name}: tolerance {rule.tolerance:g} and gain {rule.gain:g}: "
                "expected a tolerance of at least 0 and a gain above 0"
            )


def compare(champion: Scores, challenger: Scores, config: GateConfig) -> Decision:
    """Compare the scores of two recipes on the same held-out rows.

    Parameters
    ----------
    champion, challenger : mapping of str to float or None
        Scores by metric; None where undefined.
    config : GateConfig

    Returns
    -------
    Decision
        A promotion if no protected metric is worse by more than its tolerance and at least one
        is better by its gain. A metric that the challenger lacks counts as worse; one that the
        champion alone lacks is passed over.
    """
    worse, better = [], []
    for rule in config.metrics:
        less_is_better, unit = METRICS[rule.name]
        old, new = champion.get(rule.name), challenger.get(rule.name)
        if new is None:
            worse.append(f"{rule.name} is undefined for the challenger")
            continue
        if old is None:
            continue
        loss = new - old if less_is_better else old - new
        figures = f"{new:.4g} against {old:.4g} {unit}".rstrip()
        # Not `loss > tolerance`: a score that is no number is never good enough.
        if not loss <= rule.tolerance:
            worse.append(
                f"{rule.name} is worse: {figures}, more than the tolerance {rule.tolerance:g}"
            )
        elif -loss >= rule.gain:
            better.append(f"{rule.name} is better: {figures}")
    if worse:
        return Decision(False, tuple(worse))
    if not better:
        return Decision(False, ("no protected metric is better by its gain",))
    return Decision(True, tuple(better))


def check_bundle(facts: BundleFacts, config: GateConfig) -> tuple[str, ...]:
    """Find what is wrong with a bundle, whatever the champion is.

    Parameters
    ----------
    facts : BundleFacts
    config : GateConfig

    Returns
    -------
    tuple of str
        A reason for each sanity prediction out of order and each limit passed; empty if all
        is well.
    """
    wrong = []
    for formulas in config.falling_conductivity:
        for high, low in pairwise(formulas):
            one, other = facts.log10_conductivity.get(high), facts.log10_conductivity.get(low)
            if one is None or other is None:
                missing = high if one is None else low
                wrong.append(f"no conductivity is predicted for {missing}")
            elif not one > other:
                wrong.append(
                    f"{high} should conduct better than {low}: predicted 1e{one:.2f} and "
                    f"1e{other:.2f} S/cm"
                )
    if not facts.size_mb <= config.max_bundle_mb:
        wrong.append(
            f"the bundle has {facts.size_mb:.1f} MB, the limit is {config.max_bundle_mb:g} MB"
        )
    if not facts.latency_ms <= config.max_latency_ms:
        wrong.append(
            f"one formula takes {facts.latency_ms:.1f} ms, the limit is "
            f"{config.max_latency_ms:g} ms"
        )
    return tuple(dict.fromkeys(wrong))


def decide(
    champion: Scores | None, challenger: Scores, facts: BundleFacts, config: GateConfig
) -> Decision:
    """Say whether the challenger may become the champion.

    Parameters
    ----------
    champion : mapping of str to float or None, optional
        None where there is nothing to beat.
    challenger : mapping of str to float or None
    facts : BundleFacts
        Of the challenger.
    config : GateConfig

    Returns
    -------
    Decision
    """
    if champion is None:
        undefined = [rule.name for rule in config.metrics if challenger.get(rule.name) is None]
        compared = (
            Decision(False, tuple(f"{name} is undefined for the challenger" for name in undefined))
            if undefined
            else Decision(True, ("there is no champion to beat",))
        )
    else:
        compared = compare(champion, challenger, config)
    wrong = check_bundle(facts, config)
    if compared.promote and not wrong:
        return compared
    return Decision(False, (() if compared.promote else compared.reasons) + wrong)
