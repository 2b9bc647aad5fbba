"""Questions proposed from a collection's own pages, drawn evenly over its documents.

What is asked of a page is the caller's: extractively, or by a model. Here every so-many-th question is changed into one
without an answer, by asking it of a year of which the collection says nothing; and each gets its hard negatives, pages
that the engine takes for the answer and that are not the one it was asked of.
"""

import logging
import math
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pagelens.api.engine.engine import Engine
from pagelens.core.errors import GenerationError
from pagelens.core.keys import page_key
from pagelens.core.types import PageRef, PageText
from pagelens.evals.authoring.extractive_questions import ask_extractively
from pagelens.evals.authoring.proposals import Ask, Draft, Proposal, common_root
from pagelens.index.reader import CollectionReader

UNANSWERABLE = 6  # every so-many-th proposal has no answer
NEGATIVES = 3  # pages listed as hard negatives
_ANY_YEAR = re.compile(r"\b(?:19|20)\d\d\b")

logger = logging.getLogger(__name__)


def propose(
    engine: Engine, *, count: int, seed: int = 0, ask: Ask = ask_extractively, most: float = math.inf
) -> list[Proposal]:
    """Return at most `count` proposals from at most `most` pages; the same seed draws the same pages.

    Raises GenerationError where a model fails before the first proposal; later, what was proposed is kept.
    """
    drawn = random.Random(seed)
    root = common_root(engine.status())
    years: set[str] = set()
    found: list[Proposal] = []
    for place, (ref, text) in enumerate(_pages(engine, drawn)):
        years |= set(_ANY_YEAR.findall(text.text))
        if place >= most or len(found) == count:
            continue  # every page is read for its years
        try:
            asked = ask(ref, text)
        except GenerationError as exc:
            if not found:
                raise
            logger.warning("%d questions are proposed, then the model failed: %s", len(found), exc)
            most = 0
            continue
        if asked:
            name = str(Path(ref.path).relative_to(root))
            found.append(_proposal(f"q{len(found) + 1:04d}", name, ref.number, asked))
    return [_finished(engine, root, one, place, years) for place, one in enumerate(found, start=1)]


def _pages(engine: Engine, drawn: random.Random) -> Iterator[tuple[PageRef, PageText]]:
    """Yield every page with words once, documents taking turns, each in an order drawn at random."""
    reader = CollectionReader(engine.layout.root)
    with reader.snapshot() as snapshot:
        queues = []
        for key, row in snapshot.documents.items():
            numbers = list(range(1, row.document.page_count + 1))
            drawn.shuffle(numbers)
            queues.append([(key, row.path, number) for number in numbers])
        drawn.shuffle(queues)
        while queues:
            for queue in queues:
                key, path, number = queue.pop()
                page = page_key(key, number)
                text = snapshot.pages([page])[page].text
                if text.text.strip():
                    yield PageRef(path, number), text
            queues = [queue for queue in queues if queue]
    reader.close()


def _proposal(qid: str, document: str, page: int, asked: Draft) -> Proposal:
    return Proposal("", qid, asked.kind, asked.question, asked.answer, document, str(page), "", asked.quote)


def _finished(engine: Engine, root: Path, one: Proposal, place: int, years: set[str]) -> Proposal:
    """Add hard negatives; make every so-many-th one unanswerable."""
    if place % UNANSWERABLE == 0:
        question = _unanswerable(one.question, years)
        if question:
            quote = f"(changed) {one.quote}"
            one = replace(one, kind="unanswerable", question=question, answer="", pages="", quote=quote)
    hits = engine.search(one.question, k=NEGATIVES + 1).hits
    found = [(str(Path(hit.ref.path).relative_to(root)), hit.ref.number) for hit in hits]
    others = [f"{name}#{number}" for name, number in found if (name, str(number)) != (one.document, one.pages)]
    return replace(one, hard_negatives=" ; ".join(others[:NEGATIVES]))


def _unanswerable(question: str, years: set[str]) -> str | None:
    """Return a question asked of a year that no page has; None where every year is taken."""
    free = next((str(year) for year in range(2031, 2100) if str(year) not in years), None)
    if free is None:
        return None
    changed = _ANY_YEAR.sub(free, question)
    return changed if changed != question else f"{question.rstrip('?')} in {free}?"
