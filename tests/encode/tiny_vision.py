"""Tiny random vision checkpoints, made offline: one CLIP the way open_clip's folders are, and the six ColPali families.

Each has the image sizes of the real ones where these decide the grid of a page, and towers of two layers. Weights
are drawn wider than usual (0.02 makes all tokens nearly alike): a wrong row, box or prompt shows in the numbers.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pagelens.encode.torch_support  # noqa: F401

# isort: split
import colpali_engine.models as engine
import open_clip
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

library: Any = transformers  # whose signatures lag behind what its classes take
HIDDEN = 32
TEXT = {
    "hidden_size": HIDDEN,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 4096,
    "initializer_range": 0.2,
}
QWEN_MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"]
QWEN_PADS = ["<|image_pad|>", "<|video_pad|>"]
ROW_MARKS = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
IDEFICS_MARKS = [
    *("<|begin_of_text|>", "<|im_start|>", "<end_of_utterance>", "<pad>", "<image>", "<fake_token_around_image>"),
    *("<global-img>", *ROW_MARKS),
]
PALI_MARKS = ["<pad>", "<eos>", "<bos>", "<unk>", "<image>"]


@dataclass(frozen=True)
class Tiny:
    """A family as colpali_engine has it, and the grid (rows, columns) that its encoder lays over a portrait A4 page."""

    model: Any
    processor: Any
    make: Callable[[Path], None]
    grid: tuple[int, int]
    coarse: int = 0  # tokens of the picture as a whole, beside those of the grid

    @property
    def tokens(self) -> int:
        """Return the tokens of a portrait A4 page."""
        return self.grid[0] * self.grid[1] + self.coarse


def make_page_checkpoint(family: str, folder: Path, *, seed: int = 0) -> Path:
    """Write a random checkpoint of the family with its processor; return the folder."""
    torch.manual_seed(seed)
    folder.mkdir(parents=True)
    FAMILIES[family].make(folder)
    return folder


def make_clip_checkpoint(folder: Path, *, siglip: bool = False, seed: int = 0) -> Path:
    """Write a random open_clip checkpoint: a CLIP with the wheel's BPE, or a SigLIP2 with a tokenizer of its own."""
    torch.manual_seed(seed)
    folder.mkdir(parents=True)
    text: dict[str, Any] = {"context_length": 77, "vocab_size": 49408, "width": HIDDEN, "heads": 2, "layers": 2}
    vision: dict[str, Any] = {"image_size": 64, "layers": 2, "width": HIDDEN, "head_width": 16, "patch_size": 16}
    vision["patch_dropout"] = 0.5  # only in training mode, where vectors come by chance
    config: dict[str, Any] = {"embed_dim": 24, "vision_cfg": vision, "text_cfg": text}
    preprocess = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "shortest"}
    if siglip:
        vocabulary = _save_tokenizer(folder, ["<pad>", "<eos>", "<bos>", "<unk>"], pad_token="<pad>", eos_token="<eos>")
        text |= {"context_length": 16, "vocab_size": vocabulary, "hf_tokenizer_name": "org/tiny", "pool_type": "last"}
        text |= {"tokenizer_kwargs": {"clean": "canonicalize"}, "no_causal_mask": True, "proj_bias": True}
        config |= {"init_logit_bias": -10, "custom_text": True}
        preprocess |= {"resize_mode": "squash"}
    whole = {"model_cfg": config, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(whole), "utf-8")
    model = open_clip.create_model(f"local-dir:{folder}")
    save_file(
        {name: tensor.contiguous() for name, tensor in model.state_dict().items()},
        folder / "open_clip_model.safetensors",
    )
    return folder


