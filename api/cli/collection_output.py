"""What a person sees of a collection: what a run did to it, what it holds, what could not be read."""

from collections import Counter
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

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
from pagelens.ingest.readers.libreoffice import NEEDS_OFFICE


def print_report(report: results.IndexReport) -> None:
    """Print what an indexing run did."""
    rate = f", {report.pages / report.seconds:.1f} pages/s" if report.pages and report.seconds else ""
    out.print(
        f"{count_noun(report.documents, 'document')} with {count_noun(report.pages, 'page')} indexed in "
        f"{report.seconds:.1f} s{rate}; "
        f"{report.unchanged} unchanged."
    )
    if report.wordless:
        out.print(
            f"{count_noun(report.wordless, 'page')} of them hold no words (scans, photos): found by looks and file name."
        )
    if report.linked:
        out.print(
            f"{count_noun(report.linked, 'file')} with the same bytes as one that is here: noted as a further path of it."
        )
    if report.forgotten:
        out.print(f"{count_noun(len(report.forgotten), 'file')} gone and forgotten.")
    print_files("could not be read:", report.failed)
    print_files("could not be read last time and have not changed (pagelens retry):", report.failed_before)
    _print_pages(report.problem_pages)
    for what, count in Counter(_why_skipped(file) for file in report.skipped).items():
        out.print(f"{count_noun(count, 'file')} {what} (--json names them).")


def _why_skipped(file: results.FailedFile) -> str:
    return f"not read: each {NEEDS_OFFICE}" if file.reason.endswith(NEEDS_OFFICE) else "of kinds PageLens does not read"


def tell_unpictured(file: results.FailedFile) -> None:
    """Name a file whose pages cannot be pictured, while a move goes on."""
    said = f"{display_path(file.path)}: {printable(file.reason)}: its pages will be missing from lanes of pictures."
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
    pages = f"{count_noun(report.documents, 'document')} with {count_noun(report.pages, 'page')}"
    out.print(f"{pages} embedded in {report.seconds:.1f} s{rate}{earlier}.")
    if report.half_read:
        out.print(
            f"{count_noun(report.half_read, 'half-read document')} dropped: pagelens index reads them from the start."
        )
    print_files(
        "not pictured, found by words only (when it is there again: pagelens remove, pagelens index):",
        report.unpictured,
    )


def print_removed(paths: Sequence[str]) -> None:
    """Print the paths of documents that were forgotten."""
    for path in paths:
        out.print(Text(f"forgot {display_path(path)}"), soft_wrap=True)


def print_status(status: results.Status) -> None:
    """Print what a collection holds."""
    size = status.bytes_on_disk / 1e6
    holds = f"{count_noun(len(status.documents), 'document')}, {count_noun(status.pages, 'page')}, {size:.1f} MB"
    out.print(f"{display_path(status.collection)}: {holds}", soft_wrap=True)
    models = "; ".join(f"{lane}: {model}" for lane, model in status.models.items())
    out.print(Text(f"profile {status.profile}; {models}", style="dim"), soft_wrap=True)
    if status.textless_pages:
        out.print(
            f"{count_noun(status.textless_pages, 'page')} without words (scans, photos): found by looks and file name."
        )
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
            f"{count_noun(pages, 'page')} in {count_noun(len(status.duplicate_groups), 'group')} that are the same to a reader: "
            "a search shows one of each (--no-fold: all)."
        )
        for group in status.duplicate_groups[:MAX_LISTED_DUPLICATES]:
            said = ", ".join(page_name(ref, None, display_path(ref.path)) for ref in group[:MAX_LISTED_DUPLICATES])
            out.print(
                Text(f"  {said}{' ...' if len(group) > MAX_LISTED_DUPLICATES else ''}", style="dim"), soft_wrap=True
            )
    if status.gone:
        out.print(
            Text(f"{count_noun(len(status.gone), 'file')} gone (pagelens index PATH --prune forgets):", style="yellow")
        )
        for path in status.gone[:MAX_LISTED_FILES]:
            out.print(Text(f"  {display_path(path)}"), soft_wrap=True)
    print_files("could not be read:", status.failures)
    _print_pages(status.problem_pages)


def _print_pages(pages: Sequence[tuple[str, int, str]]) -> None:
    for title, number, problem in pages[:MAX_LISTED_FILES]:
        out.print(Text(f"  {display_path(title)} p.{number}: {printable(problem)}", style="yellow"), soft_wrap=True)
    if len(pages) > MAX_LISTED_FILES:
        out.print(f"  and {len(pages) - MAX_LISTED_FILES} more pages read in part (--json names all)")
