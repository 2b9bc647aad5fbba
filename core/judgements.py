"""Judgements of hits by users: a page that was opened from the results of a query, or was said to answer it or not."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["click", "up", "down"]
"""The page was opened from the results; it answers the query; it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a user did with a hit. Who it was is not kept."""

    query: str
    document: str  # SHA-256: the judgement outlives a later indexing of the same file
    number: int  # of the page, from 1
    verdict: Verdict
    rank: int | None = None  # of the hit in the results, from 1
    at: str = ""  # ISO 8601 in UTC; "": now
