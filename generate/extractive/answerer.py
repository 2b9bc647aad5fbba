"""Extractive answers, without a language model: the sentences that answer, quoted word for word, each with its page."""

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

from pagelens.core.protocols import NO_IDF, Analyzer, TextEncoder
from pagelens.core.terms import plain_terms
from pagelens.core.types import Answer, AnswerEvent, Citation, ContextPage, Found, History, PageText, UserImage
from pagelens.generate.answer_text import closest_text, not_found_text, page_name, printable
from pagelens.generate.citations.marks import disarm_marks
from pagelens.generate.extractive.answerability import judge_answer
from pagelens.generate.extractive.candidates import Candidate, find_candidates, join_lines
from pagelens.generate.extractive.closest_passages import closest_passages, similar
from pagelens.generate.extractive.confidence import THRESHOLD, question_coverage
from pagelens.generate.extractive.contradictions import contradicting_quote
from pagelens.generate.extractive.debris import statements
from pagelens.generate.extractive.image_matches import cite_matches, match_pages, matches_text, most_similar
from pagelens.generate.extractive.parallels import parallel_statements, rows_in_order
from pagelens.generate.extractive.photo_answers import with_matching_photos
from pagelens.generate.extractive.question_analysis import AnalyzedQuestion, QuestionAnalyzer
from pagelens.generate.extractive.sentence_scoring import CandidateScorer, CandidateScores, ScoredCandidate
from pagelens.generate.follow_up import standalone_question
from pagelens.generate.transcript import image_words_text

MAX_SENTENCES = 3
GOOD_SCORE = 0.85  # of the best score: a sentence this good is quoted too
MIN_SCORE = 0.6  # of the best score: no sentence below is quoted
MIN_NEW_SHARE = 0.25  # of the question's terms, by weight, that a further sentence must add
MIN_CUT_WORDS = 20  # of a part of a sentence that was cut; see `sentences.MIN_WORDS`
_REST = re.compile(r"(?:(?!\n\n)[^.?!]|\.(?=\w)){1,600}[.?!]")  # of a sentence, in its paragraph


