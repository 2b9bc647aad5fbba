"""Loads checkpoints by the library sentence-transformers: no network, no code of the checkpoint's own."""

# First: it repairs torchvision before sentence_transformers imports transformers.
import pagelens.encode.torch_support  # noqa: F401

# isort: split
from collections.abc import Callable
from typing import Any, TypeVar

from pagelens.core.errors import WeightsError
from pagelens.encode.torch_support import best_device, dtype_for
from pagelens.encode.weight_verification import quiet
from pagelens.encode.weights import WeightsFolder

T = TypeVar("T")


def load_model(make: Callable[..., T], folder: WeightsFolder, what: str, device: str | None) -> T:
    """Return `make(path, ...)`, a class of the library, onto a device (None: the best one). `what` names it in errors.

    Raises WeightsError.
    """
    device = device or best_device()
    options: dict[str, Any] = {"device": device, "model_kwargs": {"dtype": dtype_for(device)}}
    try:
        with quiet():
            return make(str(folder.path), local_files_only=True, trust_remote_code=False, **options)
    except Exception as exc:  # any error of the files, their configuration and three libraries
        raise WeightsError(
            f"expected {what} that sentence-transformers can load at {folder.path}, "
            f"found {type(exc).__name__}: {exc}; fetch {folder.model} again, whole"
        ) from exc
