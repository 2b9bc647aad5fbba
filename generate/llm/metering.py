"""What answers take: calls, tokens, time, and what that costs. Knows no protocol on the wire."""

from dataclasses import dataclass
from typing import NamedTuple

from pagelens.core.types import Usage
from pagelens.generate.llm.chat import Finished
from pagelens.generate.prompts import Prompt


class Prices(NamedTuple):
    """What a million tokens cost."""

    read: float
    written: float


@dataclass(slots=True)
class Meter:
    """What the calls of one answer took, as the server counts tokens; None as long as it does not."""

    calls: int = 0
    read: int | None = None
    written: int | None = None

    def note(self, end: Finished) -> None:
        """Count one call."""
        self.calls += 1
        if end.input_tokens is not None:
            self.read = (self.read or 0) + end.input_tokens
        if end.output_tokens is not None:
            self.written = (self.written or 0) + end.output_tokens

    def usage(self, model: str, prompt: Prompt, seconds: float, prices: Prices | None) -> Usage:
        """Return what the answer to a prompt took."""
        return Usage(
            model,
            len(prompt.shown),
            prompt.pictures,
            prompt.tokens,
            self.read,
            self.written,
            self.calls,
            seconds,
            self._cost(prices),
        )

    def _cost(self, prices: Prices | None) -> float | None:
        if prices is None or self.read is None or self.written is None:
            return None
        return (self.read * prices.read + self.written * prices.written) / 1e6
