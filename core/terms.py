"""Index terms: each word has a plain term, and some have other forms, under which the same words are found too."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Self


class OtherForm(str):
    """A further index term of words that have plain terms: a number without separators, a date, a stem.

    It equals a plain term of the same characters. `of` are the plain terms that it stands for, none where it stands
    for a part of a word only.
    """

    __slots__ = ("of",)

    of: tuple[str, ...]

    def __new__(cls, form: str, of: Iterable[str] = ()) -> Self:
        """Make the form of these plain terms."""
        made = super().__new__(cls, form)
        made.of = tuple(of)
        return made


def plain_terms(terms: Iterable[str]) -> list[str]:
    """Return the terms without other forms, in order."""
    return [term for term in terms if not isinstance(term, OtherForm)]


def whole_word_terms(terms: Iterable[str]) -> list[str]:
    """Return the terms that stand for whole words, in order: not the forms of a part of a word."""
    return [term for term in terms if not isinstance(term, OtherForm) or term.of]


@dataclass(frozen=True, slots=True)
class WantedTerms:
    """The terms of a query, to be looked for in texts by any of their forms."""

    plain: frozenset[str]
    forms: Mapping[str, frozenset[str]]  # other form -> the plain terms that it stands for

    @classmethod
    def of(cls, terms: Iterable[str]) -> Self:
        """Return the terms of an analyzed query."""
        terms = list(terms)
        forms: dict[str, frozenset[str]] = {}
        for term in terms:
            if isinstance(term, OtherForm) and term.of:
                forms[term] = forms.get(term, frozenset()) | frozenset(term.of)
        return cls(frozenset(plain_terms(terms)), forms)

    def found_in(self, terms: Iterable[str]) -> frozenset[str]:
        """Return the plain terms that an analyzed text has, in any form."""
        found: set[str] = set()
        for term in terms:
            if term in self.plain:
                found.add(term)
            found.update(self.forms.get(term, ()))
        return frozenset(found)

    def found_in_words(self, terms: Mapping[str, Collection[str]]) -> dict[str, frozenset[str]]:
        """Return the plain terms that each word has, in any form, of those words that have one. `terms` are the words'
        terms, each word's apart."""
        sought = self.plain.union(self.forms)
        return {word: self.found_in(of_word) for word, of_word in terms.items() if not sought.isdisjoint(of_word)}
