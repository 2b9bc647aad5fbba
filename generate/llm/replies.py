"""What a model server's refusals mean: status, code and words to one error with a cause, and whether to try again."""

import re
from collections.abc import Mapping

from pagelens.core.errors import GenerationError
from pagelens.generate.llm.retrying import RetryableError

_TOO_LONG = re.compile(
    r"context[ _]?(length|window|size)|too (long|many tokens|large)|maximum (context|prompt|input)|"
    r"exceed\w* .{0,40}(token|context|length)",
    re.IGNORECASE,
)
_NO_PICTURES = re.compile(
    r"not a (multimodal|vision)|"
    r"(image|vision|picture|multimodal|mmproj|image_url).{0,80}(not|un)\s?-?(support|avail|allow|accept|a multimodal)|"
    r"not (support|a multimodal|accept|allow).{0,80}(image|vision|multimodal|image_url)|image input",
    re.IGNORECASE | re.DOTALL,
)
_NO_MODEL = re.compile(
    r"model.{0,80}(not (found|exist)|does not exist|unknown)|no such model|unknown model", re.I | re.S
)
_EMPTY = re.compile(r"insufficient_quota|billing|credit balance|exceeded your current quota", re.IGNORECASE)
_REFUSED = re.compile(r"content[ _](filter|policy|management)|safety system|responsible ai", re.IGNORECASE)
BROKEN = (500, 502, 503, 504, 520, 522, 524, 529)  # may pass


def status_error(
    status: int, said: str, *, model: str, address: str, headers: Mapping[str, str] | None = None
) -> GenerationError | RetryableError:
    """Return what an answer with an error's status means. `said`: code and message as the server gave them."""
    short = " ".join(said.split())[:300]
    where = f"{address} answered {status}: {short}"
    if status == 429 and not _EMPTY.search(said):
        return RetryableError(GenerationError("busy", f"the model's server is busy. {where}"), retry_after(headers or {}))
    if status in BROKEN:
        return RetryableError(GenerationError("server", f"the model's server failed. {where}"), retry_after(headers or {}))
    if status == 401:
        return GenerationError("no-key", f"expected a key that the server knows, found none or another. {where}")
    if status in (402, 403, 429):
        return GenerationError("refused", f"expected a key that may use {model}, found one that may not. {where}")
    if status == 404 or (status in (400, 422) and _NO_MODEL.search(said)):
        return GenerationError(
            "no-model", f"expected a model called {model!r} at the server, found none (see its /models). {where}"
        )
    if status == 413 or _TOO_LONG.search(said):
        return GenerationError("too-long", f"expected fewer or smaller pages: they do not fit the model. {where}")
    if _NO_PICTURES.search(said):
        return GenerationError("no-pictures", f"expected a model that sees pictures, {model} does not. {where}")
    if _REFUSED.search(said):
        return GenerationError("refused", f"the server refused the request. {where}")
    return GenerationError("rejected", f"the server rejected the request. {where}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait (RFC 9110, in seconds), None where it names none."""
    said = headers.get("retry-after-ms"), headers.get("retry-after")
    for value, scale in zip(said, (1_000, 1), strict=True):
        try:
            if value:
                return float(value) / scale
        except ValueError:
            continue
    return None


def unreachable(address: str, reason: object) -> GenerationError:
    """Return the error for a server that could not be reached."""
    return GenerationError(
        "unreachable", f"expected a model server at {address}, could not reach it ({reason}). Is it running?"
    )


def timed_out(address: str, seconds: float) -> GenerationError:
    """Return the error for a server that said nothing for too long."""
    return GenerationError("timed-out", f"expected a word from {address} within {seconds:g} s, found silence")


def cut_off(address: str) -> GenerationError:
    """Return the error for a reply that ended without saying so."""
    return GenerationError("cut-off", f"expected the reply from {address} to its end, it broke off. Ask again.")


def malformed(address: str, found: object) -> GenerationError:
    """Return the error for an answer that is not of the protocol."""
    return GenerationError(
        "malformed", f"expected a stream of the model's protocol from {address}, found something else: {found}"
    )
