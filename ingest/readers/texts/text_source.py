"""What a text file says, as markup that MuPDF lays out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Literal

from pagelens.core.types import Metadata
from pagelens.ingest.text.decoding import DecodedText

MarkupType = Literal["txt", "md", "html"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSource:
    """What a text file says, as markup."""

    markup: str
    markup_type: MarkupType = "html"
    title: str = ""  # as stated in the file
    shows_title: bool = False  # whether the largest type on page 1 may be the title
    date: datetime | None = None
    facts: Metadata = field(default_factory=dict)
    problem: str = ""  # of every page
    doubt: str = ""  # of each page with characters outside ASCII: the encoding is a guess, or some are lost


def from_decoded(
    decoded: DecodedText, markup: str, markup_type: MarkupType = "html", *, shows_title: bool = False, problem: str = ""
) -> TextSource:
    """Return a source with what is known of its encoding."""
    facts = {} if decoded.encoding == "UTF-8" else {"encoding": decoded.encoding}
    return TextSource(
        markup=markup,
        markup_type=markup_type,
        shows_title=shows_title,
        facts=facts,
        problem=problem,
        doubt=decoded.problem,
    )


def paragraphs(lines: Iterable[str]) -> str:
    """Return HTML with a paragraph for each line."""
    return "\n".join(f"<p>{escape(line, quote=False)}</p>" for line in lines if line.strip())
