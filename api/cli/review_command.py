"""`pagelens review`: what is unsure, and decisions on it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.terminal import count_noun, err, out
from pagelens.api.engine import wiring
from pagelens.api.engine.file_names import printable
from pagelens.api.engine.results import as_json
from pagelens.core.errors import UsageError
from pagelens.core.reviews import ReviewItem

review_app = typer.Typer(
    rich_markup_mode=None, help="List what is unsure, and accept, correct or reject it.", no_args_is_help=True
)
KeyArgument = Annotated[str, typer.Argument(help="The item's id, as `pagelens review list` prints it.")]
MAX_SHOWN = 100  # items of a table; --json prints all


@review_app.command(name="list")
def list_items(
    collection: CollectionOption = DEFAULT_COLLECTION,
    decided: Annotated[
        bool, typer.Option("--decided", help="Those that were decided, in place of the open ones.")
    ] = False,
    json_output: JsonOption = False,
) -> int:
    """List values, citations and pages that a person should look at: `extract --review` and `ask --review` add them."""
    with wiring.open_collection(collection) as engine:
        items = engine.reviews.items(decided=decided)
        names = engine.reviews.names()
    if json_output:
        print(json.dumps([{"id": item.key, **as_json(item)} for item in items], ensure_ascii=False))
    else:
        out.print(_table(items[:MAX_SHOWN], names))
        if len(items) > MAX_SHOWN:
            err.print(f"and {len(items) - MAX_SHOWN:,} more: --json prints all")
    return ExitCode.DONE if items else ExitCode.NOTHING_FOUND


@review_app.command()
def accept(key: KeyArgument, collection: CollectionOption = DEFAULT_COLLECTION) -> int:
    """Say that an item is right as it is."""
    with wiring.open_collection(collection) as engine:
        engine.reviews.decide(key, "accepted")
    return ExitCode.DONE


@review_app.command()
def correct(
    key: KeyArgument,
    value: Annotated[str, typer.Argument(help="What is right: JSON, or a text.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
) -> int:
    """Give the right value: it wins over the machine's from now on."""
    with wiring.open_collection(collection) as engine:
        engine.reviews.decide(key, "corrected", _value(value))
    return ExitCode.DONE


@review_app.command()
def reject(key: KeyArgument, collection: CollectionOption = DEFAULT_COLLECTION) -> int:
    """Say that an item is wrong: a value becomes null."""
    with wiring.open_collection(collection) as engine:
        engine.reviews.decide(key, "rejected")
    return ExitCode.DONE


@review_app.command()
def export(
    target: Annotated[Path, typer.Argument(help="A new file.")], collection: CollectionOption = DEFAULT_COLLECTION
) -> int:
    """Write the decided values as a data set for `pagelens eval extract`; values in lists are left out."""
    if target.exists():
        raise UsageError(f"expected a new file, found {target} in use. Choose another.")
    with wiring.open_collection(collection) as engine:
        lines = engine.reviews.data_set()
    if not lines:
        err.print("Nothing to write: no value outside lists was decided.")
        return ExitCode.NOTHING_FOUND
    target.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    out.print(f"{count_noun(len(lines), 'document')}: pagelens eval extract {target}", markup=False, soft_wrap=True)
    return ExitCode.DONE


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _table(items: Sequence[ReviewItem], names: dict[str, str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("id", "page", "what", "value", "why"):
        table.add_column(name, overflow="fold")
    for item in items:
        page = f"{names.get(item.document, item.document[:12])} p.{item.number}"
        what = item.pointer or str(item.subject) or "its words"
        value = "" if item.kind == "page" else json.dumps(item.value, ensure_ascii=False)
        if item.decision:
            value = (
                f"{value} → {json.dumps(item.correction, ensure_ascii=False)}" if item.correction is not None else value
            )
        why = f"{item.decision}" if item.decision else item.reason
        table.add_row(*(Text(printable(cell)) for cell in (item.key, page, what, value, why)))
    return table
