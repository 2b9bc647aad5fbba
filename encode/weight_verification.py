"""Verify that every parameter of a loaded model came from its files.

transformers initialises parameters that it cannot load with random numbers and only logs it; adapters saved by older
releases were ignored that way (colpali-engine issues 413 and 424). A model with random weights raises no error later.
Two things are checked: the names in the library's own report, and the values: the first and last numbers of each
parameter must occur in some tensor of the files (safetensors or PyTorch's), under any name, so this check needs no
mapping of names.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers.utils.logging as transformers_logging
from safetensors import safe_open

from pagelens.core.errors import WeightsError

SAMPLE = 64  # numbers from either end of a tensor's first and last row

# peft keeps a module that an adapter replaced, unused, under this name.
_REPLACED_MODULE = ".original_module."
_LISTED_NAMES = 8  # in a message

Fingerprint = tuple[torch.dtype, tuple[int, ...], bytes]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """A library's report on a load: tensors that are missing, unexpected, or of another shape."""

    missing: Collection[str] = ()
    unexpected: Collection[str] = ()
    mismatched: Collection[str] = field(default=())
    adapter: bool = False  # an adapter's file, all of whose tensors must be used

    @classmethod
    def of(cls, info: dict[str, Any], *, adapter: bool = False) -> "LoadReport":
        """Convert the loading information of transformers."""
        mismatched = [
            f"{name} {tuple(shape)}, not {tuple(expected)}" for name, shape, expected in info["mismatched_keys"]
        ]
        return cls(info["missing_keys"], info["unexpected_keys"], mismatched, adapter)


def check_loaded(model: torch.nn.Module, reports: Sequence[LoadReport], files: Iterable[Path], *, name: str) -> None:
    """Raise WeightsError that names the tensors unless every parameter of the model came from the files.

    The files are safetensors or PyTorch's. Tensors that the model does not use are allowed (a language model's head),
    except those of an adapter, and those of a layer that the model has with other numbers (more layers than its
    configuration says).
    """
    ignored = [re.compile(pattern) for pattern in getattr(model, "_keys_to_ignore_on_load_missing", None) or ()]
    parameters = {
        key: value
        for key, value in model.named_parameters()
        if _REPLACED_MODULE not in key and not any(pattern.search(key) for pattern in ignored)
    }
    missing = {key for report in reports for key in report.missing if key in parameters}
    missing |= _not_in_files(parameters, files)
    mismatched = {key for report in reports for key in report.mismatched}
    patterns = {_without_numbers(key) for key in parameters}
    unused = {
        key for report in reports for key in report.unexpected if report.adapter or _without_numbers(key) in patterns
    }
    if not (missing or mismatched or unused):
        return
    unexpected = {key for report in reports for key in report.unexpected}
    problems = [
        _listed("not in its files, so random", missing),
        _listed("of another shape in its files", mismatched),
        _listed("in its files, but of no use to the model", unexpected),
    ]
    raise WeightsError(
        f"expected every parameter of {name} to come from its files, found {'; '.join(filter(None, problems))}. "
        "Fetch it again, whole, or use a checkpoint that was saved for these versions of the libraries"
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Turn off the progress bars of transformers while weights are loaded; errors are still logged."""
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if bars:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _not_in_files(parameters: dict[str, torch.nn.Parameter], files: Iterable[Path]) -> set[str]:
    """Return the names of the parameters whose numbers are in no tensor of the files."""
    types = {parameter.dtype for parameter in parameters.values()}
    known = {fingerprint for file in files for fingerprint in _fingerprints(file, types)}
    return {key for key, parameter in parameters.items() if _fingerprint(parameter.detach()) not in known}


def _fingerprints(file: Path, types: Collection[torch.dtype]) -> Iterator[Fingerprint]:
    """Yield each tensor's fingerprint in each of the types; only its first and last rows are read."""
    if file.suffix != ".safetensors":
        for tensor in torch.load(file, map_location="cpu", weights_only=True, mmap=_is_zip(file)).values():
            yield from (_fingerprint(tensor.to(dtype)) for dtype in types)
        return
    with safe_open(file, framework="pt") as tensors:
        for name in tensors.keys():  # noqa: SIM118  it has keys but is not a mapping
            tensor_slice = tensors.get_slice(name)
            shape = tuple(tensor_slice.get_shape())
            if len(shape) > 1 and shape[0] > 2:
                ends = torch.cat([tensor_slice[:1], tensor_slice[shape[0] - 1 :]])
            else:
                ends = tensors.get_tensor(name)
            for dtype in types:
                yield _fingerprint(ends.to(dtype), shape)


def _is_zip(file: Path) -> bool:
    """Return whether a file of torch has today's format, a ZIP archive, which can be mapped into memory."""
    with file.open("rb") as stream:
        return stream.read(4) == b"PK\x03\x04"


def _fingerprint(tensor: torch.Tensor, shape: tuple[int, ...] | None = None) -> Fingerprint:
    """Return type, shape, and first and last numbers of a tensor. `shape` is given if rows of it were left out."""
    ends = torch.cat([tensor[:1], tensor[-1:]]) if tensor.ndim > 1 and tensor.shape[0] > 2 else tensor
    flat = ends.reshape(-1)
    sample = torch.cat([flat[:SAMPLE], flat[-SAMPLE:]]).float().cpu()
    return tensor.dtype, tuple(tensor.shape) if shape is None else shape, sample.numpy().tobytes()


def _without_numbers(key: str) -> str:
    """Return a name with its numbers replaced: `layers.7.mlp.weight` becomes `.layers.#.mlp.weight`."""
    return re.sub(r"(?<=\.)\d+(?=\.)", "#", f".{key}")


def _listed(what: str, names: Collection[str]) -> str:
    """Return "what: a, b, ... and 3 more", or an empty string without names."""
    if not names:
        return ""
    shown = sorted(names)[:_LISTED_NAMES]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{what}: {', '.join(shown)}{more}"
