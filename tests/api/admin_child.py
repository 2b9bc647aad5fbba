"""Runs commands of `pagelens`, and "write": python -m tests.api.admin_child FOLDER; see `tests.dying_process`.

"write COLLECTION NAME" indexes a document that makes the writer compact segments.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pagelens.api.cli.collection_commands  # noqa: F401  here, and not in each fork
from pagelens.api.cli.main import main
from pagelens.index.writer import CollectionWriter
from tests.dying_process import serve
from tests.index.fixtures import sha
from tests.index.test_token_collection import with_tokens


def run(command: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    if command[0] != "write":
        return main(command)
    path = Path(command[2])
    path.write_text("any content")
    with CollectionWriter(Path(command[1])) as writer:
        if writer.resume_page(sha(pages_of(path.name))) != 0:  # not committed before a kill
            writer.add(with_tokens(str(path), pages_of(path.name)))
    return 0


def pages_of(name: str) -> list[str]:
    """The texts of a document's two pages."""
    return [f"{name} first page", f"{name} second page of two"]


if __name__ == "__main__":
    serve(run, Path(sys.argv[1]))
