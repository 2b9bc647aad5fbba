"""Request bodies of the HTTP API as pydantic models."""

import re
from datetime import datetime
from glob import escape
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from pagelens.api.engine.arranged_results import CANDIDATES, PER_GROUP, Arrangement
from pagelens.api.engine.lane_registry import LANE_NAMES
from pagelens.api.engine.query_image import MAX_IMAGES
from pagelens.api.server import examples
from pagelens.core.judgements import MAX_ANSWER, MAX_WHY, WHY_PATTERN, Verdict
from pagelens.core.reviews import Decision
from pagelens.core.types import DEFAULT_DEPTH, DEFAULT_TEXT_SHARE, Depth, Filters, History, Kind
from pagelens.retrieve.query_language import FIELDS

if TYPE_CHECKING:
    Lane = str
else:
    Lane = Literal[LANE_NAMES]
QUERY_LANGUAGE = (
    'Words rank pages; `"a phrase"` must stand on the page, `-word` must not, one of `this OR that` must; '
    f"`field:value` narrows: {', '.join(FIELDS)}."
)
RERANK = "Rerank the first pages; as set for the collection if not given, and not where `lanes` are."
DEPTH = "`quick`: the lanes alone; `normal`: reranked where that is set; `thorough`: parts of the question as well."
AS_OF = (
    "The collection as it was: a commit's number, or a date or time in ISO 8601 (of a date: its end). Needs a history, "
    "which the owner keeps with `pagelens history --keep`."
)
SPELLING = "Correct words that no page has by words of the collection."
Text = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00]*$")]
FieldName = Annotated[str, StringConstraints(max_length=101, pattern=r"^[^\x00]*$")]
PageId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}-[1-9][0-9]{0,6}$")]
Glob = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]


def _last_instant(value: object) -> object:
    """Return the last instant of a day that is written without a time."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip()):
        return f"{value.strip()}T23:59:59.999999"
    return value


def folder_filter(folder: str) -> Filters:
    """Return the filter for what lies in a folder or below it."""
    escaped = escape(folder)
    return Filters(paths=(folder if escaped == folder else f"{escaped}/*",))


class StrictModel(BaseModel):
    """A request body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class FiltersIn(StrictModel):
    """Conditions for pages to be searched. All given conditions must hold."""

    paths: list[Glob] = Field(
        default=[], max_length=50, description="Globs over document names; one of them must match."
    )
    kinds: list[Kind] = Field(default=[], max_length=len(get_args(Kind)))
    since: datetime | None = Field(default=None, description="Documents dated at this time or later.")
    until: Annotated[datetime | None, BeforeValidator(_last_instant)] = Field(
        default=None, description="Documents dated at this time, or on this day, or earlier."
    )
    first_page: int | None = Field(default=None, ge=1, le=1_000_000)
    last_page: int | None = Field(default=None, ge=1, le=1_000_000)
    metadata: dict[str, Text | Annotated[list[Text], Field(max_length=20)]] = Field(
        default={},
        max_length=20,
        description="Keys to values, globs or ranges: `red`, `!=red`, `10..50`, `>=2019`; a list: all must hold.",
    )

    folder: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")] = Field(
        default="", description="In which documents lie, or below which; as a document's `folder`."
    )
    labels: list[Glob] = Field(
        default=[],
        max_length=20,
        description="Labels that a page must all have: `dog`, `guinea*`, `flagged:` for all that policies flag.",
    )

    def filters(self) -> Filters:
        """Return the filters of the engine."""
        return Filters(
            paths=tuple(self.paths),
            kinds=tuple(self.kinds),
            since=self.since and self.since.replace(tzinfo=None),
            until=self.until and self.until.replace(tzinfo=None),
            first_page=self.first_page,
            last_page=self.last_page,
            metadata=dict(self.metadata),
            labels=tuple(self.labels),
            all_of=(folder_filter(self.folder),) if self.folder else (),
        )


