"""Printing of search results for people: pages, their rank in each lane, their evidence."""

import os
import sys
from collections.abc import Mapping, Sequence, Set

from rich.text import Text

from pagelens.api.cli.terminal import (
    MAX_LISTED_DUPLICATES,
    count_noun,
    display_path,
    distinct_file_names,
    one_line,
    out,
    page_link,
    page_name,
    print_indented,
    print_missing_lanes,
)
from pagelens.api.engine import results
from pagelens.api.engine.file_names import printable, text_to_path
from pagelens.api.engine.lane_registry import LANES
from pagelens.core.metadata_fields import FieldValue, value_texts
from pagelens.core.types import SearchStep
from pagelens.index.lexical.analysis import analyze
from pagelens.ingest.members.member_paths import outer_file
from pagelens.retrieve.spelling import describe_corrections

_IMAGE_LANES = {spec.name for spec in LANES if spec.finds_wordless_pages}
_GONE = "; the file is gone since it was indexed"
NEIGHBOUR_CHARACTERS = 200  # printed of a neighbouring page
FACET_VALUES = 12  # printed of a facet
FIELD_CHARACTERS = 240  # printed of a hit's metadata


def print_results(search: results.SearchResults) -> None:
    """Print the hits: the page, its rank in each lane, and the words that match."""
    if search.query_references:
        references = ", ".join(map(printable, search.query_references))
        out.print(Text(f"the query names: {references}", style="dim"))
    print_missing_lanes(search.missing, out)
    for note in (*describe_corrections(search.corrections), *search.notes):
        out.print(Text(printable(note)), soft_wrap=True)
    if search.corrections:
        out.print(Text("As it was written: --no-spelling", style="dim"))
    if not search.hits:
        advice = "No page matches yet." if search.coverage else "No page matches. Fewer or other words may help."
        out.print(Text(search.nothing_found or advice), soft_wrap=True)
        return
    if search.weak:
        out.print(Text("Nothing matches well. The nearest pages are:", style="bold"))
    print_steps(search.steps)
    groups = {group.ranks[0]: group for group in search.groups if group.ranks}
    terms = {term for part in (search.searched_text, *search.searched_text.split()) for term in analyze(part)}
    names = distinct_file_names([hit.ref.path for hit in search.hits])
    for rank, hit in enumerate(search.hits, start=1):
        if rank in groups:
            out.print(Text(_group_heading(groups[rank]), style="bold"), soft_wrap=True)
        line = Text(f"{rank:2}  ").append_text(page_link(hit.ref, hit.label, names[hit.ref.path]))
        out.print(
            line.append(f"   {_lanes(hit)}{_source(hit)}{_GONE if hit.gone else ''}", style="dim"),
            soft_wrap=True,
        )
        quotes = [_highlighted(evidence.quote, terms) for evidence in hit.evidence if evidence.quote]
        if shown := quotes or _image_description(hit):
            print_indented(Text(" … ").join(shown))
        if hit.description is not None:
            print_indented(Text(one_line(hit.description.labelled), style="dim"))
        if hit.fields:
            print_indented(Text(_fields(hit.fields), style="dim"))
        if continuation := _continuation(hit, names[hit.ref.path]):
            print_indented(Text(continuation, style="dim"))
        if hit.labels:
            labels = [f"{printable(label.label)} {label.probability:.0%}" for label in hit.labels[:FACET_VALUES]]
            approximate = " (approximate)" if all(label.approximate for label in hit.labels) else ""
            print_indented(Text(f"labels: {', '.join(labels)}{approximate}", style="dim"))
        if hit.duplicates:
            others = ", ".join(
                page_name(ref, None, display_path(ref.path)) for ref in hit.duplicates[:MAX_LISTED_DUPLICATES]
            )
            print_indented(Text(f"+{count_noun(len(hit.duplicates), 'duplicate')}: {others}", style="dim"))
        for page in hit.neighbours:
            neighbour = page_name(page.ref, page.label, names[page.ref.path])
            print_indented(Text(f"{neighbour}: {one_line(page.text)[:NEIGHBOUR_CHARACTERS]}", style="dim"))
    print_facets(search.facets)
    estimated = {hit.ref.path for hit in search.hits if hit.estimated}
    if estimated:
        files = ", ".join(names[path] for path in sorted(estimated))
        out.print(Text(f"Estimated page numbers, since the format has no pages of its own: {files}", style="dim"))
    if any(lane in hit.lanes for lane in search.approximate for hit in search.hits):
        out.print(Text(_APPROXIMATE, style="dim"), soft_wrap=True)


