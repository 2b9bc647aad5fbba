"""Embedders: each turns pages, their passages and their images into the rows of one lane or two."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from pagelens.core.protocols import (
    ImageEncoder,
    LabelEncoder,
    PageImageEncoder,
    PageTextEncoder,
    PixelEncoder,
    TextEncoder,
)
from pagelens.core.types import Guess, ImageArray, Kind, PageText, Passage, TokenMatrix
from pagelens.core.word_breaks import join_with_offsets
from pagelens.encode.loading import BUILTIN
from pagelens.index.layout import LaneRecord
from pagelens.index.records import DenseRows
from pagelens.ingest.text.captions import find_captions

if TYPE_CHECKING:
    from pagelens.encode.image.conse import ConSEImageEncoder
    from pagelens.encode.page.late_words import BuiltinPageEncoder
    from pagelens.encode.text.onnx_text_encoder import OnnxTextEncoder

MAX_GUESSES = 3  # labels stored for a photo
MIN_PROBABILITY = 0.05  # of a stored label
IMAGE_SIDE = 640  # pixels of the longer side: more than any CLIP model reads
PAGE_SIDE = 1_600  # the same for page encoders, which cut images into tiles or patches


@dataclass(slots=True)
class PageBatch:
    """Pages of one kind of document, and the rows that embedders add for them."""

    kind: Kind
    texts: Sequence[PageText]
    passages: Sequence[Sequence[Passage]]  # of each page
    inputs: Sequence[Sequence[str]]  # what text encoders read for each passage: the title, then the passage
    images: Sequence[ImageArray | None]  # None where no image was requested or the page cannot be rendered

    vectors: dict[str, DenseRows] = field(default_factory=dict)  # lane with one vector a row -> rows
    tokens: dict[str, Sequence[TokenMatrix]] = field(default_factory=dict)  # multi-vector lane -> tokens of each page
    guesses: dict[int, Sequence[Guess]] = field(default_factory=dict)  # position in the batch -> what a photo shows


class Embedder(Protocol):
    """Fills lanes."""

    @property
    def lanes(self) -> Sequence[LaneRecord]:
        """The lanes it fills, with their spaces."""
        ...

    @property
    def image_side(self) -> int:
        """Pixels of the longer side of the images it needs; 0 where it needs none."""
        ...

    def embed(self, batch: PageBatch) -> None:
        """Add rows for each of its lanes to the batch."""
        ...


class PassageEmbedder:
    """Passages to the `text` lane."""

    image_side = 0

    def __init__(self, encoder: TextEncoder, model: str) -> None:
        self._encoder = encoder
        self.lanes = [LaneRecord("text", model, encoder.space, "passages")]

    def embed(self, batch: PageBatch) -> None:
        """See `Embedder.embed`."""
        vectors = self._encoder.encode_passages([text for page in batch.inputs for text in page])
        batch.vectors["text"] = DenseRows([len(page) for page in batch.inputs], vectors)


class PassageAndWordsEmbedder:
    """Passages to the `text` lane and their words to the `page` lane, from one pass of a builtin model."""

    image_side = 0

    def __init__(self, text: "OnnxTextEncoder", page: "BuiltinPageEncoder", model: str) -> None:
        self._text, self._page = text, page
        self.lanes = [
            LaneRecord("text", model, text.space, "passages"),
            LaneRecord("page", model, page.space, "pages"),
        ]

    def embed(self, batch: PageBatch) -> None:
        """See `Embedder.embed`."""
        vectors, token_vectors = self._text.encode_with_tokens([text for page in batch.inputs for text in page])
        tokens = iter(token_vectors)
        pages = []
        for text, passages, inputs in zip(batch.texts, batch.passages, batch.inputs, strict=True):
            parts = []
            for passage, text_read in zip(passages, inputs, strict=True):
                read = join_with_offsets(text.text, passage.start, passage.end)
                shifted = next(tokens).shifted(len(read.text) - len(text_read))  # the input ends with the passage
                parts.append((passage.start, passage.end, read.on_page(shifted)))
            pages.append(self._page.from_passages(text, parts))
        batch.vectors["text"] = DenseRows([len(page) for page in batch.inputs], vectors)
        batch.tokens["page"] = pages


class ImageEmbedder:
    """Photos and page images to the `image` lane (CLIP)."""

    image_side = IMAGE_SIDE

    def __init__(self, encoder: LabelEncoder, model: str) -> None:
        self.encoder = encoder
        self.lanes = [LaneRecord("image", model, encoder.space, "pages")]

    def embed(self, batch: PageBatch) -> None:
        """See `Embedder.embed`."""
        batch.vectors["image"] = _image_rows(batch, self.encoder.encode_images(_present_images(batch)))


class CaptionEmbedder:
    """Captions and other short blocks of pages to the `captions` lane, as texts in the space of images (CLIP)."""

    image_side = 0

    def __init__(self, encoder: ImageEncoder, model: str) -> None:
        self._encoder = encoder
        self.lanes = [LaneRecord("captions", model, encoder.space, "captions")]

    def embed(self, batch: PageBatch) -> None:
        """See `Embedder.embed`."""
        captions = [find_captions(text) for text in batch.texts]
        vectors = self._encoder.encode_queries([caption for page in captions for caption in page])
        batch.vectors["captions"] = DenseRows([len(page) for page in captions], vectors)


class VisualEmbedder:
    """Photos and page images to the `visual` lane, by a model of its own (DINOv2, SigLIP2)."""

    image_side = IMAGE_SIDE

    def __init__(self, encoder: PixelEncoder, model: str) -> None:
        self.encoder = encoder
        self.lanes = [LaneRecord("visual", model, encoder.space, "pages")]

    def embed(self, batch: PageBatch) -> None:
        """See `Embedder.embed`."""
        batch.vectors["visual"] = _image_rows(batch, self.encoder.encode_images(_present_images(batch)))


class BuiltinImageEmbedder:
    """Photos to the `image` lane with guesses of what they show; photos and page images to the `visual` lane, unless
    that has a model of its own."""

    image_side = IMAGE_SIDE

    def __init__(self, encoder: "ConSEImageEncoder", model: str, *, visual: bool = True) -> None:
        self.encoder = encoder
        self._visual = visual
        self.lanes = [LaneRecord("image", model, encoder.space, "photos")]
        if visual:
            self.lanes.append(LaneRecord("visual", BUILTIN, encoder.feature_encoder.space, "pages"))

    def embed(self, batch: PageBatch) -> None:
        """See `Embedder.embed`."""
        images = _present_images(batch)
        if batch.kind != "photo":
            batch.vectors["image"] = DenseRows(
                [0] * len(batch.images), np.zeros((0, self.encoder.space.dim), np.float32)
            )
            if self._visual:
                batch.vectors["visual"] = _image_rows(batch, self.encoder.feature_encoder.encode_images(images))
            return
        result = self.encoder.encode_features(images)
        batch.vectors["image"] = _image_rows(batch, result.vectors)
        if self._visual:
            batch.vectors["visual"] = _image_rows(batch, result.features)
        positions = [position for position, image in enumerate(batch.images) if image is not None]
        for position, guesses in zip(positions, result.guesses(MAX_GUESSES), strict=True):
            batch.guesses[position] = [guess for guess in guesses if guess.probability >= MIN_PROBABILITY]


class PageWordsEmbedder:
    """Words of pages to the `page` lane (builtin)."""

    image_side = 0

    def __init__(self, encoder: PageTextEncoder, model: str) -> None:
        self._encoder = encoder
        self.lanes = [LaneRecord("page", model, encoder.space, "pages")]

    def embed(self, batch: PageBatch) -> None:
        """See `Embedder.embed`."""
        batch.tokens["page"] = self._encoder.encode_texts(batch.texts)


class PageImageEmbedder:
    """Page images to the `page` lane (ColPali). A page without an image has no tokens."""

    image_side = PAGE_SIDE

    def __init__(self, encoder: PageImageEncoder, model: str) -> None:
        self._encoder = encoder
        self.lanes = [LaneRecord("page", model, encoder.space, "pages")]

    def embed(self, batch: PageBatch) -> None:
        """See `Embedder.embed`."""
        tokens = iter(self._encoder.encode_page_images(_present_images(batch)))
        empty = TokenMatrix(np.zeros((0, self.lanes[0].space.dim), np.float32), np.zeros((0, 4), np.float32))
        batch.tokens["page"] = [empty if image is None else next(tokens) for image in batch.images]


def max_image_side(embedders: Sequence[Embedder]) -> int:
    """Return the pixels of the longer side of the images that embedders need; 0 where none needs any."""
    return max((embedder.image_side for embedder in embedders), default=0)


def _present_images(batch: PageBatch) -> list[ImageArray]:
    return [image for image in batch.images if image is not None]


def _image_rows(batch: PageBatch, vectors: NDArray[np.float32]) -> DenseRows:
    """Return one row for each page that has an image."""
    return DenseRows([int(image is not None) for image in batch.images], vectors)
