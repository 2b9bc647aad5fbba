"""Text encoders by name. The only place that imports the adapters, each when it is asked for and not before.

"builtin"                 all-MiniLM-L6-v2 on onnxruntime, from the install, no torch
"BAAI/bge-small-en-v1.5"  or any other name or folder: sentence-transformers
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from core.errors import UsageError, WeightsError
from core.protocols import TextEncoder
from core.settings import Settings
from encode.checkpoints import check_text_checkpoint
from encode.weights import FoundIn, Hub, find_weights, look_on_disk

BUILTIN = "builtin"
KNOWN = (BUILTIN, "BAAI/bge-small-en-v1.5", "BAAI/bge-m3")  # what the profiles builtin, cpu and gpu name


@dataclass(frozen=True, slots=True)
class EncoderReport:
    """Whether an encoder could be loaded on this machine as it is, and if not, why."""

    name: str
    ready: bool
    found_in: FoundIn | Literal["wheels"] | None = None
    path: Path | None = None
    problem: str = ""  # why it is not ready, and the next step


def load_text_encoder(name: str, settings: Settings, *, hub: Hub | None = None) -> TextEncoder:
    """Return the text encoder of that name, ready to encode; the hub is asked for what is not on disk.

    Raises WeightsError where weights or a library are missing, UsageError for what cannot be a name.
    """
    if name == BUILTIN:
        try:
            from encode.builtin import BuiltinTextEncoder
        except ImportError as exc:
            raise WeightsError(_no_library("onnxruntime and tokenizers", exc)) from exc
        return BuiltinTextEncoder.load(settings)
    folder = find_weights(name, settings, hub=hub)
    check_text_checkpoint(folder.path)  # before six seconds of imports
    try:
        from encode.bge import SentenceTransformersEncoder
    except ImportError as exc:
        raise WeightsError(_no_library("torch, transformers and sentence-transformers", exc)) from exc
    return SentenceTransformersEncoder.load(folder, settings)


def report_text_encoders(
    settings: Settings, *, names: Sequence[str] = KNOWN, hub: Hub | None = None
) -> list[EncoderReport]:
    """Return for each name whether it is ready on this machine; loads no model, makes no request, imports no torch."""
    return [_report_builtin() if name == BUILTIN else _report(name, settings, hub) for name in names]


def _report_builtin() -> EncoderReport:
    try:
        from encode.builtin import check_wheels

        return EncoderReport(BUILTIN, ready=True, found_in="wheels", path=check_wheels())
    except ImportError as exc:
        return EncoderReport(BUILTIN, ready=False, problem=_no_library("onnxruntime and tokenizers", exc))
    except WeightsError as exc:
        return EncoderReport(BUILTIN, ready=False, problem=str(exc))


def _report(name: str, settings: Settings, hub: Hub | None) -> EncoderReport:
    try:
        found = look_on_disk(name, settings, hub=hub)
    except UsageError as exc:
        return EncoderReport(name, ready=False, problem=str(exc))
    if found is None:
        step = f"run `hf download {name}` where there is a network" if settings.offline else "the hub will be asked"
        return EncoderReport(name, ready=False, problem=f"its weights are not on this machine; {step}")
    path, found_in = found
    try:
        check_text_checkpoint(path)
    except WeightsError as exc:
        return EncoderReport(name, ready=False, found_in=found_in, path=path, problem=str(exc))
    absent = [library for library in ("torch", "sentence_transformers") if find_spec(library) is None]
    problem = f"{' and '.join(absent)} not installed; run `pip install pagelens` again" if absent else ""
    return EncoderReport(name, ready=not absent, found_in=found_in, path=path, problem=problem)


def _no_library(libraries: str, exc: ImportError) -> str:
    return f"expected {libraries} to be installed, found: {exc}; run `pip install pagelens` again"
