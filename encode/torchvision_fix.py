"""Imported before anything of transformers, sentence_transformers, open_clip or colpali_engine: heals torchvision.

Where pip finds a CPU wheel of torch, the torchvision beside it may be a CUDA build. Its C library cannot load, so
the operators it would bring are unknown, and `import torchvision` stops with "operator torchvision::nms does not
exist"; every library that imports torchvision stops with it. The cure: declare the two operators that torchvision's
Python side wants to exist and import again. Only box operators (nms, roi_align, ...) stay without code, and these
models use none; transforms work. On a healthy machine, and on one without torchvision, nothing happens.

Knows nothing of models. `HEALED` tells `doctor` which of the three it was.
"""

import importlib
import logging
import sys

import torch.library

log = logging.getLogger(__name__)

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[torch.library.Library] = []  # an operator lives as long as its library object


def heal_torchvision() -> bool:
    """Make `import torchvision` work beside a torch it was not built for; return whether there was need to.

    Any other failure than the missing operators is raised as it is.
    """
    try:
        importlib.import_module("torchvision")
    except ImportError:
        return False  # not installed: every library here can do without
    except RuntimeError as exc:
        if "torchvision::" not in str(exc):
            raise
        _declare_operators()
        importlib.import_module("torchvision")
        log.info("torchvision's C library does not fit torch %s: box operators are off", torch.__version__)
        return True
    return False


def _declare_operators() -> None:
    """Forget the half-imported torchvision and declare the operators that its Python side registers shapes for."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for schema in _OPERATORS:
        library.define(schema)  # type: ignore[no-untyped-call]
    _kept.append(library)


HEALED = heal_torchvision()
