"""Tiny random language models that chat, made offline: one Qwen2.5-VL, one Idefics3 (SmolVLM's kin), one text-only."""

from pathlib import Path
from typing import Any

import pagelens.encode.torch_support  # noqa: F401

# isort: split
import torch
import transformers

from tests.encode.tiny_vision import IDEFICS_MARKS, QWEN_MARKS, QWEN_PADS, TEXT, _save_tokenizer

library: Any = transformers
TEMPLATE = (
    "{% for turn in messages %}<|im_start|>{{ turn['role'] }}\n{% if turn['content'] is string %}{{ turn['content'] }}"
    "{% else %}{% for part in turn['content'] %}{% if part['type'] == 'image' %}PICTURE{% else %}{{ part['text'] }}"
    "{% endif %}{% endfor %}{% endif %}\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HIDDEN = TEXT["hidden_size"]


def make_qwen(folder: Path) -> Path:
    """Write a random Qwen2.5-VL with its processor."""
    torch.manual_seed(0)
    folder.mkdir(parents=True)
    vocabulary = _save_tokenizer(folder, [*QWEN_MARKS, *QWEN_PADS], pad_token="<|endoftext|>", eos_token="<|im_end|>")
    tokenizer = library.AutoTokenizer.from_pretrained(folder)
    marks = tokenizer.convert_tokens_to_ids
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
    tower = {"depth": 2, "hidden_size": HIDDEN, "num_heads": 2, "spatial_merge_size": 2, "intermediate_size": 64}
    config = library.Qwen2_5_VLConfig(
        text_config={**TEXT, "vocab_size": vocabulary, "num_key_value_heads": 2, "rope_parameters": rope},
        vision_config={**tower, "out_hidden_size": HIDDEN, "fullatt_block_indexes": [1], "patch_size": 14},
        image_token_id=marks("<|image_pad|>"),
        video_token_id=marks("<|video_pad|>"),
        vision_start_token_id=marks("<|vision_start|>"),
        vision_end_token_id=marks("<|vision_end|>"),
    )
    library.Qwen2_5_VLForConditionalGeneration(config).eval().save_pretrained(folder)
    images = library.Qwen2VLImageProcessor(
        size={"shortest_edge": 4 * 28**2, "longest_edge": 64 * 28**2}, patch_size=14, merge_size=2
    )
    picture = "<|vision_start|><|image_pad|><|vision_end|>"
    library.Qwen2_5_VLProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        video_processor=library.Qwen2VLVideoProcessor(),
        chat_template=TEMPLATE.replace("PICTURE", picture),
    ).save_pretrained(folder)
    return folder


def make_idefics(folder: Path) -> Path:
    """Write a random Idefics3 with its processor."""
    torch.manual_seed(0)
    folder.mkdir(parents=True)
    vocabulary = _save_tokenizer(
        folder, IDEFICS_MARKS, pad_token="<pad>", bos_token="<|im_start|>", eos_token="<end_of_utterance>"
    )
    tokenizer = library.AutoTokenizer.from_pretrained(folder)
    tower = {key: TEXT[key] for key in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")}
    config = library.Idefics3Config(
        text_config={
            **TEXT,
            "vocab_size": vocabulary,
            "model_type": "llama",
            "num_key_value_heads": 2,
            "pad_token_id": 3,
        },
        vision_config={**tower, "image_size": 128, "patch_size": 16},
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    library.Idefics3ForConditionalGeneration(config).eval().save_pretrained(folder)
    images = library.Idefics3ImageProcessor(
        size={"longest_edge": 256}, max_image_size={"longest_edge": 128}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    library.Idefics3Processor(
        image_processor=images,
        tokenizer=tokenizer,
        image_seq_len=16,
        chat_template=TEMPLATE.replace("PICTURE", "<image>"),
    ).save_pretrained(folder)
    return folder


def make_text(folder: Path) -> Path:
    """Write a random Llama with its tokenizer. It says blanks and newlines in no order, and never stops by itself."""
    torch.manual_seed(0)
    folder.mkdir(parents=True)
    vocabulary = _save_tokenizer(folder, QWEN_MARKS, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    tokenizer = library.AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    model = library.LlamaForCausalLM(library.LlamaConfig(**TEXT, vocab_size=vocabulary)).eval()
    blank, newline = tokenizer.convert_tokens_to_ids(["Ġ", "Ċ"])
    with torch.no_grad():  # every other token is as likely as none: a streamer hands on whole words only
        direction = model.lm_head.weight[0].clone()
        model.lm_head.weight.zero_()
        model.lm_head.weight[blank], model.lm_head.weight[newline] = direction, -direction
    model.save_pretrained(folder)
    return folder
