"""What a question names and a passage must name too: years, numbers, names, a denial, a comparison.

A passage meets a constraint in itself, its heading, the line that introduces it or names its columns. Names and years
may stand in the document's title or file name too, years only where the passage names no other. Other words of the
question's subject may stand anywhere on the page.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from pagelens.core.terms import plain_terms
from pagelens.generate.extractive.known_words import KnownWords, Name, has_unit_sign
from pagelens.generate.extractive.languages.question_language import QuestionLanguage

ConstraintKind = Literal["type", "year", "number", "name", "denial", "statement", "comparison", "picture", "news"]
Terms = Callable[[str], frozenset[str]]
"""Returns those of the question's terms that a text has, in any form."""

YEAR = re.compile(r"(?<![\d.,-])(1[5-9]\d\d|20\d\d)(?![\d%]|[.,]\d)")
_THINGS = re.compile(r" [a-zß-ÿ]+(?:s|en|er)\b")
NEAR = 4  # words between a denial and the word that is denied, at most
_NUMBER = re.compile(
    r"(?<![\w.,-])\d[\d.,]*\d(?=(?:[kKmM]|[bB]n?)?(?![\w-]))"
)  # of two digits or more, parts of words and ranges apart
_NUMBERED = re.compile(
    r"\b((?:[A-Z]|(?=(?:unit|quarter|table|figure|section|chapter|part|step|phase|class|level|version|item|example)s?\b))"
    r"[^\W\d_]{2,})(?:[ -]?(\d{1,2})\b(?![.,]?\d|\s?%)| ([A-HJ-Z])(?![\w.'’]))"
)
_MORE = (r"\w", r"\d")  # behind a letter, behind a number, it is another one
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_QUOTED = re.compile(r"[\"“„«「『](.{2,80}?)[\"”“»」』]")
_CASED = re.compile(r"[A-ZÀ-ÖØ-ÞА-ЯЁ]")
_MONTHS = frozenset("January February March April June July August September October November December".split())
MIN_ABBREVIATED = 2  # words of a name that initials stand for
MAX_FEW_WORDS = 4  # of a question of so few words any may be a name
_TITLE_CASE_SHARE = 0.6  # of a question's words in capitals, from which capitals mean nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What a question names."""

    years: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    names: tuple[Name, ...] = ()
    words: tuple[Name, ...] = ()  # the other words of its subject
    is_denied: bool = False
    is_open: bool = True  # whether it asks for something that a denial does not give: no yes-or-no question
    pictured: str = ""  # the word by which it is about a picture or a chart
    numbered: tuple[tuple[str, str], ...] = ()  # a word with its small number: ("unit", "8")
    subject_words: tuple[Name, ...] = ()  # every word of its subject, names and verbs too, but for common words
    comparison: tuple[int, str] | None = None  # the direction of its superlative (see the tables), and its words
    computed: str = ""  # the word by which it asks for what is computed from several figures
    subject: frozenset[str] = frozenset()  # the terms of its subject
    figures: frozenset[str] = frozenset()  # those of them that are its years and numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateContext:
    """A candidate, with what stands around it."""

    text: str
    context: str  # its heading, the line that introduces it, the line that names its columns
    before: str  # the sentence before it
    title: str  # of the document, with the file's name
    page: str  # the page's text
    page_words: KnownWords
    language: QuestionLanguage  # of the page
    terms: Terms = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unmet:
    """A constraint that a passage does not meet; `nowhere` if no page does."""

    kind: ConstraintKind
    what: str
    nowhere: bool = False

    @property
    def may_be_elsewhere(self) -> bool:
        """Whether another passage that is quoted may meet it instead."""
        return self.kind in ("name", "year", "number", "news")

    @property
    def reason(self) -> str:
        """Return it in words."""
        match self.kind:
            case "denial":
                return "the passage denies nothing, the question asks what is not"
            case "statement":
                return "the passage denies what is asked for"
            case "comparison":
                return f"the passage does not compare, the question asks for “{self.what}”"
            case "picture":
                return f"the question is about what is drawn (“{self.what}”), and only words are read"
            case "news":
                return "the passage only repeats the question"
            case "type":
                return f"the passage does not state {self.what}"
            case _:
                return f"{'no page names' if self.nowhere else 'the passage does not name'} {self.what}"


