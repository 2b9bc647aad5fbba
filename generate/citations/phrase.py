"""A claim or a statement of a page as its content words and numbers in order, each with what tells its role.

There is no parser: the role of a word shows in the preposition before it, in its side of a verb, and in the voice of
the verb.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from pagelens.core.function_words import detect_language
from pagelens.core.protocols import DependencyParser
from pagelens.generate.citations.claims import FUNCTION_WORDS, Token, scale_after
from pagelens.generate.citations.numbers import scale_values, unit_of
from pagelens.generate.citations.opposites import OPPOSITES
from pagelens.generate.citations.relations import Relations
from pagelens.generate.irregular_verbs import VERBS

GOVERNED = 3  # content words after a preposition that it governs
PARTICIPLE_REACH = 3  # tokens between a form of "be" and its participle
_PREPOSITIONS = frozenset(
    """of in on at to from by with for into onto than via using through under over between against without about toward
    towards as per among within during across behind beyond upon""".split()
)
_BOUNDARIES = frozenset(
    """if when while because since although though that which who whom whose where after before unless until whereas
    but so and or""".split()
)
_BE = frozenset("is are was were be been being get gets got isn't aren't wasn't weren't".split())
_ABOUT = frozenset("about around approximately roughly nearly almost some circa over ca".split())
_ADVERBS = frozenset("today now yesterday tomorrow currently again always often ever even later soon together".split())
DETERMINERS = frozenset(
    "the a an this that these those its his her their our your my each every all any no some".split()
)
_NOT_ITEMS = frozenset("percent per cent pct percentage".split())  # written "%" as well
_ENDINGS = ((1, ""), (2, ""), (1, "e"), (2, "e"), (3, ""), (3, "e"))  # of inflected forms: letters to cut, to add
_PUNCTUATION = frozenset(",;:()[]—–!?")


@dataclass(frozen=True, slots=True)
class Item:
    """A content word or number of a text, with what tells its role."""

    position: int  # of the token in the text
    folded: str
    term: str
    values: frozenset[Decimal]  # of a number, with its scale
    unit: str  # of a number: "%", "points", a currency
    in_brackets: bool  # a bracket opens right before it
    rounded: bool  # a number said to be one ("about 1.2 million")
    governor: str  # the preposition that governs it, or ""
    clause: int
    passive: bool  # a participle after a form of "be", or before "by"
    transitive: bool  # if a verb in the active voice: its object follows
    adverb: bool  # which may stand anywhere
    opposites: frozenset[str]  # words and index terms
    name: bool  # or part of one

    @property
    def is_number(self) -> bool:
        """Return whether it is a number."""
        return bool(self.values)


class Phrase:
    """A claim or a statement as items in order."""

    def __init__(
        self,
        text: str,
        tokens: Sequence[Token],
        terms: Callable[[str], str],
        names: Collection[int] = (),
        parser: DependencyParser | None = None,
    ) -> None:
        self._text, self._tokens, self._parser = text, tokens, parser
        self.words = [token.folded for token in tokens]
        self.items: list[Item] = []
        governor, governed, clause = "", 0, 0
        for at, token in enumerate(tokens):
            between = text[tokens[at - 1].end : token.start] if at else ""
            if any(char in _PUNCTUATION for char in between):
                clause, governor = clause + 1, ""
            word = token.folded.removesuffix("'s")
            behind = text[token.end : tokens[at + 1].start] if at + 1 < len(tokens) else ","
            after = "" if any(char in _PUNCTUATION for char in behind) else self.words[at + 1]
            if word in _BOUNDARIES:
                clause += word not in ("and", "or")
                governor = governor if word in ("and", "or") else ""
            number_follows = at + 1 < len(tokens) and tokens[at + 1].is_number
            thing_follows = number_follows or at + 1 in names or after in DETERMINERS
            infinitive = word == "to" and not (thing_follows or after.endswith("s"))
            if word in _PREPOSITIONS and not infinitive:
                governor = governor if at and self.words[at - 1] in _PREPOSITIONS and governor else word
                governed = 0
            scale = scale_after(tokens, at, text) or _scale_of_range(tokens, at, text)
            values = scale_values(token.values, scale) if scale else token.values
            if at and scale_after(tokens, at - 1, text):
                continue
            if token.is_number or (
                (len(word) > 1 or text[token.end : token.end + 1] == ".")
                and word not in FUNCTION_WORDS | _PREPOSITIONS | _NOT_ITEMS
            ):
                self.items.append(
                    Item(
                        position=at,
                        folded=word,
                        term=word if token.is_number else terms(VERBS.get(word, word)),
                        values=values,
                        unit=unit_of(text, token.start, token.end) if token.is_number else "",
                        in_brackets=between.rstrip("$€£≈~ ").endswith("("),
                        rounded=bool(scale) or not _ABOUT.isdisjoint(self.words[max(0, at - 2) : at]),
                        governor=governor,
                        clause=clause,
                        passive=not token.is_number and self._is_passive(at),
                        transitive=self._is_transitive(at, after, thing_follows),
                        adverb=word.endswith("ly") or word in _ADVERBS,
                        opposites=_opposites(word, terms),
                        name=at in names,
                    )
                )
                governed += 1
                if governed >= GOVERNED:
                    governor = ""

    def _is_passive(self, at: int) -> bool:
        word = self.words[at]
        if not (word.endswith(("ed", "en")) or word in VERBS):
            return False
        before = self.words[max(0, at - PARTICIPLE_REACH) : at]
        return any(other in _BE for other in before) or self.words[at + 1 : at + 2] == ["by"]

    def _is_transitive(self, at: int, after: str, thing_follows: bool) -> bool:
        if at and self.words[at - 1] in DETERMINERS:
            return False
        if self.words[at].endswith("ed") or self.words[at] in VERBS:
            return after != "" and thing_follows
        return after not in _PREPOSITIONS | _BOUNDARIES | _BE | {""}

    @cached_property
    def relations(self) -> Relations | None:
        """The relations between the items; None without a parser, and in other languages."""
        if self._parser is None or detect_language(" ".join(self.words)) not in ("en", None):
            return None
        starts = {self._tokens[item.position].start: index for index, item in enumerate(self.items)}
        return Relations(self._text, self._tokens, starts, self._parser)

    @cached_property
    def by_term(self) -> Mapping[str, list[int]]:
        """Index term -> indexes of items."""
        found: dict[str, list[int]] = {}
        for index, item in enumerate(self.items):
            found.setdefault(item.term, []).append(index)
        return found


def _scale_of_range(tokens: Sequence[Token], at: int, text: str) -> str | None:
    """Return the scale of a number that stands behind the next number only ("from 15 to 26 million")."""
    if at + 2 < len(tokens) and tokens[at + 1].folded in ("to", "and", "or") and tokens[at].is_number:
        return scale_after(tokens, at + 2, text)
    return None


def _opposites(word: str, terms: Callable[[str], str]) -> frozenset[str]:
    """Return the opposites of a word in any of its forms, as words and as index terms."""
    forms = (word, VERBS.get(word, word), *(f"{word[:-cut]}{end}" for cut, end in _ENDINGS if len(word) > cut + 2))
    others = {other for form in forms for other in OPPOSITES.get(form, ())}
    return frozenset(others | {terms(other) for other in others})
