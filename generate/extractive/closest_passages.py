"""The passages that are shown where nothing answers: the best candidates, each with what stands around it.

A sentence or a cell that is near to a question often stands beside the answer: in the next row, in the sentence after.
So few passages with their surroundings are shown instead of many single sentences. Sizes, measured: docs/LOG.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from pagelens.core.types import ContextPage, PageText
from pagelens.generate.extractive.candidates import Candidate, join_lines
from pagelens.generate.extractive.debris import MARGIN, is_debris
from pagelens.generate.extractive.sentence_scoring import ScoredCandidate
from pagelens.generate.sentences import Sentence, split_sentences

MAX_CLOSEST = 6  # passages
MAX_WORDS = 200  # of all of them
MAX_PASSAGE_WORDS = 60  # of a candidate with what stands around it
SIMILAR_SHARE = 0.7  # of the words of the shorter of two candidates, if only one of them is to be quoted


@dataclass(frozen=True, slots=True)
class ClosestPassage:
    """A candidate and what is shown of its page: more than the candidate, or just that."""

    scored: ScoredCandidate
    shown: Candidate


def closest_passages(
    candidates: Sequence[ScoredCandidate],
    quotes: Sequence[ScoredCandidate],
    exact_terms: frozenset[str],
    pages: Sequence[ContextPage],
) -> list[ClosestPassage]:
    """Return passages around quotes, best first, and around the next best candidates that say other things.

    None is added without the dates or numbers, or the denial, that the first quote has.
    """
    first, best = quotes[0], {id(quote) for quote in quotes}
    exact, denies = exact_terms & first.terms, not _lacks_denial(first)
    units = cache(lambda page: split_sentences(pages[page].text))
    passages: list[ClosestPassage] = []
    words = 0
    for scored in [*quotes, *candidates]:
        lacks_exact = bool(exact) and not exact & scored.terms
        if passages and words + len(scored.candidate.text.split()) > MAX_WORDS:
            continue
        if id(scored) not in best and (lacks_exact or (denies and _lacks_denial(scored))):
            continue
        if any(overlap(scored.page, scored.candidate, one) or similar(scored, one.scored) for one in passages):
            continue
        taken = [one.shown for one in passages if one.scored.page == scored.page]
        around = with_surroundings(scored.candidate, pages[scored.page].text, units(scored.page), taken)
        is_cell = scored.candidate.reading is not None and around is not scored.candidate
        shown = [scored.candidate, around] if is_cell else [around]  # a cell is marked alone
        count = sum(len(candidate.text.split()) for candidate in shown)
        if passages and words + count > MAX_WORDS:
            continue
        passages += [ClosestPassage(scored, candidate) for candidate in shown]
        words += count
        if len(passages) >= MAX_CLOSEST:
            break
    return passages[:MAX_CLOSEST]


def with_surroundings(
    candidate: Candidate, text: PageText, units: Sequence[Sentence], taken: Sequence[Candidate]
) -> Candidate:
    """Return a candidate with the `units` of its page (sentences, lines, rows) behind it, up to `MAX_PASSAGE_WORDS`,
    and where none of them was too long, with the lines and rows before it; no debris, footers, or what is `taken`.

    No sentence is put before it: a passage begins with what is near to the question. What is counted, computed or a
    list stays as it is.
    """
    if candidate.form != "text" or (candidate.reading is not None and candidate.reading.computed):
        return candidate
    inside = [at for at, unit in enumerate(units) if unit.start < candidate.end and candidate.start < unit.end]
    first, last = inside[0], inside[-1]
    words = sum(len(_text(units[at], text).split()) for at in inside)
    for step in (1, -1):
        at = last + 1 if step > 0 else first - 1
        while 0 <= at < len(units) and _may_join(units[at], text, taken):
            words += len(_text(units[at], text).split())
            if words > MAX_PASSAGE_WORDS or (step < 0 and units[at].shape == "sentence"):
                break
            first, last, at = min(first, at), max(last, at), at + step
    start = candidate.start if first == inside[0] else units[first].start  # without its bullet, if nothing is before
    end = max(candidate.end, units[last].end)
    header = candidate.header if candidate.header and not start <= candidate.header[0] < end else None
    return replace(candidate, start=start, end=end, text=join_lines(text, start, end), header=header, reading=None)


def overlap(page: int, candidate: Candidate, passage: ClosestPassage) -> bool:
    """Return whether a candidate of a page and what is shown of a passage have words in common."""
    shown = passage.shown
    return page == passage.scored.page and candidate.start < shown.end and shown.start < candidate.end


def similar(scored: ScoredCandidate, other: ScoredCandidate) -> bool:
    """Return whether two candidates say about the same; not of cells with different values under the same labels."""
    reading, other_reading = scored.candidate.reading, other.candidate.reading
    if reading and other_reading and reading.values != other_reading.values:
        return False
    words, other_words = (set(item.candidate.text.lower().split()) for item in (scored, other))
    return len(words & other_words) >= SIMILAR_SHARE * min(len(words), len(other_words))


def _may_join(unit: Sentence, text: PageText, taken: Sequence[Candidate]) -> bool:
    is_footer = all(box.y0 > 1 - MARGIN for box in text.boxes_of(unit.start, unit.end))
    is_taken = any(unit.start < one.end and one.start < unit.end for one in taken)
    return not (is_footer or is_taken or is_debris(_text(unit, text), row=True))


def _text(unit: Sentence, text: PageText) -> str:
    return text.text[unit.start : unit.end]


def _lacks_denial(scored: ScoredCandidate) -> bool:
    return any(unmet.kind == "denial" for unmet in scored.unmet)
