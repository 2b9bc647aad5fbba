"""ColPali and similar models: late interaction over page images, one vector per patch.

Faysse et al., "ColPali" (2024, arXiv 2407.01449). Supports the six families of colpali_engine, with its models and
processors. A page gives one vector per patch, each with its box; padding and the prompt around the image are left out.
A query gives every vector that the family's late interaction uses, including those of special tokens; each vector has
the word it belongs to.
"""

# First: it repairs torchvision before colpali_engine imports transformers.
import pagelens.encode.torch_support  # noqa: F401

# isort: split
import logging
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import colpali_engine.models as engine
import numpy as np
import torch
from numpy.typing import NDArray
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.modeling_utils import LoadStateDictConfig

from pagelens.core.errors import WeightsError
from pagelens.core.micro_batching import MicroBatcher
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.core.types import ImageArray, QueryTokens, TokenMatrix
from pagelens.encode.batching import encodable, in_batches, unit_rows
from pagelens.encode.checkpoints import check_page_checkpoint
from pagelens.encode.torch_support import best_device, dtype_for, to_pil
from pagelens.encode.weight_verification import LoadReport, check_loaded, quiet
from pagelens.encode.weights import WeightsFolder

log = logging.getLogger(__name__)

QUERY_BUDGET = {"cpu": 1_024, "mps": 4_096, "cuda": 16_384}  # characters per batch, padding counted
GIGABYTES_PER_PAGE = 4  # of GPU memory: 3B parameters in bf16 take 6, each page of 768 patches about 1 more
MAX_PAGES_PER_BATCH = 16

# Letters and digits, with punctuation between them ("3.5", "don't", "twenty-two").
WORD = re.compile(r"\w+(?:[^\w\s]+\w+)*")

Boxes = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Family:
    """A family's classes in colpali_engine, and the layout of its patches on a page."""

    model: Any  # a class
    processor: Any  # a class
    boxes: Callable[[Any, Any, int, int], Boxes]  # of processor, batch, row of the batch, number of patches
    bidirectional_queries: bool = False  # full attention over queries, which the model needs token_type_ids for
    page_options: tuple[tuple[str, int], ...] = ()  # further arguments of forward for a batch of pages


