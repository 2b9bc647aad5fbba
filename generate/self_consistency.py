"""Self-consistency: of several replies to one question, the one that most others agree with.

Two replies agree if both say that the pages do not answer, or if both answer, cite a page in common, state the same
numbers (one may state more), and, if both have names, share one (Wang et al., 2023, with these in place of a final
answer).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pagelens.core.protocols import Analyzer
from pagelens.core.types import PageRef
from pagelens.generate.answer_text import printable
from pagelens.generate.citations.claims import parse_claim

MAX_QUOTED = 200  # characters of a reply in a note


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledReply:
    """One of several replies: its text without marks, and the pages it cites. No text: the pages do not answer."""

    text: str
    pages: frozenset[PageRef]
    numbers: Sequence[frozenset[Decimal]]  # each with all values that it may have
    names: frozenset[str]  # words of names, folded

    @classmethod
    def of(cls, text: str, pages: frozenset[PageRef], analyze: Analyzer) -> "SampledReply":
        """Return a reply with the numbers and names of its text."""
        facts = parse_claim(text, analyze).facts
        return cls(
            text=text,
            pages=pages,
            numbers=[fact.values for fact in facts if fact.kind == "number"],
            names=frozenset(fact.folded for fact in facts if fact.kind == "name"),
        )

    def agrees_with(self, other: "SampledReply") -> bool:
        """Return whether both say the same, as far as pages, numbers and names tell."""
        if not self.text or not other.text:
            return self.text == other.text
        if self.pages != other.pages and not self.pages & other.pages:
            return False
        if self.names and other.names and not self.names & other.names:
            return False
        fewer, more = sorted((self.numbers, other.numbers), key=len)
        return bool(fewer) == bool(more) and all(any(values & others for others in more) for values in fewer)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Which of several replies is taken, and how many agree with it, itself included."""

    chosen: int  # index
    count: int
    total: int
    others: Sequence[str]  # what those that do not agree say

    @property
    def share(self) -> float:
        """Return the share of replies that agree."""
        return self.count / self.total

    def notes(self) -> list[str]:
        """Return what the reader must know: nothing if all agree."""
        if self.count == self.total:
            return []
        stated = "; ".join(f"“{text}”" if text else "that the pages do not answer" for text in self.others)
        return [f"{self.count} of {self.total} samples agree on this; the others said: {stated}."]


def most_agreed(replies: Sequence[SampledReply]) -> Agreement:
    """Return the reply that most others agree with, the first of several."""
    agreeing = [[reply.agrees_with(other) for other in replies] for reply in replies]
    chosen = max(range(len(replies)), key=lambda index: sum(agreeing[index]))
    others = [reply for reply, agrees in zip(replies, agreeing[chosen], strict=True) if not agrees]
    stated = dict.fromkeys(printable(reply.text)[:MAX_QUOTED] for reply in others)
    return Agreement(chosen, sum(agreeing[chosen]), len(replies), list(stated))
