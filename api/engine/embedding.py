"""What fills lanes: each embedder turns pages, their passages and their pictures into rows of one lane or two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from pagelens.core.protocols import ImageEncoder, PageImageEncoder, PageTextEncoder, TextEncoder
from pagelens.core.types import Guess, ImageArray, Kind, PageText, Passage, TokenMatrix
from pagelens.encode.loading import BUILTIN
from pagelens.encode.text.token_vectors import moved_tokens
from pagelens.index.catalog.writes import DenseRows
from pagelens.index.layout import LaneRecord

if TYPE_CHECKING:
    from pagelens.encode.image.conse import ConSEImageEncoder
    from pagelens.encode.page.late_words import BuiltinPageEncoder
    from pagelens.encode.text.minilm import BuiltinTextEncoder

GUESSES = 3  # labels kept of a photo,
MIN_PROBABILITY = 0.05  # each believed in so much at least
IMAGE_SIDE = 640  # pixels of the longer side: more than any CLIP looks at
PAGE_SIDE = 1_600  # likewise for page encoders, which cut pictures into tiles or patches


@dataclass(frozen=True, slots=True)
class Batch:
    """Neighbouring pages of one document. A page's picture is None where it could not be made, or nobody asked."""

    kind: Kind
    texts: Sequence[PageText]
    spans: Sequence[Sequence[Passage]]  # of each page
    passages: Sequence[Sequence[str]]  # the same as encoders read them: the title, then the words
    pictures: Sequence[ImageArray | None]


@dataclass(frozen=True, slots=True)
class Rows:
    """What goes into lanes for a batch."""

    vectors: Mapping[str, DenseRows] = field(default_factory=dict)
    tokens: Mapping[str, Sequence[TokenMatrix]] = field(default_factory=dict)
    guesses: Mapping[int, Sequence[Guess]] = field(default_factory=dict)  # position in the batch -> what a photo shows


class Embedder(Protocol):
    """Fills lanes."""

    @property
    def lanes(self) -> Sequence[LaneRecord]:
        """The lanes it fills, with their spaces."""
        ...

    @property
    def side(self) -> int:
        """Pixels of the longer side of the pictures it looks at; 0 where it looks at none."""
        ...

    def embed(self, batch: Batch) -> Rows:
        """Return rows for each of its lanes."""
        ...


def embed(embedders: Sequence[Embedder], batch: Batch) -> Rows:
    """Return what all embedders make of a batch, their lanes together."""
    made = [embedder.embed(batch) for embedder in embedders]
    return Rows(
        {lane: rows for one in made for lane, rows in one.vectors.items()},
        {lane: rows for one in made for lane, rows in one.tokens.items()},
        {place: found for one in made for place, found in one.guesses.items()},
    )


class PassageEmbedder:
    """Passages to the `text` lane."""

    side = 0

    def __init__(self, encoder: TextEncoder, model: str) -> None:
        self._encoder = encoder
        self.lanes = [LaneRecord("text", model, encoder.space, "passages")]

    def embed(self, batch: Batch) -> Rows:
        """See `Embedder.embed`."""
        vectors = self._encoder.encode_passages([text for page in batch.passages for text in page])
        return Rows({"text": DenseRows([len(page) for page in batch.passages], vectors)})


class PassageAndWordsEmbedder:
    """Passages to the `text` lane and their words to the `page` lane, from one pass of the model (builtin)."""

    side = 0

    def __init__(self, text: "BuiltinTextEncoder", page: "BuiltinPageEncoder") -> None:
        self._text, self._page = text, page
        self.lanes = [
            LaneRecord("text", BUILTIN, text.space, "passages"),
            LaneRecord("page", BUILTIN, page.space, "pages"),
        ]

    def embed(self, batch: Batch) -> Rows:
        """See `Embedder.embed`."""
        vectors, found = self._text.encode_with_tokens([text for page in batch.passages for text in page])
        tokens = iter(found)
        pages = []
        for text, passages, inputs in zip(batch.texts, batch.spans, batch.passages, strict=True):
            parts = []
            for passage, read in zip(passages, inputs, strict=True):
                moved = moved_tokens(next(tokens), passage.end - len(read))  # the passage ends what was read
                parts.append((passage.start, passage.end, moved))
            pages.append(self._page.from_passages(text, parts))
        return Rows({"text": DenseRows([len(page) for page in batch.passages], vectors)}, {"page": pages})


