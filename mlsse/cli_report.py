"""The commands that write reports, the model card and the data sheet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlsse.cli_options import FormulaFile, Formulas, ModelFolder, read_texts

if TYPE_CHECKING:
    from mlsse.documents import Document

report_app = typer.Typer(
    help="Write one HTML file to read or to send: of a prediction, a screen or a training.",
    no_args_is_help=True,
)

Out = Annotated[
    Path,
    typer.Option("--out", metavar="FILE", dir_okay=False, help="HTML file to write."),
]
Figures = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        file_okay=False,
        help="Also write every figure there, as PNG and SVG for papers.",
    ),
]
TextOut = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", dir_okay=False, help="Where to.  [default: printed]"),
]


@report_app.command()
def prediction(
    out: Out,
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
    figures: Figures = None,
    model: ModelFolder = None,
) -> None:
    """Report on formulas: score card, Arrhenius lines, windows, interfaces, what is known nearby.

    Up to 1,000 formulas; `mlsse screen` is for more. Those that cannot be used are listed with
    the reason; if none can, there is no report and the exit code is 2.
    """
    _check(out)
    if temperature is not None and celsius is not None:
        raise typer.BadParameter("give --temperature or --celsius, not both")
    if celsius is not None:
        temperature = celsius + 273.15
    texts = read_texts(formulas, file)
    from mlsse import bundle, report_prediction

    made = report_prediction.prediction_report(
        texts,
        temperature_k=298.15 if temperature is None else temperature,
        ion=ion,
        model=bundle.load_model(model),
    )
    _write(made, out, figures)


@report_app.command()
def screen(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A screen, as mlsse screen has written it.")
    ],
    out: Out,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="What must hold, as for mlsse rank. May be given several times.",
        ),
    ] = None,
    aim: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="What counts in the probability alone, as for mlsse rank. May be given several "
            "times.",
        ),
    ] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:max|min",
            help="What to sort by; the first two are drawn against each other.  [default: "
            "log10_conductivity:max and what else was computed]",
        ),
    ] = None,
    top: Annotated[
        int, typer.Option(metavar="N", min=1, max=5000, help="How many to list.")
    ] = 1000,
    figures: Figures = None,
) -> None:
    """Report on a screen: what was found, how it is spread, the best candidates with reasons."""
    _check(out)
    from mlsse import report_screen

    made = report_screen.screen_report(
        folder, where=where or (), aims=aim or (), objectives=objective or (), top=top
    )
    _write(made, out, figures)


@report_app.command()
def training(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN|DIR",
            help="A logged run, by the beginning of its id, or the folder of a model.",
        ),
    ],
    out: Out,
    figures: Figures = None,
) -> None:
    """Report on a training: the model card, and of a run also figures and all metrics.

    Figures need the predictions of held-out rows, which a logged run keeps and a model does not.
    """
    _check(out)
    from mlsse import report_training

    _write(report_training.training_report(source), out, figures)


def card(model: ModelFolder = None, out: TextOut = None) -> None:
    """Write the model card of a model, Markdown made from its metadata."""
    from mlsse import bundle, model_card

    _print_or_write(model_card.model_card(bundle.load_model(model).metadata), out)


def sheet(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Datasets.  [default: all]")
    ] = None,
    out: TextOut = None,
) -> None:
    """Write the data sheet, Markdown made from the registry: terms, counts, known problems."""
    from mlsse import data_sheet
    from mlsse.errors import DatasetError

    try:
        text = data_sheet.data_sheet(names or None)
    except DatasetError as error:
        raise typer.BadParameter(str(error)) from None
    _print_or_write(text, out)


def _check(out: Path) -> None:
    if not out.parent.is_dir():
        raise typer.BadParameter(f"the folder {out.parent} of --out does not exist")


def _write(made: Document, out: Path, figures: Path | None) -> None:
    from mlsse import html_pages

    html_pages.write_page(made, out)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, opens without a network")
    if figures is not None:
        paths = html_pages.write_figures(made, figures)
        print(f"{figures}: {len(paths)} files of {len(paths) // 2} figures")


def _print_or_write(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    _check(out)
    from mlsse.html_pages import write_text

    write_text(out, text)
    print(out)
