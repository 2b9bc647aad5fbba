"""Encoders by name. The only place that imports the adapters, each when it is asked for and not before.

texts     "builtin"                      all-MiniLM-L6-v2 on onnxruntime, from the install, no torch
          "BAAI/bge-small-en-v1.5"       or any other name or folder: sentence-transformers
photos    "builtin"                      class beliefs in the builtin text encoder's space, from the install, no torch
          "timm/ViT-B-32-SigLIP2-256"    or any other name or folder: open_clip
          "ViT-B-32-256@weights.pt"      an architecture that open_clip knows, and a file
pages     "builtin"                      late interaction over a page's words, from the install, no torch
          "vidore/colqwen2.5-v0.2"       or any other name or folder: colpali_engine
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pagelens.core.errors import UsageError, WeightsError
from pagelens.core.protocols import Analyzer, ImageEncoder, PageImageEncoder, TextEncoder
from pagelens.core.settings import Settings
from pagelens.encode.checkpoints import (
    adapter_base,
    check_clip_checkpoint,
    check_page_checkpoint,
    check_text_checkpoint,
)
from pagelens.encode.weights import FoundIn, Hub, WeightsFolder, file_sha256, find_on_disk, find_weights

if TYPE_CHECKING:
    from pagelens.encode.image.conse import ConSEImageEncoder
    from pagelens.encode.page.late_words import BuiltinPageEncoder
    from pagelens.encode.text.minilm import BuiltinTextEncoder

BUILTIN = "builtin"
KNOWN = (BUILTIN, "BAAI/bge-small-en-v1.5", "BAAI/bge-m3")  # what the profiles builtin, cpu and gpu name
KNOWN_IMAGE = (BUILTIN, "timm/ViT-B-32-SigLIP2-256", "timm/ViT-SO400M-14-SigLIP2")  # cpu and gpu
KNOWN_PAGE = (BUILTIN, "vidore/colSmol-500M", "vidore/colqwen2.5-v0.2")  # cpu, on request, and gpu


@dataclass(frozen=True, slots=True)
class EncoderReport:
    """Whether an encoder could be loaded on this machine as it is, and if not, why."""

    name: str
    ready: bool
    found_in: FoundIn | Literal["wheels"] | None = None
    path: Path | None = None
    problem: str = ""  # why it is not ready, and the next step


def load_text_encoder(name: str, settings: Settings, *, hub: Hub | None = None) -> TextEncoder:
    """Return the text encoder of that name, ready to encode; the hub is asked for what is not on disk.

    Raises WeightsError where weights or a library are missing, UsageError for what cannot be a name.
    """
    if name == BUILTIN:
        return load_builtin_text_encoder(settings)
    folder = find_weights(name, settings, hub=hub)
    check_text_checkpoint(folder.path)  # before six seconds of imports
    try:
        from pagelens.encode.text.sentence_transformers import SentenceTransformersEncoder
    except ImportError as exc:
        raise WeightsError(_no_library("torch, transformers and sentence-transformers", exc)) from exc
    return SentenceTransformersEncoder.load(folder, settings)


def load_builtin_text_encoder(settings: Settings) -> "BuiltinTextEncoder":
    """Return the text encoder of the install. Raises WeightsError."""
    try:
        from pagelens.encode.text.minilm import BuiltinTextEncoder
    except ImportError as exc:
        raise WeightsError(_no_library("onnxruntime and tokenizers", exc)) from exc
    return BuiltinTextEncoder.load(settings)


def load_builtin_image_encoder(settings: Settings, text: TextEncoder) -> "ConSEImageEncoder":
    """Return the image encoder of the install over a text encoder's space."""
    from pagelens.encode.image.conse import ConSEImageEncoder

    return ConSEImageEncoder.load(settings, text, cache=settings.cache)


def load_builtin_page_encoder(text: "BuiltinTextEncoder", analyze: Analyzer) -> "BuiltinPageEncoder":
    """Return the page encoder of the install over the builtin text encoder."""
    from pagelens.encode.page.late_words import BuiltinPageEncoder

    return BuiltinPageEncoder(text, analyze)


def load_image_encoder(
    name: str, settings: Settings, *, templates: Sequence[str] = (), hub: Hub | None = None
) -> ImageEncoder:
    """Return the open_clip encoder of that name or folder, or of "ARCHITECTURE@FILE"; the hub is asked as for texts.

    `templates` are put around text queries, see `pagelens.encode.image.clip`. Raises WeightsError where weights or a library are
    missing, UsageError for what cannot be a name.
    """
    folder = _weights_file(name) or find_weights(name, settings, hub=hub)
    if folder.path.is_dir():
        check_clip_checkpoint(folder.path)
    try:
        from pagelens.encode.image.clip import ClipEncoder
    except ImportError as exc:
        raise WeightsError(_no_library("torch and open_clip", exc)) from exc
    return ClipEncoder.load(folder, settings, templates=templates)


