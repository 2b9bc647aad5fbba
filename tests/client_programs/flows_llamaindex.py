"""LlamaIndex: its OpenAI-like chat model and embeddings, and a query engine on our retriever."""

import asyncio

import pytest
from llama_index.core import Settings
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike

from pagelens.api.clients.llamaindex import LlamaIndexRetriever
from pagelens.api.clients.python import PageLensClient
from tests.client_programs.conftest import TIMBER


@pytest.fixture(scope="module")
def llm(api: str) -> OpenAILike:
    return OpenAILike(model="pagelens", api_base=api, api_key="none", is_chat_model=True, max_retries=0)


def test_a_chat_is_answered_whole_in_pieces_and_asynchronously(llm: OpenAILike) -> None:
    messages = [ChatMessage(TIMBER), ChatMessage("noon", role=MessageRole.TOOL, tool_call_id="1")]
    whole = llm.chat(messages).message.content
    assert whole is not None and "52,300" in whole
    *_, last = llm.stream_chat(messages)
    assert last.message.content == whole
    assert asyncio.run(llm.achat(messages)).message.content == whole
    assert "52,300" in llm.complete(TIMBER).text


def test_embeddings_come_for_texts_and_queries(api: str) -> None:
    embeddings = OpenAILikeEmbedding(model_name="pagelens", api_base=api, api_key="none", max_retries=0)
    vectors = embeddings.get_text_embedding_batch(["timber in the port", "bees make honey"])
    query = embeddings.get_query_embedding("wood at the harbour")
    closeness = [sum(a * b for a, b in zip(query, vector, strict=True)) for vector in vectors]
    assert len(query) == 384 and closeness[0] > closeness[1]


def test_the_retriever_keeps_its_contract_and_serves_a_query_engine(address: str) -> None:
    retriever = LlamaIndexRetriever(PageLensClient(address), k=2)
    found = retriever.retrieve(TIMBER)
    assert [node.node_id for node in found] == [node.node_id for node in asyncio.run(retriever.aretrieve(TIMBER))]
    assert "52,300" in found[0].get_content() and found[0].metadata["page_number"] == 2
    Settings.llm = MockLLM()  # or it makes OpenAI's
    synthesizer = get_response_synthesizer(response_mode=ResponseMode.NO_TEXT)
    engine = RetrieverQueryEngine(retriever, synthesizer)
    assert [node.node_id for node in engine.query(TIMBER).source_nodes] == [node.node_id for node in found]
