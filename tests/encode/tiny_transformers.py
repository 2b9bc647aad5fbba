"""Tiny random checkpoints of CLIP, SigLIP, SigLIP2 and DINOv2 in Hugging Face's format, with image processor and
tokenizer, written by transformers itself."""

import pagelens.encode.torch_support  # noqa: F401

# isort: split
import json
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel

library: Any = transformers
SIDE = 32  # pixels of the images of all but SigLIP2
CONTEXT = 12  # tokens
WORDS = "a photo of the lake river roof panels solar boat dog red blue seen from above".split()
TOWER = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}


def make_transformers_clip(folder: Path, family: str, *, seed: int = 0) -> Path:
    """Write a checkpoint of a family ("clip", "siglip", "siglip2"); return the folder."""
    torch.manual_seed(seed)
    folder.mkdir(parents=True)
    tokens = _save_tokenizer(folder, family)
    text = {**TOWER, "vocab_size": tokens, "max_position_embeddings": CONTEXT}
    vision: dict[str, Any] = {**TOWER, "patch_size": 8}
    if family == "clip":
        text |= {"projection_dim": 24, "eos_token_id": 3, "bos_token_id": 1, "pad_token_id": 3}
        vision |= {"image_size": SIDE, "projection_dim": 24}
        config = library.CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
        model: Any = library.CLIPModel(config)
        size = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
        images: Any = library.CLIPImageProcessor(**size)
    elif family == "siglip":
        config = library.SiglipConfig(text_config=text, vision_config={**vision, "image_size": SIDE})
        model = library.SiglipModel(config)
        images = library.SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    else:
        config = library.Siglip2Config(text_config=text, vision_config={**vision, "num_patches": 16})
        model = library.Siglip2Model(config)
        images = library.Siglip2ImageProcessor(patch_size=8, max_num_patches=16)
    _widen(model)
    model.save_pretrained(folder)
    images.save_pretrained(folder)
    return folder


def make_dinov2(folder: Path, *, seed: int = 0) -> Path:
    """Write a DINOv2; return the folder."""
    torch.manual_seed(seed)
    config = library.Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, image_size=SIDE, patch_size=8
    )
    model = library.Dinov2Model(config)
    _widen(model)
    model.save_pretrained(folder)
    size = {"size": {"shortest_edge": 36}, "crop_size": {"height": SIDE, "width": SIDE}}
    library.BitImageProcessor(**size, do_convert_rgb=True).save_pretrained(folder)
    return folder


def wrap_for_sentence_transformers(clip: Path, folder: Path, *, module: str = "CLIPModel") -> Path:
    """Write a sentence-transformers checkpoint around a CLIP folder, as clip-ViT-B-32 is published; return it."""
    folder.mkdir(parents=True)
    clip.rename(folder / "0_CLIPModel")
    modules = [{"idx": 0, "name": "0", "path": "0_CLIPModel", "type": f"sentence_transformers.models.{module}"}]
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")
    return folder


def save_as_pytorch(folder: Path) -> None:
    """Replace the safetensors of a folder by pytorch_model.bin, the older format of the hub."""
    from safetensors.torch import load_file

    file = folder / "model.safetensors"
    torch.save(load_file(file), folder / "pytorch_model.bin")
    file.unlink()


def _widen(model: torch.nn.Module) -> None:
    """Make the weights large: with the usual ones all vectors are nearly alike."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.3)
            elif name.endswith("bias"):
                parameter.normal_(std=0.1)


def _save_tokenizer(folder: Path, family: str) -> int:
    """Write a tokenizer of a few words, whose unknown ones are one token; return the size of its vocabulary."""
    marks = ["<pad>", "<bos>", "<unk>", "<eos>"]
    vocabulary = {token: index for index, token in enumerate([*marks, *WORDS])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if family == "clip":
        tokenizer.normalizer = normalizers.Lowercase()
    template = "<bos> $A <eos>" if family == "clip" else "$A <eos>"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[("<bos>", 1), ("<eos>", 3)]
    )
    pad = "<eos>" if family == "clip" else "<pad>"
    fast = library.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=CONTEXT,
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        pad_token=pad,
    )
    fast.save_pretrained(folder)
    return len(vocabulary)
