"""Rewrites a follow-up question into a standalone one, with English rules.

"and the year before?" after "What was the revenue in 2019?" becomes "What was the revenue in 2018?". Also decides which
picture of a conversation its last question is about.
"""

import re
from collections.abc import Sequence
from typing import TypeVar

from pagelens.core.types import History

Picture = TypeVar("Picture")

# Matched against questions whose white space is single blanks: runs of it would take time by their length squared.
_FOLLOW_UP = re.compile(
    r"^(and|but|or|so|then|also|ok(ay)?|what about|how about|what of|same)\b"
    r"|\b(it|its|they|them|their|theirs|he|him|his|she|her|hers|that|those|these|this|former|latter|there)\b"
    r"|\b(year|month|quarter|page|one) (before|after|earlier|later)\b"
    r"|\b(previous|preceding|following|next|last|other|another|same) (year|one|ones|page)\b"
    r"|\b(instead|else|more) ?\?? ?$",
    re.IGNORECASE,
)
_PICTURE = re.compile(
    r"\b(pictures?|photos?|photographs?|images?|screenshots?|scans?|pics?|bild(er|s|es)?|fotos?|aufnahme|imagen|"
    r"immagine|imagem|captura|afbeelding)\b|图片|照片|图像|画像|写真|スクリーンショット|사진|이미지",
    re.IGNORECASE,
)
_MAX_SUBJECTLESS_WORDS = 3  # a question of so few words names no subject
_YEAR = re.compile(r"(?<![\d.,-])(1[5-9]\d\d|20\d\d)(?![\d-]|[.,]\d)")
_EARLIER = re.compile(r"\b(year (before|earlier)|(previous|preceding|last|prior) year)\b", re.IGNORECASE)
_LATER = re.compile(r"\b(year (after|later)|(next|following) year)\b", re.IGNORECASE)
_EMPTY = re.compile(
    r"[\s,.?!]|\b(and|but|or|so|then|also|ok(ay)?|what|how|about|of|was|were|is|it|that|in|for|the|a)\b", re.IGNORECASE
)


def standalone_question(question: str, history: History) -> str:
    """Return the question with its subject from earlier questions if it is a follow-up; else unchanged."""
    subject = ""
    for current in [*(earlier for earlier, _ in history), question]:
        subject = _combine(subject, current) if subject and _is_follow_up(current) else current
    return subject


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


def _is_follow_up(question: str) -> bool:
    words = question.split()
    return _FOLLOW_UP.search(" ".join(words)) is not None or len(words) <= _MAX_SUBJECTLESS_WORDS


def _combine(before: str, question: str) -> str:
    """Return the earlier question for another year if the follow-up asks for no more than that, else both questions."""
    years = _YEAR.findall(before)
    named, single_spaced = _YEAR.findall(question), " ".join(question.split())
    if len(years) == 1:
        year = int(years[0])
        if len(named) == 1 and not _EMPTY.sub("", _YEAR.sub("", question)):
            return _YEAR.sub(named[0], before)
        for step, words in ((-1, _EARLIER), (1, _LATER)):
            if words.search(single_spaced) and not _EMPTY.sub("", words.sub("", single_spaced)):
                return _YEAR.sub(str(year + step), before)
    return f"{before} {question}"
