"""PageLens itself, measured as the others are: a search of the engine as shipped, and of its lane `words` alone.

Reads `--collection`, which holds the documents or will.
"""

import argparse
import glob
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pagelens
from benchmarks.peers.harness import K, PageId, Search, measure
from pagelens.core.types import Filters

LANES: dict[str, list[str] | None] = {"PageLens": None, "PageLens words": ["words"]}


def systems(collection: Path, documents: Path) -> dict[str, Search]:
    """Index the documents that the collection lacks; return the systems."""
    profile = "auto" if collection.exists() else "builtin"
    engine = pagelens.open(collection, create=True, profile=profile)
    engine.index([documents])

    def search(lanes: list[str] | None, question: str, document: str | None) -> Iterator[PageId]:
        filters = Filters(paths=(f"*/{glob.escape(document)}",)) if document else Filters()
        hits = engine.search(question, k=K, filters=filters, lanes=lanes).hits
        return ((Path(hit.ref.path).name, hit.ref.number) for hit in hits)

    return {name: partial(search, lanes) for name, lanes in LANES.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--collection", type=Path, required=True)
    chosen = parser.parse_known_args()[0].collection
    measure(partial(systems, chosen), index_is_there=chosen.exists())
