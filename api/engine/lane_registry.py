"""The lanes: one row each, with everything that the rest of the engine, the server and the command line know of them.

To add a lane, write a module with its `Lane` (see `pagelens.retrieve.lanes`) and, where it stores rows of its own, its
`Embedder`; then add a row to `LANES`. Profiles, wiring, indexing, request validation, the model report, the help texts
and `pagelens doctor` read the rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pagelens.api.engine.embedding import (
    CaptionEmbedder,
    Embedder,
    PageImageEmbedder,
    PageWordsEmbedder,
    PassageEmbedder,
)
from pagelens.api.engine.encoders import Encoders
from pagelens.encode.loading import (
    BUILTIN,
    IMAGE_ENCODERS,
    MULTILINGUAL,
    PAGE_ENCODERS,
    TEXT_ENCODERS,
    VISUAL_ENCODERS,
    EncoderKind,
)
from pagelens.retrieve.lanes import CaptionLane, ImageLane, Lane, PageLane, TextLane, VisualLane, WordsLane
from pagelens.retrieve.relevance_floor import FLOOR_OF_MULTILINGUAL_TEXT, FLOOR_OF_TEXT

_INSTALLED = "in the install"
MULTILINGUAL_WEIGHTS = {"text": 1.5, "page": 2.0}
"""Of the multilingual encoder's lanes in the fusion: chosen in nine of ten folds by document (docs/LOG.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A model that can serve a lane, and what a user wants to know before fetching it."""

    model: str
    profiles: Sequence[str]  # that use it
    size: str
    licence: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSpec:
    """A lane: what it searches, which models can serve it, and how it is built."""

    name: str
    help: str
    make_lane: Callable[[Encoders], Lane | None]  # None where a collection with these models has no such lane
    make_embedder: Callable[[Encoders], Embedder] | None = None  # None for a lane without vectors
    models: Sequence[ModelCard] = ()  # the models that are known; a user may name others
    encoders: EncoderKind | None = None  # tells whether this machine can load a model; None for a lane without vectors
    required: bool = False  # whether every collection has it
    filled_by_builtin: str = ""  # the lane whose builtin model fills this one too
    follows: str = ""  # the lane whose model is this one's too, if it is not the builtin one
    finds_wordless_pages: bool = False  # by their image


def _image_lane(encoders: Encoders) -> Lane:
    if not encoders.is_builtin("image"):
        return ImageLane(encoders.clip.encoder)
    return ImageLane(
        encoders.builtin_image.encoder,
        image_only_queries=False,
        in_text_space=encoders.models["text"] == BUILTIN,
        has_floor=True,
    )


def _image_embedder(encoders: Encoders) -> Embedder:
    return encoders.builtin_image if encoders.is_builtin("image") else encoders.clip


def _visual_lane(encoders: Encoders) -> Lane | None:
    if "visual" in encoders.models:
        return VisualLane(encoders.visual.encoder)
    if not encoders.is_builtin("image"):
        return None
    return VisualLane(encoders.builtin_image.encoder.feature_encoder)


def _caption_lane(encoders: Encoders) -> Lane | None:
    return CaptionLane(encoders.clip.encoder) if "captions" in encoders.models else None


def _text_lane(encoders: Encoders) -> Lane:
    if encoders.models["text"] == MULTILINGUAL:
        return TextLane(encoders.text, weight=MULTILINGUAL_WEIGHTS["text"], floor=FLOOR_OF_MULTILINGUAL_TEXT)
    return TextLane(encoders.text, floor=FLOOR_OF_TEXT if encoders.is_builtin("text") else None)


def _page_lane(encoders: Encoders) -> Lane:
    if encoders.models["page"] == MULTILINGUAL:
        return PageLane(encoders.page_words, of_words=True, weight=MULTILINGUAL_WEIGHTS["page"])
    if encoders.is_builtin("page"):
        return PageLane(encoders.page_words, of_words=True)
    return PageLane(encoders.page_images, of_words=False)


def _page_embedder(encoders: Encoders) -> Embedder:
    if encoders.is_builtin("page"):
        return PageWordsEmbedder(encoders.page_words, encoders.models["page"])
    return PageImageEmbedder(encoders.page_images, encoders.models["page"])


