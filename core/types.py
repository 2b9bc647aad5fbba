"""The data types of the domain: pages, passages, hits, evidence, citations, answers.

Coordinates are fractions of the displayed page (rotation applied), 0..1, with the origin at the top left.
Page numbers count from 1 by position in the file; the printed label is kept separately.
Spans are half-open character ranges of `PageText.text`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pagelens.core.document_lists import DocumentList
from pagelens.core.query_conditions import NO_CONDITIONS, PageConditions

Kind = Literal["pdf", "photo", "book", "text", "office", "drawing", "xps"]
TextSource = Literal["layer", "ocr", "both", "none"]
Metadata = Mapping[str, str | int | float | bool]

MEMBER_SEPARATOR = " / "
"""Stands between a container and a file inside it: "report.pdf / annex.xlsx"."""


class Box(NamedTuple):
    """A rectangle on a page, in fractions of its width and height."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PageText:
    """A page's words in reading order. A space separates words, a newline lines, two newlines blocks."""

    text: str
    spans: NDArray[np.int32]  # (n_words, 2) start and end of each word in `text`
    boxes: NDArray[np.float32]  # (n_words, 4) x0 y0 x1 y1, 0..1
    source: TextSource = "layer"
    confidence: float | None = None  # mean OCR confidence, 0..1; None without OCR

    def boxes_of(self, start: int, end: int) -> list[Box]:
        """Return one box for each line that the span [start, end) overlaps: the bounding box of that line's words."""
        lines: list[Box] = []
        last_end = -1
        rows = np.flatnonzero((self.spans[:, 1] > start) & (self.spans[:, 0] < end))
        spans, boxes = self.spans[rows].tolist(), self.boxes[rows].tolist()
        for (word_start, word_end), (x0, y0, x1, y1) in zip(spans, boxes, strict=True):
            if lines and "\n" not in self.text[last_end:word_start]:
                line = lines[-1]
                lines[-1] = Box(min(line.x0, x0), min(line.y0, y0), max(line.x1, x1), max(line.y1, y1))
            else:
                lines.append(Box(x0, y0, x1, y1))
            last_end = word_end
        return lines


