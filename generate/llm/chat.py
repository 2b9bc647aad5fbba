"""What is said to a language model and what comes back, whoever serves it. Knows no protocol on the wire."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pagelens.core.errors import GenerationCode

MediaType = Literal["image/jpeg", "image/png"]


SINGLE_REQUEST_ERRORS: Sequence[GenerationCode] = ("too-long", "refused", "rejected", "cut-off", "malformed")
"""Codes of the errors that may concern one request alone: the next may well be answered."""


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text within a message."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture within a message: an encoded file and its size in pixels."""

    data: bytes
    media_type: MediaType
    width: int
    height: int


Part = TextPart | ImagePart


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Everything a model is sent."""

    system: str
    messages: Sequence[Message]
    max_tokens: int = 1_024  # of the reply

    @property
    def pictures(self) -> list[ImagePart]:
        """Return every picture, in order."""
        return [part for message in self.messages for part in message.parts if isinstance(part, ImagePart)]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A further piece of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The reply's end: it was done, or ran into `max_tokens`. Tokens as the server counted them, where it says so."""

    reason: Literal["stop", "length"]
    input_tokens: int | None = None
    output_tokens: int | None = None


ChatEvent = TextDelta | Finished


class ChatModel(Protocol):
    """A language model that streams."""

    @property
    def name(self) -> str:
        """The model's name as people know it."""
        ...

    @property
    def accepts_images(self) -> bool:
        """Whether it can be shown pictures."""
        ...

    def stream(self, request: ChatRequest) -> Generator[ChatEvent]:
        """Yield the reply in pieces and, last, `Finished`; closing the generator ends the call wherever it is served.

        Raises GenerationError, before the first piece or, where the reply breaks off, after some.
        """
        ...


def ask(model: ChatModel, request: ChatRequest) -> tuple[str, Finished]:
    """Return a whole reply. Raises GenerationError."""
    text, end = "", Finished("stop")
    for event in model.stream(request):
        if isinstance(event, TextDelta):
            text += event.text
        else:
            end = event
    return text, end
