"""Image-to-text retrieval on captioned photos: how a photo ranks the captions, computed from text-to-image searches.

The engine ranks photos for a caption. If a lane's scores are comparable between queries (the cosine of the image lane
is, a fused score is not), searching with every caption over all photos gives the full score matrix, and a photo's
ranking of the captions is its column.
"""

import heapq
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.results import as_json
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import DataSet
from pagelens.evals.datasets.document_names import DocumentNames
from pagelens.evals.datasets.line_reader import read_json
from pagelens.evals.runs.bootstrap import Interval, mean_interval
from pagelens.evals.runs.run_folder import write_atomically
from pagelens.evals.runs.runner import OnStep

COMPARABLE = ("image",)  # lanes whose scores are comparable between queries
DEPTHS = (1, 5, 10)
FILE_NAME = "caption_retrieval.json"  # in the run's folder
MIN_CAPTIONS = 2  # captions per photo, on average, for a set to count as captioned photos


@dataclass(frozen=True, slots=True)
class CaptionRetrieval:
    """How well photos find their captions by a lane: whether any caption of a photo is among the first k.

    The literature calls it image-to-text R@k (Karpathy and Fei-Fei, 2015).
    """

    lane: str
    photos: int
    captions: int
    hits: Mapping[str, Interval]  # "hit@5" -> over photos


def is_captioned(data: DataSet) -> bool:
    """Return whether every question has exactly one relevant page, and pages have several questions each."""
    pages = [page for question in data.questions for page in data.relevant(question.qid)]
    return not data.images and len(pages) == len(data.questions) > 0 and len(pages) >= MIN_CAPTIONS * len(set(pages))


def photos_to_captions(
    engine: Engine,
    data: DataSet,
    lane: str,
    *,
    on_step: OnStep = lambda _name, _done, _all: None,
) -> CaptionRetrieval:
    """Search with every caption for every photo, and return how each photo ranks the captions."""
    names = DocumentNames.of(data, engine.status())
    captions = {page: set[str]() for question in data.questions for page in data.relevant(question.qid)}
    for question in data.questions:
        captions[data.relevant(question.qid)[0]].add(question.qid)
    best: dict[PageRef, list[tuple[float, str]]] = {page: [] for page in captions}
    for count, question in enumerate(data.questions, start=1):
        for hit in engine.search(question.text, k=len(data.documents), lanes=[lane]).hits:
            score = hit.lanes[lane].score if lane in hit.lanes else float("-inf")
            for page in names.pages(hit.ref):
                if page in best:
                    _keep(best[page], (score, question.qid))
        on_step(f"photos to captions, {lane}", count, len(data.questions))
    ranked = {page: [qid for _, qid in sorted(candidates, reverse=True)] for page, candidates in best.items()}
    return CaptionRetrieval(lane, len(captions), len(data.questions), hit_rates(ranked, captions))


def hit_rates(ranked: Mapping[PageRef, Sequence[str]], captions: Mapping[PageRef, set[str]]) -> dict[str, Interval]:
    """Return hit@k over photos, for each depth."""
    return {
        f"hit@{k}": mean_interval([float(bool(captions[page] & set(ranked[page][:k]))) for page in captions])
        for k in DEPTHS
    }


def write_caption_retrieval(folder: Path, figures: Sequence[CaptionRetrieval]) -> None:
    """Write the figures beside a run."""
    write_atomically(folder / FILE_NAME, json.dumps(as_json(figures), ensure_ascii=False, indent=1) + "\n")


def read_caption_retrieval(folder: Path) -> list[CaptionRetrieval]:
    """Return the figures beside a run; an empty list if there are none."""
    if not (folder / FILE_NAME).exists():
        return []
    return [
        CaptionRetrieval(
            row["lane"],
            row["photos"],
            row["captions"],
            {name: Interval(**interval) for name, interval in row["hits"].items()},
        )
        for row in read_json(folder / FILE_NAME)
    ]


def _keep(best: list[tuple[float, str]], candidate: tuple[float, str]) -> None:
    """Add a candidate to the heap of the best, which holds as many as the deepest measure needs."""
    if len(best) < DEPTHS[-1]:
        heapq.heappush(best, candidate)
    else:
        heapq.heappushpop(best, candidate)
