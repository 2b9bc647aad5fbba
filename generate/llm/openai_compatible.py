"""Models that are served with the Chat Completions protocol, through the `openai` package.

OpenAI, vLLM, SGLang, Ollama, llama.cpp, LM Studio, OpenRouter and others serve it.

Retries are those of `pagelens.generate.llm.retrying`; the package's own are off. A stream that ends without a finish
reason is an error, although the package accepts it.
"""

import base64
import json
import uuid
from collections.abc import Generator, Iterator, Mapping
from functools import partial
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk

from pagelens.core.errors import GenerationError
from pagelens.core.tracing import request_id
from pagelens.generate.llm.chat import (
    SAMPLING_TEMPERATURE,
    ChatEvent,
    ChatRequest,
    Finished,
    ImagePart,
    Message,
    ModelOptions,
    TextDelta,
)
from pagelens.generate.llm.retrying import RetryableError, RetryPolicy, with_retries
from pagelens.generate.llm.server_errors import (
    cut_off,
    malformed,
    no_images_error,
    status_error,
    timed_out,
    unreachable,
)

TOP_LOGPROBS = 10  # alternatives of a token, where they are asked for
NO_KEY = "none"  # local servers need no key, but the package demands one
STATUS_OF = {"rate_limit_exceeded": 429, "overloaded": 529, "server_error": 500, "internal_error": 500}
RETRY_POLICY = RetryPolicy()


class OpenAICompatibleModel:
    """A model at an address that is called with the Chat Completions protocol."""

    def __init__(
        self,
        name: str,
        *,
        address: str | None = None,
        key: str | None = None,
        accepts_images: bool = True,
        retry_policy: RetryPolicy = RETRY_POLICY,
    ) -> None:
        """`address` is the base URL, without "/chat/completions" (".../v1"); None: OpenAI's own, which needs a key."""
        if address is None and not key:
            raise GenerationError("no-key", f"expected a key for {name}, found none. Set OPENAI_API_KEY.")
        self.name = name
        self.accepts_images = accepts_images
        self._retry_policy = retry_policy
        self._is_openai = address is None
        timeout = httpx2.Timeout(retry_policy.idle_timeout, connect=retry_policy.connect_timeout)
        self._client = openai.OpenAI(base_url=address, api_key=key or NO_KEY, max_retries=0, timeout=timeout)
        self._address = str(self._client.base_url).rstrip("/")

    def stream(self, request: ChatRequest) -> Generator[ChatEvent]:
        """Yield the reply. Closing the generator closes the connection. Raises GenerationError."""
        if request.images and not self.accepts_images:
            raise no_images_error(self.name)
        headers = {"Idempotency-Key": f"pagelens-{uuid.uuid4().hex}"}  # a server that knows it bills a retry once
        if caller := request_id.get():
            headers["X-Client-Request-Id" if self._is_openai else "X-Request-Id"] = caller
        return with_retries(partial(self._call, request, headers), self._retry_policy)

    def _call(self, request: ChatRequest, headers: Mapping[str, str]) -> Generator[ChatEvent]:
        try:
            with self._client.chat.completions.create(
                model=self.name,
                messages=_messages(request),
                stream=True,
                stream_options={"include_usage": True},
                extra_headers=headers,
                **self._sampling_options(request),
            ) as chunks:
                yield from _events(chunks, self._address)
        except openai.APIStatusError as exc:
            raise self._status_error(exc.status_code, exc, exc.response.headers) from exc
        except (openai.APITimeoutError, httpx2.TimeoutException) as exc:
            raise timed_out(self._address, self._retry_policy.idle_timeout) from exc
        except (openai.APIConnectionError, httpx2.ConnectError) as exc:
            raise _connection_error(exc, self._address) from exc
        except httpx2.HTTPError as exc:
            raise cut_off(self._address) from exc
        except openai.APIError as exc:  # an error within the stream
            code = str(exc.code or exc.type or "")
            raise self._status_error(int(code) if code.isdecimal() else STATUS_OF.get(code, 400), exc, {}) from exc
        except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError) as exc:
            raise malformed(self._address, exc) from exc

    def _sampling_options(self, request: ChatRequest) -> dict[str, Any]:
        """Return the limit of tokens and the temperature.

        OpenAI's own models reject the older name of the limit and, if they are reasoning models, the temperature;
        local servers know only these.
        """
        wanted = {"logprobs": True, "top_logprobs": TOP_LOGPROBS} if request.logprobs else {}
        if self._is_openai:
            return {"max_completion_tokens": request.max_tokens, **wanted}
        temperature = SAMPLING_TEMPERATURE if request.sampled else 0.0
        return {"max_tokens": request.max_tokens, "temperature": temperature, **wanted}

    def _status_error(self, status: int, exc: openai.APIError, headers: Any) -> GenerationError | RetryableError:
        message = f"{exc.code or ''} {exc.message}"
        return status_error(status, message, model=self.name, address=self._address, headers=headers)


def load(name: str, options: ModelOptions) -> OpenAICompatibleModel:
    """Return the model, see `pagelens.generate.llm.providers`."""
    return OpenAICompatibleModel(
        name,
        address=options.address,
        key=options.key,
        accepts_images=options.accepts_images,
        retry_policy=RetryPolicy(idle_timeout=options.idle_timeout),
    )


def _connection_error(exc: Exception, address: str) -> GenerationError:
    """Return the error for a connection that could not be made, or that was lost."""
    cause = exc.__cause__ or exc
    return unreachable(address, cause) if isinstance(cause, httpx2.ConnectError) else cut_off(address)


def _events(chunks: openai.Stream[ChatCompletionChunk], address: str) -> Iterator[ChatEvent]:
    reason, refusal, any_event = "", "", False
    token_counts: tuple[int | None, int | None] = (None, None)
    first_token: dict[str, float] | None = None
    for chunk in chunks:
        any_event = True
        if chunk.usage is not None:
            token_counts = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        for choice in (chunk.choices or [])[:1]:
            if choice.delta.content:
                yield TextDelta(choice.delta.content)
            if first_token is None and choice.logprobs and choice.logprobs.content:
                alternatives = choice.logprobs.content[0].top_logprobs
                first_token = {alternative.token: alternative.logprob for alternative in alternatives}
            refusal += choice.delta.refusal or ""
            reason = choice.finish_reason or reason
    if refusal or reason == "content_filter":
        raise GenerationError("refused", f"the model refused to answer: {refusal or 'its filter did'}")
    if not reason:
        raise cut_off(address) if any_event else malformed(address, "no event at all")
    yield Finished("length" if reason == "length" else "stop", *token_counts, first_token)


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
