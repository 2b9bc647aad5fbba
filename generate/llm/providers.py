"""Language models by name, and the one registry of their providers.

"openai:NAME"       OpenAI, or any server that speaks its protocol, with `address`
"anthropic:NAME"    Anthropic, or any server that speaks its protocol
"local:FOLDER"      a checkpoint in a folder, through transformers
"local-qa:FOLDER"   an extractive question-answering checkpoint: it quotes answers and writes nothing
"NAME"              with `address`; or without it if the name tells the provider (gpt-..., o3..., claude-...)

To add a provider, write a module with a function `load(name, options) -> ChatModel` and add its row to `PROVIDERS`.
A reader's `load` returns a SpanReader.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from pagelens.core.errors import GenerationError, UsageError
from pagelens.generate.llm.chat import ChatModel, ModelOptions
from pagelens.generate.llm.metering import Prices
from pagelens.generate.prompts import MIN_IMAGE_SIDE, Budget
from pagelens.generate.reader.spans import SpanReader

MAX_IMAGE_SIDE = 8_000  # pixels: Anthropic refuses larger images
MAX_SAMPLES = 20  # replies to one question, at most


@dataclass(frozen=True, slots=True)
class Provider:
    """One way to reach language models. Its module is imported only when one of its models is loaded."""

    name: str  # the prefix of its models' names
    argument: str  # what follows the prefix
    module: str  # has `load(name: str, options: ModelOptions) -> ChatModel`, or SpanReader
    extra: str  # of this package, with the libraries that the module imports
    description: str  # of how a model is reached
    key_variable: str | None = None  # environment variable of the key; None: needs none
    own_names: str | None = None  # regular expression of model names that need no prefix
    is_reader: bool = False  # its models pick spans of pages; they cannot chat
    check: Callable[[str], None] = lambda _: None  # raises GenerationError for a name that cannot be loaded


def _require_checkpoint(name: str) -> None:
    folder = Path(name).expanduser()
    if not (folder / "config.json").is_file():
        raise GenerationError("no-model", f"expected a checkpoint with a config.json at {folder}, found none")


PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider(
            name="openai",
            argument="NAME",
            module="pagelens.generate.llm.openai_compatible",
            extra="llm",
            description="over openai's protocol",
            key_variable="OPENAI_API_KEY",
            own_names=r"(gpt|chatgpt|o\d)\b",
        ),
        Provider(
            name="anthropic",
            argument="NAME",
            module="pagelens.generate.llm.anthropic_model",
            extra="llm",
            description="over anthropic's protocol",
            key_variable="ANTHROPIC_API_KEY",
            own_names="claude",
        ),
        Provider(
            name="local",
            argument="FOLDER",
            module="pagelens.generate.llm.local_model",
            extra="models",
            description="on this machine through transformers",
            check=_require_checkpoint,
        ),
        Provider(
            name="local-qa",
            argument="FOLDER",
            module="pagelens.generate.reader.local_reader",
            extra="models",
            description="picks answers on this machine through transformers",
            is_reader=True,
            check=_require_checkpoint,
        ),
    )
}
DEFAULT_PROVIDER = "openai"  # of models at an address: most servers speak its protocol


def _syntax(providers: Iterable[Provider]) -> str:
    names = [f"{provider.name}:{provider.argument}" for provider in providers]
    return f"{', '.join(names[:-1])} or {names[-1]}"


MODEL_SYNTAX = _syntax(provider for provider in PROVIDERS.values() if not provider.is_reader)
"""How users name a language model, for messages."""
ANSWERING_SYNTAX = _syntax(PROVIDERS.values())
"""How users name what answers questions: a language model or a reader."""

BUDGET = Budget()
OPTIONS = ModelOptions()
NO_IMAGES = ("no", "0", "false")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model answers, how it is reached, and what it may be sent."""

    model: str
    address: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)  # provider -> key
    accepts_images: bool = True  # local checkpoints decide this themselves
    idle_timeout: float = OPTIONS.idle_timeout  # seconds
    budget: Budget = BUDGET
    prices: Prices | None = None
    samples: int = 1  # replies to a question, of which the one that most agree with is taken

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, model: str | None = None) -> "ModelChoice | None":
        """Return the choice that the environment makes; None if no model is named.

        PAGELENS_LLM_MODEL     the model's name, unless `model` is given
        PAGELENS_LLM_URL       the server's address
        PAGELENS_LLM_KEY       the key for that address, or for any provider
        PAGELENS_LLM_PICTURES  how many images may be sent; "no": the model accepts text only
        PAGELENS_LLM_SIDE      pixels of the longer side of the images that are sent
        PAGELENS_LLM_TOKENS    how many tokens may be sent, reply included
        PAGELENS_LLM_PRICES    prices of a million input and output tokens, like "2.5 10"
        PAGELENS_LLM_SAMPLES   how many replies to a question are compared, at so many times the price
        PAGELENS_LLM_TIMEOUT   seconds without any reply until the call fails
        OPENAI_API_KEY, ANTHROPIC_API_KEY  keys of the providers; never sent to PAGELENS_LLM_URL

        Raises UsageError for a value that cannot be read.
        """
        name = model or environment.get("PAGELENS_LLM_MODEL", "")
        if not name.strip():
            return None
        address = environment.get("PAGELENS_LLM_URL") or None
        return cls(
            model=name.strip(),
            address=address,
            keys=_keys(environment, own_address=address is None),
            accepts_images=environment.get("PAGELENS_LLM_PICTURES", "").lower() not in NO_IMAGES,
            idle_timeout=_seconds(environment.get("PAGELENS_LLM_TIMEOUT", "")),
            budget=_budget(environment),
            prices=_prices(environment.get("PAGELENS_LLM_PRICES", "")),
            samples=_count("PAGELENS_LLM_SAMPLES", environment.get("PAGELENS_LLM_SAMPLES") or "1", most=MAX_SAMPLES),
        )


