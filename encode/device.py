"""Where torch computes: the device, and the number type that is quick there. Knows no model."""

import torch


def best_device() -> str:
    """Return "cuda" where there is one, else "mps", else "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def dtype_for(device: str) -> torch.dtype:
    """Return bfloat16 on a CUDA device that has it, float32 elsewhere.

    Text vectors of the two types agree to a cosine of about 0.9998, so a collection made with one is searched with
    the other and a space does not tell them apart.
    """
    return torch.bfloat16 if device.startswith("cuda") and torch.cuda.is_bf16_supported() else torch.float32
