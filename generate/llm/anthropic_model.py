"""Models behind Anthropic's Messages protocol, through the `anthropic` package.

Retries are ours (`pagelens.generate.llm.retrying`), the package's own are off. Knows nothing of pages and citations.
"""

import base64
import json
from collections.abc import Generator, Iterator
from functools import partial
from typing import Any

import anthropic
import httpx2
from anthropic.types import RawMessageStreamEvent

from pagelens.core.errors import GenerationError
from pagelens.generate.llm.chat import ChatEvent, ChatRequest, Finished, Message, ImagePart, TextDelta, TextPart
from pagelens.generate.llm.replies import cut_off, malformed, status_error, timed_out, unreachable
from pagelens.generate.llm.retrying import RetryableError, Patience, with_retries

# An error within a stream comes with status 200; its type says what it is.
STATUS_OF = {
    "rate_limit_error": 429,
    "overloaded_error": 529,
    "api_error": 500,
    "timeout_error": 504,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
}
PATIENCE = Patience()


class AnthropicModel:
    """A model that speaks Messages."""

    accepts_images = True

    def __init__(
        self, name: str, *, key: str | None, address: str | None = None, patience: Patience = PATIENCE
    ) -> None:
        """`address` ends where /v1/messages begins; None: Anthropic's own, which needs a key."""
        if not key and address is None:
            raise GenerationError("no-key", f"expected a key for {name}, found none. Set ANTHROPIC_API_KEY.")
        self.name = name
        self._patience = patience
        times = httpx2.Timeout(patience.silence, connect=patience.connect)
        self._client = anthropic.Anthropic(base_url=address, api_key=key or "none", max_retries=0, timeout=times)
        self._address = str(self._client.base_url).rstrip("/")

    def stream(self, request: ChatRequest) -> Generator[ChatEvent]:
        """Yield the reply; closing the generator closes the connection. Raises GenerationError."""
        return with_retries(partial(self._call, request), self._patience)

    def _call(self, request: ChatRequest) -> Generator[ChatEvent]:
        messages: Any = [_message(one) for one in request.messages]
        try:
            with self._client.messages.create(
                model=self.name, max_tokens=request.max_tokens, system=request.system, messages=messages, stream=True
            ) as events:
                yield from _events(events, self._address)
        except anthropic.APIStatusError as exc:
            status = exc.status_code if exc.status_code >= 400 else STATUS_OF.get(str(exc.type), 400)
            raise self._said(status, exc) from exc
        except (anthropic.APITimeoutError, httpx2.TimeoutException) as exc:
            raise timed_out(self._address, self._patience.silence) from exc
        except (anthropic.APIConnectionError, httpx2.ConnectError) as exc:
            cause = exc.__cause__ or exc
            lost = not isinstance(cause, httpx2.ConnectError)
            raise (cut_off(self._address) if lost else unreachable(self._address, cause)) from exc
        except httpx2.HTTPError as exc:
            raise cut_off(self._address) from exc
        except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError) as exc:
            raise malformed(self._address, exc) from exc

    def _said(self, status: int, exc: anthropic.APIStatusError) -> GenerationError | RetryableError:
        said = f"{exc.type or ''} {exc.message}"
        return status_error(status, said, model=self.name, address=self._address, headers=exc.response.headers)


def _events(events: anthropic.Stream[RawMessageStreamEvent], address: str) -> Iterator[ChatEvent]:
    reason, stopped, seen = "", False, False
    read: int | None = None
    written: int | None = None
    for event in events:
        seen = True
        if event.type == "message_start":
            used = event.message.usage
            read = used.input_tokens + (used.cache_creation_input_tokens or 0) + (used.cache_read_input_tokens or 0)
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            yield TextDelta(event.delta.text)
        elif event.type == "message_delta":
            reason, written = event.delta.stop_reason or reason, event.usage.output_tokens
        stopped = stopped or event.type == "message_stop"
    if reason == "refusal":
        raise GenerationError("refused", "the model refused to answer")
    if not (reason and stopped):
        raise cut_off(address) if seen else malformed(address, "no event at all")
    cut = reason in ("max_tokens", "model_context_window_exceeded")
    yield Finished("length" if cut else "stop", read, written)


def _message(message: Message) -> dict[str, object]:
    return {"role": message.role, "content": [_part(part) for part in message.parts]}


def _part(part: TextPart | ImagePart) -> dict[str, object]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    data = base64.b64encode(part.data).decode("ascii")
    return {"type": "image", "source": {"type": "base64", "media_type": part.media_type, "data": data}}
