"""Bodies of OpenAI's chat completions API, as far as PageLens supports it.

Other fields of a request (temperature, tools), parts of messages that are neither text nor pictures, and roles that are
not known are ignored, so that no client is refused for sending them. A `response_format` is text, or a JSON Schema
where a language model is configured; others are refused: their reader could not use the answer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from pagelens.api.server import examples
from pagelens.api.server.image_decoding import decode_base64
from pagelens.api.server.problems import Problem
from pagelens.api.server.schemas.chat_tasks import question_of, reply_to_task
from pagelens.api.server.schemas.requests import DEPTH
from pagelens.core.errors import UsageError
from pagelens.core.types import DEFAULT_DEPTH, Depth, Found, History
from pagelens.generate.extraction.schemas import Schema, read_schema
from pagelens.generate.follow_up import picture_of_last

SOURCES_HEADING = "\n\nSources:\n"
MAX_ANSWER_CHARS = 20_000  # of an earlier answer
PICTURE_ONLY = "(a picture)"  # an earlier question without words

MessageText = Annotated[str, StringConstraints(max_length=200_000, pattern=r"^[^\x00]*$")]
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]+;base64,(?P<data>.+)", re.IGNORECASE | re.DOTALL)


class ImageUrl(BaseModel):
    """An image as a data URL."""

    url: str = Field(description="`data:image/...;base64,...`; other URLs are refused.")


class ContentPart(BaseModel):
    """A part of a message, a text or an image. Parts of other types are left out."""

    type: Literal["text", "image_url"]
    text: MessageText | None = None
    image_url: ImageUrl | None = None


class ChatMessage(BaseModel):
    """A message. Those of other roles than `user` and `assistant` are ignored: PageLens answers from documents."""

    role: Annotated[str, StringConstraints(max_length=100)]
    content: MessageText | list[ContentPart] | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _known_parts(cls, content: object) -> object:
        """Return the content without parts that are neither text nor image."""
        parts = [content] if isinstance(content, dict) else content
        if not isinstance(parts, list):
            return content if isinstance(content, str) else None
        return [part for part in map(_known_part, parts) if part is not None]

    @property
    def text(self) -> str:
        """The text of the message."""
        if isinstance(self.content, list):
            return "\n".join(part.text or "" for part in self.content if part.type == "text").strip()
        return (self.content or "").strip()

    @property
    def images(self) -> list[str]:
        """The URLs of its images."""
        parts = self.content if isinstance(self.content, list) else []
        return [part.image_url.url for part in parts if part.type == "image_url" and part.image_url is not None]


def _known_part(part: object) -> dict[str, Any] | None:
    """Return a text or an image in the form of `ContentPart`, None for other parts: refusals, thoughts, audio."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, dict):
        return None
    text, image = part.get("text"), part.get("image_url")
    if part.get("type") in ("text", "input_text", "output_text"):
        return {"type": "text", "text": text} if isinstance(text, str) else None
    if part.get("type") in ("image_url", "input_image"):
        url = image.get("url") if isinstance(image, dict) else image
        return {"type": "image_url", "image_url": {"url": url}} if isinstance(url, str) else None
    return None


class StreamOptions(BaseModel):
    """Options of a streamed answer."""

    include_usage: bool | None = None


