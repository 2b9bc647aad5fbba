"""OpenAI's chat completions, as far as documents answer them: what is taken, what is given.

What a request asks for beyond that (temperature, tools) is left alone: no client is refused for it.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pagelens.api.server import examples
from pagelens.api.server.problems import Problem
from pagelens.core.types import History

SOURCES = "\n\nSources:\n"
ANSWERED = 20_000  # letters of an earlier answer that are kept

Words = Annotated[str, StringConstraints(max_length=200_000, pattern=r"^[^\x00]*$")]
_DATA = re.compile(r"data:image/[a-z0-9.+-]+;base64,(?P<data>.+)", re.IGNORECASE | re.DOTALL)


class ImageUrl(BaseModel):
    """A picture."""

    url: str = Field(description="`data:image/...;base64,...`; no address is ever fetched.")


class Part(BaseModel):
    """A part of a message."""

    type: Literal["text", "image_url"]
    text: Words = ""
    image_url: ImageUrl | None = None


class ChatMessage(BaseModel):
    """A message. Those of `system`, `developer` and `tool` are left out: what PageLens answers from is documents."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Words | list[Part] | None = None

    @property
    def text(self) -> str:
        """What it says."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text").strip()
        return (self.content or "").strip()

    @property
    def pictures(self) -> list[str]:
        """The addresses of its pictures."""
        parts = self.content if isinstance(self.content, list) else []
        return [part.image_url.url for part in parts if part.image_url is not None]


class StreamOptions(BaseModel):
    """What a stream tells beside the text."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A conversation whose last message asks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"model": "pagelens", "messages": [{"role": "user", "content": examples.QUESTION}]}]
        }
    )

    model: str = Field(max_length=100, description="`pagelens`, or `pagelens/` and a collection's name.")
    messages: list[ChatMessage] = Field(min_length=1, max_length=500)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a conversation comes to."""

    question: str
    history: History
    picture: bytes | None


def asked(messages: Sequence[ChatMessage], *, most: int) -> Asked:
    """Return the last message's question, the turns before it, its picture. Raises Problem."""
    *before, last = messages
    if last.role != "user":
        raise _refused("messages", f"expected a last message of the role user, found one of {last.role}")
    if not last.text and not last.pictures:
        raise _refused("messages", "expected a question in the last message, found nothing")
    if len(last.text) > most:
        raise _refused("messages", f"expected a question of at most {most} letters, found {len(last.text)}")
    if len(last.pictures) > 1:
        raise _refused("messages", f"expected one picture to search by, found {len(last.pictures)}")
    picture = _picture(last.pictures[0]) if last.pictures else None
    return Asked(last.text, _turns(before, most), picture)


def _turns(messages: Sequence[ChatMessage], most: int) -> History:
    """Return what was asked and answered; the links that we put below an answer are none of it."""
    turns: list[tuple[str, str]] = []
    question = ""
    for message in messages:
        if message.role == "user":
            question = message.text[:most]
        elif message.role == "assistant" and question:
            turns.append((question, message.text.partition(SOURCES)[0][:ANSWERED]))
            question = ""
    return turns


def _picture(url: str) -> bytes:
    found = _DATA.fullmatch(url)
    if found is None:
        raise _refused(
            "messages.content.image_url",
            "expected a picture as a data URL (data:image/png;base64,...), found another address: nothing is fetched",
        )
    try:
        return base64.b64decode(found["data"], validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _refused("messages.content.image_url", "expected base64 in the data URL, found something else") from exc


def _refused(field: str, said: str) -> Problem:
    return Problem(400, "invalid-request", said, fields=[(field, said)])


class UrlCitation(BaseModel):
    """A mark in the text, and the page it stands for."""

    start_index: int
    end_index: int
    url: str
    title: str


class Annotation(BaseModel):
    """Something said of a part of the text."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class MessageOut(BaseModel):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class Choice(BaseModel):
    """The only one."""

    index: int = 0
    message: MessageOut
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class TokensOut(BaseModel):
    """What a language model counted; 0 where none was asked."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class Completion(BaseModel):
    """An answer, whole."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: TokensOut


class ModelOut(BaseModel):
    """A collection, to be asked."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["pagelens"] = "pagelens"


class ModelsOut(BaseModel):
    """The collections that the caller sees."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


class ErrorDetail(BaseModel):
    """What was wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorOut(BaseModel):
    """OpenAI's error object."""

    error: ErrorDetail


def chunk(one: "Head", delta: dict[str, Any], *, finish: str | None = None) -> dict[str, Any]:
    """Return a piece of a streamed answer."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {**one.fields(), "choices": [choice]}


@dataclass(frozen=True, slots=True)
class Head:
    """What every piece of a streamed answer begins with."""

    id: str
    created: int
    model: str

    def fields(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model}
