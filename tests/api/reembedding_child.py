"""Reembeds and indexes collections: python -m tests.api.reembedding_child FILES; see `tests.dying_process`."""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pymupdf  # noqa: F401  here, and not in each fork
from numpy.typing import NDArray

from pagelens.api.engine.embedding import Embedder, PageBatch, max_image_side
from pagelens.api.engine.indexing import IndexFirst, IndexRun
from pagelens.api.engine.originals import Originals
from pagelens.api.engine.reembedding import Reembedding
from pagelens.api.engine.second_pass import SecondPass
from pagelens.api.engine.wiring import render_array
from pagelens.core.spaces import Space
from pagelens.core.types import TokenMatrix
from pagelens.index.admin.reembed import CollectionReembedding
from pagelens.index.layout import LaneRecord
from pagelens.index.records import DenseRows
from pagelens.index.writer import CollectionWriter
from pagelens.ingest.pipeline import PipelineSettings, read_documents
from tests.dying_process import serve

FLUSH_PAGES = 8
DIM = 8


def hashed(model: str, data: bytes) -> NDArray[np.float32]:
    """Return a unit vector that no other model and no other data have."""
    seed = int.from_bytes(hashlib.sha256(model.encode() + data).digest()[:8], "big")
    row = np.random.default_rng(seed).normal(size=DIM)
    return np.asarray(row / np.linalg.norm(row), np.float32)


class PassageHashes:
    """Fills `text` with what a passage's text hashes to."""

    image_side = 0

    def __init__(self, model: str) -> None:
        self._model = model
        self.lanes = [LaneRecord("text", model, Space(model=f"test/{model}", revision="1", dim=DIM), "passages")]

    def embed(self, batch: PageBatch) -> None:
        vectors = [hashed(self._model, text.encode()) for page in batch.inputs for text in page]
        rows = np.array(vectors, np.float32).reshape(-1, DIM)
        batch.vectors["text"] = DenseRows([len(page) for page in batch.inputs], rows)


class PictureHashes:
    """Fills `image` with what a page's picture hashes to."""

    image_side = 40

    def __init__(self, model: str) -> None:
        self._model = model
        self.lanes = [LaneRecord("image", model, Space(model=f"test/{model}", revision="1", dim=DIM), "pages")]

    def embed(self, batch: PageBatch) -> None:
        vectors = [hashed(self._model, one.tobytes()) for one in batch.images if one is not None]
        counts = [int(one is not None) for one in batch.images]
        batch.vectors["image"] = DenseRows(counts, np.array(vectors, np.float32).reshape(-1, DIM))


class WordHashes:
    """Fills `page` with what each word of a page hashes to."""

    image_side = 0

    def __init__(self, model: str) -> None:
        self._model = model
        self.lanes = [
            LaneRecord("page", model, Space(model=f"test/{model}", revision="1", dim=DIM, multi_vector=True), "pages")
        ]

    def embed(self, batch: PageBatch) -> None:
        pages = []
        for text in batch.texts:
            words = [text.text[start:end] for start, end in text.spans.tolist()]
            vectors = np.array([hashed(self._model, word.encode()) for word in words], np.float32).reshape(-1, DIM)
            pages.append(TokenMatrix(vectors, text.boxes))
        batch.tokens["page"] = pages


OLD: Sequence[Embedder] = (PassageHashes("first"), WordHashes("kept"))
NEW: Sequence[Embedder] = (PassageHashes("second"), WordHashes("kept"), PictureHashes("second"))


def lanes_of(embedders: Sequence[Embedder]) -> list[LaneRecord]:
    """Return the lanes that some embedders fill."""
    return [lane for embedder in embedders for lane in embedder.lanes]


def index(collection: Path, files: Path, first: IndexFirst = "all") -> None:
    """Index the files with the embedders whose lanes the collection has."""
    with CollectionWriter(collection, flush_pages=FLUSH_PAGES) as writer:
        embedders = OLD if writer.manifest.profile == "old" else NEW
        both = first == "all"
        run = IndexRun(writer, embedders if both else None, file_count=1, byte_count=1, on_progress=lambda _: None)
        settings = PipelineSettings(image_side=max_image_side(embedders) if both else 0)
        count_tokens = lambda texts: [1] * len(texts)  # noqa: E731
        run.consume(read_documents([files], next_page=run.next_page, count_tokens=count_tokens, settings=settings))
        assert not run.report.failed, run.report.failed
        find_file = Originals(writer.files, writer.layout, kept=False).find
        second = SecondPass(writer, embedders, render_array, find_file, on_progress=lambda _: None)
        second.run(run.report, run.documents)


def reembed(collection: Path) -> None:
    """Embed the collection with the new embedders instead of the old."""
    with CollectionReembedding(collection, profile="new", lanes=lanes_of(NEW), flush_pages=FLUSH_PAGES) as reembedding:
        new = {lane.name for lane in reembedding.new}
        fill = [one for one in NEW if one.lanes[0].name in new]
        report = Reembedding(
            reembedding, fill, render_array, on_progress=lambda _: None, on_render_failure=lambda _: None
        ).run()
        assert not report.render_failures, report.render_failures


def main(files: Path) -> None:
    """Serve "reembed COLLECTION", "index COLLECTION" and "words COLLECTION", which indexes with words first."""

    def run(command: Sequence[str]) -> int:
        if command[0] == "reembed":
            reembed(Path(command[1]))
        else:
            index(Path(command[1]), files, "words" if command[0] == "words" else "all")
        return 0

    serve(run, statements=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
