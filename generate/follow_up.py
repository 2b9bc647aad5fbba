"""A question that goes on with a conversation, as one that stands by itself. Reads English; knows no page and no model.

What a follow-up leaves out stands in the question before it: "and the year before?" after "What was the revenue in
2019?" asks what the revenue was in 2018.
"""

import re

from pagelens.core.types import History

_GOES_ON = re.compile(
    r"\s*(and|but|or|so|then|also|ok(ay)?|what about|how about|what of|same)\b"
    r"|\b(it|its|they|them|their|theirs|he|him|his|she|her|hers|that|those|these|this|former|latter|there)\b"
    r"|\b(the\s+)?(year|month|quarter|page|one)\s+(before|after|earlier|later)\b"
    r"|\b(previous|preceding|following|next|last|other|another|same)\s+(year|one|ones|page)\b"
    r"|\b(instead|else|more)\s*\??\s*$",
    re.IGNORECASE,
)
_SHORT = 3  # words: so few name no subject
_YEAR = re.compile(r"(?<![\d.,-])(1[5-9]\d\d|20\d\d)(?![\d-]|[.,]\d)")
_EARLIER = re.compile(r"\b(year\s+(before|earlier)|(previous|preceding|last|prior)\s+year)\b", re.IGNORECASE)
_LATER = re.compile(r"\b(year\s+(after|later)|(next|following)\s+year)\b", re.IGNORECASE)
_EMPTY = re.compile(
    r"[\s,.?!]|\b(and|but|or|so|then|also|ok(ay)?|what|how|about|of|was|were|is|it|that|in|for|the|a)\b", re.IGNORECASE
)


def standalone_question(question: str, history: History) -> str:
    """Return the question with what it leaves to the conversation; as it is where it leaves nothing."""
    subject = ""
    for asked in [*(earlier for earlier, _ in history), question]:
        subject = _joined(subject, asked) if subject and _leans(asked) else asked
    return subject


def _leans(question: str) -> bool:
    return _GOES_ON.search(question) is not None or len(question.split()) <= _SHORT


def _joined(before: str, question: str) -> str:
    """Return the earlier question moved to another year where that is all that is asked, else both."""
    years = _YEAR.findall(before)
    named = _YEAR.findall(question)
    if len(years) == 1:
        year = int(years[0])
        if len(named) == 1 and not _EMPTY.sub("", _YEAR.sub("", question)):
            return _YEAR.sub(named[0], before)
        for step, words in ((-1, _EARLIER), (1, _LATER)):
            if words.search(question) and not _EMPTY.sub("", words.sub("", question)):
                return _YEAR.sub(str(year + step), before)
    return f"{before} {question}"
