"""Judgements by users: a page opened from the results of a query; a thumb for a page or for an answer, and why."""

import re
from dataclasses import dataclass
from typing import Literal

from pagelens.core.errors import UsageError

Verdict = Literal["click", "up", "down"]
"""The page was opened from the results; the page or answer answers the query; it does not."""
MAX_WHY = 500  # characters
MAX_ANSWER = 4_000  # characters of a judged answer that are kept
WHY_PATTERN = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"  # one line without control characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a user did with a hit, or thinks of an answer. Who it was is not kept."""

    query: str
    document: str = ""  # SHA-256: the judgement outlives a later indexing of the same file; "" where `answer` is judged
    number: int = 0  # of the page, from 1; 0 where `answer` is judged
    verdict: Verdict
    rank: int | None = None  # of the hit in the results, from 1
    why: str = ""  # the reason of a thumb, in the user's words
    answer: str = ""  # the text of the judged answer; "" where a page is judged
    key: str = ""  # random, of the client: a later judgement with the same key replaces this one; "": none does
    at: str = ""  # ISO 8601 in UTC; "": now


def require_valid(judgement: Judgement) -> None:
    """Raise UsageError unless a page or an answer is judged, by a thumb if there is a reason or an answer."""
    if bool(judgement.document) == bool(judgement.answer):
        raise UsageError("expected either a page or an answer to be judged, found both or neither. Give one of them.")
    if judgement.verdict == "click" and (judgement.why or judgement.answer):
        raise UsageError("expected a reason or an answer with the verdict up or down, found it with a click")
    if len(judgement.answer) > MAX_ANSWER:
        raise UsageError(f"expected at most {MAX_ANSWER:,} characters of an answer, found {len(judgement.answer):,}")
    if len(judgement.why) > MAX_WHY or not re.fullmatch(WHY_PATTERN, judgement.why):
        raise UsageError(
            f"expected a reason of one line, at most {MAX_WHY} characters and no control characters, found another. "
            "Shorten it, or leave it out."
        )
