"""The encoders of a collection's models, each loaded when it is first needed, and only once.

The builtin encoders are shared by all collections that a process has open: their weights cannot change meanwhile.
"""

from collections.abc import Callable, Hashable, Mapping
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from pagelens.api.engine.embedding import BuiltinImageEmbedder, ImageEmbedder, VisualEmbedder
from pagelens.core.protocols import Analyzer, PageImageEncoder, TextEncoder
from pagelens.core.settings import Settings
from pagelens.encode.loading import (
    BUILTIN_TEXT_MODULES,
    load_builtin_image_encoder,
    load_builtin_page_encoder,
    load_builtin_text_encoder,
    load_image_encoder,
    load_page_encoder,
    load_text_encoder,
    load_visual_encoder,
)

if TYPE_CHECKING:
    from pagelens.encode.page.late_words import BuiltinPageEncoder
    from pagelens.encode.text.onnx_text_encoder import OnnxTextEncoder


T = TypeVar("T")

_SHARED: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()
_SHARED_LOCK = RLock()


def shared(load: Callable[..., T], *arguments: Hashable) -> T:
    """Return `load(*arguments)`, or the value that another caller with equal arguments still holds."""
    key = (load, *arguments)
    with _SHARED_LOCK:
        value: T | None = _SHARED.get(key)
        if value is None:
            value = _SHARED[key] = load(*arguments)
        return value


class Encoders:
    """Loads encoders by the model's name of each lane. Every property raises WeightsError, UsageError."""

    def __init__(self, models: Mapping[str, str], analyze: Analyzer, settings: Settings) -> None:
        """`models` maps lanes to models, `text` among them; `analyze` turns text into index terms."""
        self.models = models
        self.analyze = analyze
        self._settings = settings
        self._builtin_texts: dict[str, OnnxTextEncoder] = {}

    def is_builtin(self, lane: str) -> bool:
        """Tell whether a lane's model is one of the install."""
        return self.models.get(lane) in BUILTIN_TEXT_MODULES

    @cached_property
    def text(self) -> TextEncoder:
        """The text lane's encoder."""
        if self.is_builtin("text"):
            return self.builtin_text("text")
        return load_text_encoder(self.models["text"], self._settings)

    def builtin_text(self, lane: str) -> "OnnxTextEncoder":
        """The builtin text encoder of a lane; lanes with the same model share it."""
        model = self.models[lane]
        if model not in self._builtin_texts:
            self._builtin_texts[model] = shared(load_builtin_text_encoder, model, self._settings)
        return self._builtin_texts[model]

    @cached_property
    def builtin_image(self) -> BuiltinImageEmbedder:
        """The builtin image encoder, which fills the lane `image`, and `visual` unless that has a model of its own."""
        encoder = shared(load_builtin_image_encoder, self._settings, self.builtin_text("image"))
        return BuiltinImageEmbedder(encoder, self.models["image"], visual="visual" not in self.models)

    @cached_property
    def clip(self) -> ImageEmbedder:
        """The image lane's CLIP encoder."""
        return ImageEmbedder(load_image_encoder(self.models["image"], self._settings), self.models["image"])

    @cached_property
    def visual(self) -> VisualEmbedder:
        """The visual lane's own encoder; where it is the image lane's model too, that is not loaded twice."""
        model = self.models["visual"]
        same = model == self.models.get("image")
        return VisualEmbedder(self.clip.encoder if same else load_visual_encoder(model, self._settings), model)

    @cached_property
    def page_words(self) -> "BuiltinPageEncoder":
        """The builtin page encoder, over the words of a page."""
        return shared(load_builtin_page_encoder, self.builtin_text("page"), self.analyze)

    @cached_property
    def page_images(self) -> PageImageEncoder:
        """The page lane's encoder of page images."""
        return load_page_encoder(self.models["page"], self._settings)