def find_constraints(
    question: str, subject: Mapping[str, float], language: QuestionLanguage, analyze: Callable[[str], Sequence[str]]
) -> Constraints:
    """Return what a question names. `subject` are the terms of its subject with their weights."""
    years = tuple(dict.fromkeys(find_years(question)))
    text = question
    for pattern in (language.measure, language.page, language.asks.get("meaning", "(?!)")):
        text = compiled(pattern).sub(" ", text)
    numbers = tuple(dict.fromkeys(number for number in _NUMBER.findall(text) if number not in years))
    comparison = next(
        (
            (direction, match[0])
            for direction, pattern in enumerate(language.comparisons)
            if (match := compiled(pattern).search(question))
        ),
        None,
    )
    common = language.common_words.split()
    names = tuple(
        Name(name, terms)
        for name in find_names(text, language)
        if (terms := frozenset(subject) & frozenset(map(str, analyze(name)))) and not name.isdigit()
    )
    return Constraints(
        years=years,
        numbers=numbers,
        pictured=pictured[0] if (pictured := compiled(language.pictured).search(question)) else "",
        numbered=_numbered(text, language),
        subject_words=tuple(
            Name(word, terms)
            for word in dict.fromkeys(_WORD.findall(text))
            if word.casefold() not in common
            and (terms := frozenset(subject) & frozenset(map(str, plain_terms(analyze(word)))))
        ),
        names=names,
        words=tuple(_other_words(text, subject, frozenset().union(*(name.terms for name in names)), language, analyze)),
        is_denied=is_denied(question, language),
        is_open=not compiled(language.asks.get("yes-no", "(?!)")).search(question.lower().strip()),
        comparison=comparison,
        computed=computed[0] if (computed := compiled(language.computed).search(question)) else "",
        subject=frozenset(subject),
        figures=frozenset(subject) & frozenset(map(str, analyze(" ".join([*years, *numbers])))),
    )


def find_years(question: str) -> list[str]:
    """Return the years of a question; a round number of things is none ("2000 eggs", "in 2000" is a year)."""
    return [
        match[0]
        for match in YEAR.finditer(question)
        if not (match[0].endswith("00") and _THINGS.match(question, match.end()))
    ]


@dataclass(frozen=True, slots=True)
class ShownPages:
    """The texts of all pages shown, with the documents' titles, and those of the question's terms that they have."""

    texts: Sequence[str]
    terms: Sequence[frozenset[str]]


def unmet_constraints(named: Constraints, passage: CandidateContext, pages: ShownPages) -> list[Unmet]:
    """Return what a passage does not meet of what the question names."""
    around = f"{passage.text}\n{passage.context}"
    unmet = [
        Unmet("year", year, not any(year in text for text in pages.texts))
        for year in named.years
        if not _names_year(year, passage, around)
    ]
    unmet += [
        Unmet("number", number, not any(names_number(number, text) for text in pages.texts))
        for number in named.numbers
        if not names_number(number, around)
    ]
    unmet += [
        Unmet("number", f"{word} {number}")
        for word, number in named.numbered
        if not re.search(
            rf"\b{word}\W{{0,3}}{number}(?!{_MORE[number.isdigit()]})",
            f"{around}\n{passage.before}\n{passage.title}",
            re.I,
        )
    ]
    unmet += [
        Unmet("name", name.text, not any(name.terms <= terms for terms in pages.terms))
        for name in named.names
        if not _has_name(name, passage, around)
    ]
    unmet += [
        Unmet("name", word.text, not any(word.terms & terms for terms in pages.terms))
        for word in named.words
        if word not in passage.page_words
    ]
    if named.computed and not compiled(passage.language.computed).search(passage.text):
        unmet.append(Unmet("comparison", named.computed))
    if named.pictured:
        unmet.append(Unmet("picture", named.pictured))
    denied = denies(passage.text, named.subject, passage)
    if named.is_denied and not (denied or excludes(around, named.subject, passage)):
        unmet.append(Unmet("denial", ""))
    if named.is_open and not named.is_denied and denied:
        unmet.append(Unmet("statement", ""))
    if named.comparison:
        direction, words = named.comparison
        if not compiled(passage.language.comparisons[direction]).search(around):
            unmet.append(Unmet("comparison", words))
    return unmet


def is_denied(text: str, language: QuestionLanguage) -> bool:
    """Return whether a text holds a word that denies or excludes."""
    return any(compiled(pattern).search(text) for pattern in (language.negation, language.exclusion))


def denies(text: str, subject: frozenset[str], passage: CandidateContext) -> bool:
    """Return whether a text denies one of the terms: with at most `NEAR` words between."""
    return _stands_near(passage.language.negation, text, subject, passage, before=1)


def excludes(text: str, subject: frozenset[str], passage: CandidateContext) -> bool:
    """Return whether a text makes an exception of one of the terms: with at most `NEAR` words between."""
    return _stands_near(passage.language.exclusion, text, subject, passage, before=NEAR)


def _stands_near(pattern: str, text: str, subject: frozenset[str], passage: CandidateContext, *, before: int) -> bool:
    if not passage.language.spaced:
        return compiled(pattern).search(text) is not None
    for match in compiled(pattern).finditer(text):
        words = [*_WORD.findall(text[: match.start()])[-before:], *_WORD.findall(text, match.end())[: NEAR + 1]]
        if subject & passage.terms(" ".join(words)):
            return True
    return False


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern of a language's table, compiled."""
    return re.compile(pattern, re.IGNORECASE)


