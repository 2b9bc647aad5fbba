"""What the HTTP door gives, as pydantic models. A page's id is its document's SHA-256, a hyphen, its number from 1."""

from datetime import datetime

from pydantic import BaseModel, Field, JsonValue

from pagelens.core.types import CitationState, Kind, TextSource


class BoxOut(BaseModel):
    """A rectangle, in fractions of the page's width and height."""

    x0: float
    y0: float
    x1: float
    y1: float


class EvidenceOut(BaseModel):
    """Words quoted from a page, exactly, one box per line; or, without a quote, places of its picture."""

    quote: str
    boxes: list[BoxOut]


class LaneOut(BaseModel):
    """A hit's place in a lane."""

    rank: int
    score: float


class GuessOut(BaseModel):
    """What a photo is taken for."""

    label: str
    belief: float


class PageName(BaseModel):
    """Which page."""

    page: str = Field(description="The page's id.")
    document: str = Field(description="The document's id, the SHA-256 of its bytes.")
    number: int = Field(description="From 1, by position in the file.")
    label: str | None = Field(description="The printed number, where the file has one.")
    name: str = Field(description="The document's file name, as its sender called it.")


class NeighbourOut(PageName):
    """A page beside one that was found."""

    text: str


class HitOut(PageName):
    """A page found, and why."""

    rank: int
    score: float
    title: str
    kind: Kind
    page_count: int
    named: bool = Field(description="The query named this page or document.")
    source: TextSource
    confidence: float | None
    evidence: list[EvidenceOut]
    guesses: list[GuessOut]
    estimated: bool = Field(description="The page number: the format has no pages of its own.")
    like: list[PageName] = Field(description="With `fold`: further hits that are the same to a reader.")
    neighbours: list[NeighbourOut] = Field(description="With `neighbours`: the pages before and behind it.")
    lanes: dict[str, LaneOut] | None = Field(default=None, description="With `explain`.")


class SearchReply(BaseModel):
    """The best pages, best first."""

    collection: str
    generation: int = Field(description="The commit searched: results of two generations may differ.")
    hits: list[HitOut]
    heard: list[str] = Field(description="What the query named, in words.")
    pages_searched: int
    missing_lanes: dict[str, str]
    approximate_lanes: list[str]
    next_cursor: str | None


class CitationOut(PageName):
    """An answer's mark [n]."""

    mark: int
    quote: str
    boxes: list[BoxOut]
    source: TextSource
    state: CitationState | None
    claim: str
    missing: list[str]


class UsageOut(BaseModel):
    """What an answer took of a model."""

    model: str
    pages: int
    pictures: int
    input_tokens: int | None
    output_tokens: int | None
    calls: int
    seconds: float
    cost: float | None


class AnswerReply(BaseModel):
    """An answer with its citations, or an honest no."""

    question: str
    text: str
    found: bool
    confidence: float
    citations: list[CitationOut]
    looked_at: list[PageName]
    notes: list[str]
    usage: UsageOut | None


class ExtractReply(BaseModel):
    """A document in the shape of a schema; what stands on no page that was read is null."""

    data: JsonValue
    citations: dict[str, CitationOut] = Field(description="Where each value stands, by its JSON pointer (RFC 6901).")
    absent: list[str] = Field(description="Pointers of what is null.")
    looked_at: list[PageName]
    notes: list[str]
    usage: UsageOut | None


class DocumentOut(BaseModel):
    """A document of the collection."""

    id: str
    name: str
    title: str
    kind: Kind
    pages: int
    size: int
    date: datetime | None
    metadata: dict[str, str | int | float | bool]


class DocumentsReply(BaseModel):
    """Some documents, by id."""

    documents: list[DocumentOut]
    total: int
    next_cursor: str | None


class WordOut(BaseModel):
    """A word, where it stands in the text and on the page."""

    text: str
    start: int
    end: int
    box: BoxOut


class PageOut(PageName):
    """A page as it was read."""

    title: str
    kind: Kind
    page_count: int
    width: float = Field(description="Points of a PDF, pixels of a photo.")
    height: float
    text: str
    source: TextSource
    confidence: float | None
    caption: str
    problem: str
    words: list[WordOut]
    guesses: list[GuessOut]


class FileOut(BaseModel):
    """A file of a job and what became of it."""

    name: str
    state: str
    document: str | None
    pages: int
    code: str
    reason: str


class JobOut(BaseModel):
    """A job. `failed`: at least one of its files failed; the others are in."""

    id: str
    kind: str
    collection: str
    state: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    cancelling: bool
    files: dict[str, int] = Field(description="How many files are in each state.")
    pages_read: int
    current_file: str


class JobReply(JobOut):
    """A job with some of its files."""

    results: list[FileOut]
    next_cursor: str | None


class JobsReply(BaseModel):
    """Some jobs, newest first."""

    jobs: list[JobOut]
    next_cursor: str | None


class CollectionOut(BaseModel):
    """A collection."""

    name: str
    default: bool
    profile: str
    lanes: list[str]
    generation: int
    documents: int
    pages: int


class CollectionMade(CollectionOut):
    """A new collection; lanes left out for want of weights, and why."""

    left_out: dict[str, str]


class CollectionsReply(BaseModel):
    """Some collections, by name."""

    collections: list[CollectionOut]
    next_cursor: str | None


class Health(BaseModel):
    """The process lives."""

    status: str


class Ready(BaseModel):
    """What stands."""

    ready: bool
    collection: str
    models: bool = Field(description="Loaded, and one search done with them.")
    open: bool = Field(description="The collection can be read now.")
    files: bool = Field(description="Page pictures and originals can be had; searches do not need them.")
    worker: bool = Field(description="The indexing process runs; searches do not need it.")
    problem: str


class ProblemField(BaseModel):
    """A field at fault."""

    field: str
    detail: str


class ProblemOut(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    next_step: str | None = None
    errors: list[ProblemField] | None = None
    instance: str | None = None
