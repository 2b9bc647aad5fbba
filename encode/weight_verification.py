"""Whether a model holds the weights of its files. A model with random weights answers as promptly as a trained one.

transformers loads what it can, initialises the rest and says so in a log; adapters saved by older releases were
dropped that way (colpali-engine issues 413 and 424). So names are compared, from the library's own report, and then
values: each parameter's first and last numbers must stand in some tensor of the files, under whatever name, which
no mapping of names can get wrong. Knows torch modules and safetensors; knows no family.
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

# peft keeps what an adapter replaced as a whole, unused, under this name.
_REPLACED = ".original_module."
_SHOWN = 8  # names in a message

Fingerprint = tuple[torch.dtype, tuple[int, ...], bytes]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a library says of a load: tensors expected and absent, present and unused, present in another shape."""

    missing: Collection[str] = ()
    unexpected: Collection[str] = ()
    mismatched: Collection[str] = field(default=())
    adapter: bool = False  # the file is an adapter's: whatever is unused in it was meant for this model

    @classmethod
    def of(cls, info: dict[str, Any], *, adapter: bool = False) -> "LoadReport":
        """Read the loading information of transformers."""
        mismatched = [f"{name} {tuple(found)}, not {tuple(wanted)}" for name, found, wanted in info["mismatched_keys"]]
        return cls(info["missing_keys"], info["unexpected_keys"], mismatched, adapter)


def check_loaded(model: torch.nn.Module, reports: Sequence[LoadReport], files: Iterable[Path], *, name: str) -> None:
    """Raise WeightsError, naming the tensors, unless every parameter of the model came from the safetensors files.

    A tensor that the model has no use for is let pass (a language model's head), unless it is an adapter's, or one of
    a row of which the model has the others (layers beyond those that the configuration counts).
    """
    ignored = [re.compile(pattern) for pattern in getattr(model, "_keys_to_ignore_on_load_missing", None) or ()]
    parameters = {
        key: value
        for key, value in model.named_parameters()
        if _REPLACED not in key and not any(pattern.search(key) for pattern in ignored)
    }
    missing = {key for report in reports for key in report.missing if key in parameters}
    missing |= _not_of(parameters, files)
    mismatched = {key for report in reports for key in report.mismatched}
    rows = {_row(key) for key in parameters}
    unused = {key for report in reports for key in report.unexpected if report.adapter or _row(key) in rows}
    if not (missing or mismatched or unused):
        return
    unexpected = {key for report in reports for key in report.unexpected}
    found = [
        _listed("not in its files, so random", missing),
        _listed("of another shape in its files", mismatched),
        _listed("in its files, but of no use to the model", unexpected),
    ]
    raise WeightsError(
        f"expected every parameter of {name} to come from its files, found {'; '.join(filter(None, found))}. "
        "Fetch it again, whole, or take a checkpoint that was saved for these releases of the libraries"
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing progress bars while weights are read; errors are still told."""
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if bars:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _not_of(parameters: dict[str, torch.nn.Parameter], files: Iterable[Path]) -> set[str]:
    """Return the names of the parameters whose numbers stand in no tensor of the files."""
    types = {parameter.dtype for parameter in parameters.values()}
    known = {fingerprint for file in files for fingerprint in _fingerprints(file, types)}
    return {key for key, parameter in parameters.items() if _fingerprint(parameter.detach()) not in known}


def _fingerprints(file: Path, types: Collection[torch.dtype]) -> Iterator[Fingerprint]:
    """Yield what each tensor of a file looks like in each of the types; only its first and last rows are read."""
    with safe_open(file, framework="pt") as tensors:
        for name in tensors.keys():  # noqa: SIM118  it has keys and is no mapping
            part = tensors.get_slice(name)
            shape = tuple(part.get_shape())
            if len(shape) > 1 and shape[0] > 2:
                ends = torch.cat([part[:1], part[shape[0] - 1 :]])
            else:
                ends = tensors.get_tensor(name)
            for dtype in types:
                yield _fingerprint(ends.to(dtype), shape)


def _fingerprint(tensor: torch.Tensor, shape: tuple[int, ...] | None = None) -> Fingerprint:
    """Return type, shape and the first and last numbers of a tensor; `shape` is its own where rows were left out."""
    ends = torch.cat([tensor[:1], tensor[-1:]]) if tensor.ndim > 1 and tensor.shape[0] > 2 else tensor
    flat = ends.reshape(-1)
    sample = torch.cat([flat[:SAMPLE], flat[-SAMPLE:]]).float().cpu()
    return tensor.dtype, tuple(tensor.shape) if shape is None else shape, sample.numpy().tobytes()


def _row(key: str) -> str:
    """Return a name with its numbers left out: `layers.7.mlp.weight` is of the row `layers.#.mlp.weight`."""
    return re.sub(r"(?<=\.)\d+(?=\.)", "#", f".{key}")


def _listed(what: str, names: Collection[str]) -> str:
    """Return "what: a, b, ... and 3 more"; nothing for no names."""
    if not names:
        return ""
    shown = sorted(names)[:_SHOWN]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{what}: {', '.join(shown)}{more}"
