"""Response bodies of the HTTP API as pydantic models, shared by the server and the Python client.

A page's id is the SHA-256 of its document, a hyphen, and the page's number from 1.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, JsonValue

from pagelens.core.document_lists import ListForm
from pagelens.core.reviews import Decision, ReviewKind
from pagelens.core.types import CitationState, Found, Kind, TextSource

FieldOut = int | float | str | list[str]


class BoxOut(BaseModel):
    """A rectangle, in fractions of the page's width and height."""

    x0: float
    y0: float
    x1: float
    y1: float


class EvidenceOut(BaseModel):
    """An exact quote from a page with a box for each line; or, without a quote, regions of the page's picture."""

    quote: str
    boxes: list[BoxOut]


class LaneOut(BaseModel):
    """A hit's rank and score in a lane, or by the reranker."""

    rank: int
    score: float


class GuessOut(BaseModel):
    """A label that a classifier gives to a photo."""

    label: str
    probability: float


class PageReference(BaseModel):
    """A page of a document."""

    page: str = Field(description="The page's id.")
    document: str = Field(description="The document's id, the SHA-256 of its bytes.")
    number: int = Field(description="From 1, by position in the file.")
    label: str | None = Field(description="The printed number, where the file has one.")
    name: str = Field(description="The document's file name, as its sender gave it.")


class NeighbourOut(PageReference):
    """A page before or after a hit."""

    text: str


class LabelOut(BaseModel):
    """A label that a model assigned to a page."""

    label: str = Field(description="`flagged:NAME` where a policy flags the page.")
    probability: float
    label_set: str
    approximate: bool = Field(description="By the builtin image encoder, which knows 1,000 kinds of things.")


class DescriptionOut(BaseModel):
    """What a vision model wrote about a page's image. Not the document's own words."""

    described_by: str  # "described by MODEL (prompt 1)"
    caption: str
    alt_text: str
    picture_text: str
    objects: list[str]
    language: str


class HitOut(PageReference):
    """A page that was found, with its evidence."""

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
    estimated: bool = Field(description="The page number is estimated: the format has no pages.")
    gone: bool = Field(default=False, description="The file is no longer where it was indexed.")
    duplicates: list[PageReference] = Field(description="With `fold`: further hits with the same content.")
    neighbours: list[NeighbourOut] = Field(description="With `neighbours`: the pages before and after it.")
    lanes: dict[str, LaneOut] | None = Field(default=None, description="With `explain`.")
    rerank: LaneOut | None = Field(default=None, description="With `explain`: by the reranker, of the first pages.")
    fields: dict[str, FieldOut] = Field(default={}, description="What a table of metadata says of the file.")
    labels: list[LabelOut] = Field(default=[], description="Labels of `pagelens label`, the most probable first.")
    description: DescriptionOut | None = None


class FacetValueOut(BaseModel):
    """A value of a metadata field."""

    value: FieldOut
    files: int = Field(description="That have the value, of all files that match the filters.")


class FacetOut(BaseModel):
    """The values of a metadata field over all files that match the filters, most frequent first."""

    field: str
    type: str = Field(description="number, date, text or list.")
    files: int = Field(description="That have a value.")
    values: list[FacetValueOut]
    others: int = Field(description="Further values, which are left out.")
    minimum: FieldOut | None = Field(description="Of numbers and dates.")
    maximum: FieldOut | None


class GroupOut(BaseModel):
    """The hits with one value of the field that they are grouped by."""

    value: FieldOut | None = Field(description="null: the files without a value.")
    files: int = Field(description="With the value, of all files that match the filters.")
    ranks: list[int] = Field(description="The `rank` of each of its hits.")


class CorrectionOut(BaseModel):
    """A word of the query that no page has."""

    word: str
    corrected: str = Field(description="The word of the collection that was searched for instead.")


class StepOut(BaseModel):
    """One of the searches of a thorough search."""

    reason: Literal["question", "part", "missing"] = Field(
        description="For the question, for a part of it, or for pages that have what none of the first pages had."
    )
    text: str
    pages: list[PageReference] = Field(description="The first ones found.")


class AnswerStepOut(BaseModel):
    """What is being done for a streamed answer: said when it begins, but a search of a thorough search when it has
    ended."""

    stage: Literal["searching", "searched", "reading", "checking"]
    pages: int = Field(description="How many pages are read.")
    search: StepOut | None = Field(description="The search that has ended.")


