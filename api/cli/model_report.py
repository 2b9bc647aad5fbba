"""`pagelens models`: what can serve each lane, where its weights are, how to get them. And getting them.

Looks at files only: no model is loaded and nothing is asked of the network, but by `fetch_models`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from rich.text import Text

from pagelens.api.cli import terminal
from pagelens.api.engine import wiring
from pagelens.api.engine.file_names import printable
from pagelens.api.engine.profiles import CARDS, LANES, PROFILES, ModelCard
from pagelens.core.errors import UsageError
from pagelens.core.settings import Settings
from pagelens.encode.checkpoints import adapter_base
from pagelens.encode.loading import (
    BUILTIN,
    EncoderReport,
    report_image_encoders,
    report_page_encoders,
    report_text_encoders,
)
from pagelens.encode.weights import Hub, find_weights, look_on_disk
from pagelens.index import layout
from pagelens.index.layout import Layout

_REPORTS = {"text": report_text_encoders, "image": report_image_encoders, "page": report_page_encoders}
Tell = Callable[[str, str], None]
"""A model's name, and its size in words where that is known."""

_UNKNOWN = ModelCard("", "", (), "", "see its own page", "")


@dataclass(frozen=True, slots=True)
class ModelReport:
    """A model for a lane."""

    lane: str
    model: str
    profiles: Sequence[str]  # that name it
    used: bool  # by the collection looked at
    ready: bool
    found_in: str | None  # wheels, folder (the models folder), cache (the hub's), path; None: not on this machine
    path: Path | None
    get: str  # what to do about it, where it is not ready
    problem: str  # why it is not ready
    size: str
    licence: str
    note: str


@dataclass(frozen=True, slots=True)
class FetchedModel:
    """A model that was asked for, and is on this machine now."""

    model: str
    found_in: str  # hub: fetched just now; else where it lay already
    path: Path
    bytes: int
    base_of: str = ""  # the adapter that it was fetched for


def report_models(settings: Settings, collection: Path | None = None, *, hub: Hub | None = None) -> list[ModelReport]:
    """Return the models that profiles name and those that a collection uses, lane by lane."""
    used = _used(collection)
    words = "in the install"
    reports = [
        ModelReport("words", "BM25", tuple(PROFILES), bool(used), True, "wheels", None, "", "", words, "MIT", "")
    ]
    for lane in LANES:
        cards = {card.model: card for card in CARDS if card.lane == lane}
        if lane in used:
            cards.setdefault(used[lane], _UNKNOWN)
        found = [_of_file(name) or _REPORTS[lane](settings, names=[name], hub=hub)[0] for name in cards]
        reports += [_report(lane, cards[one.name], one, used=used.get(lane) == one.name) for one in found]
    return reports


def _used(collection: Path | None) -> dict[str, str]:
    """Return the model of each lane of a collection, if there is one."""
    if collection is None or not wiring.collection_exists(collection):
        return {}
    return wiring.models_of(layout.load(Layout(collection)))


def _report(lane: str, card: ModelCard, found: EncoderReport, *, used: bool) -> ModelReport:
    get = "" if found.ready or not _fetchable(found.name) else f"pagelens models fetch {found.name}"
    size = card.size or (f"{_bytes(found.path) / 1e6:.0f} MB" if found.path else "unknown")
    return ModelReport(
        lane=lane,
        model=found.name,
        profiles=tuple(card.profiles),
        used=used,
        ready=found.ready,
        found_in=found.found_in,
        path=found.path,
        get=get,
        problem=found.problem,
        size=size,
        licence=card.licence,
        note=card.note,
    )


def _fetchable(name: str) -> bool:
    """Tell whether a hub may have a model of that name: 'org/name', no path."""
    return name != BUILTIN and name.count("/") <= 1 and name[:1].isalnum() and "@" not in name


def _of_file(name: str) -> EncoderReport | None:
    """Return the report of "ARCHITECTURE@FILE", None for any other name."""
    architecture, _, file = name.partition("@")
    path = Path(file).expanduser()
    if not file or not architecture or not path.is_file():
        return None
    return EncoderReport(name, ready=True, found_in="path", path=path)


def fetch_models(
    names: Sequence[str],
    settings: Settings,
    *,
    hub: Hub | None = None,
    tell: Tell = lambda *_: None,
) -> list[FetchedModel]:
    """Bring the weights of models, or of all models of profiles, and the bases of adapters; return what is here now.

    `tell` is called before each is fetched. Raises WeightsError for what cannot be had, UsageError.
    """
    fetched: dict[str, FetchedModel] = {}
    for name in dict.fromkeys(_expanded(names)):
        for one in _fetch(name, settings, hub, tell):
            fetched.setdefault(one.model, one)
    return list(fetched.values())


def _expanded(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if name == "auto" or not name:
            raise UsageError(f"expected names of models or of profiles ({', '.join(PROFILES)}), found {name!r}")
        yield from (model for model in PROFILES.get(name, {"": name}).values() if model != BUILTIN)


def _fetch(name: str, settings: Settings, hub: Hub | None, tell: Tell, base_of: str = "") -> Iterator[FetchedModel]:
    here = look_on_disk(name, settings, hub=hub)
    if here is None:
        if not settings.offline:
            tell(name, next((card.size for card in CARDS if card.model == name), ""))
        folder = find_weights(name, settings, hub=hub)
        here = folder.path, folder.found_in
    path, found_in = here
    yield FetchedModel(name, found_in, path, _bytes(path), base_of)
    base = adapter_base(path)
    if base is not None and not base_of:
        yield from _fetch(base, settings, hub, tell, base_of=name)


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def print_models(reports: Sequence[ModelReport]) -> None:
    """Print the models of each lane, those of the collection marked."""
    for lane, found in groupby(reports, key=lambda one: one.lane):
        terminal.out.print(Text(lane, style="bold"))
        for one in found:
            mark = "*" if one.used else " "
            line = Text(f"{mark} {printable(one.model)}  ")
            line.append(printable(_place(one)), style="green" if one.ready else "yellow")
            size = "" if one.found_in == "wheels" else one.size
            facts = [size, one.licence, one.note, _profiles(one)]
            line.append(f"  ({'; '.join(fact for fact in facts if fact)})", style="dim")
            terminal.out.print(line, soft_wrap=True)
    if any(one.used for one in reports):
        terminal.out.print(Text("* of this collection", style="dim"))


def _place(one: ModelReport) -> str:
    places: Mapping[str | None, str] = {
        "wheels": "in the install",
        "folder": f"in the models folder: {one.path}",
        "cache": f"in the hub's cache: {one.path}",
        "path": "in its folder",
    }
    if one.ready:
        return places[one.found_in]
    if one.found_in is None and one.get:
        return f"not on this machine: {one.get}"
    return one.problem


def _profiles(one: ModelReport) -> str:
    return f"profile {', '.join(one.profiles)}" if one.profiles else ""


def print_fetched(fetched: Sequence[FetchedModel]) -> None:
    """Print where each model is."""
    for one in fetched:
        how = "fetched" if one.found_in == "hub" else "was here"
        base = f", the base of {one.base_of}" if one.base_of else ""
        said = f"{one.model}{base}: {how}, {one.bytes / 1e6:.0f} MB, {one.path}"
        terminal.out.print(Text(printable(said)), soft_wrap=True)
    if not fetched:
        terminal.out.print("All of it is in the install: nothing to fetch.")
