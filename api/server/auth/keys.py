"""Keys: who may do what, in which collections. Made, listed and revoked here; hashed at rest.

A key is `plk_<id>_<secret>`, the secret 256 random bits: nobody guesses it, so one SHA-256 is the right hash.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import func, insert, select, update

from pagelens.api.server import database_tables as t
from pagelens.api.server.jobs.job_queue import now
from pagelens.api.server.server_folder import Database
from pagelens.core.errors import NotFound, UsageError

Scope = Literal["read", "write", "admin"]
SCOPES: Sequence[Scope] = get_args(Scope)  # each may do what those before it may

_KEY = re.compile(r"plk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NO_HASH = hashlib.sha256(b"no key").hexdigest()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a key, or anybody on this machine (`key` is then empty)."""

    key: str
    scope: Scope
    collections: frozenset[str] | None = None  # None: all

    def may(self, scope: Scope) -> bool:
        """Tell whether the scope reaches so far."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    def sees(self, collection: str) -> bool:
        """Tell whether a collection is among those allowed."""
        return self.collections is None or collection in self.collections


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as it is listed: all but its secret."""

    id: str
    name: str
    scope: Scope
    collections: Sequence[str]
    created: str
    revoked: str | None


ANYBODY_HERE = Principal("", "admin")


class Keys:
    """The keys of a server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, scope: str, *, collections: Collection[str] = (), name: str = "") -> str:
        """Make a key and return it: the only time it is seen. Raises UsageError."""
        if scope not in SCOPES:
            raise UsageError(f"expected a scope among {', '.join(SCOPES)}, found {scope!r}")
        number, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        row = {"id": number, "hash": _hash(secret), "name": name, "scope": scope, "created": now()}
        with self._database.writing() as connection:
            connection.execute(insert(t.keys).values(**row, collections=",".join(sorted(collections))))
        return f"plk_{number}_{secret}"

    def any_live(self) -> bool:
        """Tell whether any key is not revoked."""
        query = select(func.count()).where(t.keys.c.revoked.is_(None))
        with self._database.reading() as connection:
            return bool(connection.execute(query).scalar_one())

    def listed(self) -> list[KeyRecord]:
        """Return every key, revoked ones too, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(t.keys).order_by(t.keys.c.created)).all()
        return [
            KeyRecord(
                row.id, row.name, row.scope, [*filter(None, row.collections.split(","))], row.created, row.revoked
            )
            for row in rows
        ]

    def revoke(self, key: str) -> None:
        """Make a key worthless from now on, by its id. Raises NotFound."""
        live = (t.keys.c.id == key) & t.keys.c.revoked.is_(None)
        with self._database.writing() as connection:
            if not connection.execute(update(t.keys).where(live).values(revoked=now())).rowcount:
                raise NotFound(f"expected a key that is not revoked, found none with the id {key!r}. See: keys list")

    def ever_made(self) -> bool:
        """Tell whether any key was ever made for this server, revoked ones too: from then on one is needed."""
        query = select(func.count()).select_from(t.keys)
        with self._database.reading() as connection:
            return bool(connection.execute(query).scalar_one())

    def identify(self, presented: str) -> Principal | None:
        """Return whose key this is, or None. Takes as long for an unknown key as for a wrong secret."""
        found = _KEY.fullmatch(presented)
        number, secret = (found[1], found[2]) if found else ("", "")
        with self._database.reading() as connection:
            row = connection.execute(select(t.keys).where(t.keys.c.id == number)).first()
        right = hmac.compare_digest(_hash(secret), row.hash if row is not None else _NO_HASH)
        if row is None or not right or row.revoked is not None:
            return None
        return Principal(row.id, row.scope, frozenset(row.collections.split(",")) if row.collections else None)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
