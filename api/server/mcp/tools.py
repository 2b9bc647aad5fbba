"""Read-only tools for assistants (Model Context Protocol): search, read a page, answer, list documents.

The transport provides the collection, access control and concurrency limits, see `ToolContext`. Text of documents is
escaped (`pagelens.api.server.markdown`): assistants repeat it, and programs render what they say as Markdown.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Annotated, Literal, Protocol, TypeVar

from mcp.server.mcpserver import Context, Image
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ImageContent, TextContent
from pydantic import BaseModel, Field

from pagelens.api.engine.engine import Engine
from pagelens.api.server.concurrency import Overloaded
from pagelens.api.server.image_decoding import decode_image
from pagelens.api.server.markdown import MarkdownEscaper, escape_links
from pagelens.api.server.page_rendering import PageImageRequest, render_page_image
from pagelens.api.server.problems import Problem, redact
from pagelens.api.server.serialization import documents_by_path, find_page, missing_lanes
from pagelens.core.errors import PageLensError
from pagelens.core.types import DEFAULT_DEPTH, Depth, Filters, Found, PageRef
from pagelens.retrieve.spelling import describe_corrections

T = TypeVar("T")

ToolKind = Literal["search", "answer", "image"]

IMAGE_WIDTH = 1_000  # pixels: small print is readable, and models accept it without scaling
LIST_SIZE = 100  # documents of one list


class ToolContext(Protocol):
    """The collection that a tool call acts on."""

    def use(self, work: Callable[[Engine], T]) -> T:
        """Return `work(engine)` for the collection's engine."""

    def names(self, paths: Iterable[str]) -> Mapping[str, str]:
        """Return the display names of the files at these paths."""

    def slot(self, kind: ToolKind) -> AbstractContextManager[None]:
        """Wait for a slot. Raises Overloaded."""


class ToolHit(BaseModel):
    """A page that was found."""

    page: str = Field(description="The page's id, for get_page.")
    name: str = Field(description="The file's name.")
    number: int = Field(description="From 1, by position in the file.")
    label: str | None = Field(description="The printed number, where there is one.")
    title: str
    kind: str
    quotes: list[str] = Field(description="Words of the page that the query is about.")
    score: float


class ToolSearchResult(BaseModel):
    """Pages, best first."""

    pages: list[ToolHit]
    weak: bool = Field(description="Nothing matches well: the pages are only the nearest.")
    nothing_found: str = Field(description="Why there are no pages, where the words say why.")
    pages_searched: int
    missing_lanes: dict[str, str] = Field(description="Ways of searching that were left out, each with the reason.")
    notes: list[str] = Field(description="Words that were corrected, and what of the query is not understood.")


class ToolCitation(BaseModel):
    """The source of a mark [n] in an answer."""

    mark: int
    page: str
    name: str
    number: int
    quote: str
    state: str | None = Field(
        description="quoted, supported, image-only (a second look), unconfirmed; none if not checked."
    )


class ToolAnswer(BaseModel):
    """An answer; `found` is false if the documents do not contain it."""

    found: Found = Field(description='"closest": the passages cited are near, but perhaps no answer.')
    confidence: float
    reason: str = Field(description="For `found` and the confidence.")
    text: str
    citations: list[ToolCitation]
    notes: list[str]
    image_text: str = Field(description="What was read on the image of the question.")
    missing_lanes: dict[str, str] = Field(description="Ways of searching that were left out, each with the reason.")


class ToolDocument(BaseModel):
    """A document."""

    document: str
    name: str
    title: str
    kind: str
    pages: int


class ToolDocuments(BaseModel):
    """A part of the documents, in order of their ids."""

    documents: list[ToolDocument]
    total: int
    next_after: str | None = Field(description="Give it as `after` for the next part.")


Words = Annotated[str, Field(min_length=1, max_length=2_000)]
Globs = Annotated[list[str], Field(max_length=50, description='Only files whose names match one, like "*.pdf".')]

DepthField = Annotated[
    Depth, Field(description='How much work: "thorough" also searches for each part of a question of several.')
]


