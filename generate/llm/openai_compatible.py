"""Models behind the Chat Completions protocol, as OpenAI, vLLM, SGLang, Ollama, llama.cpp, LM Studio, OpenRouter and
others serve it, through the `openai` package.

Retries are ours (`pagelens.generate.llm.retrying`), the package's own are off. A stream that ends without a finish reason broke off,
whatever the package says of it. Knows nothing of pages and citations.
"""

import base64
import json
from collections.abc import Generator, Iterator
from functools import partial
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk

from pagelens.core.errors import GenerationError
from pagelens.generate.llm.chat import ChatEvent, ChatRequest, Finished, Message, ImagePart, TextDelta
from pagelens.generate.llm.replies import cut_off, malformed, status_error, timed_out, unreachable
from pagelens.generate.llm.retrying import RetryableError, Patience, with_retries

NO_KEY = "none"  # local servers want none, the package demands one
STATUS_OF = {"rate_limit_exceeded": 429, "overloaded": 529, "server_error": 500, "internal_error": 500}
PATIENCE = Patience()


class OpenAICompatibleModel:
    """A model at an address that speaks Chat Completions."""

    def __init__(
        self,
        name: str,
        *,
        address: str | None = None,
        key: str | None = None,
        accepts_images: bool = True,
        patience: Patience = PATIENCE,
    ) -> None:
        """`address` ends where /chat/completions begins (".../v1"); None: OpenAI's own, which needs a key."""
        if address is None and not key:
            raise GenerationError("no-key", f"expected a key for {name}, found none. Set OPENAI_API_KEY.")
        self.name = name
        self.accepts_images = accepts_images
        self._patience = patience
        self._own = address is None
        times = httpx2.Timeout(patience.silence, connect=patience.connect)
        self._client = openai.OpenAI(base_url=address, api_key=key or NO_KEY, max_retries=0, timeout=times)
        self._address = str(self._client.base_url).rstrip("/")

    def stream(self, request: ChatRequest) -> Generator[ChatEvent]:
        """Yield the reply; closing the generator closes the connection. Raises GenerationError."""
        if request.pictures and not self.accepts_images:
            raise GenerationError("no-pictures", f"expected a request without pictures for {self.name}, found some")
        return with_retries(partial(self._call, request), self._patience)

    def _call(self, request: ChatRequest) -> Generator[ChatEvent]:
        try:
            with self._client.chat.completions.create(
                model=self.name,
                messages=_messages(request),
                stream=True,
                stream_options={"include_usage": True},
                **self._limits(request),
            ) as chunks:
                yield from _events(chunks, self._address)
        except openai.APIStatusError as exc:
            raise self._said(exc.status_code, exc, exc.response.headers) from exc
        except (openai.APITimeoutError, httpx2.TimeoutException) as exc:
            raise timed_out(self._address, self._patience.silence) from exc
        except (openai.APIConnectionError, httpx2.ConnectError) as exc:
            raise _lost(exc, self._address) from exc
        except httpx2.HTTPError as exc:
            raise cut_off(self._address) from exc
        except openai.APIError as exc:  # an error within the stream
            code = str(exc.code or exc.type or "")
            raise self._said(int(code) if code.isdecimal() else STATUS_OF.get(code, 400), exc, {}) from exc
        except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError) as exc:
            raise malformed(self._address, exc) from exc

    def _limits(self, request: ChatRequest) -> dict[str, Any]:
        """Return how long and how freely the model may write: OpenAI's own models know neither the older name of the
        one nor, where they reason, the other; local servers know only these."""
        if self._own:
            return {"max_completion_tokens": request.max_tokens}
        return {"max_tokens": request.max_tokens, "temperature": 0.0}

    def _said(self, status: int, exc: openai.APIError, headers: Any) -> GenerationError | RetryableError:
        said = f"{exc.code or ''} {exc.message}"
        return status_error(status, said, model=self.name, address=self._address, headers=headers)


def _lost(exc: Exception, address: str) -> GenerationError:
    """Return the error for a connection that was never made, or that was lost."""
    cause = exc.__cause__ or exc
    return unreachable(address, cause) if isinstance(cause, httpx2.ConnectError) else cut_off(address)


def _events(chunks: openai.Stream[ChatCompletionChunk], address: str) -> Iterator[ChatEvent]:
    reason, refusal, seen = "", "", False
    used: tuple[int | None, int | None] = (None, None)
    for chunk in chunks:
        seen = True
        if chunk.usage is not None:
            used = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        for choice in (chunk.choices or [])[:1]:
            if choice.delta.content:
                yield TextDelta(choice.delta.content)
            refusal += choice.delta.refusal or ""
            reason = choice.finish_reason or reason
    if refusal or reason == "content_filter":
        raise GenerationError("refused", f"the model refused to answer: {refusal or 'its filter did'}")
    if not reason:
        raise cut_off(address) if seen else malformed(address, "no event at all")
    yield Finished("length" if reason == "length" else "stop", *used)


def _messages(request: ChatRequest) -> Any:
    return [{"role": "system", "content": request.system}, *map(_message, request.messages)]


def _message(message: Message) -> dict[str, object]:
    if message.role == "assistant":
        return {"role": "assistant", "content": "".join(part.text for part in message.parts if hasattr(part, "text"))}
    return {"role": "user", "content": [_part(part) for part in message.parts]}


def _part(part: object) -> dict[str, object]:
    if isinstance(part, ImagePart):
        encoded = base64.b64encode(part.data).decode("ascii")
        return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{encoded}"}}
    return {"type": "text", "text": getattr(part, "text", "")}
