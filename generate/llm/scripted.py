"""A model that says what it was told to say: for tests, and to see what a model would be sent. No network, no weights.

It counts a token for four letters and for 28 by 28 pixels.
"""

from collections.abc import Callable, Generator, Sequence

from pagelens.core.errors import GenerationError
from pagelens.generate.llm.chat import ChatEvent, ChatRequest, Finished, ImagePart, TextDelta, TextPart

Reply = str | GenerationError
TOKEN = 4  # letters


class ScriptedModel:
    """Replies in order, or as a function of the request; an error is raised in its turn. Keeps every request."""

    def __init__(
        self,
        replies: Sequence[Reply] | Callable[[ChatRequest], Reply],
        *,
        name: str = "scripted",
        accepts_images: bool = True,
        piece: int = 7,
    ) -> None:
        self.name = name
        self.accepts_images = accepts_images
        self.requests: list[ChatRequest] = []
        self.closed_early = 0  # streams that were closed before their end
        self._replies = replies
        self._piece = piece  # letters that come at once

    def stream(self, request: ChatRequest) -> Generator[ChatEvent]:
        """Yield the next reply in pieces. Raises the error that stands in its place, and when the script is over."""
        self.requests.append(request)
        reply = self._next(request)
        if isinstance(reply, GenerationError):
            raise reply
        try:
            for at in range(0, len(reply), self._piece):
                yield TextDelta(reply[at : at + self._piece])
        except GeneratorExit:
            self.closed_early += 1
            raise
        yield Finished("stop", count_tokens(request), len(reply) // TOKEN)

    def _next(self, request: ChatRequest) -> Reply:
        if callable(self._replies):
            return self._replies(request)
        index = len(self.requests) - 1
        if index < len(self._replies):
            return self._replies[index]
        raise GenerationError("rejected", f"the script has {len(self._replies)} replies, asked for one more")


def count_tokens(request: ChatRequest) -> int:
    """Return about how many tokens a request has."""
    letters = len(request.system)
    pixels = 0
    for message in request.messages:
        letters += sum(len(part.text) for part in message.parts if isinstance(part, TextPart))
        pixels += sum(part.width * part.height for part in message.parts if isinstance(part, ImagePart))
    return letters // TOKEN + pixels // 784
