"""Errors of model servers: status, code and message of a failed call as one GenerationError, and whether to retry."""

import re
from collections.abc import Mapping

from pagelens.core.errors import GenerationError
from pagelens.generate.llm.retrying import RetryableError

_TOO_LONG = re.compile(
    r"context[ _]?(length|window|size)|too (long|many tokens|large)|maximum (context|prompt|input)|"
    r"exceed\w* .{0,40}(token|context|length)",
    re.IGNORECASE,
)
_NO_IMAGES = re.compile(
    r"not a (multimodal|vision)|"
    r"(image|vision|picture|multimodal|mmproj|image_url).{0,80}(not|un)\s?-?(support|avail|allow|accept|a multimodal)|"
    r"not (support|a multimodal|accept|allow).{0,80}(image|vision|multimodal|image_url)|image input",
    re.IGNORECASE | re.DOTALL,
)
_NO_MODEL = re.compile(
    r"model.{0,80}(not (found|exist)|does not exist|unknown)|no such model|unknown model", re.I | re.S
)
_QUOTA_EXHAUSTED = re.compile(r"insufficient_quota|billing|credit balance|exceeded your current quota", re.IGNORECASE)
_REFUSED = re.compile(r"content[ _](filter|policy|management)|safety system|responsible ai", re.IGNORECASE)
TRANSIENT = (500, 502, 503, 504, 520, 522, 524, 529)  # statuses that may pass


def status_error(
    status: int, message: str, *, model: str, address: str, headers: Mapping[str, str] | None = None
) -> GenerationError | RetryableError:
    """Return the error for a response with an error status. `message`: the server's own code and message."""
    short = " ".join(message.split())[:300]
    reply = f"{address} answered {status}: {short}"
    if status == 429 and not _QUOTA_EXHAUSTED.search(message):
        error = GenerationError("busy", f"the model's server is busy. {reply}")
        return RetryableError(error, parse_retry_after(headers or {}))
    if status in TRANSIENT:
        error = GenerationError("server", f"the model's server failed. {reply}")
        return RetryableError(error, parse_retry_after(headers or {}))
    if status == 401:
        return GenerationError("no-key", f"expected a key that the server knows, found none or another. {reply}")
    if status in (402, 403, 429):
        return GenerationError("refused", f"expected a key that may use {model}, found one that may not. {reply}")
    if status == 404 or (status in (400, 422) and _NO_MODEL.search(message)):
        return GenerationError(
            "no-model", f"expected a model called {model!r} at the server, found none (see its /models). {reply}"
        )
    if status == 413 or _TOO_LONG.search(message):
        return GenerationError("too-long", f"expected fewer or smaller pages: they do not fit the model. {reply}")
    if _NO_IMAGES.search(message):
        return GenerationError("no-pictures", f"expected a model that accepts images, {model} does not. {reply}")
    if _REFUSED.search(message):
        return GenerationError("refused", f"the server refused the request. {reply}")
    return GenerationError("rejected", f"the server rejected the request. {reply}")


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait (RFC 9110, seconds only); None if it names none."""
    for name, scale in (("retry-after-ms", 1_000), ("retry-after", 1)):
        try:
            if value := headers.get(name):
                return float(value) / scale
        except ValueError:
            continue
    return None


def no_images_error(model: str) -> GenerationError:
    """Return the error for a request with images to a model that accepts text only."""
    return GenerationError("no-pictures", f"expected a request without images for {model}, found some")


def unreachable(address: str, reason: object) -> GenerationError:
    """Return the error for a server that could not be reached."""
    return GenerationError(
        "unreachable", f"expected a model server at {address}, could not reach it ({reason}). Is it running?"
    )


def timed_out(address: str, seconds: float) -> GenerationError:
    """Return the error for a server that sent nothing for too long."""
    return GenerationError("timed-out", f"expected a word from {address} within {seconds:g} s, found silence")


def cut_off(address: str) -> GenerationError:
    """Return the error for a stream that ended before the reply was complete."""
    return GenerationError("cut-off", f"expected the reply from {address} to its end, it broke off. Ask again.")


def malformed(address: str, found: object) -> GenerationError:
    """Return the error for a response that does not follow the protocol."""
    return GenerationError(
        "malformed", f"expected a stream of the model's protocol from {address}, found something else: {found}"
    )
