"""The plan of a run: systems, scopes and depth; and the configuration that identifies the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pagelens.api.engine.engine import Engine
from pagelens.core.errors import UsageError
from pagelens.core.types import DEFAULT_DEPTH, Depth
from pagelens.evals.datasets.dataset import DataSet
from pagelens.evals.runs.environment import sources_digest, versions
from pagelens.evals.runs.systems import System

Scope = Literal["within", "whole", "foreign"]
SCOPES: tuple[Scope, ...] = ("within", "whole")
SCOPE_DESCRIPTIONS: Mapping[str, str] = {
    "within": "within the question's document",
    "whole": "over the whole set",
    "foreign": "in every document but its own",
}
DEPTH = 50  # pages of each ranking that are kept
PROBES = 20  # questions tried to find out whether a lane ranks for such questions
CONTEXT_PAGES = 6  # pages that an answer is made from, as in the engine


@dataclass(frozen=True, slots=True)
class Plan:
    """Systems by name, scopes of searches and of answers, how many pages are kept, and how answers search."""

    systems: Mapping[str, System]
    scopes: Sequence[Scope]
    answer_scopes: Sequence[Scope] = ()
    depth: int = DEPTH  # pages of each ranking that are kept
    limit: int | None = None  # questions, the first ones
    answerer: str = "extractive"
    answer_depth: Depth = DEFAULT_DEPTH  # of the searches that answers are made from

    def as_json(self) -> dict[str, Any]:
        """Return the plan as a part of the configuration."""
        systems = {name: system.as_json() for name, system in self.systems.items()}
        answers = {"scopes": list(self.answer_scopes), "pages": CONTEXT_PAGES, "answerer": self.answerer}
        answers |= {"depth": self.answer_depth} if self.answer_depth != DEFAULT_DEPTH else {}
        return {
            "systems": systems,
            "scopes": list(self.scopes),
            "answers": answers,
            "depth": self.depth,
            "limit": self.limit,
        }


def lanes_for(engine: Engine, data: DataSet) -> list[str]:
    """Return the collection's lanes that find anything for one of the first questions."""
    queries = [(question.text, data.picture(question)) for question in data.questions[:PROBES]]
    return [lane for lane in engine.status().models if any(_finds(engine, lane, *query) for query in queries)]


def _finds(engine: Engine, lane: str, text: str, picture: Path | None) -> bool:
    try:
        return bool(engine.search(text, image=picture, k=1, lanes=[lane]).hits)
    except UsageError:  # no lane searches this space
        return False


def scopes_of(data: DataSet) -> tuple[Scope, ...]:
    """Return the possible scopes: `whole`, and `within` if questions name documents."""
    return SCOPES if any(question.documents for question in data.questions) else ("whole",)


def configuration(engine: Engine, data: DataSet, plan: Plan) -> dict[str, Any]:
    """Return everything that may change a result: data, collection, models, sources, library versions, the plan."""
    status = engine.status()
    return {
        "dataset": data.digest,
        "documents": sorted(document.sha256 for document in status.documents),
        "profile": status.profile,
        "models": dict(status.models),
        "sources": sources_digest(),
        "versions": versions(),
        "plan": plan.as_json(),
    }
