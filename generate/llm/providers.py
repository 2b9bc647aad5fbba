"""Language models by name. The only place that imports their adapters, each when it is asked for and not before.

"openai:NAME"       OpenAI, or any address that speaks its protocol, with `address`
"anthropic:NAME"    Anthropic, or any address that speaks its protocol
"local:FOLDER"      a checkpoint in a folder, through transformers
"NAME"              with `address`, or without it where the name says whose it is (gpt-..., o3..., claude-...)
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pagelens.core.errors import GenerationError, UsageError
from pagelens.generate.llm.chat import ChatModel
from pagelens.generate.llm.metering import Prices
from pagelens.generate.llm.retrying import Patience
from pagelens.generate.prompts import Budget

PATIENCE = Patience()
BUDGET = Budget()
NO_PICTURES = ("no", "0", "false")
PROVIDERS = ("openai", "anthropic", "local")
_OWN = {"anthropic": re.compile(r"claude"), "openai": re.compile(r"(gpt|chatgpt|o\d)\b")}


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model answers, and where it is reached."""

    model: str
    address: str | None = None
    openai_key: str | None = None
    anthropic_key: str | None = None
    accepts_images: bool = True  # whether it can be shown pictures; local checkpoints say it themselves
    patience: Patience = PATIENCE
    budget: Budget = BUDGET
    prices: Prices | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, model: str | None = None) -> "ModelChoice | None":
        """Read PAGELENS_LLM_MODEL (unless `model` is given), PAGELENS_LLM_URL, PAGELENS_LLM_KEY, PAGELENS_LLM_PICTURES
        (how many may be sent; "no": the model reads text only), PAGELENS_LLM_TOKENS (that may be sent, reply included),
        PAGELENS_LLM_PRICES (of a million tokens read and written: "2.5 10"), PAGELENS_LLM_TIMEOUT (seconds of silence),
        OPENAI_API_KEY, ANTHROPIC_API_KEY. Raises UsageError for a value that is none of these.

        None where no model is named. A provider's key is never sent to PAGELENS_LLM_URL: what stands there gets
        PAGELENS_LLM_KEY or none.
        """
        name = model or environment.get("PAGELENS_LLM_MODEL", "")
        if not name.strip():
            return None
        address = environment.get("PAGELENS_LLM_URL") or None
        key = environment.get("PAGELENS_LLM_KEY") or None
        return cls(
            name.strip(),
            address=address,
            openai_key=key or (None if address else environment.get("OPENAI_API_KEY")),
            anthropic_key=key or (None if address else environment.get("ANTHROPIC_API_KEY")),
            accepts_images=environment.get("PAGELENS_LLM_PICTURES", "").lower() not in NO_PICTURES,
            budget=_budget(environment),
            prices=_prices(environment.get("PAGELENS_LLM_PRICES", "")),
            patience=replace(PATIENCE, silence=_seconds(environment.get("PAGELENS_LLM_TIMEOUT", ""))),
        )


def _budget(environment: Mapping[str, str]) -> Budget:
    tokens, pictures = (environment.get(f"PAGELENS_LLM_{name}", "") for name in ("TOKENS", "PICTURES"))
    if pictures.lower() in (*NO_PICTURES, "yes", "true"):
        pictures = ""
    return replace(
        BUDGET,
        tokens=_count("PAGELENS_LLM_TOKENS", tokens, least=2 * BUDGET.reply) if tokens else BUDGET.tokens,
        pictures=_count("PAGELENS_LLM_PICTURES", pictures, least=1) if pictures else BUDGET.pictures,
    )


def _count(name: str, said: str, *, least: int) -> int:
    if not said.isdecimal() or int(said) < least:
        raise UsageError(f"expected a number from {least} up in {name}, found {said!r}")
    return int(said)


def _prices(said: str) -> Prices | None:
    if not said:
        return None
    try:
        read, written = (float(one) for one in said.split())
    except ValueError:
        read = written = -1.0
    if not (0 <= read < 1e6 and 0 <= written < 1e6):
        raise UsageError(f"expected two prices in PAGELENS_LLM_PRICES, like '2.5 10', found {said!r}")
    return Prices(read, written)


def _seconds(said: str) -> float:
    try:
        seconds = float(said or PATIENCE.silence)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise UsageError(f"expected seconds above 0 in PAGELENS_LLM_TIMEOUT, found {said!r}")
    return seconds


def provider_of(choice: ModelChoice) -> tuple[str, str]:
    """Return provider and the model's name there. Raises GenerationError("no-address") where the name says nothing."""
    provider, colon, name = choice.model.partition(":")
    if colon and provider in PROVIDERS and name:
        return provider, name
    if choice.address is not None:
        return "openai", choice.model
    for provider, pattern in _OWN.items():
        if pattern.match(choice.model):
            return provider, choice.model
    raise GenerationError(
        "no-address",
        f"expected an address for the model {choice.model!r}, found none. Set PAGELENS_LLM_URL, or name the model "
        "openai:NAME, anthropic:NAME or local:FOLDER.",
    )


def describe(choice: ModelChoice) -> str:
    """Say which model it is, where it is reached and whether there is a key for it, never which. Raises GenerationError
    where the name says nothing."""
    provider, name = provider_of(choice)
    if provider == "local":
        return f"{name}, here through transformers"
    key = choice.anthropic_key if provider == "anthropic" else choice.openai_key
    place = choice.address or "the provider's own address"
    return f"{name} over {provider}'s protocol at {place}, {'with' if key else 'without'} a key"


def load_chat_model(choice: ModelChoice) -> ChatModel:
    """Return the model, ready to be asked; nothing is sent yet.

    Raises GenerationError: "no-address", "no-key", "no-library", for a local one "no-model".
    """
    provider, name = provider_of(choice)
    try:
        if provider == "anthropic":
            return _anthropic(name, choice)
        return _local(name) if provider == "local" else _openai(name, choice)
    except ImportError as exc:
        library = {"openai": "openai", "anthropic": "anthropic", "local": "transformers"}[provider]
        raise GenerationError(
            "no-library", f"expected the package {library}, found none: pip install {library}"
        ) from exc


def _openai(name: str, choice: ModelChoice) -> ChatModel:
    from pagelens.generate.llm.openai_compatible import OpenAICompatibleModel

    return OpenAICompatibleModel(
        name,
        address=choice.address,
        key=choice.openai_key,
        accepts_images=choice.accepts_images,
        patience=choice.patience,
    )


def _anthropic(name: str, choice: ModelChoice) -> ChatModel:
    from pagelens.generate.llm.anthropic_model import AnthropicModel

    return AnthropicModel(name, key=choice.anthropic_key, address=choice.address, patience=choice.patience)


def _local(name: str) -> ChatModel:
    folder = Path(name).expanduser()
    if not (folder / "config.json").is_file():
        raise GenerationError("no-model", f"expected a checkpoint with a config.json at {folder}, found none")
    from pagelens.generate.llm.local_model import LocalModel

    return LocalModel(folder)
