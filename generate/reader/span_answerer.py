"""Answers by an extractive question-answering model: the sentence that holds its best span, quoted with its page."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

from pagelens.core.protocols import NO_IDF, Analyzer, TextEncoder
from pagelens.core.types import Answer, AnswerEvent, ContextPage, Found, History, PageText, UserImage
from pagelens.generate.answer_text import closest_text, not_found_text, printable
from pagelens.generate.citations.marks import disarm_marks
from pagelens.generate.extractive.answerer import ExtractiveAnswerer, cite_candidates
from pagelens.generate.extractive.candidates import Candidate, find_candidates, join_lines
from pagelens.generate.extractive.photo_answers import with_matching_photos
from pagelens.generate.extractive.question_analysis import QuestionAnalyzer
from pagelens.generate.follow_up import standalone_question
from pagelens.generate.reader.spans import ScoredSpan, SpanReader

FOUND = 0.5  # probability from which the span is an answer: SQuAD 2's own threshold, the null score
CLOSEST = 0.1  # from which it is shown as perhaps none


class ReaderAnswerer:
    """Quotes the sentence that holds the reader's best span, or states that the pages do not answer.

    Questions about an image, and those that only name a page, are answered without the reader.
    """

    accepts_images = False

    def __init__(self, reader: SpanReader, analyze: Analyzer, encoder: TextEncoder | None = None) -> None:
        """`analyze` and `encoder` are for the questions that the reader is not asked."""
        self._reader = reader
        self._analyze = analyze
        self._question_analyzer = QuestionAnalyzer(analyze)
        self._extractive = ExtractiveAnswerer(analyze, encoder)

    def stream(
        self,
        question: str,
        pages: Sequence[ContextPage],
        *,
        history: History = (),
        idf: Mapping[str, float] = NO_IDF,
        image: UserImage | None = None,
    ) -> Generator[AnswerEvent]:
        """Yield the text in one piece, its citation, and the Answer."""
        standalone = standalone_question(question, history)
        analysis = self._question_analyzer.analyze(standalone.text, subject=standalone.subject)
        if image is not None or analysis.names_page_only:
            yield from self._extractive.stream(question, pages, history=history, idf=idf, image=image)
            return
        answer = with_matching_photos(
            self.answer(str(standalone), pages), analysis, pages, self._analyze, idf=idf, threshold=FOUND
        )
        if answer.found:
            yield answer.text
        yield from answer.citations
        yield answer

    def answer(self, question: str, pages: Sequence[ContextPage]) -> Answer:
        """Return the answer; `found` is "closest" where the null answer scores higher, false where it does by far."""
        spans = self._reader.best_spans(question, [page.text.text for page in pages])
        scored = [(span, page) for span, page in zip(spans, pages, strict=True) if span is not None]
        nothing = Answer(
            question=question,
            text=not_found_text(pages, reason := "the pages hold no text"),
            found=False,
            citations=[],
            context_pages=[page.ref for page in pages],
            confidence=0.0,
            reason=reason,
        )
        if not scored:
            return nothing
        span, page = max(scored, key=lambda item: item[0].margin)
        found: Found = True if span.probability >= FOUND else "closest" if span.probability >= CLOSEST else False
        reason = _reason(span, page.text)
        answer = replace(nothing, found=found, confidence=span.probability, reason=reason)
        if found is False:
            return replace(answer, text=not_found_text(pages, reason))
        citations = cite_candidates([(0, sentence_around(page.text, span.start, span.end))], [page])
        text = f"{disarm_marks(citations[0].claim)} [1]"
        if found == "closest":
            text = closest_text(text, reason, is_absent=False)
        return replace(answer, text=text, citations=citations)


def sentence_around(text: PageText, start: int, end: int) -> Candidate:
    """Return the sentence, item or table row that holds a span; those from its first to its last if it crosses ends."""
    candidates = [candidate for candidate in find_candidates(text) if candidate.start < end and start < candidate.end]
    holding = [candidate for candidate in candidates if candidate.start <= start and end <= candidate.end]
    if holding:
        return min(holding, key=lambda candidate: candidate.end - candidate.start)
    alone = [candidate for candidate in candidates if not candidate.lead]
    start = min([start, *(candidate.start for candidate in alone)])
    end = max([end, *(candidate.end for candidate in alone)])
    return Candidate(start=start, end=end, text=join_lines(text, start, end), heading="")


def _reason(span: ScoredSpan, text: PageText) -> str:
    words = f"the reader's best span, “{printable(text.text[span.start : span.end])}”,"
    if span.margin >= 0:
        return f"{words} scores {span.margin:.1f} above no answer"
    return f"{words} scores {-span.margin:.1f} below no answer"
