"""The engine: index files, search, ask, show a page. Every door (shell, Python, HTTP) goes through it.

It owns no model and no file format: what it needs is passed in by `pagelens.api.engine.wiring`.
"""

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagelens.api.engine.answer_context import pages_for_question, pages_of_document, with_notes
from pagelens.api.engine.embedding import Embedder
from pagelens.api.engine.file_names import absolute_path, path_to_text, text_to_path
from pagelens.api.engine.found_pages import FoldedResults, describe_hits, search_pages
from pagelens.api.engine.indexing import IndexRun, OnProgress, Render, image_side
from pagelens.api.engine.lookup import find_documents, find_page, find_page_key, resolve_page
from pagelens.api.engine.originals import Originals
from pagelens.api.engine.page_overlays import draw_heat, draw_marks, from_jpeg, to_jpeg
from pagelens.api.engine.query_image import read_picture, read_screenshot
from pagelens.api.engine.results import FoundPage, IndexReport, SearchResults, Status
from pagelens.api.engine.status import collection_status
from pagelens.core.errors import NotFound, UsageError, WeightsError
from pagelens.core.protocols import Answerer, Extractor, RenderPageImage, TextEncoder
from pagelens.core.types import Answer, AnswerEvent, Box, Extraction, Filters, History, ImageArray, Kind, PageRef, Query
from pagelens.encode.batching import usable_cores
from pagelens.encode.loading import BUILTIN
from pagelens.generate.follow_up import standalone_question
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.layout import Layout, Manifest
from pagelens.index.page_images import cached_page_image
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.index.writer import CollectionWriter
from pagelens.ingest import pipeline
from pagelens.ingest.files import walk
from pagelens.ingest.files.digest import DigestFunction, digest
from pagelens.ingest.ocr.engines import Ocr, OcrSettings
from pagelens.ingest.ocr.recognition import RecognitionError, TextRecogniser
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions
from pagelens.ingest.workers.worker_pool import suggested_workers
from pagelens.retrieve.search import Fusion, Retriever

logger = logging.getLogger(__name__)

ASK_PAGES = 6  # pages shown to the answerer
PICTURE_SIDE = 1_400  # pixels on the longer side of a page picture
NO_FILTERS = Filters()
READ_SCANS = OcrSettings(threads=usable_cores())


@dataclass(frozen=True, slots=True)
class Parts:
    """What the engine works with. Loaders are called when first needed: `status` loads no model."""

    load_embedders: Callable[[], Sequence[Embedder]]
    load_text: Callable[[], TextEncoder]  # counts tokens for passages
    load_retriever: Callable[[], Retriever]
    load_answerer: Callable[[RenderPageImage], Answerer]
    load_extractor: Callable[[RenderPageImage], Extractor]
    render: Callable[[Path, Kind, int, int], Image.Image]  # file, kind, page number, longer side in pixels
    picture_of: Render  # the same as encoders read it
    load_recogniser: Callable[[OcrSettings], TextRecogniser]
    reading: ReaderOptions = DEFAULT_READER_OPTIONS  # how files are opened
    micro_batching: bool = True  # searches of several threads at once share what they can