def find_names(question: str, language: QuestionLanguage) -> Iterable[str]:
    """Yield quoted words, and words with a capital letter that do not begin the question, neighbours together."""
    yield from _QUOTED.findall(question)
    tokens = list(_WORD.finditer(_QUOTED.sub(" ", question)))
    text = _QUOTED.sub(" ", question)
    capitals = sum(bool(_CASED.match(token[0])) for token in tokens[1:])
    if capitals > _TITLE_CASE_SHARE * len(tokens[1:]) and len(tokens) > MAX_FEW_WORDS:
        return
    function_words = {*language.function_words, *language.form_words.split()}
    name: list[str] = []
    for index, token in enumerate(tokens):
        begins = index == 0 or text[: token.start()].rstrip()[-1:] in tuple(".?!¿¡:")
        word = token[0]
        is_name = bool(_CASED.match(word)) and word.lower() not in function_words and len(word) > 1
        if is_name and begins:
            is_name = word.isupper() and len(word) > 1
        if is_name:
            adjacent = name and not text[tokens[index - 1].end() : token.start()].strip(" -")
            if name and (not adjacent or language.nouns_in_capitals):
                yield " ".join(name)
                name = []
            name.append(word)
        elif name:
            yield " ".join(name)
            name = []
    if name:
        yield " ".join(name)


def _numbered(question: str, language: QuestionLanguage) -> tuple[tuple[str, str], ...]:
    """Return words with a number of one or two digits, or a letter, behind them: they name one of several."""
    known = {*language.function_words, *language.common_words.split()}
    return tuple(
        (word, number or letter)
        for word, number, letter in dict.fromkeys(_NUMBERED.findall(question))
        if word.lower() not in known and not compiled(language.times).fullmatch(word)
    )


def _names_year(year: str, passage: CandidateContext, around: str) -> bool:
    if _year_pattern(year).search(around):
        return True
    others = set(YEAR.findall(around)) - {year}
    in_title = year in passage.title
    only_year = set(YEAR.findall(passage.page)) == {year}
    return not others and (in_title or only_year)


@cache
def _year_pattern(year: str) -> re.Pattern[str]:
    """Return a pattern for a year: 2019, 2018-19, FY19, '19."""
    short = year[2:]
    return re.compile(rf"(?<!\d){year}(?!\d)|(?:\bFY\s?|['’‘]|(?<!\d){year[:2]}\d\d\s?[-–/]\s?){short}(?!\d)")


def names_number(number: str, text: str) -> bool:
    """Return whether a text has a number, with any separators of thousands."""
    digits = re.sub(r"[.,]", "", number)
    return number in text or any(re.sub(r"[.,]", "", found) == digits for found in _NUMBER.findall(text))


def _has_name(name: Name, passage: CandidateContext, around: str) -> bool:
    if name.terms <= passage.terms(f"{around}\n{passage.before}\n{passage.title}"):
        return True
    if has_unit_sign(name.text.casefold(), around):
        return True
    if passage.language.nouns_in_capitals:  # it may be any noun
        if name.text.casefold() in passage.language.common_words.split():
            return True
        return all(Name(name.text, frozenset({term})) in passage.page_words for term in name.terms)
    return spells_out(name, around) or abbreviates(name, around)


def spells_out(name: Name, text: str) -> bool:
    """Return whether a text has the words that an acronym stands for: "chief executive officer" for CEO."""
    is_acronym = name.text.isupper() and name.text.isalpha() and len(name.text) > 1
    return is_acronym and _initials(name.text).search(text) is not None


def abbreviates(name: Name, text: str) -> bool:
    """Return whether a text has the initials of a name of several words, or a month's: "U.S." for "United States"."""
    words = name.text.split()
    if name.text in _MONTHS:
        return re.search(rf"\b{name.text[:3]}t?\b", text) is not None
    if len(words) < MIN_ABBREVIATED or not all(word[0].isupper() for word in words):
        return False
    return re.search(r"\b" + r"\.?".join(word[0] for word in words) + r"\b", text) is not None


def _other_words(
    text: str,
    subject: Mapping[str, float],
    of_names: frozenset[str],
    language: QuestionLanguage,
    analyze: Callable[[str], Sequence[str]],
) -> Iterable[Name]:
    """Yield the words that describe a question's subject and are no names, years or numbers, and no common words."""
    common = [*language.common_words.split(), *compiled(language.main_verb).findall(text.casefold())]
    for word in dict.fromkeys(word for word in _WORD.findall(text) if word.casefold() not in common):
        terms = frozenset(map(str, plain_terms(analyze(word)))) - of_names
        patterns = (language.participles, language.number_words, *language.comparisons)
        if any(compiled(pattern).fullmatch(word) for pattern in patterns):
            continue
        if terms and word.isalpha() and all(subject.get(term) == 1 for term in terms):
            yield Name(word, terms)


@cache
def _initials(letters: str) -> re.Pattern[str]:
    """Return a pattern for words with these initials: "chief executive officer" for CEO."""
    return re.compile(r"\b" + r"[\s-]+(?:(?:of|and|the|for)\s+)?".join(rf"{letter}\w+" for letter in letters), re.I)
