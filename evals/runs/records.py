"""The records of a run: a system's ranking for a question, the answer to a question. Each is a JSON object.

Pages are `[name, number]` in JSON.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from pagelens.core.types import Box, CitationState, Found, PageRef, Usage

ANSWER_FORMAT = 2  # of an answer's line; lines of format 1 say none, and name the states of citations as below
_STATES_OF_FORMAT_1: Mapping[str, CitationState] = {
    "verified": "supported",  # `quoted`, if no model answered
    "supported": "image-only",
    "unverified": "unconfirmed",
}


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
    evidence: Sequence[Box] = ()  # on the first page; recorded for questions with gold boxes

    @property
    def key(self) -> tuple[str, str, str]:
        """Scope, system or "answer", and question: unique in a run."""
        return self.scope, self.system, self.qid

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of the record."""
        return {
            "qid": self.qid,
            "scope": self.scope,
            "system": self.system,
            "ranked": [list(page) for page in self.ranked],
            "scores": [round(score, 8) for score in self.scores],
            "seconds": round(self.seconds, 5),
            "lanes": [dict(lane) for lane in self.lanes],
            "query_references": list(self.query_references),
            "evidence": list(map(list, self.evidence)),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "SearchRecord":
        """Read `as_json` back."""
        pages = [PageRef(name, number) for name, number in row["ranked"]]
        return cls(
            scope=row["scope"],
            system=row["system"],
            qid=row["qid"],
            ranked=pages,
            scores=row["scores"],
            seconds=row["seconds"],
            lanes=row.get("lanes", ()),
            query_references=row.get("query_references", ()),
            evidence=tuple(Box(*box) for box in row.get("evidence", ())),
        )


@dataclass(frozen=True, slots=True)
class CitedPage:
    """A citation: its page, the quote, and the result of checking it (None if it was not checked)."""

    page: PageRef
    quote: str
    state: CitationState | None = None
    boxes: Sequence[Box] = ()  # of the quote; recorded for questions with gold boxes

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of the citation."""
        boxes = list(map(list, self.boxes))
        return {"page": list(self.page), "quote": self.quote, "state": self.state, "boxes": boxes}


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """The answer to a question, or the refusal."""

    scope: str  # within, whole, foreign
    qid: str
    text: str
    found: Found
    confidence: float
    citations: Sequence[CitedPage] = field(default_factory=tuple)
    context_pages: Sequence[PageRef] = ()
    seconds: float = 0.0
    notes: Sequence[str] = ()
    usage: Usage | None = None  # if a model answered
    problem: str = ""  # why a model failed; then `found` is false, but it is no refusal

    @property
    def key(self) -> tuple[str, str, str]:
        """Scope, system or "answer", and question: unique in a run."""
        return self.scope, "answer", self.qid

    @property
    def refused(self) -> bool:
        """Whether the answerer said that the pages do not answer the question, or perhaps not ("closest")."""
        return not (self.found is True or self.problem)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of the record."""
        return {
            "format": ANSWER_FORMAT,
            "qid": self.qid,
            "scope": self.scope,
            "text": self.text,
            "found": self.found,
            "confidence": round(self.confidence, 6),
            "citations": [citation.as_json() for citation in self.citations],
            "context_pages": [list(page) for page in self.context_pages],
            "seconds": round(self.seconds, 5),
            "notes": list(self.notes),
            "usage": asdict(self.usage) if self.usage else None,
            "problem": self.problem,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "AnswerRecord":
        """Read `as_json` back, of this format or an earlier one."""
        return cls(
            scope=row["scope"],
            qid=row["qid"],
            text=row["text"],
            found=row["found"],
            confidence=row["confidence"],
            citations=[
                CitedPage(
                    PageRef(*entry["page"]),
                    entry["quote"],
                    _state(entry, row),
                    tuple(Box(*box) for box in entry.get("boxes", ())),
                )
                for entry in row["citations"]
            ],
            context_pages=[PageRef(*page) for page in row["context_pages"]],
            seconds=row["seconds"],
            notes=row.get("notes", ()),
            usage=Usage(**{**row["usage"], "prompts": tuple(row["usage"].get("prompts", ()))})
            if row.get("usage")
            else None,
            problem=row.get("problem", ""),
        )


def _state(citation: Mapping[str, Any], answer: Mapping[str, Any]) -> CitationState | None:
    """Return the state of a citation in an answer's row."""
    state = citation.get("state")
    if state is None or answer.get("format", 1) >= ANSWER_FORMAT:
        return cast("CitationState | None", state)
    return "quoted" if state == "verified" and not answer.get("usage") else _STATES_OF_FORMAT_1[state]
