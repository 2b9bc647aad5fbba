"""Arguments and options that several commands of `pagelens eval` share."""

from pathlib import Path
from typing import Annotated

import typer

from pagelens.evals.datasets.registry import FORMATS

Form = Annotated[str | None, typer.Option("--form", help=f"{', '.join(FORMATS)}; found out if left out.")]
Documents = Annotated[Path | None, typer.Option("--documents", help="Where the set's files are, or are to be written.")]