class ColPaliEncoder:
    """One checkpoint of one family: encodes page images and queries as many unit vectors each.

    Implements `pagelens.core.protocols.PageImageEncoder`. Computes in float32 on CPU and MPS, in bfloat16 on CUDA;
    vectors are float32. Safe to share between threads, whose batches run one after another.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        family: Family,
        space: Space,
        *,
        device: str,
        pages: int | None = None,
        micro_batching: bool = True,
    ) -> None:
        """Use a model in evaluation mode on `device`, its weights verified, and its processor.

        `pages` is the batch size, by default what fits on the device; with `micro_batching`, concurrent single queries
        run as one batch.
        """
        self._model, self._processor, self._family, self._space = model, processor, family, space
        self._device, self._pages = device, pages or _pages_per_batch(device)
        self._lock = Lock()
        self._micro_batcher = MicroBatcher[str, QueryTokens]() if micro_batching else None
        special_tokens = {*processor.tokenizer.all_special_tokens, processor.image_token}
        self._special_tokens = sorted(special_tokens - {""}, key=len, reverse=True)

    @classmethod
    def load(
        cls,
        folder: WeightsFolder,
        settings: Settings,
        *,
        base: WeightsFolder | None = None,
        device: str | None = None,
        pages: int | None = None,
    ) -> "ColPaliEncoder":
        """Load a checkpoint, or an adapter and its `base` model, onto the best device if none is given.

        `pages` is the batch size; None: as many as fit on the device. Raises WeightsError if the model cannot be loaded
        or any parameter did not come from the files.
        """
        family_name = check_page_checkpoint((base or folder).path)
        device = device or best_device()
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)  # torch has this setting only for the whole process
        family = FAMILIES[family_name]
        try:
            with quiet():
                model, reports = _load_model(family, folder.path, base.path if base else None, dtype_for(device))
                processor = family.processor.from_pretrained(_processor_folder(folder, base), local_files_only=True)
        except Exception as exc:  # any error of the files, their configuration and four libraries
            raise WeightsError(
                f"expected a {family_name} that colpali_engine can load at {folder.path}, "
                f"found {type(exc).__name__}: {exc}; fetch {folder.model} again, whole"
            ) from exc
        files = [file for source in (folder, base) if source for file in source.path.glob("*.safetensors")]
        check_loaded(model, reports, files, name=folder.model)
        model.eval().to(device)
        log.info("%s, a %s, on %s in %s", folder.model, family_name, device, model.dtype)
        options = f"family={family_name}; tokens=patches" + (f"; base={base.model}@{base.revision}" if base else "")
        space = Space(
            model=folder.model, revision=folder.revision, dim=int(model.dim), multi_vector=True, options=options
        )
        micro_batching = settings.micro_batching
        return cls(model, processor, family, space, device=device, pages=pages, micro_batching=micro_batching)

    @property
    def space(self) -> Space:
        """The space of every vector returned; `multi_vector` is true."""
        return self._space

    def encode_page_images(self, images: Sequence[ImageArray]) -> list[TokenMatrix]:
        """Return the patches of each image with their boxes, in the processor's order, without padding and prompt.

        Tiled families (ColIdefics3, ColModernVBert) put the patches of the whole image after those of its tiles.
        """

        def run(batch: list[int]) -> list[TokenMatrix]:
            return self._encode_pages([images[index] for index in batch])

        return in_batches([1] * len(images), run, budget=self._pages)

    def encode_queries(self, texts: Sequence[str]) -> list[QueryTokens]:
        """Return the tokens of each query, including those that the family adds, whose word is "".

        Special tokens spelled out in a text are encoded as plain text.
        """
        if len(texts) == 1 and self._micro_batcher is not None:
            return [self._micro_batcher(texts[0], self._queries)]
        return self._queries(texts)

    def _queries(self, texts: Sequence[str]) -> list[QueryTokens]:
        plain = [self._without_special_tokens(text) for text in encodable(texts)]
        budget = QUERY_BUDGET.get(torch.device(self._device).type, QUERY_BUDGET["cpu"])
        return in_batches(
            [len(text) + 1 for text in plain],
            lambda batch: self._encode_texts([plain[index] for index in batch]),
            budget=budget,
        )

    def _encode_pages(self, images: Sequence[ImageArray]) -> list[TokenMatrix]:
        batch = self._processor.process_images([to_pil(image) for image in images])
        batch.pop("labels", None)  # added by ColPali's processor for training
        patches = self._processor.get_image_mask(batch) & batch["attention_mask"].bool()  # (n_pages, longest)
        rows = self._forward(batch, patches, self._family.page_options)
        boxes = (self._family.boxes(self._processor, batch, page, len(vectors)) for page, vectors in enumerate(rows))
        return [TokenMatrix(vectors, page_boxes) for vectors, page_boxes in zip(rows, boxes, strict=True)]

    def _encode_texts(self, texts: Sequence[str]) -> list[QueryTokens]:
        batch = self._processor.process_queries(texts=list(texts))
        kept = batch["attention_mask"].bool()  # (n_texts, longest)
        if self._family.bidirectional_queries:
            batch["token_type_ids"] = torch.zeros_like(batch["input_ids"])  # 0: the prefix, which has full attention
        rows = self._forward(batch, kept)
        ids = [batch["input_ids"][index][kept[index]].tolist() for index in range(len(texts))]
        words = [_words_of(self._processor, text, text_ids) for text, text_ids in zip(texts, ids, strict=True)]
        return [QueryTokens(vectors, text_words) for vectors, text_words in zip(rows, words, strict=True)]

    def _forward(
        self, batch: Any, kept: torch.Tensor, options: tuple[tuple[str, int], ...] = ()
    ) -> list[NDArray[np.float32]]:
        """Return the kept rows of each item of a batch, (n_kept, dim), each of length 1."""
        with self._lock, torch.inference_mode():
            output = self._model(**batch.to(self._device), **dict(options)).float().cpu()  # (n, longest, dim)
        rows = [vectors[mask].numpy() for vectors, mask in zip(output, kept.cpu(), strict=True)]
        if not all(np.isfinite(vectors).all() for vectors in rows):
            raise WeightsError(f"expected numbers from {self._space.model}, found NaN; fetch its weights again")
        return [unit_rows(vectors) for vectors in rows]

    def _without_special_tokens(self, text: str) -> str:
        """Return the text with special tokens made plain text of the same length: `<pad>` becomes ` pad `."""
        for token in self._special_tokens:
            text = text.replace(token, f" {token[1:-1]} " if len(token) > 2 else " " * len(token))
        return text


def _load_model(family: Family, folder: Path, base: Path | None, dtype: torch.dtype) -> tuple[Any, list[LoadReport]]:
    """Return the model and the library's report on each load. An adapter's weights are not merged into the base's."""
    model, info = family.model.from_pretrained(
        base or folder, dtype=dtype, local_files_only=True, output_loading_info=True, ignore_mismatched_sizes=True
    )
    _tie_head(model)
    reports = [LoadReport.of(info)]
    if base is not None:
        # Without the family's own renaming, adapters saved by transformers 4 would be ignored.
        renaming = getattr(family.model, "_checkpoint_conversion_mapping", {})
        mapping: Any = get_model_conversion_mapping(model, renaming)
        config = LoadStateDictConfig(
            dtype=dtype,
            weight_mapping=mapping,
            ignore_mismatched_sizes=True,
            download_kwargs={"local_files_only": True},
        )
        info = model.load_adapter(str(folder), load_config=config).to_dict()
        model.to(dtype)  # peft makes its tensors in float32
        reports.append(LoadReport.of(info, adapter=True))
    return model, reports


