"""What a run keeps of each question: the ranking of a system, the answer. One JSON object a line.

Pages are `[name, number]` in rankings, as in JSONL runs elsewhere. Knows no file and no engine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pagelens.core.types import CitationState, PageRef, Usage


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """A system's ranking for a question."""

    scope: str  # within, whole
    system: str  # fused, or lanes joined by +
    qid: str
    ranked: Sequence[PageRef]  # best first, none twice
    scores: Sequence[float]  # the engine's, in the order of `ranked`; named pages may stand above better scores
    seconds: float
    lanes: Sequence[Mapping[str, int]] = ()  # lane -> rank, for the first pages
    query_references: Sequence[str] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """What a run has one record of."""
        return self.scope, self.system, self.qid

    def as_json(self) -> dict[str, Any]:
        """Return the object of the record's line; `scores` and `ranked` as `score_run`-like scorers read them."""
        return {
            "qid": self.qid,
            "scope": self.scope,
            "system": self.system,
            "ranked": [list(page) for page in self.ranked],
            "scores": [round(score, 8) for score in self.scores],
            "seconds": round(self.seconds, 5),
            "lanes": [dict(lane) for lane in self.lanes],
            "query_references": list(self.query_references),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "SearchRecord":
        """Read `as_json` back."""
        pages = [PageRef(name, number) for name, number in row["ranked"]]
        return cls(
            row["scope"],
            row["system"],
            row["qid"],
            pages,
            row["scores"],
            row["seconds"],
            row.get("lanes", ()),
            row.get("query_references", ()),
        )


@dataclass(frozen=True, slots=True)
class CitedPage:
    """A citation: its page, the quote, and what checking it showed (None: nobody has looked)."""

    page: PageRef
    quote: str
    state: CitationState | None = None


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """The answer to a question, or the refusal."""

    scope: str  # within, whole, foreign
    qid: str
    text: str
    found: bool
    confidence: float
    citations: Sequence[CitedPage] = field(default_factory=tuple)
    context_pages: Sequence[PageRef] = ()
    seconds: float = 0.0
    notes: Sequence[str] = ()
    usage: Usage | None = None  # where a model was asked
    problem: str = ""  # why a model gave no answer; then `found` is false, and it is no refusal

    @property
    def key(self) -> tuple[str, str, str]:
        """What a run has one record of."""
        return self.scope, "answer", self.qid

    @property
    def refused(self) -> bool:
        """Whether it is an honest no."""
        return not (self.found or self.problem)

    def as_json(self) -> dict[str, Any]:
        """Return the object of the record's line."""
        cited = [
            {"page": list(citation.page), "quote": citation.quote, "state": citation.state}
            for citation in self.citations
        ]
        return {
            "qid": self.qid,
            "scope": self.scope,
            "text": self.text,
            "found": self.found,
            "confidence": round(self.confidence, 6),
            "citations": cited,
            "context_pages": [list(page) for page in self.context_pages],
            "seconds": round(self.seconds, 5),
            "notes": list(self.notes),
            "usage": asdict(self.usage) if self.usage else None,
            "problem": self.problem,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "AnswerRecord":
        """Read `as_json` back."""
        return cls(
            row["scope"],
            row["qid"],
            row["text"],
            row["found"],
            row["confidence"],
            [CitedPage(PageRef(*one["page"]), one["quote"], one.get("state")) for one in row["citations"]],
            [PageRef(*page) for page in row["context_pages"]],
            row["seconds"],
            row.get("notes", ()),
            Usage(**row["usage"]) if row.get("usage") else None,
            row.get("problem", ""),
        )