def make_adapter(base: Path, folder: Path, family: str, *, prefix: str = "", seed: int = 1) -> Path:
    """Write a LoRA adapter over `base` in the form that published ones have; return the folder.

    `prefix` stands before "layers" in the names of its tensors: "language_model." today, "model." in files that were
    saved by older libraries, whose tensors are found by renaming.
    """
    import peft

    torch.manual_seed(seed)
    modules = r".*(language_model|text_model).*(q_proj|v_proj|down_proj)|.*(custom_text_proj|linear)$"
    config = peft.LoraConfig(
        r=4, lora_alpha=4, init_lora_weights=False, target_modules=modules, base_model_name_or_path=str(base)
    )
    model = peft.get_peft_model(FAMILIES[family].model.from_pretrained(base), config)
    model.save_pretrained(str(folder))
    file = folder / "adapter_model.safetensors"
    if prefix:
        rename_tensors(file, lambda name: name.replace("language_model.", prefix))
    FAMILIES[family].processor.from_pretrained(base).save_pretrained(folder)
    return folder


def weights_of(folder: Path) -> Path:
    """Return the weights file of a checkpoint that this module wrote."""
    (file,) = folder.glob("*.safetensors")
    return file


def rename_tensors(file: Path, rename: Callable[[str], str | None]) -> None:
    """Rename the tensors of a safetensors file; those whose new name is None go."""
    tensors = {rename(name): tensor for name, tensor in load_file(file).items()}
    save_file({name: tensor for name, tensor in tensors.items() if name is not None}, file, {"format": "pt"})


