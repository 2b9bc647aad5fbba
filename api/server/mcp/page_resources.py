"""Documents, and pages with their pictures, as resources of the Model Context Protocol."""

from collections.abc import Callable
from typing import TypeVar

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError
from mcp_types import ListResourcesResult, Resource

from pagelens.api.engine.engine import Engine
from pagelens.api.server.concurrency import Overloaded
from pagelens.api.server.markdown import escape_links
from pagelens.api.server.mcp.tools import LIST_SIZE, ToolContext, ToolKind, page_jpeg, page_text
from pagelens.api.server.problems import Problem, redact
from pagelens.api.server.serialization import find_document
from pagelens.core.errors import NotFound, PageLensError
from pagelens.index.catalog.reads import DocumentRow

T = TypeVar("T")

DOCUMENT = "pagelens://documents/{document}"
PAGE = "pagelens://pages/{page}"
PICTURE = "pagelens://pages/{page}/picture"


class PageResources:
    """Reads the resources. `context_of` returns the tool context of a request."""

    def __init__(self, context_of: Callable[[Context], ToolContext], *, list_size: int = LIST_SIZE) -> None:
        """`list_size`: documents of one part of the listing."""
        self._context_of = context_of
        self._list_size = list_size

    def page(self, context: Context, page: str) -> str:
        """Read a page: its file, number, title and text. `page`: its id, as search gives it."""
        return self._read(context, "search", lambda tool, engine: page_text(tool, engine, page))

    def picture(self, context: Context, page: str) -> bytes:
        """See a page, or a photo, as JPEG."""
        return self._read(context, "image", lambda _, engine: page_jpeg(engine, page))

    def document(self, context: Context, document: str) -> str:
        """Read what a document is, and where its pages are."""

        def work(tool: ToolContext, engine: Engine) -> str:
            with engine.snapshot() as snapshot:
                row = find_document(snapshot, document)
            first, last = (PAGE.format(page=f"{document}-{number}") for number in (1, row.document.page_count))
            where = f"Its pages: {first} to {last}; with /picture behind it, each as a picture."
            return f"{_name(tool, row)}: {_description(row)}\n\n{where}"

        return self._read(context, "search", work)

    def listing(self, context: Context, after: str) -> ListResourcesResult:
        """Return a part of the documents, in order of their ids, from the one that follows `after`."""

        def work(tool: ToolContext, engine: Engine) -> ListResourcesResult:
            with engine.snapshot() as snapshot:
                rows = [row for row in snapshot.documents.values() if row.document.sha256 > after]
            rows.sort(key=lambda row: row.document.sha256)
            part = rows[: self._list_size]
            cursor = part[-1].document.sha256 if len(rows) > len(part) else None
            listed = [_resource(_name(tool, row), row) for row in part]
            return ListResourcesResult(resources=listed, next_cursor=cursor)

        return self._read(context, "search", work)

    def _read(self, context: Context, kind: ToolKind, work: Callable[[ToolContext, Engine], T]) -> T:
        """Return what `work` does in a slot of a kind. Errors become ResourceErrors, which the client can read."""
        try:
            tool = self._context_of(context)
            with tool.slot(kind):
                return tool.use(lambda engine: work(tool, engine))
        except NotFound as exc:
            raise ResourceNotFoundError(redact(str(exc))) from exc
        except (PageLensError, Overloaded, Problem, ToolError) as exc:
            raise ResourceError(redact(str(exc))) from exc


def _name(tool: ToolContext, row: DocumentRow) -> str:
    return escape_links(tool.names([row.path])[row.path])


def _description(row: DocumentRow) -> str:
    pages = row.document.page_count
    return f"{escape_links(row.document.title)} ({row.document.kind}, {pages} page{'' if pages == 1 else 's'})"


def _resource(name: str, row: DocumentRow) -> Resource:
    """Return how a document is listed; a photo is listed as its picture."""
    sha256, is_photo = row.document.sha256, row.document.kind == "photo"
    uri = PICTURE.format(page=f"{sha256}-1") if is_photo else DOCUMENT.format(document=sha256)
    mime_type = "image/jpeg" if is_photo else "text/plain"
    return Resource(uri=uri, name=name, title=row.document.title, description=_description(row), mime_type=mime_type)
