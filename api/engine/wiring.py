"""Builds collections and engines: loads settings, models and language models once and passes them on."""

import atexit
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from pagelens.api.engine.components import DEFAULT_OCR, EngineComponents
from pagelens.api.engine.embedding import PAGE_SIDE, Embedder
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import absolute_path
from pagelens.api.engine.first_files import are_in_english
from pagelens.api.engine.indexing import OnProgress, RenderImage
from pagelens.api.engine.lane_registry import MODEL_LANES
from pagelens.api.engine.language_models import (
    load_answerer,
    load_estimator,
    load_extractor,
    load_splitter,
    load_summariser,
    load_vision_model,
)
from pagelens.api.engine.member_files import ExtractMember
from pagelens.api.engine.models import CollectionModels
from pagelens.api.engine.profiles import Profile
from pagelens.api.engine.ray_embedding import EmbedderHost, ray_embedders
from pagelens.api.engine.reembedding import OnRenderFailure, Reembedding, ReembedReport
from pagelens.core.errors import CollectionMismatch, UsageError, WeightsError
from pagelens.core.protocols import RenderPageImage, Reranker
from pagelens.core.settings import Settings
from pagelens.core.types import ImageArray, Kind
from pagelens.encode.loading import BUILTIN, load_cross_encoder, load_late_pages_reranker
from pagelens.generate.llm.observed import OnCall
from pagelens.generate.vision_reranker import PAGES, VisionReranker
from pagelens.index import layout
from pagelens.index.admin.reembed import CollectionReembedding
from pagelens.index.catalog.databases import create_catalog
from pagelens.index.creation import create
from pagelens.index.files.file_store_factory import create_file_store
from pagelens.index.layout import CatalogRecord, FilesRecord, LaneRecord, Layout, Manifest, ServerRecord, Tuning
from pagelens.index.lexical.analysis import analyze, analyze_query
from pagelens.index.stores.store_factory import require_free
from pagelens.ingest.figures import DocumentFigure, find_figures
from pagelens.ingest.form_fields import FormField, read_form_fields
from pagelens.ingest.members.extraction import extract_member
from pagelens.ingest.ocr.engines import Ocr, load_recogniser
from pagelens.ingest.ocr.page_ocr import read_page_or_photo_text
from pagelens.ingest.page_processing import ProcessingOptions
from pagelens.ingest.reader_options import DEFAULT_MAX_PAGES, DEFAULT_READER_OPTIONS, ReaderOptions
from pagelens.ingest.readers.registry import load_reader
from pagelens.ingest.workers.figure_reader import FigureReader
from pagelens.ingest.workers.form_reader import FormReader
from pagelens.ingest.workers.member_reader import MemberReader
from pagelens.ingest.workers.page_renderer import QUERY_LIMITS, PageRenderer
from pagelens.ingest.workers.ray_cluster import CORES_PER_ENCODER, RayCluster
from pagelens.ingest.workers.worker_source import WarmWorkers
from pagelens.retrieve.reranking.builtin import BuiltinReranker
from pagelens.retrieve.search import Retriever
from pagelens.retrieve.tuning import tuned_fusion, tuned_reranker

logger = logging.getLogger(__name__)

NO_RERANKER, VISION_RERANKER, LATE_RERANKER = "none", "vision", "late"  # "vision:MODEL" and "late:MODEL" name one

_WORKERS = WarmWorkers()  # of all collections of this process
atexit.register(_WORKERS.close)


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """Where a new collection stores its vectors, its catalog and its files; None: in its folder."""

    server: ServerRecord | None = None
    catalog: CatalogRecord | None = None
    files: FilesRecord | None = None


IN_FOLDER = StorageOptions()


def read_settings() -> Settings:
    """Return the settings that environment variables set."""
    return Settings.from_environment(os.environ)


def create_collection(
    root: Path, profile: Profile, settings: Settings, *, storage: StorageOptions = IN_FOLDER
) -> dict[str, str]:
    """Create an empty collection with a profile's lanes; return the optional lanes left out, each with the reason.

    A lane is left out where its weights cannot be loaded. Raises WeightsError for a required lane; UsageError for a
    lane whose model was given by name; StoreError where a server cannot be reached.
    """
    require_free(Layout(root), storage.server)
    models = CollectionModels(profile.models, analyze, settings)
    records: list[LaneRecord] = []
    left_out: dict[str, str] = {}
    for lane in profile.models:
        try:
            records += models.embedder(lane).lanes
        except WeightsError as exc:
            if lane in profile.requested:
                raise UsageError(_not_loadable(lane, exc)) from exc
            if MODEL_LANES[lane].required:
                raise
            left_out[lane] = str(exc)
    create_empty_collection(root, profile.name, records, storage)
    return left_out


