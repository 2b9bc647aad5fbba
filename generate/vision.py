"""Answers by a language model that is sent the pages: streamed, with every citation checked, or "not found"."""

import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

from pagelens.core.errors import GenerationError
from pagelens.core.protocols import NO_IDF, Analyzer, DependencyParser, RenderPageImage, TextEncoder
from pagelens.core.types import Answer, AnswerEvent, AnswerStep, Citation, ContextPage, History, Usage, UserImage
from pagelens.generate.abstention import AbstentionFilter
from pagelens.generate.answer_text import not_found_text, printable
from pagelens.generate.citations.checking import CitationChecker
from pagelens.generate.citations.claims import MARK, parse_claim
from pagelens.generate.citations.marks import Mark, MarkParser, split_claims
from pagelens.generate.citations.verifier import CitationVerifier
from pagelens.generate.llm.chat import ChatModel, ChatRequest, Finished, TextDelta
from pagelens.generate.llm.metering import Prices, UsageMeter
from pagelens.generate.prompts import OWN_MARK, Budget, Prompt, build_prompt
from pagelens.generate.self_consistency import Agreement, SampledReply, most_agreed
from pagelens.generate.transcript import IMAGE_QUESTION, TranscriptFilter, image_words_text

MAX_IMAGE_CHECKS = 4  # citations of an answer that the model may check by the page image
BUDGET = Budget()
_MARK_OR_OWN = re.compile(rf"{MARK.pattern}|\s*{re.escape(OWN_MARK)}", re.IGNORECASE)


@dataclass(slots=True)
class _ParsedReply:
    """A reply while it is parsed."""

    prompt: Prompt
    parser: MarkParser
    image: UserImage | None = None  # that the question is about
    transcript: TranscriptFilter = field(default_factory=TranscriptFilter)
    marks: list[Mark] = field(default_factory=list)
    abstention: AbstentionFilter = field(default_factory=AbstentionFilter)
    introduced: bool = False  # whether the introduction was yielded
    end: Finished = field(default_factory=lambda: Finished("stop"))

    @classmethod
    def to(cls, prompt: Prompt, image: UserImage | None) -> "_ParsedReply":
        """Return the reply to a prompt, before its first piece."""
        return cls(prompt, MarkParser(len(prompt.shown)), image)

    def feed(self, piece: str) -> Iterator[str]:
        """Take the next piece of the reply; store its marks and yield the text of the answer that may be shown."""
        if self.image is not None:
            piece = self.transcript.feed(piece)
        yield from self._with_introduction(self.parser.feed(self.abstention.feed(piece)))

    def finish(self) -> Iterator[str]:
        """Store the marks, and yield the text, of what was held back."""
        if self.image is not None:
            yield from self.feed(self.transcript.finish())
        yield from self._with_introduction(self.parser.feed(self.abstention.finish()))
        yield from self._with_introduction(self.parser.finish())

    @property
    def image_text(self) -> str:
        """The words on the user's image: as the model copied them, else as OCR read them."""
        if self.image is None:
            return ""
        return self.image.text if self.transcript.transcript is None else self.transcript.transcript

    @property
    def introduction(self) -> str:
        """The begin of an answer to a question about an image: what stands on it."""
        if self.image is None:
            return ""
        return image_words_text(self.image_text, by_ocr=self.transcript.transcript is None) + "\n\n"

    def sample(self, analyze: Analyzer) -> SampledReply:
        """Return what is compared with other replies to the same question."""
        text = "" if self.abstention.not_found else MARK.sub("", self.parser.text).strip()
        pages = frozenset(self.prompt.shown[mark.number - 1].ref for mark in self.marks)
        return SampledReply.of(text, pages, analyze)

    def _with_introduction(self, parsed: Iterator[str | Mark]) -> Iterator[str]:
        for text in self._collect_marks(parsed):
            if not self.introduced and text.strip():
                self.introduced = True
                yield self.introduction
            yield text

    def _collect_marks(self, parsed: Iterator[str | Mark]) -> Iterator[str]:
        """Store the marks and yield the text."""
        for item in parsed:
            if isinstance(item, Mark):
                self.marks.append(item)
            else:
                yield item