class SearchResponse(BaseModel):
    """The best pages, best first."""

    collection: str
    generation: int = Field(description="The commit that was searched; results of two generations may differ.")
    hits: list[HitOut]
    query_references: list[str] = Field(description="Pages and documents that the query names, in words.")
    pages_searched: int
    missing_lanes: dict[str, str]
    coverage: dict[str, float] = Field(
        default={}, description="Lanes that lack pages while vectors are made, each with the share that it has."
    )
    approximate_lanes: list[str]
    next_cursor: str | None
    groups: list[GroupOut] = Field(default=[], description="With `group_by`, in the order of their best hits.")
    facets: list[FacetOut] = Field(default=[], description="With `facets`.")
    labels: dict[str, int] = Field(
        default={}, description="Labels and how many pages have them, of all pages that match the filters."
    )
    searched_text: str = Field(
        default="", description="That pages were ranked by: the query without operators and fields, corrected."
    )
    corrections: list[CorrectionOut] = Field(default=[], description="None with `spelling` false.")
    notes: list[str] = Field(default=[], description="What of the query is not understood, or on no page.")
    weak: bool = Field(default=False, description="Nothing matches well: the hits are only the nearest pages.")
    nothing_found: str = Field(default="", description="Why there are no hits, where that is known, as a sentence.")
    steps: list[StepOut] = Field(default=[], description="Of a thorough search.")


class CitationOut(PageReference):
    """The source of a mark [n] in an answer."""

    mark: int
    quote: str
    boxes: list[BoxOut]
    source: TextSource
    state: CitationState | None
    claim: str
    missing: list[str]


class UsageOut(BaseModel):
    """The use of a language model for an answer."""

    model: str
    pages: int
    pictures: int
    input_tokens: int | None
    output_tokens: int | None
    calls: int
    seconds: float
    cost: float | None


class ListedDocumentOut(BaseModel):
    """A document that meets a question about many."""

    document: str = Field(description="The document's id.")
    name: str
    citation: int | None = Field(description="Index of its citation; null where it is listed for what it lacks.")
    value: str = Field(description="Of a total, the value; of a year, the year.")
    year: str


class CoverageOut(BaseModel):
    """How completely the documents that a question is about were looked at."""

    documents: int
    whole: int = Field(description="All of whose words were looked at.")
    by_search: int = Field(description="Of which only pages that a search found, or the first ones, were looked at.")
    textless_pages: int = Field(description="Pages without readable words, whose pictures were not looked at.")


class DocumentListOut(BaseModel):
    """The exact list behind an answer about many documents."""

    form: ListForm
    rule: str = Field(description="How the question was understood.")
    rows: list[ListedDocumentOut]
    coverage: CoverageOut
    totals: dict[str, str] = Field(description='Of a total: by year, or under "".')
    without_value: list[str] = Field(description="Of a total: ids of documents in which no value was found.")
    contradictions: list[tuple[int, int]] = Field(description="Indexes of citations that contradict each other.")


class AnswerResponse(BaseModel):
    """An answer with its citations. `found` is false if the documents do not contain the answer."""

    question: str
    text: str
    found: Found = Field(description='"closest": the passages cited are near, but perhaps no answer.')
    confidence: float
    reason: str = Field(default="", description='For `found` and the confidence, in words: "no page names 2019".')
    citations: list[CitationOut]
    context_pages: list[PageReference]
    notes: list[str]
    usage: UsageOut | None
    missing_lanes: dict[str, str] = Field(description="Lanes that did not look for pages, each with the reason.")
    image_text: str = Field(
        default="", description="What was read on the picture of the question, by the language model or by OCR."
    )
    steps: list[StepOut] = Field(default=[], description="Of a thorough search.")
    documents: DocumentListOut | None = Field(default=None, description="Of a question about many documents.")
    bundle: dict[str, JsonValue] | None = Field(
        default=None, description="With `bundle`: the evidence bundle (docs/evidence.md), to be checked by others."
    )


class ValueConflictOut(BaseModel):
    """A value of a document that differs from the one in `data`."""

    pointer: str = Field(description="The JSON pointer of the place.")
    value: JsonValue
    citation: CitationOut


class ExtractResponse(BaseModel):
    """Values extracted from a document by a schema; a value that is on no page that was read is null."""

    data: JsonValue
    citations: dict[str, CitationOut] = Field(description="The source of each value, by its JSON pointer (RFC 6901).")
    absent: list[str] = Field(description="JSON pointers of the values that are null.")
    context_pages: list[PageReference]
    notes: list[str]
    usage: UsageOut | None
    missing_lanes: dict[str, str] = Field(description="As in an answer; none if all pages were read.")
    conflicts: list[ValueConflictOut] = Field(
        default=[], description="Other values that pages give for the same place."
    )
    corrected: list[str] = Field(default=[], description="JSON pointers of the values that a person gave.")


class ReviewItemOut(BaseModel):
    """Something to look at, on a page."""

    id: str
    kind: ReviewKind = Field(description="An extracted value, a statement of an answer, or a page with doubtful words.")
    document: str
    name: str
    page: str = Field(description="The page's id.")
    number: int
    subject: JsonValue = Field(description="Of a value its schema or the name of it; of a citation the question.")
    pointer: str = Field(description="Of a value: its JSON pointer.")
    value: JsonValue
    reason: str
    boxes: list[BoxOut]
    at: str
    decision: Decision | None
    correction: JsonValue


class ReviewResponse(BaseModel):
    """What is unsure, oldest first."""

    items: list[ReviewItemOut]
    total: int


