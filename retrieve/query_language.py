"""The query language: turns a query into the text that lanes rank by, conditions on pages, filters, and notes.

    "annual report"     the phrase must stand on the page, also across line ends, or in its document's title or name
    -draft -"old plan"  pages with the word or phrase are left out; a minus before a digit is a sign
    timber OR coal      one of them must stand on the page, in any form; OR joins the words and phrases beside it
    path:reports/*      field:value, or -field:value; see `FIELDS`. field:"value with blanks"
    other words         rank pages, as without any of these

A question ("What does "net income" include?") is read leniently: pages with its phrases come first, single words in
quotation marks are mentions, and the text that lanes rank by keeps its quotation marks.
What looks like syntax and is not understood is searched as words, and a note says so.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import get_args

from pagelens.core.metadata_fields import parse_date
from pagelens.core.query_conditions import NO_CONDITIONS, PageConditions, Wording
from pagelens.core.types import Filters, Kind
from pagelens.index.lexical.stems import is_function_word

MIN_SENTENCE = 5  # words outside quotation marks of a question that has no question mark
MIN_FUNCTION_WORDS = 2  # of these
MIN_EXCLUDED = 2  # letters of a word with a minus: "-v" is an option of a command

_OPENING = {'"': '"', "“": '”“"', "„": '“”"', "«": "»", "»": "«", "「": "」", "『": "』"}
_QUOTED = "|".join(f"{opening}[^{opening}{closing}]*[{closing}]" for opening, closing in _OPENING.items())
# An item begins at the start, or after a blank or a parenthesis.
_ITEM = re.compile(
    rf"(?<![^\s(])(?P<minus>-(?=[^\W\d_]|[{''.join(_OPENING)}]))?"
    rf"(?:(?P<field>[^\W\d_]{{2,20}}):(?=[^\s/:]))?(?:(?P<quoted>{_QUOTED})(?![^\W_])|(?P<word>[^\s()]+))"
)
_BRACKETED = re.compile(r"\[[^\[\]]*\]")  # ["Chapter 5", "Chapter 8"]: an example, not a phrase to be found
_WORD = re.compile(r"[^\W_]+")
_TRAILING = ".,;:!?)]"
_QUESTION_END = re.compile(r"[?？؟\u037e]\s*$")
_OPERATORS = ("OR", "AND", "NOT")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedQuery:
    """A query as it is understood."""

    text: str  # that lanes rank by: without operators, fields and what is left out
    conditions: PageConditions = NO_CONDITIONS
    filters: Filters = field(default_factory=Filters)  # of its fields
    notes: tuple[str, ...] = ()  # what is not understood, for users


@dataclass(frozen=True, slots=True)
class _Item:
    """A word, a quoted phrase, or a field with its value."""

    start: int
    end: int
    text: str  # without minus, field and quotation marks
    is_quoted: bool
    is_excluded: bool
    field: str

    @property
    def is_joinable(self) -> bool:
        """Whether OR may join it."""
        return not self.is_excluded and not self.field and _WORD.search(self.text) is not None


def _kind(value: str) -> Filters | None:
    kinds: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
    return Filters(kinds=(kinds[value.lower()],)) if value.lower() in kinds else None


def _since(value: str) -> Filters | None:
    period = parse_date(value)
    return Filters(since=period[0]) if period else None


def _until(value: str) -> Filters | None:
    period = parse_date(value)
    return Filters(until=period[1]) if period else None


def _date(value: str) -> Filters | None:
    first, dots, last = value.partition("..")
    begin, end = parse_date(first), parse_date(last if dots else first)
    return Filters(since=begin[0], until=end[1]) if begin and end else None


FIELDS: Mapping[str, tuple[Callable[[str], Filters | None], str]] = {
    "path": (lambda value: Filters(paths=(value,)), "a name or a pattern: path:reports/*"),
    "title": (lambda value: Filters(titles=(value,)), 'words or a pattern: title:"annual report"'),
    "kind": (_kind, f"one of {', '.join(get_args(Kind))}"),
    "label": (lambda value: Filters(labels=(value,)), "a label of `pagelens label`: label:dog"),
    "date": (_date, "a year, month, day, or a span: date:2021, date:2021-03..2021-06"),
    "since": (_since, "a date: since:2021-06"),
    "until": (_until, "a date: until:2021-06-30"),
}
"""The fields of the language: name -> the filters that a value sets (None: it is no value of the field), and help."""


def parse_query(text: str, *, is_question: bool = False) -> ParsedQuery:
    """Return a query as it is understood. `is_question`: read it leniently, whatever it looks like."""
    items = list(_items(text))
    lenient = is_question or _is_question(text, items)
    parse = _Parse(text, lenient)
    alternatives = _alternatives(items, parse)
    for item in items:
        if item.field:
            parse.read_field(item)
        elif item.is_excluded:
            parse.exclude(item)
        elif item.is_quoted and item not in alternatives:
            parse.require([item])
    if not lenient:
        parse.note_misreadings(items)
    return parse.result()


class _Parse:
    """The parts of a query that were read so far."""

    def __init__(self, text: str, lenient: bool) -> None:
        self._text, self._lenient = text, lenient
        self._required: list[tuple[Wording, ...]] = []
        self._excluded: list[Wording] = []
        self._filters: list[Filters] = []  # of fields
        self._none_of: list[Filters] = []  # of fields with a minus
        self._removed: list[tuple[int, int]] = []
        self.notes: list[str] = []

    def require(self, items: list[_Item]) -> None:
        """Demand one of these; drop their quotation marks."""
        words = [_WORD.findall(item.text) for item in items]
        if not self._lenient:
            self._removed += [span for item in items if item.is_quoted for span in _marks(item)]
            self.notes += [f"“{item.text}” has no word: left out" for item in items if not _WORD.search(item.text)]
        elif len(items) == 1 and len(words[0]) == 1 and words[0][0].isascii():
            return  # a mention
        if items and all(words):
            self._required.append(tuple(Wording(item.text, item.is_quoted) for item in items))

    def exclude(self, item: _Item) -> None:
        """Leave out pages with this."""
        if not _WORD.search(item.text):
            return
        self._excluded.append(Wording(item.text, item.is_quoted))
        self._removed.append((item.start, item.end))
        if self._lenient:
            self.notes.append(f"pages with “{item.text}” are left out, for the minus before it")

    def read_field(self, item: _Item) -> None:
        """Read a field and its value; one that cannot be read is searched as words."""
        name = item.field.lower()
        if name not in FIELDS:
            if not self._lenient:
                self.notes.append(f"unknown field “{item.field}:”: searched as words; fields are {', '.join(FIELDS)}")
            return
        read, expected = FIELDS[name]
        filters = read(item.text)
        if filters is None:
            self.notes.append(f"“{item.text}” is no value of {name}: searched as words; expected {expected}")
            return
        (self._none_of if item.is_excluded else self._filters).append(filters)
        self._removed.append((item.start, item.end))

    def is_or(self, before: _Item, operator: _Item, after: _Item) -> bool:
        """Tell whether the middle one is an operator; "Portland, OR" is not."""
        if (
            operator.text != "OR"
            or operator.is_quoted
            or operator.field
            or self._text[before.end : operator.start].strip()
        ):
            return False
        if before.field and before.field == after.field and not before.is_excluded and not after.is_excluded:
            return True
        return before.is_joinable and after.is_joinable

    def join(self, items: list[_Item], operators: list[_Item]) -> None:
        """Demand one of these, which the operators join."""
        self.require(items)
        self._removed += [(operator.start, operator.end) for operator in operators]

    def note_misreadings(self, items: list[_Item]) -> None:
        """Note what looks like syntax of other programs, or is not complete."""
        words = [item for item in items if not (item.is_quoted or item.field)]
        for item in words:
            if item.text[0] in _OPENING and item.text != item.text[0] * 2:
                self.notes.append(f"the quotation mark before “{item.text[1:]}” is not closed: searched as words")
            elif item.text[0] == "+" and _WORD.match(item.text[1:]):
                self.notes.append(f"“{item.text}”: a plus means nothing here; quotation marks demand a word")
            elif item.text.lower() in FIELDS and self._text[item.end : item.end + 1] == ":":
                self.notes.append(f"“{item.text}:” has no value: searched as words; no blank follows the colon")
            elif re.fullmatch(r"-\d[\d.,]*", item.text):
                self.notes.append(f'“{item.text}” is read as a number; to leave pages out: -"{item.text[1:]}"')
        if len(words) > 1 and "OR" in (words[0].text, words[-1].text):
            self.notes.append("OR stands between two words or phrases: searched as a word")
        has_syntax = bool(self._required or self._excluded or self._filters or self._none_of)
        for operator in ("AND", "NOT"):
            if has_syntax and any(item.text == operator for item in words):
                self.notes.append(f"{operator} is searched as a word: words that must stand there have quotation marks")

    def result(self) -> ParsedQuery:
        """Return the query."""
        return ParsedQuery(
            text=_without(self._text, self._removed),
            conditions=PageConditions(
                required=tuple(self._required), excluded=tuple(self._excluded), lenient=self._lenient
            )
            if self._required or self._excluded
            else NO_CONDITIONS,
            filters=_merged(self._filters, self._none_of),
            notes=tuple(dict.fromkeys(self.notes)),
        )


def _items(text: str) -> Iterator[_Item]:
    examples = [match.span() for match in _BRACKETED.finditer(text)]
    for match in _ITEM.finditer(text):
        if any(start <= match.start() < end for start, end in examples):
            continue
        quoted, word = match["quoted"], match["word"]
        minus, name = match["minus"] is not None, match["field"] or ""
        if quoted is not None:
            yield _Item(
                start=match.start(),
                end=match.end(),
                text=quoted[1:-1].strip(),
                is_quoted=True,
                is_excluded=minus,
                field=name,
            )
            continue
        plain = word.rstrip(_TRAILING) or word
        if minus and not name and (len(plain) < MIN_EXCLUDED or plain.endswith("-")):
            minus, plain = False, f"-{plain}"  # an option, or a dash
        yield _Item(
            start=match.start(),
            end=match.end() - len(word) + len(plain),
            text=plain,
            is_quoted=False,
            is_excluded=minus,
            field=name,
        )


def _alternatives(items: list[_Item], parse: _Parse) -> set[_Item]:
    """Read what OR joins; return the items."""
    alternatives: set[_Item] = set()
    position = 0
    while position < len(items):
        chain, operators = [items[position]], []
        while position + 2 < len(items) and parse.is_or(*items[position : position + 3]):
            operators.append(items[position + 1])
            chain.append(items[position + 2])
            position += 2
        if operators and all(item.field for item in chain):
            parse.join([], operators)  # values of one field are alternatives already
        elif operators:
            parse.join(chain, operators)
            alternatives.update(chain)
        position += 1
    return alternatives


def _is_question(text: str, items: list[_Item]) -> bool:
    """Tell whether a query is a sentence, in which quotation marks rather mention than demand."""
    if _QUESTION_END.search(text):
        return True
    plain = [item.text for item in items if not item.is_quoted and item.text not in _OPERATORS]
    words = [word.lower() for text in plain for word in _WORD.findall(text)]
    return len(words) >= MIN_SENTENCE and sum(map(is_function_word, words)) >= MIN_FUNCTION_WORDS


def _marks(item: _Item) -> list[tuple[int, int]]:
    return [(item.start, item.start + 1), (item.end - 1, item.end)]


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    if not spans:
        return text
    kept, at = [], 0
    for start, end in sorted(spans):
        kept.append(text[at:start])
        at = end
    return " ".join("".join([*kept, text[at:]]).split())


def _merged(chosen: list[Filters], none_of: list[Filters]) -> Filters:
    """Return filters by which, of several values of one field, one must match (of labels, all), and none of others."""
    return Filters(
        paths=tuple(path for filters in chosen for path in filters.paths),
        titles=tuple(title for filters in chosen for title in filters.titles),
        kinds=tuple(kind for filters in chosen for kind in filters.kinds),
        labels=tuple(label for filters in chosen for label in filters.labels),
        since=max((filters.since for filters in chosen if filters.since), default=None),
        until=min((filters.until for filters in chosen if filters.until), default=None),
        none_of=tuple(none_of),
    )


def narrowed(filters: Filters, query: ParsedQuery) -> Filters:
    """Return filters that also hold the query's fields."""
    return replace(filters, all_of=(*filters.all_of, query.filters)) if query.filters else filters
