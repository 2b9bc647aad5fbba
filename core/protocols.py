"""Interfaces between packages. A Protocol lists only what every implementation offers."""

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pagelens.core.spaces import Space
from pagelens.core.types import (
    Answer,
    AnswerEvent,
    ContextPage,
    Extraction,
    History,
    ImageArray,
    PageRef,
    PageText,
    ParsedWord,
    QueryTokens,
    RerankCandidate,
    TokenMatrix,
    UserImage,
)

NO_IDF: Mapping[str, float] = MappingProxyType({})

Analyzer = Callable[[str], list[str]]
"""Return a text's index terms: plain ones in order (lower case, accents folded, stemmed, letters split from digits),
then other forms as `OtherForm`."""

WordsAnalyzer = Callable[[Collection[str]], Mapping[str, Collection[str]]]
"""Return the index terms of each of several words: those that an `Analyzer` finds in the word alone, in no order."""

TokenCounter = Callable[[Sequence[str]], list[int]]
"""Return each text's number of tokens, without special tokens."""

RenderPageImage = Callable[[PageRef, int], ImageArray]
"""Return a page's image, given the pixels of its longer side. Raises PageLensError if it cannot be rendered."""


class TextEncoder(Protocol):
    """Encodes texts as unit vectors of one space; queries and passages may be encoded differently."""

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        ...

    @property
    def max_tokens(self) -> int:
        """The number of tokens the model reads of a text, without special tokens; the rest is cut off."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, dim), each row of length 1."""
        ...

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, dim), each row of length 1, in the order given."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's number of tokens, without special tokens."""
        ...


class PixelEncoder(Protocol):
    """Encodes images as unit vectors of one space, which are close for images that look alike."""

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        ...

    def encode_images(self, images: Sequence[ImageArray]) -> NDArray[np.float32]:
        """Return (n_images, dim), each row of length 1, in the order given."""
        ...


class ImageEncoder(PixelEncoder, Protocol):
    """Encodes images and texts that describe them as unit vectors of one space (CLIP and similar models)."""

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, dim), each row of length 1, to be compared with vectors of images."""
        ...


class LabelEncoder(ImageEncoder, Protocol):
    """An image encoder that can sort images by descriptions: with prompt templates, and a scale for its cosines."""

    @property
    def logit_scale(self) -> float:
        """The factor that makes logits of cosines: the model's own, or a measured one."""
        ...

    def with_templates(self, templates: Sequence[str]) -> ImageEncoder:
        """Return an encoder of the same space that puts each text into every template ("a photo of a {}") and averages
        the vectors (prompt ensembling). Raises UsageError for a template without exactly one {}."""
        ...


class LateQueryEncoder(Protocol):
    """Encodes each query as many unit vectors, for late interaction (ColBERT, ColPali)."""

    @property
    def space(self) -> Space:
        """The space of every vector returned; `multi_vector` is true."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> list[QueryTokens]:
        """Return the token vectors of each query."""
        ...


class PageImageEncoder(LateQueryEncoder, Protocol):
    """Encodes each page image as many unit vectors (ColPali and similar models)."""

    def encode_page_images(self, images: Sequence[ImageArray]) -> list[TokenMatrix]:
        """Return the token vectors of each image, without padding and prompt; a token's box is its patch."""
        ...


class DependencyParser(Protocol):
    """Finds which word of a sentence depends on which, and how."""

    def parse(self, words: Sequence[str], blank_behind: Sequence[bool]) -> Sequence[ParsedWord]:
        """Return each word in its tree. `blank_behind`: whether a blank follows the word in the text."""
        ...


class PageTextEncoder(LateQueryEncoder, Protocol):
    """Encodes each page text as many unit vectors: late interaction over the words of a page."""

    def encode_texts(self, texts: Sequence[PageText]) -> list[TokenMatrix]:
        """Return the token vectors of each page; a token's box is its word's. A page without words has none."""
        ...


class Reranker(Protocol):
    """Scores the first pages of a ranking again for a query."""

    @property
    def name(self) -> str:
        """Its name in results: "builtin", or a model's."""
        ...

    @property
    def cost(self) -> str:
        """What a search with it costs, in words for users, where somebody is paid for it or waits long;
        "" otherwise."""
        ...

    def scores(
        self, query: str, candidates: Sequence[RerankCandidate], idf: Mapping[str, float]
    ) -> NDArray[np.float64]:
        """Return the score of each candidate, higher for better ones; NaN for one that it says nothing of, which keeps
        its place. `idf` has the query's terms. Raises GenerationError where a model cannot be asked.
        """
        ...


class Answerer(Protocol):
    """Answers a question from numbered pages, with citations of them, as a stream."""

    @property
    def accepts_images(self) -> bool:
        """Whether it uses page images as well as their text."""
        ...

    def stream(
        self,
        question: str,
        pages: Sequence[ContextPage],
        *,
        history: History = (),
        idf: Mapping[str, float] = NO_IDF,
        image: UserImage | None = None,
    ) -> Generator[AnswerEvent]:
        """Yield pieces of the text, then citations of `pages` as they are checked, and last the Answer.

        Closing the generator stops the work. `history` is the conversation before the question; `idf` has the inverse
        document frequencies of the question's terms, and of the words on `image`, in the whole collection. `image` is
        what the question is about, the user's own: it is used and never cited.
        """
        ...


class Summariser(Protocol):
    """Summarises pages by a language model."""

    def summarise(self, pages: Sequence[ContextPage], *, sentences: int) -> Answer:
        """Return a summary of about so many sentences, each with its pages. Raises GenerationError."""
        ...


class Extractor(Protocol):
    """Extracts JSON that matches a schema (JSON Schema 2020-12) from pages."""

    @property
    def window(self) -> int | None:
        """How many pages are read at once, at most; None: any number."""
        ...

    def search_text(self, schema: object) -> str:
        """Return the search text for a schema: its names and descriptions. Raises UsageError."""
        ...

    def extract(self, schema: object, pages: Sequence[ContextPage], *, question: str = "") -> Extraction:
        """Return the values found on `pages`, each with a citation: those that answer the question, if there is one.

        Raises UsageError, GenerationError.
        """
        ...
