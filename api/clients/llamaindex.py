"""PageLens as a LlamaIndex retriever: a page is a text node with its score, where it stands the metadata.

Needs `llama-index-core`, which PageLens itself does not install.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from pagelens.api.clients.page_metadata import facts_of
from pagelens.api.clients.python import PageLensClient


class PageLensRetriever(BaseRetriever):
    """Finds pages on a PageLens server. `filters` and `lanes` as `PageLensClient.search` takes them."""

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
        asked = query_bundle.query_str
        found = self._client.search(asked, k=self._k, filters=self._filters, lanes=self._lanes, fold=True)
        return [
            NodeWithScore(
                node=TextNode(id_=hit.page, text=self._client.page(hit.page).text, metadata=facts_of(hit)),
                score=hit.score,
            )
            for hit in found.hits
        ]
