"""LiteLLM: chat, streams, embeddings and reranking through its OpenAI-compatible providers."""

import asyncio
import os
from typing import Any

import pytest

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or it fetches a list of prices
import litellm
from litellm.exceptions import BadRequestError

from tests.client_programs.conftest import TIMBER

MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": TIMBER},
    {"role": "assistant", "content": None, "tool_calls": []},
    {"role": "system", "content": "Be brief."},
]


@pytest.fixture(scope="module")
def options(api: str) -> dict[str, Any]:
    return {"model": "openai/pagelens", "api_base": api, "api_key": "none", "max_retries": 0}


def test_a_chat_is_answered_whole_in_pieces_and_asynchronously(options: dict[str, Any]) -> None:
    whole = litellm.completion(messages=MESSAGES, **options).choices[0].message.content
    assert "52,300" in whole
    pieces = litellm.completion(messages=MESSAGES, stream=True, **options)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == whole
    assert asyncio.run(litellm.acompletion(messages=MESSAGES, **options)).choices[0].message.content == whole


def test_a_format_that_cannot_be_given_is_a_bad_request_in_words(options: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError, match="json_object"):
        litellm.completion(messages=MESSAGES, response_format={"type": "json_object"}, **options)


def test_texts_are_embedded_and_reranked(api: str, options: dict[str, Any]) -> None:
    texts = ["bees make honey", "timber in the port"]
    assert [len(item["embedding"]) for item in litellm.embedding(input=texts, **options).data] == [384, 384]
    ranked = litellm.rerank(
        model="hosted_vllm/pagelens", query="wood at the harbour", documents=texts, api_base=api, api_key="none"
    )
    assert [result["index"] for result in ranked.results] == [1, 0]