def create_empty_collection(root: Path, profile: str, lanes: Sequence[LaneRecord], storage: StorageOptions) -> None:
    """Create an empty collection; `collection.json` is written last. Raises StoreError, UsageError."""
    require_free(Layout(root), storage.server)
    layout.create_directories(Layout(root))
    create_catalog(storage.catalog)
    create_file_store(storage.files)
    create(
        Layout(root), profile=profile, lanes=lanes, server=storage.server, catalog=storage.catalog, files=storage.files
    )


def are_files_in_english(paths: Sequence[Path], settings: Settings) -> bool | None:
    """Tell whether the documents among files and folders are in English; None where nothing says so."""
    return are_in_english([absolute_path(path) for path in paths], _reader_options(settings), _WORKERS)


def collection_exists(root: Path) -> bool:
    """Tell whether there is a collection at `root`."""
    return layout.exists(Layout(root))


def open_collection(
    root: Path,
    settings: Settings | None = None,
    *,
    profile: str | None = None,
    llm: str | None = None,
    samples: int | None = None,
    on_model_call: OnCall = lambda _: None,
    cluster: RayCluster | None = None,
) -> Engine:
    """Open a collection and return its engine.

    `llm` generates the answers: "openai:NAME", "anthropic:NAME", "local:FOLDER", "local-qa:FOLDER" or EXTRACTIVE;
    None: what the environment names. `samples`: how many replies of a language model are compared; None: what the
    environment says, else 1. `on_model_call` is called after each call of a language model. `cluster`: where
    indexing reads files and loads models; None: on this machine.
    Models are loaded from this machine only: `collection.json` may name anything, and
    come from anybody. Raises CollectionNotFound; CollectionMismatch where the collection has another profile.
    """
    settings = settings or read_settings()
    manifest = layout.load(Layout(root))
    if (unfinished := layout.describe_unfinished(Layout(root))) is not None:
        logger.warning("%s", unfinished)
    if profile not in (None, "auto", manifest.profile):
        raise CollectionMismatch(
            f"expected profile {manifest.profile!r}, which {root} was made with, found {profile!r}. "
            f"Leave --profile out, or embed the collection anew: pagelens reembed --profile {profile}"
        )
    components = _components(manifest, settings, llm, samples, on_model_call)
    engine = Engine(root, components if cluster is None else _on_cluster(components, manifest, settings, cluster))
    if engine.manifest != manifest:  # another process has just switched the collection to other models
        engine.close()
        return open_collection(
            root, settings, profile=profile, llm=llm, samples=samples, on_model_call=on_model_call, cluster=cluster
        )
    return engine


def write_tuning(root: Path, tuning: Tuning | None) -> None:
    """Write how a collection is fused and reranked (None: as shipped); engines use it when they are opened again.

    Raises CollectionNotFound, CollectionLocked, CollectionReadOnly.
    """
    layout.write_tuning(Layout(root), tuning)


def reembed_collection(
    root: Path,
    profile: Profile,
    settings: Settings,
    *,
    on_progress: OnProgress = lambda _: None,
    on_render_failure: OnRenderFailure = lambda _: None,
) -> ReembedReport:
    """Embed a collection for a profile's models, or resume an interrupted run; open readers must open it again.

    Raises CollectionNotFound, CollectionLocked, and WeightsError for a model that cannot be loaded, all before
    anything is changed.
    """
    layout.load(Layout(root))
    models = CollectionModels(profile.models, analyze, settings)
    with CollectionReembedding(root, profile=profile.name, lanes=_all_lane_records(models, profile)) as reembedding:
        new = {lane.name for lane in reembedding.new}
        embedders = [
            embedder
            for embedder in models.embedders(reembedding.after)
            if any(lane.name in new for lane in embedder.lanes)
        ]
        return Reembedding(
            reembedding,
            embedders,
            page_renderer(_reader_options(settings)),
            on_progress=on_progress,
            on_render_failure=on_render_failure,
        ).run()


