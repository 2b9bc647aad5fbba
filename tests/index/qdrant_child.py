"""A writer in a process of its own, to be killed: python -m tests.index.qdrant_child ROOT VERSION."""

import sys
from pathlib import Path

from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import sha
from tests.index.test_token_collection import with_tokens

DOCUMENTS = 4
PAGES = 6


def texts_of(document: int, version: int) -> list[str]:
    """Half of the documents change with each version."""
    seen = version if document % 2 else 0
    return [f"document{document} version{seen} page{page}" for page in range(PAGES)]


def index(root: Path, version: int) -> None:
    """What `pagelens index` does: documents that are not known, from the page where they were left, in windows."""
    with CollectionWriter(root, flush_pages=4) as writer:
        for document in range(DOCUMENTS):
            path, pages = root.parent / f"{document}.pdf", texts_of(document, version)
            path.write_text("any content")
            known = writer.resume_page(sha(pages))
            if known == 0:
                writer.link(str(path), sha(pages))
                continue
            for first in range(known or 1, PAGES + 1, 2):
                writer.add(with_tokens(str(path), pages, first=first, until=min(first + 1, PAGES)))


if __name__ == "__main__":
    index(Path(sys.argv[1]), int(sys.argv[2]))
