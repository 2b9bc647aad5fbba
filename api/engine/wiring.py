"""The only place where concrete classes meet. Everything is built here once and passed on."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from pagelens.api.engine.engine import Engine, Parts
from pagelens.api.engine.indexing import OnProgress
from pagelens.api.engine.models import CollectionModels
from pagelens.api.engine.profiles import LANES, Profile
from pagelens.api.engine.reembedding import OnRenderFailure, Reembedding, ReembedReport
from pagelens.core.errors import CollectionMismatch, GenerationError, WeightsError
from pagelens.core.protocols import Answerer, Extractor, RenderPageImage
from pagelens.core.settings import Settings
from pagelens.core.types import ImageArray, Kind
from pagelens.generate.llm.chat import ChatModel
from pagelens.generate.llm.providers import ModelChoice, describe, load_chat_model, provider_of
from pagelens.index import layout
from pagelens.index.admin.reembed import CollectionReembedding
from pagelens.index.catalog.databases import create_catalog
from pagelens.index.files.file_store_factory import create_file_store
from pagelens.index.layout import CatalogRecord, FilesRecord, LaneRecord, Layout, Manifest, ServerRecord
from pagelens.index.lexical.analysis import analyze
from pagelens.index.stores.store_factory import require_free
from pagelens.ingest.ocr.engines import load_recogniser
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS, ReaderOptions
from pagelens.ingest.readers import registry
from pagelens.retrieve.search import Retriever

LEFT_OUT: tuple[str, ...] = ("image", "page")
"""Lanes that a new collection does without where their weights cannot be had; one says so."""


EXTRACTIVE = "extractive"
"""The name of the answerer that needs no language model."""


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """Where a new collection's vectors, its catalog and its files shall lie; None: in its folder."""

    server: ServerRecord | None = None
    catalog: CatalogRecord | None = None
    files: FilesRecord | None = None


IN_FOLDER = StorageOptions()


def read_settings() -> Settings:
    """Return what the environment sets."""
    return Settings.from_environment(os.environ)


def create_collection(
    root: Path, profile: Profile, settings: Settings, *, storage: StorageOptions = IN_FOLDER
) -> dict[str, str]:
    """Make an empty collection with a profile's lanes, all of it in the folder, or vectors and catalog on servers;
    return the lanes left out for want of weights, and why. Raises StoreError where a server is not there."""
    require_free(Layout(root), storage.server)
    models = CollectionModels(profile.models, analyze, settings)
    records: list[LaneRecord] = []
    left_out: dict[str, str] = {}
    for lane in profile.models:
        try:
            records += models.embedder(lane).lanes
        except WeightsError as exc:
            if lane not in LEFT_OUT:
                raise
            left_out[lane] = str(exc)
    create_empty_collection(root, profile.name, records, storage)
    return left_out


def create_empty_collection(root: Path, profile: str, lanes: Sequence[LaneRecord], storage: StorageOptions) -> None:
    """Make an empty collection of some lanes; `collection.json` comes last. Raises StoreError, UsageError."""
    require_free(Layout(root), storage.server)
    layout.make_room(Layout(root))
    create_catalog(storage.catalog)
    create_file_store(storage.files)
    layout.create(
        Layout(root), profile=profile, lanes=lanes, server=storage.server, catalog=storage.catalog, files=storage.files
    )


def collection_exists(root: Path) -> bool:
    """Tell whether a collection stands at `root`."""
    return layout.exists(Layout(root))


def open_collection(
    root: Path, settings: Settings | None = None, *, profile: str | None = None, llm: str | None = None
) -> Engine:
    """Return the engine on a collection; `llm` answers ("openai:NAME", "anthropic:NAME", "local:FOLDER", EXTRACTIVE),
    else what the environment names. Raises CollectionNotFound; CollectionMismatch when `profile` is another."""
    settings = settings or read_settings()
    manifest = layout.load(Layout(root))
    if profile not in (None, "auto", manifest.profile):
        raise CollectionMismatch(
            f"expected profile {manifest.profile!r}, which {root} was made with, found {profile!r}. "
            f"Leave --profile out, or move the collection: pagelens reembed --profile {profile}"
        )
    engine = Engine(root, _parts(manifest, settings, llm))
    if engine.manifest != manifest:  # moved to other models in the same moment
        engine.close()
        return open_collection(root, settings, profile=profile, llm=llm)
    return engine


def reembed_collection(
    root: Path,
    profile: Profile,
    settings: Settings,
    *,
    on_progress: OnProgress = lambda _: None,
    on_render_failure: OnRenderFailure = lambda _: None,
) -> ReembedReport:
    """Move a collection to a profile's models, or go on with such a move; readers that are open must open it again.

    Raises CollectionNotFound, CollectionLocked, and WeightsError for a model that cannot be loaded, all before
    anything is changed.
    """
    layout.load(Layout(root))
    models = CollectionModels(profile.models, analyze, settings)
    with CollectionReembedding(root, profile=profile.name, lanes=_records(models, profile)) as move:
        new = {lane.name for lane in move.new}
        embedders = [one for one in models.embedders(move.after) if any(lane.name in new for lane in one.lanes)]
        picture = partial(render_image_array, options=ReaderOptions(settings.passwords))
        return Reembedding(move, embedders, picture, on_progress=on_progress, warn=on_render_failure).run()


