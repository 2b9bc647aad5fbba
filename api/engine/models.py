"""The embedders and lanes of a collection, built from the lane registry and checked against the collection's spaces."""

from collections.abc import Mapping
from threading import RLock

from pagelens.api.engine.embedding import Embedder, PassageAndWordsEmbedder
from pagelens.api.engine.encoders import Encoders
from pagelens.api.engine.lane_registry import LANES, MODEL_LANES
from pagelens.core.errors import UsageError, WeightsError
from pagelens.core.protocols import Analyzer, TextEncoder
from pagelens.core.settings import Settings
from pagelens.index.layout import Manifest
from pagelens.retrieve.lanes import Lane


class CollectionModels:
    """Builds what a collection's models serve; each model is loaded once. Safe to share between threads."""

    def __init__(self, models: Mapping[str, str], analyze: Analyzer, settings: Settings) -> None:
        """`models` maps lanes to models, `text` among them."""
        self._models = models
        self._encoders = Encoders(models, analyze, settings)
        self._lock = RLock()

    @property
    def text(self) -> TextEncoder:
        """The text lane's encoder. Raises WeightsError."""
        with self._lock:
            return self._encoders.text

    def embedder(self, lane: str) -> Embedder:
        """Return the embedder that fills one lane. Raises WeightsError."""
        make_embedder = MODEL_LANES[lane].make_embedder
        assert make_embedder is not None, lane
        with self._lock:
            return make_embedder(self._encoders)

    def embedders(self, manifest: Manifest) -> list[Embedder]:
        """Return the embedders that fill every lane of a collection. Raises WeightsError, CollectionMismatch."""
        embedders = [self.embedder(lane) for lane in self._models]
        model = self._models["text"]
        if self._encoders.is_builtin("text") and self._models.get("page") == model:  # one pass of the model fills both
            text = self._encoders.builtin_text("text").for_indexing()
            both = PassageAndWordsEmbedder(text, self._encoders.page_words, model)
            embedders = [both, *(other for other in embedders if other.lanes[0].name not in ("text", "page"))]
        for embedder in embedders:
            for record in embedder.lanes:
                manifest.require(record.name, record.space)
        return embedders

    def lanes(self, manifest: Manifest) -> tuple[list[Lane], dict[str, str]]:
        """Return the lanes of a collection, and those that this machine cannot serve, each with the reason.

        Raises CollectionMismatch where a model's space is not the collection's.
        """
        lanes: list[Lane] = []
        unavailable: dict[str, str] = {}
        for spec in LANES:
            own_model = spec.name in self._models
            if spec.encoders and not own_model and spec.filled_by_builtin not in self._models:
                continue
            try:
                with self._lock:
                    lane = spec.make_lane(self._encoders)
                    records = self.embedder(spec.name).lanes if own_model else ()
            except (WeightsError, UsageError) as exc:  # UsageError: the model's folder is gone
                unavailable[spec.name] = str(exc)
                continue
            for record in records:
                manifest.require(record.name, record.space)
            if lane is not None:
                lanes.append(lane)
        return lanes, unavailable
