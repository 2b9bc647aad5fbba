"""A LangChain retriever over a PageLens server. Needs `langchain-core`, which PageLens does not install."""

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from pagelens.api.clients.client_calls import page_metadata
from pagelens.api.clients.python import PageLensClient


class LangChainRetriever(BaseRetriever):
    """Returns the best `k` pages as documents: their text as content, and metadata of `page_metadata`.

    `filters` and `lanes`: see `PageLensClient.search`. `invoke(query, k=3)` takes another `k` for one query.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    client: PageLensClient
    k: int = 6
    filters: dict[str, Any] | None = None
    lanes: list[str] | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain names it
        k: int | None = None,
    ) -> list[Document]:
        response = self.client.search(query, k=k or self.k, filters=self.filters, lanes=self.lanes, fold=True)
        return [
            Document(id=hit.page, page_content=self.client.page(hit.page).text, metadata=page_metadata(hit))
            for hit in response.hits
        ]