def load_page_encoder(name: str, settings: Settings, *, hub: Hub | None = None) -> PageImageEncoder:
    """Return the ColPali-like encoder of that name or folder; an adapter's base is looked for like any other model.

    Raises WeightsError where weights or a library are missing or a parameter did not come from the files, UsageError
    for what cannot be a name.
    """
    folder = find_weights(name, settings, hub=hub)
    base_name = adapter_base(folder.path)
    base = find_weights(base_name, settings, hub=hub) if base_name else None
    check_page_checkpoint((base or folder).path)
    try:
        from pagelens.encode.page.colpali import ColPaliEncoder
    except ImportError as exc:
        raise WeightsError(_no_library("torch, transformers and colpali_engine", exc)) from exc
    return ColPaliEncoder.load(folder, settings, base=base)


def _weights_file(name: str) -> WeightsFolder | None:
    """Return what "ARCHITECTURE@FILE" names, None for anything else. Raises UsageError where there is no such file."""
    architecture, at, file = name.partition("@")
    if not at or Path(name).expanduser().is_dir():
        return None
    path = Path(file).expanduser()
    if not architecture or not path.is_file():
        raise UsageError(f"expected an architecture and a file that exists, ARCHITECTURE@FILE, found {name!r}")
    return WeightsFolder(f"{architecture}@{path.name}", path.resolve(), file_sha256(path), "path")


def report_text_encoders(
    settings: Settings, *, names: Sequence[str] = KNOWN, hub: Hub | None = None
) -> list[EncoderReport]:
    """Return for each name whether it is ready on this machine; loads no model, makes no request, imports no torch."""
    libraries = ("torch", "sentence_transformers")
    return [
        _report_wheels("pagelens.encode.text.minilm")
        if name == BUILTIN
        else _report(name, settings, hub, check_text_checkpoint, libraries)
        for name in names
    ]


def report_image_encoders(
    settings: Settings, *, names: Sequence[str] = KNOWN_IMAGE, hub: Hub | None = None
) -> list[EncoderReport]:
    """Return the same for open_clip's names and folders."""
    libraries = ("torch", "open_clip")
    return [
        _report_wheels("pagelens.encode.image.conse")
        if name == BUILTIN
        else _report(name, settings, hub, check_clip_checkpoint, libraries)
        for name in names
    ]


def report_page_encoders(
    settings: Settings, *, names: Sequence[str] = KNOWN_PAGE, hub: Hub | None = None
) -> list[EncoderReport]:
    """Return the same for colpali_engine's; an adapter is ready where its base is too."""

    def check(path: Path) -> None:
        base = adapter_base(path)
        found = find_on_disk(base, settings, hub=hub) if base else (path, "path")
        if found is None:
            raise WeightsError(
                f"its base {base} is not on this machine; run `hf download {base}` where there is a network"
            )
        check_page_checkpoint(found[0])

    libraries = ("torch", "colpali_engine")
    return [
        _report_wheels("pagelens.encode.text.minilm")
        if name == BUILTIN
        else _report(name, settings, hub, check, libraries)
        for name in names
    ]


def _report_wheels(module: str) -> EncoderReport:
    try:
        path = import_module(module).check_wheels()
        return EncoderReport(BUILTIN, ready=True, found_in="wheels", path=path)
    except ImportError as exc:
        return EncoderReport(BUILTIN, ready=False, problem=_no_library("onnxruntime and tokenizers", exc))
    except WeightsError as exc:
        return EncoderReport(BUILTIN, ready=False, problem=str(exc))


def _report(
    name: str, settings: Settings, hub: Hub | None, check: Callable[[Path], None], libraries: Sequence[str]
) -> EncoderReport:
    try:
        found = find_on_disk(name, settings, hub=hub)
    except UsageError as exc:
        return EncoderReport(name, ready=False, problem=str(exc))
    if found is None:
        step = f"run `hf download {name}` where there is a network" if settings.offline else "the hub will be asked"
        return EncoderReport(name, ready=False, problem=f"its weights are not on this machine; {step}")
    path, found_in = found
    try:
        check(path)
    except (WeightsError, UsageError) as exc:
        return EncoderReport(name, ready=False, found_in=found_in, path=path, problem=str(exc))
    absent = [library for library in libraries if find_spec(library) is None]
    problem = f"{' and '.join(absent)} not installed; run `pip install pagelens` again" if absent else ""
    return EncoderReport(name, ready=not absent, found_in=found_in, path=path, problem=problem)


def _no_library(libraries: str, exc: ImportError) -> str:
    return f"expected {libraries} to be installed, found: {exc}; run `pip install pagelens` again"
