"""Reviews: what a machine is unsure of, and what a person decided on it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pagelens.core.types import Box

ReviewKind = Literal["value", "citation", "page"]
"""An extracted value; a statement of an answer with its citation; a page whose words are doubtful."""
Decision = Literal["accepted", "corrected", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """Something to look at, on a page, and the decision, if there is one."""

    kind: ReviewKind
    document: str  # SHA-256: a decision outlives a later indexing of the same file
    number: int  # of the page, from 1
    subject: (
        object  # of a value: the name of a schema that comes with PageLens, or a schema; of a citation: the question
    )
    pointer: str = ""  # of a value: its JSON pointer
    value: object = None  # what the machine says
    reason: str = ""  # why a person shall look
    boxes: Sequence[Box] = ()  # where it stands or should
    at: str = ""  # ISO 8601 in UTC; "": now
    decision: Decision | None = None
    correction: object = None  # what is right, if it was corrected
    decided_at: str = ""

    @property
    def key(self) -> str:
        """Return what identifies it: the same value of the same place is one item, another value is another."""
        parts = [self.kind, self.document, self.number if self.kind != "value" else 0, self.subject]
        text = json.dumps([*parts, self.pointer, _without_zeros(self.value)], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_zeros(value: object) -> object:
    """Return a whole number as an integer: SQLite gives 12 for a stored 12.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
