"""Language models by name: which provider, which key, and what is missing."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from pagelens.core.errors import GenerationError, UsageError
from pagelens.generate.llm.chat import ChatRequest, Message, TextPart
from pagelens.generate.llm.providers import (
    ANSWERING_SYNTAX,
    MODEL_SYNTAX,
    PROVIDERS,
    ModelChoice,
    load_chat_model,
    load_span_reader,
    provider_of,
)
from tests.generate.model_server import Complete, running

REQUEST = ChatRequest("be brief", [Message("user", [TextPart("hello")])], max_tokens=50)


def test_a_providers_key_is_not_sent_to_another_address() -> None:
    with running() as server:
        environment = {
            "PAGELENS_LLM_URL": f"{server.root}/v1",
            "PAGELENS_LLM_MODEL": "tiny",
            "OPENAI_API_KEY": "sk-mine",
            "ANTHROPIC_API_KEY": "sk-ant-mine",
        }
        choice = ModelChoice.from_environment(environment)
        assert choice is not None
        server.replies = [Complete(["ok"])]
        list(load_chat_model(choice).stream(REQUEST))
        assert "mine" not in json.dumps([dict(item) for item in server.headers])


def test_no_model_named_is_no_choice() -> None:
    assert ModelChoice.from_environment({"OPENAI_API_KEY": "sk-mine"}) is None


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("mystery", "no-address"),
        ("openai:gpt-9", "no-key"),
        ("gpt-9", "no-key"),
        ("claude-9", "no-key"),
        ("local:/nowhere/at/all", "no-model"),
        ("local-qa:/nowhere/at/all", "no-model"),
    ],
)
def test_what_is_missing_is_an_error_before_anything_is_sent(model: str, code: str) -> None:
    choice = ModelChoice.from_environment({}, model=model)
    assert choice is not None
    with pytest.raises(GenerationError) as raised:
        load_chat_model(choice)
    assert raised.value.code == code


def test_budget_and_prices_come_from_the_environment() -> None:
    environment = {
        "PAGELENS_LLM_MODEL": "gpt-x",
        "PAGELENS_LLM_PICTURES": "3",
        "PAGELENS_LLM_TOKENS": "9000",
        "PAGELENS_LLM_PRICES": "2.5 10",
        "PAGELENS_LLM_SAMPLES": "3",
    }
    choice = ModelChoice.from_environment(environment)
    assert choice is not None and choice.accepts_images and choice.samples == 3
    assert (choice.budget.images, choice.budget.tokens, choice.prices) == (3, 9_000, (2.5, 10.0))
    plain = ModelChoice.from_environment({"PAGELENS_LLM_MODEL": "gpt-x"})
    assert plain is not None and plain.prices is None and plain.budget.images == 6 and plain.samples == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PICTURES", "many"),
        ("TOKENS", "100"),
        ("TOKENS", "-1"),
        ("SAMPLES", "0"),
        ("SAMPLES", "21"),
        ("SAMPLES", "some"),
        ("PRICES", "2.5"),
        ("PRICES", "a b"),
        ("PRICES", "-1 2"),
    ],
)
def test_a_budget_or_price_that_cannot_be_read_is_named(variable: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"PAGELENS_LLM_{variable}"):
        ModelChoice.from_environment({"PAGELENS_LLM_MODEL": "gpt-x", f"PAGELENS_LLM_{variable}": value})


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("openai:my-model", "openai", "my-model"),
        ("gpt-9", "openai", "gpt-9"),
        ("o3-mini", "openai", "o3-mini"),
        ("anthropic:my-model", "anthropic", "my-model"),
        ("claude-9", "anthropic", "claude-9"),
        ("local:~/models/qwen", "local", "~/models/qwen"),
        ("local-qa:~/models/reader", "local-qa", "~/models/reader"),
    ],
)
def test_a_prefix_or_a_well_known_name_gives_the_provider(model: str, provider: str, name: str) -> None:
    found, model_name = provider_of(ModelChoice(model))
    assert (found.name, model_name) == (provider, name)


def test_any_name_at_an_address_is_called_with_the_openai_protocol() -> None:
    provider, name = provider_of(ModelChoice("qwen:7b", address="http://127.0.0.1:9/v1"))
    assert (provider.name, name) == ("openai", "qwen:7b")


def test_every_provider_has_a_module_an_extra_and_a_place_in_messages() -> None:
    for provider in PROVIDERS.values():
        assert find_spec(provider.module) is not None
        assert provider.extra in ("llm", "models")
        syntax = f"{provider.name}:{provider.argument}"
        assert syntax in ANSWERING_SYNTAX and (syntax in MODEL_SYNTAX) != provider.is_reader


@pytest.mark.parametrize(
    ("model", "library", "extra"),
    [
        ("openai:gpt-9", "openai", "llm"),
        ("openai:gpt-9", "httpx2", "llm"),
        ("anthropic:claude-9", "anthropic", "llm"),
        ("anthropic:claude-9", "httpx2", "llm"),
        ("local:{folder}", "torch", "models"),
        ("local:{folder}", "transformers", "models"),
        ("local-qa:{folder}", "torch", "models"),
        ("local-qa:{folder}", "transformers", "models"),
    ],
)
def test_a_missing_library_is_one_line_that_names_the_extra(
    model: str, library: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{}")
    choice = ModelChoice(model.format(folder=tmp_path), keys=dict.fromkeys(PROVIDERS, "secret"))
    monkeypatch.setitem(sys.modules, library, None)  # importing it raises ImportError
    monkeypatch.delitem(sys.modules, provider_of(choice)[0].module, raising=False)
    with pytest.raises(GenerationError) as raised:
        load_span_reader(choice) or load_chat_model(choice)
    message = str(raised.value)
    assert raised.value.code == "no-library"
    assert message.endswith(f"{library} is missing: pip install 'pagelens[{extra}]'") and "\n" not in message


def test_a_key_is_not_shown_where_a_choice_is_printed() -> None:
    choice = ModelChoice.from_environment({"PAGELENS_LLM_MODEL": "gpt-9", "OPENAI_API_KEY": "sk-mine"})
    assert choice is not None and choice.keys == {"openai": "sk-mine"}
    assert "sk-mine" not in repr(choice)
