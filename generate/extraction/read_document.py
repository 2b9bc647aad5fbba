"""A document as the rules read it: its pages' segments, its notation, and how a field's value is taken from them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pagelens.core.types import PageText
from pagelens.generate.extraction.field_values import (
    Notation,
    currency_span,
    find_currencies,
    find_dates,
    find_notation,
    find_time,
    has_cents,
    is_iban,
    parse_amount,
)
from pagelens.generate.extraction.key_values import Found, ReadPage, V, labelled_values
from pagelens.generate.extraction.page_segments import Segment, find_segments
from pagelens.generate.extraction.table_rows import FoundTable

MAX_ID = 30  # characters of a number of an invoice, an order, a customer
MAX_NAME_WORDS = 8

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9/._-]*")
_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")

_BEFORE_AMOUNT = re.compile(r"\(?(?:EUR|USD|GBP|CHF|[€$£])\)?:?|\(?\d+(?:[.,]\d+)?\s?%\)?:?|%|:")


@dataclass(frozen=True)
class ReadDocument:
    """The pages of a document."""

    texts: Sequence[PageText]
    segments: Sequence[Sequence[Segment]]  # of each page
    notation: Notation

    def outside(self, table: FoundTable) -> "ReadDocument":
        """Return the document without the rows of a table."""
        used = {page: set(map(id, segments)) for page, segments in table.used.items()}
        kept = [
            [segment for segment in segments if id(segment) not in used.get(page, ())]
            for page, segments in enumerate(self.segments)
        ]
        return replace(self, segments=kept)

    @cached_property
    def pages(self) -> Sequence[ReadPage]:
        """Its pages, with their numbers from 0."""
        return [ReadPage(index, segments) for index, segments in enumerate(self.segments)]

    def date(self, name: str) -> Found[str] | None:
        """Return the date beside a field's label."""
        return _single(*labelled_values(name, self.pages, self.parse_date))

    def identifier(self, name: str) -> Found[str] | None:
        """Return the number beside a field's label, as written."""
        return _single(*labelled_values(name, self.pages, parse_identifier))

    def name(self, name: str) -> Found[str] | None:
        """Return the name beside or below a field's label."""
        return _single(*labelled_values(name, self.pages, parse_name))

    def amounts(self, name: str) -> tuple[list[Found[float]], list[Found[float]]]:
        """Return the amounts beside certain and uncertain labels of a field."""
        return labelled_values(name, self.pages, self.parse_money)

    def amount(self, name: str) -> Found[float] | None:
        """Return the amount beside a field's label."""
        return _single(*self.amounts(name))

    def iban(self) -> Found[str] | None:
        """Return the only IBAN with right check digits, on the first page that has it."""
        found: dict[str, Found[str]] = {}
        for page, text in enumerate(self.texts):
            for match in _IBAN.finditer(text.text):
                words = match[0].split(" ")
                for count in range(len(words), 0, -1):  # words after it may look like a part of it
                    candidate = " ".join(words[:count])
                    if is_iban(candidate):
                        value = candidate.replace(" ", "")
                        found.setdefault(value, Found(value, page, match.start(), match.start() + len(candidate)))
                        break
        return next(iter(found.values())) if len(found) == 1 else None

    def currency(self) -> Found[str] | None:
        """Return the only currency that is named by a symbol or code."""
        named = {code for text in self.texts for code in find_currencies(text.text)}
        if len(named) != 1:
            return None
        code = named.pop()
        for page, text in enumerate(self.texts):
            span = currency_span(text.text, code)
            if span is not None:
                return Found(code, page, *span)
        return None

    def only_date(self) -> Found[str] | None:
        """Return the only date on the pages."""
        found = [
            Found(iso, page.index, *_text_span(segment, start, end))
            for page in self.pages
            for segment in page.segments
            for start, end, iso in find_dates(segment.text, self.notation)
        ]
        return found[0] if len({one.value for one in found}) == 1 else None

    def time(self) -> Found[str] | None:
        """Return the first time on the first page."""
        for segment in self.segments[0] if self.segments else ():
            read = find_time(segment.text)
            if read is not None:
                return Found(read[2], 0, *_text_span(segment, read[0], read[1]))
        return None

    def parse_date(self, segment: Segment) -> tuple[str, int, int] | None:
        """Read a segment that begins with a date."""
        dates = find_dates(segment.text, self.notation)
        if not dates or dates[0][0] > 4:
            return None
        return dates[0][2], *_text_span(segment, dates[0][0], dates[0][1])

    def parse_period(self, segment: Segment) -> tuple[tuple[str, str], int, int] | None:
        """Read a segment with two dates."""
        dates = find_dates(segment.text, self.notation)
        if len(dates) != 2:
            return None
        return (dates[0][2], dates[1][2]), *_text_span(segment, dates[0][0], dates[1][1])

    def parse_money(self, segment: Segment) -> tuple[float, int, int] | None:
        """Read a segment that is an amount of money; before it may stand a code in brackets, "(EUR)"."""
        tokens = list(segment.words)
        while tokens and re.fullmatch(
            r"\(?(?:EUR|USD|GBP|CHF|[€$£])\)?:?|\(?\d+(?:[.,]\d+)?\s?%\)?:?|%|:", tokens[0].text
        ):
            if len(tokens) == 1 or not any(map(str.isdigit, "".join(token.text for token in tokens[1:]))):
                return None
            tokens = tokens[1:]
        text = " ".join(token.text for token in tokens)
        if self.notation.decimal_mark is not None and not has_cents(text):
            return None  # the first part of "5 248,23", or a count
        value = parse_amount(text, self.notation)
        return None if value is None else (value, tokens[0].start, tokens[-1].end)


def read_document(texts: Sequence[PageText]) -> ReadDocument:
    """Return the document that has these pages."""
    notation = find_notation([text.text for text in texts])
    return ReadDocument(texts, [find_segments(text) for text in texts], notation)


def parse_identifier(segment: Segment) -> tuple[str, int, int] | None:
    """Read a segment of one word, or two, with a digit in it: "2025-0042", "PO 88213"."""
    tokens = [token for token in segment.words if token.text not in (":", "-")]
    if not tokens or len(tokens) > 2:
        return None
    text = " ".join(token.text for token in tokens)
    is_id = all(_ID.fullmatch(token.text) for token in tokens)
    if not is_id or not any(map(str.isdigit, text)) or len(text) > MAX_ID:
        return None
    return text, tokens[0].start, tokens[-1].end


def parse_name(segment: Segment) -> tuple[str, int, int] | None:
    """Read a segment of words that begin with a letter: a person or a company."""
    text = segment.text
    if len(segment.words) > MAX_NAME_WORDS or not text[0].isalpha() or sum(map(str.isdigit, text)) > 2:
        return None
    return text, segment.start, segment.end


def _single(certain: Sequence[Found[V]], uncertain: Sequence[Found[V]]) -> Found[V] | None:
    """Return the value that the certain labels agree on, else the uncertain ones; None where they do not."""
    for found in (certain, uncertain):
        if found:
            return found[0] if len({str(one.value) for one in found}) == 1 else None
    return None


def _text_span(segment: Segment, start: int, end: int) -> tuple[int, int]:
    """Return the span in the page's text of the words that [start, end) of a segment's text overlaps."""
    at, spans = 0, []
    for token in segment.words:
        if at < end and at + len(token.text) > start:
            spans.append((token.start, token.end))
        at += len(token.text) + 1
    return spans[0][0], spans[-1][1]
