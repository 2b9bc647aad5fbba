"""What a person sees of an answer: while it comes, then whole, with where each of its marks points."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.live import Live
from rich.text import Text

from pagelens.api.cli.terminal import count_noun, distinct_file_names, err, one_line, out, page_link, print_indented
from pagelens.api.engine.file_names import printable
from pagelens.core.types import Answer, AnswerEvent, Citation, Extraction, PageRef, Usage


def read_questions(first: str) -> Iterator[str]:
    """Yield questions, the first one given, then one for each line typed, until an empty one or the input's end."""
    if first.strip():
        yield first
    while True:
        try:
            line = input("? " if sys.stdin.isatty() else "")
        except EOFError:
            return
        if not line.strip():
            return
        yield line


@contextmanager
def live_answer() -> Iterator[Callable[[Iterable[AnswerEvent]], Answer]]:
    """Show an answer while it comes, where there is a terminal; what is to be kept is printed when it is whole, its
    notes at its head."""
    if not err.is_terminal:
        yield _whole
        return
    with Live(console=err, transient=True, refresh_per_second=8) as live:

        def show(events: Iterable[AnswerEvent]) -> Answer:
            text = ""

            def watched() -> Iterator[AnswerEvent]:
                nonlocal text
                for event in events:
                    text += event if isinstance(event, str) else ""
                    live.update(Text(printable(text) if text else "reading the pages …", style="dim"))
                    yield event

            live.update(Text("looking for pages …", style="dim"))
            return _whole(watched())

        yield show


def _whole(events: Iterable[AnswerEvent]) -> Answer:
    *_, answer = events
    assert isinstance(answer, Answer)
    return answer


def print_answer(answer: Answer) -> None:
    """Print an answer, what a reader must know of it first, and where each of its marks points."""
    for note in answer.notes:
        out.print(Text(printable(note), style="yellow"), soft_wrap=not out.is_terminal)
    out.print(Text(printable(answer.text)), soft_wrap=not out.is_terminal)
    if answer.citations:
        out.print()
    names = distinct_file_names([citation.ref.path for citation in answer.citations])
    for ref, citations in citations_by_page(answer).items():
        link = page_link(ref, citations[0].label, names[ref.path])
        read = Text("   read by OCR", style="dim") if citations[0].source == "ocr" else Text()
        out.print(Text(f"[{citations[0].mark}] ").append_text(link).append_text(read), soft_wrap=True)
        for citation in citations:
            quoted = Text(f"“{one_line(citation.quote)}”" if citation.quote else one_line(citation.claim), style="dim")
            print_indented(quoted.append(_STATES.get(citation.state or "verified", ""), style="yellow"))
    if answer.usage is not None:
        out.print(Text(_usage(answer.usage), style="dim"), soft_wrap=True)


def print_extraction(extraction: Extraction) -> None:
    """Print the values as JSON on standard output, and where each stands on standard error."""
    print(json.dumps(extraction.data, ensure_ascii=False, indent=2))
    names = distinct_file_names(one.ref.path for one in extraction.citations.values())
    for note in extraction.notes:
        err.print(Text(printable(note), style="yellow"), soft_wrap=True)
    for pointer, one in extraction.citations.items():
        where = Text(f"{printable(pointer)}: ").append_text(page_link(one.ref, one.label, names[one.ref.path]))
        err.print(where.append(_STATES.get(one.state or "verified", ""), style="yellow"), soft_wrap=True)
    if extraction.usage is not None:
        err.print(Text(_usage(extraction.usage), style="dim"), soft_wrap=True)


_STATES = {"supported": "   (seen in the picture only)", "unverified": "   (not confirmed on this page)"}


def _usage(usage: Usage) -> str:
    """Return "model: 6 pages (4 pictures), 5,120 + 80 tokens, 3.1 s"."""
    pictures = f" ({count_noun(usage.pictures, 'picture')})" if usage.pictures else ""
    read = usage.estimated_tokens if usage.input_tokens is None else usage.input_tokens
    about = "about " if usage.input_tokens is None else ""
    written = f" + {usage.output_tokens:,}" if usage.output_tokens is not None else ""
    cost = f", cost {usage.cost:.4f}" if usage.cost is not None else ""
    pages = f"{count_noun(usage.pages, 'page')}{pictures}"
    return f"{printable(usage.model)}: {pages}, {about}{read:,}{written} tokens, {usage.seconds:.1f} s{cost}"


def citations_by_page(answer: Answer) -> dict[PageRef, list[Citation]]:
    """Return an answer's citations by page, in order of their marks."""
    pages: dict[PageRef, list[Citation]] = {}
    for citation in answer.citations:
        pages.setdefault(citation.ref, []).append(citation)
    return pages
