"""A ranking as CSV, Markdown or HTML, with the reasons for each candidate in words."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mlsse.ranking import Candidate, Ranking
from mlsse.tables import write_csv

_OURS = ("rank", "probability", "pareto_front", "reasons")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~&-])")
_STYLE = (
    "body{font-family:sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;line-height:1.4}"
    "h2{margin:1.5rem 0 .2rem;font-size:1.1rem}ul{margin:.2rem 0}.small{color:#555}"
)


def reasons(candidate: Candidate, ranking: Ranking) -> list[str]:
    """Why a candidate is on the list, and what speaks against it, a sentence each.

    Parameters
    ----------
    candidate : Candidate
    ranking : Ranking
        That it belongs to.

    Returns
    -------
    list of str
    """
    row = candidate.row
    found = [
        *_thresholds(candidate, ranking),
        *_conductivity(row),
        *_stability(row),
        *_window(row),
        *_novelty(row),
        *_origin(row),
    ]
    objectives = ", ".join(
        f"{o.name} {_value(row.get(o.name, candidate.probability))}"
        for o in ranking.choice.objectives
    )
    found.append(f"Objectives: {objectives}.")
    if candidate.on_front:
        found.append("On the Pareto front: no row that passes is better in all objectives at once.")
    found += [f"Caution: {warning}." for warning in row.get("warnings") or ()]
    return found


def _thresholds(candidate: Candidate, ranking: Ranking) -> list[str]:
    choice, row = ranking.choice, candidate.row
    chance_of = {
        threshold.condition: chance
        for threshold, chance in zip(choice.thresholds, candidate.chances, strict=True)
    }
    parts = []
    for condition in dict.fromkeys([*choice.where, *choice.aims]):
        text = f"{condition} ({_value(row.get(condition.name))}"
        if condition in chance_of:
            text += f", probability {_percent(chance_of[condition])}"
        parts.append(text + ")")
    found = [f"Thresholds: {'; '.join(parts)}."] if parts else []
    if candidate.probability is not None and len(choice.thresholds) > 1:
        found.append(f"All thresholds together: probability {_percent(candidate.probability)}.")
    return found


def _conductivity(row: Mapping[str, Any]) -> list[str]:
    value = row.get("conductivity_s_per_cm")
    if value is None:
        return []
    ends = [row.get(f"log10_conductivity_{end}") for end in ("lower", "upper")]
    text = f"Conductivity {value:.1e} S/cm at {row['temperature_k']:g} K"
    if None not in ends:
        low, high = (10.0 ** float(end) for end in ends if end is not None)
        text += f", 90 % interval {low:.0e} to {high:.0e}"
    if row.get("activation_energy_ev") is not None:
        text += f"; activation energy {row['activation_energy_ev']:.2f} eV"
    if row.get("superionic_probability") is not None:
        text += f"; at least 1e-4 S/cm with probability {_percent(row['superionic_probability'])}"
    return [text + "."]


def _stability(row: Mapping[str, Any]) -> list[str]:
    parts = []
    if row.get("e_hull_ev_per_atom") is not None:
        source = "a reference phase" if row.get("e_hull_source") == "reference" else "predicted"
        parts.append(f"{row['e_hull_ev_per_atom']:.3f} eV/atom above the hull ({source})")
    if row.get("stable_probability") is not None:
        parts.append(
            f"stable with probability {_percent(row['stable_probability'])}, within 0.05 eV/atom "
            f"of the hull with {_percent(row['metastable_probability'])}"
        )
    if row.get("decomposition_products"):
        parts.append(f"may decompose into {row['decomposition_products']}")
    return [_sentence("; ".join(parts))] if parts else []


def _window(row: Mapping[str, Any]) -> list[str]:
    low, high = row.get("reduction_limit_v"), row.get("oxidation_limit_v")
    if low is None or high is None:
        return []
    return [f"Lasts from {low:.2f} to {high:.2f} V against {row.get('mobile_ion')}."]


def _novelty(row: Mapping[str, Any]) -> list[str]:
    if row.get("nearest_known_formula") is None:
        return []
    trust = {
        True: "inside the domain of the model",
        False: "outside the domain of the model, so the value leans on a prior",
    }.get(row.get("in_domain"), "domain unknown")  # type: ignore[arg-type]
    return [
        f"Nearest measured material {row['nearest_known_formula']} at distance "
        f"{row['nearest_known_distance']:.2f}; {trust}."
    ]


def _origin(row: Mapping[str, Any]) -> list[str]:
    if not row.get("parent"):
        return []
    how = row.get("substitution")
    return [f"Made from {row['parent']}" + (f" by {how}." if how else ".")]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _value(value: Any) -> str:
    if value is None:
        return "no value"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return "; ".join(map(str, value)) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _percent(share: float) -> str:
    """A probability in whole percent, never rounded to certainty."""
    if 0.0 < share < 0.01:
        return "below 1 %"
    return "above 99 %" if 0.99 < share < 1.0 else f"{100.0 * share:.0f} %"


def heading(ranking: Ranking) -> list[str]:
    """What was asked for, what was found, and what it rests on, a sentence each."""
    choice, counts = ranking.choice, ranking.counts
    found = [f"{len(ranking.candidates)} of {counts['rows']:,} candidates of a screen."]
    narrowed = [f"{name}: {counts[name]:,}" for name in counts if name not in ("rows", "passing")]
    if narrowed:
        found.append(f"Rows that fulfil each by itself: {'; '.join(narrowed)}.")
    found.append(f"Rows that pass: {counts['passing']:,}.")
    order = ", then ".join(map(str, choice.objectives)) or "the order of the input"
    if choice.thresholds:
        names = "; ".join(str(each.condition) for each in choice.thresholds)
        order = (
            f"the probability that all thresholds hold ({names}), in whole percent, then {order}"
        )
    found.append(f"Sorted by {order}.")
    found += [_sentence(text) for text in (*ranking.assumptions, *ranking.notes)]
    return found


def as_csv(ranking: Ranking) -> str:
    """Every column of the screen, with rank, probabilities and reasons before them.

    The column of a threshold is ``probability of`` with its words. A column of the screen with
    the name of one of these gets the suffix ``_input``.
    """
    own = [f"probability of {each.condition}" for each in ranking.choice.thresholds]
    ours = [*_OURS[:3], *own, _OURS[3]]
    theirs = [f"{name}_input" if name in ours else name for name in ranking.columns]
    rows = [
        dict(zip(theirs, (each.row[name] for name in ranking.columns), strict=True))
        | dict(zip(own, each.chances, strict=True))
        | {
            "rank": each.rank,
            "probability": each.probability,
            "pareto_front": each.on_front,
            "reasons": " ".join(reasons(each, ranking)),
        }
        for each in ranking.candidates
    ]
    stream = io.StringIO()
    write_csv(rows, [*ours, *theirs], stream)
    return stream.getvalue()


def as_markdown(ranking: Ranking) -> str:
    """A list with a heading for each candidate; all texts of the screen are escaped."""
    lines = ["# Ranked candidates", "", *_bullets(heading(ranking), _escape_markdown)]
    for each in ranking.candidates:
        lines += ["", f"## {each.rank}. {_escape_markdown(str(each.row['formula']))}", ""]
        lines += _bullets(reasons(each, ranking), _escape_markdown)
    return "\n".join(lines) + "\n"


def _bullets(texts: Iterable[str], escape: Callable[[str], str]) -> list[str]:
    return [f"- {escape(text)}" for text in texts]


def _escape_markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def as_html(ranking: Ranking) -> str:
    """A page by itself, without scripts; all texts of the screen are escaped."""
    body = [f"<h1>Ranked candidates</h1>\n{_html_list(heading(ranking), 'small')}"]
    for each in ranking.candidates:
        body.append(
            f"<h2>{each.rank}. {html.escape(str(each.row['formula']))}</h2>\n"
            f"{_html_list(reasons(each, ranking), 'reasons')}"
        )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>Ranked candidates</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _html_list(texts: Iterable[str], kind: str) -> str:
    items = "\n".join(f"<li>{html.escape(text)}</li>" for text in texts)
    return f'<ul class="{kind}">\n{items}\n</ul>'
