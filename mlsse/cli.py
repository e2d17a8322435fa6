"""The command line: arguments to calls, results to text.

Results go to standard output, progress and logs to standard error. The exit code is 0
when done, 2 for wrong arguments or no usable input, and 1 for anything else. Every
command imports what it needs when it runs, so that ``mlsse --help`` answers at once.
"""

from __future__ import annotations

import io
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

import mlsse
from mlsse import (
    cli_candidates,
    cli_explore,
    cli_models,
    cli_rank,
    cli_report,
    cli_retrain,
    cli_screen,
    cli_serve,
    cli_thermodynamics,
)
from mlsse.cli_options import (
    Format,
    FormatOption,
    FormulaFile,
    Formulas,
    ModelFolder,
    chosen_format,
    read_texts,
    show_progress,
    terminal,
)
from mlsse.errors import (
    ConditionError,
    ConfigError,
    DatasetError,
    FormulaError,
    MlsseError,
    ScreenInputError,
)

app = typer.Typer(
    name="mlsse",
    help="From a chemical formula to what it is worth as a solid electrolyte.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(help="List, fetch and check the public datasets.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(cli_models.models_app, name="models")
app.add_typer(cli_report.report_app, name="report")
data_app.command("sheet")(cli_report.sheet)
cli_models.models_app.command("card")(cli_report.card)


class Benchmark(StrEnum):
    """The published protocols."""

    CONDUCTIVITY = "conductivity"
    STABILITY = "stability"
    ABLATION = "ablation"
    SHUFFLED = "shuffled"
    SODIUM = "sodium"
    SPEED = "speed"
    HULL = "hull"
    WINDOWS = "windows"
    INTERFACES = "interfaces"
    SERVING = "serving"
    FAULTS = "faults"
    DISCOVERY = "discovery"
    SCREENING = "screening"
    SCREENING_FAULTS = "screening-faults"
    EXPLORER = "explorer"


_DRAWN = (Benchmark.CONDUCTIVITY, Benchmark.STABILITY)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    Parameters
    ----------
    arguments : list of str, optional
        The words after ``mlsse``; those of the process by default.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(arguments, prog_name="mlsse")
    except MlsseError as error:
        print("mlsse:", " ".join(str(error).split()), file=sys.stderr)
        wrong_input = isinstance(
            error, (FormulaError, ConditionError, ConfigError, ScreenInputError)
        )
        sys.exit(2 if wrong_input else 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _print_version(wanted: bool) -> None:
    if wanted:
        print("mlsse", mlsse.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None: ...


@app.command()
def predict(
    formulas: Formulas = None,
    file: FormulaFile = None,
    temperature: Annotated[
        float | None,
        typer.Option(metavar="K", help="Temperature in K, 200 to 800.  [default: 298.15]"),
    ] = None,
    celsius: Annotated[
        float | None, typer.Option(metavar="C", help="Temperature in degrees Celsius instead.")
    ] = None,
    ion: Annotated[
        str | None,
        typer.Option(
            metavar="ELEMENT", help="Mobile ion, such as Li.  [default: from the formula]"
        ),
    ] = None,
    format_: FormatOption = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Also say why a formula is out of the domain, what moves each prediction, and "
            "what was measured nearby.",
        ),
    ] = False,
    model: ModelFolder = None,
) -> None:
    """Predict conductivity and stability of formulas.

    A formula that cannot be used gives a row with its error; the exit code is 2 only when
    there is no other.
    """
    if temperature is not None and celsius is not None:
        raise typer.BadParameter("give --temperature or --celsius, not both")
    if explain and format_ is Format.CSV:
        raise typer.BadParameter("--explain goes with --format table, json or jsonl, not csv")
    if celsius is not None:
        temperature = celsius + 273.15
    texts = read_texts(formulas, file)

    from mlsse import bundle, prediction, tables

    ask: dict[str, Any] = {
        "temperature_k": 298.15 if temperature is None else temperature,
        "ion": ion,
        "model": bundle.load_model(model),
    }
    rows = prediction.predict_rows(texts, **ask)
    explanations = None
    if explain:
        usable = dict.fromkeys(row["formula"] for row in rows if not row["error"])
        explanations = {text: prediction.explain(text, **ask) for text in usable}
    format_ = chosen_format(format_, table=explain)
    if format_ is Format.TABLE:
        console = terminal()
        tables.print_score_card(rows, console)
        for explanation in (explanations or {}).values():
            tables.print_explanation(explanation, console)
    elif format_ is Format.CSV:
        tables.write_csv(rows, prediction.SCORE_CARD, sys.stdout)
    else:
        tables.write_json(
            rows, sys.stdout, lines=format_ is Format.JSONL, explanations=explanations
        )
    if all(row["error"] for row in rows):
        raise typer.Exit(2)


for _command in (
    *cli_thermodynamics.COMMANDS,
    *cli_candidates.COMMANDS,
    cli_screen.screen,
    *cli_rank.COMMANDS,
    *cli_retrain.COMMANDS,
    cli_serve.serve,
    cli_explore.explore,
):
    app.command()(_command)


@app.command()
def train(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG", exists=True, dir_okay=False, help="An experiment's TOML."),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", file_okay=False, help="Folder to write the model to."),
    ],
    no_tracking: Annotated[
        bool, typer.Option("--no-tracking", help="Do not log the training; see `mlsse runs`.")
    ] = False,
) -> None:
    """Train a model, write its bundle and log the training."""
    show_progress()
    from mlsse import training
    from mlsse.config import load_experiment

    experiment = load_experiment(config)
    trained = training.train_with_evidence(experiment, out)
    print(f"{out}: model {trained.model.version}; its model card says how it scored")
    if not no_tracking:
        cli_models.log_trained(experiment, trained, out)