def _all_lane_records(models: CollectionModels, profile: Profile) -> list[LaneRecord]:
    """Return the records of a profile's lanes; loads every model. Raises WeightsError."""
    records: list[LaneRecord] = []
    for lane in profile.models:
        try:
            records += models.embedder(lane).lanes
        except WeightsError as exc:
            if lane in profile.requested:
                raise UsageError(_not_loadable(lane, exc)) from exc
            if MODEL_LANES[lane].required:
                raise
            raise WeightsError(_not_loadable(lane, exc)) from exc
    return records


def _not_loadable(lane: str, exc: WeightsError) -> str:
    """Return the message for a lane whose model cannot be loaded."""
    return str(exc) if MODEL_LANES[lane].required else f"{exc} To do without the lane: --model {lane}=none"


def _components(
    manifest: Manifest, settings: Settings, llm: str | None, samples: int | None, on_model_call: OnCall
) -> EngineComponents:
    models = CollectionModels(lane_models(manifest), analyze, replace(settings, offline=True))
    options = _reader_options(settings)
    render_query_image, read_query_words = _query_image_readers(options)

    def load_retriever(load_page_image: RenderPageImage) -> Retriever:
        lanes, unavailable = models.lanes(manifest)
        tuned = tuned_reranker(manifest.tuning) if settings.reranker == BUILTIN else None
        return Retriever(
            lanes,
            analyze_query,
            fusion=tuned_fusion(manifest.tuning),
            reranker=tuned or load_reranker(replace(settings, offline=True), load_page_image, on_model_call),
            reranks=_reranks(manifest, settings) or tuned is not None,
            unavailable=unavailable,
        )

    return EngineComponents(
        load_embedders=lambda: models.embedders(manifest),
        load_image_embedder=lambda: _image_embedder(models, manifest),
        load_text_encoder=lambda: models.text,
        load_retriever=load_retriever,
        load_answerer=lambda load_page_image: load_answerer(
            llm, models, load_page_image, samples=samples, on_call=on_model_call
        ),
        load_extractor=lambda load_page_image: load_extractor(llm, load_page_image, on_call=on_model_call),
        load_estimator=lambda: load_estimator(llm, samples=samples),
        load_summariser=lambda load_page_image: load_summariser(llm, models, load_page_image, on_call=on_model_call),
        render_array=page_renderer(options),
        extract_member=member_extractor(options),
        find_figures=figure_finder(options),
        read_form=form_reader(options),
        render_query_image=render_query_image,
        read_query_words=read_query_words,
        load_recogniser=load_recogniser,
        reader_options=options,
        worker_source=_WORKERS,
        micro_batching=settings.micro_batching,
        load_splitter=lambda: load_splitter(settings, llm, on_model_call),
    )


def _on_cluster(
    components: EngineComponents, manifest: Manifest, settings: Settings, cluster: RayCluster
) -> EngineComponents:
    """Return components that index on a cluster."""
    on_gpu = any(model != BUILTIN for model in lane_models(manifest).values())
    threads = settings.threads or CORES_PER_ENCODER
    settings = replace(settings, threads=threads, offline=True, passwords=())  # passwords are for readers only
    pool = cluster.pool(partial(EmbedderHost, partial(_load_embedders, manifest, settings)), on_gpu=on_gpu)
    return replace(
        components,
        load_embedders=lambda: ray_embedders(pool),
        worker_source=cluster.source,
        readers=cluster.readers,
        encoding_threads=pool.concurrency,
    )


def _load_embedders(manifest: Manifest, settings: Settings) -> list[Embedder]:
    return CollectionModels(lane_models(manifest), analyze, settings).embedders(manifest)


def _reranks(manifest: Manifest, settings: Settings) -> bool:
    """Tell whether searches are reranked that do not say: unless the settings or a tuning decide, those of the profile
    whose ranking the builtin reranker was fitted on."""
    if settings.reranks is not None:
        return settings.reranks
    return settings.reranker == BUILTIN and manifest.profile == BUILTIN and manifest.tuning is None


