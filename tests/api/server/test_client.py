"""The Python client against a real server, and other programs' retrievers that stand on it."""

import asyncio
import inspect
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

import pagelens
from pagelens.api.clients.async_python import AsyncPageLensClient
from pagelens.api.clients.python import PageLensClient, ServerError
from pagelens.api.responses import AnswerResponse, CitationOut
from pagelens.core.errors import PageLensError
from tests.api.server.conftest import Live
from tests.api.server.processes import ServerProcess

TIMBER = "How much did timber grow to in 2024?"


@pytest.fixture(scope="module")
def client(live: Live) -> Iterator[PageLensClient]:
    with PageLensClient(live.address) as client:
        yield client


def test_a_search_comes_back_as_values_and_its_pages_can_be_read_and_seen(client: PageLensClient) -> None:
    found = client.search("timber 2024", k=2, filters={"paths": ["*harbour*"]}, neighbours=1)
    [first, _] = found.hits
    assert (first.name, first.number, found.pages_searched) == ("harbour.pdf", 2, 3)
    assert [one.number for one in first.neighbours] == [1, 3]
    page = client.page(first.page)
    assert "52,300 tonnes" in page.text and len(page.words) > 10
    picture = client.page_image(first.page, width=300)
    assert picture.startswith(b"\xff\xd8")
    assert client.page_image(first.page, width=300, highlight="timber") != picture
    following = client.search("timber 2024", k=1, cursor=client.search("timber 2024", k=1).next_cursor)
    assert following.hits[0].rank == 2


def test_a_picture_is_searched_by_with_the_same_options(client: PageLensClient) -> None:
    picture = client.page_image(client.search("pilot").hits[0].page, width=400)
    found = client.search(image=picture, k=3, filters={"paths": ["*harbour*"]})
    assert found.pages_searched == 3
    both = client.search("pilot", image=picture, lanes=["words"], k=1)
    assert both.hits[0].number == 3


def test_the_depth_of_a_search_and_of_an_answer_is_passed_on(client: PageLensClient) -> None:
    question = f"{TIMBER} And who needs a pilot?"
    assert not client.search(question).steps and not client.ask(question).steps
    steps = client.search(question, depth="thorough").steps
    assert [step.text for step in steps] == [question, TIMBER, "who needs a pilot?"]
    assert [step.text for step in client.ask(question, depth="thorough").steps] == [step.text for step in steps]


def test_spelling_can_be_switched_off(client: PageLensClient) -> None:
    assert client.search("timbr", lanes=["words"]).corrections[0].corrected == "timber"
    assert not client.search("timbr", lanes=["words"], spelling=False).hits


def test_several_pictures_and_minus_go_through_the_client(client: PageLensClient) -> None:
    pilot, tide = (client.page_image(client.search(word).hits[0].page, width=400) for word in ("pilot", "limpet"))
    like = client.search(image=pilot, k=5, lanes=["visual"], image_options={"more_images": [tide]})
    less = client.search(image=pilot, k=5, lanes=["visual"], image_options={"not_like": [tide], "not_itself": True})
    assert {hit.name for hit in like.hits[:2]} == {"harbour.pdf", "tides.pdf"}
    assert less.hits[0].name == "harbour.pdf"


def test_an_answer_comes_whole_and_in_pieces(client: PageLensClient) -> None:
    whole = client.ask(TIMBER)
    assert "52,300" in whole.text
    *pieces, last = client.ask_stream(TIMBER)
    assert last == whole
    assert "".join(one for one in pieces if isinstance(one, str)) == whole.text
    assert [one for one in pieces if isinstance(one, CitationOut)] == whole.citations
    assert {type(one) for one in pieces} == {str, CitationOut}  # not what the server says of its steps
    *_, following = client.ask_stream("And how much was that?", history=[(TIMBER, whole.text)])
    assert isinstance(following, AnswerResponse) and "52,300" in following.text


def test_documents_are_listed_and_a_refusal_is_an_error_of_pagelens(client: PageLensClient, live: Live) -> None:
    assert {one.name for one in client.documents()} == {"harbour.pdf", "tides.pdf"}
    with pytest.raises(ServerError, match="GET /v1/documents") as caught:
        client.page(f"{'0' * 64}-1")
    assert isinstance(caught.value, PageLensError)
    with pytest.raises(ServerError) as wrong, PageLensClient(live.address, collection="nowhere") as other:
        other.search("timber")
    assert (wrong.value.status, wrong.value.kind) == (404, "collection-not-found")
    document = next(client.documents()).id
    with pytest.raises(ServerError, match="PAGELENS_LLM_MODEL"):
        client.extract(document, {"properties": {"timber": {"type": "number"}}})


