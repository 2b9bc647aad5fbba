"""ColPali and its kin: late interaction over page pictures, each patch a vector (Faysse et al., 2024, 2407.01449).

The six families of colpali_engine, with its own models and processors. Of a page only the patches leave the encoder:
padding and the prompt around the picture are left out, and each patch has its box. Of a query everything leaves that
the family's late interaction uses, special tokens too; each vector names the word that it stands for.
"""

# The order matters: torchvision is healed before colpali_engine imports transformers.
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
GIGABYTES_PER_PAGE = 4  # of a GPU: 3B parameters in bf16 take 6, a page of 768 patches about 1 beside them
MOST_PAGES = 16

# A word as a reader knows it: letters and digits, with what joins them inside ("3.5", "don't", "twenty-two").
WORD = re.compile(r"\w+(?:[^\w\s]+\w+)*")

Boxes = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Family:
    """How colpali_engine spells a family, and how its patches lie on a page."""

    model: Any  # the class
    processor: Any
    boxes: Callable[[Any, Any, int, int], Boxes]  # processor, batch, row of the batch, number of patches
    both_ways: bool = False  # queries are read in both directions, and the model must be told so
    extra: tuple[tuple[str, int], ...] = ()  # what forward is told beside a batch of pages


class ColPaliEncoder:
    """One checkpoint of one family: page pictures and queries to many unit vectors each.

    Implements `pagelens.core.protocols.PageImageEncoder`. float32 on CPU and MPS, bfloat16 on CUDA; vectors come out
    float32. Safe to share between threads, which then take turns.
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
        """Take a model in evaluation mode on `device`, its weights checked, and its processor; `micro_batching`: single queries
        of several threads at once are one batch."""
        self._model, self._processor, self._family, self._space = model, processor, family, space
        self._device, self._pages = device, pages or _pages_per_batch(device)
        self._lock = Lock()
        self._micro_batcher = MicroBatcher[str, QueryTokens]() if micro_batching else None
        marks = {*processor.tokenizer.all_special_tokens, processor.image_token}
        self._marks = sorted(marks - {""}, key=len, reverse=True)

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
        """Load a checkpoint, or an adapter and the `base` it goes on, onto the best device where none is given.

        `pages` go through it at once; None: as many as the device has room for. Raises WeightsError where it cannot be
        loaded, and where any parameter did not come from the files.
        """
        family = check_page_checkpoint((base or folder).path)
        device = device or best_device()
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)  # of the whole process: torch has no other
        spelled = FAMILIES[family]
        try:
            with quiet():
                model, reports = _load_model(spelled, folder.path, base.path if base else None, dtype_for(device))
                processor = spelled.processor.from_pretrained(_processor_folder(folder, base), local_files_only=True)
        except Exception as exc:  # whatever the files, their configuration and four libraries can raise
            raise WeightsError(
                f"expected a {family} that colpali_engine can load at {folder.path}, "
                f"found {type(exc).__name__}: {exc}; fetch {folder.model} again, whole"
            ) from exc
        files = [file for found in (folder, base) if found for file in found.path.glob("*.safetensors")]
        check_loaded(model, reports, files, name=folder.model)
        model.eval().to(device)
        log.info("%s, a %s, on %s in %s", folder.model, family, device, model.dtype)
        options = f"family={family}; tokens=patches" + (f"; base={base.model}@{base.revision}" if base else "")
        space = Space(folder.model, folder.revision, dim=int(model.dim), multi_vector=True, options=options)
        micro_batching = settings.micro_batching
        return cls(model, processor, spelled, space, device=device, pages=pages, micro_batching=micro_batching)

    @property
    def space(self) -> Space:
        """The space of every vector returned; `many` is true."""
        return self._space

    def encode_page_images(self, pictures: Sequence[ImageArray]) -> list[TokenMatrix]:
        """Return the patches of each picture with their boxes, in the processor's order; padding and prompt left out.

        Tiled families (ColIdefics3, ColModernVBert) put the patches of the picture as a whole after those of its tiles.
        """

        def run(batch: list[int]) -> list[TokenMatrix]:
            return self._encode_pages([pictures[index] for index in batch])

        return in_batches([1] * len(pictures), run, budget=self._pages)

    def encode_queries(self, texts: Sequence[str]) -> list[QueryTokens]:
        """Return the tokens of each query, those that the family adds included; `words` is "" for these.

        What looks like a special token in a text is read as plain text.
        """
        if len(texts) == 1 and self._micro_batcher is not None:
            return [self._micro_batcher(texts[0], self._queries)]
        return self._queries(texts)

    def _queries(self, texts: Sequence[str]) -> list[QueryTokens]:
        plain = [self._without_marks(text) for text in encodable(texts)]
        budget = QUERY_BUDGET.get(torch.device(self._device).type, QUERY_BUDGET["cpu"])
        return in_batches(
            [len(text) + 1 for text in plain],
            lambda batch: self._encode_texts([plain[index] for index in batch]),
            budget=budget,
        )

    def _encode_pages(self, pictures: Sequence[ImageArray]) -> list[TokenMatrix]:
        batch = self._processor.process_images([to_pil(picture) for picture in pictures])
        batch.pop("labels", None)  # ColPali's processor adds some for training
        patches = self._processor.get_image_mask(batch) & batch["attention_mask"].bool()  # (n_pages, longest)
        rows = self._forward(batch, patches, self._family.extra)
        boxes = (self._family.boxes(self._processor, batch, page, len(found)) for page, found in enumerate(rows))
        return [TokenMatrix(vectors, where) for vectors, where in zip(rows, boxes, strict=True)]

    def _encode_texts(self, texts: Sequence[str]) -> list[QueryTokens]:
        batch = self._processor.process_queries(texts=list(texts))
        kept = batch["attention_mask"].bool()  # (n_texts, longest)
        if self._family.both_ways:
            batch["token_type_ids"] = torch.zeros_like(batch["input_ids"])  # all of it is prefix
        rows = self._forward(batch, kept)
        ids = [batch["input_ids"][index][kept[index]].tolist() for index in range(len(texts))]
        words = [_words_of(self._processor, text, found) for text, found in zip(texts, ids, strict=True)]
        return [QueryTokens(vectors, found) for vectors, found in zip(rows, words, strict=True)]

    def _forward(
        self, batch: Any, kept: torch.Tensor, extra: tuple[tuple[str, int], ...] = ()
    ) -> list[NDArray[np.float32]]:
        """Return the kept rows of each item of a batch, (n_kept, dim), each of length 1."""
        with self._lock, torch.inference_mode():
            output = self._model(**batch.to(self._device), **dict(extra)).float().cpu()  # (n, longest, dim)
        rows = [found[mask].numpy() for found, mask in zip(output, kept.cpu(), strict=True)]
        if not all(np.isfinite(found).all() for found in rows):
            raise WeightsError(f"expected numbers from {self._space.model}, found NaN; fetch its weights again")
        return [unit_rows(found) for found in rows]

    def _without_marks(self, text: str) -> str:
        """Return a text of the same length in which no special token is spelled out."""
        for mark in self._marks:
            text = text.replace(mark, f" {mark[1:-1]} " if len(mark) > 2 else " " * len(mark))
        return text


def _load_model(family: Family, folder: Path, base: Path | None, dtype: torch.dtype) -> tuple[Any, list[LoadReport]]:
    """Return the model with what the library said of each of its loads; an adapter stays beside the base's weights."""
    model, info = family.model.from_pretrained(
        base or folder, dtype=dtype, local_files_only=True, output_loading_info=True, ignore_mismatched_sizes=True
    )
    _tie_head(model)
    reports = [LoadReport.of(info)]
    if base is not None:
        # Without the family's own renaming, adapters saved by transformers 4 would be dropped.
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
    """Give a language model's head that no file has the input embeddings, to which its kind is tied, and nothing else.

    ColPali allows its head to be absent and leaves it without memory; its output is not used, but it is computed.
    """
    for name, parameter in list(model.named_parameters()):
        if parameter.is_meta and name.endswith("lm_head.weight"):
            model.get_submodule(name.removesuffix(".weight")).weight = model.get_input_embeddings().weight


