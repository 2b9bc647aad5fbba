"""`pagelens mcp`: the tools of one collection over standard input and output, for an assistant that starts it."""

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, LanguageModelOption
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import file_name

T = TypeVar("T")


class SingleCaller:
    """What the MCP tools need of a server, for a process with one collection and one caller."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def use(self, work: Callable[[Engine], T]) -> T:
        """Return `work(engine)`."""
        return work(self._engine)

    def names(self, paths: Iterable[str]) -> Mapping[str, str]:
        """Map each path to its file name."""
        return {path: file_name(path) for path in paths}

    def slot(self, kind: str) -> AbstractContextManager[None]:
        """Return a context that is entered without waiting."""
        del kind
        return nullcontext()


def mcp(collection: CollectionOption = DEFAULT_COLLECTION, llm: LanguageModelOption = None) -> int:
    """Serve a collection to an assistant over MCP (Model Context Protocol), on standard input and output."""
    from pagelens.api.server.mcp.mcp_server import make_server

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)  # standard output is the protocol's
    with wiring.open_collection(collection, llm=llm) as engine:
        caller = SingleCaller(engine)
        make_server(lambda _: caller).run()
    return ExitCode.DONE
