"""OpenAI's embeddings API over a collection's encoders, and reranking of texts by them.

A request may take seconds of a core, so it waits for a slot of the answers, not for one of the searches.
"""

from fastapi import APIRouter, Request

from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.dependencies import AppStateDep, PrincipalDep, RequestContext
from pagelens.api.server.problems import Problem
from pagelens.api.server.routes.chat import collection_of_model
from pagelens.api.server.schemas.openai import decode_data_url
from pagelens.api.server.schemas.vectors import (
    MAX_CHARACTERS,
    EmbeddingOut,
    EmbeddingsRequest,
    EmbeddingsResponse,
    RerankDocument,
    RerankRequest,
    RerankResponse,
    RerankResult,
    encoded,
)

router = APIRouter(route_class=AuthorizedRoute, prefix="/v1", tags=["openai"])


@router.post("/embeddings", summary="Vectors of texts and pictures")
@requires_scope("read")
def embeddings(
    request: Request, app_state: AppStateDep, caller: PrincipalDep, body: EmbeddingsRequest
) -> EmbeddingsResponse:
    """Return a vector of length 1 for each text or picture, by the models of the collection.

    Texts alone are in the space of the `text` lane. Where a picture (a data URL) is among them, all are in that of the
    `image` lane, in which texts can be compared with pictures. Pictures are decoded as search pictures are; no address
    is fetched.
    """
    inputs = [_decode(text) for text in body.inputs]
    context = RequestContext(
        app_state, collection_of_model(app_state, caller, body.model), caller, request.state.request_id
    )
    with app_state.answers.slot():
        found = context.use(lambda engine: engine.embed(inputs, as_queries=body.input_type == "query"))
    if body.dimensions not in (None, found.vectors.shape[1]):
        raise _refused("dimensions", f"expected {found.vectors.shape[1]}, found {body.dimensions}")
    data = [
        EmbeddingOut(index=index, embedding=encoded(vector, body.encoding_format))
        for index, vector in enumerate(found.vectors)
    ]
    return EmbeddingsResponse(data=data, model=found.model)


@router.post("/rerank", summary="Order texts for a query")
@requires_scope("read")
def rerank(request: Request, app_state: AppStateDep, caller: PrincipalDep, body: RerankRequest) -> RerankResponse:
    """Return the texts by their cosine with the query in the space of the `text` lane, the best one first."""
    context = RequestContext(
        app_state, collection_of_model(app_state, caller, body.model), caller, request.state.request_id
    )
    texts = body.texts
    with app_state.answers.slot():
        query = context.use(lambda engine: engine.embed([body.query], as_queries=True))
        passages = context.use(lambda engine: engine.embed(texts))
    scores = passages.vectors @ query.vectors[0]
    order = (-scores).argsort(kind="stable")[: body.top_n].tolist()
    return RerankResponse(
        model=query.model,
        results=[
            RerankResult(
                index=row,
                relevance_score=float(scores[row]),
                document=RerankDocument(text=texts[row]) if body.return_documents else None,
            )
            for row in order
        ],
    )


def _decode(text: str) -> str | bytes:
    """Return the bytes of a picture, other texts as they are. Raises Problem (400)."""
    if text.startswith("data:"):
        return decode_data_url(text, "input")
    if len(text) > MAX_CHARACTERS:
        raise _refused("input", f"expected at most {MAX_CHARACTERS} characters, found {len(text)}")
    return text


def _refused(field: str, detail: str) -> Problem:
    return Problem(400, "invalid-request", detail, fields=[(field, detail)])
