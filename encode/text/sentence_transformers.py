"""Text encoders of sentence-transformers: BGE, E5 and every other checkpoint with a complete configuration.

Pooling, length and prompts come from the checkpoint's own configuration (modules.json and the files it names) and are
part of the space's options. For a folder without modules.json the library would use mean pooling without a warning; the
vectors would look plausible and be wrong for BGE, so such a folder is refused.
"""

# First: it repairs torchvision before sentence_transformers imports transformers.
import pagelens.encode.torch_support  # noqa: F401

# isort: split
import json
import logging
import re
from collections.abc import Sequence
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from pagelens.core.errors import WeightsError
from pagelens.core.micro_batching import MicroBatcher
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.encode.batching import encodable, in_batches, stacked, unit_rows
from pagelens.encode.checkpoints import check_text_checkpoint
from pagelens.encode.sentence_transformers_loading import load_model
from pagelens.encode.weights import WeightsFolder

log = logging.getLogger(__name__)

# The English v1.5 models were trained with this prompt for queries and none for passages; their published
# configuration does not contain it (C-Pack, arXiv 2309.07597; the model cards).
BGE_ENGLISH = re.compile(r"bge-(small|base|large)-en-v1\.5", re.ASCII)
BGE_QUERY_PROMPT = "Represent this sentence for searching relevant passages: "

# Padded tokens per batch. On CPU: sorted, 8 passages of 170 tokens per batch, 18 per CPU-s; unsorted, 32, 12 per CPU-s.
TOKEN_BUDGET = {"cpu": 1_024, "mps": 8_192, "cuda": 65_536}

_NO_LENGTH = 1_000_000  # transformers writes an unknown length as 10^30


class SentenceTransformersEncoder:
    """One sentence-transformers checkpoint, with its own prompts for queries and passages.

    Implements `pagelens.core.protocols.TextEncoder`. Computes in float32 on CPU and MPS, in bfloat16 on CUDA; vectors
    are float32. Safe to share between threads, whose batches run one after another.
    """

    def __init__(self, model: SentenceTransformer, folder: WeightsFolder, *, micro_batching: bool = True) -> None:
        """Use a loaded model and the folder it came from. Raises WeightsError if it has no maximum length.

        With `micro_batching`, concurrent single queries run as one batch.
        """
        self._model = model
        self._micro_batcher = MicroBatcher[str, NDArray[np.float32]]() if micro_batching else None
        self._lock = Lock()  # counting and encoding switch the tokenizer's truncation
        self._query_prompt, self._passage_prompt = _prompts(model, folder.model)
        length = model.max_seq_length
        if length is None or length > _NO_LENGTH:
            raise WeightsError(
                f"expected a length in the configuration of {folder.model} at {folder.path}, found none; "
                'write sentence_bert_config.json with {"max_seq_length": 512}, or whatever it was trained with'
            )
        (prompt_length,) = self.count_tokens([self._passage_prompt])
        self._max_tokens: int = int(length) - model.tokenizer.num_special_tokens_to_add() - prompt_length
        self._budget = TOKEN_BUDGET.get(model.device.type, TOKEN_BUDGET["cpu"])
        options = (
            f"modules={_modules(model)}; tokens={length}; "
            f"query={json.dumps(self._query_prompt)}; passage={json.dumps(self._passage_prompt)}"
        )
        self._space = Space(
            model=folder.model, revision=folder.revision, dim=model.get_embedding_dimension(), options=options
        )

    @classmethod
    def load(
        cls, folder: WeightsFolder, settings: Settings, *, device: str | None = None
    ) -> "SentenceTransformersEncoder":
        """Load a checkpoint from its folder, onto the best device if none is given. Raises WeightsError."""
        check_text_checkpoint(folder.path)
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)  # torch has this setting only for the whole process
        model = load_model(SentenceTransformer, folder, "a checkpoint", device)
        log.info("%s on %s in %s", folder.model, model.device, model.dtype)
        return cls(model, folder, micro_batching=settings.micro_batching)

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        return self._space

    @property
    def max_tokens(self) -> int:
        """The number of tokens read of a passage, without prompt and special tokens."""
        return self._max_tokens

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, dim), each row of length 1, encoded with the query prompt."""
        if len(texts) == 1 and self._micro_batcher is not None:
            return np.stack([self._micro_batcher(texts[0], self._query_rows)])
        return self._encode(texts, query=True)

    def _query_rows(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        return list(self._encode(texts, query=True))

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, dim), each row of length 1, in the order given, encoded with the passage prompt."""
        return self._encode(texts, query=False)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's number of tokens, without special tokens and without a limit."""
        if not texts:
            return []
        with self._lock:
            encoded = self._model.tokenizer(encodable(texts), add_special_tokens=False, truncation=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def _encode(self, texts: Sequence[str], *, query: bool) -> NDArray[np.float32]:
        clean = encodable(texts)
        encode = self._model.encode_query if query else self._model.encode_document
        prompt = self._query_prompt if query else self._passage_prompt

        def run(batch: list[int]) -> list[NDArray[np.float32]]:
            chosen = [clean[index] for index in batch]
            size = len(chosen)
            with self._lock:
                rows = encode(chosen, prompt=prompt, batch_size=size, show_progress_bar=False, convert_to_tensor=True)
            return list(unit_rows(rows.float().cpu().numpy()))

        lengths = [min(count, self._max_tokens) for count in self.count_tokens(clean)]
        return stacked(in_batches(lengths, run, budget=self._budget), self._space.dim)


def _prompts(model: SentenceTransformer, name: str) -> tuple[str, str]:
    """Return the prompts of queries and passages: the checkpoint's own, else those that BGE was trained with.

    A checkpoint may name its passage prompt in three ways; sentence-transformers itself prefers an empty "document"
    prompt, which it adds by default, to an existing "passage" prompt.
    """
    prompts = model.prompts
    query = prompts.get("query") or ""
    passage = next((prompts[key] for key in ("document", "passage", "corpus") if prompts.get(key)), "")
    if not query and BGE_ENGLISH.fullmatch(name.rpartition("/")[2]):
        query = BGE_QUERY_PROMPT
    return query, passage


def _modules(model: SentenceTransformer) -> str:
    """Return the checkpoint's modules in order, each with its configured mode, as in `Transformer>Pooling(cls)`."""
    names = []
    for module in model.children():
        mode = getattr(module, "pooling_mode", None)
        names.append(type(module).__name__ + (f"({mode})" if mode else ""))
    return ">".join(names)
