"""Which models can serve each lane, where their weights are, and how to get them; downloading of weights.

No model is loaded. Only `fetch_models` uses the network.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pagelens.api.engine import wiring
from pagelens.api.engine.lane_registry import MODEL_LANES, LaneSpec, ModelCard
from pagelens.api.engine.profiles import PROFILES
from pagelens.core.errors import UsageError
from pagelens.core.settings import Settings
from pagelens.encode.checkpoints import adapter_base
from pagelens.encode.loading import BUILTIN_MODELS, EncoderReport
from pagelens.encode.weights import Hub, find_on_disk, find_weights
from pagelens.index import layout
from pagelens.index.layout import Layout

OnFetch = Callable[[str, str], None]
"""Called before a download with a model's name and its size in words; "" if the size is not known."""

_UNKNOWN = ModelCard(model="", profiles=(), size="", licence="see its own page", note="")


@dataclass(frozen=True, slots=True)
class ModelReport:
    """A model that can serve a lane."""

    lane: str
    model: str
    profiles: Sequence[str]  # profiles that use it
    used: bool  # by the collection
    ready: bool
    found_in: str | None  # wheels, folder (PAGELENS_MODELS), cache (the hub's), path; None: not on this machine
    path: Path | None
    get: str  # the command that downloads it; "" if it is ready or cannot be downloaded
    problem: str  # why it is not ready; "" if it is
    size: str
    licence: str
    note: str


@dataclass(frozen=True, slots=True)
class FetchedModel:
    """A model whose weights are on this machine."""

    model: str
    found_in: str  # "hub" if it was downloaded now, else where it was already
    path: Path
    bytes: int
    base_of: str = ""  # the adapter whose base model this is


def report_models(settings: Settings, collection: Path | None = None, *, hub: Hub | None = None) -> list[ModelReport]:
    """Return the models that profiles name and those that a collection uses, lane by lane."""
    used = _used(collection)
    bm25 = ModelReport(
        lane="words",
        model="BM25",
        profiles=tuple(PROFILES),
        used=bool(used),
        ready=True,
        found_in="wheels",
        path=None,
        get="",
        problem="",
        size="in the install",
        licence="MIT",
        note="",
    )
    reports = [bm25]
    for spec in MODEL_LANES.values():
        reports += _lane_reports(spec, used.get(spec.name), settings, hub)
    return reports


def _lane_reports(spec: LaneSpec, used: str | None, settings: Settings, hub: Hub | None) -> Iterator[ModelReport]:
    """Yield a report on each of a lane's models, and on the one that the collection uses."""
    assert spec.encoders is not None
    cards = {card.model: card for card in spec.models}
    if used is not None:
        cards.setdefault(used, _UNKNOWN)
    for name, card in cards.items():
        report = _checkpoint_file_report(name) or spec.encoders.report(settings, names=[name], hub=hub)[0]
        yield _report(spec.name, card, report, used=name == used)


def _used(collection: Path | None) -> dict[str, str]:
    """Return the model of each lane of a collection; nothing if there is no collection."""
    if collection is None or not wiring.collection_exists(collection):
        return {}
    return wiring.lane_models(layout.load(Layout(collection)))


def _report(lane: str, card: ModelCard, encoder: EncoderReport, *, used: bool) -> ModelReport:
    get = "" if encoder.ready or not _fetchable(encoder.name) else f"pagelens models fetch {encoder.name}"
    size = card.size or (f"{_bytes(encoder.path) / 1e6:.0f} MB" if encoder.path else "unknown")
    return ModelReport(
        lane=lane,
        model=encoder.name,
        profiles=tuple(card.profiles),
        used=used,
        ready=encoder.ready,
        found_in=encoder.found_in,
        path=encoder.path,
        get=get,
        problem=encoder.problem,
        size=size,
        licence=card.licence,
        note=card.note,
    )


def _fetchable(name: str) -> bool:
    """Return whether a hub may have a model of that name: 'org/name', no path."""
    return name not in BUILTIN_MODELS and name.count("/") <= 1 and name[:1].isalnum() and "@" not in name


def _checkpoint_file_report(name: str) -> EncoderReport | None:
    """Return the report on "ARCHITECTURE@FILE"; None for any other name."""
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
    on_fetch: OnFetch = lambda *_: None,
) -> list[FetchedModel]:
    """Download the weights of models, or of all models of profiles, and of adapters' base models, unless they are here.

    `on_fetch` is called before each download. Raises WeightsError for what cannot be downloaded, UsageError.
    """
    fetched: dict[str, FetchedModel] = {}
    for name in dict.fromkeys(_expand_profiles(names)):
        for model in _fetch(name, settings, hub, on_fetch):
            fetched.setdefault(model.model, model)
    return list(fetched.values())


def _expand_profiles(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if name == "auto" or not name:
            raise UsageError(f"expected names of models or of profiles ({', '.join(PROFILES)}), found {name!r}")
        yield from (model for model in PROFILES.get(name, {"": name}).values() if model not in BUILTIN_MODELS)


def _fetch(
    name: str, settings: Settings, hub: Hub | None, on_fetch: OnFetch, base_of: str = ""
) -> Iterator[FetchedModel]:
    location = find_on_disk(name, settings, hub=hub)
    if location is None:
        if not settings.offline:
            on_fetch(name, _download_size(name))
        folder = find_weights(name, settings, hub=hub)
        location = folder.path, folder.found_in
    path, found_in = location
    yield FetchedModel(model=name, found_in=found_in, path=path, bytes=_bytes(path), base_of=base_of)
    base = adapter_base(path)
    if base is not None and not base_of:
        yield from _fetch(base, settings, hub, on_fetch, base_of=name)


def _download_size(name: str) -> str:
    """Return the size of a model that the registry knows; "" for any other."""
    cards = (card for spec in MODEL_LANES.values() for card in spec.models)
    return next((card.size for card in cards if card.model == name), "")


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