class ChatCompletionRequest(BaseModel):
    """A conversation; the last message of the user is the question."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "pagelens", "messages": [{"role": "user", "content": examples.QUESTION}]},
                {
                    "model": "pagelens",
                    "messages": [
                        {
                            "role": "user",
                            "content": [
                                {"type": "text", "text": "Which port is this, and how much timber did it handle?"},
                                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{examples.IMAGE}"}},
                            ],
                        }
                    ],
                },
            ]
        }
    )

    model: str = Field(max_length=100, description="`pagelens`, or `pagelens/` and a collection's name.")
    messages: list[ChatMessage] = Field(min_length=1, max_length=500)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    response_format: dict[str, Any] | None = Field(
        default=None, description="`text`, or `json_schema` where a language model is configured."
    )
    depth: Depth = Field(default=DEFAULT_DEPTH, description=f"Not OpenAI's, for their clients' `extra_body`. {DEPTH}")


@dataclass(frozen=True, slots=True)
class ChatQuery:
    """The question of a conversation, with the earlier ones, and the image that it is about."""

    question: str
    history: History
    image: bytes | None


def parse_conversation(messages: Sequence[ChatMessage], *, max_chars: int) -> ChatQuery:
    """Return the user's last message as the question, the image that it is about, and the history before it.

    What follows the user's last message is left out. The image is the question's own, or an earlier one that it refers
    to; the URLs of other images are not read. Raises Problem (400).
    """
    of_user = [index for index, message in enumerate(messages) if message.role == "user"]
    if not of_user:
        raise _refused("messages", "expected a message of the role user, found none")
    last = messages[of_user[-1]]
    question = question_of(last.text)
    if not question and not last.images:
        raise _refused("messages", "expected a question in the last message of the user, found nothing")
    if len(question) > max_chars:
        raise _refused("messages", f"expected a question of at most {max_chars} characters, found {len(question)}")
    if len(last.images) > 1:
        raise _refused("messages", f"expected one picture in a question, found {len(last.images)}")
    questions = [messages[index] for index in of_user]
    url = picture_of_last([(item.text[:max_chars], item.images[-1] if item.images else None) for item in questions])
    history = _history(messages[: of_user[-1]], max_chars)
    return ChatQuery(question, history, None if url is None else decode_data_url(url, "messages.content.image_url"))


def answer_schema(response_format: Mapping[str, Any] | None) -> Schema | None:
    """Return the JSON Schema that an answer is to have, None for text. Raises Problem (400)."""
    kind = (response_format or {}).get("type") or "text"
    if kind == "text":
        return None
    if kind != "json_schema":
        raise format_problem(f"expected the response_format text or json_schema, found {kind}")
    described = (response_format or {}).get("json_schema")
    try:
        return read_schema(described.get("schema") if isinstance(described, Mapping) else described)
    except UsageError as exc:
        raise format_problem(str(exc)) from exc


def format_problem(detail: str) -> Problem:
    """Return the problem (400) of a `response_format` that no answer can have."""
    step = "POST /v1/extract takes a JSON Schema and returns values of a document with the pages that they are from."
    return Problem(400, "invalid-request", detail, next_step=step, fields=[("response_format", detail)])


def reply_without_search(messages: Sequence[ChatMessage]) -> str | None:
    """Return the reply to what the chat program asks for itself in the user's last message; None if it asks nothing."""
    of_user = [message.text for message in messages if message.role == "user"]
    return reply_to_task(of_user[-1]) if of_user else None


def _history(messages: Sequence[ChatMessage], max_chars: int) -> History:
    """Return pairs of question and answer, the answers without their list of sources."""
    history: list[tuple[str, str]] = []
    question = ""
    for message in messages:
        if message.role == "user":
            question = message.text[:max_chars] or (PICTURE_ONLY if message.images else "")
        elif message.role == "assistant" and question:
            history.append((question, message.text.partition(SOURCES_HEADING)[0][:MAX_ANSWER_CHARS]))
            question = ""
    return history


def decode_data_url(url: str, field: str) -> bytes:
    """Return the bytes of a data URL. Raises Problem (400), for every other URL too: nothing is fetched."""
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise _refused(
            field,
            "expected a picture as a data URL (data:image/png;base64,...), found another URL, which is never fetched",
        )
    data = decode_base64(match["data"])
    if not data:
        raise _refused(field, "expected base64 in the data URL, found something else")
    return data


def _refused(field: str, detail: str) -> Problem:
    return Problem(400, "invalid-request", detail, fields=[(field, detail)])


class UrlCitation(BaseModel):
    """A mark in the text (start and end in characters) with its page."""

    start_index: int
    end_index: int
    url: str
    title: str


class Annotation(BaseModel):
    """An annotation of a part of the text."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class AnswerState(BaseModel):
    """Whether the documents answer, and how sure that is: beside OpenAI's fields. Of JSON, `confidence` is the share of
    its values that stand on their pages, and `reason` names the others."""

    found: Found
    confidence: float
    reason: str
    searches: list[str] = Field(default=[], description="What a thorough search looked for, in order.")


class MessageOut(BaseModel):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: str | None = Field(default=None, description="Why there is no JSON of the schema that was asked for.")
    annotations: list[Annotation]
    answer: AnswerState | None = None


class Choice(BaseModel):
    """The only choice of a completion."""

    index: int = 0
    message: MessageOut
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class TokensOut(BaseModel):
    """Tokens that a language model counted; 0 without one."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class ChatCompletion(BaseModel):
    """A complete answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: TokensOut


class ModelOut(BaseModel):
    """A collection as a model."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["pagelens"] = "pagelens"


class ModelsOut(BaseModel):
    """The collections that the caller can access, as models."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


class ErrorDetail(BaseModel):
    """The description of an error."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorOut(BaseModel):
    """OpenAI's error object."""

    error: ErrorDetail


def chunk(header: "ChunkHeader", delta: dict[str, Any], *, finish: str | None = None) -> dict[str, Any]:
    """Return a chunk of a streamed answer."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {**header.fields(), "choices": [choice]}


@dataclass(frozen=True, slots=True)
class ChunkHeader:
    """The fields that all chunks of a streamed answer share."""

    id: str
    created: int
    model: str

    def fields(self) -> dict[str, Any]:
        """Return the JSON fields."""
        return {"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model}
