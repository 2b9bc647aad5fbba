"""Model calls in the open: each is logged, traced, and reported with its prompt, tokens, images, time and outcome."""

import logging
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from pagelens.core import tracing
from pagelens.core.errors import GenerationError
from pagelens.generate.llm.chat import ChatEvent, ChatModel, ChatRequest, Finished
from pagelens.generate.llm.metering import Prices, cost_of

logger = logging.getLogger(__name__)

CLOSED = "closed"  # the outcome where the reader left before the end


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One call of a model, retries included. Token counts are the server's; None where it gave none."""

    model: str
    prompt: str  # its id: "answer@1"
    request: str  # the id of the HTTP request that it is for; "" outside a server
    images: Sequence[tuple[int, int]]  # width and height of each in pixels
    input_tokens: int | None
    output_tokens: int | None
    seconds: float
    outcome: str  # "stop", "length", CLOSED, or the code of a GenerationError
    cost: float | None  # at the prices that are configured


OnCall = Callable[[ModelCall], None]


class ObservedModel:
    """A chat model whose calls are reported when they end. They never contain a text of a document or a question."""

    def __init__(
        self,
        model: ChatModel,
        *,
        prices: Prices | None = None,
        on_call: OnCall = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model, self._prices, self._on_call, self._clock = model, prices, on_call, clock

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    @property
    def accepts_images(self) -> bool:
        """Whether requests may contain images."""
        return self._model.accepts_images

    def stream(self, request: ChatRequest) -> Generator[ChatEvent]:
        """Yield the model's reply. Raises what it raises."""
        started, end, outcome = self._clock(), Finished("stop"), CLOSED
        span = tracing.start_span(
            f"chat {self.name}",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": self.name,
                "gen_ai.request.max_tokens": request.max_tokens,
                "pagelens.prompt": request.prompt,
                "pagelens.images": len(request.images),
                "pagelens.request_id": tracing.request_id.get(),
            },
        )
        try:
            with closing(self._model.stream(request)) as events:
                for event in events:
                    if isinstance(event, Finished):
                        end, outcome = event, event.reason
                    yield event
        except GenerationError as exc:
            outcome = exc.code
            raise
        finally:
            self._report(
                ModelCall(
                    model=self.name,
                    prompt=request.prompt,
                    request=tracing.request_id.get(),
                    images=[(image.width, image.height) for image in request.images],
                    input_tokens=end.input_tokens,
                    output_tokens=end.output_tokens,
                    seconds=self._clock() - started,
                    outcome=outcome,
                    cost=cost_of(self._prices, end.input_tokens, end.output_tokens),
                ),
                span,
            )

    def _report(self, call: ModelCall, span: tracing.TraceSpan) -> None:
        span.set(
            {
                "gen_ai.usage.input_tokens": call.input_tokens,
                "gen_ai.usage.output_tokens": call.output_tokens,
                "pagelens.outcome": call.outcome,
                "pagelens.cost": call.cost,
            }
        )
        span.end("" if call.outcome in ("stop", "length", CLOSED) else call.outcome)
        fields = {
            "model": call.model,
            "prompt": call.prompt,
            "request": call.request,
            "images": [f"{width}x{height}" for width, height in call.images],
            "tokens_in": call.input_tokens,
            "tokens_out": call.output_tokens,
            "ms": round(call.seconds * 1_000, 1),
            "outcome": call.outcome,
            "cost": call.cost,
        }
        logger.info("model call", extra={"fields": fields})
        self._on_call(call)
