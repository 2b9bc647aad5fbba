"""Verifies the citations of an answer: in the words of the cited page, else in what the model reads on its image.

The second look is neutral: the model is given the user's question and the page image, not the claim, and what it reads
is compared with the claim as the words of a page are. So a model that says yes to everything confirms nothing. One that
finds an answer to a control question too, which no page answers, confirms nothing either. What a model reads on an
image is weaker evidence than words that stand there: the state is `image-only`.
"""

import logging
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pagelens.core.errors import GenerationError, PageLensError
from pagelens.core.protocols import RenderPageImage
from pagelens.core.types import Citation, CitationState, ContextPage, PageText
from pagelens.generate.answer_text import page_name, printable
from pagelens.generate.citations.checking import CitationChecker, ClaimCheck
from pagelens.generate.citations.marks import Mark
from pagelens.generate.citations.page_words import PageWords
from pagelens.generate.llm.chat import ChatModel, Finished, ImagePart, complete
from pagelens.generate.llm.image_parts import encode_image, sharp_side
from pagelens.generate.prompts import NOTHING, image_reading_request

logger = logging.getLogger(__name__)

MAX_QUOTE = 400  # characters
IMAGE_SUBJECT = "What can be seen, and what is written there?"  # where no question was asked
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
    on_call: Callable[[Finished, str], None]  # called after each call of the model, with the id of the prompt
    _invents: bool | None = None  # whether the model answers a control question; None: not asked yet
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
        """Return whether the model reads the claim on the page's image; false if it cannot be asked."""
        if self.load_page_image is None or not self.model.accepts_images or self.max_image_checks < 1 or not mark.claim:
            return False
        self.max_image_checks -= 1
        page = self.shown[mark.number - 1]
        try:
            side = sharp_side(page.text, self.max_side)
            image = encode_image(self.load_page_image(page.ref, side), max_side=side)
            reading = self._read_image(page, image, self.question or IMAGE_SUBJECT)
            if not reading or not self.checker.check(mark.claim, self.checker.read(plain_text(reading))).supported:
                return False
            if self._invents is None:
                control = f"What is said about {secrets.token_hex(4)}?"
                self._invents = self._read_image(page, image, control) != ""
            return not self._invents
        except GenerationError as exc:
            logger.warning("the citation [%d] is not checked by its picture: %s", mark.number, exc)
            self.max_image_checks = 0  # the next call would fail too
            return False
        except PageLensError as exc:
            logger.warning("%s has no picture to check by: %s", page.ref, exc)
            return False

    def _read_image(self, page: ContextPage, image: ImagePart, subject: str) -> str:
        """Return what the model reads on a page image on a subject; "" if nothing. Raises GenerationError."""
        request = image_reading_request(subject, image, name=page_name(page.ref, page.label))
        reply, end = complete(self.model, request)
        self.on_call(end, request.prompt)
        return "" if reply.strip(" \n*\"'`.").upper().startswith(NOTHING) else reply.strip()

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


def plain_text(text: str) -> PageText:
    """Return a text as that of a page, without places on it."""
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    return PageText(
        text=text,
        spans=np.array(spans, np.int32).reshape(-1, 2),
        boxes=np.zeros((len(spans), 4), np.float32),
    )