def no_text() -> PageText:
    """Return the text of a page without words."""
    return PageText(text="", spans=np.zeros((0, 2), np.int32), boxes=np.zeros((0, 4), np.float32), source="none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a document, as read from its file."""

    number: int  # from 1, by position in the file
    label: str | None  # printed label ("iv", "A-3"), if the file has one
    width: float  # points for PDFs, pixels for photos; as displayed
    height: float
    text: PageText
    caption: str = ""  # searchable words that are not on the page (file name, date, camera); never quoted
    problem: str = ""  # why the page could not be read, or only in part; empty if there was no problem


DATE_UNCERTAINTY = "date_uncertainty"
"""The key in a document's metadata of how uncertain its date is, for a time known in UTC only: `ONE_DAY`."""
ONE_DAY = "1 day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One file, identified by the SHA-256 of its bytes."""

    sha256: str
    kind: Kind
    title: str
    page_count: int
    size: int  # bytes
    date: datetime | None = None  # when a photo was taken or a document was created, naive local time
    metadata: Metadata = field(default_factory=dict)
    path_facts: str = ""  # digest of what was taken from the file's paths and the files beside it; empty: nothing


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a page's text: `ordinal` counts from 0 on its page, [start, end) is its span."""

    ordinal: int
    start: int
    end: int


class PageRef(NamedTuple):
    """A page by path and number, written `report.pdf p.12`. `path` is one of the document's paths."""

    path: str
    number: int

    def __str__(self) -> str:
        return f"{self.path} p.{self.number}"

    @classmethod
    def parse(cls, text: str) -> "PageRef":
        """Parse `report.pdf p.12` or `report.pdf#12`. Raises ValueError."""
        for separator in (" p.", "#"):
            path, matched, number = text.strip().rpartition(separator)
            if matched and path.strip() and number.strip().isdecimal() and int(number) >= 1:
                return cls(path.strip(), int(number))
        raise ValueError(f"expected a page like 'report.pdf p.12' or 'report.pdf#12', found {text!r}")


class Hit(NamedTuple):
    """A page with a lane's score. In a lane over passages, `passage` is the page's best passage."""

    page: int  # page key, see pagelens.core.keys
    score: float
    passage: int | None = None  # passage key


@dataclass(frozen=True, slots=True)
class Ranking:
    """A lane's hits, best first, each page once."""

    lane: str
    hits: Sequence[Hit]


class LaneRank(NamedTuple):
    """A page's rank (from 1) and raw score in a lane."""

    rank: int
    score: float
    passage: int | None = None


@dataclass(frozen=True, slots=True)
class FusedHit:
    """A page with its fused score and its rank in each lane that found it."""

    page: int
    score: float
    lanes: Mapping[str, LaneRank]
    named: bool = False  # the query named this page or its document
    rerank: LaneRank | None = None  # its rank and score by the reranker; None if that did not see it


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankCandidate:
    """A page that a reranker scores for a query."""

    page: int  # page key
    ref: PageRef
    text: str
    passages: Sequence[Passage]
    rank: int  # among the candidates, from 1, by the fused score
    score: float  # fused
    lanes: Mapping[str, LaneRank]


Depth = Literal["quick", "normal", "thorough"]
"""How much work a search does: see `pagelens.retrieve.depth`."""
DEFAULT_DEPTH: Depth = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStep:
    """One of the searches of a thorough search."""

    reason: Literal["question", "part", "missing"]  # the whole question, a part of it, or what no page found had
    text: str  # that was searched for; of "missing": the words that a page had to have
    pages: Sequence[PageRef]  # the first ones found


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a page was found: an exact quote with one box per line, or with the box of the table or figure that the query
    is about; or, after late interaction over the page image, the regions with the highest similarity and no quote."""

    quote: str
    start: int
    end: int
    boxes: Sequence[Box]


class Guess(NamedTuple):
    """A class that the builtin image encoder predicts for a photo, with its probability, 0..1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Conditions on the pages of a search. All given conditions must hold; an empty one is no condition."""

    paths: Sequence[str] = ()  # globs of document paths; one must match
    titles: Sequence[str] = ()  # words in a row of document titles, or globs; one must match
    kinds: Sequence[Kind] = ()
    since: datetime | None = None  # the document's date is at or after this
    until: datetime | None = None  # the document's date is at or before this
    first_page: int | None = None
    last_page: int | None = None
    metadata: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    """Key -> value, glob or range as text, or several that must all hold (`pagelens.index.field_conditions`). Case and
    accents do not matter."""
    labels: Sequence[str] = ()  # labels that a page must all have: names, globs, "flagged:"
    all_of: Sequence["Filters"] = ()  # further conditions that must all hold
    none_of: Sequence["Filters"] = ()  # pages that match one of these are left out

    def __bool__(self) -> bool:
        return self != Filters()


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoMatch:
    """Why a photo was found."""

    facts: str  # what is known about it besides its image: names, date, place, keywords
    similarity: float | None = None  # of image and query, the score in the `image` lane; None if it did not rank it
    guesses: Sequence[Guess] = ()  # of what it shows, by the builtin image encoder
    approximate: bool = False  # the builtin image encoder fills the `image` lane
    description: str = ""  # by a vision model, which it names: "described by MODEL (prompt 1): ..."


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedWord:
    """A word of a text in its dependency tree: `head` is the index of the word it depends on, its own for a root."""

    tag: str  # of the Penn Treebank: "NN", "VBD"
    head: int
    relation: str  # to its head: "nsubj", "dobj", "prep"; "ROOT"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextPage:
    """A page given to an answerer as context. An answerer cites only the pages given to it."""

    ref: PageRef
    label: str | None
    title: str
    text: PageText
    score: float = 0.0  # the retriever's fused score
    estimated: bool = False  # the page number is an estimate: the file format has no pages
    bm25: float | None = None  # the score in the `words` lane; None if that lane did not rank the page
    visual: float | None = None  # the score in the `visual` lane, for a question about an image
    photo: PhotoMatch | None = None  # for the page of a photo


@dataclass(frozen=True, slots=True, eq=False)
class UserImage:
    """An image that a question is about: the user's own, shown beside the pages and never cited."""

    pixels: "ImageArray"
    text: str = ""  # recognised in it by OCR; may hold errors


CitationState = Literal["quoted", "supported", "image-only", "unconfirmed"]
"""What was checked of a citation.

quoted       the words stand on the page; nothing is said of their answering the question
supported    numbers, names and content words of a model's statement stand together in one statement of the page
image-only   a model that was asked neutrally what the page image says on the subject named the same facts
unconfirmed  neither
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """An answer's mark [n]: the cited page, the quoted words and their boxes."""

    mark: int  # n, from 1
    ref: PageRef
    label: str | None
    quote: str
    boxes: Sequence[Box]
    source: TextSource = "layer"  # of the page's words
    state: CitationState | None = None  # None: not checked
    claim: str = ""  # the statement of the answer that the page is cited for
    missing: Sequence[str] = ()  # numbers, names and quotations of the claim that are not on the page


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an answer cost in pages, tokens, calls and time."""

    model: str
    pages: int  # in the context
    pictures: int  # pages in the context as images
    estimated_tokens: int  # of the request for the answer, before it was sent; of all where several replies are sampled
    input_tokens: int | None  # as the server counted them, over all calls; None if it did not
    output_tokens: int | None
    calls: int  # for the answer and for checking citations
    seconds: float
    cost: float | None = None  # if prices are configured, in their currency
    prompts: Sequence[str] = ()  # the ids of the prompts that were sent, each once: "answer@1"


Found = bool | Literal["closest"]
"""Whether the pages answer a question. "closest": passages are cited that are near, but perhaps no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with its citations, the passages closest to one, or the statement that the pages do not answer.

    Test `found is True` for an answer: "closest" is true in a condition.
    """

    question: str
    text: str
    found: Found
    citations: Sequence[Citation]
    context_pages: Sequence[PageRef]
    confidence: float  # 0..1: how likely the quotes answer; of a model's answer, its share of confirmed claims
    reason: str = ""  # for `found` and the confidence, in words: "no page names 2019"
    notes: Sequence[str] = ()  # warnings for the reader: claims without support, images the model was not shown
    usage: Usage | None = None  # if a model was called
    missing: Mapping[str, str] = field(default_factory=dict)  # lanes that did not look for pages, each with the reason
    image_text: str = ""  # what was read on the image that the question is about, by the model or by OCR
    steps: Sequence[SearchStep] = ()  # of a thorough search
    generation: int | None = None  # the commit of the collection that was searched
    documents: DocumentList | None = None  # of a question about many documents: a row for each that meets it


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueConflict:
    """A value of a document that differs from the one that was kept for the same place."""

    pointer: str  # JSON pointer of the place
    value: object
    citation: Citation


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """Values extracted from pages into the shape of a JSON Schema, each with a citation."""

    data: object  # JSON, valid against the schema with null allowed for every property
    citations: Mapping[str, Citation]  # by the JSON pointer (RFC 6901) of each value
    absent: Sequence[str]  # pointers of the values that are null: not found on these pages
    context_pages: Sequence[PageRef]
    notes: Sequence[str] = ()
    usage: Usage | None = None
    missing: Mapping[str, str] = field(default_factory=dict)  # as in `Answer`; none if all pages were read
    conflicts: Sequence[ValueConflict] = ()  # between the pages of a long document
    corrected: Sequence[str] = ()  # pointers of the values that a person gave instead of the machine's


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerStep:
    """What is being done for an answer: said when it begins, but a search of a thorough search when it has ended."""

    stage: Literal["searching", "searched", "reading", "checking"]  # checking: the citations, on their pages
    pages: int = 0  # that are read
    search: SearchStep | None = None  # that has ended


AnswerEvent = str | Citation | AnswerStep | Answer
"""An item of a streamed answer: a piece of its text, a checked citation, what is being done, or, last, the answer."""


History = Sequence[tuple[str, str]]
"""A conversation so far: (question, answer) pairs, oldest first."""


ImageArray = NDArray[np.uint8]
"""Pixels as (height, width, 3), RGB, upright."""


@dataclass(frozen=True, slots=True)
class ImageIdentity:
    """What a picture is recognised by: the digest of its file, and its perceptual hash."""

    sha256: str
    perceptual_hash: int  # 64 bits; 0 for a blank picture, which is recognised by its digest only


DEFAULT_TEXT_SHARE = 0.5

QueryPart = Literal["words", "images", "both"]
"""What a lane uses of a query by words and images; "both" combines them in one vector."""


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A search query: a text, images, or both."""

    text: str = ""
    image: ImageArray | None = None
    image_text: str = ""  # text recognised in the image, to search by
    text_share: float = DEFAULT_TEXT_SHARE  # the weight of the text against that of the images, 0 to 1
    further_images: Sequence[ImageArray] = ()  # that results shall be like too
    unlike_images: Sequence[ImageArray] = ()  # that results shall not be like
    left_out: Sequence[ImageIdentity] = ()  # pictures that are no results
    conditions: PageConditions = NO_CONDITIONS  # on the words of pages
    spelling: bool = True  # whether words that no page has may be corrected

    @property
    def words(self) -> str:
        """The text that lanes over words search for."""
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
    """The vectors of one page for late interaction, one per token, and each token's box on the page."""

    vectors: NDArray[np.float32]  # (n_tokens, dim), each row of length 1
    boxes: NDArray[np.float32]  # (n_tokens, 4) x0 y0 x1 y1, 0..1


@dataclass(frozen=True, slots=True, eq=False)
class QueryTokens:
    """The vectors of one query for late interaction, without padding and prompt, and each vector's word."""

    vectors: NDArray[np.float32]  # (n_tokens, dim)
    words: Sequence[str]  # (n_tokens,), whole words; each piece of a word has the whole word
    weights: NDArray[np.float32] | None = None  # (n_tokens,), None: all 1
    window: int = 0  # score the best window of so many neighbouring page tokens; 0: the whole page
