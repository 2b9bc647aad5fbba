"""Extractive question-answering checkpoints in a folder (BERT, RoBERTa and the like), through transformers.

A text is read in windows that overlap. In each window a span's score is its start logit plus its end logit, and the
null score is that of the CLS token, which models trained on SQuAD 2 choose where there is no answer. Windows are
compared by how much their best span exceeds their own null score. Nothing is downloaded.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from pagelens.core.errors import GenerationError
from pagelens.generate.llm.chat import ModelOptions
from pagelens.generate.reader.spans import ScoredSpan

library: Any = transformers  # untyped: its annotations lag behind its code
MAX_TOKENS = 384  # of a window, question included; as in the training on SQuAD
STRIDE = 128  # tokens that a window has in common with the one before
MAX_QUESTION_TOKENS = 64
MAX_SPAN_TOKENS = 30
BATCH = 8  # windows
SPECIAL_TOKENS = 4  # at most, around question and text


class LocalReader:
    """A loaded checkpoint."""

    def __init__(self, folder: Path, *, device: str | None = None) -> None:
        """Load the checkpoint at `folder`. Raises GenerationError("no-model") if it is none that answers questions."""
        self.name = folder.name
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            self._tokenizer = library.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model, report = library.AutoModelForQuestionAnswering.from_pretrained(
                folder, local_files_only=True, output_loading_info=True
            )
        except (OSError, ValueError, KeyError, ImportError) as exc:
            raise _not_a_reader(folder, str(exc)) from exc
        if missing := sorted(report["missing_keys"]):  # weights that would be random
            raise _not_a_reader(folder, f"it has no weights for {', '.join(missing)}")
        if not self._tokenizer.is_fast or self._tokenizer.cls_token_id is None:
            raise _not_a_reader(folder, "its tokenizer has no CLS token or no offsets (tokenizer.json)")
        self._model = model.to(device).eval()
        positions = getattr(model.config, "max_position_embeddings", None) or MAX_TOKENS
        self._max_tokens = min(MAX_TOKENS, self._tokenizer.model_max_length, positions)
        self._max_question = min(MAX_QUESTION_TOKENS, self._max_tokens // 4)
        self._stride = min(STRIDE, (self._max_tokens - self._max_question - SPECIAL_TOKENS) // 2)

    def best_spans(self, question: str, texts: Sequence[str]) -> list[ScoredSpan | None]:
        """Return the best span of each text; None for one without words. A long question is cut."""
        best: list[ScoredSpan | None] = [None] * len(texts)
        readable = [index for index, text in enumerate(texts) if text.strip()]
        if not readable:
            return best
        windows = self._windows(self._cut(question), [texts[index] for index in readable])
        origins = windows.pop("overflow_to_sample_mapping")
        offsets = windows.pop("offset_mapping")
        for first in range(0, len(origins), BATCH):
            rows = range(first, min(first + BATCH, len(origins)))
            starts, ends = self._logits({name: tensor[rows.start : rows.stop] for name, tensor in windows.items()})
            for row, start_logits, end_logits in zip(rows, starts, ends, strict=True):
                text = readable[int(origins[row])]
                is_text = np.array([part == 1 for part in windows.sequence_ids(row)])
                cls = int((windows["input_ids"][row] == self._tokenizer.cls_token_id).nonzero()[0, 0])
                span = _best_span(start_logits, end_logits, is_text, cls)
                if span is None:
                    continue
                at, last, score = span
                null_score = float(start_logits[cls] + end_logits[cls])
                found = ScoredSpan(int(offsets[row, at, 0]), int(offsets[row, last, 1]), score, null_score)
                known = best[text]
                if known is None or found.margin > known.margin:
                    best[text] = found
        return best

    def _cut(self, question: str) -> str:
        tokens = self._tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)
        offsets = tokens["offset_mapping"][: self._max_question]
        return question[: offsets[-1][1]] if offsets else question

    def _windows(self, question: str, texts: Sequence[str]) -> Any:
        return self._tokenizer(
            [question] * len(texts),
            list(texts),
            truncation="only_second",
            max_length=self._max_tokens,
            stride=self._stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding=True,
            return_tensors="pt",
        )

    def _logits(self, inputs: dict[str, Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return start and end logits: (n_windows, n_tokens) each."""
        with torch.inference_mode():
            output = self._model(**{name: tensor.to(self._model.device) for name, tensor in inputs.items()})
        return output.start_logits.float().cpu().numpy(), output.end_logits.float().cpu().numpy()


def _best_span(
    start_logits: NDArray[np.float32], end_logits: NDArray[np.float32], is_text: NDArray[np.bool_], cls: int
) -> tuple[int, int, float] | None:
    """Return first token, last token and score of the best span of text; None if the window has no text."""
    tokens = np.flatnonzero(is_text & (np.arange(len(is_text)) != cls))
    if not len(tokens):
        return None
    scores = start_logits[tokens, None] + end_logits[None, tokens]  # (n_tokens, n_tokens)
    allowed = np.triu(np.ones_like(scores, bool)) & ~np.triu(np.ones_like(scores, bool), MAX_SPAN_TOKENS)
    at, last = np.unravel_index(np.where(allowed, scores, -np.inf).argmax(), scores.shape)
    return int(tokens[at]), int(tokens[last]), float(scores[at, last])


def load(name: str, options: ModelOptions) -> LocalReader:
    """Return the checkpoint in the folder `name`; the options are not needed. Raises GenerationError("no-model")."""
    del options
    return LocalReader(Path(name).expanduser())


def _not_a_reader(folder: Path, found: str) -> GenerationError:
    return GenerationError(
        "no-model",
        f"expected an extractive question-answering checkpoint of transformers at {folder}, cannot use it: {found}",
    )
