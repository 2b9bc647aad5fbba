"""`pagelens delete`: a collection removed, with what it has on servers. The documents themselves stay."""

from typing import Annotated

import typer

from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption
from pagelens.api.engine import wiring
from pagelens.core.errors import CollectionNotFound, StoreError, UsageError
from pagelens.index.admin.removal import empty_trash, move_to_trash
from pagelens.index.layout import Layout


def delete(
    collection: CollectionOption = DEFAULT_COLLECTION,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> int:
    """Remove a collection, and what it has on Qdrant, on PostgreSQL and where its files lie. The documents that were
    indexed stay where they are. Run it again after an interruption."""
    root = collection.absolute()
    trash = root.with_name(f".{root.name}.deleted")  # beside it: moved there in one step, and of this collection alone
    if wiring.collection_exists(root):
        question = f"Remove the collection {terminal.display_path(str(root))} and all that it has on servers?"
        if not yes and not _agreed(question):
            raise UsageError("nothing was removed; --yes removes without asking")
        trash.mkdir(exist_ok=True)
        try:
            move_to_trash(Layout(root), trash)
        finally:
            if not any(trash.iterdir()):  # refused
                trash.rmdir()
    elif not trash.is_dir():
        raise CollectionNotFound(f"expected a collection to remove at {root}, found none")
    empty_trash(trash)
    if any(trash.iterdir()):
        raise StoreError(
            f"{root} is out of sight, but not all that it has on servers is removed: one does not answer, or somebody "
            f"looks at it. Run the same command again. What is left is named by {trash}."
        )
    trash.rmdir()
    terminal.out.print(f"Removed: {root}", markup=False, soft_wrap=True)
    return 0


def _agreed(question: str) -> bool:
    try:
        return typer.confirm(question, err=True, prompt_suffix=" ")
    except typer.Abort:  # nobody to ask
        return False
