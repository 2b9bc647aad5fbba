"""What may be quoted from a page: its sentences, and lead-ins together with the items they announce.

Knows a page's text; does not know the question.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.types import PageText
from generate.lines import is_bullet, is_marker
from generate.sentences import MAX_WORDS, Sentence, split_sentences


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span of a page that may be quoted, its text in one line, and the heading it stands under."""

    start: int
    end: int
    text: str
    heading: str  # what stands above it: the section's heading, and a label or question on the line before
    lead: str = ""  # where a list stands with the line that announces it: that line


def one_line(text: str) -> str:
    """Return the text with every run of blanks and line breaks as one blank."""
    return " ".join(text.split())


def find_candidates(text: PageText) -> list[Candidate]:
    """Return what may be quoted from a page, in order. Lead-ins stand there alone and with what they announce."""
    sentences = [one for one in split_sentences(text) if any(map(str.isalnum, text.text[one.start : one.end]))]
    found: list[Candidate] = []
    section = above = ""  # the last heading; the line just above, where it is a label or a question
    for index, sentence in enumerate(sentences):
        context = section if above in section else f"{section} {above}".strip()
        line = one_line(text.text[sentence.start : sentence.end])
        for last in sorted({index, _announced(text, sentences, index)}):
            end = sentences[last].end
            start = _after_bullet(text, sentence)
            lead = line if last > index else ""
            found.append(Candidate(start, end, one_line(text.text[start:end]), context, lead))
        if sentence.shape != "row" or not any(map(str.isdigit, line)):  # a row without numbers heads a table
            above = line if sentence.shape != "sentence" or line.endswith(("?", ":")) else ""
        section = line if sentence.shape == "heading" else section
    return found


def _after_bullet(text: PageText, sentence: Sentence) -> int:
    bullet, *rest = text.text[sentence.start : sentence.end].split(maxsplit=1)
    return sentence.end - len(rest[0]) if rest and is_bullet(bullet) else sentence.start


def _announced(text: PageText, sentences: Sequence[Sentence], index: int) -> int:
    """Return the last unit of what a lead-in announces: the items under a heading, what follows a colon; else `index`.

    A colon announces the next unit whatever it is, and after it items, and what a comma or a semicolon goes on to.
    """
    lead = sentences[index]
    before = text.text[lead.start : lead.end]
    if lead.shape != "heading" and not before.endswith(":"):
        return index
    words = len(before.split())
    last = index
    for sentence in sentences[index + 1 :]:
        part = text.text[sentence.start : sentence.end]
        words += len(part.split())
        itemised = sentence.shape in ("item", "row") or is_marker(part.split()[0]) or before.endswith((":", ",", ";"))
        if sentence.shape == "heading" or not itemised or words > MAX_WORDS:
            break
        last, before = last + 1, part
    return last
