"""A sentence of an answer as what can be looked up on a page: its numbers, names, quotes and content words.

Knows English capitals and function words; in another language every capitalised word but the first is a name. Knows
no page.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from pagelens.core.protocols import Analyzer
from pagelens.generate.citations.numbers import NUMBER, SCALES, parts, readings, scaled, word_number

_TOKEN = re.compile(rf"{NUMBER.pattern}|[^\W\d_]+(?:['’][^\W\d_]+)*")
_HYPHENATED = re.compile(r"(?<=[^\W\d_])(-\s*\n\s*|-\s+|\u00ad\s*)(?=[^\W\d_])")
_QUOTE = re.compile(r"[“\"„«]([^“”\"„«»]{8,400})[”\"“»]")
LEAST_QUOTE = 3  # words: fewer are a term set apart, not a quotation
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
    """A word or a number, where it stands, folded; `values` are the readings of a number."""

    start: int
    end: int
    text: str  # as written
    folded: str  # lower case, without accents
    values: frozenset[Decimal] = frozenset()

    @property
    def is_number(self) -> bool:
        """Say whether it is a number, in digits or in words."""
        return bool(self.values)


@dataclass(frozen=True, slots=True)
class Fact:
    """What must stand on the page: a number (any of its values) or a name's word, and the words it is said beside."""

    kind: Literal["number", "name"]
    text: str
    folded: str
    values: frozenset[Decimal]
    bare: frozenset[Decimal]  # without its scale: a table in millions says 3.2 for 3.2 million
    beside: Mapping[str, str]  # content words around it, nearest first: folded -> index term
    distances: Sequence[int]  # how many words away each of them is said; 0: somewhere


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, taken apart. `words` are its content words: folded -> index term."""

    text: str
    facts: Sequence[Fact]
    quotes: Sequence[str]
    words: Mapping[str, str] = field(default_factory=dict)


NEAR = 12  # tokens on each side of a fact, within its sentence
FEW = 3  # content words: a shorter claim ("In 2015, 34%.") is about what the question says


def fold(text: str) -> str:
    """Return lower case without accents and ligatures, typographic apostrophes as plain ones."""
    decomposed = unicodedata.normalize("NFKD", text.replace("’", "'").casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def tokenize(text: str) -> list[Token]:
    """Return words and numbers in order, spans into `text`; a number in words or with a scale is one value."""
    tokens = []
    for match in _TOKEN.finditer(text):
        written = match.group()
        values = readings(written) if written[0].isdecimal() else frozenset[Decimal]()
        if written[0].isdecimal() and not values:  # a date, a version: every part counts
            at = match.start()
            for part in parts(written):
                at = text.index(part, at)
                tokens.append(Token(at, at + len(part), part, part, readings(part)))
                at += len(part)
            continue
        tokens.append(Token(match.start(), match.end(), written, fold(written), values))
    return _with_words(tokens)


def _with_words(tokens: Sequence[Token]) -> list[Token]:
    """Give number words their values: "twenty five" on its first word, the others go without."""
    found: list[Token] = []
    index = 0
    while index < len(tokens):
        value, taken = word_number([one.folded for one in tokens[index : index + 6]])
        one = tokens[index]
        if value is None:
            found.append(one)
            index += 1
            continue
        last = tokens[index + taken - 1]
        found.append(Token(one.start, last.end, one.text, one.folded, frozenset({value})))
        index += taken
    return found


def scale_after(tokens: Sequence[Token], index: int, text: str) -> str | None:
    """Return the scale that the word right after a number names ("million", "bn"), None where there is none."""
    if not tokens[index].is_number or index + 1 == len(tokens):
        return None
    word = tokens[index + 1]
    between = text[tokens[index].end : word.start]
    single = len(word.folded) == 1 and (between or word.text == "b")  # "5 m" are metres, "5m" may be millions
    return word.folded if word.folded in SCALES and not between.strip("-\u00a0 \n") and not single else None


def without_hyphens(text: str) -> str:
    """Put words together that a line's end has parted."""
    return _HYPHENATED.sub("", text)


def read_claim(sentence: str, analyze: Analyzer, *, question: str = "") -> Claim:
    """Take a sentence apart, its marks [n] left out. A claim of few words is about what the question says."""
    text = without_hyphens(MARK.sub("", sentence)).strip()
    tokens = tokenize(text)
    words = content_words(tokens, analyze)
    context = words if len(words) >= FEW else {**words, **content_words(tokenize(question), analyze)}
    names = _names(tokens, text)
    facts = []
    for index, token in enumerate(tokens):
        if not token.is_number and index not in names:
            continue
        scale = scale_after(tokens, index, text)
        around = [at for at in _around(tokens, index) if not (scale and at == index + 1)]
        beside = content_words([tokens[at] for at in around], analyze)
        first = {tokens[at].folded: abs(at - index) for at in reversed(around)}
        distances = [first[word] for word in beside]
        if len(beside) < FEW:
            beside = {word: term for word, term in context.items() if word != token.folded}
            distances = [0] * len(beside)
        values = scaled(token.values, scale) if scale else token.values
        kind: Literal["number", "name"] = "number" if token.is_number else "name"
        facts.append(Fact(kind, token.text, token.folded, values, token.values, beside, distances))
    quotes = [one for one in _QUOTE.findall(text) if len(tokenize(one)) >= LEAST_QUOTE]
    return Claim(text, facts, quotes, context)


def content_words(tokens: Sequence[Token], analyze: Analyzer) -> dict[str, str]:
    """Return the words that say something, folded, each with its index term."""
    found = {}
    for token in tokens:
        if not token.is_number and token.folded not in FUNCTION_WORDS and len(token.folded) > 1:
            found[token.folded] = term_of(token.folded, analyze)
    return found


def _around(tokens: Sequence[Token], index: int) -> list[int]:
    """Return the places of the tokens around one, nearest first."""
    places = sorted(range(max(0, index - NEAR), min(len(tokens), index + 1 + NEAR)), key=lambda at: abs(at - index))
    return [at for at in places if at != index]


def term_of(word: str, analyze: Analyzer) -> str:
    """Return a word's index term; the word itself where the analyzer has none."""
    return "".join(analyze(word)) or word


def _names(tokens: Sequence[Token], text: str) -> set[int]:
    """Return which tokens are words of names: capitalised within a sentence, or acronyms anywhere."""
    capitals = [token.text[0].isupper() for token in tokens]
    shouted = sum(token.text.isupper() and len(token.text) > 1 for token in tokens) > len(tokens) / 2
    if shouted or sum(capitals) > 0.7 * len(tokens) > 2.1:  # a heading: capitals say nothing
        return set()
    found = set()
    for index, token in enumerate(tokens):
        plain = token.folded in FUNCTION_WORDS or token.folded in _NEVER_NAMES or len(token.text) < 2
        if token.is_number or plain or not capitals[index]:
            continue
        acronym = sum(map(str.isupper, token.text)) > 1
        if acronym or not _opens(tokens, index, text) or (index + 1 < len(tokens) and capitals[index + 1]):
            found.add(index)
    return found


def _opens(tokens: Sequence[Token], index: int, text: str) -> bool:
    """Say whether a token begins a sentence, a list's item or a quotation, where every word has a capital."""
    before = text[tokens[index - 1].end if index else 0 : tokens[index].start]
    return index == 0 or any(char in '.!?:;•“"-–—(' for char in before)
