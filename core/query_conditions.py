"""What a query demands of pages beside ranking them: words and phrases that must, or must not, stand on a page."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """A word or a phrase that is looked for on pages."""

    text: str
    exact: bool  # in quotation marks: as written but for case, accents and line ends; else in any form of the word


@dataclass(frozen=True, slots=True, kw_only=True)
class PageConditions:
    """The conditions of a query on the words of a page, its caption and its document's title; all must hold."""

    required: Sequence[Sequence[Wording]] = ()  # of each item, at least one must stand there
    excluded: Sequence[Wording] = ()  # none of these may stand there
    lenient: bool = False  # whether pages with what is required come first, and others after them, as in a question

    @property
    def phrases(self) -> list[str]:
        """The phrases that may have to stand on a page."""
        return [wording.text for alternatives in self.required for wording in alternatives if wording.exact]

    def __bool__(self) -> bool:
        return bool(self.required or self.excluded)


NO_CONDITIONS = PageConditions()


@dataclass(frozen=True, slots=True)
class Correction:
    """A word of a query that no page has, and the word of the collection that was searched for instead."""

    word: str
    corrected: str
