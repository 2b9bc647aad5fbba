"""Questions and searches to begin with, from a collection's own pages."""

import random
import re
from itertools import cycle, islice

from pagelens.api.engine.document_counts import photos_in_order, place_name
from pagelens.core.keys import page_key
from pagelens.core.types import PageRef
from pagelens.generate.extractive_questions import extractive_question
from pagelens.index.reader import Snapshot

MAX_PAGES = 100  # read for questions
MAX_CHARS = 110  # of a question
MIN_TITLE_WORDS = 3  # of a title that is worth a search

_NAME = re.compile(r"(?<=\s)[A-Z][a-z]+|\b(?:19|20)\d\d\b")
_POINTS_BACK = re.compile(
    r"\b(?:this|these|those|such|it|its|they|their|them|he|she|his|her|we|our|us|i|my|each|here|above|below|"
    r"respectively|example|(?:the|an?) (?:how|what|which))\b|[(:;]| [-–] |^(?:if|when|as|for|while)\b|"
    r"\b(?:is|was) (?:but|and|so|there)\b",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"[A-Z]\w* how many\b")  # "Article how many": the number was a part of a name


def example_questions(snapshot: Snapshot, count: int) -> list[str]:
    """Return at most `count` questions, each of another document; then places and guesses of photos, and titles.

    The same commit of a collection gives the same ones.
    """
    rng = random.Random(snapshot.generation)
    documents = [row for row in snapshot.documents.values() if row.document.kind != "photo"]
    rng.shuffle(documents)
    drafts: dict[str, str] = {}  # by document
    for row in islice(cycle(documents), MAX_PAGES):
        number = rng.randint(1, row.document.page_count)
        key = page_key(row.key, number)
        draft = extractive_question(PageRef(row.path, number), snapshot.pages([key])[key].text)
        if draft and _stands_alone(draft.question):
            drafts[row.path] = max(draft.question, drafts.get(row.path, ""), key=_clarity)
    best = sorted(drafts.values(), key=_clarity, reverse=True)[:count]
    titles = [row.document.title for row in documents if len(row.document.title.split()) >= MIN_TITLE_WORDS]
    return [*best, *_photo_searches(snapshot, count - len(best)), *titles][:count]


def _clarity(question: str) -> int:
    """Return how many names and years a question has; of one that asks what something is, half as many."""
    return len(_NAME.findall(question)) // (2 if question.startswith("What ") else 1)


def _stands_alone(question: str) -> bool:
    """Return whether a question is short and points at nothing that was said before it."""
    return len(question) <= MAX_CHARS and not _POINTS_BACK.search(question) and not _NUMBERED.search(question)


def _photo_searches(snapshot: Snapshot, count: int) -> list[str]:
    photos = photos_in_order(snapshot)[:MAX_PAGES]
    pages = snapshot.pages([page_key(row.key, 1) for row in photos])
    guessed = [guess.label for page in pages.values() for guess in page.guesses[:1]]
    return list(dict.fromkeys([*filter(None, map(place_name, photos)), *guessed]))[:count]