def _tie_head(model: Any) -> None:
    """Tie a language model's head that is in no file to the input embeddings, as its architecture does.

    ColPali's files may omit the head, which then stays on the meta device; its output is computed but not used.
    """
    for name, parameter in list(model.named_parameters()):
        if parameter.is_meta and name.endswith("lm_head.weight"):
            model.get_submodule(name.removesuffix(".weight")).weight = model.get_input_embeddings().weight


def _processor_folder(folder: WeightsFolder, base: WeightsFolder | None) -> Path:
    """Return the folder with the image processor's configuration: the checkpoint's own, else its base's."""
    own = any((folder.path / name).is_file() for name in ("preprocessor_config.json", "processor_config.json"))
    return folder.path if own or base is None else base.path


def _pages_per_batch(device: str) -> int:
    """Return the batch size of a device: one page on CPU, where more only add padding."""
    if torch.device(device).type != "cuda":
        return 1
    gigabytes = torch.cuda.get_device_properties(device).total_memory / 2**30
    return max(1, min(MAX_PAGES_PER_BATCH, int(gigabytes / GIGABYTES_PER_PAGE)))


def _words_of(processor: Any, text: str, ids: Sequence[int]) -> list[str]:
    """Return the word of each token of a query as the processor tokenizes it; "" for tokens outside words."""
    prefix = processor.query_prefix
    full_text = prefix + text + processor.query_augmentation_token * 10  # as in colpali_engine's process_queries
    encoded = processor.tokenizer(full_text, add_special_tokens=False, return_offsets_mapping=True)
    text_ids = list(encoded["input_ids"])
    # Special tokens may stand before and after the text's ids, which are one run of `ids`.
    start = next(
        (at for at in range(len(ids) - len(text_ids) + 1) if list(ids[at : at + len(text_ids)]) == text_ids), None
    )
    if start is None:
        log.warning("the tokens of a query do not match its text: its heat map has no words")
        return [""] * len(ids)
    spans = [(word.start() + len(prefix), word.end() + len(prefix), word.group()) for word in WORD.finditer(text)]
    words = [""] * len(ids)
    for token, (first, last) in enumerate(encoded["offset_mapping"]):
        words[start + token] = next((word for s, e, word in spans if first < e and s < last), "")
    return words


