"""The questions of a report, worst first: what was expected and what was found, page images side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pagelens.core.types import CitationState, PageRef
from pagelens.evals.datasets.dataset import Question
from pagelens.evals.measures.ranking import first_rank
from pagelens.evals.report.thumbnails import Thumbnails
from pagelens.evals.runs.judge import Verdict
from pagelens.evals.runs.plan import SCOPE_DESCRIPTIONS
from pagelens.evals.runs.records import AnswerRecord, SearchRecord
from pagelens.evals.runs.run_folder import Run

FOUND_SHOWN = 4  # pages found that are shown
EXPECTED_SHOWN = 4  # pages expected that are shown
TAGS = ("source", "doc_type", "question_type")  # breakdowns that a card shows
PHOTOS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".heic", ".gif", ".bmp"}  # of one page each
MAX_CARDS = 400  # questions in one report
CITATION_STATE_TEXT: Mapping[CitationState | None, str] = {
    None: "",
    "quoted": " · quoted from the page",
    "supported": " · supported by the page's words",
    "image-only": " · seen in its picture only",
    "unconfirmed": " · NOT found on the page",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A thumbnail with its caption; `placeholder` is shown where there is no image."""

    css_class: str | None
    name: str
    placeholder: str
    caption: str
    kind: str = ""  # right, missed, or neither


@dataclass(frozen=True, slots=True)
class FigureGroup:
    """Thumbnails under a title."""

    title: str
    figures: Sequence[Figure]


@dataclass(frozen=True, slots=True)
class Card:
    """A question with what a system found for it in each scope."""

    question: Question
    relevant: Sequence[PageRef]
    found: Mapping[str, SearchRecord]  # scope -> ranking
    answers: Mapping[str, AnswerRecord]  # scope -> answer
    verdicts: Mapping[str, Verdict]  # scope -> the judge's
    picture: Path | None = None  # the picture of the question

    @property
    def ranks(self) -> dict[str, int | None]:
        """The rank of the first page that answers, for each scope."""
        return {scope: first_rank(self.relevant, record.ranked) for scope, record in self.found.items()}

    @property
    def badness(self) -> tuple[int, int]:
        """For sorting, worst first: missed pages, then late ones; questions without evidence last."""
        if not self.relevant:
            return 1, 0
        return 0, -max((rank or 10_000 for rank in self.ranks.values()), default=0)

    @property
    def pages_shown(self) -> int:
        """How many of the pages found are shown, and count as found early."""
        return FOUND_SHOWN

    @property
    def tags(self) -> list[str]:
        """The groups of the question that the card shows."""
        return [value for name in TAGS for value in self.question.groups.get(name, ())]

    @property
    def search_text(self) -> str:
        """The text that the reader's words are looked for in, lower case."""
        question = self.question
        parts = [question.qid, question.title, *question.answers, *question.documents, *self.tags]
        return " ".join(parts).lower()

    @property
    def kinds(self) -> str:
        """The filters that the card matches, separated by blanks."""
        kinds = [] if self.question.answerable else ["unanswerable"]
        ranks = list(self.ranks.values())
        if self.relevant:
            kinds.append("first" if all(rank == 1 for rank in ranks) else "later")
            kinds += ["missed"] if any(rank is None or rank > FOUND_SHOWN for rank in ranks) else []
        if any(record.refused == self.question.answerable for record in self.answers.values()):
            kinds.append("refusal")
        if any(verdict.grade != "correct" for verdict in self.verdicts.values()):
            kinds.append("judged")
        return " ".join(kinds)


def cards_of(run: Run, system: str) -> list[Card]:
    """Return a card for each question of the run, worst first."""
    cards = []
    for question in run.data.questions:
        found = {
            scope: part[question.qid]
            for (scope, name), part in run.searches.items()
            if name == system and question.qid in part
        }
        answers = {
            scope: part[question.qid]
            for scope, part in run.answers.items()
            if scope != "foreign" and question.qid in part
        }
        if found or answers:
            verdicts = {scope: part[question.qid] for scope, part in run.verdicts.items() if question.qid in part}
            relevant, picture = run.data.relevant(question.qid), run.data.picture(question)
            cards.append(
                Card(
                    question=question,
                    relevant=relevant,
                    found=found,
                    answers=answers,
                    verdicts=verdicts,
                    picture=picture,
                )
            )
    return sorted(cards, key=lambda card: (card.badness, card.question.qid))


def question_data(run: Run, system: str, thumbnails: Thumbnails) -> Mapping[str, Any]:
    """Return the data of the template `questions.html`. Thumbnails are made worst question first, up to their budget.

    Of more than `MAX_CARDS` questions, some are shown, drawn evenly from the worst to the best.
    """
    cards = cards_of(run, system)
    filters = {
        "": "all questions",
        "missed": f"evidence not among the first {FOUND_SHOWN}",
        "later": "evidence not first",
        "first": "evidence first",
        "unanswerable": "no answer in the documents",
        "refusal": "refused wrongly, or answered wrongly",
    }
    if any(card.verdicts for card in cards):
        filters["judged"] = "not judged correct"
    shown = cards[:: max(1, -(-len(cards) // MAX_CARDS))]
    groups = {card.question.qid: list(_figure_groups(card, thumbnails)) for card in shown}
    return {"filters": filters, "cards": shown, "total": len(cards), "thumbnails": groups}


def _figure_groups(card: Card, thumbnails: Thumbnails) -> Iterator[FigureGroup]:
    """Yield the question's picture, the expected pages, and the pages found in each scope, as far as there are any."""
    if card.picture:
        name = card.picture.name
        css_class = thumbnails.css_class_of_file(card.picture)
        picture = Figure(css_class=css_class, name=name, placeholder=name, caption=name)
        yield FigureGroup("asked with", [picture])
    if card.relevant:
        found = {page for record in card.found.values() for page in record.ranked[:FOUND_SHOWN]}
        expected = card.relevant[:EXPECTED_SHOWN]
        figures = [
            _figure(page, _short_name(page), "right" if page in found else "missed", thumbnails) for page in expected
        ]
        more = f" ({len(card.relevant)} pages)" if len(card.relevant) > EXPECTED_SHOWN else ""
        yield FigureGroup(f"expected{more}", figures)
    for scope, record in card.found.items():
        figures = []
        for rank, page in enumerate(record.ranked[:FOUND_SHOWN], start=1):
            caption = f"{rank} · {_short_name(page, card.question)}"
            figures.append(_figure(page, caption, "right" if page in card.relevant else "", thumbnails))
        yield FigureGroup(f"found {SCOPE_DESCRIPTIONS.get(scope, scope)}", figures)


def _figure(page: PageRef, caption: str, kind: str, thumbnails: Thumbnails) -> Figure:
    return Figure(
        css_class=thumbnails.css_class(page),
        name=f"{page.path} p.{page.number}",
        placeholder=f"p.{page.number}",
        caption=caption,
        kind=kind,
    )


def _short_name(page: PageRef, question: Question | None = None) -> str:
    """Return `p.12`, with the document's name if the question is not about that document; for a photo its name."""
    path = PurePosixPath(page.path)
    if path.suffix.lower() in PHOTOS:
        return path.name
    foreign = question is not None and page.path not in question.documents
    return f"p.{page.number}{f' {path.name}' if foreign else ''}"
