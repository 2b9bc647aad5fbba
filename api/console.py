"""What a person sees in a terminal: tables, answers, progress. Nothing here decides anything."""

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from api import results
from api.indexing import OnProgress
from api.names import printable, text_to_path
from api.reembedding import ReembedReport
from core.types import Answer, AnswerEvent, Citation, Extraction, LaneRank, PageRef, Usage
from index.words import analyze
from ingest.office_program import NEEDS_OFFICE

LISTED = 10  # failures and skipped files named before the rest is counted
LISTED_ALIKE = 3
NEIGHBOUR_LETTERS = 200  # of a neighbouring page
LOG_SECONDS = 5.0  # between two lines of progress where there is no terminal

_LEADERS = re.compile(r"(?:[.·_]\s*){5,}")

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


def shown(path: str) -> str:
    """Return a path as people would type it here: relative when that is shorter."""
    try:
        relative = str(text_to_path(path).relative_to(Path.cwd()))
    except ValueError:
        return printable(path)
    return printable(relative)


def file_names(paths: Iterable[str]) -> dict[str, str]:
    """Return the file name of each path, with as much of its folders as tells it from the others."""
    names: dict[str, str] = {}
    pending = dict.fromkeys(paths, 1)
    while pending:
        tails = {path: "/".join(Path(path).parts[-parts:]) for path, parts in pending.items()}
        taken = Counter([*tails.values(), *names.values()])
        names.update({path: tail for path, tail in tails.items() if taken[tail] == 1 or tail == path})
        pending = {path: parts + 1 for path, parts in pending.items() if path not in names}
    return {path: printable(name) for path, name in names.items()}


def page_name(ref: PageRef, label: str | None, name: str) -> str:
    """Return `report.pdf p.12 (printed iv)`."""
    printed = f" (printed {printable(label)})" if label and label != str(ref.number) else ""
    return f"{name} p.{ref.number}{printed}"


def page_link(ref: PageRef, label: str | None, name: str) -> Text:
    """Return the page's name; in a terminal that can, a click opens the file at that page."""
    target = f"file://{quote(ref.path)}#page={ref.number}"
    return Text(page_name(ref, label, name), style=f"bold link {target}" if out.is_terminal else "bold")


def print_results(found: results.SearchResults) -> None:
    """Print the hits: the page, how each lane ranked it, and the words it was found by."""
    if found.heard:
        out.print(Text(f"heard: {', '.join(printable(one) for one in found.heard)}", style="dim"))
    for lane, reason in found.missing.items():
        out.print(Text(f"without the {lane} lane: {printable(reason)}", style="yellow"), soft_wrap=True)
    if not found.pages_searched:
        out.print("No page was searched: the collection is empty, or no document is what the filters ask for.")
        return
    if not found.hits:
        out.print("No page has anything to do with that. Fewer or other words may help.")
        return
    asked = set(analyze(found.query))
    names = file_names([hit.ref.path for hit in found.hits])
    for rank, hit in enumerate(found.hits, start=1):
        line = Text(f"{rank:2}  ").append_text(page_link(hit.ref, hit.label, names[hit.ref.path]))
        out.print(line.append(f"   {_lanes(hit.lanes, hit.named)}{_source(hit)}", style="dim"), soft_wrap=True)
        quotes = [_marked(one.quote, asked) for one in hit.evidence if one.quote]
        _print_indented(Text(" … ").join(quotes or [Text(_without_words(hit), style="dim")]))
        crossed = _crossed(hit, names[hit.ref.path])
        if crossed:
            _print_indented(Text(crossed, style="dim"))
        if hit.like:
            others = ", ".join(page_name(ref, None, shown(ref.path)) for ref in hit.like[:LISTED_ALIKE])
            _print_indented(Text(f"+{len(hit.like)} like it: {others}", style="dim"))
        for page in hit.neighbours:
            beside = page_name(page.ref, page.label, names[page.ref.path])
            _print_indented(Text(f"{beside}: {one_line(page.text)[:NEIGHBOUR_LETTERS]}", style="dim"))
    estimated = {hit.ref.path for hit in found.hits if hit.estimated}
    if estimated:
        said = ", ".join(names[path] for path in sorted(estimated))
        out.print(Text(f"Estimated page numbers, since the format has no pages of its own: {said}", style="dim"))
    if any(lane in hit.lanes for lane in found.approximate for hit in found.hits):
        out.print(Text(_APPROXIMATE, style="dim"), soft_wrap=True)


