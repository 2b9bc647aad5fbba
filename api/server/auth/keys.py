"""API keys: created, listed, revoked and verified; stored as hashes.

A key is `plk_<id>_<secret>`. The secret has 256 random bits, so one SHA-256 is a sufficient hash. A row has a checksum:
a key whose row is not what was written is refused, since its scope or its collections may be other than it was given.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import func, insert, select, update

from pagelens.api.server import database_tables as t
from pagelens.api.server.server_folder import Database
from pagelens.core.errors import NotFound, PageLensError, UsageError

KeyScope = Literal["read", "write", "admin"]
SCOPES: Sequence[KeyScope] = get_args(KeyScope)  # ascending: each includes those before it

_KEY = re.compile(r"plk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NO_HASH = hashlib.sha256(b"no key").hexdigest()


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: a key, or an anonymous local caller (`key` is then empty)."""

    key: str
    scope: KeyScope
    collections: frozenset[str] | None = None  # None: all

    def has_scope(self, scope: KeyScope) -> bool:
        """Return whether the caller's scope includes `scope`."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    def can_access(self, collection: str) -> bool:
        """Return whether the caller may use a collection."""
        return self.collections is None or collection in self.collections


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A stored key, without its secret."""

    id: str
    name: str
    scope: KeyScope
    collections: Sequence[str]
    created: str
    revoked: str | None
    damaged: bool = False  # its row is not what was written: it is refused


class KeyDamaged(PageLensError):
    """The row of a key is not what was written."""


LOCAL_ADMIN = Principal("", "admin")


class KeyStore:
    """The API keys of a server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, scope: str, *, collections: Collection[str] = (), name: str = "") -> str:
        """Create a key and return it; it cannot be read again. No `collections`: valid for all. Raises UsageError."""
        if scope not in SCOPES:
            raise UsageError(f"expected a scope among {', '.join(SCOPES)}, found {scope!r}")
        key, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        row = {
            "id": key,
            "hash": _hash(secret),
            "name": name,
            "scope": scope,
            "collections": ",".join(sorted(collections)),
            "created": t.utc_now(),
            "revoked": None,
        }
        with self._database.writing() as connection:
            connection.execute(insert(t.keys).values(**row, checksum=t.key_checksum(row)))
        return f"plk_{key}_{secret}"

    def any_valid(self) -> bool:
        """Return whether there is a key that is not revoked."""
        return any(key.revoked is None and not key.damaged for key in self.list_all())

    def list_all(self) -> list[KeyRecord]:
        """Return all keys, also revoked ones, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(t.keys).order_by(t.keys.c.created)).all()
        return [
            KeyRecord(
                id=row.id,
                name=row.name,
                scope=row.scope,
                collections=[*filter(None, str(row.collections).split(","))],
                created=str(row.created),
                revoked=row.revoked,
                damaged=_is_damaged(row),
            )
            for row in rows
        ]

    def revoke(self, key: str) -> None:
        """Revoke a key by its id, effective at once, also a damaged one. Raises NotFound."""
        this_key = t.keys.c.id == key
        with self._database.writing() as connection:
            row = connection.execute(select(t.keys).where(this_key)).mappings().first()
            if row is None or (row["revoked"] is not None and row["checksum"] == t.key_checksum(row)):
                raise NotFound(f"expected a key that is not revoked, found none with the id {key!r}. See: keys list")
            revoked = {**row, "revoked": t.utc_now()}
            values = {"revoked": revoked["revoked"], "checksum": t.key_checksum(revoked)}
            connection.execute(update(t.keys).where(this_key).values(values))

    def any_created(self) -> bool:
        """Return whether any key was ever created, also revoked ones: from then on the server needs one."""
        query = select(func.count()).select_from(t.keys)
        with self._database.reading() as connection:
            return bool(connection.execute(query).scalar_one())

    def identify(self, presented: str) -> Principal | None:
        """Return the principal of a key, or None. An unknown id takes as long as a wrong secret. Raises KeyDamaged."""
        match = _KEY.fullmatch(presented)
        key, secret = (match[1], match[2]) if match else ("", "")
        with self._database.reading() as connection:
            row = connection.execute(select(t.keys).where(t.keys.c.id == key)).first()
        stored = str(row.hash) if row is not None else _NO_HASH
        matches = hmac.compare_digest(_hash(secret).encode(), stored.encode())
        if row is None or not matches:
            return None
        if _is_damaged(row):
            raise KeyDamaged(
                f"expected the entry of the key {row.id} as it was written, found another: it may do nothing. "
                f"Create another key, and: pagelens keys revoke {row.id}"
            )
        if row.revoked is not None:
            return None
        return Principal(row.id, row.scope, frozenset(row.collections.split(",")) if row.collections else None)


def _is_damaged(row: Any) -> bool:
    return bool(row.checksum != t.key_checksum(row._mapping))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