class ExtractiveAnswerer:
    """Quotes the one to three sentences that answer, or states that the pages do not answer."""

    accepts_images = False

    def __init__(self, analyze: Analyzer, encoder: TextEncoder | None = None, *, threshold: float = THRESHOLD) -> None:
        """Terms are compared after `analyze`; without an encoder they alone decide.

        `threshold` is the confidence from which a question is answered; 0 answers whenever there is a word to quote.
        """
        self._analyze = analyze
        self._encoder = encoder
        self._threshold = threshold
        self._question_analyzer = QuestionAnalyzer(analyze)

    def stream(
        self,
        question: str,
        pages: Sequence[ContextPage],
        *,
        history: History = (),
        idf: Mapping[str, float] = NO_IDF,
        image: UserImage | None = None,
    ) -> Generator[AnswerEvent]:
        """Yield the text in one piece, its citations, and the Answer."""
        if image is None:
            standalone = standalone_question(question, history)
            analysis = self._question_analyzer.analyze(standalone.text, subject=standalone.subject)
            answer = replace(self._answer(analysis, pages, idf), question=str(standalone))
            answer = with_matching_photos(answer, analysis, pages, self._analyze, idf=idf, threshold=self._threshold)
        else:
            answer = self.answer_about_image(question, image, pages, idf=idf)
        if answer.found:
            yield answer.text
        yield from answer.citations
        yield answer

    def answer(self, question: str, pages: Sequence[ContextPage], *, idf: Mapping[str, float] = NO_IDF) -> Answer:
        """Return an answer that cites `pages` only; `found` is false if they are not about the question, "closest" if
        what is quoted lacks something that the question demands, or is not likely enough to answer.

        Each sentence of the text stands on its page word for word (line breaks as blanks; a table row after the line
        that names its columns; marks like [1] of the page's own in round brackets) and is followed by its mark [n],
        numbered by page in the order of use. There is one citation for each sentence, in the text's order.
        """
        return replace(self._answer(self._question_analyzer.analyze(question), pages, idf), question=question)

    def _answer(self, analysis: AnalyzedQuestion, pages: Sequence[ContextPage], idf: Mapping[str, float]) -> Answer:
        question = analysis.text
        if analysis.names_page_only and pages:
            return _opening(question, pages)
        scores = CandidateScorer(analysis, pages, self._analyze, encoder=self._encoder, idf=idf).score()
        quotes = select_quotes(scores, analysis.exact_terms)
        opposite = contradicting_quote(quotes, scores)
        verdict = judge_answer(
            analysis,
            scores,
            quotes,
            self._analyze,
            coverage=question_coverage(analysis, pages, self._analyze, idf),
            by_words=self._encoder is None or analysis.has_stop_word_in_capitals,
            threshold=self._threshold,
        )
        if verdict.found is True:
            quotes = [
                quote for quote in quotes if quote is opposite or all(item.may_be_elsewhere for item in quote.unmet)
            ]
            if analysis.wants_list and (parallels := parallel_statements(quotes[0], scores.candidates)):
                quotes, opposite = parallels, None
            quotes = rows_in_order(quotes)
        shown = [_in_full(analysis, pages[quote.page].text, quote.candidate) for quote in quotes]
        if verdict.found == "closest":
            passages = closest_passages(scores.candidates, quotes, analysis.exact_terms, pages)
            quotes, shown = [passage.scored for passage in passages], [passage.shown for passage in passages]
        if opposite is not None and opposite not in quotes:
            quotes.append(opposite)
            shown.append(opposite.candidate)
        chosen = [(quote.page, candidate) for quote, candidate in zip(quotes, shown, strict=True)]
        citations = cite_candidates(chosen, pages) if verdict.found else []
        text = _compose(analysis, citations, between=" " if verdict.found is True else "\n\n")
        if opposite is not None and citations:
            marks = citations[0].mark, citations[quotes.index(opposite)].mark
            text += "\n\nThese passages contradict each other: [{}] and [{}].".format(*marks)
        if verdict.found is not True:
            text = (
                closest_text(text, verdict.reason, is_absent=verdict.is_absent)
                if citations
                else not_found_text(pages, verdict.reason)
            )
        return Answer(
            question=question,
            text=text,
            found=verdict.found,
            citations=citations,
            context_pages=[page.ref for page in pages],
            confidence=verdict.confidence,
            reason=verdict.reason,
        )

    def answer_about_image(
        self, question: str, image: UserImage, pages: Sequence[ContextPage], *, idf: Mapping[str, float] = NO_IDF
    ) -> Answer:
        """Return what stands on the user's image, the sentences that answer, and the pages that match the image, cited.

        Sentences are quoted from the pages that match, if there are any. Without a question, pages that are only
        similar are named too. `found` is false if nothing is cited.
        """
        matches = match_pages(image, pages, self._analyze, idf)
        quoted = [pages[match.index] for match in matches] or pages
        answer = self.answer(question, self._rescore(question, quoted, idf), idf=idf)
        marks: dict[int, int] = {}
        for citation in answer.citations:
            marks.setdefault([page.ref for page in pages].index(citation.ref), citation.mark)
        shown = matches or ([] if question else most_similar(pages))
        cited = cite_matches(shown, pages, marks)
        parts = [image_words_text(image.text, by_ocr=True)]
        parts += [answer.text] if answer.found else []
        parts += [matches_text(cited, sure=bool(matches))] if cited else []
        found: Found = True if cited else answer.found
        return replace(
            answer,
            text="\n\n".join(parts if found else [*parts, not_found_text(pages)]),
            found=found,
            citations=[*answer.citations, *cited],
            context_pages=[page.ref for page in pages],
            confidence=max([answer.confidence if answer.found else 0.0, *(match.score for match in matches)]),
            image_text=image.text,
        )

    def _rescore(self, question: str, pages: Sequence[ContextPage], idf: Mapping[str, float]) -> list[ContextPage]:
        """Return the pages with the idf of the question's words on each as its score in place of BM25, which counts the
        words on the image too."""
        terms = set(plain_terms(self._analyze(question)))
        on_page = [terms & set(self._analyze(f"{page.title}\n{page.text.text}")) for page in pages]
        scores = [sum(idf.get(term, 1.0) for term in found) for found in on_page]
        return [replace(page, bm25=score) for page, score in zip(pages, scores, strict=True)]


def select_quotes(scores: CandidateScores, exact_terms: frozenset[str] = frozenset()) -> list[ScoredCandidate]:
    """Return the one to three candidates to quote, best first.

    A further one must cover more of the question's terms, or be about as good as the best; where the best has one of
    `exact_terms`, a further one must have one too.
    """
    selected: list[ScoredCandidate] = []
    covered: frozenset[str] = frozenset()
    for scored in scores.candidates:
        if selected and not _adds_to(scored, selected, covered, scores):
            continue
        if selected and exact_terms & selected[0].terms and not exact_terms & scored.terms:
            continue
        selected.append(scored)
        covered |= scored.terms
        if len(selected) == MAX_SENTENCES:
            break
    return selected


