"""Image encoders without a text tower, for images that look alike: DINOv2 in Hugging Face's format."""

# First: it repairs torchvision before transformers imports it.
import pagelens.encode.torch_support  # noqa: F401

# isort: split
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.errors import WeightsError
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.core.types import ImageArray
from pagelens.encode.batching import in_batches, stacked, unit_rows
from pagelens.encode.checkpoints import check_vision_transformer
from pagelens.encode.image.clip import IMAGES_PER_BATCH
from pagelens.encode.image.transformers_clip import (
    describe_sizes,
    load_image_processor,
    load_model,
    not_loadable,
    pooled,
    square_preprocess,
)
from pagelens.encode.torch_support import best_device, dtype_for, to_pil
from pagelens.encode.weights import WeightsFolder


class VisionTransformerEncoder:
    """One checkpoint: encodes an image as the normalised output of its class token.

    Implements `pagelens.core.protocols.PixelEncoder`. Computes in float32 on CPU and MPS, in bfloat16 on CUDA; vectors
    are float32. Safe to share between threads, whose batches run one after another.
    """

    def __init__(
        self,
        model: Any,
        preprocess: Callable[[Image.Image], torch.Tensor],
        space: Space,
        *,
        device: str,
        workers: int = 1,
    ) -> None:
        """Use a model in evaluation mode on `device`; `workers` threads preprocess images."""
        self._model, self._preprocess, self._space = model, preprocess, space
        self._device, self._workers = device, workers
        self._lock = Lock()

    @classmethod
    def load(
        cls, folder: WeightsFolder, settings: Settings, *, device: str | None = None
    ) -> "VisionTransformerEncoder":
        """Load a model from a folder with its config.json, onto the best device if none is given.

        Raises WeightsError if it cannot be loaded, or if a parameter did not come from its files.
        """
        family = check_vision_transformer(folder.path)
        device = device or best_device()
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)  # torch has this setting only for the whole process
        model = load_model(folder, device)
        try:
            processor = load_image_processor(folder)
        except Exception as exc:  # any error of the files, their configuration and the library
            raise not_loadable(folder, exc) from exc
        space = Space(
            model=folder.model,
            revision=folder.revision,
            dim=int(model.config.hidden_size),
            options=f"family={family}; {describe_sizes(processor)}; vector=class token",
        )
        workers = settings.threads or os.cpu_count() or 1
        return cls(model, square_preprocess(processor), space, device=device, workers=workers)

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        return self._space

    def encode_images(self, images: Sequence[ImageArray]) -> NDArray[np.float32]:
        """Return (n_images, dim), each row of length 1, in the order given."""
        budget = IMAGES_PER_BATCH.get(torch.device(self._device).type, IMAGES_PER_BATCH["cpu"])
        with ThreadPoolExecutor(self._workers, thread_name_prefix="images") as pool:  # resizing releases the GIL
            prepared = [pool.submit(self._prepare, image) for image in images]

            def run(batch: list[int]) -> list[NDArray[np.float32]]:
                return self._run(torch.stack([prepared[index].result() for index in batch]))

            return stacked(in_batches([1] * len(images), run, budget=budget), self._space.dim)

    def _prepare(self, image: ImageArray) -> torch.Tensor:
        return self._preprocess(to_pil(image))

    def _run(self, pixels: torch.Tensor) -> list[NDArray[np.float32]]:
        """Return the vectors of a batch as unit rows. Raises WeightsError if they are not finite."""
        with self._lock, torch.inference_mode():
            output = self._model(pixel_values=pixels.to(self._device, dtype_for(self._device)))
            rows = pooled(output).float().cpu().numpy()  # (n, dim)
        if not np.isfinite(rows).all():
            raise WeightsError(f"expected numbers from {self._space.model}, found NaN; fetch its weights again")
        return list(unit_rows(rows))
