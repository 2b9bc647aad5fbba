"""How pages are named in answers, what a refusal says, and text that is safe to print. Knows no question."""

import re
from collections.abc import Sequence

from pagelens.core.types import PageRef, ShownPage
from pagelens.generate.extractive.candidates import one_line

_ESCAPES = re.compile("(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|\x1b.?")
# C0 and C1 controls but for the newline, and the marks that turn the direction of what follows.
_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def page_name(ref: PageRef, label: str | None) -> str:
    """Return "Page 12 (printed iv)"."""
    printed = f" (printed {printable(label)})" if label and label != str(ref.number) else ""
    return f"Page {ref.number}{printed}"


def refusal(pages: Sequence[ShownPage]) -> str:
    """Say that the pages do not answer, and which they were."""
    if not pages:
        return "Not in these documents. No page was found to look at."
    numbers: dict[str, list[int]] = {}
    for page in pages:
        numbers.setdefault(page.ref.path, []).append(page.ref.number)
    looked = "; ".join(
        f"{printable(path.rpartition('/')[2])} p.{', '.join(map(str, sorted(found)))}"
        for path, found in numbers.items()
    )
    unread = "" if any(len(page.text.spans) for page in pages) else " None of them holds text that could be read."
    return f"Not in these documents. What was looked at: {looked}.{unread}"


def printable(text: str) -> str:
    """Return the text in one line without terminal escapes, control characters and marks that turn its direction."""
    return one_line(_CONTROLS.sub("", _ESCAPES.sub("", text.replace("\t", " "))))
