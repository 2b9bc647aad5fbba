"""The questions of a report: what was expected and what was found, page pictures side by side, the worst first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pagelens.core.types import CitationState, PageRef
from pagelens.evals.datasets.dataset import Question
from pagelens.evals.measures.ranking import first_rank
from pagelens.evals.report.parts import scope_words, text
from pagelens.evals.report.thumbnails import Thumbnails
from pagelens.evals.runs.judge import Verdict
from pagelens.evals.runs.records import AnswerRecord, CitedPage, SearchRecord
from pagelens.evals.runs.run_folder import Run

FOUND = 4  # pages found that are shown
EXPECTED = 4  # pages expected that are shown
TAGS = ("source", "doc_type", "question_type")  # breakdowns that a card shows
PHOTOS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".heic", ".gif", ".bmp"}  # of one page each
CARDS = 400  # questions in one report
CITATION_STATE_TEXT: Mapping[CitationState | None, str] = {
    None: "",
    "verified": " · stands on the page",
    "supported": " · seen in its picture only",
    "unverified": " · NOT found on the page",
}


@dataclass(frozen=True, slots=True)
class Card:
    """A question with what a system found for it in each scope."""

    question: Question
    relevant: Sequence[PageRef]
    found: Mapping[str, SearchRecord]  # scope -> ranking
    answers: Mapping[str, AnswerRecord]  # scope -> answer
    verdicts: Mapping[str, Verdict]  # scope -> the judge's
    picture: Path | None = None  # that is asked with

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
    def kinds(self) -> str:
        """Words that the page filters by."""
        kinds = [] if self.question.answerable else ["unanswerable"]
        ranks = list(self.ranks.values())
        if self.relevant:
            kinds.append("first" if all(rank == 1 for rank in ranks) else "later")
            kinds += ["missed"] if any(rank is None or rank > FOUND for rank in ranks) else []
        if any(record.found != self.question.answerable for record in self.answers.values()):
            kinds.append("refusal")
        if any(verdict.grade != "correct" for verdict in self.verdicts.values()):
            kinds.append("judged")
        return " ".join(kinds)


def cards_of(run: Run, system: str) -> list[Card]:
    """Return the questions that were asked, worst first."""
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
            cards.append(Card(question, relevant, found, answers, verdicts, picture))
    return sorted(cards, key=lambda card: (card.badness, card.question.qid))


def questions_html(cards: Sequence[Card], pictures: Thumbnails) -> str:
    """Return the questions with their tools; pictures are made in this order until their budget is spent."""
    step = max(1, -(-len(cards) // CARDS))
    shown = cards[::step]  # all of them, or evenly from the worst to the best
    body = "".join(_card_html(card, pictures) for card in shown)
    options = {
        "": "all questions",
        "missed": f"evidence not among the first {FOUND}",
        "later": "evidence not first",
        "first": "evidence first",
        "unanswerable": "no answer in the documents",
        "refusal": "refused wrongly, or answered wrongly",
    }
    if any(card.verdicts for card in cards):
        options["judged"] = "not judged correct"
    choices = "".join(f'<option value="{value}">{text(said)}</option>' for value, said in options.items())
    tools = (
        '<div class="tools"><input id="words" type="search" placeholder="words in a question, its answer or document" '
        f'aria-label="filter by words"><select id="kind" aria-label="filter by result">{choices}</select>'
        '<output id="said"></output></div>'
    )
    more = f"<p>{len(shown)} of {len(cards)}, evenly from the worst to the best; all are in the run's files.</p>"
    return tools + (more if step > 1 else "") + body


def _card_html(card: Card, pictures: Thumbnails) -> str:
    question = card.question
    words = " ".join([question.qid, question.title, *question.answers, *question.documents, *_tags(question)]).lower()
    sides = "".join(_sides(card, pictures))
    return (
        f'<article class="q" data-kind="{text(card.kinds)}" data-text="{text(words)}"><h4>{text(question.title)}</h4>'
        f'<div class="meta">{_chips(card)}{_about(card)}</div><div class="sides">{sides}</div>'
        f"{_answers_html(card)}</article>"
    )


def _tags(question: Question) -> list[str]:
    return [value for name in TAGS for value in question.groups.get(name, ())]


def _chips(card: Card) -> str:
    chips = []
    for scope, rank in card.ranks.items() if card.relevant else []:
        good = rank is not None and rank <= FOUND
        said = f"rank {rank}" if rank else "not found"
        chips.append(f'<span class="chip {"good" if good else "bad"}">{scope_words(scope)}: {said}</span>')
    for scope, verdict in card.verdicts.items():
        chips.append(_verdict_chip(verdict, f"{scope_words(scope)}: "))
    if not card.question.answerable:
        chips.append('<span class="chip">no answer in the documents</span>')
    elif not card.relevant:
        chips.append('<span class="chip">evidence not known</span>')
    return "".join(chips) + "".join(f'<span class="chip">{text(tag)}</span>' for tag in _tags(card.question))


def _about(card: Card) -> str:
    question = card.question
    expected = f" · expected: <b>{text(' / '.join(question.answers))}</b>" if question.answers else ""
    documents = f" · {text(', '.join(question.documents))}" if question.documents else ""
    return f"<div>{text(question.qid)}{documents}{expected}</div>"


def _sides(card: Card, pictures: Thumbnails) -> Iterable[str]:
    if card.picture:
        name = card.picture.name
        yield _side("asked with", [_shown(pictures.css_class_of_file(card.picture), name, name, name)])
    relevant = set(card.relevant)
    seen = {page for record in card.found.values() for page in record.ranked[:FOUND]}
    if card.relevant:
        figures = [
            _figure(page, _short(page), "right" if page in seen else "missed", pictures)
            for page in card.relevant[:EXPECTED]
        ]
        more = f" ({len(card.relevant)} pages)" if len(card.relevant) > EXPECTED else ""
        yield _side(f"expected{more}", figures)
    for scope, record in card.found.items():
        figures = []
        for rank, page in enumerate(record.ranked[:FOUND], start=1):
            figures.append(
                _figure(page, f"{rank} · {_short(page, card.question)}", "right" if page in relevant else "", pictures)
            )
        yield _side(f"found {scope_words(scope)}", figures or ["<figure>nothing</figure>"])


def _short(page: PageRef, question: Question | None = None) -> str:
    """Return `p.12`, with its document's name where the question is not asked of it; a photo's name."""
    name = PurePosixPath(page.path).name
    if PurePosixPath(page.path).suffix.lower() in PHOTOS:
        return name
    foreign = question is not None and page.path not in question.documents
    return f"p.{page.number}{f' {name}' if foreign else ''}"


def _side(title: str, figures: Sequence[str]) -> str:
    return f'<div class="side"><b>{title}</b><div class="strip">{"".join(figures)}</div></div>'


def _figure(page: PageRef, caption: str, kind: str, pictures: Thumbnails) -> str:
    return _shown(pictures.css_class(page), f"{page.path} p.{page.number}", f"p.{page.number}", caption, kind)


def _shown(style: str | None, name: str, instead: str, caption: str, kind: str = "") -> str:
    """Return a picture with its caption; words instead where there is no picture of it."""
    picture = (
        f'<span class="{style}" role="img" aria-label="{text(name)}"></span>'
        if style
        else f'<span class="none">{text(instead)}</span>'
    )
    return f'<figure class="{kind}" title="{text(name)}">{picture}<figcaption>{text(caption)}</figcaption></figure>'


def _answers_html(card: Card) -> str:
    parts = []
    for scope, record in card.answers.items():
        said = text(record.text) if record.text else "(nothing)"
        cited = "".join(map(_cited_html, record.citations))
        verb = "answered" if record.found else "refused" if record.refused else "no answer"
        notes = "".join(f"<p>{text(note)}</p>" for note in [*record.notes, *filter(None, [record.problem])])
        parts.append(
            f"<p><b>{verb}</b> {scope_words(scope)}, confidence {record.confidence:.2f}{_took(record)}</p>"
            f"<blockquote>{said}</blockquote>{_judged(card.verdicts.get(scope))}{cited}{notes}"
        )
    if not parts:
        return ""
    return f"<details><summary>answer and citations</summary>{''.join(parts)}</details>"


def _cited_html(one: CitedPage) -> str:
    quote = f"\n“{text(one.quote)}”" if one.quote else ""
    return f"<blockquote>{text(one.page.path)} p.{one.page.number}{CITATION_STATE_TEXT[one.state]}{quote}</blockquote>"


def _judged(verdict: Verdict | None) -> str:
    """Return what the judge says, where there is one."""
    if verdict is None:
        return ""
    return f"<p>{_verdict_chip(verdict)}{text(verdict.reason)}</p>"


def _verdict_chip(verdict: Verdict, where: str = "") -> str:
    style = {"correct": " good", "partly": "", "incorrect": " bad"}[verdict.grade]
    return f'<span class="chip{style}">{where}judged {verdict.grade}</span>'


def _took(record: AnswerRecord) -> str:
    """Return what a model's answer took, in words."""
    used = record.usage
    if used is None:
        return ""
    parts = [text(used.model), f"{used.seconds:.1f} s"]
    if used.input_tokens is not None and used.output_tokens is not None:
        parts.append(f"{used.input_tokens} + {used.output_tokens} tokens")
    parts += [f"cost {used.cost:.4f}"] if used.cost is not None else []
    return f" · {' · '.join(parts)}"
