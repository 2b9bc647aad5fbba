"""Settings of models and readers that come from environment variables.

Language models and servers have variables of their own: see `pagelens.generate.llm.providers`,
`pagelens.index.catalog.postgres` and `pagelens.index.stores.qdrant`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FALSE_VALUES = ("", "0", "false", "no")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where weights are searched for, whether the network may be used, threads, passwords, caches."""

    models: Path | None = None  # a folder with one folder per model; searched first
    offline: bool = False  # never make a request to a hub
    threads: int | None = None  # of encoders; None: one per core
    passwords: tuple[str, ...] = ()  # tried on encrypted files
    micro_batching: bool = True  # concurrent calls of a model or an index run as one batch
    cache: Path = Path.home() / ".cache" / "pagelens"  # for files that can be computed again

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read PAGELENS_MODELS, PAGELENS_OFFLINE (or HF_HUB_OFFLINE), PAGELENS_THREADS, PAGELENS_PASSWORDS (one per
        line), PAGELENS_MICRO_BATCHING (0 turns it off) and XDG_CACHE_HOME."""
        models = environment.get("PAGELENS_MODELS")
        offline = environment.get("PAGELENS_OFFLINE") or environment.get("HF_HUB_OFFLINE") or ""
        threads = environment.get("PAGELENS_THREADS", "")
        cache_home = environment.get("XDG_CACHE_HOME")
        return cls(
            models=Path(models) if models else None,
            offline=offline.lower() not in FALSE_VALUES,
            threads=int(threads) if threads.isdecimal() and int(threads) > 0 else None,
            passwords=tuple(environment.get("PAGELENS_PASSWORDS", "").splitlines()),
            micro_batching=environment.get("PAGELENS_MICRO_BATCHING", "1").lower() not in FALSE_VALUES,
            cache=(Path(cache_home) if cache_home else Path.home() / ".cache") / "pagelens",
        )
