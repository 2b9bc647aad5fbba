"""The terminal: where things are printed, and how paths, pages and lists of files are told. Decides nothing."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pagelens.api.engine import results
from pagelens.api.engine.file_names import printable, text_to_path
from pagelens.core.types import PageRef

MAX_LISTED_FILES = 10  # failures and skipped files named before the rest is counted


MAX_LISTED_DUPLICATES = 3


_LEADERS = re.compile(r"(?:[.·_]\s*){5,}")


out = Console(highlight=False, soft_wrap=False)


err = Console(stderr=True, highlight=False)


def display_path(path: str) -> str:
    """Return a path as people would type it here: relative when that is shorter."""
    try:
        relative = str(text_to_path(path).relative_to(Path.cwd()))
    except ValueError:
        return printable(path)
    return printable(relative)


def distinct_file_names(paths: Iterable[str]) -> dict[str, str]:
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


def one_line(text: str) -> str:
    """Return text on one line, safe to print, the dots of a table of contents cut short."""
    return " ".join(_LEADERS.sub(" … ", printable(text)).split())


def count_noun(number: int, noun: str) -> str:
    """Return "1 page", "2 pages"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def print_indented(text: Text) -> None:
    """Print a text below what it belongs to: folded in a terminal, one line for `grep` elsewhere."""
    if out.is_terminal:
        out.print(Padding(text, (0, 0, 0, 4)))
    else:
        out.print(Text("    ").append_text(text), soft_wrap=True)


def print_files(what: str, files: Sequence[results.FailedFile]) -> None:
    """Print how many files there are of a kind and name the first of them, each with its reason; nothing of none."""
    if not files:
        return
    out.print(Text(f"{count_noun(len(files), 'file')} {what}", style="yellow"))
    for file in files[:MAX_LISTED_FILES]:
        out.print(Text(f"  {display_path(file.path)}: {printable(file.reason)} [{file.code}]"), soft_wrap=True)
    if len(files) > MAX_LISTED_FILES:
        out.print(f"  and {len(files) - MAX_LISTED_FILES} more (--json names all)")