def _save_tokenizer(folder: Path, marks: list[str], **named: str) -> int:
    """Write a byte-level BPE without merges, one token a byte beside the marks; return the size of its vocabulary."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*marks, *alphabet])}
    tokenizer = Tokenizer(BPE(vocabulary, [], unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = library.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, extra_special_tokens=marks, model_max_length=8192, **named
    )
    fast.save_pretrained(folder)
    return len(vocabulary)


def _id(folder: Path, token: str) -> int:
    found = library.AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids(token)
    assert isinstance(found, int)
    return found


def _make_idefics(folder: Path) -> None:
    vocabulary = _save_tokenizer(
        folder, IDEFICS_MARKS, pad_token="<pad>", bos_token="<|im_start|>", eos_token="<end_of_utterance>"
    )
    text = {**TEXT, "vocab_size": vocabulary, "model_type": "llama", "num_key_value_heads": 2, "pad_token_id": 3}
    config = library.Idefics3Config(
        text_config=text,
        vision_config=_siglip(512, 32),
        scale_factor=2,
        image_token_id=_id(folder, "<image>"),
    )
    _finish_tiled(engine.ColIdefics3(config), engine.ColIdefics3Processor, folder)


def _make_modernvbert(folder: Path) -> None:
    vocabulary = _save_tokenizer(
        folder, IDEFICS_MARKS, pad_token="<pad>", bos_token="<|im_start|>", eos_token="<end_of_utterance>"
    )
    marks = {"pad_token_id": 3, "bos_token_id": 1, "cls_token_id": 1, "eos_token_id": 2, "sep_token_id": 2}
    text = {**TEXT, "vocab_size": vocabulary, "model_type": "modernbert", **marks}
    config = library.ModernVBertConfig(
        text_config=text,
        vision_config={**_siglip(512, 32), "model_type": "siglip_vision_model"},
        pixel_shuffle_factor=2,
        image_token_id=_id(folder, "<image>"),
        initializer_range=0.2,
    )
    _finish_tiled(engine.ColModernVBert(config), engine.ColModernVBertProcessor, folder)


def _siglip(size: int, patch: int) -> dict[str, Any]:
    tower = {key: TEXT[key] for key in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")}
    return {**tower, "image_size": size, "patch_size": patch, "initializer_range": 0.2}


def _finish_tiled(model: Any, processor: Any, folder: Path) -> None:
    images = library.Idefics3ImageProcessor(
        size={"longest_edge": 2048}, max_image_size={"longest_edge": 512}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    tokenizer = library.AutoTokenizer.from_pretrained(folder)
    model.eval().save_pretrained(folder)
    processor(image_processor=images, tokenizer=tokenizer, image_seq_len=64).save_pretrained(folder)


def _make_qwen(model: str, vision: dict[str, Any], config: str, processor: str, patch: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        vocabulary = _save_tokenizer(
            folder, [*QWEN_MARKS, *QWEN_PADS], pad_token="<|endoftext|>", eos_token="<|im_end|>"
        )
        rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
        text = {**TEXT, "vocab_size": vocabulary, "num_key_value_heads": 2, "rope_parameters": rope}
        if "3" in config.removesuffix("Config"):
            text["head_dim"] = 16
        made = getattr(library, config)(
            text_config=text,
            vision_config={**vision, "patch_size": patch, "initializer_range": 0.2},
            image_token_id=_id(folder, "<|image_pad|>"),
            video_token_id=_id(folder, "<|video_pad|>"),
            vision_start_token_id=_id(folder, "<|vision_start|>"),
            vision_end_token_id=_id(folder, "<|vision_end|>"),
        )
        getattr(engine, model)(made).eval().save_pretrained(folder)
        limits = {"shortest_edge": 4 * (2 * patch) ** 2, "longest_edge": 768 * (2 * patch) ** 2}
        images = library.Qwen2VLImageProcessor(size=limits, patch_size=patch, merge_size=2)
        videos = getattr(library, "Qwen3VLVideoProcessor" if patch == 16 else "Qwen2VLVideoProcessor")()
        tokenizer = library.AutoTokenizer.from_pretrained(folder)
        getattr(engine, processor)(
            image_processor=images, tokenizer=tokenizer, video_processor=videos, chat_template="{{ messages }}"
        ).save_pretrained(folder)

    return make


def _make_pali(folder: Path) -> None:
    _save_tokenizer(folder, PALI_MARKS, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>")
    tokenizer = library.AutoTokenizer.from_pretrained(folder)
    images = library.SiglipImageProcessor(size={"height": 448, "width": 448})
    images.image_seq_length = 256
    processor = engine.ColPaliProcessor(image_processor=images, tokenizer=tokenizer)
    text = {**TEXT, "model_type": "gemma", "vocab_size": len(tokenizer), "num_key_value_heads": 1, "head_dim": 16}
    config = library.PaliGemmaConfig(
        text_config=text,
        vision_config={**_siglip(448, 28), "model_type": "siglip_vision_model", "projection_dim": HIDDEN},
        projection_dim=HIDDEN,
        image_token_index=processor.image_token_id,
    )
    engine.ColPali(config).eval().save_pretrained(folder)
    processor.save_pretrained(folder)


_TOWER = {"depth": 2, "hidden_size": HIDDEN, "num_heads": 2, "spatial_merge_size": 2}
_QWEN2 = {"depth": 2, "embed_dim": HIDDEN, "hidden_size": HIDDEN, "num_heads": 2, "mlp_ratio": 2}
_QWEN25 = {**_TOWER, "intermediate_size": 64, "out_hidden_size": HIDDEN, "fullatt_block_indexes": [1]}
_QWEN3 = {**_TOWER, "intermediate_size": 64, "out_hidden_size": HIDDEN, "deepstack_visual_indexes": [0]}

FAMILIES = {
    "ColPali": Tiny(engine.ColPali, engine.ColPaliProcessor, _make_pali, (16, 16)),
    "ColQwen2": Tiny(
        engine.ColQwen2,
        engine.ColQwen2Processor,
        _make_qwen("ColQwen2", _QWEN2, "Qwen2VLConfig", "ColQwen2Processor", 14),
        (32, 23),
    ),
    "ColQwen2_5": Tiny(
        engine.ColQwen2_5,
        engine.ColQwen2_5_Processor,
        _make_qwen("ColQwen2_5", _QWEN25, "Qwen2_5_VLConfig", "ColQwen2_5_Processor", 14),
        (32, 23),
    ),
    "ColQwen3": Tiny(
        engine.ColQwen3,
        engine.ColQwen3Processor,
        _make_qwen("ColQwen3", _QWEN3, "Qwen3VLConfig", "ColQwen3Processor", 16),
        (32, 23),
    ),
    "ColIdefics3": Tiny(engine.ColIdefics3, engine.ColIdefics3Processor, _make_idefics, (32, 24), coarse=64),
    "ColModernVBert": Tiny(
        engine.ColModernVBert, engine.ColModernVBertProcessor, _make_modernvbert, (32, 24), coarse=64
    ),
}