class McpTools:
    """The tools. `context_of` returns the tool context of a call."""

    def __init__(self, context_of: Callable[[Context], ToolContext]) -> None:
        self._context_of = context_of

    def search(
        self,
        context: Context,
        query: Words,
        k: Annotated[int, Field(ge=1, le=50)] = 8,
        paths: Globs = [],  # noqa: B006 - pydantic copies it
        spelling: Annotated[
            bool, Field(description="Correct words that no page has by words of the documents.")
        ] = True,
        depth: DepthField = DEFAULT_DEPTH,
    ) -> ToolSearchResult:
        """Find the pages and photos that match a query, best first, each with the matching words.

        Words rank pages; "a phrase" must stand on the page, -word must not, one of this OR that must; field:value
        narrows (path, title, kind, label, date, since, until).
        """
        tool = self._context_of(context)

        def work(engine: Engine) -> ToolSearchResult:
            results = engine.search(query, k=k, filters=Filters(paths=tuple(paths)), spelling=spelling, depth=depth)
            names = tool.names([hit.ref.path for hit in results.hits])
            pages = [
                ToolHit(
                    page=f"{hit.document}-{hit.ref.number}",
                    name=escape_links(names[hit.ref.path]),
                    number=hit.ref.number,
                    label=escape_links(hit.label) if hit.label else hit.label,
                    title=escape_links(hit.title),
                    kind=hit.kind,
                    quotes=[escape_links(evidence.quote) for evidence in hit.evidence if evidence.quote],
                    score=hit.score,
                )
                for hit in results.hits
            ]
            notes = [*describe_corrections(results.corrections), *results.notes]
            notes += [f"searched for {step.reason}: {step.text}" for step in results.steps]
            return ToolSearchResult(
                pages=pages,
                weak=results.weak,
                nothing_found=results.nothing_found,
                pages_searched=results.pages_searched,
                missing_lanes=_missing_lanes(results.missing),
                notes=[escape_links(note) for note in notes],
            )

        return _run(tool, "search", work)

    def get_page(
        self,
        context: Context,
        page: Annotated[str, Field(max_length=80, description="A page's id, as search and answer give it.")],
        picture: Annotated[bool, Field(description="Also return the page's picture.")] = True,
        highlight: Annotated[
            str, Field(max_length=2_000, description="A query whose evidence is marked in the picture.")
        ] = "",
    ) -> list[TextContent | ImageContent]:
        """Read a page: its text, and its picture."""
        tool = self._context_of(context)

        def work(engine: Engine) -> list[TextContent | ImageContent]:
            content: list[TextContent | ImageContent] = [TextContent(type="text", text=page_text(tool, engine, page))]
            if picture:
                data = page_jpeg(engine, page, highlight=highlight)
                content.append(Image(data=data, format="jpeg").to_image_content())
            return content

        return _run(tool, "image", work)

    def answer(
        self,
        context: Context,
        question: Annotated[str, Field(max_length=2_000, description="May be empty if there is an image.")] = "",
        k: Annotated[int, Field(ge=1, le=20)] = 6,
        paths: Globs = [],  # noqa: B006
        image: Annotated[str, Field(description="A picture that the question is about: its bytes in base64.")] = "",
        depth: DepthField = DEFAULT_DEPTH,
    ) -> ToolAnswer:
        """Answer a question from the documents with page citations, or say that they do not contain the answer.

        The question may be about a picture of the user's ("which model is this, and where is its manual?").
        """
        tool = self._context_of(context)

        def work(engine: Engine) -> ToolAnswer:
            picture = decode_image(image or None, "image")
            answer = engine.ask(question, image=picture, k=k, filters=Filters(paths=tuple(paths)), depth=depth)
            paths_cited = {citation.ref.path for citation in answer.citations}
            names, documents = tool.names(paths_cited), documents_by_path(engine, paths_cited)
            citations = [
                ToolCitation(
                    mark=citation.mark,
                    page=f"{documents.get(citation.ref.path, '')}-{citation.ref.number}",
                    name=escape_links(names[citation.ref.path]),
                    number=citation.ref.number,
                    quote=escape_links(citation.quote),
                    state=citation.state,
                )
                for citation in answer.citations
            ]
            notes = [escape_links(redact(note)) for note in answer.notes]
            text = MarkdownEscaper().escape(answer.text)
            return ToolAnswer(
                found=answer.found,
                confidence=answer.confidence,
                reason=escape_links(redact(answer.reason)),
                text=text,
                citations=citations,
                notes=notes,
                missing_lanes=_missing_lanes(answer.missing),
                image_text=escape_links(answer.image_text),
            )

        return _run(tool, "answer", work)

    def list_documents(
        self, context: Context, after: Annotated[str, Field(max_length=64, description="`next_after`.")] = ""
    ) -> ToolDocuments:
        """List the documents and photos of the collection."""
        tool = self._context_of(context)

        def work(engine: Engine) -> ToolDocuments:
            with engine.snapshot() as snapshot:
                rows = sorted(snapshot.documents.values(), key=lambda row: row.document.sha256)
            part = [row for row in rows if row.document.sha256 > after][: LIST_SIZE + 1]
            names = tool.names([row.path for row in part])
            listed = [
                ToolDocument(
                    document=row.document.sha256,
                    name=escape_links(names[row.path]),
                    title=escape_links(row.document.title),
                    kind=row.document.kind,
                    pages=row.document.page_count,
                )
                for row in part[:LIST_SIZE]
            ]
            following = listed[-1].document if len(part) > LIST_SIZE else None
            return ToolDocuments(documents=listed, total=len(rows), next_after=following)

        return _run(tool, "search", work)


def page_text(tool: ToolContext, engine: Engine, page: str) -> str:
    """Return a page's file, number, title and words. Raises NotFound."""
    with engine.snapshot() as snapshot:
        row, page_row = find_page(snapshot, page)
    name = tool.names([row.path])[row.path]
    heading = f"{name}, page {page_row.number} of {row.document.page_count} ({row.document.title})"
    described = page_row.description.labelled if page_row.description else ""
    return escape_links("\n\n".join(filter(None, (heading, page_row.caption, described, page_row.text.text))))


def page_jpeg(engine: Engine, page: str, *, highlight: str = "") -> bytes:
    """Return a page's picture as JPEG, the evidence for a query marked. Raises NotFound."""
    with engine.snapshot() as snapshot:
        row, page_row = find_page(snapshot, page)
    ref, image_request = PageRef(row.path, page_row.number), PageImageRequest(IMAGE_WIDTH, "jpeg", highlight.strip())
    return render_page_image(engine, ref, image_request, page_width=page_row.width, page_height=page_row.height)


def _missing_lanes(missing: Mapping[str, str]) -> dict[str, str]:
    return {lane: escape_links(reason) for lane, reason in missing_lanes(missing).items()}


def _run(tool: ToolContext, kind: ToolKind, work: Callable[[Engine], T]) -> T:
    """Return `work(engine)` in a slot of a kind. Errors become ToolErrors, which the assistant can read."""
    try:
        with tool.slot(kind):
            return tool.use(work)
    except (PageLensError, Overloaded, Problem) as exc:
        raise ToolError(redact(str(exc))) from exc
