"""What PageLens talks about: pages, passages, hits, evidence, citations.

Coordinates are fractions of the page as a reader sees it (rotation applied): 0..1, origin top left.
Page numbers count from 1 by position in the file; the printed label is kept beside them.
Spans are half-open character ranges into `PageText.text`. This module knows no file format, no model, no store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Kind = Literal["pdf", "photo", "book", "text", "office", "drawing", "xps"]
TextSource = Literal["layer", "ocr", "both", "none"]
Metadata = Mapping[str, str | int | float | bool]


class Box(NamedTuple):
    """A rectangle on a page, in fractions of its width and height."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True, eq=False)
class PageText:
    """A page's words in reading order. Words of a line are joined by a blank, lines by a newline, blocks by two."""

    text: str
    spans: NDArray[np.int32]  # (n_words, 2) start and end of each word in `text`
    boxes: NDArray[np.float32]  # (n_words, 4) x0 y0 x1 y1, 0..1
    source: TextSource = "layer"
    confidence: float | None = None  # mean OCR confidence 0..1; None where nothing was recognised

    def boxes_of(self, start: int, end: int) -> list[Box]:
        """Return one box per line touched by the span [start, end), each the hull of that line's words."""
        lines: list[Box] = []
        last_end = -1
        for row in np.flatnonzero((self.spans[:, 1] > start) & (self.spans[:, 0] < end)):
            x0, y0, x1, y1 = (float(v) for v in self.boxes[row])
            word_start = int(self.spans[row, 0])
            if lines and "\n" not in self.text[last_end:word_start]:
                line = lines[-1]
                lines[-1] = Box(min(line.x0, x0), min(line.y0, y0), max(line.x1, x1), max(line.y1, y1))
            else:
                lines.append(Box(x0, y0, x1, y1))
            last_end = int(self.spans[row, 1])
        return lines


def no_text() -> PageText:
    """Return the text of a page that has none."""
    return PageText("", np.zeros((0, 2), np.int32), np.zeros((0, 4), np.float32), source="none")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a document, read."""

    number: int  # from 1, by position in the file
    label: str | None  # printed label ("iv", "A-3") where the file has one
    width: float  # points for PDFs, pixels for photos; as displayed
    height: float
    text: PageText
    caption: str = ""  # words to find the page by that do not stand on it (file name, date, camera); never quoted
    problem: str = ""  # why the page could not be read, or was read in part; empty when all went well


@dataclass(frozen=True, slots=True)
class Document:
    """One file, known by the SHA-256 of its bytes."""

    sha256: str
    kind: Kind
    title: str
    page_count: int
    size: int  # bytes
    date: datetime | None = None  # when a photo was taken or a document was made, naive local time
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passage:
    """A window of a page's words: `ordinal` from 0 on its page, the span in the page's text."""

    ordinal: int
    start: int
    end: int


class PageRef(NamedTuple):
    """A page as people write it: `report.pdf p.12`. `path` is one path of the document."""

    path: str
    number: int

    def __str__(self) -> str:
        return f"{self.path} p.{self.number}"

    @classmethod
    def parse(cls, text: str) -> "PageRef":
        """Read `report.pdf p.12` or `report.pdf#12` back. Raises ValueError with what was expected."""
        for mark in (" p.", "#"):
            path, found, number = text.strip().rpartition(mark)
            if found and path.strip() and number.strip().isdecimal() and int(number) >= 1:
                return cls(path.strip(), int(number))
        raise ValueError(f"expected a page like 'report.pdf p.12' or 'report.pdf#12', found {text!r}")


class Hit(NamedTuple):
    """A page with a lane's score. `passage` is the passage that stood for its page, where the lane has passages."""

    page: int  # page key, see pagelens.core.keys
    score: float
    passage: int | None = None  # passage key


@dataclass(frozen=True, slots=True)
class Ranking:
    """A lane's hits, best first; a page stands in it once."""

    lane: str
    hits: Sequence[Hit]


class LaneRank(NamedTuple):
    """Where a lane had the page: rank from 1, the lane's raw score."""

    rank: int
    score: float
    passage: int | None = None


