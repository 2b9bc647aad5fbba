"""Finds what a follow-up question leaves to the conversation: the subject of the question before.

The new question's own words decide what is asked. The earlier ones give the subject: names, files and years, and where
a pronoun stands for it, the words that describe it. "and the year before?" after "What was the revenue in 2019?"
becomes "What was the revenue in 2018?". Also decides which picture of a conversation its last question is about.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pagelens.core.types import History
from pagelens.generate.extractive.constraints import YEAR, compiled, find_names
from pagelens.generate.extractive.languages.detection import detect_language
from pagelens.generate.extractive.languages.germanic import ENGLISH
from pagelens.generate.extractive.languages.question_language import QuestionLanguage
from pagelens.generate.extractive.question_analysis import describing_text

Picture = TypeVar("Picture")

_PICTURE = re.compile(
    r"\b(pictures?|photos?|photographs?|images?|screenshots?|scans?|pics?|bild(er|s|es)?|fotos?|aufnahme|imagen|"
    r"immagine|imagem|captura|afbeelding)\b|图片|照片|图像|画像|写真|スクリーンショット|사진|이미지",
    re.IGNORECASE,
)
_MAX_SUBJECTLESS_WORDS = 3  # a question of so few words names no subject
_EARLIER = re.compile(r"\b(year (before|earlier)|(previous|preceding|last|prior) year)\b", re.IGNORECASE)
_LATER = re.compile(r"\b(year (after|later)|(next|following) year)\b", re.IGNORECASE)
_BEGINS = re.compile(r"^\W*\w+")
_WORD = re.compile(r"[^\W_]+")
_FILE = re.compile(r"[\w-]+\.(?:pdf|docx?|xlsx?|pptx?|txt|md|csv|html?|eml)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StandaloneQuestion:
    """A question with the subject that it leaves to the conversation, "" if it names its own."""

    text: str
    subject: str = ""

    def __str__(self) -> str:
        """Return both in one line, to be searched with."""
        return f"{self.text} ({self.subject})" if self.subject else self.text


def standalone_question(question: str, history: History) -> StandaloneQuestion:
    """Return the question with its subject from earlier questions if it is a follow-up; else unchanged."""
    current = StandaloneQuestion("")
    for turn in [*(earlier for earlier, _ in history), question]:
        is_follow_up = bool(current.text) and _is_follow_up(turn)
        current = _combine(current, turn) if is_follow_up else StandaloneQuestion(turn)
    return current


def picture_of_last(questions: Sequence[tuple[str, Picture | None]]) -> Picture | None:
    """Return the picture that the last of a conversation's questions, oldest first, is about; None if about none.

    That is the question's own one. Else a follow-up is about the picture of the question before it, if there is one,
    and a question that names a picture is about the last one given.
    """
    current = last = None
    for question, picture in questions:
        if picture is not None:
            current = last = picture
        elif _PICTURE.search(question):
            current = last
        elif not _is_follow_up(question):
            current = None
    return current


def _language(question: str) -> QuestionLanguage:
    return detect_language(question) or ENGLISH


def _is_follow_up(question: str) -> bool:
    words = question.split()
    pattern = compiled(_language(question).follow_up)
    return pattern.search(" ".join(words)) is not None or len(words) <= _MAX_SUBJECTLESS_WORDS


def _combine(before: StandaloneQuestion, question: str) -> StandaloneQuestion:
    """Return the earlier question for another year or name if the follow-up gives no more, else the follow-up itself
    with the earlier question's subject."""
    language = _language(question)
    line = _stepped_year(" ".join(question.split()), str(before))
    names, years = list(find_names(line, language)), YEAR.findall(line)
    own = _own_words(line, names, language)
    if not own and years:
        return replace(before, text=_replaced(before.text, YEAR.findall(before.text), years[0]))
    if not own and names:
        return replace(before, text=_replaced(before.text, list(find_names(before.text, language)), names[0]))
    earlier = str(before)
    has_pronoun = compiled(language.follow_up).search(_BEGINS.sub("", line)) is not None
    kept = (
        _own_words(earlier, [], language) if has_pronoun else [*find_names(earlier, language), *_FILE.findall(earlier)]
    )
    subject = [*kept, *(years or YEAR.findall(earlier))]
    text = question if own else f"{before.text} {question}"
    return StandaloneQuestion(text, " ".join(dict.fromkeys(subject)))


def _stepped_year(question: str, before: str) -> str:
    """Return a question with "the year before" or "after" as a year, if the question before names one."""
    years = YEAR.findall(before)
    if len(years) == 1:
        question = _EARLIER.sub(str(int(years[0]) - 1), _LATER.sub(str(int(years[0]) + 1), question))
    return question


def _replaced(question: str, old: Sequence[str], new: str) -> str:
    """Return a question with its only year or name replaced; with the new one at its end if it has none or several."""
    if len(old) == 1:
        return question.replace(old[0], new)
    return f"{question.rstrip(' ?？')} {new}?"


def _own_words(question: str, names: Sequence[str], language: QuestionLanguage) -> list[str]:
    """Return the words of a question that are no function words, years, or parts of the names."""
    known = {*language.function_words, *" ".join(names).lower().split()}
    words = _WORD.findall(YEAR.sub(" ", question if language.spaced else describing_text(question, language)))
    return [word for word in dict.fromkeys(words) if word.lower() not in known]