def print_files_found(hits: Sequence[results.FoundPage], *, end: str) -> None:
    """Write the files of the hits, each once, in the order of their best pages, byte for byte as they are named."""
    files = dict.fromkeys(outer_file(text_to_path(hit.ref.path)) for hit in hits)
    sys.stdout.flush()
    sys.stdout.buffer.write(b"".join(os.fsencode(file) + end.encode() for file in files))
    sys.stdout.flush()


def print_steps(steps: Sequence[SearchStep]) -> None:
    """Print the searches of a thorough search, each with the first pages that it found."""
    names = distinct_file_names([ref.path for step in steps for ref in step.pages])
    for step in steps:
        pages = ", ".join(page_name(ref, None, names[ref.path]) for ref in step.pages) or "no page"
        out.print(
            Text(f"{_STEPS[step.reason]} “{printable(one_line(step.text))}”: {pages}", style="dim"), soft_wrap=True
        )


_STEPS = {"question": "searched for", "part": "and for its part", "missing": "and for pages that have"}


def print_facets(facets: Sequence[results.Facet]) -> None:
    """Print fields with their values and the number of files that have each."""
    for facet in facets:
        span = f", {_value(facet.minimum)} to {_value(facet.maximum)}" if facet.minimum is not None else ""
        out.print(
            Text(f"{printable(facet.field)} ({facet.type}{span}): {count_noun(facet.files, 'file')}"),
            soft_wrap=True,
        )
        values = [f"{_value(value)} {count}" for value, count in facet.values[:FACET_VALUES]]
        left_out = len(facet.values) - len(values) + facet.others
        more = [f"and {count_noun(left_out, 'value')} more"] if left_out else []
        print_indented(Text(", ".join(values + more), style="dim"))


def _group_heading(group: results.HitGroup) -> str:
    value = "(without a value)" if group.value is None else _value(group.value)
    return f"{value}: {count_noun(len(group.ranks), 'page')} of {count_noun(group.files, 'file')}"


def _fields(fields: Mapping[str, FieldValue]) -> str:
    return one_line("; ".join(f"{name}: {_value(value)}" for name, value in fields.items()))[:FIELD_CHARACTERS]


def _value(value: FieldValue | None) -> str:
    return printable(", ".join(value_texts(value)) if value is not None else "")


def _continuation(hit: results.FoundPage, name: str) -> str:
    """Return on which pages the matched text begins and continues, if not on the page itself."""
    before = f"begins on {page_name(hit.continued_from, None, name)}" if hit.continued_from else ""
    after = f"continues on {page_name(hit.continues_on, None, name)}" if hit.continues_on else ""
    return ", ".join(filter(None, [before, after]))


_APPROXIMATE = (
    "The image lane is approximate here: it knows 1,000 kinds of things, no actions, colours or places, and always "
    "finds something. CLIP knows more: pagelens models"
)


def _image_description(hit: results.FoundPage) -> list[Text]:
    """Return what a photo looks like, or why there is nothing to quote; nothing for pages found without a query."""
    if hit.guesses:
        guesses = ", ".join(f"{guess.label} {guess.probability:.0%}" for guess in hit.guesses)
        return [Text(f"looks like {guesses} (approximate)", style="dim")]
    if not hit.lanes:
        return []
    return [Text("(found by its image)" if _IMAGE_LANES & set(hit.lanes) else "(no words on it)", style="dim")]


def _highlighted(quote: str, terms: Set[str]) -> Text:
    """Return a quote on one line, the query's words in bold."""
    words = [Text(word, style="bold" if terms & set(analyze(word)) else "") for word in one_line(quote).split()]
    return Text(" ").join(words)


def _lanes(hit: results.FoundPage) -> str:
    ranks = [f"{name} {lane.rank}" for name, lane in sorted(hit.lanes.items(), key=lambda item: item[1].rank)]
    reranked = [f"reranked {hit.rerank.rank}"] if hit.rerank else []
    return ", ".join((["named"] if hit.named else []) + ranks + reranked)


def _source(hit: results.FoundPage) -> str:
    """Return a note that the words were read by OCR, with its confidence; "" for a file's own text."""
    if hit.source not in ("ocr", "both"):
        return ""
    confidence = f" {hit.confidence:.0%}" if hit.confidence is not None else ""
    return f"; read by OCR{confidence}" if hit.source == "ocr" else f"; partly read by OCR{confidence}"
