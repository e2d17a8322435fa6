"""The data sheet: what the public data are, from the registry alone.

References
----------
T. Gebru et al., Datasheets for datasets, Communications of the ACM 64, 86 (2021),
doi:10.1145/3458723: which questions a sheet answers.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlsse.documents import (
    Bullets,
    Cell,
    Document,
    Link,
    Paragraph,
    Part,
    Section,
    Table,
    as_markdown,
    doi_link,
    facts,
)
from mlsse.downloads import DatasetEntry, FileEntry, describe, list_datasets


def data_sheet(names: Sequence[str] | None = None) -> str:
    """Write the data sheet.

    Parameters
    ----------
    names : sequence of str, optional
        Datasets; all by default.

    Returns
    -------
    str
        Markdown.

    Raises
    ------
    DatasetError
        If there is no such dataset.
    """
    return as_markdown(sheet(names))


def sheet(names: Sequence[str] | None = None) -> Document:
    """Make the data sheet, to be written as Markdown or HTML; as `data_sheet`."""
    entries = list_datasets() if names is None else [describe(name) for name in names]
    return Document(
        "Data sheet",
        "The public data behind mlsse, as the registry (`data/registry.toml`) describes them.",
        (
            _purpose(),
            Section("What there is", (_overview(entries),)),
            Section("Each dataset", tuple(_one(entry) for entry in entries)),
            _handling(),
        ),
    )


def _purpose() -> Section:
    return Section(
        "Why they were gathered",
        (
            Paragraph(
                "To learn, from a chemical formula alone, how well a solid conducts lithium ions "
                "and how stable it is, and to score such models on splits that leak nothing. A row "
                "is a measurement of one composition at one temperature, or the computed energies "
                "of one compound. There are no data of people."
            ),
            Bullets(
                (
                    "Measured conductivities come from the literature, by way of three published "
                    "collections and four reviews: what was published is not a sample of all "
                    "compounds, but of those that looked promising. Failures are seldom published.",
                    "Energies come from density functional theory at 0 K; what no calculation was "
                    "made for is missing.",
                    "Not to be used as a list of properties of record: the papers that each row "
                    "names are.",
                )
            ),
        ),
    )


def _overview(entries: Sequence[DatasetEntry]) -> Table:
    rows = tuple(
        (entry.name, entry.title, f"{entry.rows:,}", f"{entry.kept:,}", entry.licence)
        for entry in entries
    )
    columns = ("name", "what it holds", "rows as published", "rows kept", "terms")
    return Table("Datasets, rows and terms", columns, rows, frozenset({2, 3}))


def _one(entry: DatasetEntry) -> Part:
    blocks: list[Paragraph | Bullets | Table] = [
        facts(
            entry.title,
            (
                ("rows as published", f"{entry.rows:,}"),
                ("rows kept", f"{entry.kept:,}"),
                ("merged from", ", ".join(entry.parts)),
                ("terms", entry.licence),
                ("reference", entry.citation),
                ("DOI", doi_link(entry.doi) if entry.doi else ""),
                ("columns and units", ", ".join(_column(*item) for item in entry.columns.items())),
            ),
        )
    ]
    if entry.problems:
        blocks += [Paragraph("What is known to be wrong, and what is done about it:")]
        blocks += [Bullets(entry.problems)]
    if entry.files:
        rows = tuple((file.name, _place(file), f"{file.bytes:,}", file.sha256[:16])
                     for file in entry.files)  # fmt: skip
        columns = ("file", "from", "bytes", "sha256 begins with")
        blocks.append(Table(f"Files of {entry.name}", columns, rows, frozenset({2})))
    return Part(entry.name, tuple(blocks))


def _column(name: str, unit: str) -> str:
    return f"`{name}` ({unit})" if unit else f"`{name}`"


def _place(file: FileEntry) -> Cell:
    if file.packaged:
        return f"`{file.location}`, comes with mlsse"
    return Link(file.location.rpartition("/")[2], file.location)


def _handling() -> Section:
    return Section(
        "How they are handled",
        (
            Bullets(
                (
                    "Each file has an address pinned to a commit and a sha256, which is checked "
                    "whenever the file is read. Published files are not handed on with mlsse: "
                    "`mlsse data fetch` brings them from where they were published.",
                    "Every row that is dropped is counted with its reason (`mlsse data fetch "
                    "NAME` prints them); a bound stays a bound; a value is mended only row by row "
                    "with a reason, in `data/conductivity_corrections.csv`.",
                    "Terms differ from source to source. A source without stated terms can be "
                    "left out: delete its name in the experiment file and train.",
                    "Errors are best reported to the project with the source's row; a correction "
                    "is a line of that file.",
                )
            ),
        ),
    )