app.command()(cli_models.runs)


@app.command()
def benchmark(
    name: Annotated[
        Benchmark,
        typer.Argument(
            metavar="NAME",
            help="conductivity, stability, ablation, shuffled, sodium, speed, hull, windows, "
            "interfaces, serving, faults, discovery, screening, screening-faults or explorer.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", dir_okay=False, help="JSON file to write.")
    ],
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="CONFIG",
            exists=True,
            dir_okay=False,
            help="An experiment's TOML to score.  [default: that of the shipped model]",
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            metavar="M",
            min=0.1,
            max=60,
            help="Load of serving or of the explorer, minutes.  [default: 10 and 2]",
        ),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=100,
            help="Candidates of the largest screen of screening.  [default: 1000000]",
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Also draw how far conductivity or stability can be believed, as PNG.",
        ),
    ] = None,
) -> None:
    """Run a published protocol anew and record its figures."""
    if not out.parent.is_dir():
        raise typer.BadParameter(f"the folder {out.parent} of --out does not exist")
    if figures is not None and name not in _DRAWN:
        raise typer.BadParameter(f"--figures goes with {' or '.join(_DRAWN)}, not {name}")
    show_progress()
    from mlsse import benchmarks, tables

    record = benchmarks.run(name.value, config, mixed_minutes=minutes, rows=rows)
    text = json.dumps(record, allow_nan=False, indent=2) + "\n"
    unfinished = out.with_name(out.name + ".part")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(out)
    tables.print_benchmark(record, terminal())
    if figures is not None:
        from mlsse import benchmark_figures
        from mlsse.figures import save

        for title, figure in benchmark_figures.draw(record).items():
            save(figure, figures / f"{title}.png")


Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Datasets.  [default: all]")
]


@data_app.command("list")
def list_() -> None:
    """List the datasets."""
    from mlsse import datasets, tables

    tables.print_datasets(datasets.list_datasets(), terminal())


@data_app.command()
def fetch(names: Names = None) -> None:
    """Bring datasets to this machine, check them, and say which rows were dropped and why."""
    from mlsse import datasets, tables

    for name in _known(names):
        datasets.fetch(name)
        tables.print_cleaning(datasets.cleaning_report(name), terminal())


@data_app.command()
def info(name: Annotated[str, typer.Argument(metavar="NAME", help="A dataset.")]) -> None:
    """Show licence, citation, columns, known problems and files of a dataset."""
    from mlsse import datasets, tables

    _known([name])
    tables.print_dataset(datasets.describe(name), datasets.verify(name), terminal())


@data_app.command()
def verify(names: Names = None) -> None:
    """Check the files of datasets on this machine; exit 1 if any is absent or damaged."""
    from mlsse import datasets

    statuses = {
        status.location: status for name in _known(names) for status in datasets.verify(name)
    }
    for status in statuses.values():
        print(f"{status.state:<8}{status.path}")
    if any(status.state != "ok" for status in statuses.values()):
        raise typer.Exit(1)


def _known(names: list[str] | None) -> list[str]:
    """Names of datasets that exist, all of them by default."""
    from mlsse import datasets

    for name in names or []:
        try:
            datasets.describe(name)
        except DatasetError as error:
            raise typer.BadParameter(str(error)) from None
    return names or [entry.name for entry in datasets.list_datasets()]
