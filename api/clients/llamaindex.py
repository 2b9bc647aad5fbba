"""A LlamaIndex retriever over a PageLens server. Needs `llama-index-core`, which PageLens does not install."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from pagelens.api.clients.client_calls import page_metadata
from pagelens.api.clients.python import PageLensClient


class LlamaIndexRetriever(BaseRetriever):
    """Returns the best `k` pages as text nodes with their scores and metadata of `page_metadata`.

    `filters` and `lanes`: see `PageLensClient.search`.
    """

    def __init__(
        self,
        client: PageLensClient,
        *,
        k: int = 6,
        filters: Mapping[str, Any] | None = None,
        lanes: Sequence[str] | None = None,
    ) -> None:
        self._client = client
        self._k, self._filters, self._lanes = k, filters, lanes
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = query_bundle.query_str
        response = self._client.search(query, k=self._k, filters=self._filters, lanes=self._lanes, fold=True)
        return [
            NodeWithScore(
                node=TextNode(id_=hit.page, text=self._client.page(hit.page).text, metadata=page_metadata(hit)),
                score=hit.score,
            )
            for hit in response.hits
        ]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)
