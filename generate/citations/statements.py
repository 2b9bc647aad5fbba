"""Finds the statement of a page that supports a claim: one sentence, or two where the second points to the first.

A claim of several clauses may rest on a statement for each.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from pagelens.core.protocols import DependencyParser
from pagelens.generate.citations.alignment import Alignment
from pagelens.generate.citations.claims import FUNCTION_WORDS, Token, name_tokens, tokenize
from pagelens.generate.citations.page_words import PageWords
from pagelens.generate.citations.pairing import align
from pagelens.generate.citations.phrase import DETERMINERS, Phrase
from pagelens.generate.citations.roles import Similar, never_similar

MIN_COVERAGE = 0.85  # of a claim's content words and numbers that one statement must have
MAX_GAP = 1  # words in a row that it may lack
MIN_ITEMS = 3  # content words and numbers of a claim, or of a clause, that is looked for in one statement
CANDIDATES = 3  # statements that are aligned with a claim, those with the most of its words
POINTER_WORDS = 3  # of a sentence, among which a pronoun points to the sentence before

_POINTERS = frozenset("it they this these those he she such its their that".split())
_CLAUSES = re.compile(r",? and |; |, while |, but |, which |, where ")
# Contradictions that may lie in the joining of two clauses, each of which is checked alone.
_OF_WHOLE = frozenset({"", "negation", "restriction", "cause"})


Compare = Callable[[Phrase, Phrase], tuple[Similar, Similar]]
"""Returns two comparisons of the words of two phrases: of any two, and of two in the same place."""


@dataclass(frozen=True, slots=True)
class Support:
    """The statement nearest to a claim, as a range of the page's tokens, and what is wrong with it."""

    first: int
    end: int
    lacking: Sequence[str]  # numbers and names of the claim that it lacks
    reason: str  # why it does not support the claim; "" if it does
    contradiction: str = ""


class _Statement:
    """One or two sentences of a page; parsed when first needed."""

    def __init__(
        self, page: PageWords, first: int, end: int, terms: Callable[[str], str], parser: DependencyParser | None = None
    ) -> None:
        self.first, self.end = first, end
        self._parser = parser
        self._text, self._terms = page.text.text, terms
        self._tokens = page.whole_words(first, end)
        self.terms = frozenset(terms(token.folded) for token in self._tokens)

    @cached_property
    def phrase(self) -> Phrase:
        return Phrase(self._text, self._tokens, self._terms, name_tokens(self._tokens, self._text), self._parser)


class PageStatements:
    """The statements of a page."""

    def __init__(self, page: PageWords, terms: Callable[[str], str], parser: DependencyParser | None = None) -> None:
        self._terms, self._parser = terms, parser
        self._misread = page.may_be_misread
        self._lower_words = {token.text for token in page.tokens if token.text.islower()}
        ranges = page.sentence_ranges()
        self._statements = [_Statement(page, *each, terms, parser) for each in ranges]
        for (first, _), (begin, end) in pairwise(ranges):
            if any(token.folded in _POINTERS for token in page.tokens[begin : begin + POINTER_WORDS]):
                self._statements.append(_Statement(page, first, end, terms, parser))

    def find(self, claim: str, similar: Compare) -> Support | None:
        """Return the support of a claim; None if it has too few words to be looked for."""
        whole = self._best(claim, similar)
        if whole is None or not whole.reason or whole.contradiction not in _OF_WHOLE:
            return whole
        for clauses in _clause_pairs(claim):
            parts = [self._best(clause, similar) for clause in clauses]
            found = [part for part in parts if part is not None and not part.reason]
            if len(found) == len(parts):
                return Support(min(part.first for part in found), max(part.end for part in found), [], "")
        return whole

    def _best(self, claim: str, similar: Compare) -> Support | None:
        tokens = tokenize(claim)
        names = self._names(tokens, claim)
        phrase = Phrase(claim, tokens, self._terms, names, self._parser)
        if len(phrase.items) < MIN_ITEMS or not self._statements:
            return None
        wanted = {item.term for item in phrase.items}
        nearest = sorted(self._statements, key=lambda each: (-len(wanted & each.terms), each.end - each.first))
        facts = {item.position for item in phrase.items if item.is_number or item.name}
        supports = []
        for statement in nearest[:CANDIDATES]:
            alignment = self._align(phrase, statement.phrase, similar)
            lacking = [tokens[at].text for at in alignment.lacks(sorted(facts))]
            contradiction = alignment.contradiction() if alignment.pairs else ""
            reason = contradiction or _what_is_missing(alignment, lacking, tokens)
            support = Support(
                first=statement.first, end=statement.end, lacking=lacking, reason=reason, contradiction=contradiction
            )
            supports.append((alignment.coverage, -alignment.longest_gap, not reason, support))
        return max(supports, key=lambda each: each[:3])[-1]

    def _align(self, claim: Phrase, statement: Phrase, similar: Compare) -> Alignment:
        """Align a claim with a statement; words are encoded only if the statement lacks some."""
        exact = align(claim, statement, never_similar, never_similar, self._misread)
        if exact.coverage == 1:
            return exact
        return align(claim, statement, *similar(claim, statement), self._misread)

    def _names(self, tokens: Sequence[Token], text: str) -> set[int]:
        """Return the tokens that are names: also capitalised ones, if the page never has the word without a capital."""
        unknown = {
            at
            for at, token in enumerate(tokens)
            if token.text[0].isupper()
            and token.text.isalpha()
            and token.folded not in FUNCTION_WORDS
            and token.folded not in self._lower_words
        }
        if 0 in unknown:  # any word has a capital there
            relations = Phrase(text, tokens, self._terms, (), self._parser).relations
            if relations is not None and not relations.may_be_name(0):
                unknown.discard(0)
        return unknown | name_tokens(tokens, text)


def _what_is_missing(alignment: Alignment, lacking: Sequence[str], tokens: Sequence[Token]) -> str:
    if lacking:
        return "facts"
    if alignment.coverage < MIN_COVERAGE:
        return "words"
    if alignment.longest_gap > MAX_GAP:
        return "gap"
    subject = alignment.claim.items[0].position
    begins = subject == 0 or (subject == 1 and tokens[0].folded in DETERMINERS)
    return "subject" if begins and 0 not in alignment.pairs else ""


def _clause_pairs(claim: str) -> Iterator[tuple[str, str]]:
    """Yield a claim cut in two at each conjunction."""
    for match in _CLAUSES.finditer(claim):
        yield claim[: match.start()], claim[match.end() :]