def _adds_to(
    scored: ScoredCandidate, selected: Sequence[ScoredCandidate], covered: frozenset[str], scores: CandidateScores
) -> bool:
    best = selected[0].score
    new = sum(scores.weights[term] for term in scored.terms - covered - scores.figures) >= MIN_NEW_SHARE
    if scored.score < MIN_SCORE * best or not (new or scored.score >= GOOD_SCORE * best):
        return False
    # "Oban sells 12" and "Perth sells 15" are similar, but both are quoted if the question names Oban and Perth.
    return not any(_overlap(scored, other) or (not new and similar(scored, other)) for other in selected)


def _opening(question: str, pages: Sequence[ContextPage]) -> Answer:
    """Return the first sentences of the page that the question names, for one that asks nothing else."""
    numbers = re.findall(r"\d+", question)
    named = [index for index, page in enumerate(pages) if {str(page.ref.number), page.label} & set(numbers)]
    index = named[0] if named else 0
    found = statements(pages, [(index, candidate) for candidate in find_candidates(pages[index].text)])
    first = [(index, candidate) for _, candidate in found if not candidate.lead][:MAX_SENTENCES]
    citations = cite_candidates(first, pages)
    return Answer(
        question=question,
        text=" ".join(f"{disarm_marks(citation.quote)} [{citation.mark}]" for citation in citations)
        or not_found_text(pages, "the page holds no text"),
        found=bool(citations),
        citations=citations,
        context_pages=[page.ref for page in pages],
        confidence=float(bool(citations)),
        reason="the page begins so",
    )


def _overlap(scored: ScoredCandidate, other: ScoredCandidate) -> bool:
    first, second = scored.candidate, other.candidate
    return scored.page == other.page and first.start < second.end and second.start < first.end


def _in_full(question: AnalyzedQuestion, text: PageText, candidate: Candidate) -> Candidate:
    """Return a sentence that was cut because of its length up to its end, where several things are asked for."""
    is_cut = candidate.reading is None and not candidate.parts and len(candidate.text.split()) >= MIN_CUT_WORDS
    rest = _REST.match(text.text, candidate.end)
    if not question.wants_list or not is_cut or rest is None or candidate.text.endswith((".", "?", "!", ":")):
        return candidate
    return replace(candidate, end=rest.end(), text=join_lines(text, candidate.start, rest.end()))


def cite_candidates(quotes: Sequence[tuple[int, Candidate]], pages: Sequence[ContextPage]) -> list[Citation]:
    """Return a citation of each candidate, given with the index of its page; marks number the pages in their order."""
    marks: dict[int, int] = {}
    citations = []
    for index, candidate in quotes:
        page = pages[index]
        boxes = page.text.boxes_of(candidate.start, candidate.end)
        quote = claim = printable(candidate.text)
        if candidate.reading is not None:  # the cells alone
            boxes = [cell.value.box for cell in candidate.reading.cells]
            quote = printable(candidate.reading.text)
        if candidate.parts:
            boxes = [box for part in candidate.parts for box in page.text.boxes_of(*part)]
            quote = " … ".join(printable(join_lines(page.text, *part)) for part in candidate.parts)
            claim = f"{quote} ({candidate.computed})"
        if candidate.header is not None:  # a row means little without the names of its columns
            boxes = [*page.text.boxes_of(*candidate.header), *boxes]
            quote = claim = f"{printable(page.text.text[slice(*candidate.header)])} … {quote}"
        citations.append(
            Citation(
                mark=marks.setdefault(index, len(marks) + 1),
                ref=page.ref,
                label=page.label,
                quote=quote,
                boxes=boxes,
                source=page.text.source,
                state="quoted",
                claim=claim,
            )
        )
    return citations


def _compose(question: AnalyzedQuestion, citations: Sequence[Citation], between: str) -> str:
    """Return the quotes with their marks; if the question asks for a page, with the page's name before each quote."""
    parts = []
    for citation in citations:
        page = f"{page_name(citation.ref, citation.label)}: " if question.asks_for_page else ""
        parts.append(f"{page}{disarm_marks(citation.claim)} [{citation.mark}]")
    return between.join(parts)
