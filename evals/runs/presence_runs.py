"""Asks a vision model, or the second look at citations, whether objects are in pictures (`object_presence`)."""

from collections.abc import Callable, Sequence

import numpy as np

from pagelens.core.protocols import RenderPageImage
from pagelens.core.types import ContextPage, ImageArray, PageRef, PageText
from pagelens.evals.measures.object_presence import PresenceQuestion, read_yes_or_no
from pagelens.evals.runs.runner import OnStep
from pagelens.generate.citations.checking import CitationChecker
from pagelens.generate.citations.marks import Mark
from pagelens.generate.citations.verifier import IMAGE_SUBJECT, CitationVerifier
from pagelens.generate.llm.chat import ChatModel, ChatRequest, Message, SystemPrompt, TextPart, complete
from pagelens.generate.llm.image_parts import encode_image
from pagelens.index.lexical.analysis import analyze

LONGEST = 1_024  # pixels on a picture's longer side
SYSTEM = SystemPrompt(
    "object-presence", 1, "You look at one picture and answer a question about it. Reply with one word: yes or no."
)

LoadPicture = Callable[[str], ImageArray]
"""Returns the pixels of a picture by its name in the questions."""


def ask_model(
    model: ChatModel,
    questions: Sequence[PresenceQuestion],
    load_picture: LoadPicture,
    *,
    on_step: OnStep = lambda _name, _done, _all: None,
) -> list[bool | None]:
    """Return the model's reply to each question: yes, no, or None for neither. Raises GenerationError."""
    replies = []
    for number, question in enumerate(questions, start=1):
        image = encode_image(load_picture(question.picture), max_side=LONGEST)
        message = Message("user", [image, TextPart(f"{question.text} Answer yes or no:")])
        reply, _ = complete(model, ChatRequest(SYSTEM.text, [message], max_tokens=8, prompt=SYSTEM.id))
        replies.append(read_yes_or_no(reply))
        on_step(question.sampling, number, len(questions))
    return replies


def ask_second_look(
    model: ChatModel,
    questions: Sequence[PresenceQuestion],
    load_picture: LoadPicture,
    *,
    on_step: OnStep = lambda _name, _done, _all: None,
) -> list[bool | None]:
    """Return for each question whether the second look confirms the claim that the object is there.

    The page has no words, so that its picture alone decides, as for photos.
    """
    replies: list[bool | None] = []
    for number, question in enumerate(questions, start=1):
        verifier = CitationVerifier(
            question=IMAGE_SUBJECT,
            shown=[_wordless_page(question.picture)],
            checker=CitationChecker(analyze),
            model=model,
            load_page_image=_renderer(load_picture, question.picture),
            max_image_checks=1,
            max_side=LONGEST,
            on_call=lambda _end, _prompt: None,
        )
        [citation] = verifier.verify([Mark(1, question.claim, 0)])
        replies.append(citation.state == "image-only")
        on_step(question.sampling, number, len(questions))
    return replies


def _renderer(load_picture: LoadPicture, picture: str) -> RenderPageImage:
    def render(ref: PageRef, longest: int) -> ImageArray:
        del ref, longest  # one picture; `encode_image` scales it down
        return load_picture(picture)

    return render


def _wordless_page(picture: str) -> ContextPage:
    text = PageText(
        text="",
        spans=np.zeros((0, 2), np.int32),
        boxes=np.zeros((0, 4), np.float32),
        source="layer",
        confidence=None,
    )
    return ContextPage(ref=PageRef(picture, 1), label=None, title=picture, text=text)
