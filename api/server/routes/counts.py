"""Endpoints that tell what a collection holds: documents by kind, year, folder and label; questions to begin with."""

from fastapi import APIRouter

from pagelens.api.engine.document_counts import count_documents
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.example_questions import example_questions
from pagelens.api.responses import CountsResponse, ExampleQuestionsResponse, UnreadFileOut, UnreadFilesResponse
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.dependencies import ContextDep
from pagelens.api.server.problems import redact
from pagelens.api.server.schemas.requests import CountsRequest, folder_filter
from pagelens.api.server.serialization import display_names, folder_names
from pagelens.core.types import Filters
from pagelens.index.catalog.reads import Failure

router = APIRouter(route_class=AuthorizedRoute, tags=["documents"])

QUESTIONS = 3
UNREAD_FILES = 500


@router.post("/counts", summary="Count documents")
@requires_scope("read", collection=True)
def count(context: ContextDep, body: CountsRequest) -> CountsResponse:
    """Return how many documents match filters, by kind, year and folder, and pages by label.

    Each count leaves out the filter of its own kind, so that it says what another choice would find.
    """

    folder = folder_filter(body.filters.folder) if body.filters.folder else Filters()
    others = body.filters.model_copy(update={"folder": ""}).filters()

    def work(engine: Engine) -> CountsResponse:
        with engine.snapshot() as snapshot:
            names = folder_names(context, snapshot)
            counts = count_documents(snapshot, others, folder, names)
        return CountsResponse(
            documents=counts.documents,
            kinds=counts.kinds,
            years=counts.years,
            folders=counts.folders,
            labels=counts.labels,
        )

    with context.app_state.searches.slot():
        return context.use(work)


@router.get("/questions", summary="Questions to begin with")
@requires_scope("read", collection=True)
def list_questions(context: ContextDep) -> ExampleQuestionsResponse:
    """Return questions that pages of the collection answer, and searches that its photos match."""

    def work(engine: Engine) -> list[str]:
        with engine.snapshot() as snapshot:
            key = (context.collection, engine.manifest.created, snapshot.generation)
            return context.app_state.questions.get(key, lambda: example_questions(snapshot, QUESTIONS))

    with context.app_state.searches.slot():
        return ExampleQuestionsResponse(questions=context.use(work))


@router.get("/unread", summary="Files that could not be read")
@requires_scope("read", collection=True)
def list_unread_files(context: ContextDep) -> UnreadFilesResponse:
    """Return the files that are not in the collection since they could not be read, each with the reason."""

    def work(engine: Engine) -> list[Failure]:
        with engine.snapshot() as snapshot:
            return snapshot.failures()

    failures = context.use(work)
    names = display_names(context, (failure.path for failure in failures))
    files = [UnreadFileOut(name=names[one.path], reason=redact(one.reason)) for one in failures[:UNREAD_FILES]]
    return UnreadFilesResponse(files=files, total=len(failures))
