"""Vector spaces: which model and which options made a vector. Vectors of different spaces are never compared."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """One vector space. Vectors may be compared if all fields are equal."""

    model: str  # the checkpoint's published name
    revision: str  # content hash or hub revision of the weights
    dim: int
    multi_vector: bool = False  # one vector per token (late interaction) instead of one per item
    options: str = ""  # whatever else changes a vector: pooling, prompts, length

    @property
    def fingerprint(self) -> str:
        """Return 16 hex digits that change whenever a field does."""
        return _fingerprint(self)

    def __str__(self) -> str:
        return f"{self.model}@{self.revision[:12]} ({self.dim}{', multi-vector' if self.multi_vector else ''})"

    def as_json(self) -> dict[str, Any]:
        """Return the fields and the fingerprint, for `collection.json`."""
        return {**asdict(self), "fingerprint": self.fingerprint}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Space":
        """Return the space that `as_json` wrote. Raises ValueError if the fingerprint does not match the fields."""
        stored = data.get("fingerprint")
        space = cls(**{key: value for key, value in data.items() if key != "fingerprint"})
        if stored != space.fingerprint:
            raise ValueError(f"expected fingerprint {space.fingerprint} for {space}, found {stored}: edited?")
        return space


@lru_cache(64)  # a search asks for that of each lane several times
def _fingerprint(space: Space) -> str:
    canonical = json.dumps(asdict(space), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