class VisionAnswerer:
    """Has a model answer, checks its citations, and adds notes on what could not be confirmed."""

    def __init__(
        self,
        model: ChatModel,
        analyze: Analyzer,
        *,
        load_page_image: RenderPageImage | None = None,
        budget: Budget = BUDGET,
        max_image_checks: int = MAX_IMAGE_CHECKS,
        prices: Prices | None = None,
        encoder: TextEncoder | None = None,
        parser: DependencyParser | None = None,
        samples: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without `load_page_image`, or if the model accepts no images, only text is sent.

        `max_image_checks` limits how many citations of an answer the model checks by the page image; it does so only
        if the page's words do not confirm them. With `encoder`, words of claims may also be words that mean nearly
        the same as those of the page. With `parser`, the roles of words in English claims are compared by their
        dependency trees, else by their order. With `samples` above 1 the model replies so many times, at so many
        times the price, and the answer is the reply that most agree with; its text comes in one piece.
        """
        self._model = model
        self._checker = CitationChecker(analyze, encoder, parser)
        self._analyze = analyze
        self._load_page_image = load_page_image if model.accepts_images else None
        self._budget = budget
        self._max_image_checks = max_image_checks
        self._prices = prices
        self._samples = samples
        self._clock = clock

    @property
    def accepts_images(self) -> bool:
        """Whether page images are sent to its model."""
        return self._load_page_image is not None

    @property
    def estimate_note(self) -> str:
        """What calls may come on top of the answer's."""
        if self._load_page_image is None or not self._max_image_checks:
            return ""
        return (
            f"Checking citations by page images takes up to {2 * self._max_image_checks} calls more, of one image each."
        )

    def request(self, question: str, pages: Sequence[ContextPage], *, image: UserImage | None) -> ChatRequest | None:
        """Return the request for an answer; None where there is no page to answer from, which needs no model."""
        return self._prompt(question, pages, (), image, self._budget).request if pages else None

    def answer(self, question: str, pages: Sequence[ContextPage], *, history: History = ()) -> Answer:
        """Return the whole answer. Raises GenerationError."""
        *_, last = self.stream(question, pages, history=history)
        assert isinstance(last, Answer)
        return last

    def stream(
        self,
        question: str,
        pages: Sequence[ContextPage],
        *,
        history: History = (),
        idf: Mapping[str, float] = NO_IDF,
        image: UserImage | None = None,
    ) -> Generator[AnswerEvent]:
        """Yield pieces of the text, then each citation once it is checked, last the Answer.

        Marks of pages that were not shown are left out. Closing the generator ends the model's work. `idf` is for other
        answerers. `image` is what the question is about: the model first copies the words on it, which begin the
        answer. Raises GenerationError.
        """
        del idf
        if not pages:
            yield _without_pages(question, image)
            return
        start, meter = self._clock(), UsageMeter()
        request = partial(self._prompt, question, pages, history, image)
        agreement = None
        if self._samples == 1:
            reply = yield from self._reply(request, image, meter)
        else:
            reply, agreement = self._most_agreed_reply(request, image, meter)
            if reply.parser.text.strip() and not reply.abstention.not_found:
                yield reply.introduction + reply.parser.text
        citations: list[Citation] = []
        if not reply.abstention.not_found:
            yield AnswerStep(stage="checking")
            for citation in self._verifier(question, reply.prompt, meter).verify(reply.marks):
                citations.append(citation)
                yield citation
        usage = meter.usage(self._model.name, reply.prompt, self._clock() - start, self._prices, samples=self._samples)
        answer = self._answer(question, reply, citations, usage)
        if agreement is not None:
            notes = [*agreement.notes(), *answer.notes]
            answer = replace(answer, confidence=answer.confidence * agreement.share, notes=notes)
        yield answer

    def _prompt(
        self, question: str, pages: Sequence[ContextPage], history: History, image: UserImage | None, budget: Budget
    ) -> Prompt:
        prompt = build_prompt(
            f"Question: {question or IMAGE_QUESTION}",
            pages,
            budget=budget,
            load_page_image=self._load_page_image,
            history=history,
            image=image,
        )
        return replace(prompt, request=replace(prompt.request, sampled=self._samples > 1))

    def _verifier(self, question: str, prompt: Prompt, meter: UsageMeter) -> CitationVerifier:
        return CitationVerifier(
            question=question,
            shown=prompt.shown,
            checker=self._checker,
            model=self._model,
            load_page_image=self._load_page_image,
            max_image_checks=self._max_image_checks,
            max_side=self._budget.image_side,
            on_call=meter.add_call,
        )

    def _reply(
        self, request: Callable[[Budget], Prompt], image: UserImage | None, meter: UsageMeter
    ) -> Generator[str, None, _ParsedReply]:
        """Yield the text that may be shown; return the reply. A request that is too long is made again with half."""
        reply = _ParsedReply.to(request(self._budget), image)
        try:
            yield from self._stream_reply(reply)
        except GenerationError as exc:
            if exc.code != "too-long" or reply.parser.text:
                raise
            half = replace(self._budget, tokens=self._budget.tokens // 2, images=(self._budget.images + 1) // 2)
            reply = _ParsedReply.to(request(half), image)
            yield from self._stream_reply(reply)
        meter.add_call(reply.end, reply.prompt.request.prompt)
        return reply

    def _most_agreed_reply(
        self, request: Callable[[Budget], Prompt], image: UserImage | None, meter: UsageMeter
    ) -> tuple[_ParsedReply, Agreement]:
        """Have the model reply several times; return the reply that most agree with, and how many do."""
        replies = [_run_out(self._reply(request, image, meter)) for _ in range(self._samples)]
        agreement = most_agreed([reply.sample(self._analyze) for reply in replies])
        return replies[agreement.chosen], agreement

    def _stream_reply(self, reply: _ParsedReply) -> Iterator[str]:
        """Yield the text that may be shown, and store marks and the end in `reply`."""
        with closing(self._model.stream(reply.prompt.request)) as events:
            for event in events:
                if isinstance(event, TextDelta):
                    yield from reply.feed(event.text)
                else:
                    reply.end = event
        yield from reply.finish()

    def _answer(self, question: str, reply: _ParsedReply, citations: Sequence[Citation], usage: Usage) -> Answer:
        text = reply.parser.text.strip()
        context_pages = [page.ref for page in reply.prompt.shown]
        notes = _coverage_notes(reply, accepts_images=self._load_page_image is not None)
        if reply.abstention.not_found or not text:
            return Answer(
                question=question,
                text=reply.introduction + not_found_text(reply.prompt.shown),
                found=False,
                citations=[],
                context_pages=context_pages,
                confidence=0.0,
                reason=printable(reply.abstention.missing).strip(" :.*_`"),
                notes=notes,
                usage=usage,
                image_text=reply.image_text,
            )
        claims = uncited_claims(text, own_image=reply.image is not None)
        uncited = sum(_has_facts(claim, self._analyze) for claim in claims)
        confirmed = sum(citation.state != "unconfirmed" for citation in citations)
        notes = [*_support_notes(reply, citations, uncited), *notes]
        return Answer(
            question=question,
            text=reply.introduction + text,
            found=True,
            citations=citations,
            context_pages=context_pages,
            confidence=confirmed / max(1, len(citations) + uncited),
            notes=notes,
            usage=usage,
            image_text=reply.image_text,
        )


def _run_out(reply: Generator[str, None, _ParsedReply]) -> _ParsedReply:
    """Return what a generator returns, without what it yields."""
    while True:
        try:
            next(reply)
        except StopIteration as stop:
            parsed: _ParsedReply = stop.value
            return parsed


def _without_pages(question: str, image: UserImage | None) -> Answer:
    """Return the answer where no page was found, for which no model is needed."""
    introduction = "" if image is None else f"{image_words_text(image.text, by_ocr=True)}\n\n"
    return Answer(
        question=question,
        text=introduction + not_found_text([]),
        found=False,
        citations=[],
        context_pages=[],
        confidence=0.0,
        image_text="" if image is None else image.text,
    )


def uncited_claims(text: str, *, own_image: bool = False) -> list[str]:
    """Return the sentences of an answer that have no mark in them or after them.

    With `own_image`, sentences that rest on the user's image alone, by their mark, are left out too.
    """
    mark = _MARK_OR_OWN if own_image else MARK
    claims = split_claims(text)
    mark_follows = [mark.match(following) is not None for following in [*claims[1:], ""]]
    return [claim for claim, marked in zip(claims, mark_follows, strict=True) if not marked and not mark.search(claim)]


def _has_facts(claim: str, analyze: Analyzer) -> bool:
    """Return whether a sentence contains a number or a name, which need a citation."""
    return bool(parse_claim(claim, analyze).facts)


def _support_notes(reply: _ParsedReply, citations: Sequence[Citation], uncited: int) -> list[str]:
    """Return notes on claims that are not supported, and on how the reply ended."""
    notes = []
    unconfirmed = [citation for citation in citations if citation.state == "unconfirmed"]
    if not citations:
        notes.append("No page is cited: this may not come from your documents.")
    elif len(unconfirmed) == len(citations):
        notes.append("Not confirmed: none of the cited pages could be seen to say this.")
    elif unconfirmed:
        claims = "; ".join(f"[{citation.mark}] “{citation.claim}”" for citation in unconfirmed)
        notes.append(f"Not confirmed on the cited page: {claims}.")
    if citations and uncited:
        notes.append(f"{uncited} statement{'s' if uncited > 1 else ''} with a number or a name cite no page.")
    if reply.parser.dropped:
        marks = ", ".join(f"[{number}]" for number in sorted(set(reply.parser.dropped)))
        notes.append(f"Left out: {marks}, which point to no page that was shown.")
    if reply.end.reason == "length":
        notes.append("The reply was cut: it ran into its limit of tokens.")
    return notes


def _coverage_notes(reply: _ParsedReply, *, accepts_images: bool) -> list[str]:
    """Return notes on pages and images that were not sent to the model."""
    prompt, notes = reply.prompt, []
    if reply.image is not None and not prompt.shows_user_image:
        notes.append("Your picture was not seen: the model was given the words that OCR read on it.")
    if not accepts_images:
        notes.append("Pictures were not seen: the model was given the pages' text only.")
    elif prompt.image_count < len(prompt.shown):
        notes.append(
            f"{prompt.image_count} of {len(prompt.shown)} pages were seen as pictures, of the others the text."
        )
    if prompt.left_out:
        notes.append(f"{prompt.left_out} further pages did not fit and were not shown.")
    return notes