class Engine:
    """One collection and everything one can do with it."""

    def __init__(self, root: Path, parts: Parts) -> None:
        self.layout = Layout(root)
        self._reader = CollectionReader(root, micro_batching=parts.micro_batching)
        self._parts = parts
        self._originals = Originals(self._reader.files, self.layout, kept=self.manifest.files is not None)

    @property
    def manifest(self) -> Manifest:
        """What the collection was opened as: its profile and its lanes."""
        return self._reader.manifest

    def close(self) -> None:
        """Give up the collection's files."""
        self._reader.close()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def _retriever(self) -> Retriever:
        return self._parts.load_retriever()

    @cached_property
    def _recogniser(self) -> TextRecogniser:
        return self._parts.load_recogniser(READ_SCANS)

    @cached_property
    def _answerer(self) -> Answerer:
        return self._parts.load_answerer(self.page_image_array)

    # Writing

    def index(
        self,
        paths: Path | str | Sequence[Path | str],
        *,
        prune: bool = False,
        ocr: OcrSettings = READ_SCANS,
        workers: int | None = None,
        digest: DigestFunction = digest,
        on_progress: OnProgress = lambda _: None,
    ) -> IndexReport:
        """Index files and folders. Unchanged files cost a hash; a file that cannot be read is in the report, with its
        reason, and costs the others nothing. `prune` forgets indexed files below `paths` that are gone; `ocr` says
        what is read from pictures (what was indexed before is not read again for it); `workers` how many
        processes read files (None: as many as pay; 0: this one reads them itself); `digest` hashes them."""
        absolute = [absolute_path(path) for path in _several(paths)]
        if not absolute:
            raise UsageError("expected at least one file or folder to index, found none")
        embedders = self._parts.load_embedders()
        count_tokens = self._parts.load_text().count_tokens
        with CollectionWriter(self.layout.root) as writer:
            self._reader.require_same_models()  # as the embedders were loaded for; now nobody can move it
            survey = walk.survey(absolute)
            keep = self._originals.keep
            run = IndexRun(writer, embedders, files=survey.files, size=survey.size, on_progress=on_progress, keep=keep)
            if workers is None:
                workers = suggested_workers(files=survey.files, size=survey.size, cores=usable_cores())
            events = pipeline.read(
                absolute,
                known=run.known,
                count_tokens=count_tokens,
                ocr=Ocr(replace(ocr, threads=1) if workers else ocr, self._parts.load_recogniser),
                image_side=image_side(embedders),
                workers=workers,
                options=self._parts.reading,
                on_wait=run.waiting,
                digest=digest,
            )
            with closing(events):  # ends worker processes, also when it is interrupted
                run.consume(events)
            if prune:
                run.report.forgotten = self._prune(writer, absolute)
        if self.manifest.files is not None:
            with self._reader.snapshot() as snapshot:
                self._originals.keep_missing(snapshot)
        return run.report

    def retry(
        self, paths: Path | str | Sequence[Path | str] = (), *, on_progress: OnProgress = lambda _: None
    ) -> IndexReport:
        """Read again what could not be read: the given files, or every recorded failure that still exists."""
        chosen = [path_to_text(absolute_path(path)) for path in _several(paths)] or None
        with CollectionWriter(self.layout.root) as writer:
            forgotten = writer.forget_failures(chosen)
        again = [path for path in map(text_to_path, forgotten) if path.exists()]
        return self.index(again, on_progress=on_progress) if again else IndexReport()

    def remove(self, names: Path | str | Sequence[Path | str]) -> list[str]:
        """Forget documents by path, unique file name, SHA-256, folder or glob; return the paths forgotten. The files
        stay."""
        with self._reader.snapshot() as snapshot:
            found = [row for name in _several(names) for row in find_documents(snapshot, str(name))]
        rows = list({row.key: row for row in found}.values())
        with CollectionWriter(self.layout.root) as writer:
            writer.remove([row.key for row in rows])
        return [path for row in rows for path in row.paths]

    # Reading

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Return the newest commit, to be held open with `with`: what a door lists documents and pages from."""
        return self._reader.snapshot()

    def search(
        self,
        query: str = "",
        *,
        image: Path | str | bytes | None = None,
        k: int = 10,
        filters: Filters = NO_FILTERS,
        lanes: Sequence[str] | None = None,
        fold: bool = False,
        neighbours: int = 0,
        fusion: Fusion | None = None,
    ) -> SearchResults:
        """Return the `k` best pages for a text, a picture (a file or its bytes), or both, fused over the lanes, each
        with its evidence. `fold` puts hits that are the same to a reader behind the best of them; `neighbours` brings
        so many pages before and behind each; `fusion`: another than as shipped, to measure."""
        if not query.strip() and image is None:
            raise UsageError("expected a query of at least one word, or a picture, found nothing")
        if k < 1 or neighbours < 0:
            raise UsageError(f"expected k of at least 1 and 0 neighbours or more, found {k} and {neighbours}")
        asked = Query(query.strip()) if image is None else self._asked(query.strip(), read_picture(image))
        guessing = self._guessing()

        def look(snapshot: Snapshot) -> tuple[FoldedResults, list[FoundPage]]:
            hits = search_pages(
                snapshot, self._retriever, asked, k=k, filters=filters, lanes=lanes, fusion=fusion, fold=fold
            )
            return hits, describe_hits(
                snapshot, self._retriever, query, hits, neighbours=neighbours, guesses=bool(guessing)
            )

        hits, pages = self._reader.read(look)
        missing = dict(self._retriever.unavailable)
        return SearchResults(query, pages, hits.found.query_references, hits.found.page_count, missing, guessing)

    def _asked(self, text: str, picture: ImageArray) -> Query:
        """Return a query by a picture, with what is written in it where an engine is at hand to read it."""
        try:
            written = read_screenshot(self._recogniser, picture)
        except (RecognitionError, WeightsError) as exc:
            logger.info("the picture's words are not read: %s", exc)
            written = ""
        return Query(text, picture, written)

    def _guessing(self) -> list[str]:
        """Return the lanes whose hits are guesses."""
        lanes = self._reader.manifest.lanes
        return ["image"] if "image" in lanes and lanes["image"].model == BUILTIN else []

    def ask(self, question: str, *, k: int = ASK_PAGES, filters: Filters = NO_FILTERS, history: History = ()) -> Answer:
        """Answer from the `k` best pages, with citations, or say that they do not answer. `history`: the conversation
        that the question goes on with. Raises GenerationError where a language model is asked and does not answer."""
        *_, answer = self.ask_stream(question, k=k, filters=filters, history=history)
        assert isinstance(answer, Answer)
        return answer

    def ask_stream(
        self, question: str, *, k: int = ASK_PAGES, filters: Filters = NO_FILTERS, history: History = ()
    ) -> Generator[AnswerEvent]:
        """Yield an answer as it comes: pieces of its text, citations as they are settled, last the whole Answer.
        Closing the generator stops the model."""
        if not question.strip():
            raise UsageError("expected a question, found nothing")
        asked, accepts_images = standalone_question(question, history), self._answerer.accepts_images
        shown, idf = self._reader.read(
            lambda snapshot: pages_for_question(
                snapshot, self._retriever, asked, k=k, filters=filters, accepts_images=accepts_images
            )
        )
        with closing(self._answerer.stream(question, shown, history=history, idf=idf)) as events:
            for event in events:
                yield with_notes(event, shown) if isinstance(event, Answer) else event

    def extract(self, document: Path | str, schema: object, *, k: int = ASK_PAGES) -> Extraction:
        """Read a document into the shape of a JSON Schema (2020-12), each value with the page it stands on; of a
        document of more than `k` pages, the `k` that have most to do with the schema's words. Raises NotFound,
        UsageError for the schema, GenerationError where no language model is configured or it does not do it."""
        extractor = self._parts.load_extractor(self.page_image_array)
        words = extractor.words(schema)
        with self._reader.snapshot() as snapshot:
            pages = pages_of_document(snapshot, self._retriever, str(document), words, k=k)
        return extractor.extract(schema, pages)

    def page_image(self, ref: PageRef, *, boxes: Sequence[Box] = (), longest: int = PICTURE_SIDE) -> bytes:
        """Return a page as JPEG, `longest` pixels on its longer side, with `boxes` marked."""
        row = self._row_of(ref)
        document = row.document

        def render() -> bytes:
            return to_jpeg(self._parts.render(self._originals.find_shown(row), document.kind, ref.number, longest))

        data = cached_page_image(self._reader.files, document.sha256, ref.number, longest, render)
        return to_jpeg(draw_marks(from_jpeg(data), boxes)) if boxes else data

    def page_image_array(self, ref: PageRef, longest: int) -> ImageArray:
        """Return a page as models see it, drawn anew, `longest` pixels on its longer side."""
        row = self._row_of(ref)
        return self._parts.picture_of(self._originals.find_shown(row), row.document.kind, ref.number, longest)

    def require_files(self) -> None:
        """Raise StoreError unless the place of page pictures and originals answers."""
        self._reader.files.require_ready()

    def original(self, row: DocumentRow) -> Path:
        """Return a file of this machine with a document's bytes, as they were indexed. Raises NotFound, StoreError."""
        return self._originals.find_shown(row)

    def _row_of(self, ref: PageRef) -> DocumentRow:
        with self._reader.snapshot() as snapshot:
            return find_page(snapshot, ref)

    def evidence(self, ref: PageRef, query: str) -> list[Box]:
        """Return where on a page the words of a query stand best, or where late interaction looks at its picture."""
        with self._reader.snapshot() as snapshot:
            key = find_page_key(snapshot, ref)
            page = snapshot.pages([key])[key]
            return [box for one in self._retriever.evidence(snapshot, query, page) for box in one.boxes]

    def heat_map(self, ref: PageRef, query: str, *, longest: int = PICTURE_SIDE) -> NDArray[np.float32]:
        """Return where the `page` lane looks on a page for a query: (height, width) in 0..1, `longest` pixels on its
        longer side. Raises NotFound where it has nothing of the page."""
        with self._reader.snapshot() as snapshot:
            key = find_page_key(snapshot, ref)
            page = snapshot.pages([key])[key]
            scale = longest / max(page.width, page.height)
            size = {"height": round(page.height * scale), "width": round(page.width * scale)}
            heat = self._retriever.heat_map(snapshot, query, key, **size)
        if heat is None:
            raise NotFound(
                f"expected {ref} in the `page` lane, found nothing of it: a page without words has no heat map"
            )
        return heat

    def heat_map_image(self, ref: PageRef, query: str, *, longest: int = PICTURE_SIDE) -> bytes:
        """Return a page as JPEG with its heat map over it."""
        heat = self.heat_map(ref, query, longest=longest)
        return to_jpeg(draw_heat(from_jpeg(self.page_image(ref, longest=longest)), heat))

    def resolve(self, text: str) -> PageRef:
        """Return the page that `report.pdf p.12`, `report.pdf p.iv` or `photo.jpg` names, its path in full."""
        with self._reader.snapshot() as snapshot:
            return resolve_page(snapshot, text)

    def status(self) -> Status:
        """Return what the collection holds, what could not be read, and why."""
        with self._reader.snapshot() as snapshot:
            return collection_status(snapshot, self._reader.manifest, self.layout.root)

    def check(self, *, deep: bool = False) -> list[str]:
        """Return what is wrong with the collection at rest, in words; empty when all is well. `deep` reads all that a
        server holds."""
        return self._reader.check(deep=deep)

    def _prune(self, writer: CollectionWriter, roots: Sequence[Path]) -> list[str]:
        """Forget indexed files below the roots that no longer exist. A root that is itself gone prunes nothing: an
        unplugged disk must not empty a collection."""
        there = [root for root in roots if root.exists()]
        with self._reader.snapshot() as snapshot:
            known = [path for row in snapshot.documents.values() for path in row.paths]
            known += [failure.path for failure in snapshot.failures()]
        below = [path for path in known if any(text_to_path(path).is_relative_to(root) for root in there)]
        return writer.forget_paths([path for path in below if not text_to_path(path).exists()])


def _several(paths: Path | str | Sequence[Path | str]) -> Sequence[Path | str]:
    """Return one path as a list of it: a string is a path, not its letters."""
    return [paths] if isinstance(paths, Path | str) else paths