def _processor_folder(folder: WeightsFolder, base: WeightsFolder | None) -> Path:
    """Return the folder that says how pictures are prepared: the checkpoint's own, else its base."""
    own = any((folder.path / name).is_file() for name in ("preprocessor_config.json", "processor_config.json"))
    return folder.path if own or base is None else base.path


def _pages_per_batch(device: str) -> int:
    """Return how many pages go through a device at once: one on CPU, where a second only adds padding."""
    if torch.device(device).type != "cuda":
        return 1
    gigabytes = torch.cuda.get_device_properties(device).total_memory / 2**30
    return max(1, min(MOST_PAGES, int(gigabytes / GIGABYTES_PER_PAGE)))


def _words_of(processor: Any, text: str, ids: Sequence[int]) -> list[str]:
    """Return the word of each token of a query as the processor spells it out; "" for what belongs to none."""
    prefix = processor.query_prefix
    whole = prefix + text + processor.query_augmentation_token * 10  # as colpali_engine's process_queries
    encoded = processor.tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    own = list(encoded["input_ids"])
    # Special tokens may stand before and after what the text gives; the text's own are one run among them.
    start = next((at for at in range(len(ids) - len(own) + 1) if list(ids[at : at + len(own)]) == own), None)
    if start is None:
        log.warning("the tokens of a query do not match its text: its heat map has no words")
        return [""] * len(ids)
    spans = [(found.start() + len(prefix), found.end() + len(prefix), found.group()) for found in WORD.finditer(text)]
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