class ImageEmbedder:
    """Photos and page pictures to the `image` lane (CLIP)."""

    side = IMAGE_SIDE

    def __init__(self, encoder: ImageEncoder, model: str) -> None:
        self.encoder = encoder
        self.lanes = [LaneRecord("image", model, encoder.space, "pages")]

    def embed(self, batch: Batch) -> Rows:
        """See `Embedder.embed`."""
        seen = [picture for picture in batch.pictures if picture is not None]
        return Rows({"image": _of_pages(batch.pictures, self.encoder.encode_images(seen))})


class BuiltinImageEmbedder:
    """Photos to the `image` lane and what they show, photos and page images to `visual` (builtin)."""

    side = IMAGE_SIDE

    def __init__(self, encoder: "ConSEImageEncoder") -> None:
        self.encoder = encoder
        self.lanes = [
            LaneRecord("image", BUILTIN, encoder.space, "photos"),
            LaneRecord("visual", BUILTIN, encoder.feature_encoder.space, "pages"),
        ]

    def embed(self, batch: Batch) -> Rows:
        """See `Embedder.embed`."""
        places = [place for place, picture in enumerate(batch.pictures) if picture is not None]
        seen = [picture for picture in batch.pictures if picture is not None]
        image, visual = (record.name for record in self.lanes)
        if batch.kind != "photo":
            none = DenseRows([0] * len(batch.pictures), np.zeros((0, self.encoder.space.dim), np.float32))
            return Rows(
                {image: none, looks: _of_pages(batch.pictures, self.encoder.feature_encoder.encode_images(seen))}
            )
        found = self.encoder.encode_features(seen)
        guesses = {
            place: [guess for guess in some if guess.probability >= MIN_PROBABILITY]
            for place, some in zip(places, found.guesses(GUESSES), strict=True)
        }
        vectors = {image: found.vectors, visual: found.features}
        return Rows({lane: _of_pages(batch.pictures, rows) for lane, rows in vectors.items()}, guesses=guesses)


class PageWordsEmbedder:
    """Words of pages to the `page` lane (builtin)."""

    side = 0

    def __init__(self, encoder: PageTextEncoder) -> None:
        self._encoder = encoder
        self.lanes = [LaneRecord("page", BUILTIN, encoder.space, "pages")]

    def embed(self, batch: Batch) -> Rows:
        """See `Embedder.embed`."""
        return Rows(tokens={"page": self._encoder.encode_texts(batch.texts)})


class PagePicturesEmbedder:
    """Page pictures to the `page` lane (ColPali). A page without a picture has no tokens."""

    side = PAGE_SIDE

    def __init__(self, encoder: PageImageEncoder, model: str) -> None:
        self._encoder = encoder
        self.lanes = [LaneRecord("page", model, encoder.space, "pages")]

    def embed(self, batch: Batch) -> Rows:
        """See `Embedder.embed`."""
        tokens = iter(self._encoder.encode_page_images([picture for picture in batch.pictures if picture is not None]))
        empty = TokenMatrix(np.zeros((0, self.lanes[0].space.dim), np.float32), np.zeros((0, 4), np.float32))
        return Rows(tokens={"page": [empty if picture is None else next(tokens) for picture in batch.pictures]})


def _of_pages(pictures: Sequence[ImageArray | None], vectors: NDArray[np.float32]) -> DenseRows:
    """Return one row for each page that has a picture."""
    return DenseRows([int(picture is not None) for picture in pictures], vectors)
