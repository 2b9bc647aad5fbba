"""Answers from a language model that is shown the pages: streamed, each citation checked, or an honest no.

Knows what a model is sent and what is made of its reply; does not know who serves it.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from pagelens.core.errors import GenerationError
from pagelens.core.protocols import NO_IDF, Analyzer, RenderPageImage
from pagelens.core.types import Answer, AnswerEvent, Citation, History, ShownPage, Usage
from pagelens.generate.abstention import Opening
from pagelens.generate.citations.checking import CitationChecker
from pagelens.generate.citations.claims import MARK, read_claim
from pagelens.generate.citations.marks import Mark, MarkReader, split_claims
from pagelens.generate.citations.verifier import Settler
from pagelens.generate.llm.chat import ChatModel, Finished, TextDelta
from pagelens.generate.llm.metering import Meter, Prices
from pagelens.generate.prompts import Budget, Prompt, build_prompt
from pagelens.generate.wording import refusal

LOOKS = 4  # citations of an answer that are checked by their picture, at most
BUDGET = Budget()


@dataclass(slots=True)
class _Reply:
    """A reply while it is read."""

    prompt: Prompt
    reader: MarkReader
    marks: list[Mark] = field(default_factory=list)
    opening: Opening = field(default_factory=Opening)
    end: Finished = field(default_factory=lambda: Finished("stop"))

    def take(self, read: Iterator[str | Mark]) -> Iterator[str]:
        """Note the marks and hand the text on."""
        for one in read:
            if isinstance(one, Mark):
                self.marks.append(one)
            else:
                yield one


class VisionAnswerer:
    """Asks a model, checks what it cites, and says what could not be confirmed."""

    def __init__(
        self,
        model: ChatModel,
        analyze: Analyzer,
        *,
        picture_of: RenderPageImage | None = None,
        budget: Budget = BUDGET,
        looks: int = LOOKS,
        prices: Prices | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`picture_of` draws pages; a model that sees no pictures, or None, gets their text only. `looks`: how many
        citations may be checked by a picture where the page's words cannot confirm them."""
        self._model = model
        self._checker = CitationChecker(analyze)
        self._analyze = analyze
        self._picture_of = picture_of if model.accepts_images else None
        self._budget = budget
        self._looks = looks
        self._prices = prices
        self._clock = clock

    @property
    def accepts_images(self) -> bool:
        """Whether its model looks at pages as pictures."""
        return self._picture_of is not None

    def answer(self, question: str, pages: Sequence[ShownPage], *, history: History = ()) -> Answer:
        """Return the whole answer. Raises GenerationError."""
        *_, last = self.stream(question, pages, history=history)
        assert isinstance(last, Answer)
        return last

    def stream(
        self,
        question: str,
        pages: Sequence[ShownPage],
        *,
        history: History = (),
        idf: Mapping[str, float] = NO_IDF,
    ) -> Generator[AnswerEvent]:
        """Yield pieces of the text, then citations as they are settled, last the Answer. Marks of pages that were not
        shown never come. Closing the generator ends the model's work. `idf` is not needed: the model reads the pages.
        Raises GenerationError."""
        if not pages:
            yield Answer(question, refusal(pages), False, [], [], 0.0)
            return
        began, meter = self._clock(), Meter()
        prompt = self._prompt(question, pages, history, self._budget)
        reply = _Reply(prompt, MarkReader(len(prompt.shown)))
        try:
            yield from self._read(reply)
        except GenerationError as exc:
            if exc.code != "too-long" or reply.reader.text:
                raise
            half = replace(self._budget, tokens=self._budget.tokens // 2, pictures=(self._budget.pictures + 1) // 2)
            prompt = self._prompt(question, pages, history, half)
            reply = _Reply(prompt, MarkReader(len(prompt.shown)))
            yield from self._read(reply)
        meter.note(reply.end)
        citations: list[Citation] = []
        if not reply.opening.not_found:
            for citation in self._settler(question, prompt, meter).settle(reply.marks):
                citations.append(citation)
                yield citation
        usage = meter.usage(self._model.name, prompt, self._clock() - began, self._prices)
        yield self._whole(question, reply, citations, usage)

    def _prompt(self, question: str, pages: Sequence[ShownPage], history: History, budget: Budget) -> Prompt:
        return build_prompt(f"Question: {question}", pages, budget=budget, picture_of=self._picture_of, history=history)

    def _settler(self, question: str, prompt: Prompt, meter: Meter) -> Settler:
        return Settler(
            question,
            prompt.shown,
            self._checker,
            self._model,
            self._picture_of,
            self._looks,
            self._budget.longest,
            meter.note,
        )

    def _read(self, reply: _Reply) -> Iterator[str]:
        """Yield the reply's text as it may be shown; note its marks, and whether it says that there is no answer."""
        with closing(self._model.stream(reply.prompt.request)) as events:
            for event in events:
                if isinstance(event, TextDelta):
                    yield from reply.take(reply.reader.feed(reply.opening.pass_on(event.text)))
                else:
                    reply.end = event
        yield from reply.take(reply.reader.feed(reply.opening.rest()))
        yield from reply.take(reply.reader.finish())

    def _whole(self, question: str, reply: _Reply, citations: Sequence[Citation], usage: Usage) -> Answer:
        text = reply.reader.text.strip()
        looked_at = [page.ref for page in reply.prompt.shown]
        notes = _sight_notes(reply.prompt, accepts_images=self._picture_of is not None)
        if reply.opening.not_found or not text:
            said = refusal(reply.prompt.shown)
            return Answer(question, said, False, [], looked_at, 0.0, notes, usage)
        uncited = sum(_says_something(one, self._analyze) for one in uncited_claims(text))
        holding = sum(one.state != "unverified" for one in citations)
        sure = holding / max(1, len(citations) + uncited)
        notes = [*_support_notes(reply, citations, uncited), *notes]
        return Answer(question, text, True, citations, looked_at, sure, notes, usage)


def uncited_claims(text: str) -> list[str]:
    """Return the sentences of an answer that no mark follows."""
    claims = split_claims(text)
    followed = [MARK.match(after) is not None for after in [*claims[1:], ""]]
    return [one for one, marked in zip(claims, followed, strict=True) if not marked and not MARK.search(one)]


def _says_something(claim: str, analyze: Analyzer) -> bool:
    """Say whether a sentence holds a number or a name: without a citation these come from nowhere."""
    return bool(read_claim(claim, analyze).facts)


def _support_notes(reply: _Reply, citations: Sequence[Citation], uncited: int) -> list[str]:
    """Return what a reader must know about the answer's support."""
    notes = []
    unsure = [one for one in citations if one.state == "unverified"]
    if not citations:
        notes.append("No page is cited: this may not come from your documents.")
    elif len(unsure) == len(citations):
        notes.append("Not confirmed: none of the cited pages could be seen to say this.")
    elif unsure:
        claims = "; ".join(f"[{one.mark}] “{one.claim}”" for one in unsure)
        notes.append(f"Not confirmed on the cited page: {claims}.")
    if citations and uncited:
        notes.append(f"{uncited} statement{'s' if uncited > 1 else ''} with a number or a name cite no page.")
    if reply.reader.dropped:
        marks = ", ".join(f"[{number}]" for number in sorted(set(reply.reader.dropped)))
        notes.append(f"Left out: {marks}, which point to no page that was shown.")
    if reply.end.reason == "length":
        notes.append("The reply was cut: it ran into its limit of tokens.")
    return notes


def _sight_notes(prompt: Prompt, *, accepts_images: bool) -> list[str]:
    """Return what of the pages the model did not see."""
    notes = []
    if not accepts_images:
        notes.append("Pictures were not seen: the model was given the pages' text only.")
    elif prompt.pictures < len(prompt.shown):
        notes.append(f"{prompt.pictures} of {len(prompt.shown)} pages were seen as pictures, of the others the text.")
    if prompt.left_out:
        notes.append(f"{prompt.left_out} further pages did not fit and were not shown.")
    return notes
