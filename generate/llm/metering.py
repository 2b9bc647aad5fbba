"""Usage of language models: calls, tokens, time and cost of an answer."""

from dataclasses import dataclass, field
from typing import NamedTuple

from pagelens.core.types import Usage
from pagelens.generate.llm.chat import Finished
from pagelens.generate.prompts import Prompt


class Prices(NamedTuple):
    """Prices of a million tokens, in any currency."""

    input: float
    output: float


def cost_of(prices: Prices | None, input_tokens: int | None, output_tokens: int | None) -> float | None:
    """Return what tokens cost; None where a price or a count is not known."""
    if prices is None or input_tokens is None or output_tokens is None:
        return None
    return (input_tokens * prices.input + output_tokens * prices.output) / 1e6


@dataclass(slots=True)
class UsageMeter:
    """Adds up the calls of one answer. Token counts are the server's; None if it gives none."""

    calls: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompts: list[str] = field(default_factory=list)  # ids of the prompts that were sent, each once

    def add_call(self, end: Finished, prompt: str = "") -> None:
        """Count one call, of the prompt with the id `prompt`."""
        self.calls += 1
        self.prompts += [prompt] if prompt and prompt not in self.prompts else []
        if end.input_tokens is not None:
            self.input_tokens = (self.input_tokens or 0) + end.input_tokens
        if end.output_tokens is not None:
            self.output_tokens = (self.output_tokens or 0) + end.output_tokens

    def usage(self, model: str, prompt: Prompt, seconds: float, prices: Prices | None, *, samples: int = 1) -> Usage:
        """Return the usage of the answer to a prompt that was sent `samples` times."""
        return Usage(
            model=model,
            pages=len(prompt.shown),
            pictures=prompt.image_count,
            estimated_tokens=samples * prompt.tokens,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            calls=self.calls,
            seconds=seconds,
            cost=cost_of(prices, self.input_tokens, self.output_tokens),
            prompts=tuple(self.prompts),
        )
