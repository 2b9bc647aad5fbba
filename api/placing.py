"""Where a new collection's vectors shall lie: what `--store`, `--url` and their kin say. Imports no Qdrant."""

import re
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from core.errors import UsageError
from index.layout import Quantization, ServerRecord


class StoreKind(StrEnum):
    """What holds vectors."""

    FOLDER = "folder"
    QDRANT = "qdrant"


class QuantizationKind(StrEnum):
    """What a Qdrant server searches first."""

    NONE = "none"
    SCALAR = "scalar"
    BINARY = "binary"


Store = Annotated[
    StoreKind, typer.Option("--store", help="Where a new collection's vectors lie: its folder, or Qdrant.")
]
Url = Annotated[
    str, typer.Option("--url", help="Qdrant's address; left out: without a server, in the collection's folder.")
]
Prefix = Annotated[str, typer.Option("--prefix", help="What the names on the server begin with; made up if left out.")]
Quantized = Annotated[
    QuantizationKind, typer.Option("--quantization", help="Smaller vectors for Qdrant to search first, then rescored.")
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def read_server(
    root: Path, store: StoreKind, url: str, prefix: str, quantization: QuantizationKind
) -> ServerRecord | None:
    """Return the server that options name for a new collection at `root`; None: its own folder. Raises UsageError."""
    if store is StoreKind.FOLDER:
        if url or prefix or quantization is not QuantizationKind.NONE:
            raise UsageError("expected --url, --prefix and --quantization with --store qdrant only")
        return None
    if url:
        _require_address(url)
    if prefix and not _NAME.fullmatch(prefix):
        raise UsageError(f"expected --prefix of letters, digits, '_', '-' and '.', found {prefix!r}")
    kind: Quantization = quantization.value
    return ServerRecord(url.rstrip("/"), prefix or _made_up(root), quantization=kind)


def _require_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good, parts = False, urlsplit("")
    if not good:
        raise UsageError(f"expected --url like http://localhost:6333 or https://qdrant.example.org, found {url!r}")
    if parts.username or parts.password or parts.query:
        raise UsageError("expected an address without a key in it: set PAGELENS_QDRANT_KEY, it is not written down")


def _made_up(root: Path) -> str:
    """Return a prefix that says which collection it is of, and that no other one has."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", root.absolute().name).strip("-").lower()[:40] or "pagelens"
    return f"{name}-{secrets.token_hex(3)}"
