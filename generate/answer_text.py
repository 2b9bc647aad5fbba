"""Text of answers: names of pages, the text of a "not found", and text made safe to print in a terminal."""

import re
from collections.abc import Sequence

from pagelens.core.types import Answer, ContextPage, PageRef
from pagelens.core.word_breaks import join_cjk_lines

_ESCAPES = re.compile("(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|\x1b.?")
# C0 and C1 controls except the newline, and the marks that change the direction of the text after them.
_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def page_name(ref: PageRef, label: str | None) -> str:
    """Return "Page 12 (printed iv)" or "Page 2 (sheet Budget, row 4)": the label only if it says more."""
    described = label_text(ref, label)
    return f"Page {ref.number} ({described})" if described else f"Page {ref.number}"


def label_text(ref: PageRef, label: str | None) -> str:
    """Return a page's label safe to print, "" where it is the page's number.

    A label of several words says where the page is ("sheet Budget, row 4"); others are printed on it ("printed iv").
    """
    if not label or label == str(ref.number):
        return ""
    return printable(label) if " " in label else f"printed {printable(label)}"


def confidence_text(answer: Answer) -> str:
    """Return "Confidence 62%: the quote names 2019"."""
    return f"Confidence {answer.confidence:.0%}: {answer.reason}"


def closest_text(quotes: str, reason: str, *, is_absent: bool) -> str:
    """Return the text of an answer that only quotes passages that are near, with the reason why they are perhaps none.

    `quotes` are the passages with their marks. `is_absent`: something that the question names is on no page.
    """
    if is_absent:
        return f"Not in these documents: {reason}. Closest passages, perhaps no answer:\n\n{quotes}"
    return f"Closest passages, perhaps no answer ({reason}):\n\n{quotes}"


def not_found_text(pages: Sequence[ContextPage], reason: str = "") -> str:
    """Return the text of an answer that the pages do not give, with the reason and the pages that were read."""
    absent = f"Not in these documents{': ' if reason else ''}{reason}."
    if not pages:
        return f"{absent} No page was found to look at."
    numbers: dict[str, list[int]] = {}
    for page in pages:
        numbers.setdefault(page.ref.path, []).append(page.ref.number)
    names = "; ".join(
        f"{printable(path.rpartition('/')[2])} p.{', '.join(map(str, sorted(of_path)))}"
        for path, of_path in numbers.items()
    )
    unreadable = "" if any(len(page.text.spans) for page in pages) else " None of them holds text that could be read."
    return f"{absent} What was looked at: {names}.{unreadable}"


def printable(text: str) -> str:
    """Return the text in one line without terminal escapes, control characters and text direction marks."""
    return one_line(_CONTROLS.sub("", _ESCAPES.sub("", text.replace("\t", " "))))


def one_line(text: str) -> str:
    """Return the text with each run of white space replaced by one blank, line ends of Chinese or Japanese by none."""
    return " ".join(join_cjk_lines(text).split())