def _keys(environment: Mapping[str, str], *, own_address: bool) -> dict[str, str]:
    """Return the key for each provider. `own_address`: its models are called at the provider's own address."""
    keys = {}
    for provider in PROVIDERS.values():
        key = environment.get("PAGELENS_LLM_KEY")
        if not key and own_address and provider.key_variable:
            key = environment.get(provider.key_variable)
        if key:
            keys[provider.name] = key
    return keys


def _budget(environment: Mapping[str, str]) -> Budget:
    tokens, images, side = (environment.get(f"PAGELENS_LLM_{name}", "") for name in ("TOKENS", "PICTURES", "SIDE"))
    if images.lower() in (*NO_IMAGES, "yes", "true"):
        images = ""
    return replace(
        BUDGET,
        tokens=_count("PAGELENS_LLM_TOKENS", tokens, least=2 * BUDGET.reply_tokens) if tokens else BUDGET.tokens,
        images=_count("PAGELENS_LLM_PICTURES", images) if images else BUDGET.images,
        image_side=_count("PAGELENS_LLM_SIDE", side, least=MIN_IMAGE_SIDE, most=MAX_IMAGE_SIDE)
        if side
        else BUDGET.image_side,
    )


def _count(variable: str, value: str, *, least: int = 1, most: int | None = None) -> int:
    if not value.isdecimal() or not least <= int(value) <= (most or int(value)):
        upper = "up" if most is None else f"to {most}"
        raise UsageError(f"expected a number from {least} {upper} in {variable}, found {value!r}")
    return int(value)


def _prices(value: str) -> Prices | None:
    if not value:
        return None
    try:
        input_price, output_price = (float(price) for price in value.split())
    except ValueError:
        input_price = output_price = -1.0
    if not (0 <= input_price < 1e6 and 0 <= output_price < 1e6):
        raise UsageError(f"expected two prices in PAGELENS_LLM_PRICES, like '2.5 10', found {value!r}")
    return Prices(input_price, output_price)


def _seconds(value: str) -> float:
    try:
        seconds = float(value or OPTIONS.idle_timeout)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise UsageError(f"expected seconds above 0 in PAGELENS_LLM_TIMEOUT, found {value!r}")
    return seconds


def provider_of(choice: ModelChoice) -> tuple[Provider, str]:
    """Return the provider and its name of the model. Raises GenerationError("no-address") if neither is clear."""
    prefix, colon, name = choice.model.partition(":")
    if colon and prefix in PROVIDERS and name:
        return PROVIDERS[prefix], name
    if choice.address is not None:
        return PROVIDERS[DEFAULT_PROVIDER], choice.model
    for provider in PROVIDERS.values():
        if provider.own_names and re.match(provider.own_names, choice.model):
            return provider, choice.model
    raise GenerationError(
        "no-address",
        f"expected an address for the model {choice.model!r}, found none. Set PAGELENS_LLM_URL, or name the model "
        f"{ANSWERING_SYNTAX}.",
    )


def describe(choice: ModelChoice) -> str:
    """Return which model it is, how it is reached and whether there is a key, never the key itself.

    Raises GenerationError("no-address") as `provider_of` does.
    """
    provider, name = provider_of(choice)
    if provider.key_variable is None:
        return f"{name}, {provider.description}"
    address = choice.address or "the provider's own address"
    return f"{name} {provider.description} at {address}, {'with' if provider.name in choice.keys else 'without'} a key"


def load_chat_model(choice: ModelChoice) -> ChatModel:
    """Return the model, ready for requests; nothing is sent yet.

    Raises GenerationError: "no-address", "no-key", "no-library", for a local one "no-model"; "no-model" for a reader.
    """
    provider, name = provider_of(choice)
    if provider.is_reader:
        raise GenerationError(
            "no-model",
            f"expected a language model, found {choice.model!r}, which only quotes answers. Name one: {MODEL_SYNTAX}.",
        )
    model: ChatModel = _load(provider, name, choice)
    return model


def load_span_reader(choice: ModelChoice) -> SpanReader | None:
    """Return the reader that is chosen; None where a language model is.

    Raises GenerationError: "no-address", "no-library", "no-model".
    """
    provider, name = provider_of(choice)
    reader: SpanReader | None = _load(provider, name, choice) if provider.is_reader else None
    return reader


def _load(provider: Provider, name: str, choice: ModelChoice) -> Any:
    provider.check(name)
    options = ModelOptions(choice.address, choice.keys.get(provider.name), choice.accepts_images, choice.idle_timeout)
    try:
        return import_module(provider.module).load(name, options)
    except ImportError as exc:
        raise GenerationError(
            "no-library",
            f"expected the libraries for {provider.name} models, {exc.name} is missing: "
            f"pip install 'pagelens[{provider.extra}]'",
        ) from exc
