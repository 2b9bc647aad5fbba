"""Printing: the consoles, how paths, pages and lists of files are written, and `--json`."""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pagelens.api.engine import results
from pagelens.api.engine.file_names import printable, text_to_path
from pagelens.core.types import MEMBER_SEPARATOR, PageRef
from pagelens.generate.answer_text import label_text
from pagelens.ingest.members.member_paths import outer_file

MAX_LISTED_FILES = 10  # failed files, problem pages and missing files that are named; the rest is counted
MAX_LISTED_DUPLICATES = 3  # groups of duplicates, and pages of each group
_DOT_LEADERS = re.compile(r"(?:[.·_]\s*){5,}")  # the dots between a heading and its page in a table of contents

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)

T = TypeVar("T")


def print_result(result: T, json_output: bool, print_text: Callable[[T], None]) -> None:
    """Print a result: as one JSON object if `json_output`, else with `print_text`."""
    if json_output:
        print(json.dumps(results.as_json(result), ensure_ascii=False, indent=2))
    else:
        print_text(result)


def print_documents_done(done: int, total: int) -> None:
    """Print a line of progress on standard error."""
    err.print(f"{done} of {total} documents", markup=False)


def display_path(path: str) -> str:
    """Return a path relative to the current folder if it is below it, else unchanged; safe to print."""
    try:
        relative = str(text_to_path(path).relative_to(Path.cwd()))
    except ValueError:
        return printable(path)
    return printable(relative)


def distinct_file_names(paths: Iterable[str]) -> dict[str, str]:
    """Map each path to its file name, with as many parent folders before it as make it unique among `paths`."""
    names: dict[str, str] = {}
    pending = dict.fromkeys(paths, 1)
    while pending:
        tails = {path: _tail(path, parts) for path, parts in pending.items()}
        taken = Counter([*tails.values(), *names.values()])
        names.update({path: tail for path, tail in tails.items() if taken[tail] == 1 or tail == path})
        pending = {path: parts + 1 for path, parts in pending.items() if path not in names}
    return {path: printable(name) for path, name in names.items()}


def _tail(path: str, count: int) -> str:
    """Return the last `count` parts of a path; a member's names count as one part with the file around it."""
    outer, separator, members = path.partition(MEMBER_SEPARATOR)
    return "/".join(Path(outer).parts[-count:]) + separator + members


def page_name(ref: PageRef, label: str | None, name: str) -> str:
    """Return `report.pdf p.12 (printed iv)` or `costs.xlsx p.2 (sheet Budget, row 4)`."""
    described = label_text(ref, label)
    return f"{name} p.{ref.number} ({described})" if described else f"{name} p.{ref.number}"


def page_link(ref: PageRef, label: str | None, name: str) -> Text:
    """Return the page's name; in a terminal it is a link that opens the file at that page."""
    return Text(page_name(ref, label, name), style=f"bold link {page_address(ref)}" if out.is_terminal else "bold")


def page_address(ref: PageRef) -> str:
    """Return the address of a page in its file, as browsers and PDF viewers understand it."""
    return f"file://{quote(os.fsencode(outer_file(text_to_path(ref.path))))}#page={ref.number}"


def one_line(text: str) -> str:
    """Return text on one line, safe to print, dot leaders shortened to an ellipsis."""
    return " ".join(_DOT_LEADERS.sub(" … ", printable(text)).split())


def count_noun(number: int, noun: str) -> str:
    """Return "1 page", "2 pages"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def print_indented(text: Text) -> None:
    """Print an indented text: wrapped in a terminal, on one line elsewhere, so that `grep` finds it whole."""
    if out.is_terminal:
        out.print(Padding(text, (0, 0, 0, 4)))
    else:
        out.print(Text("    ").append_text(text), soft_wrap=True)


def print_missing_lanes(missing: Mapping[str, str], console: Console) -> None:
    """Print a line for each lane that was left out, with the reason."""
    for lane, reason in missing.items():
        console.print(Text(f"without the {lane} lane: {printable(reason)}", style="yellow"), soft_wrap=True)


def print_files(heading: str, files: Sequence[results.FailedFile], limit: int = MAX_LISTED_FILES) -> None:
    """Print the number of files, the heading, and the first files with their reasons. Prints nothing for no files."""
    if not files:
        return
    out.print(Text(f"{count_noun(len(files), 'file')} {heading}", style="yellow"))
    for file in files[:limit]:
        out.print(Text(f"  {display_path(file.path)}: {printable(file.reason)} [{file.code}]"), soft_wrap=True)
    if len(files) > limit:
        out.print(f"  and {len(files) - limit} more (--json names all)")
