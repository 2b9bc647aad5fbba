"""What a person sees of a search: the pages, how each lane ranked them, the words they were found by."""

from collections.abc import Mapping, Set

from rich.text import Text

from pagelens.api.cli.terminal import (
    MAX_LISTED_DUPLICATES,
    display_path,
    distinct_file_names,
    one_line,
    out,
    page_link,
    page_name,
    print_indented,
)
from pagelens.api.engine import results
from pagelens.api.engine.file_names import printable
from pagelens.core.types import LaneRank
from pagelens.index.lexical.tantivy_index import analyze

NEIGHBOUR_LETTERS = 200  # of a neighbouring page


def print_results(found: results.SearchResults) -> None:
    """Print the hits: the page, how each lane ranked it, and the words it was found by."""
    if found.query_references:
        out.print(Text(f"the query names: {', '.join(printable(one) for one in found.query_references)}", style="dim"))
    for lane, reason in found.missing.items():
        out.print(Text(f"without the {lane} lane: {printable(reason)}", style="yellow"), soft_wrap=True)
    if not found.pages_searched:
        out.print("No page was searched: the collection is empty, or no document is what the filters ask for.")
        return
    if not found.hits:
        out.print("No page has anything to do with that. Fewer or other words may help.")
        return
    asked = set(analyze(found.query))
    names = distinct_file_names([hit.ref.path for hit in found.hits])
    for rank, hit in enumerate(found.hits, start=1):
        line = Text(f"{rank:2}  ").append_text(page_link(hit.ref, hit.label, names[hit.ref.path]))
        out.print(line.append(f"   {_lanes(hit.lanes, hit.named)}{_source(hit)}", style="dim"), soft_wrap=True)
        quotes = [_marked(one.quote, asked) for one in hit.evidence if one.quote]
        print_indented(Text(" … ").join(quotes or [Text(_without_words(hit), style="dim")]))
        crossed = _crossed(hit, names[hit.ref.path])
        if crossed:
            print_indented(Text(crossed, style="dim"))
        if hit.duplicates:
            others = ", ".join(
                page_name(ref, None, display_path(ref.path)) for ref in hit.duplicates[:MAX_LISTED_DUPLICATES]
            )
            print_indented(Text(f"+{len(hit.duplicates)} like it: {others}", style="dim"))
        for page in hit.neighbours:
            beside = page_name(page.ref, page.label, names[page.ref.path])
            print_indented(Text(f"{beside}: {one_line(page.text)[:NEIGHBOUR_LETTERS]}", style="dim"))
    estimated = {hit.ref.path for hit in found.hits if hit.estimated}
    if estimated:
        said = ", ".join(names[path] for path in sorted(estimated))
        out.print(Text(f"Estimated page numbers, since the format has no pages of its own: {said}", style="dim"))
    if any(lane in hit.lanes for lane in found.approximate for hit in found.hits):
        out.print(Text(_APPROXIMATE, style="dim"), soft_wrap=True)


def _crossed(hit: results.FoundPage, name: str) -> str:
    """Say on which pages the words begin and go on that a page was found by."""
    before = f"begins on {page_name(hit.continued_from, None, name)}" if hit.continued_from else ""
    after = f"goes on on {page_name(hit.continues_on, None, name)}" if hit.continues_on else ""
    return ", ".join(filter(None, [before, after]))


_APPROXIMATE = (
    "The image lane is approximate here: it knows 1,000 kinds of things, no actions, colours or places, and always "
    "finds something. CLIP knows more: pagelens models"
)


def _without_words(hit: results.FoundPage) -> str:
    """Say what is to be seen where there is nothing to quote."""
    if hit.guesses:
        return (
            "looks like "
            + ", ".join(f"{guess.label} {guess.probability:.0%}" for guess in hit.guesses)
            + " (approximate)"
        )
    return "(found by its picture)" if {"image", "visual", "page"} & set(hit.lanes) else "(no words on it)"


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
