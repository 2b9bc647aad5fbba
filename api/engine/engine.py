"""The engine: index files, search, answer questions, show pages. Every interface (shell, Python, HTTP) uses it.

Models and readers are passed in as `EngineComponents`; `pagelens.api.engine.wiring` builds them.
"""

import logging
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from functools import cached_property, partial
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagelens.api.engine.across_documents import answer_across, documents_to_ask, question_for_each
from pagelens.api.engine.answer_context import (
    AnswerContext,
    answer_without_pages,
    pages_for_question,
    shown_page,
    with_notes,
    with_searches,
)
from pagelens.api.engine.arranged_results import ALL, BY_RELEVANCE, Arrangement, FieldReader, make_facets
from pagelens.api.engine.collection_descriptions import CollectionDescriptions
from pagelens.api.engine.components import DEFAULT_OCR, EngineComponents
from pagelens.api.engine.embedding import Embedder, max_image_side
from pagelens.api.engine.extracting import PageSelection, PagesToRead, extract_form, pages_to_read, resolve_schema
from pagelens.api.engine.file_names import absolute_path, path_to_text, text_to_path
from pagelens.api.engine.found_pages import describe_hits, read_hits
from pagelens.api.engine.indexing import IndexFirst, IndexRun, OnProgress, forget_missing_files, looking_progress
from pagelens.api.engine.labelling import (
    LabelledPage,
    Labelling,
    LabelProbabilities,
    LabelReport,
    LabelSetStatus,
    label_by_examples,
    label_by_words,
    label_encoder,
    label_probabilities,
    label_set_status,
    labelled_pages,
    with_threshold,
)
from pagelens.api.engine.lookup import find_document, find_documents, find_page, find_page_key, members_of, resolve_page
from pagelens.api.engine.metadata_loading import FILE_COLUMN, load_table
from pagelens.api.engine.originals import Originals
from pagelens.api.engine.page_overlays import draw_boxes, from_jpeg, overlay_heat_map, to_jpeg
from pagelens.api.engine.query_image import (
    NO_IMAGE_OPTIONS,
    ImageOptions,
    ImageSource,
    listed_images,
    make_query,
)
from pagelens.api.engine.ranked_pages import RankedSearch, SearchOptions, rank_arranged_pages, rank_pages
from pagelens.api.engine.results import (
    Facet,
    IndexReport,
    MetadataReport,
    SearchResults,
    Status,
    collection_status,
)
from pagelens.api.engine.reviewing import CollectionReviews
from pagelens.api.engine.second_pass import SecondPass
from pagelens.api.engine.vectors import Embeddings, embed_texts, embed_with_pictures
from pagelens.core import tracing
from pagelens.core.errors import NotFound, UsageError
from pagelens.core.judgements import Judgement
from pagelens.core.keys import page_key
from pagelens.core.labels import DEFAULT_THRESHOLD, FLAGGED, LabelSet, read_label_set
from pagelens.core.metadata_fields import FieldType
from pagelens.core.protocols import Answerer, Extractor
from pagelens.core.types import (
    DEFAULT_DEPTH,
    Answer,
    AnswerEvent,
    AnswerStep,
    Box,
    ContextPage,
    Depth,
    Extraction,
    Filters,
    History,
    ImageArray,
    PageRef,
    Query,
    SearchStep,
    UserImage,
)
from pagelens.encode.batching import usable_cores
from pagelens.encode.loading import BUILTIN
from pagelens.generate.across_question import ACROSS_FORMS, AcrossQuestion, parse_across
from pagelens.generate.extraction.shipped_schemas import shipped_name
from pagelens.generate.extraction.windows import extract_all, page_windows
from pagelens.generate.follow_up import standalone_question
from pagelens.generate.llm.chat import ChatRequest
from pagelens.generate.llm.estimates import (
    Estimate,
    Estimator,
    ExtractionRequestMaker,
    RequestMaker,
    SummaryRequestMaker,
)
from pagelens.generate.llm.providers import MODEL_SYNTAX
from pagelens.index import history, judgement_log
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.history import CommitHistory
from pagelens.index.layout import Layout, Manifest
from pagelens.index.page_images import cached_page_image
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.index.searched_metadata import update_searched_texts
from pagelens.index.writer import CollectionWriter
from pagelens.ingest.files import walk
from pagelens.ingest.files.digest import DigestFunction, digest
from pagelens.ingest.members.member_paths import outer_file
from pagelens.ingest.metadata_table import read_table
from pagelens.ingest.ocr.engines import Ocr, OcrSettings
from pagelens.ingest.pipeline import PipelineSettings, read_documents
from pagelens.ingest.workers.worker_pool import suggested_workers
from pagelens.retrieve.depth import MAX_SEARCHES
from pagelens.retrieve.query_language import narrowed, parse_query
from pagelens.retrieve.question_parts import QuestionSplitter, split_question
from pagelens.retrieve.search import Fusion, RetrievalResult, Retriever
from pagelens.retrieve.spelling import describe_corrections, replace_words

logger = logging.getLogger(__name__)

ANSWER_PAGES = 6  # pages given to the answerer
IMAGE_SIDE = 1_400  # pixels of the longer side of a page image
MAX_SUMMARISED = 400  # pages that a summary sends to a model
OUTLINE_LINES = 3  # lines of an outline for each sentence of a summary
SENTENCE_TOKENS = 40  # about, of a sentence of a summary
MAX_PAST = 2  # earlier commits held open at a time
NO_FILTERS = Filters()

Paths = Path | str | Sequence[Path | str]


