"""Encoders by name, and reports on which of them this machine can load.

texts     "builtin"                      all-MiniLM-L6-v2 on onnxruntime, included in the install, no torch
          "builtin-multilingual"         multilingual-e5-small, the same way
          "BAAI/bge-small-en-v1.5"       or any other model name or folder: sentence-transformers
images    "builtin"                      ConSE in the builtin text encoder's space, included in the install, no torch
          "timm/ViT-B-32-SigLIP2-256"    or any other model name or folder: open_clip
          "openai/clip-vit-base-patch32" or any other CLIP, SigLIP or SigLIP2 in Hugging Face's format: transformers
          "ViT-B-32-256@weights.pt"      an architecture known to open_clip, and a weights file
visual    "builtin"                      pooled features of the builtin image encoder
          "facebook/dinov2-small"        or any other DINOv2, or any of the models for images
pages     "builtin"                      late interaction over a page's words, included in the install, no torch
          "builtin-multilingual"         the same with the multilingual text encoder
          "vidore/colqwen2.5-v0.2"       or any other model name or folder: colpali_engine

The adapters and their libraries are imported only when an encoder is loaded.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pagelens.core.errors import UsageError, WeightsError
from pagelens.core.protocols import (
    Analyzer,
    LabelEncoder,
    PageImageEncoder,
    PixelEncoder,
    RenderPageImage,
    Reranker,
    TextEncoder,
)
from pagelens.core.settings import Settings
from pagelens.encode.checkpoints import (
    adapter_base,
    check_clip_checkpoint,
    check_page_checkpoint,
    check_text_checkpoint,
    check_visual_checkpoint,
    is_vision_transformer,
)
from pagelens.encode.weights import FoundIn, Hub, WeightsFolder, file_sha256, find_on_disk, find_weights

if TYPE_CHECKING:
    from pagelens.encode.image.conse import ConSEImageEncoder
    from pagelens.encode.page.late_words import BuiltinPageEncoder
    from pagelens.encode.text.onnx_text_encoder import OnnxTextEncoder

BUILTIN = "builtin"
MULTILINGUAL = "builtin-multilingual"
BUILTIN_EXTRA, MODELS_EXTRA = "pagelens", "pagelens[models]"  # what pip must install for the libraries


@dataclass(frozen=True, slots=True)
class EncoderReport:
    """Whether an encoder can be loaded on this machine as it is, and if not, why."""

    name: str
    ready: bool
    found_in: FoundIn | Literal["wheels"] | None = None
    path: Path | None = None
    problem: str = ""  # why it is not ready, and the next step


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderKind:
    """What an encoder of one kind needs before it can be loaded."""

    libraries: tuple[str, ...]  # import names, all of the extra `models`
    check: Callable[[Path], object]  # raises WeightsError where a folder is not a whole checkpoint
    builtin_modules: Mapping[str, str]  # by the model's name; each has `check_wheels`
    adapters: bool = False  # whether a folder may hold a LoRA adapter, whose base model is needed too

    def require_libraries(self) -> None:
        """Raise WeightsError where a library is not installed; imports none of them."""
        if absent := self._absent_libraries():
            raise WeightsError(_not_installed(absent))

    def report(self, settings: Settings, *, names: Sequence[str], hub: Hub | None = None) -> list[EncoderReport]:
        """Return a report for each model's name or folder. Loads no model, makes no request, imports no torch."""
        return [
            self._report_builtin(name) if name in self.builtin_modules else self._report(name, settings, hub)
            for name in names
        ]

    def _report_builtin(self, name: str) -> EncoderReport:
        try:
            with _libraries_of(BUILTIN_EXTRA):
                path = import_module(self.builtin_modules[name]).check_wheels()
        except WeightsError as exc:
            return EncoderReport(name, ready=False, problem=str(exc))
        return EncoderReport(name, ready=True, found_in="wheels", path=path)

    def _report(self, name: str, settings: Settings, hub: Hub | None) -> EncoderReport:
        try:
            location = find_on_disk(name, settings, hub=hub)
        except UsageError as exc:
            return EncoderReport(name, ready=False, problem=str(exc))
        if location is None:
            step = f"run `pagelens models fetch {name}` where there is a network"
            return EncoderReport(name, ready=False, problem=f"its weights are not on this machine; {step}")
        path, found_in = location
        try:
            self.check(self._base_on_disk(path, settings, hub))
            self.require_libraries()
        except (WeightsError, UsageError) as exc:
            return EncoderReport(name, ready=False, found_in=found_in, path=path, problem=str(exc))
        return EncoderReport(name, ready=True, found_in=found_in, path=path)

    def _base_on_disk(self, path: Path, settings: Settings, hub: Hub | None) -> Path:
        """Return the folder of the model that an adapter's folder extends; any other folder as it is."""
        base = adapter_base(path) if self.adapters else None
        if base is None:
            return path
        location = find_on_disk(base, settings, hub=hub)
        if location is None:
            raise WeightsError(
                f"its base {base} is not on this machine; run `pagelens models fetch {base}` where there is a network"
            )
        return location[0]

    def _absent_libraries(self) -> list[str]:
        return [library for library in self.libraries if find_spec(library) is None]


