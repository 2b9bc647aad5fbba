"""Verifies the citations of an answer: in the words of the cited page, else by the model with the page's image.

The model is asked one yes-or-no question per citation. Its yes gives the state `image-only`: what a model sees on
an image is weaker evidence than words that stand there.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pagelens.core.errors import GenerationError, PageLensError
from pagelens.core.protocols import RenderPageImage
from pagelens.core.types import Citation, CitationState, ContextPage
from pagelens.generate.answer_text import page_name, printable
from pagelens.generate.citations.checking import CitationChecker, ClaimCheck
from pagelens.generate.citations.marks import Mark
from pagelens.generate.citations.page_words import PageWords
from pagelens.generate.llm.chat import ChatModel, Finished, complete
from pagelens.generate.llm.image_parts import encode_image
from pagelens.generate.prompts import image_check_request

logger = logging.getLogger(__name__)

MAX_QUOTE = 400  # characters
JOINT_SHARE = 0.8  # of a claim's words that several pages must hold together if none holds them alone


@dataclass(slots=True)
class CitationVerifier:
    """Verifies the citations of one answer. `max_image_checks`: how many the model may check by a page image."""

    question: str
    shown: Sequence[ContextPage]
    checker: CitationChecker
    model: ChatModel
    load_page_image: RenderPageImage | None
    max_image_checks: int
    max_side: int  # of page images, in pixels
    on_call: Callable[[Finished], None]  # called after each call of the model
    _pages: dict[int, PageWords] = field(default_factory=dict)  # mark's number -> page

    def verify(self, marks: Sequence[Mark]) -> Iterator[Citation]:
        """Yield one citation for each different pair of mark and claim, in order."""
        done: set[tuple[int, str]] = set()
        for mark in marks:
            if (mark.number, mark.claim) in done:
                continue
            done.add((mark.number, mark.claim))
            check = self._check(mark)
            state: CitationState = "unconfirmed"
            if check.supported or self._jointly_supported(mark, marks):
                state = "supported"
            elif self._confirmed_by_image(mark):
                state = "image-only"
            yield self._citation(mark, check, state)

    def _check(self, mark: Mark, *, joint: bool = False) -> ClaimCheck:
        number = mark.number
        if number not in self._pages:
            self._pages[number] = self.checker.read(self.shown[number - 1].text)
        return self.checker.check(mark.claim, self._pages[number], question=self.question, joint=joint)

    def _jointly_supported(self, mark: Mark, marks: Sequence[Mark]) -> bool:
        """Return whether the pages that are cited side by side support a claim together, and this one a part of it."""
        others = {other.number for other in marks if other.group == mark.group and other.number != mark.number}
        if not others:
            return False
        own = self._check(mark, joint=True)
        checks = [self._check(replace(mark, number=number), joint=True) for number in others]
        missing = set(own.missing).intersection(*(check.missing for check in checks))
        contributes = any(set(check.missing) - set(own.missing) for check in checks)
        return not missing and contributes and own.share + sum(check.share for check in checks) >= JOINT_SHARE

    def _confirmed_by_image(self, mark: Mark) -> bool:
        """Return whether the model confirms the claim on the page's image; false if it cannot be asked."""
        if self.load_page_image is None or not self.model.accepts_images or self.max_image_checks < 1 or not mark.claim:
            return False
        self.max_image_checks -= 1
        page = self.shown[mark.number - 1]
        try:
            image = encode_image(self.load_page_image(page.ref, self.max_side), max_side=self.max_side)
            request = image_check_request(mark.claim, image, name=page_name(page.ref, page.label))
            reply, end = complete(self.model, request)
        except GenerationError as exc:
            logger.warning("the citation [%d] is not checked by its picture: %s", mark.number, exc)
            self.max_image_checks = 0  # the next call would fail too
            return False
        except PageLensError as exc:
            logger.warning("%s has no picture to check by: %s", page.ref, exc)
            return False
        self.on_call(end)
        return reply.strip(" \n*\"'`.").lower().startswith("yes")

    def _citation(self, mark: Mark, check: ClaimCheck, state: CitationState) -> Citation:
        page = self.shown[mark.number - 1]
        supported = state == "supported"
        quote = printable(page.text.text[check.start : check.end]) if supported else ""
        return Citation(
            mark=mark.number,
            ref=page.ref,
            label=page.label,
            quote=quote if len(quote) <= MAX_QUOTE else f"{quote[:MAX_QUOTE].rsplit(' ', 1)[0]} …",
            boxes=check.boxes if supported else [],
            source=page.text.source,
            state=state,
            claim=printable(mark.claim),
            missing=[] if supported else list(check.missing),
        )
