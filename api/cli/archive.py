"""`pagelens snapshot` and `pagelens restore`: a collection in one file, and back."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import JsonOption
from pagelens.index.admin.archive import ArchiveReport, restore_snapshot, write_snapshot

Root = Annotated[Path, typer.Argument(help="The collection's folder.")]
File = Annotated[Path, typer.Argument(help="The snapshot: a .tar.")]


def snapshot(root: Root, file: File, json_output: JsonOption = False) -> int:
    """Write a collection to one file, also while it is written to. Vectors on a server are read out; the documents'
    own files are in it where the collection keeps them (--files)."""

    def tell(done: int, total: int) -> None:
        terminal.err.print(f"{done} of {total} documents", markup=False)

    _print(write_snapshot(root, file, tell), f"In {file}", json_output)
    return 0


def restore(file: File, root: Root, json_output: JsonOption = False) -> int:
    """Make the collection that a snapshot holds, in a new folder. To bring it back to servers: pagelens copy."""
    _print(restore_snapshot(file, root), f"Use it: pagelens search ... -c {root}", json_output)
    return 0


def _print(report: ArchiveReport, said: str, json_output: bool) -> None:
    if json_output:
        print(json.dumps(asdict(report), indent=2))
        return
    found = f"{report.documents} documents with {report.pages} pages, {report.size / 1e6:.1f} MB. {said}"
    terminal.out.print(found, markup=False, soft_wrap=True)