def _square(processor: Any, batch: Any, page: int, patches: int) -> Boxes:
    """ColPali: the page is squashed to a square."""
    side = math.isqrt(patches)
    assert side * side == patches, patches
    return grid_boxes(side, side)


def _merged(processor: Any, batch: Any, page: int, patches: int) -> Boxes:
    """ColQwen: the page is resized to whole patches near its own shape; 2 x 2 neighbours are merged into a token."""
    _, high, wide = (int(number) for number in batch["image_grid_thw"][page])
    merge = processor.image_processor.merge_size
    assert high * wide == patches * merge**2, (high, wide, patches)
    return grid_boxes(high // merge, wide // merge)


def _tiled(processor: Any, batch: Any, page: int, patches: int) -> Boxes:
    """ColIdefics3, ColModernVBert: the page is resized to whole tiles. How many stands in the prompt around them."""
    prompt = processor.tokenizer.decode(batch["input_ids"][page])
    marks = [(int(row), int(column)) for row, column in re.findall(r"<row_(\d+)_col_(\d+)>", prompt)]
    rows, columns = (max((mark[axis] for mark in marks), default=0) for axis in (0, 1))
    boxes = tiled_boxes(rows, columns, math.isqrt(processor.image_seq_len))
    assert len(boxes) == patches, (rows, columns, patches)
    return boxes


FAMILIES = {
    # Trained with full attention. Untold, transformers 5.23 makes it causal as soon as a batch of queries is padded.
    # Its language model's head would make 1 GB of logits for a page; they are not used.
    "ColPali": Family(engine.ColPali, engine.ColPaliProcessor, _square, both_ways=True, extra=(("logits_to_keep", 1),)),
    "ColQwen2": Family(engine.ColQwen2, engine.ColQwen2Processor, _merged),
    "ColQwen2_5": Family(engine.ColQwen2_5, engine.ColQwen2_5_Processor, _merged),
    "ColQwen3": Family(engine.ColQwen3, engine.ColQwen3Processor, _merged),
    "ColIdefics3": Family(engine.ColIdefics3, engine.ColIdefics3Processor, _tiled),
    "ColModernVBert": Family(engine.ColModernVBert, engine.ColModernVBertProcessor, _tiled),
}
