"""Proposes questions about a collection's pages, drawn evenly over its documents.

The caller chooses how a question is drafted: extractively or by a model. Every sixth question is changed into an
unanswerable one, by moving it to a year that the collection does not mention. Each question gets hard negatives: pages
that the engine ranks high and that are not the page it was drafted from.
"""

import json
import logging
import math
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from pagelens.api.engine.engine import Engine
from pagelens.core.errors import GenerationError
from pagelens.core.keys import page_key
from pagelens.core.types import PageRef, PageText
from pagelens.evals.authoring.proposals import Proposal, QuestionWriter, stable_names
from pagelens.generate.extractive_questions import Draft, extractive_question
from pagelens.index.reader import CollectionReader

UNANSWERABLE = 6  # every sixth proposal has no answer
NEGATIVES = 3  # pages listed as hard negatives
_ANY_YEAR = re.compile(r"\b(?:19|20)\d\d\b")

logger = logging.getLogger(__name__)


def propose(
    engine: Engine,
    *,
    count: int,
    seed: int = 0,
    write_question: QuestionWriter = extractive_question,
    max_pages: float = math.inf,
) -> list[Proposal]:
    """Return at most `count` proposals from at most `max_pages` pages; the same seed draws the same pages.

    Raises GenerationError if a model fails before the first proposal; if it fails later, earlier proposals are kept.
    """
    rng = random.Random(seed)
    digests = {path: document.sha256 for document in engine.status().documents for path in document.paths}
    names = stable_names(list(digests))
    years: set[str] = set()
    proposals: list[Proposal] = []
    for index, (ref, text) in enumerate(_pages(engine, rng)):
        years |= set(_ANY_YEAR.findall(text.text))
        if index >= max_pages or len(proposals) == count:
            continue  # every page is read for its years
        try:
            draft = write_question(ref, text)
        except GenerationError as exc:
            if not proposals:
                raise
            logger.warning("%d questions are proposed, then the model failed: %s", len(proposals), exc)
            max_pages = 0
            continue
        if draft:
            proposals.append(_proposal(f"q{len(proposals) + 1:04d}", names[ref.path], ref.number, draft))
    rows = [_finished(engine, names, proposal, index, years) for index, proposal in enumerate(proposals, start=1)]
    of_name = {names[path]: digest for path, digest in digests.items()}
    return [_with_files(row, of_name) for row in rows]


def _with_files(row: Proposal, digests: Mapping[str, str]) -> Proposal:
    """Return a proposal with the SHA-256 of each document that it names."""
    named = [row.document, *(part.rpartition("#")[0].strip() for part in row.hard_negatives.split(";"))]
    known = {name: digests[name] for name in named if name in digests}
    return replace(row, files=json.dumps(known, ensure_ascii=False))


def _pages(engine: Engine, rng: random.Random) -> Iterator[tuple[PageRef, PageText]]:
    """Yield every page with words once, in random order, one document after the other."""
    reader = CollectionReader(engine.layout.root)
    with reader.snapshot() as snapshot:
        queues = []
        for key, row in snapshot.documents.items():
            numbers = list(range(1, row.document.page_count + 1))
            rng.shuffle(numbers)
            queues.append([(key, row.path, number) for number in numbers])
        rng.shuffle(queues)
        while queues:
            for queue in queues:
                key, path, number = queue.pop()
                page = page_key(key, number)
                text = snapshot.pages([page])[page].text
                if text.text.strip():
                    yield PageRef(path, number), text
            queues = [queue for queue in queues if queue]
    reader.close()


def _proposal(qid: str, document: str, page: int, draft: Draft) -> Proposal:
    return Proposal(
        keep="",
        qid=qid,
        kind=draft.kind,
        question=draft.question,
        answer=draft.answer,
        document=document,
        pages=str(page),
        hard_negatives="",
        quote=draft.quote,
    )


def _finished(engine: Engine, names: Mapping[str, str], proposal: Proposal, index: int, years: set[str]) -> Proposal:
    """Return a proposal with its hard negatives; every sixth one is made unanswerable."""
    if index % UNANSWERABLE == 0:
        question = _unanswerable(proposal.question, years)
        if question:
            quote = f"(changed) {proposal.quote}"
            proposal = replace(proposal, kind="unanswerable", question=question, answer="", pages="", quote=quote)
    hits = engine.search(proposal.question, k=NEGATIVES + 1).hits
    pages = [(names.get(hit.ref.path, hit.ref.path), hit.ref.number) for hit in hits]
    negatives = [
        f"{name}#{number}" for name, number in pages if (name, str(number)) != (proposal.document, proposal.pages)
    ]
    return replace(proposal, hard_negatives=" ; ".join(negatives[:NEGATIVES]))


def _unanswerable(question: str, years: set[str]) -> str | None:
    """Return the question about a year that no page mentions; None if every year to 2099 is mentioned."""
    free = next((str(year) for year in range(2031, 2100) if str(year) not in years), None)
    if free is None:
        return None
    changed = _ANY_YEAR.sub(free, question)
    return changed if changed != question else f"{question.rstrip('?')} in {free}?"
