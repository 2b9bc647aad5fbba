"""Candidates from lists and numbered things: a list in full, its n-th item, how many it has, how often a word stands
on a page.

What is counted is quoted item by item; the count itself is in the claim only. The words that ask for it are English.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from pagelens.core.protocols import Analyzer
from pagelens.core.terms import plain_terms
from pagelens.core.types import ContextPage
from pagelens.generate.extractive.candidates import Candidate, Span, join_lines
from pagelens.generate.extractive.page_lists import PageList, find_column_lists, find_lists
from pagelens.generate.extractive.question_analysis import AnalyzedQuestion
from pagelens.generate.extractive.tables.row_filter import chosen_rows

MAX_LIST_WORDS = 250  # of a list that is quoted in full
MIN_COUNT_FIT = 0.7  # of a heading's terms, that the question has, if the list's items are counted for it
MIN_NUMBERED = 2  # things that are numbered from 1
MAX_NUMBERED = 60
MIN_LABEL_TERMS = 2  # of what is counted, where lines that begin with it are counted
_LINE = re.compile(r"[^\W_].*")  # without a bullet
_ORDINALS: Mapping[str, int] = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "last": -1, "final": -1,
}  # fmt: skip
_NTH = re.compile(rf"\b(?:({'|'.join(_ORDINALS)})|(\d{{1,2}})(?:st|nd|rd|th))\s+(\w+)", re.IGNORECASE)
_TIMES = re.compile(
    r"\bhow (?:many times|often)\b.{0,30}?[\"“„«'‘](.{1,40}?)[\"”“»'’]\s+"
    r"(?:appear|occur|mentioned|used|named|found|written|repeated|show|stand|come)",
    re.IGNORECASE,
)
_ASKS_TITLE = re.compile(r"\b(?:title|topic|name|subject|heading|theme)s?\b|\bcalled\b", re.IGNORECASE)
_NUMBERED = re.compile(
    r"(?<!\w)([^\W\d_]{3,})\s{0,2}(?:#|[Nn]o\.?|[Nn]umber)?\s{0,2}(\d{1,2}|[A-Z]|[IVX]{1,4})(?![\w%])"
)
_ROMAN = {"I": 1, "V": 5, "X": 10}


def list_candidates(
    question: AnalyzedQuestion, pages: Sequence[ContextPage], analyze: Analyzer
) -> list[tuple[int, Candidate]]:
    """Return what the lists and numbered things of the pages say to a question, each with the index of its page."""
    found = [*_occurrences(question, pages), *_numbered(question, pages, analyze), *_titles(question, pages)]
    found += _labelled(question, pages, analyze)
    if not (question.counted or question.wants_list or _NTH.search(question.text)):
        return found
    for index, page in enumerate(pages):
        found += [(index, rows) for rows in chosen_rows(question, page.text, analyze)]
        for listed in find_lists(page.text):
            found += [(index, candidate) for candidate in _readings(question, page, listed, analyze)]
        if question.wants_list:
            for listed in find_column_lists(page.text):  # whose items may be lines of one item: not to be counted
                found += [(index, one) for one in _readings(question, page, listed, analyze) if one.form == "list"]
    return found


def _readings(
    question: AnalyzedQuestion, page: ContextPage, listed: PageList, analyze: Analyzer
) -> Iterator[Candidate]:
    heading = join_lines(page.text, *listed.heading)
    terms = plain_terms(analyze(heading))
    named = question.terms_in(analyze(heading))
    if not named:
        return
    fit = len(set(terms) & question.known) / max(1, len(set(terms)))
    items = [join_lines(page.text, *item) for item in listed.items]
    whole = (listed.heading[0], listed.items[-1][1])
    nth = _NTH.search(question.text)
    if nth and frozenset(plain_terms(analyze(nth[3]))) & (named | question.known):
        place = _ORDINALS[nth[1].lower()] if nth[1] else int(nth[2])
        if place <= len(items):
            chosen = listed.items[place if place < 0 else place - 1]
            yield Candidate(*chosen, join_lines(page.text, *chosen), heading, lead=heading, form="item", fit=fit)
    if question.counted & named and fit >= MIN_COUNT_FIT:
        yield _count(f"{heading} {'; '.join(items)}", [listed.heading, *listed.items], f"{len(items)} counted", fit)
    elif not question.counted and question.wants_list and sum(len(item.split()) for item in items) <= MAX_LIST_WORDS:
        yield Candidate(*whole, f"{heading} {' '.join(items)}", "", lead=heading, form="list", fit=fit)


def _occurrences(question: AnalyzedQuestion, pages: Sequence[ContextPage]) -> Iterator[tuple[int, Candidate]]:
    """Yield how often a quoted word stands on the page that the question names."""
    match = _TIMES.search(question.text)
    numbers = set(re.findall(r"\d+", question.text))
    if not match:
        return
    for index, page in enumerate(pages):
        if not {str(page.ref.number), page.label} & numbers:
            continue
        pattern = re.compile(rf"(?<!\w){re.escape(match[1])}(?!\w)", re.IGNORECASE)
        spans = [found.span() for found in pattern.finditer(page.text.text)]
        if spans:
            text = " … ".join(page.text.text[slice(*span)] for span in spans)
            yield index, _count(text, spans, f"{len(spans)} counted")


def _labelled(
    question: AnalyzedQuestion, pages: Sequence[ContextPage], analyze: Analyzer
) -> Iterator[tuple[int, Candidate]]:
    """Yield how many lines of a page begin with the words that are counted: "Case Study: Oban", "Case Study: Perth"."""
    if len(question.counted) < MIN_LABEL_TERMS:
        return
    for index, page in enumerate(pages):
        spans: dict[str, Span] = {}
        for match in _LINE.finditer(page.text.text):
            words = match[0].split()
            label = " ".join(words[: len(question.counted)])
            rest = " ".join(words[len(question.counted) :]).casefold()
            if rest and question.terms_in(analyze(label)) >= question.counted:
                spans.setdefault(rest, match.span())
        if len(spans) > 1:
            parts = list(spans.values())
            text = "; ".join(join_lines(page.text, *part) for part in parts)
            yield index, _count(text, parts, f"{len(parts)} counted")


def _titles(question: AnalyzedQuestion, pages: Sequence[ContextPage]) -> Iterator[tuple[int, Candidate]]:
    """Yield headings of what a question calls by its number: "UNIT 14: Money and Banks" for the topic of unit 14."""
    if not _ASKS_TITLE.search(question.text):
        return
    for word, number in question.constraints.numbered:
        pattern = re.compile(rf"^\W*{word}\s?[-#]?\s?{number}\s?[:.–—-]\s?\w.*$", re.IGNORECASE | re.MULTILINE)
        for index, page in enumerate(pages):
            for match in pattern.finditer(page.text.text):
                text = join_lines(page.text, *match.span())
                yield index, Candidate(*match.span(), text, "", form="item", fit=1.0)


def _numbered(
    question: AnalyzedQuestion, pages: Sequence[ContextPage], analyze: Analyzer
) -> Iterator[tuple[int, Candidate]]:
    """Yield how many things of a kind a document numbers from 1 on: "Quiz #1" to "Quiz #6" are six."""
    if not question.counted:
        return
    places: dict[str, dict[int, tuple[int, Span]]] = {}
    kinds: dict[str, bool] = {}
    for index, page in enumerate(pages):
        for match in _NUMBERED.finditer(page.text.text):
            word = match[1].casefold()
            if word not in kinds:
                kinds[word] = bool(question.counted & question.terms_in(analyze(word)))
            if kinds[word] and (number := _number(match[2])):
                places.setdefault(page.ref.path, {}).setdefault(number, (index, match.span()))
    for numbers in places.values():
        count = max(numbers)
        if not MIN_NUMBERED <= count <= MAX_NUMBERED or set(numbers) != set(range(1, count + 1)):
            continue
        last = numbers[count][0]
        spans = [span for index, span in numbers.values() if index == last]
        spans.sort()
        text = " … ".join(pages[last].text.text[slice(*span)] for span in spans)
        yield last, _count(text, spans, f"numbered 1 to {count}")


def _count(text: str, parts: Sequence[Span], computed: str, fit: float = 1.0) -> Candidate:
    """Return what is counted as a candidate; its parts are quoted."""
    return Candidate(
        start=parts[0][0],
        end=parts[-1][1],
        text=f"{text} ({computed})",
        heading="",
        parts=parts,
        computed=computed,
        form="count",
        fit=fit,
    )


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    if len(text) == 1 and text not in _ROMAN:
        return ord(text) - ord("A") + 1
    values = [_ROMAN[letter] for letter in text]
    return sum(-one if one < following else one for one, following in zip(values, [*values[1:], 0], strict=True))
