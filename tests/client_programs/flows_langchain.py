"""LangChain: langchain-openai's chat model and embeddings, and the standard tests of retrievers on ours."""

import asyncio
import os
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import BaseModel, SecretStr

from pagelens.api.clients.langchain import LangChainRetriever
from pagelens.api.clients.python import PageLensClient
from tests.client_programs.conftest import TIMBER

KEY = SecretStr("none")


@pytest.fixture(scope="module")
def chat(api: str) -> ChatOpenAI:
    return ChatOpenAI(model="pagelens", base_url=api, api_key=KEY, max_retries=0)


class TestRetriever(RetrieversIntegrationTests):
    """LangChain's own tests."""

    @property
    def retriever_constructor(self) -> type[LangChainRetriever]:
        return LangChainRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"client": PageLensClient(os.environ["PAGELENS_ADDRESS"])}

    @property
    def retriever_query_example(self) -> str:
        return "timber and ships in the harbour report"


def test_a_chat_is_answered_whole_in_pieces_and_asynchronously(chat: ChatOpenAI) -> None:
    messages = [SystemMessage("Be brief."), HumanMessage(TIMBER)]
    whole = chat.invoke(messages)
    assert "52,300" in whole.text and whole.response_metadata["finish_reason"] == "stop"
    assert "".join(piece.text for piece in chat.stream(messages)) == whole.text
    assert asyncio.run(chat.ainvoke(messages)).text == whole.text


def test_messages_of_tools_and_bound_tools_are_left_out(chat: ChatOpenAI) -> None:
    called = AIMessage("", tool_calls=[{"name": "clock", "args": {}, "id": "1"}])
    tools = [{"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}]
    reply = chat.bind_tools(tools).invoke([HumanMessage(TIMBER), called, ToolMessage("noon", tool_call_id="1")])
    assert "52,300" in reply.text


def test_structured_output_without_a_language_model_is_refused_in_words(chat: ChatOpenAI) -> None:
    class Growth(BaseModel):
        tonnes: int

    with pytest.raises(openai.BadRequestError, match="needs a language model"):
        chat.with_structured_output(Growth, method="json_schema").invoke(TIMBER)


def test_embeddings_come_for_documents_and_queries(api: str) -> None:
    embeddings = OpenAIEmbeddings(model="pagelens", base_url=api, api_key=KEY, check_embedding_ctx_length=False)
    first, second = embeddings.embed_documents(["timber in the port", "bees make honey"])
    query = embeddings.embed_query("wood at the harbour")
    closeness = [sum(a * b for a, b in zip(query, vector, strict=True)) for vector in (first, second)]
    assert len(first) == 384 and closeness[0] > closeness[1]


def test_a_chain_of_our_retriever_and_our_chat_answers(address: str, chat: ChatOpenAI) -> None:
    retriever = LangChainRetriever(client=PageLensClient(address), k=2)
    prompt = ChatPromptTemplate([("system", "Answer from:\n{context}"), ("human", "{question}")])
    chain = {"context": retriever, "question": RunnablePassthrough()} | prompt | chat | StrOutputParser()
    assert "52,300" in chain.invoke(TIMBER)