class SearchRequest(StrictModel):
    """A query: a text, a picture, or both."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"query": "timber 2024", "k": 5},
                {"query": "breakwater", "lanes": ["words"], "filters": {"kinds": ["pdf"]}, "explain": True},
                {"image": examples.IMAGE, "k": 3},
            ]
        }
    )

    query: Text = Field(default="", description=QUERY_LANGUAGE)
    image: str | None = Field(default=None, description="A picture's bytes in base64; no address is ever fetched.")
    more_images: list[str] = Field(
        default=[], max_length=MAX_IMAGES - 1, description="Further pictures that hits shall be like, as `image`."
    )
    not_like: list[str] = Field(
        default=[], max_length=MAX_IMAGES - 1, description="Pictures that hits shall not be like, as `image`."
    )
    text_share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description=f"The weight of the words against the pictures, {DEFAULT_TEXT_SHARE} if not given.",
    )
    not_itself: bool = Field(default=False, description="Leave the pictures themselves, and copies of them, out.")
    k: int = Field(default=10, ge=1, le=100, description="Number of hits.")
    lanes: list[Lane] | None = Field(default=None, min_length=1, max_length=len(LANE_NAMES))
    filters: FiltersIn = FiltersIn()
    explain: bool = Field(default=False, description="Return each hit's rank and score in each lane.")
    fold: bool = Field(default=False, description="Fold hits with the same content behind the best of them.")
    neighbours: int = Field(default=0, ge=0, le=3, description="Return so many pages before and after each hit.")
    spelling: bool = Field(default=True, description=SPELLING)
    rerank: bool | None = Field(default=None, description=RERANK)
    as_of: str | None = Field(default=None, max_length=40, description=AS_OF)
    depth: Depth = Field(default=DEFAULT_DEPTH, description=DEPTH)
    sort: FieldName = Field(
        default="",
        description=f"A metadata field that the {CANDIDATES} best pages are sorted by; `-price`: highest first.",
    )
    group_by: FieldName = Field(default="", description="A metadata field; `k` is then the number of groups.")
    per_group: int = Field(default=PER_GROUP, ge=1, le=100, description="Hits of each group.")
    facets: list[FieldName] = Field(
        default=[], max_length=50, description="Metadata fields whose values are counted; `*`: all of them."
    )
    cursor: str | None = Field(
        default=None,
        max_length=500,
        description="`next_cursor` of a response to this same request; not with `group_by`.",
    )

    def arrangement(self) -> Arrangement:
        """Return how the engine arranges the results."""
        return Arrangement(sort=self.sort, group_by=self.group_by, per_group=self.per_group, facets=tuple(self.facets))


class CountsRequest(StrictModel):
    """The documents to be counted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"filters": {"kinds": ["pdf"], "folder": "2024"}}]})

    filters: FiltersIn = FiltersIn()


class HistoryItem(StrictModel):
    """An earlier question and its answer."""

    question: Text
    answer: Annotated[str, StringConstraints(max_length=20_000, pattern=r"^[^\x00]*$")]


class AnswerRequest(StrictModel):
    """A question, a picture that it is about, or both; with the conversation so far."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question": examples.QUESTION},
                {
                    "question": "And the breakwater: when was it finished?",
                    "history": [{"question": examples.QUESTION, "answer": "Timber grew to 52,300 tonnes in 2024 [1]."}],
                },
                {"question": "Which port is this, and how much timber did it handle?", "image": examples.IMAGE},
            ]
        }
    )

    question: Text = Field(default="", description="May be empty if there is a picture.")
    image: str | None = Field(
        default=None, description="The picture's bytes in base64; it is never cited, and no address is ever fetched."
    )
    k: int = Field(default=6, ge=1, le=20, description="Pages that the answer may use.")
    filters: FiltersIn = FiltersIn()
    spelling: bool = Field(default=True, description=SPELLING)
    depth: Depth = Field(default=DEFAULT_DEPTH, description=DEPTH)
    history: list[HistoryItem] = Field(
        default=[], max_length=50, description="The conversation so far, oldest question first."
    )
    across: bool | None = Field(
        default=None,
        description="Whether to answer by a row for each document that meets the question (`documents`); null: where "
        'it can be nothing else, as "how many reports mention tides?".',
    )
    as_of: str | None = Field(default=None, max_length=40, description=AS_OF)
    bundle: bool = Field(default=False, description="Return an evidence bundle too: what is cited, to be checked.")

    @model_validator(mode="after")
    def _require_question(self) -> "AnswerRequest":
        if not self.question.strip() and self.image is None:
            raise ValueError("expected a `question`, an `image`, or both, found neither")
        return self

    def history_pairs(self) -> History:
        """Return the conversation for the engine."""
        return [(item.question, item.answer) for item in self.history]


class BoxIn(StrictModel):
    """A rectangle, in fractions of the page's width and height."""

    x0: float = Field(ge=0, le=1)
    y0: float = Field(ge=0, le=1)
    x1: float = Field(ge=0, le=1)
    y1: float = Field(ge=0, le=1)


