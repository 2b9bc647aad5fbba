"""All errors that PageLens raises itself. A message says what was expected, what was found, and what to do next.

PageLensError
|-- UsageError                 an argument or option cannot be used
|-- ReadError                  one file cannot be read; `code` is stable, the message is for people
|-- WeightsError               a model's files or libraries are missing, changed, or incomplete
|-- GenerationError            a language model did not answer; `code` is stable, the message is for people
|-- CollectionError
|   |-- CollectionNotFound     there is no collection at that address
|   |-- CollectionLocked       another process is writing to it
|   |-- CollectionReadOnly     its folder cannot be written to
|   |-- CollectionMismatch     another format, model or space than the collection was made with
|   |-- CollectionDamaged      stored data is not what was written
|   |-- DiskFull               there is no room for what is to be written; what was committed is kept
|   `-- StoreError             a server with vectors or the catalog is unreachable, refuses, or is misconfigured
|       `-- SnapshotExpired    a snapshot was held so long that rows of it may be deleted: open a new one
|-- RankingExpired             kept results of an earlier commit cannot be continued: search again from the first one
`-- NotFound                   no such document or page in the collection
"""

from typing import Literal

ReadCode = Literal[
    "empty",
    "encrypted",
    "damaged",
    "no-pages",
    "unsupported",
    "mislabelled",
    "too-large",
    "denied",
    "vanished",
    "changed",
]

GenerationCode = Literal[
    "no-address",
    "no-key",
    "no-model",
    "no-library",
    "no-pictures",
    "refused",
    "rejected",
    "too-long",
    "busy",
    "server",
    "unreachable",
    "timed-out",
    "cut-off",
    "malformed",
]


class PageLensError(Exception):
    """The root of all errors that PageLens raises itself."""


class UsageError(PageLensError):
    """An argument or option cannot be used."""


class ReadError(PageLensError):
    """A file cannot be read. `code` is one of `ReadCode`."""

    def __init__(self, code: ReadCode, message: str) -> None:
        super().__init__(message)
        self.code: ReadCode = code


class GenerationError(PageLensError):
    """A language model did not answer. `code` is one of `GenerationCode`."""

    def __init__(self, code: GenerationCode, message: str) -> None:
        super().__init__(message)
        self.code: GenerationCode = code


class WeightsError(PageLensError):
    """A model's files or libraries are missing, changed, or incomplete."""


class CollectionError(PageLensError):
    """A collection cannot be used in the way requested."""


class CollectionNotFound(CollectionError):
    """There is no collection at that address."""


class CollectionLocked(CollectionError):
    """Another process is writing to the collection."""


class CollectionReadOnly(CollectionError):
    """The collection's folder cannot be written to."""


class CollectionMismatch(CollectionError):
    """The collection was made with another format, model or space."""


class CollectionDamaged(CollectionError):
    """Stored data is not what was written."""


class DiskFull(CollectionError):
    """There is no room for what is to be written; what was committed is kept."""


class StoreError(CollectionError):
    """A server with a collection's vectors or catalog is unreachable, refuses, or is misconfigured."""


class SnapshotExpired(StoreError):
    """A snapshot was held longer than replaced rows are kept, and a newer commit exists: retry with a new snapshot."""


class RankingExpired(PageLensError):
    """The results of an earlier commit were not kept, or the collection no longer has all of them."""


class NotFound(PageLensError):
    """No such document or page."""
