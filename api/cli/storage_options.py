"""The options that set a new collection's stores: `--store`, `--catalog`, `--files`, and what belongs to them."""

import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, unquote, urlsplit

import typer

from pagelens.api.engine.wiring import StorageOptions
from pagelens.core.errors import UsageError
from pagelens.index.layout import CatalogRecord, FilesRecord, Quantization, ServerRecord


class StoreKind(StrEnum):
    """The vector store."""

    FOLDER = "folder"
    QDRANT = "qdrant"


class QuantizationKind(StrEnum):
    """Quantized vectors that a Qdrant server searches first."""

    NONE = "none"
    SCALAR = "scalar"
    BINARY = "binary"


StoreOption = Annotated[
    StoreKind, typer.Option("--store", help="The vector store of a new collection: its folder, or Qdrant.")
]
UrlOption = Annotated[
    str, typer.Option("--url", help="Qdrant's address; if left out: a local Qdrant in the folder, for trials (slow).")
]
PrefixOption = Annotated[
    str, typer.Option("--prefix", help="Prefix of the collection's names on servers; if left out, a random one.")
]
QuantizationOption = Annotated[
    QuantizationKind, typer.Option("--quantization", help="Smaller vectors for Qdrant to search first, then rescored.")
]

ShardsOption = Annotated[
    int | None,
    typer.Option("--shards", min=1, help="Parts of each collection on a Qdrant cluster.", show_default=False),
]
ReplicasOption = Annotated[
    int | None, typer.Option("--replicas", min=1, help="Copies of each part on a Qdrant cluster.", show_default=False)
]
CatalogOption = Annotated[
    str,
    typer.Option(
        "--catalog", help="PostgreSQL for a new collection's catalog: postgresql+psycopg://user@host/database"
    ),
]
FilesOption = Annotated[
    str,
    typer.Option(
        "--files", help="Address of page pictures and originals, for several machines: s3://bucket/x, file:///mnt/x"
    ),
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_NAMED_BY_USER = {"sftp", "ssh", "abfs", "abfss", "az"}  # user@host, container@account: no secret
_LONGEST_SCHEMA = 63  # bytes of a name in PostgreSQL


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageArguments:
    """The values of the options, as they were given."""

    store: StoreKind = StoreKind.FOLDER
    url: str = ""
    prefix: str = ""
    quantization: QuantizationKind = QuantizationKind.NONE
    shards: int | None = None
    replicas: int | None = None
    catalog: str = ""
    files: str = ""


def read_storage_options(root: Path, given: StorageArguments) -> StorageOptions:
    """Return the stores that the options set for a new collection at `root`. Raises UsageError."""
    url, prefix, catalog, files = given.url, given.prefix, given.catalog, given.files
    shards, replicas, quantization = given.shards, given.replicas, given.quantization
    folder = given.store is StoreKind.FOLDER
    if folder and (url or shards or replicas or quantization is not QuantizationKind.NONE):
        raise UsageError("expected --url, --quantization, --shards and --replicas with --store qdrant only")
    if prefix and folder and not catalog:
        raise UsageError("expected --prefix with --store qdrant or --catalog only")
    if not url and (shards or replicas):
        raise UsageError("expected --shards and --replicas with the --url of a Qdrant cluster only")
    if prefix and not _NAME.fullmatch(prefix):
        raise UsageError(f"expected --prefix of letters, digits, '_', '-' and '.', found {prefix!r}")
    if url:
        _require_address(url)
    name = prefix or _random_prefix(root)
    kind: Quantization = quantization.value
    server = ServerRecord(
        url.rstrip("/"),
        name,
        quantization=kind,
        shards=shards,
        replicas=replicas,
    )
    if files:
        _require_files(files, catalog)
    return StorageOptions(
        None if folder else server,
        _read_catalog(catalog, name) if catalog else None,
        FilesRecord(files, name) if files else None,
    )


def _read_catalog(address: str, name: str) -> CatalogRecord:
    """Return the record of a PostgreSQL address. Raises UsageError, also for an address with a password."""
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("postgresql", "postgres", "postgresql+psycopg") and parts.path.strip("/") != ""
        good = good and parts.port != 0
    except ValueError:
        good, parts = False, urlsplit("")
    if not good:
        raise UsageError(f"expected --catalog like postgresql+psycopg://user@host/database, found {address!r}")
    if parts.password or {"password", "sslpassword", "passfile"} & set(parse_qs(parts.query)):
        raise UsageError(
            "expected an address without a password in it: set PGPASSWORD, or the whole address in "
            "PAGELENS_CATALOG_URL; neither is stored"
        )
    schema = re.sub(r"[^a-z0-9_]", "_", name.lower())[:_LONGEST_SCHEMA]
    if re.match(r"\d|pg_", schema):
        schema = f"c_{schema}"[:_LONGEST_SCHEMA]
    return CatalogRecord(parts._replace(scheme="postgresql+psycopg").geturl(), schema)


def _require_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good, parts = False, urlsplit("")
    if not good:
        raise UsageError(f"expected --url like http://localhost:6333 or https://qdrant.example.org, found {url!r}")
    if parts.username or parts.password or parts.query:
        raise UsageError("expected an address without a key in it: set PAGELENS_QDRANT_KEY, it is not stored")


def _require_files(address: str, catalog: str) -> None:
    """Raise UsageError unless several machines can share this address and it holds no secret."""
    if not catalog:
        raise UsageError("expected --files with --catalog only: machines that share files share the catalog of them")
    try:
        parts = urlsplit(address)
        good = bool(re.fullmatch(r"[a-z][a-z0-9+.-]*", parts.scheme)) and "::" not in address and "://" in address
        good = good and bool(parts.path.strip("/") if parts.scheme == "file" else parts.netloc or parts.path.strip("/"))
        good = (
            good
            and parts.scheme != "local"
            and not (parts.scheme == "file" and parts.netloc)
            and ".." not in unquote(parts.path).split("/")
        )
    except ValueError:
        good, parts = False, urlsplit("")
    if not good:
        raise UsageError(f"expected --files like s3://bucket/folder or file:///mnt/share/folder, found {address!r}")
    if parts.password or parts.query or (parts.username and parts.scheme not in _NAMED_BY_USER):
        raise UsageError(
            "expected an address without a key in it: fsspec takes keys from the environment (AWS_ACCESS_KEY_ID, "
            "FSSPEC_S3_KEY, ...), they are not stored"
        )


def _random_prefix(root: Path) -> str:
    """Return a prefix of the collection's name and six random hexadecimal digits."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", root.absolute().name).strip("-").lower()[:40] or "pagelens"
    return f"{name}-{secrets.token_hex(3)}"
