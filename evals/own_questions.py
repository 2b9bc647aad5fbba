"""The commands that make a data set of a person's own questions: `pagelens eval init`, `accept`."""

from pathlib import Path
from typing import Annotated

import typer

from api import console as shell
from api import wiring
from api.names import printable
from api.options import DEFAULT, Collection
from evals import console, propose
from evals.folder import read_folder, write_folder


def init(
    out: Annotated[Path, typer.Argument(help="A CSV to be edited; nothing there is written over.")],
    collection: Collection = DEFAULT,
    count: Annotated[int, typer.Option("-n", min=1, help="Questions to propose.")] = 60,
    seed: Annotated[int, typer.Option(help="Which pages are drawn.")] = 0,
) -> int:
    """Propose questions from a collection's own pages, for you to keep, edit or drop in a CSV."""
    with wiring.open_collection(collection) as engine:
        rows = propose.propose(engine, count=count, seed=seed)
    propose.write_csv(rows, out)
    shell.out.print(
        f"{len(rows)} proposals in {printable(str(out))}: put keep or drop under 'keep', edit the questions, then: "
        f"pagelens eval accept {printable(str(out))} MY-SET",
        markup=False,
        soft_wrap=True,
    )
    return 0


def accept(
    proposals: Annotated[Path, typer.Argument(help="The edited CSV.")],
    out: Annotated[Path, typer.Argument(help="The data set's folder.")],
    collection: Collection = DEFAULT,
) -> int:
    """Make a data set of the proposals that were kept."""
    with wiring.open_collection(collection) as engine:
        data = propose.read_csv(proposals, engine.status(), name=out.resolve().name)
    write_folder(data, out)
    console.print_dataset(read_folder(out))
    return 0
