"""Runs and registered models as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlsse.tables import number, plain_table, printable, say

if TYPE_CHECKING:
    from rich.console import Console

    from mlsse.tracking import Run, Version

#: Shown in the list of runs: the ending of a metric's name, and the column's heading.
_LISTED = (
    ("/mae_room_temperature", "MAE"),
    ("/stable_roc_auc", "ROC-AUC"),
    ("/stable_brier", "Brier"),
)
_ID_LENGTH = 8


def print_runs(runs: Sequence[Run], console: Console) -> None:
    """Print one line a run; those of a search are indented below their parent."""
    table = plain_table()
    for heading in ("run", "started (UTC)", "status", "model"):
        table.add_column(heading, no_wrap=True)
    for _, heading in _LISTED:
        table.add_column(heading, justify="right", no_wrap=True)
    ids = {run.run_id for run in runs}
    tops = [run for run in runs if run.parent_run_id not in ids]
    for top in tops:
        table.add_row(*_listed(top, ""))
        for run in runs:
            if run.parent_run_id == top.run_id:
                table.add_row(*_listed(run, "  "))
    console.print(table)
    say(
        "On held-out rows: MAE of log10(S/cm) at room temperature in decades; ROC-AUC and Brier "
        "score of the probability of being stable. `mlsse runs RUN RUN` compares all metrics.",
        console,
    )


def _listed(run: Run, indent: str) -> list[str]:
    return [
        indent + run.run_id[:_ID_LENGTH],
        f"{run.started:%Y-%m-%d %H:%M}",
        run.status.lower(),
        printable(run.model_version or run.name),
        *(number(_by_ending(run, ending), ".3f") for ending, _ in _LISTED),
    ]


def _by_ending(run: Run, ending: str) -> float | None:
    return next((v for name, v in run.metrics.items() if name.endswith(ending)), None)


def print_comparison(runs: Sequence[Run], console: Console) -> None:
    """Print the metrics of some runs side by side, and the parameters in which they differ."""
    table = plain_table(gap=2)
    table.add_column("metric", overflow="fold")
    for run in runs:
        table.add_column(run.run_id[:_ID_LENGTH], justify="right", no_wrap=True)
    for name in dict.fromkeys(name for run in runs for name in run.metrics):
        table.add_row(printable(name), *(number(run.metrics.get(name), ".4g") for run in runs))
    console.print(table)
    differing = [
        name
        for name in dict.fromkeys(name for run in runs for name in run.parameters)
        if len({run.parameters.get(name) for run in runs}) > 1
    ]
    if not differing:
        say("The parameters are the same." if len(runs) > 1 else "", console)
        return
    table = plain_table(gap=2)
    table.add_column("parameter that differs", overflow="fold")
    for run in runs:
        table.add_column(run.run_id[:_ID_LENGTH], justify="right")
    for name in differing:
        table.add_row(printable(name), *(printable(run.parameters.get(name, "-")) for run in runs))
    console.print(table)


def print_versions(versions: Sequence[Version], console: Console) -> None:
    """Print one line a registered version."""
    table = plain_table(gap=2)
    table.add_column("version", justify="right")
    for heading in ("model", "registered (UTC)", "run", "state"):
        table.add_column(heading, no_wrap=heading != "state")
    for version in versions:
        table.add_row(
            str(version.number),
            printable(version.model_version),
            f"{version.created:%Y-%m-%d %H:%M}",
            version.run_id[:_ID_LENGTH],
            printable(state(version)),
        )
    console.print(table)


def state(version: Version) -> str:
    """Say in words what became of a version."""
    if version.is_champion:
        return "champion"
    if "promoted" in version.tags:
        return "was champion"
    if "refused" in version.tags:
        return f"refused: {version.tags['refused_because']}"
    return "registered"


def print_version(version: Version, run: Run, console: Console) -> None:
    """Print all that is known of a registered version."""
    say(f"version {version.number}: {version.model_version}", console, style="bold")
    say(f"  state: {state(version)}", console)
    say(f"  registered: {version.created:%Y-%m-%d %H:%M} UTC", console)
    say(f"  run: {version.run_id}", console)
    for name, tag in sorted(version.tags.items()):
        say(f"  {printable(name)}: {printable(tag)}", console)
    for name, value in run.metrics.items():
        say(f"  {printable(name)}: {value:.4g}", console)
