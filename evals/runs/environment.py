"""The environment of a run, for its manifest and fingerprint: machine, library versions, PageLens's own sources."""

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("core", "encode", "ingest", "index", "retrieve", "generate", "api")
LIBRARIES = (
    "pagelens",
    "faiss-cpu",
    "ir_measures",
    "numpy",
    "onnxruntime",
    "open-clip-torch",
    "colpali-engine",
    "pillow",
    "pymupdf",
    "sentence-transformers",
    "tantivy",
    "tokenizers",
    "torch",
    "transformers",
)


def machine() -> dict[str, Any]:
    """Return a description of the machine, without names and addresses."""
    return {
        "system": platform.platform(terse=True),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the libraries that can change a result."""
    installed = {}
    for name in LIBRARIES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


@cache
def sources_digest() -> str:
    """Return the SHA-256 of PageLens's own modules without `evals`.

    It is computed once per process, since a process does not reload its modules.
    """
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def fingerprint(configuration: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a configuration, independent of the order of its fields."""
    return hashlib.sha256(json.dumps(configuration, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None
