"""Options that several commands share, and parsing of filters."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, get_args

import typer

from pagelens.core.errors import UsageError
from pagelens.core.types import Depth, Filters, Kind
from pagelens.generate.llm.providers import ANSWERING_SYNTAX
from pagelens.ingest.reader_options import DEFAULT_MAX_PAGES

DEFAULT_COLLECTION = Path("my-collection")

_CONDITION = re.compile(r"([^=<>!]+)(!=|>=|<=|=|>|<)(.*)", re.S)

CollectionOption = Annotated[
    Path, typer.Option("--collection", "-c", envvar="PAGELENS_COLLECTION", help="The collection's folder.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Name each file as it is done.")]
MaxPagesOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        envvar="PAGELENS_MAX_PAGES",
        help="A document of more pages is not read.",
        show_default=str(DEFAULT_MAX_PAGES),
    ),
]
PicturesOption = Annotated[
    Path | None, typer.Option("--pictures", "-p", help="Write the pages found to this folder as JPEG, evidence marked.")
]
InlineOption = Annotated[
    bool, typer.Option("--inline", help="Show the pages in the terminal, if it can: kitty, iTerm2, sixel.")
]
LanguageModelOption = Annotated[
    str | None,
    typer.Option("--model", help=f"What answers: {ANSWERING_SYNTAX}; or extractive, which needs no model."),
]
ReviewOption = Annotated[
    bool, typer.Option("--review", help="Keep what is unsure for a person to look at: pagelens review list")
]
EstimateOption = Annotated[
    bool, typer.Option("--estimate", help="Tell calls, tokens and price, and send nothing to the language model.")
]
PathsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--path",
        help="Only documents with this in their path: a name, 'reports/*', '*2019*'. Case and accents do not matter.",
    ),
]
KindsOption = Annotated[list[str] | None, typer.Option("--kind", help=f"Only these: {', '.join(get_args(Kind))}.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", help="Only documents of this date or later: 2021, 2021-06, ...")
]
UntilOption = Annotated[
    str | None, typer.Option("--until", help="Only documents of this date or earlier: 2021, 2021-06, ...")
]
PagesOption = Annotated[str | None, typer.Option("--pages", help="Only these pages of each document: 3 or 3-7.")]
MetaOption = Annotated[
    list[str] | None,
    typer.Option(
        "--meta",
        help="Only documents with this metadata: key=value, key!=value, price=10..50, year>=2019. May repeat.",
    ),
]
LabelsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--label", help="Only pages with this label of `pagelens label`: dog, 'guinea*', flagged:. May repeat."
    ),
]
SpellingOption = Annotated[
    bool, typer.Option("--spelling/--no-spelling", help="Correct words that no page has by words of the collection.")
]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="The collection as it was: a commit's number, or a date like 2026-11-30 (its end). Needs a history: "
        "pagelens history.",
    ),
]
RerankOption = Annotated[
    bool | None,
    typer.Option("--rerank/--no-rerank", help="Rerank the first pages.", show_default="as set for the collection"),
]
DepthOption = Annotated[
    Depth,
    typer.Option(
        "--depth",
        help="How much work: quick (lanes alone), normal (reranked where that is set), thorough (also for the parts of "
        "the question and what no page has; several times as long).",
    ),
]
MetadataKeyOption = Annotated[
    str, typer.Option("--metadata-key", help="The column that names the files, by name or path.")
]
MetadataTypeOption = Annotated[
    list[str] | None,
    typer.Option("--metadata-type", help="A column's type: price=number; number, date, text or list. May repeat."),
]
MetadataTextOption = Annotated[
    str | None,
    typer.Option("--metadata-text", help="Columns whose texts are searched: title,description."),
]


def read_filters(
    paths: list[str] | None,
    kinds: list[str] | None,
    since: str | None,
    until: str | None,
    pages: str | None,
    meta: list[str] | None,
    labels: list[str] | None = None,
) -> Filters:
    """Return the filters that the options set. Raises UsageError."""
    first, last = _parse_page_range(pages)
    earliest, latest = _parse_date("--since", since, last=False), _parse_date("--until", until, last=True)
    return Filters(
        paths=tuple(paths or ()),
        kinds=_parse_kinds(kinds),
        since=earliest,
        until=latest,
        first_page=first,
        last_page=last,
        metadata=_parse_conditions(meta),
        labels=tuple(labels or ()),
    )


def _parse_date(option: str, text: str | None, *, last: bool) -> datetime | None:
    """Parse a year, a month, a day or a time; return its first instant, or its last one if `last`."""
    if text is None:
        return None
    for form, step in (("%Y", "year"), ("%Y-%m", "month"), ("%Y-%m-%d", "day")):
        try:
            start = datetime.strptime(text, form)  # naive, as the documents' dates are
        except ValueError:
            continue
        return _add_step(start, step) - timedelta(microseconds=1) if last else start
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise UsageError(f"expected {option} like 2021, 2021-06 or 2021-06-30, found {text!r}") from None


def _add_step(start: datetime, step: str) -> datetime:
    if step == "day":
        return start + timedelta(days=1)
    months = start.month + (12 if step == "year" else 1)
    return start.replace(year=start.year + (months - 1) // 12, month=(months - 1) % 12 + 1)


def _parse_kinds(names: list[str] | None) -> tuple[Kind, ...]:
    known: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
    chosen = []
    for name in split_names(names) or []:
        folded = name.casefold()
        kind = known.get(folded) or known.get(folded.removesuffix("s"))
        if kind is None:
            raise UsageError(f"expected --kind among {', '.join(known)}, found {name!r}")
        chosen.append(kind)
    return tuple(chosen)


def _parse_page_range(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    first, _, last = text.partition("-")
    numbers = [int(part) for part in (first, last or first) if part.isdecimal()]
    if len(numbers) != 2 or not 1 <= numbers[0] <= numbers[1]:
        raise UsageError(f"expected --pages like 3 or 3-7, found {text!r}")
    return numbers[0], numbers[1]


def _parse_conditions(texts: list[str] | None) -> dict[str, list[str]]:
    """Parse `key=value`, `key!=value`, `key>=value` and the like; several for one key must all hold."""
    conditions: dict[str, list[str]] = {}
    for text in texts or ():
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise UsageError(f"expected --meta like key=value, price=10..50 or year>=2019, found {text!r}")
        key, operator, value = match.groups()
        conditions.setdefault(key.strip(), []).append(value if operator == "=" else operator + value)
    return conditions


def parse_pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    """Parse the values `key=value` of an option that may repeat. Raises UsageError."""
    values = {}
    for pair in texts or ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"expected {option} key=value, found {pair!r}")
        values[key] = value
    return values


def split_names(names: list[str] | None) -> list[str] | None:
    """Split the values of an option that may repeat and may list names with commas."""
    return [part.strip() for name in names for part in name.split(",")] if names else None
