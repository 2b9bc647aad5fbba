"""Parses a sentence of an answer into what can be looked up on a page: numbers, names, quotations and content words.

Names are found by English rules of capitals and function words; in another language every capitalised word but the
first counts as a name.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from pagelens.core.protocols import Analyzer
from pagelens.core.terms import plain_terms
from pagelens.core.word_breaks import join_words_of_line
from pagelens.generate.citations.numbers import (
    NUMBER,
    SCALES,
    digit_runs,
    parse_number_words,
    possible_values,
    scale_values,
    second_year,
)

_TOKEN = re.compile(rf"{NUMBER.pattern}|[^\W\d_]+(?:['’][^\W\d_]+)*")
_QUOTE = re.compile(r"[“\"„«]([^“”\"„«»]{8,400})[”\"“»]")
MIN_QUOTE_WORDS = 3  # fewer are a term in quotation marks, not a quotation
MARK = re.compile(r"\s*\[\s*\d+(?:\s*[,;–-]\s*\d+)*\s*\]")

FUNCTION_WORDS = frozenset(
    """a about above according across after against all along also although am among an and another any are as at be
    because been before being below between both but by can could did do does doing during each either for from further
    furthermore had has have having he her here hers him his how however i if in indeed instead into is it its itself
    just like may me might moreover more most much must my near neither no nor not of off on once one only onto or other
    our out over own per please quite rather same shall she should since so some such than that the their theirs them
    then there therefore these they this those though through thus to too under until up upon us very via was we were
    what when where whereas whether which while who whom whose why will with within without would yes yet you your
    page pages document documents table figure chart section shown shows show states stated says said reported reports
    mentioned mentions respectively answer total overall additionally specifically finally first second third
    st nd rd th s""".split()
)
_NEVER_NAMES = frozenset(
    """january february march april may june july august september october november december monday tuesday wednesday
    thursday friday saturday sunday i""".split()
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a number with its span in the text; `values` are the values that a number may have."""

    start: int
    end: int
    text: str  # as written
    folded: str  # lower case, without accents
    values: frozenset[Decimal] = frozenset()

    @property
    def is_number(self) -> bool:
        """Return whether it is a number, in digits or in words."""
        return bool(self.values)


@dataclass(frozen=True, slots=True)
class Fact:
    """A number (any of its values) or a word of a name that must stand on the page, and the words around it."""

    kind: Literal["number", "name"]
    text: str
    folded: str
    values: frozenset[Decimal]
    unscaled_values: frozenset[Decimal]  # without "million" and the like: a table in millions says 3.2
    context: Mapping[str, str]  # content words around it, nearest first: folded -> index term
    distances: Sequence[int]  # of each of them from the fact, in words; 0: anywhere in the sentence or question


@dataclass(frozen=True, slots=True)
class Claim:
    """A parsed sentence. `words` are its content words: folded -> index term."""

    text: str
    facts: Sequence[Fact]
    quotes: Sequence[str]
    words: Mapping[str, str] = field(default_factory=dict)


CONTEXT_TOKENS = 12  # on each side of a fact, within its sentence
MIN_CONTENT_WORDS = 3  # a claim with fewer ("In 2015, 34%.") takes its subject from the question


