"""The engine: index files, search, ask, show a page. Every door (shell, Python, HTTP) goes through it.

It owns no model and no file format: what it needs is passed in by `api.wiring`.
"""

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from functools import cached_property
from glob import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from api import crossing, duplicates
from api.embedding import Embedder
from api.finding import find_document, find_documents, find_page, find_page_key, resolve_page
from api.indexing import IndexRun, OnProgress, Render, picture_side
from api.marks import draw_heat, draw_marks, from_jpeg, to_jpeg
from api.names import absolute_path, path_to_text, text_to_path
from api.query_picture import read_picture, read_screenshot
from api.results import DocumentStatus, FailedFile, FoundPage, IndexReport, NeighbourPage, SearchResults, Status
from core.errors import NotFound, UsageError, WeightsError
from core.keys import document_of, number_of, page_key
from core.protocols import Answerer, Extractor, PagePicture, TextEncoder
from core.types import (
    Answer,
    AnswerEvent,
    Box,
    Extraction,
    Filters,
    FusedHit,
    History,
    Kind,
    PageRef,
    Picture,
    Query,
    ShownPage,
)
from encode.batching import usable_cores
from encode.loading import BUILTIN
from generate.follow_up import standalone
from index.catalog import DocumentRow, PageRow
from index.layout import Layout, Manifest
from index.pictures import kept_picture
from index.reader import CollectionReader, Snapshot
from index.writer import CollectionWriter
from ingest import pipeline, sources
from ingest.ocr import Ocr, OcrSettings
from ingest.ocr_words import RecognitionError, TextRecogniser
from ingest.reader_options import DEFAULT as READER_DEFAULT
from ingest.reader_options import ReaderOptions
from ingest.turns import Digest
from ingest.workers import suggested_workers
from retrieve.search import Fusion, Retriever

logger = logging.getLogger(f"pagelens.{__name__}")

ASK_PAGES = 6  # pages shown to the answerer
PICTURE_SIDE = 1_400  # pixels on the longer side of a page picture
FOLD_FROM, FOLD_MOST = 3, 100  # hits looked at for each one wanted, and at most; more would be another ranking
NO_FILTERS = Filters()
READ_SCANS = OcrSettings(threads=usable_cores())


@dataclass(frozen=True, slots=True)
class Parts:
    """What the engine works with. Loaders are called when first needed: `status` loads no model."""

    load_embedders: Callable[[], Sequence[Embedder]]
    load_text: Callable[[], TextEncoder]  # counts tokens for passages
    load_retriever: Callable[[], Retriever]
    load_answerer: Callable[[PagePicture], Answerer]
    load_extractor: Callable[[PagePicture], Extractor]
    render: Callable[[Path, Kind, int, int], Image.Image]  # file, kind, page number, longer side in pixels
    picture_of: Render  # the same as encoders read it
    load_recogniser: Callable[[OcrSettings], TextRecogniser]
    reading: ReaderOptions = READER_DEFAULT  # how files are opened


