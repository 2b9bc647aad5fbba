"""The seams between rooms. A Protocol lists only what every implementer can do."""

from collections.abc import Callable, Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pagelens.core.spaces import Space
from pagelens.core.types import (
    AnswerEvent,
    Extraction,
    History,
    ImageArray,
    PageRef,
    PageText,
    QueryTokens,
    ShownPage,
    TokenMatrix,
)

NO_IDF: Mapping[str, float] = MappingProxyType({})

Analyzer = Callable[[str], list[str]]
"""Text to index terms (lower case, folded, stemmed, letters split from digits), in order."""

TokenCounter = Callable[[Sequence[str]], list[int]]
"""Texts to their token counts, special tokens not counted."""

RenderPageImage = Callable[[PageRef, int], ImageArray]
"""A page and the pixels of its longer side to its picture. Raises PageLensError where it cannot be drawn."""


class TextEncoder(Protocol):
    """Texts to unit vectors of one space. Queries and passages may be encoded differently."""

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens the model reads of a text, special tokens not counted; the rest is cut."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, dim), each row of length 1."""
        ...

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, dim), each row of length 1, in the order given."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's tokens, special tokens not counted."""
        ...


class PixelEncoder(Protocol):
    """Pictures to unit vectors of one space, near where pictures look alike."""

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        ...

    def encode_images(self, pictures: Sequence[ImageArray]) -> NDArray[np.float32]:
        """Return (n_pictures, dim), each row of length 1."""
        ...


class ImageEncoder(PixelEncoder, Protocol):
    """Pictures and the texts that describe them to unit vectors of one space (CLIP and its kin)."""

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, dim), each row of length 1, to be compared with those of pictures."""
        ...


class LateQueryEncoder(Protocol):
    """Queries to many unit vectors each, for late interaction (ColBERT; ColPali)."""

    @property
    def space(self) -> Space:
        """The space of every vector returned; `many` is true."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> list[QueryTokens]:
        """Return the tokens of each query."""
        ...


class PageImageEncoder(LateQueryEncoder, Protocol):
    """Page pictures to many unit vectors each (ColPali and its kin)."""

    def encode_page_images(self, pictures: Sequence[ImageArray]) -> list[TokenMatrix]:
        """Return the tokens of each picture, padding and prompt left out; a token's box is its patch."""
        ...


class PageTextEncoder(LateQueryEncoder, Protocol):
    """Page texts to many unit vectors each: late interaction over the words of a page."""

    def encode_texts(self, texts: Sequence[PageText]) -> list[TokenMatrix]:
        """Return the tokens of each page; a token's box is its word's. A page without words has none."""
        ...


class Answerer(Protocol):
    """A question and numbered pages to an answer that cites them, told as it comes."""

    @property
    def accepts_images(self) -> bool:
        """Whether it looks at pages as pictures, beside their words."""
        ...

    def stream(
        self,
        question: str,
        pages: Sequence[ShownPage],
        *,
        history: History = (),
        idf: Mapping[str, float] = NO_IDF,
    ) -> Generator[AnswerEvent]:
        """Yield pieces of the text, then citations, of `pages` only, as they are settled, last the Answer; closing it
        stops the work. `history`: the conversation that the question goes on with; `idf`: of the question's terms
        over the whole collection, which tells what nobody in it writes about."""
        ...


class Extractor(Protocol):
    """Pages to JSON in the shape that a schema asks for (JSON Schema 2020-12)."""

    def words(self, schema: object) -> str:
        """Return what pages are searched by for a schema: its names and descriptions. Raises UsageError."""
        ...

    def extract(self, schema: object, pages: Sequence[ShownPage]) -> Extraction:
        """Return what the pages say, with a citation of `pages` for each value. Raises UsageError, GenerationError."""
        ...
