"""The only place where concrete classes meet. Everything is built here once and passed on."""

import os
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from api.engine import Engine, Parts
from core.errors import CollectionMismatch, UsageError
from core.protocols import Answerer, TextEncoder
from core.settings import Settings
from core.types import Kind
from encode.loading import load_text_encoder
from encode.weights import look_on_disk
from index import layout
from index.layout import Layout
from index.words import analyze
from ingest import readers
from retrieve.lanes import TextLane, WordsLane
from retrieve.search import Retriever

TEXT_MODELS = {"builtin": "builtin", "cpu": "BAAI/bge-small-en-v1.5", "gpu": "BAAI/bge-m3"}
"""The text lane's model of each profile. Any other profile is itself a model: a name on the hub, or a folder."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A profile, and why it was taken."""

    profile: str
    why: str


def read_settings() -> Settings:
    """Return what the environment sets."""
    return Settings.from_environment(os.environ)


def choose_profile(asked: str, settings: Settings) -> Chosen:
    """Return the profile to make a collection with. `auto` takes `cpu` where its weights are on this machine."""
    if asked != "auto":
        return Chosen(asked, "asked for")
    model = TEXT_MODELS["cpu"]
    try:
        found = look_on_disk(model, settings)
    except UsageError:
        found = None
    if found is not None:
        return Chosen("cpu", f"{model} is on this machine ({found[1]})")
    return Chosen("builtin", f"{model} is not on this machine; --profile cpu fetches it from the hub")


def create_collection(root: Path, profile: str, settings: Settings) -> None:
    """Make an empty collection with a profile's spaces."""
    encoder = load_text_encoder(TEXT_MODELS.get(profile, profile), settings)
    layout.create(Layout(root), profile=profile, spaces={"text": encoder.space})


def collection_exists(root: Path) -> bool:
    """Tell whether a collection stands at `root`."""
    return layout.exists(Layout(root))


def open_collection(root: Path, settings: Settings | None = None, *, profile: str | None = None) -> Engine:
    """Return the engine on a collection. Raises CollectionNotFound; CollectionMismatch when `profile` is another."""
    settings = settings or read_settings()
    manifest = layout.load(Layout(root))
    if profile not in (None, "auto", manifest.profile):
        raise CollectionMismatch(
            f"expected profile {manifest.profile!r}, which {root} was made with, found {profile!r}. "
            "Leave --profile out, or index into a new collection."
        )
    return Engine(root, _parts(manifest.profile, settings))


def _parts(profile: str, settings: Settings) -> Parts:
    model = TEXT_MODELS.get(profile, profile)

    def load_encoder() -> TextEncoder:
        return load_text_encoder(model, settings)

    def load_retriever(encoder: TextEncoder) -> Retriever:
        return Retriever([WordsLane(analyze), TextLane(encoder)], analyze)

    def load_answerer(encoder: TextEncoder) -> Answerer:
        from generate.extractive import ExtractiveAnswerer

        return ExtractiveAnswerer(analyze, encoder)

    return Parts(load_encoder, load_retriever, load_answerer, _render)


def _render(path: Path, kind: Kind, number: int, longest: int) -> Image.Image:
    return readers.load(kind).render(path, number, longest=longest)
