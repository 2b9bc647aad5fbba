"""CLIP and similar models: every architecture of open_clip, with weights from a folder or a file.

A folder has open_clip_config.json (architecture and preprocessing), the weights, and the tokenizer's files unless it is
CLIP's own tokenizer. A file has weights only; its architecture is one that open_clip knows by name.
"""

# First: it repairs torchvision before open_clip imports it.
import pagelens.encode.torch_support  # noqa: F401

# isort: split
import json
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from open_clip.tokenizer import HFTokenizer
from PIL import Image

from pagelens.core.errors import WeightsError
from pagelens.core.micro_batching import MicroBatcher
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.core.types import ImageArray
from pagelens.encode.batching import check_templates, encodable, in_batches, stacked, unit_rows
from pagelens.encode.checkpoints import check_clip_checkpoint
from pagelens.encode.torch_support import best_device, dtype_for, to_pil
from pagelens.encode.weights import WeightsFolder

log = logging.getLogger(__name__)

IMAGES_PER_BATCH = {"cpu": 8, "mps": 32, "cuda": 128}  # 128 in a 400M tower take under 2 GB of activations in bf16
TEXTS_PER_BATCH = {"cpu": 32, "mps": 128, "cuda": 512}  # every text is padded to the context length

Preprocess = Callable[[Image.Image], torch.Tensor]  # to (3, side, side)
Tokenize = Callable[[list[str]], torch.Tensor]  # to (n_texts, context)


class ClipEncoder:
    """One open_clip checkpoint: encodes photos, page images, and texts that describe them, in one space.

    Implements `pagelens.core.protocols.LabelEncoder`. Computes in float32 on CPU and MPS, in bfloat16 on CUDA; vectors
    are float32. A text longer than the context (77 tokens for CLIP, 64 for SigLIP2, special tokens included) is
    truncated without a warning. Safe to share between threads, whose batches run one after another.
    """

    def __init__(
        self,
        model: Any,
        preprocess: Preprocess,
        tokenize: Tokenize,
        space: Space,
        *,
        device: str,
        templates: Sequence[str] = (),
        workers: int = 1,
        micro_batching: bool = True,
        lock: "Lock | None" = None,
    ) -> None:
        """Use a model in evaluation mode on `device`. Raises UsageError for a template without exactly one {}.

        Each text query is put into every template and the vectors are averaged. `lock`: of another encoder with the
        same model. `workers` threads preprocess images; with `micro_batching`, concurrent single text queries run as
        one batch.
        """
        check_templates(templates)
        self._model, self._preprocess, self._tokenize, self._space = model, preprocess, tokenize, space
        self._device, self._dtype, self._workers = device, dtype_for(device), workers
        self._templates = tuple(templates) or ("{}",)
        self._lock = lock or Lock()
        self._micro_batcher = MicroBatcher[str, NDArray[np.float32]]() if micro_batching else None

    @classmethod
    def load(cls, folder: WeightsFolder, settings: Settings, *, device: str | None = None) -> "ClipEncoder":
        """Load a checkpoint, onto the best device if none is given. Raises WeightsError that names missing tensors.

        `folder.path` is a folder with open_clip_config.json, or a weights file; then `folder.model` is
        "ARCHITECTURE@anything".
        """
        if folder.path.is_dir():
            check_clip_checkpoint(folder.path)
        device = device or best_device()
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)  # torch has this setting only for the whole process
        try:
            model, preprocess, tokenize = _load(folder)
        except Exception as exc:  # any error of the files, their configuration and three libraries
            raise WeightsError(
                f"expected a checkpoint that open_clip can load whole at {folder.path}, "
                f"found {type(exc).__name__}: {exc}; fetch {folder.model} again, whole"
            ) from exc
        model.eval().to(device=device, dtype=dtype_for(device))  # open_clip returns it in training mode
        log.info("%s on %s in %s", folder.model, device, dtype_for(device))
        space = _space(folder, model)
        workers = settings.threads or os.cpu_count() or 1
        return cls(
            model,
            preprocess,
            tokenize,
            space,
            device=device,
            workers=workers,
            micro_batching=settings.micro_batching,
        )

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        return self._space

    @property
    def logit_scale(self) -> float:
        """The model's own scale: 100 in OpenAI's checkpoints. SigLIP's bias changes no softmax and is left out."""
        return float(self._model.logit_scale.detach().exp())

    def with_templates(self, templates: Sequence[str]) -> "ClipEncoder":
        """Return an encoder with the same model that averages each text query over templates (Radford et al., 2021).

        Templates are part of its space's options. Raises UsageError for a template without exactly one {}.
        """
        options = f"{self._space.options}; templates={json.dumps(list(templates))}"
        return ClipEncoder(
            self._model,
            self._preprocess,
            self._tokenize,
            replace(self._space, options=options),
            device=self._device,
            templates=templates,
            workers=self._workers,
            micro_batching=False,
            lock=self._lock,
        )

    def encode_images(self, images: Sequence[ImageArray]) -> NDArray[np.float32]:
        """Return (n_images, dim), each row of length 1, in the order given."""
        with ThreadPoolExecutor(self._workers, thread_name_prefix="images") as pool:  # resizing releases the GIL
            prepared = [pool.submit(self._prepare, image) for image in images]

            def run(batch: list[int]) -> list[NDArray[np.float32]]:
                pixels = torch.stack([prepared[index].result() for index in batch])
                return self._run(self._model.encode_image, pixels.to(self._device, self._dtype))

            return stacked(in_batches([1] * len(images), run, budget=self._batch(IMAGES_PER_BATCH)), self._space.dim)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, dim), each row of length 1, to be compared with vectors of images."""
        if len(texts) == 1 and self._micro_batcher is not None:
            return np.stack([self._micro_batcher(texts[0], self._query_rows)])
        return self._encode(texts)

    def _query_rows(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        return list(self._encode(texts))

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        prompts = [template.replace("{}", text) for text in encodable(texts) for template in self._templates]

        def run(batch: list[int]) -> list[NDArray[np.float32]]:
            tokens = self._tokenize([prompts[index] for index in batch])
            return self._run(self._model.encode_text, tokens.to(self._device))

        rows = stacked(in_batches([1] * len(prompts), run, budget=self._batch(TEXTS_PER_BATCH)), self._space.dim)
        return unit_rows(rows.reshape(len(texts), len(self._templates), -1).mean(axis=1)) if len(texts) else rows

    def _prepare(self, image: ImageArray) -> torch.Tensor:
        return self._preprocess(to_pil(image))

    def _batch(self, sizes: dict[str, int]) -> int:
        return sizes.get(torch.device(self._device).type, sizes["cpu"])

    def _run(self, tower: Callable[[torch.Tensor], torch.Tensor], batch: torch.Tensor) -> list[NDArray[np.float32]]:
        """Return the tower's vectors of a batch as unit rows. Raises WeightsError if they are not finite."""
        with self._lock, torch.inference_mode():
            rows = tower(batch).float().cpu().numpy()  # (n, dim)
        if not np.isfinite(rows).all():
            raise WeightsError(f"expected numbers from {self._space.model}, found NaN; fetch its weights again")
        return list(unit_rows(rows))


