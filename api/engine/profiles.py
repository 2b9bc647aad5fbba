"""Profiles: which model serves each lane. Names only; loads nothing.

A profile is a name of `PROFILES`, or any text model's name or folder (its other lanes are then the install's own);
single lanes may be given another model, or none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pagelens.core.errors import UsageError
from pagelens.core.settings import Settings
from pagelens.encode.loading import BUILTIN
from pagelens.encode.weights import look_on_disk

LANES = ("text", "image", "page")
NONE = "none"

PROFILES: Mapping[str, Mapping[str, str]] = {
    "builtin": {"text": BUILTIN, "image": BUILTIN, "page": BUILTIN},
    "cpu": {"text": "BAAI/bge-small-en-v1.5", "image": "timm/ViT-B-32-SigLIP2-256", "page": BUILTIN},
    "gpu": {"text": "BAAI/bge-m3", "image": "timm/ViT-SO400M-14-SigLIP2", "page": "vidore/colqwen2.5-v0.2"},
}


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile's name, the model of each lane, and why it was taken."""

    name: str
    models: Mapping[str, str]
    why: str


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a person wants to know of a model before fetching it."""

    lane: str
    model: str
    profiles: Sequence[str]
    size: str
    licence: str
    note: str


CARDS = (
    ModelCard("text", BUILTIN, ("builtin",), "in the install", "Apache-2.0", "all-MiniLM-L6-v2, English"),
    ModelCard("text", "BAAI/bge-small-en-v1.5", ("cpu",), "0.1 GB", "MIT", "English"),
    ModelCard("text", "BAAI/bge-m3", ("gpu",), "2.3 GB", "MIT", "more than 100 languages"),
    ModelCard("image", BUILTIN, ("builtin",), "in the install", "Apache-2.0", "approximate: 1,000 kinds of things"),
    ModelCard("image", "timm/ViT-B-32-SigLIP2-256", ("cpu",), "1.5 GB", "Apache-2.0", "many languages"),
    ModelCard("image", "timm/ViT-SO400M-14-SigLIP2", ("gpu",), "4.5 GB", "Apache-2.0", "many languages"),
    ModelCard("page", BUILTIN, ("builtin", "cpu"), "in the install", "Apache-2.0", "the page's words, English"),
    ModelCard("page", "vidore/colSmol-500M", (), "1 GB", "MIT", "sees the page; on CPU some 10 s a page"),
    ModelCard(
        "page", "vidore/colqwen2.5-v0.2", ("gpu",), "8 GB", "MIT; its base: Qwen Research", "sees the page; needs a GPU"
    ),
)


def choose_profile(asked: str, settings: Settings, *, models: Mapping[str, str] | None = None) -> Profile:
    """Return the profile to make a collection with; `models` are lanes that shall have another model, or "none".

    `auto` takes `cpu` where its weights are on this machine: nothing is fetched unasked. Raises UsageError.
    """
    name, why = (asked, "asked for") if asked != "auto" else _automatic(settings)
    chosen = {**PROFILES.get(name, {"text": name, "image": BUILTIN, "page": BUILTIN})}
    for lane, model in (models or {}).items():
        if lane not in LANES or (lane == "text" and model == NONE):
            raise UsageError(
                f"expected a lane among {', '.join(LANES)} and a model (text needs one), found {lane}={model}"
            )
        chosen[lane] = model
        name += f"+{lane}={model}"
    return Profile(name, {lane: model for lane, model in chosen.items() if model != NONE}, why)


def _automatic(settings: Settings) -> tuple[str, str]:
    absent = [model for model in PROFILES["cpu"].values() if model != BUILTIN and not _on_disk(model, settings)]
    if not absent:
        return "cpu", "its models are on this machine"
    return "builtin", f"{' and '.join(absent)} not on this machine; pagelens models fetch cpu brings them"


def _on_disk(model: str, settings: Settings) -> bool:
    try:
        return look_on_disk(model, settings) is not None
    except UsageError:
        return False
