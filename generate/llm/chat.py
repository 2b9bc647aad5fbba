"""Requests to a chat model, its streamed reply, and the Protocol that every model implements."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pagelens.core.errors import GenerationCode

MediaType = Literal["image/jpeg", "image/png"]

SAMPLING_TEMPERATURE = 0.7  # of sampled replies, where the provider sets none itself
SINGLE_REQUEST_ERRORS: Sequence[GenerationCode] = ("too-long", "refused", "rejected", "cut-off", "malformed")
"""Codes of errors that may concern one request alone: the next request may well succeed."""


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text within a message."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image within a message: the bytes of an image file, and its size in pixels."""

    data: bytes
    media_type: MediaType
    width: int
    height: int


Part = TextPart | ImagePart


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """The instructions of a model, under a name and a version: one more when the text or the task beside it changes.

    Logs, metrics and evidence bundles name it.
    """

    name: str
    version: int
    text: str

    @property
    def id(self) -> str:
        """Return "answer@1"."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Everything that is sent to a model."""

    system: str
    messages: Sequence[Message]
    max_tokens: int = 1_024  # of the reply
    logprobs: bool = False  # whether the first token's alternatives are wanted, from a protocol that gives them
    prompt: str = ""  # the id of what `system` and the task say, with its version: "answer@1"
    sampled: bool = False  # whether replies to the same request shall differ: tokens are drawn, not the likeliest taken

    @property
    def images(self) -> list[ImagePart]:
        """Return all images, in order."""
        return [part for message in self.messages for part in message.parts if isinstance(part, ImagePart)]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of the reply: complete ("stop") or cut at `max_tokens` ("length"), with token counts if known."""

    reason: Literal["stop", "length"]
    input_tokens: int | None = None
    output_tokens: int | None = None
    first_token: Mapping[str, float] | None = None  # its likeliest alternatives -> log probability, where asked for


ChatEvent = TextDelta | Finished


class ChatModel(Protocol):
    """A language model that streams its replies."""

    @property
    def name(self) -> str:
        """The model's name as users know it."""
        ...

    @property
    def accepts_images(self) -> bool:
        """Whether requests may contain images."""
        ...

    def stream(self, request: ChatRequest) -> Generator[ChatEvent]:
        """Yield the reply in pieces and, last, `Finished`. Closing the generator ends the call at the server too.

        Raises GenerationError, before the first piece or, if the reply breaks off, later.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How a model is reached; see the providers' `load` functions for what each of them uses."""

    address: str | None = None  # base URL; None: the provider's own
    key: str | None = None
    accepts_images: bool = True
    idle_timeout: float = 120.0  # seconds between two pieces of a reply


def complete(model: ChatModel, request: ChatRequest) -> tuple[str, Finished]:
    """Return the whole reply. Raises GenerationError."""
    text, end = "", Finished("stop")
    for event in model.stream(request):
        if isinstance(event, TextDelta):
            text += event.text
        else:
            end = event
    return text, end