def test_files_go_in_and_are_waited_for(tmp_path: Path, pdfs: dict[str, bytes]) -> None:
    good, broken = tmp_path / "tides.pdf", tmp_path / "broken.pdf"
    good.write_bytes(pdfs["tides.pdf"])
    broken.write_bytes(b"%PDF-1.7 cut")
    server = ServerProcess(tmp_path / "collections")
    try:
        with PageLensClient(server.address) as client:
            job = client.index([good, broken])
            assert {one.name: one.state for one in job.results} == {"tides.pdf": "indexed", "broken.pdf": "failed"}
            assert client.search("limpet").hits[0].name == "tides.pdf"
            again = client.submit([good], idempotency_key="upload-1")  # its document is there: removed, it stays so
            assert client.submit([good], idempotency_key="upload-1").id == again.id
            [document] = client.documents()
            assert client.remove(document.id).state == "succeeded"
            assert list(client.documents()) == []
        asyncio.run(check_that_files_go_in_and_out(server.address, good))
    finally:
        server.stop()


async def check_that_files_go_in_and_out(address: str, file: Path) -> None:
    async with AsyncPageLensClient(address) as client:
        job = await client.index([file])
        assert {one.name: one.state for one in job.results} == {"tides.pdf": "indexed"}
        [document] = [one async for one in client.documents()]
        assert (await client.remove(document.id)).state == "succeeded"


def test_the_coroutines_of_the_asynchronous_client_return_what_the_client_does(
    client: PageLensClient, live: Live, tmp_path: Path
) -> None:
    async def check() -> None:
        async with AsyncPageLensClient(live.address) as other:
            found, answer = await asyncio.gather(other.search("timber 2024", k=2), other.ask(TIMBER))
            assert found.hits == client.search("timber 2024", k=2).hits and answer == client.ask(TIMBER)
            *_, last = [event async for event in other.ask_stream(TIMBER)]
            assert last == answer
            assert [one.id async for one in other.documents()] == [one.id for one in client.documents()]
            page = found.hits[0].page
            assert await other.page(page) == client.page(page)
            assert await other.page_image(page, width=200) == client.page_image(page, width=200)
            with pytest.raises(ServerError, match="GET /v1/documents"):
                await other.page(f"{'0' * 64}-1")
            with pytest.raises(ServerError, match="PAGELENS_LLM_MODEL"):
                await other.extract(found.hits[0].document, {"properties": {"timber": {"type": "number"}}})

    asyncio.run(check())


def test_the_clients_and_the_engine_have_the_same_names() -> None:
    def parameters(owner: type, name: str) -> set[str]:
        signature = inspect.signature(getattr(owner, name))
        options = signature.parameters.get("options")
        named = set(typing.get_type_hints(typing.get_args(options.annotation)[0])) if options else set()
        return (named | set(signature.parameters)) - {"options"}

    public = {name for name in vars(PageLensClient) if not name.startswith("_")}
    assert public == {name for name in vars(AsyncPageLensClient) if not name.startswith("_")}
    shared = {"search", "ask", "ask_stream", "extract", "index", "remove", "close"}
    assert shared <= public & set(dir(pagelens.Engine))
    for name, common in {
        "search": {"query", "image", "k", "filters", "lanes", "fold", "neighbours", "spelling", "rerank", "depth"},
        "ask": {"question", "image", "k", "filters", "history", "depth"},
        "extract": {"document", "schema", "k"},
    }.items():
        for owner in (PageLensClient, AsyncPageLensClient, pagelens.Engine):
            assert common <= parameters(owner, name), (owner, name)


def test_the_engines_filters_go_to_the_server_as_they_are(client: PageLensClient) -> None:
    found = client.search("timber", filters=pagelens.Filters(paths=["harbour.pdf"], first_page=3))
    assert found.pages_searched == 1
    with pytest.raises(pagelens.PageLensError, match="write them in the query"):
        client.search("timber", filters=pagelens.Filters(titles=["report"]))


def test_langchain_retrieves_pages(client: PageLensClient) -> None:
    pytest.importorskip("langchain_core", reason="langchain-core is not installed")
    from pagelens.api.clients.langchain import LangChainRetriever

    found = LangChainRetriever(client=client, k=2, filters={"paths": ["*harbour*"]}).invoke("timber 2024")
    assert len(found) == 2
    assert "52,300 tonnes" in found[0].page_content
    assert (found[0].metadata["source"], found[0].metadata["page_number"]) == ("harbour.pdf", 2)
    assert "Timber grew" in found[0].metadata["quote"]


def test_llamaindex_retrieves_pages(client: PageLensClient) -> None:
    pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")
    from pagelens.api.clients.llamaindex import LlamaIndexRetriever

    found = LlamaIndexRetriever(client, k=2, filters={"paths": ["*harbour*"]}).retrieve("timber 2024")
    assert len(found) == 2
    assert "52,300 tonnes" in found[0].node.get_content()
    assert (found[0].node.metadata["source"], found[0].node.metadata["page_number"]) == ("harbour.pdf", 2)
    assert found[0].score is not None and found[0].score >= (found[1].score or 0)