def _crossed(hit: results.FoundPage, name: str) -> str:
    """Say on which pages the words begin and go on that a page was found by."""
    before = f"begins on {page_name(hit.comes_from, None, name)}" if hit.comes_from else ""
    after = f"goes on on {page_name(hit.goes_on, None, name)}" if hit.goes_on else ""
    return ", ".join(filter(None, [before, after]))


_APPROXIMATE = (
    "The image lane is approximate here: it knows 1,000 kinds of things, no actions, colours or places, and always "
    "finds something. CLIP knows more: pagelens models"
)


def _without_words(hit: results.FoundPage) -> str:
    """Say what is to be seen where there is nothing to quote."""
    if hit.guesses:
        return (
            "looks like " + ", ".join(f"{guess.label} {guess.belief:.0%}" for guess in hit.guesses) + " (approximate)"
        )
    return "(found by its picture)" if {"image", "looks", "page"} & set(hit.lanes) else "(no words on it)"


def _print_indented(text: Text) -> None:
    """Print a text below what it belongs to: folded in a terminal, one line for `grep` elsewhere."""
    if out.is_terminal:
        out.print(Padding(text, (0, 0, 0, 4)))
    else:
        out.print(Text("    ").append_text(text), soft_wrap=True)


def _marked(quote_text: str, asked: Set[str]) -> Text:
    """Return a quote on one line, the words that the query holds in bold."""
    words = [Text(word, style="bold" if asked & set(analyze(word)) else "") for word in one_line(quote_text).split()]
    return Text(" ").join(words)


def _lanes(lanes: Mapping[str, LaneRank], named: bool) -> str:
    places = [f"{name} {place.rank}" for name, place in sorted(lanes.items(), key=lambda item: item[1].rank)]
    return ", ".join((["named"] if named else []) + places)


def _source(hit: results.FoundPage) -> str:
    """Say where the words come from, where that is not the file's own text."""
    if hit.source not in ("ocr", "both"):
        return ""
    sure = f" {hit.confidence:.0%}" if hit.confidence is not None else ""
    return f"; read by OCR{sure}" if hit.source == "ocr" else f"; partly read by OCR{sure}"


def questions(first: str) -> Iterator[str]:
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
def answering() -> Iterator[Callable[[Iterable[AnswerEvent]], Answer]]:
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
    names = file_names([citation.ref.path for citation in answer.citations])
    for ref, citations in citations_of(answer).items():
        link = page_link(ref, citations[0].label, names[ref.path])
        read = Text("   read by OCR", style="dim") if citations[0].source == "ocr" else Text()
        out.print(Text(f"[{citations[0].mark}] ").append_text(link).append_text(read), soft_wrap=True)
        for citation in citations:
            quoted = Text(f"“{one_line(citation.quote)}”" if citation.quote else one_line(citation.claim), style="dim")
            _print_indented(quoted.append(_STATES.get(citation.state or "verified", ""), style="yellow"))
    if answer.usage is not None:
        out.print(Text(_usage(answer.usage), style="dim"), soft_wrap=True)


def print_extraction(extraction: Extraction) -> None:
    """Print the values as JSON on standard output, and where each stands on standard error."""
    print(json.dumps(extraction.data, ensure_ascii=False, indent=2))
    names = file_names(one.ref.path for one in extraction.citations.values())
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
    pictures = f" ({_count(usage.pictures, 'picture')})" if usage.pictures else ""
    read = usage.estimated_tokens if usage.input_tokens is None else usage.input_tokens
    about = "about " if usage.input_tokens is None else ""
    written = f" + {usage.output_tokens:,}" if usage.output_tokens is not None else ""
    cost = f", cost {usage.cost:.4f}" if usage.cost is not None else ""
    pages = f"{_count(usage.pages, 'page')}{pictures}"
    return f"{printable(usage.model)}: {pages}, {about}{read:,}{written} tokens, {usage.seconds:.1f} s{cost}"