class Engine:
    """One collection and everything one can do with it."""

    def __init__(self, root: Path, parts: Parts) -> None:
        self.layout = Layout(root)
        self._reader = CollectionReader(root)
        self._parts = parts

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
        return self._parts.load_answerer(self.page_picture)

    # Writing

    def index(
        self,
        paths: Path | str | Sequence[Path | str],
        *,
        prune: bool = False,
        ocr: OcrSettings = READ_SCANS,
        workers: int | None = None,
        digest: Digest = sources.digest,
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
            survey = sources.survey(absolute)
            run = IndexRun(writer, embedders, files=survey.files, size=survey.size, tell=on_progress)
            if workers is None:
                workers = suggested_workers(files=survey.files, size=survey.size, cores=usable_cores())
            events = pipeline.read(
                absolute,
                known=run.known,
                count_tokens=count_tokens,
                ocr=Ocr(replace(ocr, threads=1) if workers else ocr, self._parts.load_recogniser),
                picture_side=picture_side(embedders),
                workers=workers,
                options=self._parts.reading,
                on_wait=run.waiting,
                digest=digest,
            )
            with closing(events):  # ends worker processes, also when it is interrupted
                run.consume(events)
            if prune:
                run.report.forgotten = self._prune(writer, absolute)
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
        with self._reader.snapshot() as snapshot:
            wanted = max(k, min(FOLD_FROM * k, FOLD_MOST)) if fold else k
            found = self._retriever.search(snapshot, asked, k=wanted, filters=filters, lanes=lanes, fusion=fusion)
            rows = snapshot.document_rows(sorted({document_of(hit.page) for hit in found.hits}))
            pages = snapshot.pages([hit.page for hit in found.hits])
            looks = snapshot.looks(list(pages)) if fold else {}
            photos = {key for key, row in rows.items() if row.document.kind == "photo"}
            hits = []
            folded = duplicates.fold(found.hits, pages, looks, photos, k=k)
            crossings = crossing.crossings(snapshot, [pages[one.hit.page] for one in folded])
            for one in folded:
                row, page = rows[document_of(one.hit.page)], pages[one.hit.page]
                hit = _crossed(self._found(snapshot, query, one.hit, row, page), page, crossings[page.key])
                like = [PageRef(rows[document_of(page)].path, number_of(page)) for page in one.behind]
                beside = _neighbours(snapshot, row, hit.ref.number, neighbours)
                hits.append(replace(hit, like=like, neighbours=beside))
            missing = dict(self._retriever.missing)
            return SearchResults(query, hits, found.heard, found.pages, missing, self._guessing())

    def _asked(self, text: str, picture: Picture) -> Query:
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

    def _found(self, snapshot: Snapshot, query: str, hit: FusedHit, row: DocumentRow, page: PageRow) -> FoundPage:
        return FoundPage(
            ref=PageRef(row.path, page.number),
            label=page.label,
            title=row.document.title,
            kind=row.document.kind,
            document=row.document.sha256,
            page_count=row.document.page_count,
            score=hit.score,
            lanes=hit.lanes,
            named=hit.named,
            evidence=self._retriever.evidence(snapshot, query, page, hit),
            source=page.text.source,
            confidence=page.text.confidence,
            estimated=_is_estimated(row),
            guesses=page.guesses if self._guessing() else (),  # those of a lane that was moved stay at rest
        )

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
        shown, idf = self._shown(standalone(question, history), k=k, filters=filters)
        with closing(self._answerer.stream(question, shown, history=history, idf=idf)) as events:
            for event in events:
                yield _noted(event, shown) if isinstance(event, Answer) else event

    def extract(self, document: Path | str, schema: object, *, k: int = ASK_PAGES) -> Extraction:
        """Read a document into the shape of a JSON Schema (2020-12), each value with the page it stands on; of a
        document of more than `k` pages, the `k` that have most to do with the schema's words. Raises NotFound,
        UsageError for the schema, GenerationError where no language model is configured or it does not do it."""
        extractor = self._parts.load_extractor(self.page_picture)
        words = extractor.words(schema)
        with self._reader.snapshot() as snapshot:
            row = find_document(snapshot, str(document))
            count = row.document.page_count
            keys = [page_key(row.key, number) for number in range(1, count + 1)]
            if count > k:
                filters = Filters(paths=(escape(row.path),))
                found = self._retriever.search(snapshot, Query(words), k=k, filters=filters)
                keys = sorted(hit.page for hit in found.hits)
            pages = snapshot.pages(keys)
        return extractor.extract(schema, [_as_shown(row, pages[key]) for key in keys])

    def _shown(self, question: str, *, k: int, filters: Filters) -> tuple[list[ShownPage], Mapping[str, float]]:
        """Return the pages that an answer may rest on, best first, and the idf of the question's terms. One page of
        those that are the same to a reader; a model that sees pages gets behind the best the pages they go on on."""
        with self._reader.snapshot() as snapshot:
            wanted = max(k, min(FOLD_FROM * k, FOLD_MOST))
            found = self._retriever.search(snapshot, Query(question), k=wanted, filters=filters)
            hits = {hit.page: hit for hit in found.hits}
            rows = snapshot.document_rows(sorted({document_of(page) for page in hits}))
            pages = snapshot.pages(list(hits))
            photos = {key for key, row in rows.items() if row.document.kind == "photo"}
            folded = duplicates.fold(found.hits, pages, snapshot.looks(list(pages)), photos, k=k)
            chosen = {one.hit.page: pages[one.hit.page] for one in folded}
            if self._answerer.sees:
                chosen = crossing.reading_on(snapshot, list(chosen), chosen, k=k, last=filters.last_page)
        shown = []
        for key, page in chosen.items():
            one = _as_shown(rows[document_of(key)], page)
            if key in hits:
                lanes = hits[key].lanes
                one = replace(one, score=hits[key].score, bm25=lanes["words"].score if "words" in lanes else None)
            shown.append(one)
        return shown, found.idf

    def picture(self, ref: PageRef, *, boxes: Sequence[Box] = (), longest: int = PICTURE_SIDE) -> bytes:
        """Return a page as JPEG, `longest` pixels on its longer side, with `boxes` marked."""
        row = self._row_of(ref)
        document = row.document

        def render() -> bytes:
            return to_jpeg(self._parts.render(_its_file(row, ref), document.kind, ref.number, longest))

        data = kept_picture(self.layout, document.sha256, ref.number, longest, render)
        return to_jpeg(draw_marks(from_jpeg(data), boxes)) if boxes else data

    def page_picture(self, ref: PageRef, longest: int) -> Picture:
        """Return a page as models see it, drawn anew, `longest` pixels on its longer side."""
        row = self._row_of(ref)
        return self._parts.picture_of(_its_file(row, ref), row.document.kind, ref.number, longest)

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
            heat = self._retriever.heat(snapshot, query, key, **size)
        if heat is None:
            raise NotFound(
                f"expected {ref} in the `page` lane, found nothing of it: a page without words has no heat map"
            )
        return heat

    def heated(self, ref: PageRef, query: str, *, longest: int = PICTURE_SIDE) -> bytes:
        """Return a page as JPEG with its heat map over it."""
        heat = self.heat_map(ref, query, longest=longest)
        return to_jpeg(draw_heat(from_jpeg(self.picture(ref, longest=longest)), heat))

    def resolve(self, text: str) -> PageRef:
        """Return the page that `report.pdf p.12`, `report.pdf p.iv` or `photo.jpg` names, its path in full."""
        with self._reader.snapshot() as snapshot:
            return resolve_page(snapshot, text)

    def status(self) -> Status:
        """Return what the collection holds, what could not be read, and why."""
        manifest = self._reader.manifest
        with self._reader.snapshot() as snapshot:
            return Status(
                collection=str(self.layout.root),
                profile=manifest.profile,
                models={"words": "BM25", **{name: str(lane.space) for name, lane in manifest.lanes.items()}},
                generation=snapshot.generation,
                documents=[_document_status(row) for row in snapshot.documents.values()],
                pages=snapshot.page_count,
                textless_pages=snapshot.textless(),
                passages=len(snapshot.vectors("text")) if "text" in manifest.lanes else 0,
                bytes_on_disk=sum(path.stat().st_size for path in self.layout.root.rglob("*") if path.is_file()),
                gone=[
                    path for row in snapshot.documents.values() for path in row.paths if not text_to_path(path).exists()
                ],
                failures=[FailedFile(one.path, one.code, one.reason) for one in snapshot.failures()],
                problem_pages=snapshot.unread_pages(),
                alike=[
                    [PageRef(snapshot.documents[document_of(page)].path, number_of(page)) for page in group]
                    for group in duplicates.groups(snapshot)
                ],
            )

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


def _neighbours(snapshot: Snapshot, row: DocumentRow, number: int, count: int) -> list[NeighbourPage]:
    """Return the pages of a document that stand at most `count` before or behind one."""
    if not count:  # asks the catalogue nothing: this is called for each hit
        return []
    numbers = range(max(1, number - count), min(row.document.page_count, number + count) + 1)
    pages = snapshot.pages([page_key(row.key, one) for one in numbers if one != number])
    return [
        NeighbourPage(PageRef(row.path, page.number), page.label, page.text.text) for _, page in sorted(pages.items())
    ]


def _crossed(hit: FoundPage, page: PageRow, crosses: crossing.Crossing) -> FoundPage:
    """Return a hit that knows the pages on which its evidence begins and goes on."""
    path, told = hit.ref.path, crossing.told(crosses, page, hit.evidence)
    before, after = (None if number is None else PageRef(path, number) for number in (told.before, told.after))
    return replace(hit, comes_from=before, goes_on=after)


def _is_estimated(row: DocumentRow) -> bool:
    """Tell whether a document's pages are where its layout here ends them, since its format has none; one page is
    the first, however it is laid out."""
    return row.document.metadata.get("pages") == "estimated" and row.document.page_count > 1


def _noted(answer: Answer, shown: Sequence[ShownPage]) -> Answer:
    """Return an answer that says which of the files it cites have no page numbers of their own."""
    estimated = {page.ref.path for page in shown if page.estimated}
    cited = dict.fromkeys(citation.ref.path for citation in answer.citations if citation.ref.path in estimated)
    names = [path.rpartition("/")[2] for path in cited]
    said = [f"The page numbers of {name} are estimated: its format has no pages of its own." for name in names]
    return replace(answer, notes=(*answer.notes, *said)) if said else answer


def _as_shown(row: DocumentRow, page: PageRow) -> ShownPage:
    ref = PageRef(row.path, page.number)
    return ShownPage(ref, page.label, row.document.title, page.text, estimated=_is_estimated(row))


def _document_status(row: DocumentRow) -> DocumentStatus:
    one = row.document
    return DocumentStatus(one.sha256, one.title, one.kind, one.page_count, row.paths, one.date, one.metadata)


def _its_file(row: DocumentRow, ref: PageRef) -> Path:
    """Return the file of a document as it was indexed. Raises NotFound where it is gone or another by now."""
    file = next((path for path in map(text_to_path, row.paths) if path.exists()), None)
    if file is None:
        raise NotFound(f"expected the file of {ref} at {row.path}, found it gone. Run: pagelens index --prune")
    if sources.digest(file, row.document.kind) != row.document.sha256:
        raise NotFound(f"{ref}: the file has changed since it was indexed. Index it again, then show the page.")
    return file
