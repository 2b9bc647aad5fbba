"""What an engine is made of; `pagelens.api.engine.wiring` fills it in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pagelens.api.engine.embedding import Embedder
from pagelens.api.engine.indexing import RenderImage
from pagelens.api.engine.member_files import EXTRACT_HERE, ExtractMember
from pagelens.core.protocols import Answerer, Extractor, RenderPageImage, Summariser, TextEncoder
from pagelens.core.types import ImageArray, Kind
from pagelens.encode.batching import usable_cores
from pagelens.generate.llm.estimates import Estimator
from pagelens.ingest.figures import DocumentFigure, find_figures
from pagelens.ingest.form_fields import FormField, read_form_fields
from pagelens.ingest.ocr.engines import OcrSettings
from pagelens.ingest.ocr.recognition import TextRecogniser
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions
from pagelens.ingest.workers.worker_source import WorkerSource
from pagelens.retrieve.question_parts import QuestionSplitter, split_question
from pagelens.retrieve.search import Retriever

DEFAULT_OCR = OcrSettings(threads=usable_cores())


@dataclass(frozen=True, slots=True)
class EngineComponents:
    """What the engine works with. Loaders are called when first needed: `status` loads no model."""

    load_embedders: Callable[[], Sequence[Embedder]]
    load_image_embedder: Callable[[], Embedder]  # of the `image` lane
    load_text_encoder: Callable[[], TextEncoder]  # counts the tokens of passages
    load_retriever: Callable[[RenderPageImage], Retriever]
    load_answerer: Callable[[RenderPageImage], Answerer]
    load_extractor: Callable[[RenderPageImage], Extractor]
    render_array: RenderImage
    render_query_image: RenderImage
    read_query_words: Callable[[ImageArray], str]
    load_recogniser: Callable[[OcrSettings], TextRecogniser]
    reader_options: ReaderOptions = DEFAULT_READER_OPTIONS
    worker_source: WorkerSource | None = None  # of the processes that read files; None: new ones for each run
    readers: int | None = None  # of these processes; None: suited to the files and cores
    encoding_threads: int | None = None  # windows of pages encoded at once; None: suited to the cores
    extract_member: ExtractMember = EXTRACT_HERE
    load_estimator: Callable[[], Estimator | None] = lambda: None  # of requests to a language model; None without one
    find_figures: Callable[[Path, Kind], list[DocumentFigure]] = find_figures
    read_form: Callable[[Path, Kind], list[FormField]] = read_form_fields
    load_splitter: Callable[[], QuestionSplitter] = lambda: split_question  # of thorough searches
    load_summariser: Callable[[RenderPageImage], Summariser | None] = lambda _: None  # None: quoted outlines
    micro_batching: bool = True  # concurrent searches are computed together
