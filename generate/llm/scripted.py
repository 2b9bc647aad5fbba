"""A model with scripted replies, for tests and to see what a model would be sent. No network, no weights."""

from collections.abc import Callable, Generator, Sequence

from pagelens.core.errors import GenerationError
from pagelens.generate.llm.chat import ChatEvent, ChatRequest, Finished, ImagePart, TextDelta, TextPart

Reply = str | GenerationError
CHARACTERS_PER_TOKEN = 4
PIXELS_PER_TOKEN = 28 * 28


class ScriptedModel:
    """Replies in order, or as a function of the request; a scripted error is raised. Keeps every request."""

    def __init__(
        self,
        replies: Sequence[Reply] | Callable[[ChatRequest], Reply],
        *,
        name: str = "scripted",
        accepts_images: bool = True,
        piece: int = 7,
    ) -> None:
        """`piece` is the number of characters in each event."""
        self.name = name
        self.accepts_images = accepts_images
        self.requests: list[ChatRequest] = []
        self.closed_early = 0  # streams that were closed before their end
        self._replies = replies
        self._piece = piece

    def stream(self, request: ChatRequest) -> Generator[ChatEvent]:
        """Yield the next reply in pieces. Raises the scripted error, and GenerationError after the last reply."""
        self.requests.append(request)
        reply = self._next(request)
        if isinstance(reply, GenerationError):
            raise reply
        try:
            for start in range(0, len(reply), self._piece):
                yield TextDelta(reply[start : start + self._piece])
        except GeneratorExit:
            self.closed_early += 1
            raise
        yield Finished("stop", count_tokens(request), len(reply) // CHARACTERS_PER_TOKEN)

    def _next(self, request: ChatRequest) -> Reply:
        if callable(self._replies):
            return self._replies(request)
        index = len(self.requests) - 1
        if index < len(self._replies):
            return self._replies[index]
        raise GenerationError("rejected", f"the script has {len(self._replies)} replies, asked for one more")


def count_tokens(request: ChatRequest) -> int:
    """Return the approximate number of tokens of a request."""
    characters = len(request.system)
    pixels = 0
    for message in request.messages:
        characters += sum(len(part.text) for part in message.parts if isinstance(part, TextPart))
        pixels += sum(part.width * part.height for part in message.parts if isinstance(part, ImagePart))
    return characters // CHARACTERS_PER_TOKEN + pixels // PIXELS_PER_TOKEN
