"""Printing of answers for people: while they are generated, then the whole with its citations."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.live import Live
from rich.text import Text

from pagelens.api.cli.search_output import print_steps
from pagelens.api.cli.terminal import (
    count_noun,
    distinct_file_names,
    err,
    one_line,
    out,
    page_link,
    print_indented,
    print_missing_lanes,
)
from pagelens.api.engine.file_names import printable
from pagelens.core.types import Answer, AnswerEvent, AnswerStep, Citation, Extraction, PageRef, SearchStep, Usage
from pagelens.generate.answer_text import confidence_text
from pagelens.generate.llm.estimates import Estimate


def read_questions(first: str) -> Iterator[str]:
    """Yield `first`, then each line of standard input, until an empty line or the end of the input."""
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
    """Yield a function that reads an answer's events and returns the answer; in a terminal it shows the text meanwhile.

    The text shown is erased at the end: `print_answer` prints the answer, its notes first.
    """
    if not err.is_terminal:
        yield _final_answer
        return
    with Live(console=err, transient=True, refresh_per_second=8) as live:

        def show(events: Iterable[AnswerEvent]) -> Answer:
            text = ""

            def with_display() -> Iterator[AnswerEvent]:
                nonlocal text
                for event in events:
                    text += event if isinstance(event, str) else ""
                    live.update(Text(printable(text) or _waited_for(event), style="dim"))
                    yield event

            return _final_answer(with_display())

        yield show


def _waited_for(event: AnswerEvent) -> str:
    """Return what is waited for while there is no text."""
    match event:
        case AnswerStep(search=SearchStep() as search):
            return f"searched for {printable(search.text)} …"
        case AnswerStep(stage="searching"):
            return "looking for pages …"
        case AnswerStep(pages=pages) if pages:
            return f"reading {pages} page{'' if pages == 1 else 's'} …"
    return "reading the pages …"


def _final_answer(events: Iterable[AnswerEvent]) -> Answer:
    """Return the last event, which is the answer."""
    *_, answer = events
    assert isinstance(answer, Answer)
    return answer


def print_answer(answer: Answer) -> None:
    """Print an answer's notes, its text, and the page and quote of each citation."""
    print_missing_lanes(answer.missing, out)
    for note in answer.notes:
        out.print(Text(printable(note), style="yellow"), soft_wrap=not out.is_terminal)
    print_steps(answer.steps)
    style = "yellow" if answer.found == "closest" else ""
    out.print(Text(printable(answer.text), style=style), soft_wrap=not out.is_terminal)
    if answer.found and answer.reason:
        out.print(Text(printable(confidence_text(answer)), style="dim"), soft_wrap=not out.is_terminal)
    if answer.citations:
        out.print()
    names = distinct_file_names([citation.ref.path for citation in answer.citations])
    for ref, citations in citations_by_page(answer).items():
        link = page_link(ref, citations[0].label, names[ref.path])
        read = Text("   read by OCR", style="dim") if citations[0].source == "ocr" else Text()
        out.print(Text(f"[{citations[0].mark}] ").append_text(link).append_text(read), soft_wrap=True)
        for citation in citations:
            quoted = Text(f"“{one_line(citation.quote)}”" if citation.quote else one_line(citation.claim), style="dim")
            print_indented(quoted.append(_STATES.get(citation.state or "quoted", ""), style="yellow"))
    if answer.usage is not None:
        out.print(Text(_usage(answer.usage), style="dim"), soft_wrap=True)


def print_extraction(extraction: Extraction) -> None:
    """Print the values as JSON on standard output, and the page of each on standard error."""
    print(json.dumps(extraction.data, ensure_ascii=False, indent=2))
    names = distinct_file_names(citation.ref.path for citation in extraction.citations.values())
    print_missing_lanes(extraction.missing, err)
    for note in extraction.notes:
        err.print(Text(printable(note), style="yellow"), soft_wrap=True)
    for pointer, citation in extraction.citations.items():
        link = page_link(citation.ref, citation.label, names[citation.ref.path])
        line = Text(f"{printable(pointer)}: ").append_text(link)
        err.print(line.append(_STATES.get(citation.state or "quoted", ""), style="yellow"), soft_wrap=True)
    if extraction.usage is not None:
        err.print(Text(_usage(extraction.usage), style="dim"), soft_wrap=True)


_STATES = {
    "supported": "   (supported)",
    "image-only": "   (seen in the picture only)",
    "unconfirmed": "   (not confirmed on this page)",
}


def _usage(usage: Usage) -> str:
    """Return "model: 6 pages (4 pictures), 5,120 + 80 tokens, 3.1 s"."""
    pictures = f" ({count_noun(usage.pictures, 'picture')})" if usage.pictures else ""
    read = usage.estimated_tokens if usage.input_tokens is None else usage.input_tokens
    about = "about " if usage.input_tokens is None else ""
    written = f" + {usage.output_tokens:,}" if usage.output_tokens is not None else ""
    cost = f", cost {usage.cost:.4f}" if usage.cost is not None else ""
    pages = f"{count_noun(usage.pages, 'page')}{pictures}"
    return f"{printable(usage.model)}: {pages}, {about}{read:,}{written} tokens, {usage.seconds:.1f} s{cost}"


def print_estimate(estimate: Estimate) -> None:
    """Print "1 call of gpt-4o: about 8,120 tokens sent (6 images) and 100 received, about 0.0213 at your prices"."""
    cost = "no prices in PAGELENS_LLM_PRICES" if estimate.cost is None else f"about {estimate.cost:.4f} at your prices"
    line = (
        f"{count_noun(estimate.calls, 'call')} of {printable(estimate.model)}: about {estimate.input_tokens:,} tokens "
        f"sent ({count_noun(estimate.images, 'image')}) and {estimate.output_tokens:,} received, {cost}."
    )
    out.print(Text(" ".join([line, estimate.note]).strip()), soft_wrap=True)


def citations_by_page(answer: Answer) -> dict[PageRef, list[Citation]]:
    """Group an answer's citations by page, in the order of their marks."""
    pages: dict[PageRef, list[Citation]] = {}
    for citation in answer.citations:
        pages.setdefault(citation.ref, []).append(citation)
    return pages
