"""Photos and queries per second embedded by CLIP: a real architecture at full size beside a tiny one.

    python -m benchmarks.embedding_speed [--images 16] [--gpu-images 1024]

Weights are random, which costs the same time as trained ones. Images are 640 x 480 and already decoded; preprocessing
is included. On CPU, one thread and its CPU time, which a busy machine changes little; on a GPU, elapsed time.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pagelens.encode.torch_support  # noqa: F401

# isort: split
import numpy as np
import open_clip
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2

from pagelens.core.spaces import Space
from pagelens.core.types import ImageArray
from pagelens.encode.image.clip import ClipEncoder
from pagelens.encode.torch_support import dtype_for

ARCHITECTURE = "ViT-B-32-SigLIP2-256"
TINY = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": 256, "layers": 2, "width": 64, "head_width": 32, "patch_size": 32},
    "text_cfg": {"context_length": 64, "vocab_size": 1000, "width": 64, "heads": 2, "layers": 2},
}


@dataclass(frozen=True)
class Speed:
    """The speed of one encoder on one device."""

    images: float  # per second
    texts: float


def make_encoder(model: Any, device: str, *, workers: int) -> ClipEncoder:
    """Return the product's encoder over a model with random weights; a text becomes as many tokens as fit."""
    preprocess = image_transform_v2(PreprocessCfg(size=model.visual.image_size, resize_mode="squash"), is_train=False)
    model.eval().to(device=device, dtype=dtype_for(device))

    def tokenize(texts: list[str]) -> torch.Tensor:
        return torch.randint(2, 900, (len(texts), model.context_length))

    with torch.inference_mode():
        dim = int(model.encode_text(tokenize([""]).to(device)).shape[1])
    return ClipEncoder(
        model, preprocess, tokenize, Space(model="random", revision="0", dim=dim), device=device, workers=workers
    )


def measure(encoder: ClipEncoder, images: int, clock: Callable[[], float]) -> Speed:
    """Return the speeds on `images` pictures and as many texts, after one warm-up of a batch."""
    random = np.random.default_rng(0)
    pictures: list[ImageArray] = [random.integers(0, 256, (480, 640, 3), np.uint8) for _ in range(min(images, 64))]
    shown = [pictures[index % len(pictures)] for index in range(images)]
    encoder.encode_images(shown[: max(1, images // 4)])
    start = clock()
    encoder.encode_images(shown)
    between = clock()
    encoder.encode_queries(["a query"] * images)
    return Speed(images / (between - start), images / (clock() - between))


def main() -> None:
    """Print a table of photos and texts per second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=16, help="on CPU")
    parser.add_argument("--gpu-images", type=int, default=1024)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = open_clip.create_model(ARCHITECTURE)
    parameters = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    tiny = measure(make_encoder(open_clip.CLIP(**TINY), "cpu", workers=1), arguments.images * 4, time.process_time)
    real = measure(make_encoder(model, "cpu", workers=1), arguments.images, time.process_time)
    print("| model | where | images/s | texts/s |\n|---|---|---|---|")
    print(f"| tiny, 2 layers of 64 | 1 CPU core, fp32 | {tiny.images:.1f} | {tiny.texts:.0f} |")
    print(f"| {ARCHITECTURE}, {parameters:.0f}M | 1 CPU core, fp32 | {real.images:.1f} | {real.texts:.1f} |")
    print(f"| tiny / real | | {tiny.images / real.images:.1f} | {tiny.texts / real.texts:.1f} |")
    if not torch.cuda.is_available():
        print(f"| {ARCHITECTURE} | GPU | not run: no GPU | |")
        return
    encoder = make_encoder(model, "cuda", workers=os.cpu_count() or 1)
    fast = measure(encoder, arguments.gpu_images, time.perf_counter)
    where = f"{torch.cuda.get_device_name()}, {str(dtype_for('cuda')).removeprefix('torch.')}"
    print(f"| {ARCHITECTURE} | {where} | {fast.images:.0f} | {fast.texts:.0f} |")


if __name__ == "__main__":
    main()
