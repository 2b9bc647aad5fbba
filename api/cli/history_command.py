"""The command `pagelens history`: earlier commits of a collection that can be looked at."""

from typing import Annotated

import typer

from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.terminal import count_noun, out, print_result
from pagelens.api.engine import wiring
from pagelens.core.errors import UsageError
from pagelens.index.history import CommitHistory

LISTED = 20  # newest commits


def history(
    collection: CollectionOption = DEFAULT_COLLECTION,
    keep: Annotated[int | None, typer.Option("--keep", min=1, help="Keep a history of so many days.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Keep none, and forget what was kept.")] = False,
    json_output: JsonOption = False,
) -> int:
    """List earlier commits, and set how long they are kept.

    `--as-of` of search and ask looks at them. Off unless asked for: what is removed from the collection stays in
    its folder until the days are over. `--off` forgets it at once.
    """
    if keep is not None and off:
        raise UsageError("expected --keep or --off, found both")
    with wiring.open_collection(collection) as engine:
        if keep is not None or off:
            engine.keep_history(keep)
        kept = engine.kept_history()
    print_result(kept, json_output, print_history)
    return ExitCode.DONE


def print_history(kept: CommitHistory) -> None:
    """Print the commits that can be looked at, and what they take."""
    if kept.days is None:
        out.print("No history is kept: pagelens history --keep 90")
        return
    size = f"{count_noun(len(kept.commits), 'commit')}, {kept.size / 1e6:.1f} MB"
    out.print(f"History of {count_noun(kept.days, 'day')}: {size}, with what was removed since.", soft_wrap=True)
    for commit in kept.commits[-LISTED:]:
        out.print(f"  {commit.generation}   {commit.at.astimezone():%Y-%m-%d %H:%M:%S}")
