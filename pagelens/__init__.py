"""PageLens for Python users.

import pagelens

engine = pagelens.open("my-collection", create=True)
engine.index(["papers/", "photos/"])
for hit in engine.search("annual turnover 2019").hits:
    print(hit.ref, hit.evidence)
print(engine.ask("How high was the turnover in 2019?").text)
"""

from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # at run time imported when first used, so that `import pagelens` is quick
    from pagelens.api.clients.async_python import AsyncPageLensClient
    from pagelens.api.clients.python import PageLensClient
    from pagelens.api.engine.arranged_results import Arrangement
    from pagelens.api.engine.engine import Engine
    from pagelens.api.engine.query_image import ImageOptions
    from pagelens.core.errors import PageLensError
    from pagelens.core.types import Filters, PageRef

    __version__: str
else:
    _MODULES = {
        "Arrangement": "pagelens.api.engine.arranged_results",
        "AsyncPageLensClient": "pagelens.api.clients.async_python",
        "Engine": "pagelens.api.engine.engine",
        "Filters": "pagelens.core.types",
        "ImageOptions": "pagelens.api.engine.query_image",
        "PageLensClient": "pagelens.api.clients.python",
        "PageLensError": "pagelens.core.errors",
        "PageRef": "pagelens.core.types",
    }

    def __getattr__(name):
        """Import a public name when it is first used (PEP 562)."""
        if name == "__version__":
            return metadata.version("pagelens")
        if name in _MODULES:
            return getattr(import_module(_MODULES[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Arrangement",
    "AsyncPageLensClient",
    "Engine",
    "Filters",
    "ImageOptions",
    "PageLensClient",
    "PageLensError",
    "PageRef",
    "open",
]


def open(  # noqa: A001 - as in gzip.open
    collection: str | Path, *, create: bool = False, profile: str = "auto", llm: str | None = None
) -> "Engine":
    """Open a collection and return its engine. `create`: make the collection if it does not exist, with `profile`.

    `llm` generates the answers: "openai:NAME", "anthropic:NAME", "local:FOLDER", "local-qa:FOLDER" (quotes what an
    extractive question-answering checkpoint picks), or "extractive" (no model); None: the model that PAGELENS_LLM_MODEL
    names, else extractive. Raises PageLensError.
    """
    from pagelens.api.engine.profiles import choose_profile
    from pagelens.api.engine.wiring import collection_exists, create_collection, open_collection, read_settings

    root, settings = Path(collection), read_settings()
    if create and not collection_exists(root):
        create_collection(root, choose_profile(profile, settings), settings)
    return open_collection(root, settings, profile=profile, llm=llm)
