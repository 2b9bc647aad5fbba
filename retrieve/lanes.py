"""Lanes: each ranks pages its own way.

    words   BM25 over the pages' words
    text    the best passage's vector
    image   the picture's vector beside a text's, a picture's, or both in one (CLIP; builtin: approximate)
    looks   the picture's pooled features beside another picture's (builtin; CLIP needs no such lane)
    page    late interaction: the page's words (builtin) or patches (ColPali)

A lane says what it asks of what is at rest and is sent the answer, so that all lanes' questions can be asked together
(`rank_together`); what becomes of its ranking is `pagelens.retrieve.fusion`'s matter. A lane that has nothing to go by, words
for `image`'s pictures or a picture for `words`, asks and ranks nothing.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pagelens.core.caching import Remembered
from pagelens.core.keys import page_of
from pagelens.core.protocols import Analyzer, ImageEncoder, LateQueryEncoder, PictureEncoder, TextEncoder
from pagelens.core.types import Hit, Query, QueryTokens, Ranking, TokenMatrix
from pagelens.encode.image.composition import compose
from pagelens.index.lane_queries import Answer, Asking, Dialogue, TokenAsking, VectorAsking, WordAsking
from pagelens.index.reader import Snapshot
from pagelens.index.selection import Selection

QUERIES_REMEMBERED = 64
ROWS_PER_PAGE = 4  # rows looked at for each page wanted; more when pages repeat


class Lane(Protocol):
    """Ranks pages for a query."""

    @property
    def name(self) -> str:
        """One word, as in the catalog and in results."""
        ...

    def rank(self, query: Query, depth: int, selection: Selection | None = None) -> Dialogue[Ranking]:
        """Ask what is at rest; return at most `depth` live, selected pages, best first, ties by page key."""
        ...


class WordsLane:
    """BM25 over the pages' words (Robertson and Zaragoza, 2009), on the lexical index."""

    name = "words"

    def __init__(self, analyze: Analyzer) -> None:
        self._analyze = analyze

    def rank(self, query: Query, depth: int, selection: Selection | None = None) -> Dialogue[Ranking]:
        """See `Lane.rank`."""
        terms = self._analyze(query.words)
        if not terms:
            return Ranking(self.name, [])
        pages, scores = yield WordAsking(terms, depth, selection)
        return Ranking(self.name, [Hit(*found) for found in zip(pages.tolist(), scores.tolist(), strict=True)])


class TextLane:
    """Cosine of the query with every passage; the best passage stands for its page."""

    name = "text"

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder

    def rank(self, query: Query, depth: int, selection: Selection | None = None) -> Dialogue[Ranking]:
        """See `Lane.rank`."""
        if not query.words:
            return Ranking(self.name, [])
        vector = self._encoder.encode_queries([query.words])[0]
        return (yield from _best_rows(self.name, vector, depth, selection, passages=True))


class ImageLane:
    """Cosine of a text, a picture, or both as one vector, with every picture."""

    name = "image"

    def __init__(self, encoder: ImageEncoder, *, pictures_alone: bool = True, in_text_space: bool = False) -> None:
        """`pictures_alone` false leaves queries of a picture and no text to the `looks` lane, which is better at them;
        `in_text_space` says that cosines compare with the `text` lane's."""
        self._encoder = encoder
        self._pictures_alone = pictures_alone
        self.in_text_space = in_text_space

    def rank(self, query: Query, depth: int, selection: Selection | None = None) -> Dialogue[Ranking]:
        """See `Lane.rank`."""
        vector = self._vector(query)
        if vector is None:
            return Ranking(self.name, [])
        return (yield from _best_rows(self.name, vector, depth, selection))

    def _vector(self, query: Query) -> NDArray[np.float32] | None:
        if query.picture is None:
            return self._encoder.encode_queries([query.text])[0] if query.text else None
        if not query.text:
            return self._encoder.encode_images([query.picture])[0] if self._pictures_alone else None
        [text], [picture] = self._encoder.encode_queries([query.text]), self._encoder.encode_images([query.picture])
        return compose(text, picture, weight=query.text_share)


class LooksLane:
    """Cosine of a picture's pooled features with every picture's."""

    name = "looks"

    def __init__(self, encoder: PictureEncoder) -> None:
        self._encoder = encoder

    def rank(self, query: Query, depth: int, selection: Selection | None = None) -> Dialogue[Ranking]:
        """See `Lane.rank`."""
        if query.picture is None:
            return Ranking(self.name, [])
        [vector] = self._encoder.encode_images([query.picture])
        return (yield from _best_rows(self.name, vector, depth, selection))


class PageLane:
    """Late interaction with the tokens of every page (MaxSim)."""

    name = "page"

    def __init__(self, encoder: LateQueryEncoder, *, of_words: bool) -> None:
        """`of_words` says whether tokens stand for words of the page, or for patches of its picture."""
        self._encoder = encoder
        self._remembered: Remembered[QueryTokens] = Remembered(QUERIES_REMEMBERED)
        self.of_words = of_words

    def rank(self, query: Query, depth: int, selection: Selection | None = None) -> Dialogue[Ranking]:
        """See `Lane.rank`."""
        if not query.words:
            return Ranking(self.name, [])
        pages, scores = yield TokenAsking(self.name, self.tokens(query.words), depth, selection)
        found = zip(pages.tolist(), scores.tolist(), strict=True)
        hits = sorted((Hit(page, score) for page, score in found), key=lambda hit: (-hit.score, hit.page))
        return Ranking(self.name, hits)

    def tokens(self, text: str) -> QueryTokens:
        """Return the query's tokens. Evidence asks for the same ones again, for each hit."""
        return self._remembered.get(text, lambda: self._encoder.encode_queries([text])[0])

    def page_tokens(self, snapshot: Snapshot, page: int) -> TokenMatrix | None:
        """Return a page's tokens, or None where the lane has none of it."""
        matrix = snapshot.tokens(self.name).page(page)
        return matrix if matrix is not None and len(matrix.vectors) else None


def _best_rows(
    lane: str,
    vector: NDArray[np.float32],
    depth: int,
    selection: Selection | None,
    *,
    passages: bool = False,
) -> Dialogue[Ranking]:
    """Rank pages by the best of their rows in a lane of one vector a row."""
    wanted = depth * ROWS_PER_PAGE
    while True:
        keys, scores = yield VectorAsking(lane, vector, wanted, selection)
        best: dict[int, Hit] = {}
        for key, score in zip(keys.tolist(), scores.tolist(), strict=True):
            best.setdefault(page_of(key), Hit(page_of(key), score, key if passages else None))
        if len(best) >= depth or len(keys) < wanted:
            break
        wanted *= 4
    hits = sorted(best.values(), key=lambda hit: (-hit.score, hit.page))
    return Ranking(lane, hits[:depth])


def rank_together(snapshot: Snapshot, dialogues: Sequence[Dialogue[Ranking]]) -> list[Ranking]:
    """Return each lane's ranking; in each round what all of them ask is asked at once."""
    rankings: dict[int, Ranking] = {}
    answers: dict[int, Answer | None] = dict.fromkeys(range(len(dialogues)))
    while answers:
        askings: dict[int, Asking] = {}
        for place, answer in answers.items():
            try:
                asking = next(dialogues[place]) if answer is None else dialogues[place].send(answer)
                askings[place] = asking
            except StopIteration as end:
                rankings[place] = end.value
        answers = dict(zip(askings, snapshot.answer(list(askings.values())), strict=True))
    return [rankings[place] for place in range(len(dialogues))]
