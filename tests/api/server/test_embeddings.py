"""Embeddings and reranking over HTTP, by the real `openai` SDK where it has a method."""

import base64
from collections.abc import Iterator
from io import BytesIO

import httpx2
import numpy as np
import openai
import pytest
from openai import OpenAI
from PIL import Image

from pagelens.core.settings import Settings
from pagelens.encode.text.minilm import BuiltinTextEncoder
from tests.api.server.conftest import Live

TEXTS = ["The timber port grew in 2024.", "Bees make honey."]


@pytest.fixture(scope="module")
def client(live: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{live.address}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_texts_have_the_vectors_of_the_text_lanes_encoder(client: OpenAI) -> None:
    expected = BuiltinTextEncoder.load(Settings()).encode_passages(TEXTS)
    for encoding in ("float", "base64"):
        response = client.embeddings.create(model="pagelens", input=TEXTS, encoding_format=encoding)
        vectors = [
            np.frombuffer(base64.b64decode(item.embedding), "<f4")
            if isinstance(item.embedding, str)
            else item.embedding
            for item in response.data
        ]
        np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert response.model == "sentence-transformers/all-MiniLM-L6-v2"
    [one] = client.embeddings.create(model="pagelens", input=TEXTS[0]).data  # the SDK asks for base64
    np.testing.assert_allclose(one.embedding, expected[0], atol=1e-6)
    assert client.embeddings.create(model="pagelens", input="a", dimensions=384).data


def test_with_a_picture_all_vectors_are_in_the_image_lanes_space(client: OpenAI) -> None:
    buffer = BytesIO()
    Image.new("RGB", (60, 40), "teal").save(buffer, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    picture, *texts = (item.embedding for item in client.embeddings.create(model="pagelens", input=[url, *TEXTS]).data)
    assert len(picture) == len(texts[0]) == 384
    assert np.linalg.norm(picture) == pytest.approx(1, abs=1e-5)
    [alone] = client.embeddings.create(model="pagelens", input=url).data
    np.testing.assert_allclose(alone.embedding, picture, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ({"input": "a", "dimensions": 100}, "dimensions", "expected 384, found 100"),
        ({"input": "data:image/png;base64,AAAA"}, None, "expected a picture"),
        ({"input": "data:text/plain,hello"}, "input", "expected a picture as a data URL"),
        ({"input": [1, 2, 3]}, None, "string"),
        ({"input": []}, None, "at least"),
        ({"input": "x" * 20_001}, "input", "at most 20000 characters"),
        ({"input": ["a"] * 257}, None, "at most 256 items"),
        ({"input": "a", "model": "gpt-4"}, "model", "found 'gpt-4'"),
    ],
)
def test_what_cannot_be_encoded_is_refused(
    client: OpenAI, fields: dict[str, object], param: str | None, message: str
) -> None:
    with pytest.raises((openai.BadRequestError, openai.NotFoundError)) as caught:
        client.embeddings.create(**{"model": "pagelens", **fields})  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert param is None or caught.value.param == param


def test_texts_are_ordered_by_their_cosine_with_the_query(live: Live) -> None:
    documents = [*TEXTS, {"text": "A port is a place where ships load timber."}]
    body = {"query": "What do bees make?", "documents": documents, "top_n": 2, "return_documents": True}
    response = httpx2.post(f"{live.address}/v1/rerank", json=body).json()
    encoder = BuiltinTextEncoder.load(Settings())
    [query] = encoder.encode_queries(["What do bees make?"])
    cosines = encoder.encode_passages([*TEXTS, "A port is a place where ships load timber."]) @ query
    assert [item["index"] for item in response["results"]] == np.argsort(-cosines)[:2].tolist()
    assert response["results"][0]["document"] == {"text": "Bees make honey."}
    assert response["results"][0]["relevance_score"] == pytest.approx(float(cosines[1]), abs=1e-6)
    everything = httpx2.post(f"{live.address}/v1/rerank", json={"query": "bees", "documents": TEXTS}).json()
    assert [item["document"] for item in everything["results"]] == [None, None]