class DocumentOut(BaseModel):
    """A document of the collection."""

    id: str
    name: str
    title: str
    kind: Kind
    pages: int
    size: int
    date: datetime | None
    folder: str = Field(default="", description="Relative to the folder that all files share; of uploads empty.")
    problems: list[str] = Field(default=[], description="Why pages could not be read completely, at most 20.")
    metadata: dict[str, str | int | float | bool]


class DocumentsResponse(BaseModel):
    """A part of the documents, in the order asked for."""

    documents: list[DocumentOut]
    total: int
    next_cursor: str | None


class UnreadFileOut(BaseModel):
    """A file that is not in the collection, since it could not be read."""

    name: str
    reason: str


class UnreadFilesResponse(BaseModel):
    """The files that could not be read."""

    files: list[UnreadFileOut] = Field(description="At most 500.")
    total: int


class CountsResponse(BaseModel):
    """How many documents match filters, and of which kinds, years, folders and labels they are."""

    documents: int
    kinds: dict[str, int] = Field(description="Kinds and how many documents are of them, most frequent first.")
    years: dict[int, int] = Field(description="Of the documents that have a date, the latest first.")
    folders: dict[str, int] = Field(description="Folders and how many documents lie in them, not below them.")
    labels: dict[str, int] = Field(description="Labels and how many pages have them, most frequent first.")


class PhotoOut(PageReference):
    """A photo with what is known of it."""

    title: str
    width: float = Field(description="Pixels.")
    height: float
    date: datetime | None
    latitude: float | None = Field(description="Degrees.")
    longitude: float | None
    place: str = Field(description="The smallest place that is known, else empty.")
    caption: str = Field(description="That a person wrote; empty where nobody did.")
    guesses: list[GuessOut]


class PhotosResponse(BaseModel):
    """A part of the photos, the latest first, those without a date last."""

    photos: list[PhotoOut]
    total: int
    next_cursor: str | None


class PlaceOut(BaseModel):
    """Photos that were taken near each other."""

    latitude: float = Field(description="Degrees, the mean of the photos.")
    longitude: float
    name: str
    photos: int


class PhotoCountsResponse(BaseModel):
    """How many photos there are, by month and place."""

    photos: int
    months: dict[str, int] = Field(description='"2019-07" and how many photos were taken then, the latest first.')
    undated: int
    places: list[PlaceOut] = Field(description="The most frequent first, at most 2,000.")


class ExampleQuestionsResponse(BaseModel):
    """Questions that pages of the collection answer."""

    questions: list[str]


class WordOut(BaseModel):
    """A word with its position in the text (characters) and on the page."""

    text: str
    start: int
    end: int
    box: BoxOut


class PageOut(PageReference):
    """A page with its text and its words."""

    title: str
    kind: Kind
    page_count: int
    width: float = Field(description="In points for a PDF, in pixels for a photo.")
    height: float
    text: str
    source: TextSource
    confidence: float | None
    caption: str
    problem: str
    words: list[WordOut]
    guesses: list[GuessOut]
    description: DescriptionOut | None = None


class FileOut(BaseModel):
    """A file of a job and its state."""

    name: str
    state: str
    document: str | None
    pages: int
    code: str
    reason: str


class JobOut(BaseModel):
    """A job. `failed`: at least one of its files failed; the others are indexed."""

    id: str
    kind: str
    collection: str
    state: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    cancelling: bool
    files: dict[str, int] = Field(description="Number of files in each state.")
    pages_read: int
    current_file: str


class JobResponse(JobOut):
    """A job with a part of its files."""

    results: list[FileOut]
    next_cursor: str | None


class JobsResponse(BaseModel):
    """A part of the jobs, newest first."""

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
    coverage: dict[str, float] = Field(
        default={}, description="Of each lane, the share of the pages that it has: below 1 while vectors are made."
    )
    feedback: bool = Field(
        default=False, description="What users do with hits and think of answers is kept: POST /v1/feedback."
    )


class CreatedCollection(CollectionOut):
    """A new collection. `left_out`: lanes without model weights on the server, each with the reason."""

    left_out: dict[str, str]


class CollectionsResponse(BaseModel):
    """A part of the collections, in order of their names."""

    collections: list[CollectionOut]
    next_cursor: str | None


class HealthResponse(BaseModel):
    """The process is alive."""

    status: str


class ReadinessResponse(BaseModel):
    """Whether the server can answer searches, and the state of its parts."""

    ready: bool
    collection: str
    models: bool = Field(description="The models are loaded.")
    open: bool = Field(description="The collection can be read.")
    files: bool = Field(description="Page pictures and originals are available; searches do not need them.")
    worker: bool = Field(description="The indexing process is running and makes steps; searches do not need it.")
    problem: str


class ProblemField(BaseModel):
    """A field of the request that is wrong."""

    field: str
    detail: str


class ProblemOut(BaseModel):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    next_step: str | None = None
    errors: list[ProblemField] | None = None
    instance: str | None = None
