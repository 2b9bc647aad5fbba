"""Statements of one form: enumerations ("Lots of reports do not help.", "Lots of alerts do not help."), and rows."""

import re
from collections.abc import Sequence
from itertools import takewhile

from pagelens.generate.extractive.sentence_scoring import ScoredCandidate

MIN_BEGINNING = 8  # words with which two such statements begin, if they end in different ones
MIN_SHARED = 5  # words that two such statements have in common, at their beginnings and ends
MAX_VARIED = 3  # words between, in which they differ
MAX_PARALLELS = 8

_LABEL = re.compile(r"(?:^|; )([^;:]+): ")  # of a value in a row of a workbook or CSV file


def parallel_statements(first: ScoredCandidate, others: Sequence[ScoredCandidate]) -> list[ScoredCandidate]:
    """Return the first with those candidates that say of other things what it says, in the order of the pages; nothing
    if there are none, or if the first is a list or a cell."""
    if first.candidate.form != "text" or first.candidate.reading is not None:
        return []
    found: dict[str, ScoredCandidate] = {first.candidate.text.casefold(): first}
    for other in others:
        text = other.candidate.text.casefold()
        if text not in found and _is_parallel(first.candidate.text.casefold().split(), text.split()):
            found[text] = other
    ranked = sorted(list(found.values())[:MAX_PARALLELS], key=lambda item: (item.page, item.candidate.start))
    return ranked if len(ranked) > 1 else []


def rows_in_order(quotes: Sequence[ScoredCandidate]) -> list[ScoredCandidate]:
    """Return quotes, best first; but rows with the same labels and the same words of the question, which it does not
    tell apart, in the order of their page: "Route: Northern; Captain: A", "Route: Northern; Captain: B"."""
    ordered = list(quotes)
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, quote in enumerate(quotes):
        if labels := tuple(_LABEL.findall(quote.candidate.text)):
            alike.setdefault((quote.page, labels, quote.terms), []).append(place)
    for places in alike.values():
        rows = sorted((quotes[place] for place in places), key=lambda quote: quote.candidate.start)
        for place, row in zip(places, rows, strict=True):
            ordered[place] = row
    return ordered


def _is_parallel(words: Sequence[str], others: Sequence[str]) -> bool:
    shortest = min(len(words), len(others))
    before = _equal(words, others)
    after = min(_equal(words[::-1], others[::-1]), shortest - before)
    varied = len(words) - before - after, len(others) - before - after
    is_framed = before + after >= MIN_SHARED and min(varied) > 0 and max(varied) <= MAX_VARIED
    return is_framed or MIN_BEGINNING <= before < shortest


def _equal(words: Sequence[str], others: Sequence[str]) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(words, others, strict=False))))
