"""Whether a collection and its copy on Qdrant rank alike for the development questions.

    python -m benchmarks.qdrant_agreement ORIGINAL COPY

Prints how many questions have the same fused first 10 (pages and order), and what differs in the others.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.development_set import questions, require_data
from pagelens.api.engine import wiring
from pagelens.api.engine.models import CollectionModels
from pagelens.core.types import Query
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader
from pagelens.retrieve.search import Retriever

FIRST = 10


def main() -> None:
    """Ask both and compare."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("original", type=Path)
    parser.add_argument("copy", type=Path)
    arguments = parser.parse_args()
    ours, theirs = _answers(arguments.original), _answers(arguments.copy)
    for name, chosen in (("with evidence", [q for q in questions() if q.evidence]), ("all", questions())):
        order = sum(ours[q.qid] == theirs[q.qid] for q in chosen)
        pages = sum(set(ours[q.qid]) == set(theirs[q.qid]) for q in chosen)
        print(f"{name}: {len(chosen)} questions; same first {FIRST}: {pages}; in the same order: {order}")
    for qid, answer in ours.items():
        if answer != theirs[qid]:
            places = [
                position
                for position in range(FIRST)
                if answer[position : position + 1] != theirs[qid][position : position + 1]
            ]
            print(qid, "differs at", places, [(answer[position], theirs[qid][position]) for position in places[:2]])


def _answers(root: Path) -> Mapping[str, Sequence[int]]:
    """Return the keys of each question's first pages; a copy keeps the keys."""
    settings = wiring.read_settings()
    reader = CollectionReader(root)
    models = CollectionModels(wiring.lane_models(reader.manifest), analyze, settings)
    retriever = Retriever(models.lanes(reader.manifest)[0], analyze)
    with reader.snapshot() as snapshot:
        return {
            q.qid: [hit.page for hit in retriever.search(snapshot, Query(q.text), k=FIRST).hits] for q in questions()
        }


if __name__ == "__main__":
    main()