def grid_boxes(rows: int, columns: int) -> Boxes:
    """Return (rows * columns, 4): the box of each patch, row by row, as fractions of the image."""
    assert rows > 0 and columns > 0, (rows, columns)
    top, left = np.mgrid[0:rows, 0:columns].reshape(2, -1)  # each (rows * columns,)
    edges = (left / columns, top / rows, (left + 1) / columns, (top + 1) / rows)
    return np.stack(edges, axis=1).astype(np.float32)


def tiled_boxes(tile_rows: int, tile_columns: int, side: int) -> Boxes:
    """Return the boxes of an image cut into tiles of side x side patches, followed by those of the whole image.

    Tiles come row by row, and the patches row by row within each (Idefics3, arXiv 2408.12637). With 0 x 0 tiles only
    the whole image is left. Returns ((tile_rows * tile_columns + 1) * side * side, 4).
    """
    whole = grid_boxes(side, side)
    if not tile_rows or not tile_columns:
        return whole
    tiles = grid_boxes(tile_rows, tile_columns)  # (n_tiles, 4)
    corner, size = tiles[:, None, :2], tiles[:, None, 2:] - tiles[:, None, :2]  # each (n_tiles, 1, 2)
    inside = np.concatenate([corner + whole[:, :2] * size, corner + whole[:, 2:] * size], axis=2)
    return np.concatenate([inside.reshape(-1, 4), whole]).astype(np.float32)


def _square(_processor: Any, _batch: Any, _page: int, patches: int) -> Boxes:
    """Return the boxes of ColPali: the page is resized to a square."""
    side = math.isqrt(patches)
    assert side * side == patches, patches
    return grid_boxes(side, side)


def _merged(processor: Any, batch: Any, page: int, patches: int) -> Boxes:
    """Return the boxes of ColQwen: the page keeps about its shape, and 2 x 2 neighbouring patches become one token."""
    _, high, wide = (int(number) for number in batch["image_grid_thw"][page])
    merge = processor.image_processor.merge_size
    assert high * wide == patches * merge**2, (high, wide, patches)
    return grid_boxes(high // merge, wide // merge)


def _tiled(processor: Any, batch: Any, page: int, patches: int) -> Boxes:
    """Return the boxes of ColIdefics3 and ColModernVBert: tiles, whose number is in the prompt around them."""
    prompt = processor.tokenizer.decode(batch["input_ids"][page])
    tiles = [(int(row), int(column)) for row, column in re.findall(r"<row_(\d+)_col_(\d+)>", prompt)]
    rows, columns = (max((tile[axis] for tile in tiles), default=0) for axis in (0, 1))
    boxes = tiled_boxes(rows, columns, math.isqrt(processor.image_seq_len))
    assert len(boxes) == patches, (rows, columns, patches)
    return boxes


FAMILIES = {
    # Trained with full attention; without token_type_ids transformers 5.23 uses causal attention for padded batches.
    # Its language model's head would compute 1 GB of unused logits for a page.
    "ColPali": Family(
        engine.ColPali,
        engine.ColPaliProcessor,
        _square,
        bidirectional_queries=True,
        page_options=(("logits_to_keep", 1),),
    ),
    "ColQwen2": Family(model=engine.ColQwen2, processor=engine.ColQwen2Processor, boxes=_merged),
    "ColQwen2_5": Family(model=engine.ColQwen2_5, processor=engine.ColQwen2_5_Processor, boxes=_merged),
    "ColQwen3": Family(model=engine.ColQwen3, processor=engine.ColQwen3Processor, boxes=_merged),
    "ColIdefics3": Family(model=engine.ColIdefics3, processor=engine.ColIdefics3Processor, boxes=_tiled),
    "ColModernVBert": Family(model=engine.ColModernVBert, processor=engine.ColModernVBertProcessor, boxes=_tiled),
}
