"""Every error PageLens raises on purpose. A message says what was expected, what was found, what to do next.

PageLensError
|-- UsageError                 a value from the caller that cannot be used
|-- ReadError                  one file cannot be read; `code` is stable, the message is for people
|-- WeightsError               a model's files are missing, changed, or do not say what they must
|-- GenerationError            a language model did not answer; `code` is stable, the message is for people
|-- CollectionError
|   |-- CollectionNotFound     there is no collection at that address
|   |-- CollectionLocked       another process is writing to it
|   |-- CollectionMismatch     another format, model or space than the collection was made with
|   |-- CollectionDamaged      something at rest is not what was written
|   `-- StoreError             a server with vectors or the catalog is not there, refuses, or is not what it must be
|       `-- SnapshotExpired    a commit was looked at for so long that rows of it may be gone: look at a newer one
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
    """The root: catch this to catch everything PageLens says on purpose."""


class UsageError(PageLensError):
    """A value from the caller cannot be used."""


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
    """A model's files are missing, changed, or incomplete."""


class CollectionError(PageLensError):
    """A collection cannot be used as asked."""


class CollectionNotFound(CollectionError):
    """There is no collection at that address."""


class CollectionLocked(CollectionError):
    """Another process is writing to the collection."""


class CollectionMismatch(CollectionError):
    """The collection was made with another format, model or space."""


class CollectionDamaged(CollectionError):
    """Something at rest is not what was written."""


class StoreError(CollectionError):
    """A server that holds a collection's vectors or its catalog is not there, refuses, or is not what it must be."""


class SnapshotExpired(StoreError):
    """A commit was looked at for longer than replaced rows stay, and there is a newer one: begin again with that."""


class NotFound(PageLensError):
    """No such document or page."""
