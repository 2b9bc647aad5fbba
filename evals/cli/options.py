"""Arguments and options that several commands of `pagelens eval` share."""

from pathlib import Path
from typing import Annotated

import typer

from pagelens.evals.datasets.registry import FORMAT_NAMES

FormatOption = Annotated[str | None, typer.Option("--format", help=f"{', '.join(FORMAT_NAMES)}; detected if left out.")]
DocumentsOption = Annotated[
    Path | None, typer.Option("--documents", help="Where the set's files are, or are to be written.")
]
ReportCollectionOption = Annotated[
    Path | None, typer.Option("--collection", "-c", help="For page pictures; the one that was run if left out.")
]
