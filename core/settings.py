"""Settings of models and readers that come from environment variables.

Language models and servers have variables of their own: see `pagelens.generate.llm.providers`,
`pagelens.index.catalog.postgres` and `pagelens.index.stores.qdrant`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pagelens.core.errors import UsageError

FALSE_VALUES = ("", "0", "false", "no")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where weights are searched for, whether the network may be used, threads, passwords, caches."""

    models: Path | None = None  # a folder with one folder per model; searched first
    offline: bool = False  # never make a request to a hub
    threads: int | None = None  # of encoders; None: one per core
    passwords: tuple[str, ...] = ()  # tried on encrypted files
    max_pages: int | None = None  # of a document that is read; None: the readers' own limit
    micro_batching: bool = True  # concurrent calls of a model or an index run as one batch
    reranker: str = "builtin"  # or a model, "late:MODEL", "vision", "vision:MODEL", "none"; for searches that ask
    rerank_pages: int | None = None  # first pages that a model sees as pictures; None: its own default
    reranks: bool | None = None  # whether searches are reranked that do not say; None: where the gain was measured
    feedback: bool = False  # whether a server keeps what users do with hits: clicks and thumbs
    splits_by_model: bool = False  # whether the language model splits the questions of thorough searches, not rules
    cache: Path = Path.home() / ".cache" / "pagelens"  # for files that can be computed again

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read PAGELENS_MODELS, PAGELENS_OFFLINE (or HF_HUB_OFFLINE), PAGELENS_THREADS, PAGELENS_PASSWORDS (one per
        line), PAGELENS_MAX_PAGES, PAGELENS_MICRO_BATCHING (0 turns it off), PAGELENS_RERANKER (builtin, vision,
        late:MODEL, a model, none), PAGELENS_RERANK_PAGES, PAGELENS_SPLIT (rules or model), PAGELENS_FEEDBACK (1 turns
        it on) and XDG_CACHE_HOME. Raises UsageError for a splitter that is neither."""
        splitter = environment.get("PAGELENS_SPLIT", "").strip() or "rules"
        if splitter not in ("rules", "model"):
            raise UsageError(f"expected PAGELENS_SPLIT to be rules or model, found {splitter!r}")
        models = environment.get("PAGELENS_MODELS")
        offline = environment.get("PAGELENS_OFFLINE") or environment.get("HF_HUB_OFFLINE") or ""
        cache_home = environment.get("XDG_CACHE_HOME")
        return cls(
            models=Path(models) if models else None,
            offline=offline.lower() not in FALSE_VALUES,
            threads=_positive(environment.get("PAGELENS_THREADS", "")),
            max_pages=_positive(environment.get("PAGELENS_MAX_PAGES", "")),
            passwords=tuple(environment.get("PAGELENS_PASSWORDS", "").splitlines()),
            micro_batching=environment.get("PAGELENS_MICRO_BATCHING", "1").lower() not in FALSE_VALUES,
            reranker=environment.get("PAGELENS_RERANKER", "").strip() or "builtin",
            rerank_pages=_positive(environment.get("PAGELENS_RERANK_PAGES", "")),
            reranks=True if environment.get("PAGELENS_RERANKER", "").strip() else None,
            feedback=environment.get("PAGELENS_FEEDBACK", "").lower() not in FALSE_VALUES,
            splits_by_model=splitter == "model",
            cache=(Path(cache_home) if cache_home else Path.home() / ".cache") / "pagelens",
        )


def _positive(text: str) -> int | None:
    """Return the number if it is a whole one above 0, else None."""
    return int(text) if text.isdecimal() and int(text) > 0 else None