@dataclass(frozen=True, slots=True)
class FusedHit:
    """A page with its fused score and its place in each lane that found it."""

    page: int
    score: float
    lanes: Mapping[str, LaneRank]
    named: bool = False  # the query named this page or its document


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a page was found: words quoted from it, exactly, with one box per line; or, where late interaction looked at
    its picture, the hottest places, with no quote."""

    quote: str
    start: int
    end: int
    boxes: Sequence[Box]


class Guess(NamedTuple):
    """What the builtin image encoder takes a photo for: a class's name, and the belief in it from 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Filters:
    """What a page must be to be ranked. Every given condition must hold; empty means no condition."""

    paths: Sequence[str] = ()  # globs over document paths; any may match
    kinds: Sequence[Kind] = ()
    since: datetime | None = None  # documents dated at or after
    until: datetime | None = None  # documents dated at or before
    first_page: int | None = None
    last_page: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)  # key -> value or glob, as text, case-insensitive

    def __bool__(self) -> bool:
        return self != Filters()


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page handed to an answerer: everything it may cite, nothing else."""

    ref: PageRef
    label: str | None
    title: str
    text: PageText
    score: float = 0.0  # the retriever's fused score
    estimated: bool = False  # the page number: the format has no pages of its own
    bm25: float | None = None  # its score in the `words` lane; None: that did not rank it


CitationState = Literal["verified", "supported", "unverified"]
"""Found in the page's words; borne out by its picture only, as a model sees it; neither."""


@dataclass(frozen=True, slots=True)
class Citation:
    """An answer's mark [n]: the page it points to, the words it rests on and where they stand."""

    mark: int  # n, from 1
    ref: PageRef
    label: str | None
    quote: str
    boxes: Sequence[Box]
    source: TextSource = "layer"  # where the page's words come from
    state: CitationState | None = None  # None: not checked
    claim: str = ""  # what the answer says and cites the page for
    missing: Sequence[str] = ()  # numbers, names and quotations of the claim that were not found on the page


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took."""

    model: str
    pages: int  # shown
    pictures: int  # of them, as pictures
    estimated_tokens: int  # of the first request, before it was sent
    input_tokens: int | None  # as the server counted them, over all calls; None where it did not
    output_tokens: int | None
    calls: int  # the answer's and those that checked a citation
    seconds: float
    cost: float | None = None  # where prices are configured, in their currency


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its citations, or an honest no (`found` false) with what was looked at."""

    question: str
    text: str
    found: bool
    citations: Sequence[Citation]
    looked_at: Sequence[PageRef]
    confidence: float  # 0..1, what was compared with the threshold; of a model's answer, the share of checked claims
    notes: Sequence[str] = ()  # what a reader must know before the text: claims without support, pictures not seen
    usage: Usage | None = None  # where a model was asked


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was read from pages into the shape of a JSON Schema, each value with the page it stands on."""

    data: object  # JSON, valid against the schema with null allowed for every property
    citations: Mapping[str, Citation]  # JSON pointer (RFC 6901) of each value -> where it stands
    absent: Sequence[str]  # pointers of what is null: not on these pages
    looked_at: Sequence[PageRef]
    notes: Sequence[str] = ()
    usage: Usage | None = None


AnswerEvent = str | Citation | Answer
"""What a streamed answer is made of: pieces of its text, citations as they are settled, last the whole answer."""


History = Sequence[tuple[str, str]]
"""A conversation so far: questions and their answers, oldest first."""


ImageArray = NDArray[np.uint8]
"""A picture as (height, width, 3), RGB, as a viewer shows it."""


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What is searched for: a text, a picture, or both; one of them may be missing."""

    text: str = ""
    image: ImageArray | None = None
    image_text: str = ""  # what is written in the picture: words to search by, not a description of it
    text_share: float = 0.5  # of the vector, where text and picture become one

    @property
    def words(self) -> str:
        """What lanes of words go by."""
        return f"{self.text}\n{self.image_text}".strip()


@dataclass(frozen=True, slots=True, eq=False)
class TokenVectors:
    """One vector per token of a text, in reading order, special tokens left out."""

    vectors: NDArray[np.float32]  # (n_tokens, dim), each row of length 1
    spans: NDArray[np.int32]  # (n_tokens, 2) start and end of each token in the text

    def shifted(self, offset: int) -> "TokenVectors":
        """Return the tokens with `offset` added to their spans, for a text that is part of a longer one."""
        return TokenVectors(self.vectors, self.spans + np.int32(offset))


@dataclass(frozen=True, slots=True, eq=False)
class TokenMatrix:
    """Many vectors of one page, for late interaction: unit rows, and where on the page each of them looks."""

    vectors: NDArray[np.float32]  # (n_tokens, dim)
    boxes: NDArray[np.float32]  # (n_tokens, 4) x0 y0 x1 y1, 0..1


@dataclass(frozen=True, slots=True, eq=False)
class QueryTokens:
    """Many vectors of one query, padding and prompt left out, and the word each of them stands for."""

    vectors: NDArray[np.float32]  # (n_tokens, dim)
    words: Sequence[str]  # (n_tokens,), as a reader knows them; pieces of one word repeat it
    weights: NDArray[np.float32] | None = None  # (n_tokens,), None: all 1
    window: int = 0  # neighbouring page tokens that score together; 0: the whole page
