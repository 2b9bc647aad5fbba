"""Models that are served with Anthropic's Messages protocol, through the `anthropic` package.

Retries are those of `pagelens.generate.llm.retrying`; the package's own are off.
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
from pagelens.generate.llm.chat import (
    ChatEvent,
    ChatRequest,
    Finished,
    ImagePart,
    Message,
    ModelOptions,
    TextDelta,
    TextPart,
)
from pagelens.generate.llm.retrying import RetryableError, RetryPolicy, with_retries
from pagelens.generate.llm.server_errors import cut_off, malformed, status_error, timed_out, unreachable

# An error within a stream comes with status 200; the status is derived from its type.
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
RETRY_POLICY = RetryPolicy()


class AnthropicModel:
    """A model that is called with the Messages protocol."""

    accepts_images = True

    def __init__(
        self, name: str, *, key: str | None, address: str | None = None, retry_policy: RetryPolicy = RETRY_POLICY
    ) -> None:
        """`address` is the base URL, without "/v1/messages"; None: Anthropic's own, which needs a key."""
        if not key and address is None:
            raise GenerationError("no-key", f"expected a key for {name}, found none. Set ANTHROPIC_API_KEY.")
        self.name = name
        self._retry_policy = retry_policy
        timeout = httpx2.Timeout(retry_policy.idle_timeout, connect=retry_policy.connect_timeout)
        self._client = anthropic.Anthropic(base_url=address, api_key=key or "none", max_retries=0, timeout=timeout)
        self._address = str(self._client.base_url).rstrip("/")

    def stream(self, request: ChatRequest) -> Generator[ChatEvent]:
        """Yield the reply. Closing the generator closes the connection. Raises GenerationError."""
        return with_retries(partial(self._call, request), self._retry_policy)

    def _call(self, request: ChatRequest) -> Generator[ChatEvent]:
        messages: Any = [_message(message) for message in request.messages]
        try:
            with self._client.messages.create(
                model=self.name, max_tokens=request.max_tokens, system=request.system, messages=messages, stream=True
            ) as events:
                yield from _events(events, self._address)
        except anthropic.APIStatusError as exc:
            status = exc.status_code if exc.status_code >= 400 else STATUS_OF.get(str(exc.type), 400)
            raise self._status_error(status, exc) from exc
        except (anthropic.APITimeoutError, httpx2.TimeoutException) as exc:
            raise timed_out(self._address, self._retry_policy.idle_timeout) from exc
        except (anthropic.APIConnectionError, httpx2.ConnectError) as exc:
            cause = exc.__cause__ or exc
            refused = isinstance(cause, httpx2.ConnectError)
            raise (unreachable(self._address, cause) if refused else cut_off(self._address)) from exc
        except httpx2.HTTPError as exc:
            raise cut_off(self._address) from exc
        except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError) as exc:
            raise malformed(self._address, exc) from exc

    def _status_error(self, status: int, exc: anthropic.APIStatusError) -> GenerationError | RetryableError:
        message = f"{exc.type or ''} {exc.message}"
        return status_error(status, message, model=self.name, address=self._address, headers=exc.response.headers)


def load(name: str, options: ModelOptions) -> AnthropicModel:
    """Return the model, see `pagelens.generate.llm.providers`."""
    policy = RetryPolicy(idle_timeout=options.idle_timeout)
    return AnthropicModel(name, key=options.key, address=options.address, retry_policy=policy)


def _events(events: anthropic.Stream[RawMessageStreamEvent], address: str) -> Iterator[ChatEvent]:
    reason, stopped, any_event = "", False, False
    input_tokens: int | None = None
    output_tokens: int | None = None
    for event in events:
        any_event = True
        if event.type == "message_start":
            usage = event.message.usage
            cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
            input_tokens = usage.input_tokens + cached
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            yield TextDelta(event.delta.text)
        elif event.type == "message_delta":
            reason, output_tokens = event.delta.stop_reason or reason, event.usage.output_tokens
        stopped = stopped or event.type == "message_stop"
    if reason == "refusal":
        raise GenerationError("refused", "the model refused to answer")
    if not (reason and stopped):
        raise cut_off(address) if any_event else malformed(address, "no event at all")
    cut = reason in ("max_tokens", "model_context_window_exceeded")
    yield Finished("length" if cut else "stop", input_tokens, output_tokens)


def _message(message: Message) -> dict[str, object]:
    return {"role": message.role, "content": [_part(part) for part in message.parts]}


def _part(part: TextPart | ImagePart) -> dict[str, object]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    data = base64.b64encode(part.data).decode("ascii")
    return {"type": "image", "source": {"type": "base64", "media_type": part.media_type, "data": data}}
