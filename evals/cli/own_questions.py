"""The commands that make a data set from a person's own documents: `pagelens eval init` and `accept`."""

from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption
from pagelens.api.engine import language_models, wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import printable
from pagelens.core.errors import UsageError
from pagelens.evals.authoring.model_questions import ModelQuestions
from pagelens.evals.authoring.proposals import Proposal, read_csv, require_absent, write_csv
from pagelens.evals.authoring.propose import propose
from pagelens.evals.cli import console
from pagelens.evals.datasets.folder import read_folder, write_folder
from pagelens.index.lexical.analysis import analyze

TRIES = 4  # pages shown to a model for each question wanted, at most


def init(
    out: Annotated[Path, typer.Argument(help="A CSV to be edited; nothing there is written over.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
    count: Annotated[int, typer.Option("-n", min=1, help="Questions to propose.")] = 60,
    seed: Annotated[int, typer.Option(help="Which pages are drawn.")] = 0,
    model: Annotated[
        str | None, typer.Option(help="Drafts questions in its own words: openai:NAME, ...; without, from sentences.")
    ] = None,
) -> int:
    """Propose questions from a collection's own pages, for you to keep, edit or drop in a CSV."""
    require_absent(out)  # before a model is paid
    with wiring.open_collection(collection) as engine:
        rows = _proposed_by(model, engine, count, seed) if model else propose(engine, count=count, seed=seed)
    if not rows:
        raise UsageError(
            f"expected pages in {collection} with a sentence that states a number, a year or what something is, found "
            "none. A model asks in its own words: --model openai:NAME"
        )
    write_csv(rows, out)
    terminal.out.print(
        f"{len(rows)} proposals in {printable(str(out))}: put keep or drop under 'keep', edit the questions, then: "
        f"pagelens eval accept {printable(str(out))} MY-SET",
        markup=False,
        soft_wrap=True,
    )
    terminal.out.print("They are easier than questions that people ask: edit them, and add your own.", soft_wrap=True)
    return 0


def _proposed_by(name: str, engine: Engine, count: int, seed: int) -> list[Proposal]:
    """Return a model's proposals, and print how many drafts were rejected."""
    model = language_models.load_language_model(name)
    if model is None:
        raise UsageError(f"expected a language model like openai:NAME, found {name!r}: leave --model out to do without")
    questions = ModelQuestions(model, analyze, engine.page_image_array)
    rows = propose(engine, count=count, seed=seed, write_question=questions.draft, max_pages=TRIES * count)
    if questions.rejected:
        terminal.err.print(f"{questions.rejected} left out: the answer does not stand on the page", markup=False)
    return rows


def accept(
    proposals: Annotated[Path, typer.Argument(help="The edited CSV.")],
    out: Annotated[Path, typer.Argument(help="The data set's folder.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
) -> int:
    """Make a data set of the proposals that were kept."""
    with wiring.open_collection(collection) as engine:
        data = read_csv(proposals, engine.status(), name=out.resolve().name)
    write_folder(data, out)
    accepted = read_folder(out)
    console.print_dataset(accepted)
    console.print_notices(accepted)
    return 0