def load_reranker(
    settings: Settings, load_page_image: RenderPageImage | None = None, on_call: OnCall = lambda _: None
) -> Reranker | None:
    """Return the reranker that the settings name; None for "none". Raises WeightsError, UsageError, GenerationError.

    Models that look at pages need `load_page_image`.
    """
    name, _, model = settings.reranker.partition(":")
    if name in (VISION_RERANKER, LATE_RERANKER) and load_page_image is None:
        raise UsageError(f"expected a collection whose pages the reranker {name} is shown, found none")
    if name == LATE_RERANKER and load_page_image:
        if not model:
            raise UsageError(
                "expected PAGELENS_RERANKER=late:MODEL, a ColPali-like model's name or folder, found no name"
            )
        return load_late_pages_reranker(model, settings, load_page_image, image_side=PAGE_SIDE)
    if name == VISION_RERANKER and load_page_image:
        chat_model, prices = load_vision_model(model or None, on_call)
        return VisionReranker(chat_model, load_page_image, pages=settings.rerank_pages or PAGES, prices=prices)
    if settings.reranker == NO_RERANKER:
        return None
    return BuiltinReranker() if settings.reranker == BUILTIN else load_cross_encoder(settings.reranker, settings)


def _image_embedder(models: CollectionModels, manifest: Manifest) -> Embedder:
    """Return the embedder of the `image` lane. Raises UsageError where there is no such lane; WeightsError."""
    if "image" not in manifest.lanes:
        raise UsageError("expected a collection with an image lane, found none: pagelens reembed --model image=builtin")
    embedder = models.embedder("image")
    for record in embedder.lanes:
        manifest.require(record.name, record.space)
    return embedder


def lane_models(manifest: Manifest) -> dict[str, str]:
    """Return the model of each lane of a collection that has one."""
    return {
        lane: record.model
        for lane, record in manifest.lanes.items()
        if lane in MODEL_LANES and not (MODEL_LANES[lane].filled_by_builtin and record.model == BUILTIN)
    }


def end_idle_workers() -> None:
    """End the idle processes that read and render; the next file starts one."""
    _WORKERS.close()


def _reader_options(settings: Settings) -> ReaderOptions:
    return ReaderOptions(settings.passwords, max_pages=settings.max_pages or DEFAULT_MAX_PAGES)


def page_renderer(options: ReaderOptions) -> RenderImage:
    """Return the function that renders pages: in worker processes, within limits, where the system has those."""
    if os.name != "posix":
        return partial(render_array, options=options)
    return PageRenderer(_WORKERS, _rendering_options(options)).render


def _query_image_readers(options: ReaderOptions) -> tuple[RenderImage, Callable[[ImageArray], str]]:
    """Return the functions that decode a picture to search by and read the text on it: by the process that renders
    pages, within limits, where the system has those."""
    if os.name != "posix":
        ocr = Ocr(DEFAULT_OCR, load_recogniser)
        return partial(render_array, options=options), lambda image: read_page_or_photo_text(ocr.recogniser, image).text
    reader = PageRenderer(_WORKERS, _rendering_options(options), QUERY_LIMITS)
    return reader.render, reader.read_text


def _rendering_options(options: ReaderOptions) -> ProcessingOptions:
    """Return what a process that renders is set up with; it loads the OCR engine with the first picture to read."""
    return ProcessingOptions(ocr=Ocr(DEFAULT_OCR, load_recogniser), reader_options=options)


def member_extractor(options: ReaderOptions) -> ExtractMember:
    """Return the function that extracts members: in worker processes, within limits, where the system has those."""
    if os.name != "posix":
        return partial(extract_member, options=options)
    return MemberReader(_WORKERS, _rendering_options(options)).extract


def figure_finder(options: ReaderOptions) -> Callable[[Path, Kind], list[DocumentFigure]]:
    """Return the function that lists figures: in worker processes, within limits, where the system has those."""
    if os.name != "posix":
        return partial(find_figures, options=options)
    return FigureReader(_WORKERS, _rendering_options(options)).find


def form_reader(options: ReaderOptions) -> Callable[[Path, Kind], list[FormField]]:
    """Return the function that reads forms: in worker processes, within limits, where the system has those."""
    if os.name != "posix":
        return partial(read_form_fields, options=options)
    return FormReader(_WORKERS, _rendering_options(options)).read


def render_array(
    path: Path, kind: Kind, number: int, longest: int, options: ReaderOptions = DEFAULT_READER_OPTIONS
) -> ImageArray:
    """Render a page in this process, without limits on time and memory. Arguments and result: `RenderImage`."""
    return np.asarray(load_reader(kind, options).render_page(path, number, longest=longest).convert("RGB"))
