"""PageLens as a LangChain retriever: a page is a document, its text the content, where it stands the metadata.

Needs `langchain-core`, which PageLens itself does not install.
"""

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from pagelens.api.clients.page_metadata import facts_of
from pagelens.api.clients.python import PageLensClient


class PageLensRetriever(BaseRetriever):
    """Finds pages on a PageLens server. `filters` and `lanes` as `PageLensClient.search` takes them."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    client: PageLensClient
    k: int = 6
    filters: dict[str, Any] | None = None
    lanes: list[str] | None = None

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        found = self.client.search(query, k=self.k, filters=self.filters, lanes=self.lanes, fold=True)
        return [
            Document(id=hit.page, page_content=self.client.page(hit.page).text, metadata=facts_of(hit))
            for hit in found.hits
        ]
