"""What every encoder on torch shares: a repaired torchvision, the device, the number type, and images for PIL.

Import it before transformers, sentence_transformers, open_clip or colpali_engine, which all import torchvision. Where
pip installs a CPU build of torch, the torchvision beside it may be a CUDA build. Its C library then cannot be loaded,
its operators are missing, and `import torchvision` fails with "operator torchvision::nms does not exist". The repair
declares the two operators that torchvision's Python code registers shapes for, and imports it again. Only box operators
(nms, roi_align, ...) stay without code; these models do not use them. If torchvision works, or is not installed,
nothing is changed.
"""

import importlib
import logging
import sys

import torch
import torch.library
from PIL import Image

from pagelens.core.errors import UsageError
from pagelens.core.types import ImageArray

log = logging.getLogger(__name__)

MAX_ASPECT_RATIO = 100  # a model's own resizing fails at 200, or allocates gigabytes for a one-pixel line

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_libraries: list[torch.library.Library] = []  # an operator exists as long as its library object


def repair_torchvision() -> bool:
    """Make `import torchvision` work beside a torch it was not built for; return whether a repair was needed.

    Any other failure than the missing operators is raised unchanged.
    """
    try:
        importlib.import_module("torchvision")
    except ImportError:
        return False  # not installed: every library here works without it
    except RuntimeError as exc:
        if "torchvision::" not in str(exc):
            raise
        _declare_operators()
        importlib.import_module("torchvision")
        log.info("torchvision's C library does not fit torch %s: box operators are off", torch.__version__)
        return True
    return False


def _declare_operators() -> None:
    """Remove the half-imported torchvision and declare the operators that its Python code registers shapes for."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for schema in _OPERATORS:
        library.define(schema)  # type: ignore[no-untyped-call]
    _libraries.append(library)


TORCHVISION_REPAIRED = repair_torchvision()


def best_device() -> str:
    """Return "cuda" if there is a CUDA device, else "mps" if there is one, else "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def dtype_for(device: str) -> torch.dtype:
    """Return bfloat16 on a CUDA device that supports it, float32 elsewhere.

    Text vectors of the two types agree to a cosine of about 0.9998, so a collection made with one can be searched with
    the other, and both count as one space.
    """
    return torch.bfloat16 if device.startswith("cuda") and torch.cuda.is_bf16_supported() else torch.float32


def to_pil(image: ImageArray) -> Image.Image:
    """Return an image for PIL, its shorter side stretched to at least 1/100 of the longer one.

    Stretching, unlike padding, keeps fractions of the image valid. Raises UsageError unless the array is
    (height, width, 3) of uint8 with at least one pixel.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != "uint8" or image.size == 0:
        raise UsageError(f"expected a picture as (height, width, 3) bytes, found {image.shape} of {image.dtype}")
    height, width = image.shape[:2]
    size = (max(width, -(-height // MAX_ASPECT_RATIO)), max(height, -(-width // MAX_ASPECT_RATIO)))
    result = Image.fromarray(image)
    return result if size == (width, height) else result.resize(size)