class Engine:
    """One collection and everything one can do with it."""

    def __init__(self, root: Path, components: EngineComponents) -> None:
        self.layout = Layout(root)
        self._reader = CollectionReader(root, micro_batching=components.micro_batching)
        self._components = components
        self._past: dict[int, Engine] = {}  # by commit; see `as_of`
        self._past_lock = threading.Lock()
        self._folder: TemporaryDirectory[str] | None = None  # of an earlier commit: removed with the engine
        self._ocr: Ocr | None = None  # of the last run, with its engine where this process has loaded it
        self._originals = Originals(
            self._reader.files,
            self.layout,
            kept=self.manifest.files is not None,
            extract_member=components.extract_member,
        )

    @property
    def manifest(self) -> Manifest:
        """The collection's profile and lanes, as they were when it was opened."""
        return self._reader.manifest

    def close(self) -> None:
        """Close the collection's files, and those of its earlier commits."""
        self._reader.close()
        for past in self._past.values():
            past.close()
        self._past.clear()
        if self._folder is not None:
            self._folder.cleanup()

    def as_of(self, moment: str) -> "Engine":
        """Return an engine over the collection as it was: at a commit's number, or at a date or time in ISO 8601.

        It is for reading; `MAX_PAST` of them are kept for the next call. Raises NotFound where the collection keeps no
        history that reaches so far.
        """
        found = history.read_history(self.layout, self.manifest).find(moment)
        with self._past_lock:
            if found not in self._past:
                if len(self._past) == MAX_PAST:
                    self._past.pop(next(iter(self._past)))  # whoever still reads it keeps it
                folder = history.restore(self.layout, self.manifest, found)
                past = Engine(Path(folder.name), self._components)
                past._folder = folder
                self._past[found] = past
            return self._past[found]

    def keep_history(self, days: int | None) -> None:
        """Keep a history of so many days from here on; None: forget it, and keep none. Raises UsageError where the
        collection is on a server; CollectionLocked."""
        history.keep_history(self.layout, days)
        self._reader.require_same_models()  # reads the manifest again

    def kept_history(self) -> CommitHistory:
        """Return the history that the collection keeps: how long, which commits, and what it takes."""
        return history.read_history(self.layout, self.manifest)

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def retriever(self) -> Retriever:
        """What searches, with the collection's lanes; its models are loaded with the first use."""
        return self._components.load_retriever(self.page_image_array)

    @cached_property
    def _answerer(self) -> Answerer:
        return self._components.load_answerer(self.page_image_array)

    @cached_property
    def _question_splitter(self) -> QuestionSplitter:
        return self._components.load_splitter()

    @cached_property
    def descriptions(self) -> CollectionDescriptions:
        """Descriptions of photos and pages by a vision model."""
        return CollectionDescriptions(self._reader, self._components, self._originals, self.page_image_array)

    @cached_property
    def reviews(self) -> CollectionReviews:
        """What a person shall look at, and what they decided."""
        return CollectionReviews(self.layout, self._reader)

    # Writing

    def index(
        self,
        paths: Paths,
        *,
        first: IndexFirst = "words",
        prune: bool = False,
        ocr: OcrSettings = DEFAULT_OCR,
        workers: int | None = None,
        max_pages: int | None = None,
        digest: DigestFunction = digest,
        excluded: Paths = (),
        on_progress: OnProgress = lambda _: None,
    ) -> IndexReport:
        """Index files and folders. An unchanged file is hashed and not read again.

        `first` is "words": all files are read and found by their words, then pages get their vectors, those too that
        an interrupted run left without; "all": each page gets both at once.
        A file that cannot be read is in the report, with the reason; the others are indexed. `prune` forgets indexed
        files below `paths` that no longer exist. `ocr` applies to files that are read, not to those indexed before.
        `workers` is the number of processes that read files (None: suited to the files and cores; 0: this process reads
        them, without limits on time and memory). A document of more than `max_pages` (None: the collection's setting)
        is not read. `digest` hashes a file. `excluded` files are left out. Raises
        UsageError, WeightsError, CollectionLocked, StoreError.
        """
        absolute = [absolute_path(path) for path in _as_list(paths)]
        if not absolute:
            raise UsageError("expected at least one file or folder to index, found none")
        options, embedders = self._components.reader_options, self._components.load_embedders()
        options = replace(options, excluded=tuple(absolute_path(path) for path in _as_list(excluded)))
        count_tokens = self._components.load_text_encoder().count_tokens
        with CollectionWriter(self.layout.root) as writer:
            self._reader.require_same_models()  # the embedders' models; with the lock held they cannot change any more
            survey = walk.survey(absolute, on_found=lambda found: on_progress(looking_progress(found)))
            run = IndexRun(
                writer,
                embedders if first == "all" else None,
                file_count=survey.files,
                byte_count=survey.size,
                on_progress=on_progress,
                keep_original=self._originals.keep,
                threads=self._components.encoding_threads,
            )
            if workers is None:
                workers = self._components.readers or suggested_workers(
                    files=survey.files, size=survey.size, cores=usable_cores()
                )
            events = read_documents(
                absolute,
                next_page=run.next_page,
                paths_to_merge=run.paths_to_merge,
                lacks_members=run.lacks_members,
                count_tokens=count_tokens,
                settings=PipelineSettings(
                    image_side=max_image_side(embedders) if first == "all" else 0,
                    workers=workers,
                    reader_options=replace(options, max_pages=max_pages or options.max_pages),
                ),
                ocr=self._ocr_with(replace(ocr, threads=max(1, ocr.threads // max(1, workers)))),
                on_wait=run.on_wait,
                digest=digest,
                source=self._components.worker_source,
            )
            with closing(events):  # ends the worker processes, also after an interrupt
                run.consume(events)
            run.forget_members()
            run.record_unread_files(absolute)
            with self._reader.snapshot() as snapshot:
                run.report.forgotten, run.report.gone = forget_missing_files(writer, snapshot, absolute, prune=prune)
            self._embed(writer, embedders, run.report, run.documents, on_progress)
        self._update_searched_texts()  # of files that were read again
        self.descriptions.apply()
        if self.manifest.files is not None:
            with self._reader.snapshot() as snapshot:
                self._originals.keep_missing(snapshot)
        return run.report

    def _ocr_with(self, settings: OcrSettings) -> Ocr:
        """Return OCR with these settings, the one of the last run if they were the same: loading its engine takes as
        long as reading two pages."""
        if self._ocr is None or self._ocr.settings != settings:
            self._ocr = Ocr(settings, self._components.load_recogniser)
        return self._ocr

    def make_vectors(self, *, on_progress: OnProgress = lambda _: None) -> IndexReport:
        """Make the vectors that pages lack because indexing with words first was interrupted; no file is read anew.

        `index` does so at its end. Raises WeightsError, CollectionLocked, StoreError.
        """
        embedders, report = self._components.load_embedders(), IndexReport()
        with CollectionWriter(self.layout.root) as writer:
            self._reader.require_same_models()
            self._embed(writer, embedders, report, frozenset(), on_progress)
        self.descriptions.apply()
        return report

    def _embed(
        self,
        writer: CollectionWriter,
        embedders: Sequence[Embedder],
        report: IndexReport,
        first: frozenset[str],
        on_progress: OnProgress,
    ) -> None:
        """Make the vectors that pages lack, first of the documents of these SHA-256."""
        started = time.monotonic()
        render, find_file = self._components.render_array, self._originals.find
        threads = self._components.encoding_threads
        SecondPass(writer, embedders, render, find_file, on_progress=on_progress, threads=threads).run(report, first)
        if report.embedded:
            report.words_seconds = report.seconds
            report.seconds += time.monotonic() - started

    def retry(
        self, paths: Paths = (), *, max_pages: int | None = None, on_progress: OnProgress = lambda _: None
    ) -> IndexReport:
        """Read files again that could not be read: the given ones, or all that failed and still exist."""
        chosen = [path_to_text(absolute_path(path)) for path in _as_list(paths)] or None
        with CollectionWriter(self.layout.root) as writer:
            forgotten = writer.clear_failures(chosen)
        files = dict.fromkeys(outer_file(text_to_path(path)) for path in forgotten)
        existing = [path for path in files if path.exists()]
        if not existing:
            return IndexReport()
        return self.index(existing, max_pages=max_pages, on_progress=on_progress)

    def load_metadata(
        self,
        table: Path | str,
        *,
        key: str = FILE_COLUMN,
        types: Mapping[str, FieldType] | None = None,
        searched: Sequence[str] | None = None,
    ) -> MetadataReport:
        """Give indexed files the values of a table (CSV, JSON lines, Parquet); nothing is read or encoded again.

        `key` is the column that names the files. `types` replace the inferred types of columns. `searched` are the
        columns whose texts the `words` lane finds the files by (None: those of before). A row of a later table replaces
        the values of its columns, an empty cell removes one. Raises UsageError for a table that cannot be read or whose
        types contradict the collection's, and then changes nothing; CollectionLocked.
        """
        content = read_table(Path(table))
        with CollectionWriter(self.layout.root) as writer:
            fields, records = writer.read_metadata()
            with self._reader.snapshot() as snapshot:
                paths = sorted(path for row in snapshot.documents.values() for path in row.paths)
            fields, changed, report = load_table(
                content, paths, fields, records, key=key, types=types, searched=searched
            )
            writer.write_metadata(fields, changed)
        self._update_searched_texts()
        return report

    def _update_searched_texts(self) -> None:
        with self._reader.snapshot() as snapshot:
            update_searched_texts(self.layout, snapshot)

    def embed(self, inputs: Sequence[str | bytes], *, as_queries: bool = False) -> Embeddings:
        """Return the vectors of texts, or of pictures (bytes of their files) with texts, in the order given.

        Texts alone by the text lane's model, as passages or as queries; with a picture all by the image lane's, as
        queries. Raises UsageError, WeightsError.
        """
        texts = [item for item in inputs if isinstance(item, str)]
        if len(texts) == len(inputs):
            return embed_texts(texts, self._components.load_text_encoder(), as_queries=as_queries)
        return embed_with_pictures(inputs, self._components.load_image_embedder, self._components.render_query_image)

    def label(self, labels: LabelSet | Path | str, *, threshold: float | None = None) -> LabelReport:
        """Label photos and page images by what words describe (zero-shot), and store the labels; nothing is encoded.

        `labels` is a label set or a file of one: a class a line, or JSON (`pagelens.core.labels`). They replace those
        of an earlier set of the same name. `threshold` replaces all thresholds of the set. Pages indexed later have no
        labels until this is called again. Raises UsageError, WeightsError, CollectionLocked.
        """
        label_set = labels if isinstance(labels, LabelSet) else read_label_set(Path(labels))
        label_set = with_threshold(label_set, threshold)
        encoder = label_encoder(self._components.load_image_embedder())
        return self._store_labels(lambda snapshot: label_by_words(snapshot, encoder, label_set))

    def label_like(
        self, examples: Path | str, *, name: str | None = None, threshold: float = DEFAULT_THRESHOLD
    ) -> LabelReport:
        """Label photos and page images by example pictures: a subfolder of `examples` a class.

        A subfolder named "none" holds pictures that get no label. `name` of the label set is the folder's if None. By
        the nearest class mean; by a linear probe where each class has enough examples. Errors as for `label`.
        """
        folder = Path(examples)
        embedder, render = self._components.load_image_embedder(), self._components.render_query_image
        return self._store_labels(
            lambda snapshot: label_by_examples(
                snapshot, embedder, folder, render, name=name or folder.resolve().name, threshold=threshold
            )
        )

    def _store_labels(self, work: Callable[[Snapshot], Labelling]) -> LabelReport:
        with CollectionWriter(self.layout.root) as writer:  # so that no page is added or removed meanwhile
            self._reader.require_same_models()
            with self._reader.snapshot() as snapshot:
                labelling = work(snapshot)
            writer.write_labels(labelling.label_set, labelling.assigned)
        return labelling.report

    def forget_labels(self, name: str) -> None:
        """Remove a label set and its labels. Raises NotFound."""
        with CollectionWriter(self.layout.root) as writer:
            if not writer.forget_labels(name):
                raise NotFound(f"expected a label set of the collection, found none named {name!r}: pagelens label")

    def label_sets(self) -> list[LabelSetStatus]:
        """Return the label sets that were applied, and how many pages have each label."""
        with self._reader.snapshot() as snapshot:
            return label_set_status(snapshot)

    def label_probabilities(self, labels: LabelSet) -> LabelProbabilities:
        """Return how probable each label is for each photo and page image; stores nothing. Errors as for `label`."""
        encoder = label_encoder(self._components.load_image_embedder())
        with self._reader.snapshot() as snapshot:
            return label_probabilities(snapshot, encoder, labels)

    def labelled_pages(self, pattern: str = FLAGGED) -> list[LabelledPage]:
        """Return the pages with a label, the most probable first; all that policies flag if no label is named."""
        with self._reader.snapshot() as snapshot:
            return labelled_pages(snapshot, pattern)

    def remove(self, names: Paths) -> list[str]:
        """Forget documents by path, unique file name, SHA-256, folder or glob; return their paths.

        The files themselves are not deleted. Raises NotFound.
        """
        with self._reader.snapshot() as snapshot:
            found = [row for name in _as_list(names) for row in find_documents(snapshot, str(name))]
            found += members_of(snapshot, found)
        rows = list({row.key: row for row in found}.values())
        with CollectionWriter(self.layout.root) as writer:
            writer.remove_documents([row.key for row in rows])
        return [path for row in rows for path in row.paths]

    # Reading

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Return the newest commit as a context manager, to list documents and pages from."""
        return self._reader.snapshot()

    def search(
        self,
        query: str = "",
        *,
        image: ImageSource | Sequence[ImageSource] | None = None,
        image_options: ImageOptions = NO_IMAGE_OPTIONS,
        k: int = 10,
        filters: Filters = NO_FILTERS,
        lanes: Sequence[str] | None = None,
        fold: bool = False,
        neighbours: int = 0,
        fusion: Fusion | None = None,
        arrangement: Arrangement = BY_RELEVANCE,
        spelling: bool = True,
        rerank: bool | None = None,
        depth: Depth = DEFAULT_DEPTH,
    ) -> SearchResults:
        """Return the `k` best pages for a text, an image (a file or its bytes), or both, each with its evidence.

        The text is in the query language (`pagelens.retrieve.query_language`). `spelling`: whether words that no page
        has are corrected by those of the collection. `rerank`: whether the first pages are reranked (None: as set for
        the collection, unless `lanes` or `fusion` are given). `depth`: how much work the search does; "thorough" also
        searches for the parts of the question, and for what no page has (`pagelens.retrieve.depth`).
        With several images results are like all of them; `image_options` says what they shall not be like, what words
        weigh against images, and whether the images themselves are left out.
        `fold` puts duplicates of a better hit into that hit. `neighbours` is the number of pages returned before and
        after each hit. `lanes` and `fusion` replace the defaults. `arrangement` sorts or groups what is found by
        metadata, and asks for facets; with it or with filters the query may be empty, and each document that matches is
        found. `k` is the number of groups where there are some. Raises UsageError.
        """
        if neighbours < 0:
            raise UsageError(f"expected 0 neighbours or more, found {neighbours}")
        options = SearchOptions(
            k=k,
            filters=filters,
            lanes=lanes,
            fusion=fusion,
            fold=fold,
            arrangement=arrangement,
            spelling=spelling,
            rerank=rerank,
            depth=depth,
        )
        rank = self._ranker(query, listed_images(image), image_options, options)
        size = None if arrangement.group_by else k
        return self._reader.read(lambda snapshot: self._show(snapshot, rank(snapshot), 0, size, neighbours))

    def rerank_cost(self, *, rerank: bool | None = None, depth: Depth = DEFAULT_DEPTH) -> str:
        """Return what reranking costs for a search with these options, in words; "" where nobody is paid."""
        cost = self.retriever.rerank_cost(False if depth == "quick" and rerank is None else rerank)
        return f"{cost}; a thorough search has up to {MAX_SEARCHES}" if cost and depth == "thorough" else cost

    def judge(self, judgement: Judgement) -> None:
        """Keep what a user did with a hit or thinks of an answer: to tune on, and to export. Raises NotFound for a page
        that is not there; UsageError for what is no judgement, or where too many are kept; CollectionLocked,
        CollectionReadOnly."""
        if not judgement.answer:
            self._require_page(judgement.document, judgement.number)
        judgement_log.append(self.layout, judgement)

    def _require_page(self, document: str, number: int) -> None:
        with self._reader.snapshot() as snapshot:
            row = next((row for row in snapshot.documents.values() if row.document.sha256 == document), None)
        if row is None or not 1 <= number <= row.document.page_count:
            raise NotFound("expected a page of the collection to be judged, found that it has no such page")

    def judgements(self) -> Sequence[Judgement]:
        """Return what users did with hits and think of answers, oldest first."""
        return judgement_log.read(self.layout)

    def forget_judgements(self) -> int:
        """Remove what `judge` kept; return how many judgements there were. Errors as for `judge`."""
        return judgement_log.forget(self.layout)

    def rank(
        self, query: str, images: Sequence[ImageSource], image_options: ImageOptions, options: SearchOptions
    ) -> RankedSearch:
        """Search as `search` does, for at least `k` hits if there are as many, and read none of the pages: for `show`.

        A longer ranking of the same commit begins with the hits of a shorter one. Raises UsageError.
        """
        return self._reader.read(self._ranker(query, images, image_options, options))

    def show(
        self, ranked: RankedSearch, *, first: int = 0, size: int | None = None, neighbours: int = 0
    ) -> SearchResults:
        """Return `size` hits of a ranking from index `first` on (None: all), as `search` returns them.

        Later commits add nothing to them. Raises RankingExpired if a later commit no longer has one of these hits.
        """
        return self._reader.read(lambda snapshot: self._show(snapshot, ranked, first, size, neighbours))

    def _ranker(
        self, query: str, images: Sequence[ImageSource], image_options: ImageOptions, options: SearchOptions
    ) -> Callable[[Snapshot], RankedSearch]:
        """Return a function that searches a snapshot. Raises UsageError."""
        arrangement, understood = options.arrangement, parse_query(query.strip())
        filters = narrowed(options.filters, understood)
        options = replace(options, filters=filters, split=self._splitter(options.depth))
        listing = not understood.text and not images
        if listing and not (filters or arrangement or arrangement.facets or understood.conditions):
            raise UsageError("expected a query of at least one word, a picture, or filters, found nothing")
        if options.k < 1:
            raise UsageError(f"expected k of at least 1, found {options.k}")
        parsed, problem = self._query(understood.text, images, image_options)
        parsed = replace(parsed, conditions=understood.conditions, spelling=options.spelling)
        unread = {"words": f"the words on the picture are not read: {problem}"} if problem and not parsed.text else {}

        def rank(snapshot: Snapshot) -> RankedSearch:
            rank_hits = rank_arranged_pages if arrangement or listing else rank_pages
            ranked = rank_hits(snapshot, self.retriever, parsed, options)
            return RankedSearch(
                query=query,
                filters=filters,
                generation=snapshot.generation,
                ranked=ranked,
                approximate=self._approximate_lanes(),
                unread=unread,
                listing=listing,
                facets=make_facets(FieldReader(snapshot, filters), arrangement.facets),
                notes=[*understood.notes, *ranked.retrieved.notes],
            )

        return rank

    def _show(
        self, snapshot: Snapshot, ranked: RankedSearch, first: int, size: int | None, neighbours: int
    ) -> SearchResults:
        found = read_hits(snapshot, ranked.ranked, ranked.filters, first=first, size=size)
        hits = describe_hits(snapshot, self.retriever, found, neighbours=neighbours, guesses=bool(ranked.approximate))
        missing = {} if ranked.listing else self._missing_lanes(snapshot)
        return SearchResults(
            query=ranked.query,
            hits=hits,
            query_references=found.retrieved.query_references,
            pages_searched=found.retrieved.page_count,
            missing={**ranked.unread, **missing},
            approximate=ranked.approximate,
            groups=ranked.ranked.groups,
            facets=ranked.facets,
            labels=found.retrieved.labels,
            searched_text=found.retrieved.text,
            corrections=found.retrieved.corrections,
            notes=ranked.notes,
            weak=found.retrieved.weak,
            nothing_found=found.retrieved.nothing_found,
            steps=found.retrieved.steps,
            coverage=found.retrieved.coverage,
        )

    def facets(self, names: Sequence[str] = (ALL,), *, filters: Filters = NO_FILTERS) -> list[Facet]:
        """Return the values of metadata fields, with counts, over all documents that match. Raises UsageError."""
        with self._reader.snapshot() as snapshot:
            return make_facets(FieldReader(snapshot, filters), names)

    def _missing_lanes(self, snapshot: Snapshot) -> dict[str, str]:
        """Return the lanes that found nothing because their model or their data cannot be used, with the reasons. To be
        called after the search, which finds damage."""
        return {**self.retriever.unavailable, **snapshot.damaged}

    def _query(
        self, text: str, images: Sequence[ImageSource], options: ImageOptions = NO_IMAGE_OPTIONS
    ) -> tuple[Query, str]:
        """Return a query, and why the words on its image were not read: "" if they were."""
        return make_query(
            text,
            images,
            options,
            render=self._components.render_query_image,
            read_words=self._components.read_query_words,
        )

    def _splitter(self, depth: Depth) -> QuestionSplitter:
        """Return what splits questions; a model is loaded for a thorough search only. Raises GenerationError."""
        return self._question_splitter if depth == "thorough" else split_question

    def _approximate_lanes(self) -> list[str]:
        """Return the lanes whose hits are guesses: the builtin `image` lane."""
        lanes = self._reader.manifest.lanes
        return ["image"] if "image" in lanes and lanes["image"].model == BUILTIN else []

    def ask(
        self,
        question: str = "",
        *,
        image: Path | str | bytes | None = None,
        k: int = ANSWER_PAGES,
        filters: Filters = NO_FILTERS,
        history: History = (),
        spelling: bool = True,
        depth: Depth = DEFAULT_DEPTH,
        across: bool | None = None,
    ) -> Answer:
        """Answer from the `k` best pages, with citations, or report that they do not answer.

        `image` (a file or its bytes) is a picture that the question is about: it searches together with the words on
        it, a model sees it beside the pages, and it is never cited. With one the question may be empty. `history` is
        the conversation before the question. The question may use the query language
        (`pagelens.retrieve.query_language`); `spelling` and `depth`: as for `search`. `across`: whether it is a
        question about many documents, answered by a row for each that meets it (`Answer.documents`); None: where it can
        be nothing else ("how many reports mention X?") and there is more than one document. Raises UsageError, also for
        an image that cannot be read, and for `across` with another question; GenerationError.
        """
        *_, answer = self.ask_stream(
            question, image=image, k=k, filters=filters, history=history, spelling=spelling, depth=depth, across=across
        )
        assert isinstance(answer, Answer)
        return answer

    def ask_stream(
        self,
        question: str = "",
        *,
        image: Path | str | bytes | None = None,
        k: int = ANSWER_PAGES,
        filters: Filters = NO_FILTERS,
        history: History = (),
        spelling: bool = True,
        depth: Depth = DEFAULT_DEPTH,
        across: bool | None = None,
    ) -> Generator[AnswerEvent]:
        """Yield pieces of the answer's text, citations as they are checked, and last the whole Answer; between them
        what is being done (`AnswerStep`).

        Closing the generator stops the model. Arguments and errors as for `ask`.
        """
        yield AnswerStep(stage="searching")
        parsed = None if image is not None or (history and not across) else self._across(question, filters, across)
        if parsed is not None:
            answer = self._answer_across(question.strip(), parsed, filters, k=k)
            yield answer.text
            yield from answer.citations
            yield answer
            return
        find_pages = partial(
            self._context, question, image, history, k=k, filters=filters, spelling=spelling, depth=depth
        )
        context = (yield from with_searches(find_pages)) if depth == "thorough" else find_pages()
        yield AnswerStep(stage="reading", pages=len(context.pages))
        searched, shown, retrieved = context.searched, context.pages, context.retrieved
        if retrieved.page_count or context.image is not None:
            stream = self._answerer.stream(searched, shown, history=history, idf=retrieved.idf, image=context.image)
        else:
            stream = answer_without_pages(searched, retrieved.nothing_found)
        with closing(stream) as events:
            for event in events:
                if isinstance(event, Answer):
                    notes = [*event.notes, *context.notes]
                    event = with_notes(replace(event, question=question.strip(), notes=notes), shown)
                    yield replace(event, missing=context.missing, generation=context.generation, steps=retrieved.steps)
                else:
                    yield event

    def _across(self, question: str, filters: Filters, across: bool | None) -> AcrossQuestion | None:
        """Return what a question asks of many documents; None where it is to be answered from the best pages."""
        parsed = None if across is False else parse_across(question)
        if parsed is None:
            if across:
                raise UsageError(
                    f"expected a question about many documents, found {question.strip()!r}. {ACROSS_FORMS}"
                )
            return None
        if across:
            return parsed
        with self._reader.snapshot() as snapshot:
            selection = snapshot.select(filters)
            selected = [key for key in snapshot.documents if selection is None or selection.has(key)]
        return parsed if parsed.is_sure and len(selected) > 1 else None

    def _answer_across(self, question: str, parsed: AcrossQuestion, filters: Filters, *, k: int) -> Answer:
        filters = narrowed(filters, parse_query(question, is_question=True))

        def work(snapshot: Snapshot) -> Answer:
            return answer_across(
                question,
                parsed,
                snapshot,
                self.retriever,
                filters=filters,
                ask=lambda inner, row: self._answer_from(snapshot, inner, row, k=k),
                asks_model=isinstance(self._answerer, RequestMaker),
            )

        return self._reader.read(work)

    def _requests_across(
        self, answerer: RequestMaker, question: str, parsed: AcrossQuestion, filters: Filters, *, k: int
    ) -> list[ChatRequest]:
        """Return the requests that a question about many documents takes: one a document, or none."""
        of_each = question_for_each(parsed, asks_model=True)
        if of_each is None:
            return []
        filters = narrowed(filters, parse_query(question, is_question=True))
        with self._reader.snapshot() as snapshot:
            rows = documents_to_ask(parsed, snapshot, self.retriever, filters)
            contexts = [self._pages_from(snapshot, of_each, row, k=k)[0] for row in rows]
        requests = (answerer.request(of_each, pages, image=None) for pages in contexts)
        return [request for request in requests if request is not None]

    def _answer_from(self, snapshot: Snapshot, question: str, row: DocumentRow, *, k: int) -> Answer:
        """Return the answer to a question from one document."""
        pages, idf = self._pages_from(snapshot, question, row, k=k)
        *_, answer = self._answerer.stream(question, pages, idf=idf)
        assert isinstance(answer, Answer)
        return answer

    def _pages_from(
        self, snapshot: Snapshot, question: str, row: DocumentRow, *, k: int
    ) -> tuple[list[ContextPage], Mapping[str, float]]:
        """Return the pages of one document that a question is answered from, and the idf of its words."""
        options = SearchOptions(k=k, filters=Filters(paths=(escape(row.path),)), split=split_question)
        accepts_images = self._answerer.accepts_images
        pages, found = pages_for_question(
            snapshot, self.retriever, Query(question, spelling=False), options, accepts_images=accepts_images
        )
        return pages, found.idf

    def estimate_answer(
        self,
        question: str = "",
        *,
        image: Path | str | bytes | None = None,
        k: int = ANSWER_PAGES,
        filters: Filters = NO_FILTERS,
        across: bool | None = None,
    ) -> Estimate:
        """Return about how many tokens and how much money `ask` would take; nothing is sent, and pages are drawn.

        The pages are those that the lanes find alone: no reranker is asked, which may be a model too. Raises
        UsageError where no language model answers.
        """
        estimator = self._estimator()
        answerer = self._answerer
        assert isinstance(answerer, RequestMaker), "an answerer by a language model makes requests"
        parsed = self._across(question, filters, across) if image is None else None
        if parsed is not None:
            requests = self._requests_across(answerer, question, parsed, filters, k=k)
            return estimator.estimate(requests * estimator.samples, note=answerer.estimate_note if requests else "")
        context = self._context(question, image, (), k=k, filters=filters, spelling=True, depth="quick")
        request = answerer.request(context.searched, context.pages, image=context.image)
        return estimator.estimate([request] * estimator.samples if request else [], note=answerer.estimate_note)

    @property
    def is_priced(self) -> bool:
        """Whether a language model reads and answers, which somebody may have to pay for."""
        return self._components.load_estimator() is not None

    def documents(self, name: str) -> list[DocumentRow]:
        """Return the documents below a folder or matching a glob, else the one of that name. Raises NotFound."""
        with self._reader.snapshot() as snapshot:
            return sorted(find_documents(snapshot, name), key=lambda row: row.path)

    def estimate_extraction(
        self, document: Path | str, schema: object, *, k: int = ANSWER_PAGES, all_pages: bool | None = None
    ) -> Estimate:
        """Return about what `extract` would take; nothing is sent. Raises as `extract` does, and UsageError where no
        language model reads."""
        estimator, schema = self._estimator(), resolve_schema(schema)
        extractor = self._components.load_extractor(self.page_image_array)
        pages = self._pages_to_read(extractor, document, schema, k=k, all_pages=all_pages).pages
        assert isinstance(extractor, ExtractionRequestMaker)
        windows = page_windows(len(pages), extractor.window or len(pages))
        requests = [extractor.request(schema, pages[first:last]) for first, last in windows]
        return estimator.estimate(
            [request for request, _ in requests], reply_tokens=requests[0][1], note=extractor.estimate_note
        )

    def _estimator(self) -> Estimator:
        estimator = self._components.load_estimator()
        if estimator is None:
            raise UsageError(
                "expected a language model to estimate the price of, found none: answers without one cost nothing. "
                f"Name one: {MODEL_SYNTAX}."
            )
        return estimator

    def _context(
        self,
        question: str,
        image: Path | str | bytes | None,
        history: History,
        *,
        k: int,
        filters: Filters,
        spelling: bool,
        depth: Depth,
        on_search: Callable[[SearchStep], None] | None = None,
    ) -> AnswerContext:
        """Find the pages to answer from; `on_search` is called after each search of a thorough search. Raises
        UsageError."""
        question = question.strip()
        if not question and image is None:
            raise UsageError("expected a question, found nothing")
        accepts_images, problem = self._answerer.accepts_images, ""
        understood = parse_query(question, is_question=True)
        if image is None:
            query = Query(str(standalone_question(understood.text, history)))
        else:  # "this" is the image, not what the conversation was about
            query, problem = self._query(understood.text, [image])
        query = replace(query, conditions=understood.conditions, spelling=spelling)
        split = self._splitter(depth)
        narrow = narrowed(filters, understood)
        options = SearchOptions(k=k, filters=narrow, depth=depth, split=split, on_search=on_search)

        def find_pages(snapshot: Snapshot) -> tuple[list[ContextPage], RetrievalResult, dict[str, str], int]:
            shown, retrieved = pages_for_question(
                snapshot,
                self.retriever,
                query,
                options,
                accepts_images=accepts_images,
            )
            return shown, retrieved, self._missing_lanes(snapshot), snapshot.generation

        with tracing.current_span("search"):
            shown, retrieved, missing, generation = self._reader.read(find_pages)
        notes = [*describe_corrections(retrieved.corrections), *understood.notes, *retrieved.notes]
        notes += [f"The words on your picture were not read: {problem}"] if problem else []
        return AnswerContext(
            searched=replace_words(understood.text, retrieved.corrections),
            pages=shown,
            retrieved=retrieved,
            image=None if query.image is None else UserImage(query.image, query.image_text),
            notes=notes,
            missing=missing,
            generation=generation,
        )

    def extract(
        self,
        document: Path | str,
        schema: object,
        *,
        k: int = ANSWER_PAGES,
        all_pages: bool | None = None,
        review: bool = False,
    ) -> Extraction:
        """Read values from a document in the shape of a JSON Schema (2020-12), each with the page it stands on.

        `schema` may be the name of one that comes with PageLens ("invoice"): those are read without a language model
        too; "form" is always read from the form's own fields. All pages are read, in windows that overlap, where
        `all_pages` is true, or None and the document is short; else the `k` best for the words of the schema. What a
        person decided on values wins; with `review` those that are unsure are kept for a person to look at. Raises
        NotFound; UsageError for the schema; GenerationError where a language model is needed or fails.
        """
        schema = resolve_schema(schema)
        with self._reader.snapshot() as snapshot:
            sha256 = find_document(snapshot, str(document)).document.sha256
        extraction = self.reviews.apply(self._extract(document, schema, k=k, all_pages=all_pages), sha256, schema)
        if review:
            self.reviews.add_values(extraction, sha256, schema)
        return extraction

    def _extract(self, document: Path | str, schema: object, *, k: int, all_pages: bool | None) -> Extraction:
        extractor = self._components.load_extractor(self.page_image_array)
        if shipped_name(schema) == "form":
            return self._extract_form(document)
        to_read = self._pages_to_read(extractor, document, schema, k=k, all_pages=all_pages)
        extraction = extract_all(extractor, schema, to_read.pages)
        if to_read.all_read:
            return extraction
        with self._reader.snapshot() as snapshot:
            return replace(extraction, missing=self._missing_lanes(snapshot))

    def _extract_form(self, document: Path | str) -> Extraction:
        with self._reader.snapshot() as snapshot:
            row = find_document(snapshot, str(document))
        return extract_form(row, self._components.read_form(self._originals.find(row), row.document.kind))

    def extract_answer(
        self,
        question: str,
        schema: object,
        *,
        k: int = ANSWER_PAGES,
        history: History = (),
        depth: Depth = DEFAULT_DEPTH,
    ) -> Extraction:
        """Answer from the `k` best pages in the shape of a JSON Schema, each value with its page; data is None if no
        page was found. `depth`: as for `search`. Raises as `extract` does; UsageError for an empty question."""
        extractor = self._components.load_extractor(self.page_image_array)
        extractor.search_text(schema)  # a schema that cannot be used is refused before the search
        context = self._context(question, None, history, k=k, filters=NO_FILTERS, spelling=True, depth=depth)
        if not context.pages:
            return Extraction(data=None, citations={}, absent=[], context_pages=[], missing=context.missing)
        whole_question = str(standalone_question(context.searched, history))
        extraction = extractor.extract(schema, context.pages, question=whole_question)
        return replace(extraction, missing=context.missing, notes=[*extraction.notes, *context.notes])

    def summarise(
        self, document: Path | str | None = None, *, filters: Filters = NO_FILTERS, sentences: int = 8
    ) -> Answer:
        """Return a summary of a document, or of all pages that match the filters, each sentence with its pages.

        By a language model, which is sent all pages, part by part; without one the outline: headings' first sentences
        and sentences with figures, quoted, about three times as many. Raises NotFound, GenerationError; UsageError
        where nothing is chosen, or more than `MAX_SUMMARISED` pages are to be sent to a model.
        """
        from pagelens.generate.summaries.outline import outline  # which few commands need

        pages, generation = self._pages_to_summarise(document, filters)
        summariser = self._components.load_summariser(self.page_image_array)
        if summariser is None:
            answer = outline(pages, lines=OUTLINE_LINES * sentences)
        else:
            _require_few(pages)
            answer = summariser.summarise(pages, sentences=sentences)
        question = f"Summary of {document}" if document else "Summary of the documents that match"
        return with_notes(replace(answer, question=question, generation=generation), pages)

    def estimate_summary(
        self, document: Path | str | None = None, *, filters: Filters = NO_FILTERS, sentences: int = 8
    ) -> Estimate:
        """Return about what `summarise` would take; nothing is sent. Raises as it does."""
        estimator = self._estimator()
        pages, _ = self._pages_to_summarise(document, filters)
        _require_few(pages)
        summariser = self._components.load_summariser(self.page_image_array)
        assert isinstance(summariser, SummaryRequestMaker), "where there is an estimator, there is a model"
        requests = summariser.requests(pages, sentences=sentences)
        note = "Merging the parts takes one call more, of their sentences." if len(requests) > 1 else ""
        return estimator.estimate(requests, reply_tokens=SENTENCE_TOKENS * sentences, note=note)

    def _pages_to_summarise(self, document: Path | str | None, filters: Filters) -> tuple[list[ContextPage], int]:
        """Return all pages of a document, or all that match the filters, in order, and their commit."""
        if document is None and not filters:
            raise UsageError("expected a document, or filters, to summarise, found neither")
        with self._reader.snapshot() as snapshot:
            selection = snapshot.select(filters) if filters else None
            rows = list(snapshot.documents.values()) if document is None else [find_document(snapshot, str(document))]
            keyed = [(row, page_key(row.key, n)) for row in rows for n in range(1, row.document.page_count + 1)]
            chosen = [(row, key) for row, key in keyed if selection is None or selection.has_page(key)]
            if not chosen:
                raise NotFound("expected pages to summarise, found none that match the filters")
            return [shown_page(row, snapshot.pages([key])[key]) for row, key in chosen], snapshot.generation

    def _pages_to_read(
        self, extractor: Extractor, document: Path | str, schema: object, *, k: int, all_pages: bool | None
    ) -> PagesToRead:
        with self._reader.snapshot() as snapshot:
            row = find_document(snapshot, str(document))
            reading = PageSelection(k=k, all_pages=all_pages)
            return pages_to_read(snapshot, lambda: self.retriever, row, extractor, schema, reading)

    def page_image(self, ref: PageRef, *, boxes: Sequence[Box] = (), longest: int = IMAGE_SIDE) -> bytes:
        """Return a page as JPEG, `longest` pixels on its longer side, with `boxes` highlighted. Raises NotFound."""
        row = self._document_of(ref)
        document = row.document

        def render() -> bytes:
            path = self._originals.find_for_display(row)
            return to_jpeg(Image.fromarray(self._components.render_array(path, document.kind, ref.number, longest)))

        data = cached_page_image(self._reader.files, document.sha256, ref.number, longest, render)
        return to_jpeg(draw_boxes(from_jpeg(data), boxes)) if boxes else data

    def page_image_array(self, ref: PageRef, longest: int) -> ImageArray:
        """Return a page as models read it, rendered anew, `longest` pixels on its longer side. Raises NotFound."""
        row = self._document_of(ref)
        path = self._originals.find_for_display(row)
        return self._components.render_array(path, row.document.kind, ref.number, longest)

    def require_files(self) -> None:
        """Raise StoreError unless the store of page images and originals can be reached."""
        self._reader.files.require_ready()

    def original(self, row: DocumentRow) -> Path:
        """Return a local file with a document's bytes, as they were indexed. Raises NotFound, StoreError."""
        return self._originals.find_for_display(row)

    def _document_of(self, ref: PageRef) -> DocumentRow:
        with self._reader.snapshot() as snapshot:
            return find_page(snapshot, ref)

    def evidence(self, ref: PageRef, query: str) -> list[Box]:
        """Return the boxes of the words on a page that match a query best, or the regions of its image that do."""
        with self._reader.snapshot() as snapshot:
            key = find_page_key(snapshot, ref)
            page = snapshot.pages([key])[key]
            understood = parse_query(query)
            text = self.retriever.corrected(snapshot, Query(understood.text))[0].text
            found = self.retriever.evidence(snapshot, text, page, phrases=understood.conditions.phrases)
            return [box for evidence in found for box in evidence.boxes]

    def heat_map(self, ref: PageRef, query: str, *, longest: int = IMAGE_SIDE) -> NDArray[np.float32]:
        """Return how much each place of a page adds to its score in the `page` lane: (height, width) in 0..1.

        `longest` is the longer side in pixels. Raises NotFound where the lane does not have the page.
        """
        with self._reader.snapshot() as snapshot:
            key = find_page_key(snapshot, ref)
            page = snapshot.pages([key])[key]
            scale = longest / max(page.width, page.height)
            size = {"height": round(page.height * scale), "width": round(page.width * scale)}
            heat = self.retriever.heat_map(snapshot, query, key, **size)
        if heat is None:
            raise NotFound(
                f"expected {ref} in the `page` lane, found nothing of it: a page without words has no heat map"
            )
        return heat

    def heat_map_image(self, ref: PageRef, query: str, *, longest: int = IMAGE_SIDE) -> bytes:
        """Return a page as JPEG with its heat map over it. Raises NotFound."""
        heat = self.heat_map(ref, query, longest=longest)
        return to_jpeg(overlay_heat_map(from_jpeg(self.page_image(ref, longest=longest)), heat))

    def resolve(self, text: str) -> PageRef:
        """Return the page named by `report.pdf p.12`, `report.pdf p.iv` or `photo.jpg`, with its full path."""
        with self._reader.snapshot() as snapshot:
            return resolve_page(snapshot, text)

    def status(self) -> Status:
        """Return what the collection holds, which files could not be read, and why."""
        with self._reader.snapshot() as snapshot:
            kept = None if self.manifest.history_days is None else self.kept_history()
            return collection_status(snapshot, self._reader.manifest, self.layout.root, kept)

    def check(self, *, deep: bool = False) -> list[str]:
        """Return descriptions of what is wrong with the stored collection. `deep` reads all that a server holds."""
        return self._reader.check(deep=deep)


def _require_few(pages: Sequence[ContextPage]) -> None:
    """Raise UsageError where more pages are to be summarised than a model is sent."""
    if len(pages) > MAX_SUMMARISED:
        raise UsageError(
            f"expected {MAX_SUMMARISED} pages to summarise at most, found {len(pages)}: all of them are sent to the "
            "model. Choose fewer by filters, or --model extractive for an outline."
        )


def _as_list(paths: Paths) -> Sequence[Path | str]:
    """Return a list of paths; a single string is one path."""
    return [paths] if isinstance(paths, Path | str) else paths
