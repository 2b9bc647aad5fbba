"""The encoders of a collection, each loaded once, when it is first needed, and checked against its lane's space."""

from collections.abc import Callable, Mapping
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING

from pagelens.api.engine.embedding import (
    BuiltinImageEmbedder,
    Embedder,
    ImageEmbedder,
    PagePicturesEmbedder,
    PageWordsEmbedder,
    PassageAndWordsEmbedder,
    PassageEmbedder,
)
from pagelens.core.errors import UsageError, WeightsError
from pagelens.core.protocols import Analyzer, PageImageEncoder, TextEncoder
from pagelens.core.settings import Settings
from pagelens.encode.loading import (
    BUILTIN,
    load_builtin_image_encoder,
    load_builtin_page_encoder,
    load_builtin_text_encoder,
    load_image_encoder,
    load_page_encoder,
    load_text_encoder,
)
from pagelens.index.layout import Manifest
from pagelens.retrieve.lanes import ImageLane, Lane, VisualLane, PageLane, TextLane, WordsLane

if TYPE_CHECKING:
    from pagelens.encode.page.late_words import BuiltinPageEncoder
    from pagelens.encode.text.minilm import BuiltinTextEncoder


class CollectionModels:
    """Loads encoders by the model's name of each lane. Safe to share between threads."""

    def __init__(self, models: Mapping[str, str], analyze: Analyzer, settings: Settings) -> None:
        """`models` is lane -> model, `text` among them."""
        self._models = models
        self._analyze = analyze
        self._settings = settings
        self._lock = RLock()

    @cached_property
    def text(self) -> TextEncoder:
        """The text lane's encoder."""
        name = self._models["text"]
        return self._builtin_text if name == BUILTIN else load_text_encoder(name, self._settings)

    @cached_property
    def _builtin_text(self) -> "BuiltinTextEncoder":
        """The text encoder that the builtin lanes stand on."""
        return load_builtin_text_encoder(self._settings)

    @cached_property
    def _conse(self) -> BuiltinImageEmbedder:
        return BuiltinImageEmbedder(load_builtin_image_encoder(self._settings, self._builtin_text))

    @cached_property
    def _clip(self) -> ImageEmbedder:
        return ImageEmbedder(load_image_encoder(self._models["image"], self._settings), self._models["image"])

    @cached_property
    def _page_words(self) -> "BuiltinPageEncoder":
        return load_builtin_page_encoder(self._builtin_text, self._analyze)

    @cached_property
    def _page_pictures(self) -> PageImageEncoder:
        return load_page_encoder(self._models["page"], self._settings)

    def embedder(self, lane: str) -> Embedder:
        """Return what fills a lane alone. Raises WeightsError."""
        with self._lock:
            builtin = self._models[lane] == BUILTIN
            if lane == "text":
                return PassageEmbedder(self.text, self._models["text"])
            if lane == "image":
                return self._conse if builtin else self._clip
            if builtin:
                return PageWordsEmbedder(self._page_words)
            return PagePicturesEmbedder(self._page_pictures, self._models["page"])

    def embedders(self, manifest: Manifest) -> list[Embedder]:
        """Return what fills every lane of a collection. Raises WeightsError, CollectionMismatch."""
        found = [self.embedder(lane) for lane in self._models]
        if self._models["text"] == self._models.get("page") == BUILTIN:
            both = PassageAndWordsEmbedder(self._builtin_text, self._page_words)
            found = [both, *(one for one in found if one.lanes[0].name not in ("text", "page"))]
        for embedder in found:
            for record in embedder.lanes:
                manifest.require(record.name, record.space)
        return found

    def lanes(self, manifest: Manifest) -> tuple[list[Lane], dict[str, str]]:
        """Return the lanes of a collection, and those that this machine lacks the weights for, with the reason."""
        lanes: list[Lane] = [WordsLane(self._analyze)]
        missing: dict[str, str] = {}
        makers: Mapping[str, Callable[[], list[Lane]]] = {
            "text": lambda: [TextLane(self.text)],
            "image": self._image_lanes,
            "page": self._page_lanes,
        }
        for lane in self._models:
            try:
                with self._lock:
                    made = makers[lane]()
            except (WeightsError, UsageError) as exc:  # the latter: its folder is gone
                missing[lane] = str(exc)
                continue
            for one in self.embedder(lane).lanes:
                manifest.require(one.name, one.space)
            lanes += made
        return lanes, missing

    def _image_lanes(self) -> list[Lane]:
        if self._models["image"] == BUILTIN:
            encoder = self._conse.encoder
            one_space = self._models["text"] == BUILTIN
            image = ImageLane(encoder, image_only_queries=False, in_text_space=one_space)
            return [image, VisualLane(encoder.feature_encoder)]
        return [ImageLane(self._clip.encoder)]

    def _page_lanes(self) -> list[Lane]:
        if self._models["page"] == BUILTIN:
            return [PageLane(self._page_words, of_words=True)]
        return [PageLane(self._page_pictures, of_words=False)]
