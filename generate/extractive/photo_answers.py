"""Photos in answers: where no text answers a question, the photos that match it, cited, with how sure that is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pagelens.core.protocols import Analyzer
from pagelens.core.types import Answer, Citation, ContextPage, PhotoMatch
from pagelens.generate.answer_text import printable
from pagelens.generate.citations.marks import disarm_marks
from pagelens.generate.extractive.confidence import question_coverage, relevance
from pagelens.generate.extractive.question_analysis import AnalyzedQuestion

MAX_PHOTOS = 5
MAX_GUESSES = 2  # of what a photo shows
MAX_FACTS = 10_000  # characters of what is known about a photo that are compared
MAX_DESCRIPTION = 200  # characters of a model's description
MAX_WORDS = 8  # that are named for a photo
_WORD = re.compile(r"\w+")
_FORM_WORDS = "photo photos photograph photographs picture pictures image images snapshot snapshots shot shots"


def with_matching_photos(
    answer: Answer,
    question: AnalyzedQuestion,
    pages: Sequence[ContextPage],
    analyze: Analyzer,
    *,
    idf: Mapping[str, float],
    threshold: float,
) -> Answer:
    """Return an answer that was not found with the photos that match, if the best of `pages` is a photo.

    `found` stays false unless what is known about the photos (names, dates, places, keywords) covers the question. A
    citation of a photo has no quote; its claim is why the photo matches. Nothing on the photo itself was checked.
    """
    if answer.found is True or not pages or pages[0].photo is None:
        return answer
    photos = [page for page in pages if page.photo is not None][:MAX_PHOTOS]
    subject = _without_form_words(question, analyze)
    sure = relevance(question_coverage(subject, photos, analyze, idf), None)
    matches = [(page, page.photo, _shared_words(subject, page.photo, analyze)) for page in photos if page.photo]
    found = sure >= threshold and any(words for *_, words in matches)
    if found:
        matches = [match for match in matches if match[-1]]
    citations = [
        Citation(
            mark=mark,
            ref=page.ref,
            label=page.label,
            quote="",
            boxes=(),
            source=page.text.source,
            claim=_why(photo, words),
        )
        for mark, (page, photo, words) in enumerate(matches, 1)
    ]
    if answer.found and not found:
        return answer
    return replace(
        answer,
        text=_text(citations, found=found, approximate=any(photo.approximate for _, photo, _ in matches)),
        found=found,
        citations=citations,
        confidence=sure if found else min(sure, answer.confidence),
    )


def _without_form_words(question: AnalyzedQuestion, analyze: Analyzer) -> AnalyzedQuestion:
    """Return the question without the words for photos, which all of them are; with them if there are no others."""
    form = set(analyze(_FORM_WORDS))
    terms = {term: weight for term, weight in question.terms.items() if term not in form}
    return replace(question, terms=terms) if terms else question


def _shared_words(question: AnalyzedQuestion, photo: PhotoMatch, analyze: Analyzer) -> list[str]:
    """Return the words of what is known about a photo that are among the question's describing terms."""
    words = dict.fromkeys(word.casefold() for word in _WORD.findall(photo.facts[:MAX_FACTS]))
    return [word for word in words if question.terms_in(analyze(word))][:MAX_WORDS]


def _why(photo: PhotoMatch, words: Sequence[str]) -> str:
    """Return why a photo matches and how sure that is: 'looks like golden retriever 41% (approximate)'."""
    reasons = [f"its name, date, place or keywords hold: {', '.join(words)}"] if words else []
    guesses = [f"{printable(guess.label)} {guess.probability:.0%}" for guess in photo.guesses[:MAX_GUESSES]]
    if guesses:
        reasons.append(f"looks like {' or '.join(guesses)} (approximate)")
    elif photo.similarity is not None and not photo.approximate:
        reasons.append(f"found by its image, similarity {photo.similarity:.2f}")
    elif photo.similarity is not None and not words:
        reasons.append("found by its image only (approximate)")
    if photo.description:
        reasons.append(disarm_marks(printable(photo.description))[:MAX_DESCRIPTION])
    return "; ".join(reasons) or "found by its text"


def _text(citations: Sequence[Citation], *, found: bool, approximate: bool) -> str:
    listed = "; ".join(
        f"{disarm_marks(printable(citation.ref.path.rpartition('/')[2]))} [{citation.mark}] ({citation.claim})"
        for citation in citations
    )
    if found:
        return f"These photos match by what is known about them: {listed}."
    doubt = " Approximate: the builtin image encoder knows 1,000 kinds of things and always finds some." * approximate
    return f"Not in these documents: no text answers this. The photos that match best: {listed}.{doubt}"
