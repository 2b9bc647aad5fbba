"""`pagelens mcp`: the tools of one collection over standard input and output, for an assistant that starts us."""

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import PurePath
from typing import TypeVar

from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, LanguageModelOption
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine

T = TypeVar("T")


class _Alone:
    """The place of one process with one caller: nobody waits for a turn."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def use(self, work: Callable[[Engine], T]) -> T:
        """Return what `work` makes of the engine."""
        return work(self._engine)

    def names(self, paths: Iterable[str]) -> Mapping[str, str]:
        """Return the files' names."""
        return {path: PurePath(path).name or path for path in paths}

    def turn(self, kind: str) -> AbstractContextManager[None]:
        """Return at once."""
        return nullcontext()


def mcp(collection: CollectionOption = DEFAULT_COLLECTION, llm: LanguageModelOption = None) -> int:
    """Serve a collection to an assistant over standard input and output (Model Context Protocol)."""
    from pagelens.api.server.mcp.tools import make_server

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)  # standard output is the protocol's
    with wiring.open_collection(collection, llm=llm) as engine:
        place = _Alone(engine)
        make_server(lambda _: place).run()
    return 0