def print_report(report: results.IndexReport) -> None:
    """Print what an indexing run did."""
    rate = f", {report.pages / report.seconds:.1f} pages/s" if report.pages and report.seconds else ""
    out.print(
        f"{_count(report.documents, 'document')} with {_count(report.pages, 'page')} indexed in "
        f"{report.seconds:.1f} s{rate}; "
        f"{report.unchanged} unchanged."
    )
    if report.wordless:
        out.print(
            f"{_count(report.wordless, 'page')} of them hold no words (scans, photos): found by looks and file name."
        )
    if report.linked:
        out.print(
            f"{_count(report.linked, 'file')} with the same bytes as one that is here: noted as a further path of it."
        )
    if report.forgotten:
        out.print(f"{_count(len(report.forgotten), 'file')} gone and forgotten.")
    _print_files("could not be read:", report.failed)
    _print_files("could not be read last time and have not changed (pagelens retry):", report.failed_before)
    _print_pages(report.problem_pages)
    for what, count in Counter(_why_skipped(file) for file in report.skipped).items():
        out.print(f"{_count(count, 'file')} {what} (--json names them).")


def _why_skipped(file: results.FailedFile) -> str:
    return f"not read: each {NEEDS_OFFICE}" if file.reason.endswith(NEEDS_OFFICE) else "of kinds PageLens does not read"


def tell_unpictured(file: results.FailedFile) -> None:
    """Name a file whose pages cannot be pictured, while a move goes on."""
    said = f"{shown(file.path)}: {printable(file.reason)}: its pages will be missing from lanes of pictures."
    err.print(Text(said, style="yellow"), soft_wrap=True)


