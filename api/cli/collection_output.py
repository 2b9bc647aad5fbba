"""Printing for people: what a command did to a collection, and what the collection holds."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from pagelens.api.cli.history_command import print_history
from pagelens.api.cli.terminal import (
    MAX_LISTED_DUPLICATES,
    MAX_LISTED_FILES,
    count_noun,
    display_path,
    distinct_file_names,
    err,
    out,
    page_name,
    print_files,
)
from pagelens.api.engine import results
from pagelens.api.engine.file_names import printable
from pagelens.api.engine.reembedding import ReembedReport
from pagelens.index.admin.archive import ArchiveReport
from pagelens.index.admin.copying import CopyReport


def print_report(report: results.IndexReport) -> None:
    """Print what an indexing run did."""
    rate = f", {report.pages / report.seconds:.1f} pages/s" if report.pages and report.seconds else ""
    out.print(
        f"{count_noun(report.documents, 'document')} with {count_noun(report.pages, 'page')} indexed in "
        f"{report.seconds:.1f} s{rate}; "
        f"{report.unchanged} unchanged."
    )
    if report.words_seconds is not None and report.documents:
        out.print(
            f"Found by their words after {report.words_seconds:.1f} s; then {count_noun(report.embedded, 'page')} got "
            "their vectors."
        )
    elif report.embedded:
        out.print(f"{count_noun(report.embedded, 'page')} of earlier runs got their vectors.")
    print_files(
        "not drawn or not encoded, so without some vectors (again with the next pagelens index):", report.not_rendered
    )
    if report.wordless:
        out.print(
            f"{count_noun(report.wordless, 'page')} of them hold no words (scans, photos): "
            "found by their image and file name."
        )
    if report.sidecars:
        out.print(f"{count_noun(report.sidecars, 'metadata file')} beside photos: read with them.")
    if report.linked:
        out.print(
            f"{count_noun(report.linked, 'file')} with the same bytes as an indexed one: "
            "recorded as further paths of the same document."
        )
    if report.forgotten:
        out.print(f"{count_noun(len(report.forgotten), 'file')} no longer there (moved or pruned): forgotten.")
    if report.gone:
        out.print(f"{count_noun(len(report.gone), 'file')} gone, still searched; --prune forgets what is gone:")
        for path in report.gone[:MAX_LISTED_FILES]:
            out.print(Text(f"  {display_path(path)}"), soft_wrap=True)
    print_files("could not be read:", report.failed)
    print_files("could not be read last time and have not changed (pagelens retry):", report.failed_before)
    _print_pages(report.problem_pages)
    print_files("not read:", report.skipped)
    if report.metadata is not None:
        print_metadata_report(report.metadata)
    if report.descriptions is not None:
        print_descriptions(report.descriptions)


def print_descriptions(report: results.DescribeReport) -> None:
    """Print what a run of descriptions did."""
    tokens = ""
    if report.input_tokens is not None:
        tokens = f"; {report.input_tokens:,} tokens sent, {report.output_tokens or 0:,} received"
    cost = f", {report.cost:.2f} at your prices" if report.cost is not None else ""
    out.print(
        f"{count_noun(report.described, 'page')} described in {report.seconds:.1f} s{tokens}{cost}; "
        f"{report.described_before} described before."
    )
    print_files("could not be described:", report.failed)


def print_metadata_report(report: results.MetadataReport) -> None:
    """Print what was joined of a table of metadata, and what was not."""
    fields = ", ".join(f"{name} ({kind})" for name, kind in report.fields.items())
    out.print(
        Text(
            f"{display_path(report.table)}: {count_noun(report.rows, 'row')} for {count_noun(report.files, 'file')}. "
            f"Fields: {printable(fields)}."
        ),
        soft_wrap=True,
    )
    for heading, rows in (("without a file:", report.unknown), ("left out, not clear:", report.ambiguous)):
        if rows:
            out.print(f"{count_noun(len(rows), 'row')} {heading}")
            for row in rows[:MAX_LISTED_FILES]:
                out.print(Text(f"  row {row.row}, {printable(row.name)!r}: {printable(row.reason)}"), soft_wrap=True)
    if report.without_row:
        out.print(f"{count_noun(len(report.without_row), 'file')} without a row:")
        for path in report.without_row[:MAX_LISTED_FILES]:
            out.print(Text(f"  {display_path(path)}"), soft_wrap=True)
        if len(report.without_row) > MAX_LISTED_FILES:
            out.print(f"  and {len(report.without_row) - MAX_LISTED_FILES} more (--json names all)")


def print_render_failure(file: results.FailedFile) -> None:
    """Print a warning about a file whose pages cannot be rendered; called during a re-embedding."""
    warning = f"{display_path(file.path)}: {printable(file.reason)}: its pages will be missing from the image lanes."
    err.print(Text(warning, style="yellow"), soft_wrap=True)


def print_reembedding(report: ReembedReport) -> None:
    """Print what a re-embedding did."""
    if report.unchanged:
        out.print(
            Text(f"The collection has the models of profile {printable(report.profile)} already."), soft_wrap=True
        )
        return
    lanes = {"new vectors": report.new_lanes, "kept": report.kept_lanes, "removed": report.removed_lanes}
    changes = "; ".join(f"{what}: {', '.join(names)}" for what, names in lanes.items() if names)
    summary = f"Re-embedded from profile {report.previous_profile} to {report.profile}. {changes}."
    out.print(Text(printable(summary)), soft_wrap=True)
    rate = f", {report.pages / report.seconds:.1f} pages/s" if report.pages and report.seconds else ""
    earlier = "; the rest in an earlier run" if report.resumed else ""
    pages = f"{count_noun(report.documents, 'document')} with {count_noun(report.pages, 'page')}"
    out.print(f"{pages} embedded in {report.seconds:.1f} s{rate}{earlier}.")
    if report.unfinished_documents:
        out.print(
            f"{count_noun(report.unfinished_documents, 'partly indexed document')} dropped: "
            "pagelens index reads them from the start."
        )
    print_files(
        "not rendered, so found by words only (when the file is there again: pagelens remove, pagelens index):",
        report.render_failures,
    )


def print_removed(paths: Sequence[str]) -> None:
    """Print the paths of documents that were removed from the collection."""
    for path in paths:
        out.print(Text(f"removed {display_path(path)}"), soft_wrap=True)


def print_status(status: results.Status) -> None:
    """Print what a collection holds."""
    size = status.bytes_on_disk / 1e6
    holds = f"{count_noun(len(status.documents), 'document')}, {count_noun(status.pages, 'page')}, {size:.1f} MB"
    out.print(f"{display_path(status.collection)}: {holds}", soft_wrap=True)
    models = "; ".join(f"{lane}: {model}" for lane, model in status.models.items())
    out.print(Text(f"profile {status.profile}; {models}", style="dim"), soft_wrap=True)
    indexes = "; ".join(f"{lane}: {index}" for lane, index in status.indexes.items())
    out.print(Text(f"searched by: {indexes}", style="dim"), soft_wrap=True)
    if incomplete := {lane: share for lane, share in status.coverage.items() if share < 1}:
        shares = ", ".join(f"{lane} {int(100 * share)}%" for lane, share in incomplete.items())
        line = f"not all pages have their vectors yet: {shares}. The next pagelens index goes on making them."
        out.print(Text(line, style="yellow"), soft_wrap=True)
    if status.textless_pages:
        out.print(
            f"{count_noun(status.textless_pages, 'page')} without words (scans, photos): "
            "found by their image and file name."
        )
    if status.history is not None:
        print_history(status.history)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("document", "pages", "title"):
        table.add_column(name, overflow="fold", justify="right" if name == "pages" else "left")
    names = distinct_file_names(path for document in status.documents for path in document.paths)
    for document in status.documents:
        table.add_row("\n".join(names[path] for path in document.paths), str(document.pages), printable(document.title))
    if status.documents:
        out.print(table)
    if status.duplicate_groups:
        pages = sum(map(len, status.duplicate_groups))
        out.print(
            f"{count_noun(pages, 'page')} in {count_noun(len(status.duplicate_groups), 'group')} of duplicates: "
            "a search shows one page of each group (--no-fold: all)."
        )
        for group in status.duplicate_groups[:MAX_LISTED_DUPLICATES]:
            names_in_group = ", ".join(
                page_name(ref, None, display_path(ref.path)) for ref in group[:MAX_LISTED_DUPLICATES]
            )
            more = " ..." if len(group) > MAX_LISTED_DUPLICATES else ""
            out.print(Text(f"  {names_in_group}{more}", style="dim"), soft_wrap=True)
    if status.gone:
        out.print(
            Text(
                f"{count_noun(len(status.gone), 'file')} gone (to remove them from the collection: "
                "pagelens index PATH --prune):",
                style="yellow",
            )
        )
        for path in status.gone[:MAX_LISTED_FILES]:
            out.print(Text(f"  {display_path(path)}"), soft_wrap=True)
    print_files("could not be read:", status.failures)
    print_files("not read:", status.unread, limit=len(status.unread))
    _print_pages(status.problem_pages)


def _print_pages(pages: Sequence[tuple[str, int, str]]) -> None:
    if pages:
        out.print(Text(f"{count_noun(len(pages), 'page')} read, with a problem:", style="yellow"))
    for title, number, problem in pages[:MAX_LISTED_FILES]:
        out.print(Text(f"  {display_path(title)} p.{number}: {printable(problem)}", style="yellow"), soft_wrap=True)
    if len(pages) > MAX_LISTED_FILES:
        out.print(f"  and {len(pages) - MAX_LISTED_FILES} more pages with problems (--json names all)")


def print_archive(report: ArchiveReport, next_step: str) -> None:
    """Print what a snapshot holds, and where it is or how to use it."""
    size = f"{report.size / 1e6:.1f} MB"
    line = f"{report.documents} documents with {report.pages} pages, {size}. {next_step}"
    out.print(line, markup=False, soft_wrap=True)


def print_copy(report: CopyReport, to: Path) -> None:
    """Print what a copy did, and whether searches in the copy find the same pages."""
    rate = f", {report.pages / report.seconds:.0f} pages/s" if report.seconds else ""
    copied = f"{report.documents} documents with {report.pages} pages copied in {report.seconds:.1f} s{rate}"
    out.print(f"{copied}; {report.kept} were there, {report.removed} removed.", markup=False, soft_wrap=True)
    out.print(f"Compared: {report.matching_searches} of {report.searches} searches find the same.", markup=False)
    for problem in report.problems:
        out.print(problem, markup=False, soft_wrap=True)
    out.print(f"Use it: pagelens search ... -c {to}", markup=False, soft_wrap=True)
