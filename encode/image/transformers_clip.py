"""CLIP, SigLIP and SigLIP2 in Hugging Face's format: loads a folder with transformers and encodes with `ClipEncoder`.

Images are prepared with Pillow, as these models were trained, not with torchvision, which resizes differently. SigLIP
reads texts in lower case and attends to their padding, so it is given no attention mask; CLIP needs none, since its
text vector is that of the end token, which sees nothing behind itself.
"""

# First: it repairs torchvision before transformers imports it.
import pagelens.encode.torch_support  # noqa: F401

# isort: split
import json
import logging
import os
from collections.abc import Callable
from typing import Any

import torch
import transformers
from PIL import Image

from pagelens.core.errors import WeightsError
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.encode.checkpoints import check_transformers_clip, weights_files
from pagelens.encode.image.clip import ClipEncoder
from pagelens.encode.torch_support import best_device, dtype_for
from pagelens.encode.weight_verification import LoadReport, check_loaded, quiet
from pagelens.encode.weights import WeightsFolder

log = logging.getLogger(__name__)

FROM_FILES = {"local_files_only": True, "trust_remote_code": False}  # code of a checkpoint is never run


class TransformersTowers:
    """The two towers of a model of transformers, with the names and arguments that `ClipEncoder` calls."""

    def __init__(self, model: Any, encode_image: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._model = model
        self.encode_image = encode_image
        self.logit_scale = model.logit_scale

    def encode_text(self, token_ids: torch.Tensor) -> torch.Tensor:
        """Return (n_texts, dim) for (n_texts, n_tokens) token ids."""
        return pooled(self._model.get_text_features(input_ids=token_ids))


def load_transformers_clip(folder: WeightsFolder, settings: Settings, *, device: str | None = None) -> ClipEncoder:
    """Load a model from a folder with its config.json, onto the best device if none is given.

    Raises WeightsError if it cannot be loaded, or if a parameter did not come from its files.
    """
    family = check_transformers_clip(folder.path)
    device = device or best_device()
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)  # torch has this setting only for the whole process
    model = load_model(folder, device)
    try:
        tokenize, context = _load_tokenizer(folder, model.config, family)
        processor = load_image_processor(folder)
    except Exception as exc:  # any error of the files, their configuration and two libraries
        raise not_loadable(folder, exc) from exc
    flexible = family == "siglip2"  # images keep their aspect ratio: as many patches as fit
    towers = TransformersTowers(model, _flexible_tower(model) if flexible else _square_tower(model))
    with torch.inference_mode():
        dim = towers.encode_text(tokenize(["a"]).to(device)).shape[-1]
    space = Space(
        model=folder.model,
        revision=folder.revision,
        dim=dim,
        options=f"family={family}; {describe_sizes(processor)}; tokens={context}",
    )
    return ClipEncoder(
        towers,
        _flexible_preprocess(processor) if flexible else square_preprocess(processor),
        tokenize,
        space,
        device=device,
        workers=settings.threads or os.cpu_count() or 1,
        micro_batching=settings.micro_batching,
    )


def load_model(folder: WeightsFolder, device: str) -> Any:
    """Return the model of a folder in evaluation mode on `device`, every parameter verified. Raises WeightsError."""
    try:
        with quiet():
            model, info = transformers.AutoModel.from_pretrained(
                folder.path, dtype=torch.float32, output_loading_info=True, **FROM_FILES
            )
    except Exception as exc:  # any error of the files, their configuration and two libraries
        raise not_loadable(folder, exc) from exc
    check_loaded(model, [LoadReport.of(info)], weights_files(folder.path), name=folder.model)
    log.info("%s, a %s, on %s in %s", folder.model, type(model).__name__, device, dtype_for(device))
    return model.eval().to(device=device, dtype=dtype_for(device))


def load_image_processor(folder: WeightsFolder) -> Any:
    """Return the image processor that a folder configures, on Pillow where transformers has it so."""
    return transformers.AutoImageProcessor.from_pretrained(folder.path, backend="pil", **FROM_FILES)  # type: ignore[no-untyped-call]


def square_preprocess(processor: Any) -> Callable[[Image.Image], torch.Tensor]:
    """Return the function that prepares an image as (3, height, width)."""

    def preprocess(image: Image.Image) -> torch.Tensor:
        pixels: torch.Tensor = processor(images=image, return_tensors="pt")["pixel_values"][0]
        return pixels

    return preprocess


def describe_sizes(processor: Any) -> str:
    """Return the sizes that images are brought to, for the options of a space."""
    names = ("size", "crop_size", "max_num_patches", "patch_size")
    sizes = {name: value for name in names if (value := getattr(processor, name, None)) is not None}
    return "picture=" + json.dumps({name: _plain(value) for name, value in sizes.items()}, sort_keys=True)


def pooled(output: Any) -> torch.Tensor:
    """Return the vectors of a model's output: the output itself, or its pooled part."""
    vectors: torch.Tensor = output if isinstance(output, torch.Tensor) else output.pooler_output
    return vectors


def not_loadable(folder: WeightsFolder, exc: Exception) -> WeightsError:
    """Return the error for a folder that transformers cannot load."""
    return WeightsError(
        f"expected a checkpoint that transformers can load at {folder.path}, found {type(exc).__name__}: "
        f"{exc}; fetch {folder.model} again, whole"
    )


def _plain(value: Any) -> Any:
    """Return a size as JSON has it; transformers has a mapping type of its own, with entries that are None."""
    if isinstance(value, int):
        return value
    return {key: number for key, number in dict(value).items() if number is not None}


def _load_tokenizer(folder: WeightsFolder, config: Any, family: str) -> tuple[Callable[[list[str]], torch.Tensor], int]:
    """Return the function from texts to (n_texts, n_tokens) token ids, and the context length."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder.path, **FROM_FILES)
    context = int(config.text_config.max_position_embeddings)
    is_siglip = family != "clip"

    def tokenize(texts: list[str]) -> torch.Tensor:
        ids: torch.Tensor = tokenizer(
            [text.lower() for text in texts] if is_siglip else texts,
            padding="max_length" if is_siglip else True,
            truncation=True,
            max_length=context,
            return_tensors="pt",
        )["input_ids"]
        return ids

    return tokenize, context


def _square_tower(model: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda pixels: pooled(model.get_image_features(pixel_values=pixels))


def _flexible_preprocess(processor: Any) -> Callable[[Image.Image], torch.Tensor]:
    """Return the function that prepares an image's patches, packed as (n_patches + 1, values + 1).

    The last column tells patches (1) from padding (0); the last row begins with the number of rows and columns.
    """

    def preprocess(image: Image.Image) -> torch.Tensor:
        found = processor(images=image, return_tensors="pt")
        patches, mask, shape = (found[name][0] for name in ("pixel_values", "pixel_attention_mask", "spatial_shapes"))
        packed = torch.zeros(patches.shape[0] + 1, patches.shape[1] + 1)
        packed[:-1, :-1], packed[:-1, -1], packed[-1, :2] = patches, mask, shape
        return packed

    return preprocess


def _flexible_tower(model: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    def encode(packed: torch.Tensor) -> torch.Tensor:
        return pooled(
            model.get_image_features(
                pixel_values=packed[:, :-1, :-1],
                pixel_attention_mask=packed[:, :-1, -1].long(),
                spatial_shapes=packed[:, -1, :2].long(),
            )
        )

    return encode