BUILTIN_TEXT_MODULES = {
    BUILTIN: "pagelens.encode.text.minilm",
    MULTILINGUAL: "pagelens.encode.text.multilingual_e5",
}
BUILTIN_MODELS = frozenset(BUILTIN_TEXT_MODULES)  # names that no hub is asked for
TEXT_ENCODERS = EncoderKind(
    libraries=("torch", "transformers", "sentence_transformers"),
    check=check_text_checkpoint,
    builtin_modules=BUILTIN_TEXT_MODULES,
)
IMAGE_ENCODERS = EncoderKind(
    libraries=("torch", "transformers", "open_clip"),
    check=check_clip_checkpoint,
    builtin_modules={BUILTIN: "pagelens.encode.image.conse"},
)
VISUAL_ENCODERS = EncoderKind(
    libraries=("torch", "transformers", "open_clip"),
    check=check_visual_checkpoint,
    builtin_modules={BUILTIN: "pagelens.encode.image.conse"},
)
PAGE_ENCODERS = EncoderKind(
    libraries=("torch", "transformers", "colpali_engine"),
    check=check_page_checkpoint,
    builtin_modules=BUILTIN_TEXT_MODULES,
    adapters=True,
)


def load_text_encoder(name: str, settings: Settings, *, hub: Hub | None = None) -> TextEncoder:
    """Return the text encoder of that name or folder; weights that are not on disk are fetched from the hub.

    Raises WeightsError where weights or a library are missing, UsageError for what cannot be a name.
    """
    if name in BUILTIN_TEXT_MODULES:
        return load_builtin_text_encoder(name, settings)
    TEXT_ENCODERS.require_libraries()
    folder = find_weights(name, settings, hub=hub)
    TEXT_ENCODERS.check(folder.path)  # before the imports, which take six seconds
    with _libraries_of(MODELS_EXTRA):
        from pagelens.encode.text.sentence_transformers import SentenceTransformersEncoder
    return SentenceTransformersEncoder.load(folder, settings)


def load_image_encoder(name: str, settings: Settings, *, hub: Hub | None = None) -> LabelEncoder:
    """Return the CLIP-like encoder of that name or folder, or of "ARCHITECTURE@FILE"; fetches like `load_text_encoder`.

    Raises WeightsError where weights or a library are missing, UsageError for what cannot be a name.
    """
    IMAGE_ENCODERS.require_libraries()
    return _load_clip(_weights_file(name) or find_weights(name, settings, hub=hub), settings)


def load_visual_encoder(name: str, settings: Settings, *, hub: Hub | None = None) -> PixelEncoder:
    """Return the image encoder of that name or folder: DINOv2, or any that `load_image_encoder` loads.

    Raises WeightsError where weights or a library are missing, UsageError for what cannot be a name.
    """
    VISUAL_ENCODERS.require_libraries()
    folder = _weights_file(name) or find_weights(name, settings, hub=hub)
    if not (folder.path.is_dir() and is_vision_transformer(folder.path)):
        return _load_clip(folder, settings)
    VISUAL_ENCODERS.check(folder.path)
    with _libraries_of(MODELS_EXTRA):
        from pagelens.encode.image.vision_transformer import VisionTransformerEncoder
    return VisionTransformerEncoder.load(folder, settings)


def _load_clip(folder: WeightsFolder, settings: Settings) -> LabelEncoder:
    """Load a CLIP-like model in any of its formats."""
    library, path = check_clip_checkpoint(folder.path) if folder.path.is_dir() else ("open_clip", folder.path)
    with _libraries_of(MODELS_EXTRA):
        if library == "transformers":
            from pagelens.encode.image.transformers_clip import load_transformers_clip

            return load_transformers_clip(replace(folder, path=path), settings)
        from pagelens.encode.image.clip import ClipEncoder
    return ClipEncoder.load(folder, settings)


