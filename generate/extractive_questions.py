"""Drafts questions from the sentences of a page, without a model.

A sentence that states a number, a year or a definition becomes a question in which that part is replaced by an
interrogative ("Timber grew to how many tonnes in 2024?"). Such questions repeat the page's words, so they favour
lexical search.
"""

import re
from typing import NamedTuple

from pagelens.core.types import PageRef, PageText
from pagelens.generate.sentences import split_sentences


class Draft(NamedTuple):
    """A question that a page answers, its answer, and the words of the page that contain the answer."""

    kind: str  # year, share, money, count, what; model
    question: str
    answer: str
    quote: str


WORDS = range(8, 36)  # how many words a sentence must have

_YEAR = re.compile(r"\b(in|since|by|until|during) ((?:19|20)\d\d)\b(?!\s*[-–/])")
_SHARE = re.compile(r"(?<![\w.,])\d[\d.,]*\s?(?:%|per ?cent\b)")
_MONEY = re.compile(r"(?:US\$|[$€£])\s?\d[\d.,]*(?:\s(?:million|billion|thousand|trillion))?")
_COUNT = re.compile(
    r"(?<![\w.,$€£#-])(?!(?:19|20)\d\d\b)(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)"
    r"(?= [a-z]{3,})(?!\s(?:of|and|to|in|or|the)\b)"
)
NUMBERS = (
    ("share", _SHARE, "what percentage"),
    ("money", _MONEY, "how much money"),
    ("count", _COUNT, "how many"),
)
_IS = re.compile(r"^(?P<subject>(?:The |An? )?[A-Z][\w'’ -]{2,50}?) (?P<verb>is|was) (?P<rest>(?:an?|the) .{15,})$")


def extractive_question(_ref: PageRef, text: PageText) -> Draft | None:
    """Return a question from the sentence with the most names; None if no sentence can become a question."""
    drafts = []
    for sentence in split_sentences(text):
        quote = " ".join(text.text[sentence.start : sentence.end].split())
        draft = question_from_sentence(quote) if sentence.shape == "sentence" else None
        if draft:
            names = len(
                re.findall(r"(?<=\s)[A-Z][a-z]+", quote)
            )  # names make a question understandable without its page
            drafts.append((names, Draft(*draft, quote)))
    return max(drafts, key=lambda scored: scored[0])[1] if drafts else None


def question_from_sentence(sentence: str) -> tuple[str, str, str] | None:
    """Return (kind, question, answer) for a sentence; None if it states nothing that can be asked."""
    text = " ".join(sentence.split())
    if len(text.split()) not in WORDS or not text[0].isupper() or not text.endswith((".", "。")):
        return None
    body = text.rstrip(".。 ")
    for kind, pattern, interrogative in NUMBERS:
        if len(matches := list(pattern.finditer(body))) == 1:
            start, end = matches[0].span()
            return kind, _as_question(body[:start] + interrogative + body[end:]), matches[0].group()
    if len(matches := list(_YEAR.finditer(body))) == 1:
        start, end = matches[0].span(2)
        return "year", _as_question(f"{body[:start]}which year{body[end:]}"), matches[0][2]
    definition = _IS.match(body)
    if definition and definition["subject"].lower() not in ("this", "that", "it", "there", "he", "she"):
        subject = re.sub(r"^(The|An?) ", lambda article: article[0].lower(), definition["subject"])
        return "what", f"What {definition['verb']} {subject}?", definition["rest"]
    return None


def _as_question(text: str) -> str:
    return text[0].upper() + text[1:] + "?"
