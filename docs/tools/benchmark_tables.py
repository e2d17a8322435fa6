"""A hook of mkdocs: tables of the benchmarks, from the records in `experiments/results/`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

MARK = "<!-- benchmark tables -->"
RECORDS = Path(__file__).resolve().parents[2] / "experiments" / "results"

#: What a benchmark measures, and in what units; the order of the page.
TITLES = {
    "conductivity": (
        "Conductivity",
        "Errors `mae` and `rmse` in decades (log10 of S/cm), of activation energies in eV; widths "
        "of intervals in decades. `bounds_1e-15` and the like say what a measured upper bound "
        "counts as.",
    ),
    "stability": ("Stability", "Errors of energies in eV/atom."),
    "ablation": ("Parts and sources", "Errors in decades."),
    "shuffled": ("Shuffled labels", "Errors in decades, of energies in eV/atom."),
    "sodium": ("Sodium", "Numbers of rows."),
    "hull": (
        "Hulls",
        "Differences to the published decomposition energies in meV/atom, where the name ends in "
        "`mev`; times in seconds or milliseconds by name.",
    ),
    "windows": ("Windows", "Volts against the metal of the ion."),
    "interfaces": ("Interfaces", "Reaction energies; times in milliseconds."),
    "discovery": ("Ranking", "How soon a list finds what is good."),
    "speed": ("Speed", "Times in the unit of the name; memory in MB."),
    "serving": ("Serving", "Times in the unit of the name."),
    "faults": ("Retraining jobs that are killed or meet", "Numbers of trials; times in seconds."),
    "screening": ("Screening", "Times in the unit of the name; memory in MB."),
    "screening-faults": ("Screens that are killed", "Numbers of trials."),
    "explorer": ("Explorer", "Times in the unit of the name."),
}
#: A part with more entries than this stays in the record.
_MOST_ENTRIES = 24
_BLANK = "\N{NO-BREAK SPACE}"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables of all records where a page asks for them."""
    return markdown.replace(MARK, "\n".join(tables())) if MARK in markdown else markdown


def tables(folder: Path = RECORDS) -> Iterator[str]:
    """Lines of Markdown: each benchmark a chapter, each protocol a table.

    Parameters
    ----------
    folder : pathlib.Path
        Records as `mlsse benchmark` writes them, one JSON file each.
    """
    records = {}
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        records[record["benchmark"]] = (path.name, record)
    for name in sorted(records, key=lambda n: [*TITLES, n].index(n)):
        yield from _chapter(name, *records[name])


def _chapter(name: str, file: str, record: Mapping[str, Any]) -> Iterator[str]:
    title, text = TITLES.get(name, (name.capitalize(), ""))
    machine = record["machine"]
    yield f"\n## {title}\n"
    yield (
        f"`mlsse benchmark {name}`, record `experiments/results/{file}`, commit "
        f"`{record['commit']}`, {machine['cores']} cores, {machine['cpu']}. {text}\n"
    )
    flat = {p: _flat(scores) for p, scores in record["protocols"].items()}
    for protocols in alike(flat):
        yield from _protocols(protocols, flat)
        for protocol in protocols:
            for key, part in record["protocols"][protocol].items():
                yield from _part(f"{protocol}, {key}", part)


def _flat(scores: Mapping[str, Any]) -> dict[str, str]:
    return {key: _value(value) for key, value in scores.items() if not _is_nested(value)}


def alike(flat: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    """Group protocols that follow each other and have most metrics in common: one table each."""
    groups: list[list[str]] = []
    for protocol, scores in flat.items():
        before = set(flat[groups[-1][0]]) if groups else set()
        if groups and len(before & set(scores)) > len(before | set(scores)) / 2:
            groups[-1].append(protocol)
        else:
            groups.append([protocol])
    return groups


def _protocols(protocols: list[str], flat: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    metrics = list(dict.fromkeys(key for p in protocols for key in flat[p]))
    if len(protocols) == 1:
        rows = [[f"`{key}`", flat[protocols[0]][key]] for key in metrics]
        yield f"\n### {protocols[0]}\n"
        if rows:
            yield from _table(["metric", "value"], rows)
        return
    others = len(protocols) - 1
    yield f"\n### {protocols[0]} and {f'{others} more' if others > 1 else protocols[1]}\n"
    rows = [[f"`{p}`", *(flat[p].get(key, "") for key in metrics)] for p in protocols]
    yield from _table(["protocol", *(f"`{key}`" for key in metrics)], rows)


def _part(title: str, part: object) -> Iterator[str]:
    """A metric that has parts: by family, by temperature, by window."""
    if not _is_nested(part) or not isinstance(part, Mapping) or len(part) > _MOST_ENTRIES:
        return
    rows = {key: _flat(value) for key, value in part.items() if isinstance(value, Mapping)}
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    if not columns:
        return
    head = ["", *(f"`{key}`" for key in columns)]
    cells = [[_cell(key), *(row.get(name, "") for name in columns)] for key, row in rows.items()]
    yield f'\n??? note "{title}"\n'
    yield from (f"    {line}" for line in _table(head, cells))


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def _is_nested(value: object) -> bool:
    """Whether a metric is more than a value, a range, or a few values with names."""
    if isinstance(value, Mapping):
        return len(value) > 6 or any(isinstance(part, (Mapping, list)) for part in value.values())
    return isinstance(value, list) and (len(value) > 6 or any(map(_is_nested_item, value)))


def _is_nested_item(value: object) -> bool:
    return isinstance(value, (Mapping, list, str))


def _value(value: object) -> str:
    if value is None:
        return "undefined"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        between = f"{_BLANK}to{_BLANK}" if len(value) == 2 else ", "
        return between.join(map(_value, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(part)}" for key, part in value.items()) or "none"
    return _cell(str(value))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