def _records(models: CollectionModels, profile: Profile) -> list[LaneRecord]:
    """Return a profile's lanes, every model loaded. Raises WeightsError."""
    records: list[LaneRecord] = []
    for lane in profile.models:
        try:
            records += models.embedder(lane).lanes
        except WeightsError as exc:
            if lane not in LEFT_OUT:
                raise
            raise WeightsError(f"{exc} To do without the lane: --model {lane}=none") from exc
    return records


def _parts(manifest: Manifest, settings: Settings, llm: str | None) -> Parts:
    models = CollectionModels(models_of(manifest), analyze, settings)
    options = ReaderOptions(settings.passwords)

    def load_retriever() -> Retriever:
        lanes, missing = models.lanes(manifest)
        return Retriever(lanes, analyze, unavailable=missing)

    def load_answerer(picture_of: RenderPageImage) -> Answerer:
        return answerer(llm, models, picture_of)

    def load_extractor(picture_of: RenderPageImage) -> Extractor:
        return extractor(llm, picture_of)

    return Parts(
        lambda: models.embedders(manifest),
        lambda: models.text,
        load_retriever,
        load_answerer,
        load_extractor,
        partial(render, options=options),
        partial(render_image_array, options=options),
        load_recogniser,
        options,
        settings.micro_batching,
    )


def answerer(llm: str | None, models: CollectionModels, picture_of: RenderPageImage) -> Answerer:
    """Return what answers: the named language model, or the environment's, or the extractive answerer.

    Raises GenerationError where the model lacks an address, a key or its files.
    """
    choice = _choice(llm)
    if choice is None:
        from pagelens.generate.extractive.answerer import ExtractiveAnswerer

        return ExtractiveAnswerer(analyze, models.text)
    from pagelens.generate.vision import VisionAnswerer

    model = _loaded(choice)
    return VisionAnswerer(model, analyze, load_page_image=picture_of, budget=choice.budget, prices=choice.prices)


def describe_answerer(llm: str | None = None) -> str:
    """Say what answers. Raises GenerationError, UsageError for what the environment says and cannot be used."""
    choice = _choice(llm)
    if choice is None:
        return "extractive: the sentences that answer, word for word. PAGELENS_LLM_MODEL names a language model"
    return describe(choice)


def extractor(llm: str | None, picture_of: RenderPageImage) -> Extractor:
    """Return what reads pages into JSON. Raises GenerationError where no language model is named."""
    choice = _choice(llm)
    if choice is None:
        raise GenerationError(
            "no-model",
            "expected a language model to read values with, found none. Set PAGELENS_LLM_MODEL (and PAGELENS_LLM_URL), "
            "or give --model openai:NAME, anthropic:NAME or local:FOLDER.",
        )
    from pagelens.generate.extraction.extractor import REPLY_TOKENS as EXTRACTION_REPLY_TOKENS
    from pagelens.generate.extraction.extractor import ModelExtractor

    budget = replace(choice.budget, reply_tokens=EXTRACTION_REPLY_TOKENS)
    return ModelExtractor(_loaded(choice), analyze, load_page_image=picture_of, budget=budget, prices=choice.prices)


def answerer_name(llm: str | None) -> str:
    """Return what answers where `llm` is asked for: a model's name, or EXTRACTIVE."""
    choice = _choice(llm)
    return choice.model if choice else EXTRACTIVE


def language_model(llm: str | None) -> ChatModel | None:
    """Return the named language model, or the environment's; None where there is none."""
    choice = _choice(llm)
    return _loaded(choice) if choice else None


def _choice(llm: str | None) -> ModelChoice | None:
    return None if llm == EXTRACTIVE else ModelChoice.from_environment(os.environ, model=llm)


def _loaded(choice: ModelChoice) -> ChatModel:
    if provider_of(choice)[0] == "local":
        import pagelens.encode.torch_support  # noqa: F401  # before transformers
    return load_chat_model(choice)


def models_of(manifest: Manifest) -> dict[str, str]:
    """Return the model of each lane that a profile can name."""
    return {lane: record.model for lane, record in manifest.lanes.items() if lane in LANES}


def render(
    path: Path, kind: Kind, number: int, longest: int, options: ReaderOptions = DEFAULT_READER_OPTIONS
) -> Image.Image:
    """Return a page of a file, at most `longest` pixels on its longer side. Raises ReadError."""
    return registry.load(kind, options).render(path, number, longest=longest)


def render_image_array(
    path: Path, kind: Kind, number: int, longest: int, options: ReaderOptions = DEFAULT_READER_OPTIONS
) -> ImageArray:
    """Return the same as encoders read it."""
    return np.asarray(render(path, kind, number, longest, options).convert("RGB"))