def load_page_encoder(name: str, settings: Settings, *, hub: Hub | None = None) -> PageImageEncoder:
    """Return the ColPali-like encoder of that name or folder; an adapter's base model is looked for in the same way.

    Raises WeightsError where weights or a library are missing or a parameter did not come from the files, UsageError
    for what cannot be a name.
    """
    PAGE_ENCODERS.require_libraries()
    folder = find_weights(name, settings, hub=hub)
    base_name = adapter_base(folder.path)
    base = find_weights(base_name, settings, hub=hub) if base_name else None
    PAGE_ENCODERS.check((base or folder).path)
    with _libraries_of(MODELS_EXTRA):
        from pagelens.encode.page.colpali import ColPaliEncoder
    return ColPaliEncoder.load(folder, settings, base=base)


def load_cross_encoder(name: str, settings: Settings, *, hub: Hub | None = None) -> Reranker:
    """Return the cross-encoder of that name or folder, as a reranker; fetches like `load_text_encoder`.

    Raises WeightsError where weights or a library are missing, UsageError for what cannot be a name.
    """
    TEXT_ENCODERS.require_libraries()
    folder = find_weights(name, settings, hub=hub)
    with _libraries_of(MODELS_EXTRA):
        from pagelens.encode.rerank.cross_encoder import CrossEncoderReranker
    return CrossEncoderReranker.load(folder)


def load_late_pages_reranker(
    name: str, settings: Settings, load_page_image: RenderPageImage, *, image_side: int
) -> Reranker:
    """Return the ColPali-like model of that name or folder as a reranker of page images: see `load_page_encoder`."""
    encoder = load_page_encoder(name, settings)
    from pagelens.encode.rerank.late_pages import PAGES, LatePagesReranker

    return LatePagesReranker(encoder, load_page_image, image_side=image_side, pages=settings.rerank_pages or PAGES)


def load_builtin_text_encoder(name: str, settings: Settings) -> "OnnxTextEncoder":
    """Return a text encoder that comes with the install: BUILTIN or MULTILINGUAL. Raises WeightsError."""
    with _libraries_of(BUILTIN_EXTRA):
        if name == MULTILINGUAL:
            from pagelens.encode.text.multilingual_e5 import MultilingualTextEncoder

            return MultilingualTextEncoder.load(settings)
        from pagelens.encode.text.minilm import BuiltinTextEncoder
    return BuiltinTextEncoder.load(settings)


def load_builtin_image_encoder(settings: Settings, text: TextEncoder) -> "ConSEImageEncoder":
    """Return the image encoder that comes with the install, in the space of a text encoder. Raises WeightsError."""
    with _libraries_of(BUILTIN_EXTRA):
        from pagelens.encode.image.conse import ConSEImageEncoder
    return ConSEImageEncoder.load(settings, text, cache=settings.cache)


def load_builtin_page_encoder(text: "OnnxTextEncoder", analyze: Analyzer) -> "BuiltinPageEncoder":
    """Return the page encoder that comes with the install, over the builtin text encoder."""
    from pagelens.encode.page.late_words import BuiltinPageEncoder

    return BuiltinPageEncoder(text, analyze)


def _weights_file(name: str) -> WeightsFolder | None:
    """Return what "ARCHITECTURE@FILE" names, None for anything else. Raises UsageError if the file does not exist."""
    architecture, at, file = name.partition("@")
    if not at or Path(name).expanduser().is_dir():
        return None
    path = Path(file).expanduser()
    if not architecture or not path.is_file():
        raise UsageError(f"expected an architecture and a file that exists, ARCHITECTURE@FILE, found {name!r}")
    return WeightsFolder(f"{architecture}@{path.name}", path.resolve(), file_sha256(path), "path")


@contextmanager
def _libraries_of(distribution: str) -> Iterator[None]:
    """Raise WeightsError, with the command that installs `distribution`, for an import that fails inside."""
    try:
        yield
    except ImportError as exc:
        reason = " ".join(str(exc).split())  # one line
        raise WeightsError(
            f"cannot import {exc.name or 'a library'} ({reason}); run `pip install '{distribution}'`"
        ) from exc


def _not_installed(libraries: Sequence[str]) -> str:
    return f"{' and '.join(libraries)} not installed; run `pip install '{MODELS_EXTRA}'`"