def fold(text: str) -> str:
    """Return the text in lower case, without accents and ligatures, typographic apostrophes replaced by plain ones."""
    decomposed = unicodedata.normalize("NFKD", text.replace("’", "'").casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def tokenize(text: str) -> list[Token]:
    """Return the words and numbers of a text in order; a number in words ("twenty five") is one token."""
    tokens = []
    for match in _TOKEN.finditer(text):
        written = match.group()
        values = possible_values(written) if written[0].isdecimal() else frozenset[Decimal]()
        if written[0].isdecimal() and not values:  # a date or a version: each part is a number
            at = match.start()
            for part in digit_runs(written):
                at = text.index(part, at)
                values = possible_values(part)
                tokens.append(Token(start=at, end=at + len(part), text=part, folded=part, values=values))
                at += len(part)
            continue
        start, end = match.span()
        values |= second_year(text, start, end)
        tokens.append(Token(start=start, end=end, text=written, folded=fold(written), values=values))
    return _merge_number_words(tokens)


def _merge_number_words(tokens: Sequence[Token]) -> list[Token]:
    """Replace the tokens of each number in words ("twenty five") by one token with its value."""
    merged: list[Token] = []
    index = 0
    while index < len(tokens):
        value, word_count = parse_number_words([token.folded for token in tokens[index : index + 6]])
        first = tokens[index]
        if value is None:
            merged.append(first)
            index += 1
            continue
        last = tokens[index + word_count - 1]
        merged.append(
            Token(start=first.start, end=last.end, text=first.text, folded=first.folded, values=frozenset({value}))
        )
        index += word_count
    return merged


def scale_after(tokens: Sequence[Token], index: int, text: str) -> str | None:
    """Return the word right after a number if it is a scale ("million", "bn"), else None."""
    if not tokens[index].is_number or index + 1 == len(tokens):
        return None
    word = tokens[index + 1]
    between = text[tokens[index].end : word.start]
    single = len(word.folded) == 1 and (between or word.text == "b")  # "5 m" are metres, "5m" may be millions
    return word.folded if word.folded in SCALES and not between.strip("-\u00a0 \n") and not single else None


def parse_claim(sentence: str, analyze: Analyzer, *, question: str = "") -> Claim:
    """Parse a sentence without its marks [n]. A claim of few content words takes those of the question too."""
    text = join_words_of_line(MARK.sub("", sentence)).strip()
    tokens = tokenize(text)
    words = content_words(tokens, analyze)
    subject = words if len(words) >= MIN_CONTENT_WORDS else {**words, **content_words(tokenize(question), analyze)}
    names = name_tokens(tokens, text)
    facts = []
    for index, token in enumerate(tokens):
        if not token.is_number and index not in names:
            continue
        scale = scale_after(tokens, index, text)
        around = [at for at in _around(tokens, index) if not (scale and at == index + 1)]
        context = content_words([tokens[at] for at in around], analyze)
        nearest = {tokens[at].folded: abs(at - index) for at in reversed(around)}
        distances = [nearest[word] for word in context]
        if len(context) < MIN_CONTENT_WORDS:
            context = {word: term for word, term in subject.items() if word != token.folded}
            distances = [0] * len(context)
        values = scale_values(token.values, scale) if scale else token.values
        kind: Literal["number", "name"] = "number" if token.is_number else "name"
        facts.append(
            Fact(
                kind=kind,
                text=token.text,
                folded=token.folded,
                values=values,
                unscaled_values=token.values,
                context=context,
                distances=distances,
            )
        )
    quotes = [quote for quote in _QUOTE.findall(text) if len(tokenize(quote)) >= MIN_QUOTE_WORDS]
    return Claim(text, facts, quotes, subject)


def content_words(tokens: Sequence[Token], analyze: Analyzer) -> dict[str, str]:
    """Return the words that are neither numbers nor function words: folded -> index term."""
    words = {}
    for token in tokens:
        if not token.is_number and token.folded not in FUNCTION_WORDS and len(token.folded) > 1:
            words[token.folded] = index_term(token.folded, analyze)
    return words


def _around(tokens: Sequence[Token], index: int) -> list[int]:
    """Return the indexes of the tokens around one, nearest first."""
    first, end = max(0, index - CONTEXT_TOKENS), min(len(tokens), index + 1 + CONTEXT_TOKENS)
    return [at for at in sorted(range(first, end), key=lambda at: abs(at - index)) if at != index]


def index_term(word: str, analyze: Analyzer) -> str:
    """Return a word's index term; the word itself if the analyzer gives none."""
    return "".join(plain_terms(analyze(word))) or word


def name_tokens(tokens: Sequence[Token], text: str) -> set[int]:
    """Return the indexes of words of names: capitalised within a sentence, or acronyms anywhere."""
    capitals = [token.text[0].isupper() for token in tokens]
    all_capitals = sum(token.text.isupper() and len(token.text) > 1 for token in tokens) > len(tokens) / 2
    if all_capitals or sum(capitals) > 0.7 * len(tokens) > 2.1:  # a heading
        return set()
    names = set()
    for index, token in enumerate(tokens):
        excluded = token.folded in FUNCTION_WORDS or token.folded in _NEVER_NAMES or len(token.text) < 2
        if token.is_number or excluded or not capitals[index]:
            continue
        acronym = sum(map(str.isupper, token.text)) > 1
        if acronym or not _begins_sentence(tokens, index, text) or (index + 1 < len(tokens) and capitals[index + 1]):
            names.add(index)
    return names


def _begins_sentence(tokens: Sequence[Token], index: int, text: str) -> bool:
    """Return whether a token begins a sentence, a list item or a quotation, where any word has a capital."""
    before = text[tokens[index - 1].end if index else 0 : tokens[index].start]
    return index == 0 or any(char in '.!?:;•“"-–—(' for char in before)
