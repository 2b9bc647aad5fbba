"""Tiny BERT checkpoints that answer questions by spans, made offline."""

from pathlib import Path
from typing import Any

import pagelens.encode.torch_support  # noqa: F401

# isort: split
import torch
import transformers
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing

library: Any = transformers
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,?!"
WORDS = "thirty nine ships maria the of how many".split()
VOCABULARY = [*MARKS, *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS]
HIDDEN = 16


def save_tokenizer(folder: Path, *, max_length: int = 64) -> None:
    """Write a WordPiece tokenizer that knows single letters and a few words."""
    wordpiece = Tokenizer(WordPiece({token: at for at, token in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    wordpiece.normalizer = BertNormalizer(lowercase=True)
    wordpiece.pre_tokenizer = BertPreTokenizer()
    wordpiece.post_processor = BertProcessing(
        ("[SEP]", VOCABULARY.index("[SEP]")), ("[CLS]", VOCABULARY.index("[CLS]"))
    )
    names = {f"{mark[1:-1].lower()}_token": mark for mark in MARKS}
    library.PreTrainedTokenizerFast(tokenizer_object=wordpiece, model_max_length=max_length, **names).save_pretrained(
        folder
    )


def tiny_config(**settings: Any) -> Any:
    """Return the configuration of a BERT of one layer."""
    sizes = {"hidden_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    return library.BertConfig(vocab_size=len(VOCABULARY), max_position_embeddings=64, **sizes, **settings)


def make_random_reader(folder: Path) -> Path:
    """Write a checkpoint with random weights, large enough that no two spans score alike."""
    torch.manual_seed(0)
    save_tokenizer(folder)
    library.BertForQuestionAnswering(tiny_config(initializer_range=1.0)).save_pretrained(folder)
    return folder


def make_thirty_nine_reader(folder: Path) -> Path:
    """Write a checkpoint whose spans begin at "thirty" and end at "nine", and are none where those do not stand.

    The layer adds nothing, so that a token's logits depend on itself alone: its start logit on dimension 0, its end
    logit on 1; CLS has half of both.
    """
    torch.manual_seed(0)
    save_tokenizer(folder)
    model = library.BertForQuestionAnswering(tiny_config())
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "LayerNorm" not in name:
                weight.zero_()
        words = model.bert.embeddings.word_embeddings.weight
        for at in range(len(VOCABULARY)):
            words[at, 4 + at % 12] = 1.0  # else the norm would make all of them large
        start, end, none = (VOCABULARY.index(token) for token in ("thirty", "nine", "[CLS]"))
        words[start, 0], words[end, 1] = 3.0, 3.0
        words[none, 0] = words[none, 1] = 1.0
        model.qa_outputs.weight[0, 0] = model.qa_outputs.weight[1, 1] = 2.0
    model.save_pretrained(folder)
    return folder
