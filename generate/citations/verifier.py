"""Citations settled: each claim looked up in its page's words, else shown to the model with that page's picture.

The second look is one cheap question that is answered yes or no. It may only say `supported`: what a model sees in a
picture is weaker than words that stand there. Knows no prompt but that one.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pagelens.core.errors import GenerationError, PageLensError
from pagelens.core.protocols import RenderPageImage
from pagelens.core.types import Citation, CitationState, ShownPage
from pagelens.generate.citations.checking import Check, CitationChecker
from pagelens.generate.citations.marks import Mark
from pagelens.generate.citations.page_words import PageWords
from pagelens.generate.llm.chat import ChatModel, Finished, ask
from pagelens.generate.llm.image_parts import encode_image
from pagelens.generate.prompts import yes_no_prompt
from pagelens.generate.wording import page_name, printable

logger = logging.getLogger(__name__)

QUOTE = 400  # letters of a quote at most
SHARED = 0.8  # of a claim's words that several pages must hold together where none holds them alone


@dataclass(slots=True)
class Settler:
    """Settles the citations of one answer. `looks` is how often the model may still be asked about a picture."""

    question: str
    shown: Sequence[ShownPage]
    checker: CitationChecker
    model: ChatModel
    picture_of: RenderPageImage | None
    looks: int
    longest: int
    on_call: Callable[[Finished], None]
    _pages: dict[int, PageWords] = field(default_factory=dict)

    def settle(self, marks: Sequence[Mark]) -> Iterator[Citation]:
        """Yield a citation for each mark and claim once, in order."""
        done: set[tuple[int, str]] = set()
        for mark in marks:
            if (mark.number, mark.claim) in done:
                continue
            done.add((mark.number, mark.claim))
            check = self._check(mark)
            verified = check.verified or self._together(mark, marks)
            state: CitationState = "verified" if verified else "supported" if self._seen(mark) else "unverified"
            yield self._citation(mark, check, state)

    def _check(self, mark: Mark, *, part: bool = False) -> Check:
        number = mark.number
        if number not in self._pages:
            self._pages[number] = self.checker.read(self.shown[number - 1].text)
        return self.checker.check(mark.claim, self._pages[number], question=self.question, part=part)

    def _together(self, mark: Mark, marks: Sequence[Mark]) -> bool:
        """Say whether pages that are cited side by side bear a claim out together, and this one a part of it."""
        beside = {one.number for one in marks if one.group == mark.group and one.number != mark.number}
        if not beside:
            return False
        mine = self._check(mark, part=True)
        others = [self._check(replace(mark, number=number), part=True) for number in beside]
        missing = set(mine.missing).intersection(*(one.missing for one in others))
        contributes = any(set(one.missing) - set(mine.missing) for one in others)
        return not missing and contributes and mine.share + sum(one.share for one in others) >= SHARED

    def _seen(self, mark: Mark) -> bool:
        """Ask the model whether the page's picture bears the claim out; no where it cannot be asked."""
        if self.picture_of is None or not self.model.accepts_images or self.looks < 1 or not mark.claim:
            return False
        self.looks -= 1
        page = self.shown[mark.number - 1]
        try:
            picture = encode_image(self.picture_of(page.ref, self.longest), longest=self.longest)
            said, end = ask(self.model, yes_no_prompt(mark.claim, picture, name=page_name(page.ref, page.label)))
        except GenerationError as exc:
            logger.warning("the citation [%d] is not checked by its picture: %s", mark.number, exc)
            self.looks = 0  # the next would fail as well
            return False
        except PageLensError as exc:
            logger.warning("%s has no picture to check by: %s", page.ref, exc)
            return False
        self.on_call(end)
        return said.strip(" \n*\"'`.").lower().startswith("yes")

    def _citation(self, mark: Mark, check: Check, state: CitationState) -> Citation:
        page = self.shown[mark.number - 1]
        quote = printable(page.text.text[check.start : check.end]) if state == "verified" else ""
        return Citation(
            mark.number,
            page.ref,
            page.label,
            quote if len(quote) <= QUOTE else f"{quote[:QUOTE].rsplit(' ', 1)[0]} …",
            check.boxes if state == "verified" else [],
            page.text.source,
            state,
            printable(mark.claim),
            [] if state == "verified" else list(check.missing),
        )
