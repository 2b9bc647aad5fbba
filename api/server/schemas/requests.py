"""What the HTTP door takes, as pydantic models."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from pagelens.api.server import examples
from pagelens.core.types import Filters, History, Kind

Lane = Literal["words", "text", "page", "image", "looks"]
Text = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00]*$")]
Glob = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]


class Taken(BaseModel):
    """What is taken has no fields that we do not know."""

    model_config = ConfigDict(extra="forbid")


class FiltersIn(Taken):
    """What a page must be to be ranked. Every given condition must hold."""

    paths: list[Glob] = Field(default=[], max_length=50, description="Globs over documents' names; any may match.")
    kinds: list[Kind] = Field(default=[], max_length=2)
    since: datetime | None = Field(default=None, description="Documents dated then or later.")
    until: datetime | None = Field(default=None, description="Documents dated then or earlier.")
    first_page: int | None = Field(default=None, ge=1, le=1_000_000)
    last_page: int | None = Field(default=None, ge=1, le=1_000_000)
    metadata: dict[str, Text] = Field(default={}, max_length=20, description="Key to value or glob.")

    def filters(self) -> Filters:
        """Return them as the engine takes them."""
        return Filters(
            tuple(self.paths),
            tuple(self.kinds),
            self.since and self.since.replace(tzinfo=None),
            self.until and self.until.replace(tzinfo=None),
            self.first_page,
            self.last_page,
            dict(self.metadata),
        )


class SearchRequest(Taken):
    """A text, a picture, or both."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"query": "timber 2024", "k": 5},
                {"query": "breakwater", "lanes": ["words"], "filters": {"kinds": ["pdf"]}, "explain": True},
                {"image": examples.PICTURE, "k": 3},
            ]
        }
    )

    query: Text = ""
    image: str | None = Field(default=None, description="A picture's bytes in base64; no address is ever fetched.")
    k: int = Field(default=10, ge=1, le=100, description="Pages of one answer.")
    lanes: list[Lane] | None = Field(default=None, min_length=1, max_length=5)
    filters: FiltersIn = FiltersIn()
    explain: bool = Field(default=False, description="Tell each hit's rank and score in each lane.")
    fold: bool = Field(default=False, description="Put hits that are the same to a reader behind the best of them.")
    neighbours: int = Field(default=0, ge=0, le=3, description="Bring so many pages before and behind each hit.")
    cursor: str | None = Field(default=None, max_length=500, description="From an answer to this same request.")


class TurnIn(Taken):
    """A question asked before, and what was answered."""

    question: Text
    answer: Annotated[str, StringConstraints(max_length=20_000, pattern=r"^[^\x00]*$")]


class AnswerRequest(Taken):
    """A question to the documents."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question": examples.QUESTION},
                {
                    "question": "And the breakwater: when was it finished?",
                    "history": [{"question": examples.QUESTION, "answer": "Timber grew to 52,300 tonnes in 2024 [1]."}],
                },
            ]
        }
    )

    question: Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"^[^\x00]*\S[^\x00]*$")]
    k: int = Field(default=6, ge=1, le=20, description="Pages that the answer may rest on.")
    filters: FiltersIn = FiltersIn()
    history: list[TurnIn] = Field(default=[], max_length=50, description="The conversation so far, oldest turn first.")

    def turns(self) -> History:
        """Return the conversation as the engine takes it."""
        return [(turn.question, turn.answer) for turn in self.history]


class ExtractRequest(Taken):
    """A document, and the shape it is to be read into."""

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
    wanted: dict[str, JsonValue] = Field(
        alias="schema", min_length=1, description="A JSON Schema (2020-12); it refers to nothing outside itself."
    )
    k: int = Field(default=6, ge=1, le=20, description="Pages that are read, of a document of more.")


class CollectionRequest(Taken):
    """A collection to be made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "minutes", "profile": "builtin"}]})

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    profile: Literal["auto", "builtin", "cpu", "gpu"] = "auto"
