"""Retrieval with passages that were encoded with 8-bit products, against the same passages in float32.

    python -m benchmarks.integer_encoder --collection C [--embedded FOLDER]

C is a collection of the development documents with the builtin profile, whose vectors were made in float32 (on a
processor without VNNI, or before 8-bit products). Its pages are embedded again with the 8-bit encoder into a copy, kept
in FOLDER where that is given, and the development questions are asked of both, queries in float32. Printed are the
measures of the lanes alone and fused, and each measure's paired difference with its 95% interval over documents.
"""

import argparse
import json
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.development_set import Run, questions, require_data
from benchmarks.retrieval import WITHIN_AND_WHOLE, gains, search, shipped_lanes
from pagelens.api.engine import wiring
from pagelens.api.engine.embedding import PassageAndWordsEmbedder
from pagelens.api.engine.reembedding import Reembedding
from pagelens.core.errors import ReadError
from pagelens.core.spaces import Space
from pagelens.core.types import ImageArray
from pagelens.encode.loading import load_builtin_page_encoder
from pagelens.encode.text.minilm import IntegerTextEncoder, check_wheels
from pagelens.index.admin.reembed import CollectionReembedding
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader
from pagelens.retrieve.lanes import Lane
from pagelens.retrieve.search import Fusion, Retriever


class OtherSpaceEncoder(IntegerTextEncoder):
    """The 8-bit encoder under a space of its own, so that pages are embedded again beside the vectors that they had."""

    @property
    def space(self) -> Space:
        """The encoder's space with a further option."""
        return replace(super().space, options=f"{super().space.options}; embedded again")


def main() -> None:
    """Embed a copy of the collection, ask the questions of both, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--embedded", type=Path, help="where the copy is kept, and used again")
    arguments = parser.parse_args()
    require_data()
    with tempfile.TemporaryDirectory() as scratch:
        copy = arguments.embedded or Path(scratch) / "copy"
        if not copy.exists():
            shutil.copytree(arguments.collection, copy)
        embed_again(copy)
        manifest = CollectionReader(arguments.collection).manifest
        lanes = {lane.name: lane for lane in shipped_lanes(manifest, wiring.read_settings())}
        for name, retriever in retrievers(lanes).items():
            for within in WITHIN_AND_WHOLE:
                before, after = (run(root, retriever, within=within) for root in (arguments.collection, copy))
                judged = [question for question in questions() if question.evidence]
                found = gains(judged, before, after, within=within)
                scope = "within" if within else "whole"
                cells = [
                    f"{each} {mean} ({gain:+}, {low:+} to {high:+})" for each, (mean, gain, low, high) in found.items()
                ]
                print(f"{name}, {scope}: {', '.join(cells)}", flush=True)


def embed_again(root: Path) -> None:
    """Embed the pages of a collection with 8-bit products; print the CPU time."""
    text = OtherSpaceEncoder(check_wheels(), workers=1)
    embedder = PassageAndWordsEmbedder(text, load_builtin_page_encoder(text, analyze), "builtin")
    before = CollectionReader(root).manifest
    lanes = {**before.lanes, **{lane.name: lane for lane in embedder.lanes}}
    started = time.process_time()
    with CollectionReembedding(root, profile=before.profile, lanes=list(lanes.values())) as reembedding:
        report = Reembedding(
            reembedding, [embedder], _no_image, on_progress=lambda _: None, on_render_failure=lambda _: None
        ).run()
    print(json.dumps({"pages": report.pages, "CPU seconds": round(time.process_time() - started, 1)}), flush=True)


def _no_image(*_: Any) -> ImageArray:
    raise ReadError("damaged", "no lane of this run needs images")


def retrievers(lanes: dict[str, Lane]) -> dict[str, Retriever]:
    """Return what is compared, by name."""
    without = Fusion(query_references=False)
    alone = {name: Retriever([lanes[name]], analyze, fusion=without) for name in ("text", "page")}
    return {**alone, "fused": Retriever(list(lanes.values()), analyze)}


def run(root: Path, retriever: Retriever, *, within: bool) -> Run:
    """Return the pages that a collection finds for each question with evidence."""
    with CollectionReader(root).snapshot() as snapshot:
        return {q.qid: search(snapshot, retriever, q, within=within) for q in questions() if q.evidence}


if __name__ == "__main__":
    main()
