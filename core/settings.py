"""What a person may set from outside. Read once, in `pagelens.api.engine.wiring`, and passed on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NO = ("", "0", "false", "no")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where weights are looked for, whether a hub may be asked, what opens locked files."""

    models: Path | None = None  # a folder with one folder per model; looked at first
    offline: bool = False  # never ask a hub
    threads: int | None = None  # for encoders; None: every core
    passwords: tuple[str, ...] = ()  # to try on encrypted PDFs
    micro_batching: bool = True  # what several threads ask of a model, or of an index, at once is done as one
    cache: Path = Path.home() / ".cache" / "pagelens"  # for what can be made again

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read PAGELENS_MODELS, PAGELENS_OFFLINE (or HF_HUB_OFFLINE), PAGELENS_THREADS, PAGELENS_PASSWORDS
        (a line each), PAGELENS_MICRO_BATCHING (0: no) and XDG_CACHE_HOME."""
        models = environment.get("PAGELENS_MODELS")
        offline = environment.get("PAGELENS_OFFLINE") or environment.get("HF_HUB_OFFLINE") or ""
        threads = environment.get("PAGELENS_THREADS", "")
        caches = environment.get("XDG_CACHE_HOME")
        return cls(
            models=Path(models) if models else None,
            offline=offline.lower() not in NO,
            threads=int(threads) if threads.isdecimal() and int(threads) > 0 else None,
            passwords=tuple(environment.get("PAGELENS_PASSWORDS", "").splitlines()),
            micro_batching=environment.get("PAGELENS_MICRO_BATCHING", "1").lower() not in NO,
            cache=(Path(caches) if caches else Path.home() / ".cache") / "pagelens",
        )
