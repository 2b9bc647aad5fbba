"""Pages that match a user's image: by the words that stand on both, or since they look alike."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pagelens.core.protocols import Analyzer
from pagelens.core.terms import plain_terms
from pagelens.core.types import Box, Citation, ContextPage, UserImage
from pagelens.generate.answer_text import page_name, printable
from pagelens.generate.citations.marks import disarm_marks

MIN_SHARED = 0.5  # of the weight of the image's words that a matching page holds
MIN_TERMS = 2  # of the image's words that a matching page holds, or all if there are fewer
MIN_COSINE = 0.7  # of the image's features and the page's from which the two look alike; see docs/LOG.md
MAX_WORDS_OF_PHOTO = 20  # pages of text all look alike: with more words, likeness does not count
MAX_MATCHES = 3
MAX_QUOTE = 300  # characters

_LINE = re.compile(r"[^\n]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMatch:
    """A page that matches, how sure that is (0..1), and the line with most of the image's words ("" if alike only)."""

    index: int  # of the page among those given
    score: float
    quote: str = ""
    boxes: Sequence[Box] = ()


def match_pages(
    image: UserImage, pages: Sequence[ContextPage], analyze: Analyzer, idf: Mapping[str, float]
) -> list[ImageMatch]:
    """Return at most `MAX_MATCHES` pages that match, best first; a term without an idf weighs 1."""
    weights = {
        term: idf.get(term, 1.0) for term in plain_terms(analyze(image.text)) if len(term) > 1 or term.isdecimal()
    }
    matches = []
    for index, page in enumerate(pages):
        match = _match_words(index, page, weights, analyze) or _match_looks(index, page, image)
        if match is not None:
            matches.append(match)
    return sorted(matches, key=lambda match: (-match.score, match.index))[:MAX_MATCHES]


def most_similar(pages: Sequence[ContextPage]) -> list[ImageMatch]:
    """Return the first pages as what is most similar, with no claim that they match."""
    return [ImageMatch(index=index, score=0.0) for index in range(min(len(pages), MAX_MATCHES))]


def _match_words(index: int, page: ContextPage, weights: Mapping[str, float], analyze: Analyzer) -> ImageMatch | None:
    shared = set(analyze(f"{page.title}\n{page.text.text}")) & weights.keys()
    total = sum(weights.values())
    share = sum(weights[term] for term in shared) / total if total else 0.0
    if share < MIN_SHARED or len(shared) < min(MIN_TERMS, len(weights)):
        return None
    start, end = _best_line(page.text.text, {term: weights[term] for term in shared}, analyze)
    quote = printable(page.text.text[start:end])
    return ImageMatch(index=index, score=share, quote=quote, boxes=page.text.boxes_of(start, end) if quote else ())


def _best_line(text: str, weights: Mapping[str, float], analyze: Analyzer) -> tuple[int, int]:
    """Return the span of the first line with the most weight of terms, cut to `MAX_QUOTE`; (0, 0) if none has any."""
    best, span = 0.0, (0, 0)
    for line in _LINE.finditer(text):
        weight = sum(weights.get(term, 0.0) for term in set(analyze(line.group())))
        if weight > best:
            best, span = weight, line.span()
    start, end = span
    if end - start > MAX_QUOTE:
        end = max(text.rfind(" ", start, start + MAX_QUOTE), start + 1)
    return start, end


def _match_looks(index: int, page: ContextPage, image: UserImage) -> ImageMatch | None:
    """Return the match of a page that looks like the image; where both hold words, words alone decide."""
    counts = len(page.text.spans), len(image.text.split())
    if page.visual is None or page.visual < MIN_COSINE:
        return None
    if min(counts) >= MIN_TERMS or max(counts) > MAX_WORDS_OF_PHOTO:
        return None
    return ImageMatch(index=index, score=min(1.0, page.visual))


def cite_matches(matches: Sequence[ImageMatch], pages: Sequence[ContextPage], marks: dict[int, int]) -> list[Citation]:
    """Return a citation of each match. `marks` has the marks of the pages by their index, and is added to.

    That two pages look alike is not checked on the page: such a citation has no state.
    """
    return [
        Citation(
            mark=marks.setdefault(match.index, len(marks) + 1),
            ref=pages[match.index].ref,
            label=pages[match.index].label,
            quote=match.quote,
            boxes=match.boxes,
            source=pages[match.index].text.source,
            state="quoted" if match.quote else None,
            claim=match.quote or "looks like your picture",
        )
        for match in matches
    ]


def matches_text(citations: Sequence[Citation], *, sure: bool) -> str:
    """Return the sentence of an answer that names the pages which match, each with its mark."""
    names = []
    for citation in citations:
        name = disarm_marks(printable(citation.ref.path.rpartition("/")[2]))
        why = "" if citation.quote or not sure else ", which looks like it"
        names.append(f"{name}, {disarm_marks(page_name(citation.ref, citation.label)).lower()}{why} [{citation.mark}]")
    return f"{'Matches your picture' if sure else 'Most similar to your picture'}: {'; '.join(names)}."
