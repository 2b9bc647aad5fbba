"""Estimates before anything is sent: calls, tokens and money, with each provider's own rule for images.

OpenAI counts tiles of 512 pixels, or patches of 32 for its newer small models; Anthropic a token for 750 pixels; models
on this machine patches of 28. Rules: platform.openai.com/docs/guides/images-vision, docs.anthropic.com (vision), and
Qwen2.5-VL's processor.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pagelens.core.types import ContextPage, UserImage
from pagelens.generate.llm.chat import ChatRequest, TextPart
from pagelens.generate.llm.image_parts import image_tokens
from pagelens.generate.llm.metering import Prices, cost_of
from pagelens.generate.prompts import estimate_tokens

CountImage = Callable[[int, int], int]
"""Width and height in pixels to tokens."""

TILE, TILED_SIDE, TILED_SHORT = 512, 2_048, 768  # pixels; an image is scaled down to fit the last two first
OPENAI_TILES = {"gpt-4o-mini": (2_833, 5_667), "o1": (75, 150), "o3": (75, 150), "gpt-5": (70, 140)}
DEFAULT_TILES = (85, 170)  # tokens of an image, and of each of its tiles
OPENAI_PATCHES = {"gpt-4.1-mini": 1.62, "gpt-4.1-nano": 2.46, "o4-mini": 1.72, "gpt-5-mini": 1.62, "gpt-5-nano": 2.46}
PATCH, MAX_PATCHES = 32, 1_536
ANTHROPIC_SIDE = 1_568  # pixels; a longer side is scaled down to it
LOCAL_PATCH = 28  # pixels: 14, and two by two merged
EXPECTED_REPLY_TOKENS = 100  # of an answer: a sentence or two with their marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What requests take: about so many tokens are sent and received, at so much."""

    model: str
    calls: int
    images: int
    input_tokens: int
    output_tokens: int
    cost: float | None  # None: no prices are configured
    note: str = ""  # what may come on top


@runtime_checkable
class RequestMaker(Protocol):
    """An answerer that can show its request without sending it."""

    estimate_note: str  # what calls may come on top of it

    def request(self, question: str, pages: Sequence[ContextPage], *, image: UserImage | None) -> ChatRequest | None:
        """Return the request for an answer; None where it needs no model."""
        ...


@runtime_checkable
class ExtractionRequestMaker(Protocol):
    """An extractor that can show its request without sending it."""

    estimate_note: str

    def request(self, schema: object, pages: Sequence[ContextPage]) -> tuple[ChatRequest, int]:
        """Return the request, and about how many tokens its reply has."""
        ...


@runtime_checkable
class SummaryRequestMaker(Protocol):
    """A summariser that can show its requests without sending them."""

    def requests(self, pages: Sequence[ContextPage], *, sentences: int) -> list[ChatRequest]:
        """Return the requests for the parts of the pages."""
        ...


@dataclass(frozen=True, slots=True)
class Estimator:
    """Estimates requests to one model."""

    model: str
    count_image: CountImage
    prices: Prices | None = None
    samples: int = 1

    def estimate(
        self, requests: Sequence[ChatRequest], *, reply_tokens: int = EXPECTED_REPLY_TOKENS, note: str = ""
    ) -> Estimate:
        """Return what requests take, with about `reply_tokens` of each reply."""
        sent = sum(map(self._tokens, requests))
        received = reply_tokens * len(requests)
        return Estimate(
            model=self.model,
            calls=len(requests),
            images=sum(len(request.images) for request in requests),
            input_tokens=sent,
            output_tokens=received,
            cost=cost_of(self.prices, sent, received),
            note=note,
        )

    def _tokens(self, request: ChatRequest) -> int:
        texts = [part.text for message in request.messages for part in message.parts if isinstance(part, TextPart)]
        images = sum(self.count_image(image.width, image.height) for image in request.images)
        return estimate_tokens(request.system) + sum(map(estimate_tokens, texts)) + images


def count_images_for(provider: str, model: str) -> CountImage:
    """Return the rule by which a provider counts images for a model."""
    if provider == "openai":
        return _openai_rule(model)
    return anthropic_tokens if provider == "anthropic" else patch_tokens


def _openai_rule(model: str) -> CountImage:
    patched = [name for name in OPENAI_PATCHES if model.startswith(name)]
    if patched:
        factor = OPENAI_PATCHES[max(patched, key=len)]
        return lambda width, height: openai_patch_tokens(width, height, factor=factor)
    if not model.startswith(("gpt-", "chatgpt-", "o1", "o3")):
        return image_tokens  # a server of somebody else, with a model of its own
    tiled = [name for name in OPENAI_TILES if model.startswith(name)]
    base, tile = OPENAI_TILES[max(tiled, key=len)] if tiled else DEFAULT_TILES
    return lambda width, height: openai_tile_tokens(width, height, base=base, tile=tile)


def openai_tile_tokens(width: int, height: int, *, base: int, tile: int) -> int:
    """Return `base` and `tile` for each tile of 512 pixels, after scaling to 2,048 and the shorter side to 768."""
    scale = min(1.0, TILED_SIDE / max(width, height))
    scale = min(scale, TILED_SHORT / min(width, height))
    across, down = (math.ceil(round(side * scale) / TILE) for side in (width, height))
    return base + tile * across * down


def openai_patch_tokens(width: int, height: int, *, factor: float) -> int:
    """Return the patches of 32 pixels times the model's factor; of more than 1,536 the image is scaled down to fit."""
    across, down = width / PATCH, height / PATCH
    if math.ceil(across) * math.ceil(down) > MAX_PATCHES:
        scale = math.sqrt(MAX_PATCHES / (across * down))
        scale *= min(math.floor(side * scale) / (side * scale) for side in (across, down))  # whole patches on one side
        across, down = (round(side * scale, 6) for side in (across, down))
    return math.ceil(math.ceil(across) * math.ceil(down) * factor)


def anthropic_tokens(width: int, height: int) -> int:
    """Return width by height over 750, the longer side 1,568 pixels at most."""
    scale = min(1.0, ANTHROPIC_SIDE / max(width, height))
    return image_tokens(round(width * scale), round(height * scale))


def patch_tokens(width: int, height: int) -> int:
    """Return the patches of 28 pixels."""
    return max(1, round(width / LOCAL_PATCH)) * max(1, round(height / LOCAL_PATCH))