def print_reembedding(report: ReembedReport) -> None:
    """Print what a move to other models did."""
    if report.unchanged:
        out.print(
            Text(f"The collection has the models of profile {printable(report.profile)} already."), soft_wrap=True
        )
        return
    lanes = {"new vectors": report.made, "kept": report.kept, "no longer there": report.left_out}
    said = "; ".join(f"{what}: {', '.join(names)}" for what, names in lanes.items() if names)
    moved = f"Moved from profile {report.profile_before} to {report.profile}. {said}."
    out.print(Text(printable(moved)), soft_wrap=True)
    rate = f", {report.pages / report.seconds:.1f} pages/s" if report.pages and report.seconds else ""
    earlier = "; the rest in an earlier run" if report.resumed else ""
    pages = f"{_count(report.documents, 'document')} with {_count(report.pages, 'page')}"
    out.print(f"{pages} embedded in {report.seconds:.1f} s{rate}{earlier}.")
    if report.half_read:
        out.print(
            f"{_count(report.half_read, 'half-read document')} dropped: pagelens index reads them from the start."
        )
    _print_files(
        "not pictured, found by words only (when it is there again: pagelens remove, pagelens index):",
        report.unpictured,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def print_removed(paths: Sequence[str]) -> None:
    """Print the paths of documents that were forgotten."""
    for path in paths:
        out.print(Text(f"forgot {shown(path)}"), soft_wrap=True)


def print_status(status: results.Status) -> None:
    """Print what a collection holds."""
    size = status.bytes_on_disk / 1e6
    holds = f"{_count(len(status.documents), 'document')}, {_count(status.pages, 'page')}, {size:.1f} MB"
    out.print(f"{shown(status.collection)}: {holds}", soft_wrap=True)
    models = "; ".join(f"{lane}: {model}" for lane, model in status.models.items())
    out.print(Text(f"profile {status.profile}; {models}", style="dim"), soft_wrap=True)
    if status.textless_pages:
        out.print(
            f"{_count(status.textless_pages, 'page')} without words (scans, photos): found by looks and file name."
        )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("document", "pages", "title"):
        table.add_column(name, overflow="fold", justify="right" if name == "pages" else "left")
    names = file_names(path for document in status.documents for path in document.paths)
    for document in status.documents:
        table.add_row("\n".join(names[path] for path in document.paths), str(document.pages), printable(document.title))
    if status.documents:
        out.print(table)
    if status.alike:
        pages = sum(map(len, status.alike))
        out.print(
            f"{_count(pages, 'page')} in {_count(len(status.alike), 'group')} that are the same to a reader: a search "
            "shows one of each (--no-fold: all)."
        )
        for group in status.alike[:LISTED_ALIKE]:
            said = ", ".join(page_name(ref, None, shown(ref.path)) for ref in group[:LISTED_ALIKE])
            out.print(Text(f"  {said}{' ...' if len(group) > LISTED_ALIKE else ''}", style="dim"), soft_wrap=True)
    if status.gone:
        out.print(
            Text(f"{_count(len(status.gone), 'file')} gone (pagelens index PATH --prune forgets):", style="yellow")
        )
        for path in status.gone[:LISTED]:
            out.print(Text(f"  {shown(path)}"), soft_wrap=True)
    _print_files("could not be read:", status.failures)
    _print_pages(status.problem_pages)


def _print_files(what: str, files: Sequence[results.FailedFile]) -> None:
    if not files:
        return
    out.print(Text(f"{_count(len(files), 'file')} {what}", style="yellow"))
    for file in files[:LISTED]:
        out.print(Text(f"  {shown(file.path)}: {printable(file.reason)} [{file.code}]"), soft_wrap=True)
    if len(files) > LISTED:
        out.print(f"  and {len(files) - LISTED} more (--json names all)")


def _print_pages(pages: Sequence[tuple[str, int, str]]) -> None:
    for title, number, problem in pages[:LISTED]:
        out.print(Text(f"  {shown(title)} p.{number}: {printable(problem)}", style="yellow"), soft_wrap=True)
    if len(pages) > LISTED:
        out.print(f"  and {len(pages) - LISTED} more pages read in part (--json names all)")


def one_line(text: str) -> str:
    """Return text on one line, safe to print, the dots of a table of contents cut short."""
    return " ".join(_LEADERS.sub(" … ", printable(text)).split())


def citations_of(answer: Answer) -> dict[PageRef, list[Citation]]:
    """Return an answer's citations by page, in order of their marks."""
    pages: dict[PageRef, list[Citation]] = {}
    for citation in answer.citations:
        pages.setdefault(citation.ref, []).append(citation)
    return pages


@contextmanager
def progress() -> Iterator[OnProgress]:
    """Show how far indexing is: a bar in a terminal, now and then a line elsewhere. Written to standard error."""
    if not err.is_terminal:
        yield _Lines()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[pages]} pages, {task.fields[rate]}/s"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[waits]}", markup=False),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("looking for files", total=None, pages=0, rate="–", waits="")

        def tell(now: results.Progress) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = f"{now.pages / elapsed:.0f}" if elapsed > 1 else "–"
            name = shown(now.path)[-40:]
            done, total = max(now.bytes, 0), max(now.bytes_total, 1)
            waits = waiting_for(now)
            bar.update(task, description=name, total=total, completed=done, pages=now.pages, rate=rate, waits=waits)

        yield tell


_WAITS: dict[results.Waits, str] = {"reading": "reading", "ocr": "OCR", "encoding": "encoding", "writing": "writing"}


def waiting_for(now: results.Progress) -> str:
    """Return what a run waits for, in words."""
    return f"waits for {_WAITS[now.waits_for]}" + (f" of p.{now.page}" if now.page else "")


class _Lines:
    """Progress where there is no terminal: now and then a line."""

    def __init__(self) -> None:
        self._started = self._told = time.monotonic()

    def __call__(self, now: results.Progress) -> None:
        moment = time.monotonic()
        if moment - self._told < LOG_SECONDS:
            return
        self._told = moment
        elapsed, share = moment - self._started, now.bytes / max(now.bytes_total, 1)
        left = f", about {elapsed / share - elapsed:.0f} s left" if share > 0 else ""
        rate = now.pages / elapsed
        files = f"{now.files}/{now.files_total} files"
        waits = waiting_for(now)
        print(f"{share:4.0%}  {files}, {now.pages} pages, {rate:.1f}/s{left}, {waits}", file=sys.stderr, flush=True)
