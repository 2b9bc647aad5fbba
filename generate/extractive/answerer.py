"""The answer when no language model is configured: the sentences that answer, word for word, each with its page.

What stands on a page is data: it is quoted, never followed. Knows no model but a text encoder, which it can do without.
"""

from collections.abc import Generator, Mapping, Sequence

from pagelens.core.protocols import NO_IDF, Analyzer, TextEncoder
from pagelens.core.types import Answer, AnswerEvent, Citation, ContextPage, History
from pagelens.generate.answer_text import not_found_text, page_name, printable
from pagelens.generate.extractive.confidence import THRESHOLD, confidence, coverage
from pagelens.generate.extractive.question_analysis import Question, QuestionAnalyzer
from pagelens.generate.extractive.sentence_scoring import Reading, ScoredCandidate, score_candidates
from pagelens.generate.follow_up import standalone_question

SENTENCES = 3  # at most
CLOSE = 0.85  # of the best score: a sentence this good is quoted too
FLOOR = 0.6  # of the best score: below, nothing is quoted
NEW_SHARE = 0.25  # of the question's terms, by weight, that a further sentence must add
ALIKE = 0.7  # of the words of the shorter of two sentences: quoting both would say it twice


class ExtractiveAnswerer:
    """Quotes the one to three sentences that answer, or says that the pages do not."""

    accepts_images = False

    def __init__(self, analyze: Analyzer, encoder: TextEncoder | None = None, *, threshold: float = THRESHOLD) -> None:
        """`analyze` makes the terms that are compared; without an encoder words alone decide; an answer needs a
        confidence of `threshold` (0 answers whenever there is a word to quote)."""
        self._analyze = analyze
        self._encoder = encoder
        self._threshold = threshold
        self._questions = QuestionAnalyzer(analyze)

    def stream(
        self,
        question: str,
        pages: Sequence[ContextPage],
        *,
        history: History = (),
        idf: Mapping[str, float] = NO_IDF,
    ) -> Generator[AnswerEvent]:
        """Yield the text in one piece, its citations, and the Answer."""
        answer = self.answer(standalone_question(question, history), pages, idf=idf)
        if answer.found:
            yield answer.text
        yield from answer.citations
        yield answer

    def answer(self, question: str, pages: Sequence[ContextPage], *, idf: Mapping[str, float] = NO_IDF) -> Answer:
        """Return an answer that cites `pages` only, or `found` false with what was looked at.

        Every sentence of the text stands on its page word for word (line breaks as blanks), a table's row behind the
        line that names its columns, and is followed by its mark: [n], one n a page, counted as they are used. There is
        a citation for each, in the text's order.
        """
        asked = self._questions.read(question)
        reading = score_candidates(asked, pages, self._analyze, encoder=self._encoder)
        covered = coverage(asked, pages, self._analyze, idf)
        sure = confidence(covered, reading.cosine if self._encoder else None) if reading.spans else 0.0
        context_pages = [page.ref for page in pages]
        if not reading.spans or sure < self._threshold:
            return Answer(
                question, not_found_text(pages), found=False, citations=[], context_pages=context_pages, confidence=sure
            )
        citations = _cite(choose(reading), pages)
        return Answer(question, _compose(asked, citations), True, citations, context_pages, sure)


def choose(reading: Reading) -> list[ScoredCandidate]:
    """Return the one to three spans to quote, best first: further ones add what the question asks, or are as good."""
    chosen: list[ScoredCandidate] = []
    covered: frozenset[str] = frozenset()
    for span in reading.spans:
        if chosen and not _worth_adding(span, chosen, covered, reading):
            continue
        chosen.append(span)
        covered |= span.terms
        if len(chosen) == SENTENCES:
            break
    return chosen


def _worth_adding(
    span: ScoredCandidate, chosen: Sequence[ScoredCandidate], covered: frozenset[str], reading: Reading
) -> bool:
    best = chosen[0].score
    new = sum(reading.weights[term] for term in span.terms - covered) >= NEW_SHARE
    if span.score < FLOOR * best or not (new or span.score >= CLOSE * best):
        return False
    # "Oban sells 12" and "Perth sells 15" are much alike; where both were asked for, both are told.
    return not any(_overlap(span, other) or (not new and _alike(span, other)) for other in chosen)


def _overlap(span: ScoredCandidate, other: ScoredCandidate) -> bool:
    one, two = span.candidate, other.candidate
    return span.page == other.page and one.start < two.end and two.start < one.end


def _alike(span: ScoredCandidate, other: ScoredCandidate) -> bool:
    words, others = (set(one.candidate.text.lower().split()) for one in (span, other))
    return len(words & others) >= ALIKE * min(len(words), len(others))


def _cite(spans: Sequence[ScoredCandidate], pages: Sequence[ContextPage]) -> list[Citation]:
    marks: dict[int, int] = {}
    citations = []
    for span in spans:
        page = pages[span.page]
        mark = marks.setdefault(span.page, len(marks) + 1)
        boxes = page.text.boxes_of(span.candidate.start, span.candidate.end)
        quote = printable(span.candidate.text)
        if span.candidate.header is not None:  # a row says little without the names of its columns
            boxes = [*page.text.boxes_of(*span.candidate.header), *boxes]
            quote = f"{printable(page.text.text[slice(*span.candidate.header)])} … {quote}"
        citations.append(Citation(mark, page.ref, page.label, quote, boxes, page.text.source, "verified", quote))
    return citations


def _compose(question: Question, citations: Sequence[Citation]) -> str:
    """Return the quotes, each with its mark; to a question for a page, each with its page before it."""
    parts = []
    for citation in citations:
        where = f"{page_name(citation.ref, citation.label)}: " if question.asks_for_page else ""
        parts.append(f"{where}{citation.quote} [{citation.mark}]")
    return " ".join(parts)
