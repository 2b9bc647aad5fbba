"""PageLens for Python users.

import pagelens

engine = pagelens.open("my-collection", create=True)
engine.index(["papers/", "photos/"])
for hit in engine.search("annual turnover 2019").hits:
    print(hit.ref, hit.evidence)
print(engine.ask("How high was the turnover in 2019?").text)
"""

from importlib.metadata import version
from pathlib import Path

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.profiles import choose_profile
from pagelens.api.engine.wiring import collection_exists, create_collection, open_collection, read_settings
from pagelens.core.errors import PageLensError
from pagelens.core.types import Filters, PageRef

__version__ = version("pagelens")
__all__ = ["Engine", "Filters", "PageLensError", "PageRef", "open"]


def open(  # noqa: A001 - as in gzip.open
    collection: str | Path, *, create: bool = False, profile: str = "auto", llm: str | None = None
) -> Engine:
    """Return the engine on a collection; `create` makes it when it is not there. `llm` answers: "openai:NAME",
    "anthropic:NAME", "local:FOLDER" or "extractive"; None: what PAGELENS_LLM_MODEL names, if anything. Raises
    PageLensError."""
    root, settings = Path(collection), read_settings()
    if create and not collection_exists(root):
        create_collection(root, choose_profile(profile, settings), settings)
    return open_collection(root, settings, profile=profile, llm=llm)