def _load(folder: WeightsFolder) -> tuple[Any, Preprocess, Tokenize]:
    """Return model, preprocessing and tokenizer; every tensor must match by name and shape."""
    if folder.path.is_dir():
        name = f"local-dir:{folder.path}"
        model, preprocess = open_clip.create_model_from_pretrained(name, weights_only=True)  # requires weights
        return model, preprocess, open_clip.get_tokenizer(name)
    architecture = folder.model.partition("@")[0]
    model, preprocess = open_clip.create_model_from_pretrained(
        architecture, pretrained=str(folder.path), weights_only=True
    )
    return model, preprocess, _tokenizer_beside(folder.path, architecture)


def _tokenizer_beside(file: Path, architecture: str) -> Tokenize:
    """Return the tokenizer of a known architecture: CLIP's own, or one from files in the weights' folder."""
    text = open_clip.get_model_config(architecture)["text_cfg"]
    if not text.get("hf_tokenizer_name"):
        return open_clip.get_tokenizer(architecture)  # type: ignore[no-any-return]
    return HFTokenizer(  # type: ignore[no-any-return]
        str(file.parent),
        context_length=text.get("context_length", 77),
        tokenizer_mode=text.get("tokenizer_mode"),
        **text.get("tokenizer_kwargs", {}),
    )


def _space(folder: WeightsFolder, model: Any) -> Space:
    """Return the space; its options are image size, resizing and context length."""
    name = f"local-dir:{folder.path}" if folder.path.is_dir() else folder.model.partition("@")[0]
    dim = int(open_clip.get_model_config(name)["embed_dim"])
    preprocess = model.visual.preprocess_cfg
    size = preprocess["size"]  # a side, or height and width
    height, width = (size, size) if isinstance(size, int) else size
    options = f"picture={height}x{width} {preprocess['resize_mode']}; tokens={model.context_length}"
    return Space(model=folder.model, revision=folder.revision, dim=dim, options=options)
