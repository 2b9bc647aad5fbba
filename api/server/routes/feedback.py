"""The endpoint that keeps what users do with hits and think of answers, where the server's owner wants that."""

from fastapi import APIRouter, Response

from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.dependencies import ContextDep
from pagelens.api.server.problems import Problem
from pagelens.api.server.schemas.requests import FeedbackRequest
from pagelens.core.judgements import Judgement

router = APIRouter(route_class=AuthorizedRoute, tags=["search"])


@router.post("/feedback", status_code=204, summary="Judge a hit or an answer")
@requires_scope("read", collection=True)
def give_feedback(context: ContextDep, body: FeedbackRequest) -> Response:
    """Keep that a hit was opened, or that it or an answer is right or not, and why; who said so is not kept.

    403 unless the server's owner has turned this on; `feedback` of a collection says whether it is.
    """
    if not context.app_state.service.feedback:
        raise Problem(
            403,
            "feedback-off",
            "expected a server that keeps judgements, found that its owner has not turned this on",
            next_step="The owner can: pagelens serve --feedback",
        )
    document, _, number = (body.page or "-0").rpartition("-")
    judgement = Judgement(
        query=body.query,
        document=document,
        number=int(number),
        verdict=body.verdict,
        rank=body.rank,
        why=body.why,
        answer=body.answer,
        key=body.id,
    )
    with context.app_state.writes.slot():
        context.use(lambda engine: engine.judge(judgement))
    return Response(status_code=204)