LANES = (
    LaneSpec(
        name="words",
        help="BM25 over the words of pages",
        make_lane=lambda encoders: WordsLane(encoders.analyze),
        required=True,
    ),
    LaneSpec(
        name="text",
        help="dense vectors of passages",
        make_lane=_text_lane,
        make_embedder=lambda encoders: PassageEmbedder(encoders.text, encoders.models["text"]),
        models=(
            ModelCard(
                model=BUILTIN,
                profiles=("builtin",),
                size=_INSTALLED,
                licence="Apache-2.0",
                note="all-MiniLM-L6-v2, English",
            ),
            ModelCard(
                model=MULTILINGUAL,
                profiles=("builtin-multilingual",),
                size=_INSTALLED,
                licence="MIT",
                note="multilingual-e5-small, about 100 languages",
            ),
            ModelCard(model="BAAI/bge-small-en-v1.5", profiles=("cpu",), size="0.1 GB", licence="MIT", note="English"),
            ModelCard(
                model="BAAI/bge-m3", profiles=("gpu",), size="2.3 GB", licence="MIT", note="more than 100 languages"
            ),
        ),
        encoders=TEXT_ENCODERS,
        required=True,
    ),
    LaneSpec(
        name="image",
        help="photos and page images by what a text or an image shows",
        make_lane=_image_lane,
        make_embedder=_image_embedder,
        models=(
            ModelCard(
                model=BUILTIN,
                profiles=("builtin", "builtin-multilingual"),
                size=_INSTALLED,
                licence="Apache-2.0",
                note="approximate: 1,000 kinds of things",
            ),
            ModelCard(
                model="timm/ViT-B-32-SigLIP2-256",
                profiles=("cpu",),
                size="1.5 GB",
                licence="Apache-2.0",
                note="many languages",
            ),
            ModelCard(
                model="timm/ViT-SO400M-14-SigLIP2",
                profiles=("gpu",),
                size="4.5 GB",
                licence="Apache-2.0",
                note="many languages",
            ),
        ),
        encoders=IMAGE_ENCODERS,
        finds_wordless_pages=True,
    ),
    LaneSpec(
        name="visual",
        help="photos and page images that look like an image",
        make_lane=_visual_lane,
        make_embedder=lambda encoders: encoders.visual,
        models=(
            ModelCard(
                model="facebook/dinov2-small",
                profiles=(),
                size="0.1 GB",
                licence="Apache-2.0",
                note="image to image only",
            ),
        ),
        encoders=VISUAL_ENCODERS,
        filled_by_builtin="image",
        finds_wordless_pages=True,
    ),
    LaneSpec(
        name="captions",
        help="captions and short texts by what a query image shows",
        make_lane=_caption_lane,
        make_embedder=lambda encoders: CaptionEmbedder(encoders.clip.encoder, encoders.models["captions"]),
        encoders=IMAGE_ENCODERS,
        follows="image",
    ),
    LaneSpec(
        name="page",
        help="late interaction over the words or the image of a page",
        make_lane=_page_lane,
        make_embedder=_page_embedder,
        models=(
            ModelCard(
                model=BUILTIN,
                profiles=("builtin", "cpu"),
                size=_INSTALLED,
                licence="Apache-2.0",
                note="the page's words, English",
            ),
            ModelCard(
                model=MULTILINGUAL,
                profiles=("builtin-multilingual",),
                size=_INSTALLED,
                licence="MIT",
                note="the page's words, about 100 languages",
            ),
            ModelCard(
                model="vidore/colSmol-500M",
                profiles=(),
                size="1 GB",
                licence="MIT",
                note="reads page images; on CPU some 10 s a page",
            ),
            ModelCard(
                model="vidore/colqwen2.5-v0.2",
                profiles=("gpu",),
                size="8 GB",
                licence="MIT; its base: Qwen Research",
                note="reads page images; needs a GPU",
            ),
        ),
        encoders=PAGE_ENCODERS,
        finds_wordless_pages=True,
    ),
)

LANE_NAMES = tuple(spec.name for spec in LANES)
MODEL_LANES: Mapping[str, LaneSpec] = MappingProxyType({spec.name: spec for spec in LANES if spec.encoders})
"""The lanes whose model a user may choose."""