class SourceIn(StrictModel):
    """A page that an answer cites."""

    page: PageId
    mark: int = Field(ge=1, le=1_000)
    quote: Text = ""
    boxes: list[BoxIn] = Field(default=[], max_length=200)


class AnswerPdfRequest(StrictModel):
    """An answer as it was shown, to be kept as a PDF."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "question": examples.QUESTION,
                    "text": "Timber grew to 52,300 tonnes in 2024. [1]",
                    "sources": [
                        {"page": examples.PAGE, "mark": 1, "boxes": [{"x0": 0.1, "y0": 0.1, "x1": 0.5, "y1": 0.2}]}
                    ],
                }
            ]
        }
    )

    question: Text
    text: Annotated[str, StringConstraints(max_length=20_000, pattern=r"^[^\x00]*$")]
    sources: list[SourceIn] = Field(default=[], max_length=20)


class SummaryRequest(StrictModel):
    """What to summarise: a document, or all pages that match filters."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"filters": {"kinds": ["pdf"]}, "sentences": 2}]})

    document: str | None = Field(default=None, description="The document's id; null: what the filters match.")
    filters: FiltersIn = FiltersIn()
    sentences: int = Field(default=8, ge=1, le=40, description="How many, at most.")


class FeedbackRequest(StrictModel):
    """What a user did with a hit, or thinks of an answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"query": "timber 2024", "page": examples.PAGE, "verdict": "up", "rank": 1, "why": "the table says it"}
            ]
        }
    )

    query: Annotated[Text, StringConstraints(min_length=1, strip_whitespace=True)]
    page: PageId | None = Field(default=None, description="The page's id, as in the hit; or give `answer`.")
    answer: str = Field(
        default="",
        max_length=MAX_ANSWER,
        pattern=r"^[^\x00]*$",
        description="The text of the judged answer, or its beginning; or give `page`.",
    )
    verdict: Verdict = Field(
        description="`click`: the page was opened; `up`: it answers the query; `down`: it does not."
    )
    rank: int | None = Field(default=None, ge=1, le=100_000, description="The hit's, where it is known.")
    why: Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_WHY, pattern=WHY_PATTERN)] = Field(
        default="", description="The reason of a thumb, one line."
    )
    id: str = Field(
        default="",
        pattern="^([0-9A-Za-z_-]{16,64})?$",
        description="Random, of the client, new for each thumb: sent again with a reason, the thumb is replaced.",
    )

    @model_validator(mode="after")
    def _require_one(self) -> "FeedbackRequest":
        if (self.page is None) == (not self.answer.strip()):
            raise ValueError("expected either a `page` or an `answer`, found both or neither")
        if self.verdict == "click" and (self.answer or self.why):
            raise ValueError("expected `answer` and `why` with `up` or `down`, found `click`")
        return self


SchemaName = Literal["invoice", "receipt", "bank_statement", "business_card", "form"]


class ExtractRequest(StrictModel):
    """A document, and the schema of the values to extract."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "document": examples.DOCUMENT,
                    "schema": {"type": "object", "properties": {"timber": {"type": "number", "description": "tonnes"}}},
                }
            ]
        }
    )

    document: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    json_schema: SchemaName | Annotated[dict[str, JsonValue], Field(min_length=1)] = Field(
        alias="schema",
        description="A JSON Schema (2020-12); references to other resources are refused. Or the name of one that comes "
        "with PageLens, which is read without a language model too.",
    )
    k: int = Field(default=6, ge=1, le=20, description="Pages that are read of a longer document.")
    all_pages: bool | None = Field(
        default=None, description="Read all pages; null: of a document of at most 20, or without a language model."
    )


class DecisionRequest(StrictModel):
    """What a person decided on an item to review."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decision": "corrected", "value": 52300}]})

    decision: Decision
    value: JsonValue = Field(default=None, description="What is right, of a corrected item.")


class CreateCollectionRequest(StrictModel):
    """A collection to create."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "minutes", "profile": "builtin"}]})

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    profile: Literal["auto", "builtin", "cpu", "gpu"] = "auto"
