"""Answers about many documents: a row for each that meets the question, and how completely the documents were read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

ListForm = Literal["list", "count", "total"]
"""What a question about many documents asks for: which they are, how many, or the sum of a value over them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDocument:
    """A document that meets the question."""

    path: str
    citation: int | None  # index of its citation in the answer; None where it is listed for what it does not say
    value: str = ""  # of a total, as it is written; the year, of a question for documents of a year
    year: str = ""  # of a total by year


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How completely the documents that the question is about were looked at."""

    documents: int  # that the question is about, after filters
    whole: int  # all of whose words were looked at
    by_search: int  # of which only the pages that a search found, or the first ones, were looked at
    textless_pages: int  # pages of these documents without readable words: what they show was not looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentList:
    """The exact list behind an answer about many documents."""

    form: ListForm
    rule: str  # how the question was understood, in words
    rows: Sequence[ListedDocument]
    coverage: Coverage
    totals: Mapping[str, str] = field(default_factory=dict)  # of a total: by year, or under ""
    without_value: Sequence[str] = ()  # of a total: paths of documents in which no value was found
    contradictions: Sequence[tuple[int, int]] = ()  # indexes of citations that say different things of the same
