"""The accessibility report: photos and figures whose alternative text is missing, too long or too bare.

The alternative text of a photo is what its file says (a caption that a person wrote), else its description by a model;
that of a figure stands in the document. A figure with an empty text is decoration, and passes.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from pagelens.api.engine.results import FailedFile
from pagelens.core.descriptions import MAX_ALT, Description
from pagelens.core.errors import NotFound, ReadError
from pagelens.core.keys import page_key
from pagelens.core.types import Document, Filters, PageRef
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.reader import Snapshot
from pagelens.index.selection import Selection
from pagelens.ingest.figures import DocumentFigure

AltProblem = Literal["missing", "too long", "too bare"]

MIN_WORDS = 2  # of an alternative text in a script with blanks; one word says too little
MIN_LETTERS_WITHOUT_BLANKS = 4  # of one in Chinese, Japanese, Korean or Thai
_FILE_NAME = re.compile(
    r"[\w .()-]*\.(jpe?g|png|gif|tiff?|webp|bmp|svg|heic|avif|emf|wmf)|(img|dsc[nf]?|pxl|p|screenshot)[-_ ]?\d[\w-]*",
    re.I,
)
_BARE = re.compile(
    r"(an? |the )?(image|picture|photo(graph)?|figure|graphic|icon|logo|diagram|chart|graph|screenshot|img|bild|foto|"
    r"abbildung|grafik|imagen|immagine|image\d*|untitled|placeholder|alt( text)?|null|none)( of( an?| the)?)?[ \d.:]*",
    re.I,
)
_WITHOUT_BLANKS = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

FindFigures = Callable[[DocumentRow], Sequence[DocumentFigure]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AltFinding:
    """A photo or figure whose alternative text should be mended."""

    path: str
    page: int | None
    problem: AltProblem
    alt: str  # the text found; "" if there is none
    name: str = ""  # of the picture's file within the document, where it has one


@dataclass(slots=True, kw_only=True)
class AccessibilityReport:
    """What was checked, and what was found."""

    photos: int = 0
    figures: int = 0
    described: int = 0  # photos whose alternative text is a model's: not checked by anybody
    findings: list[AltFinding] = field(default_factory=list)
    unread: list[FailedFile] = field(default_factory=list)  # documents whose figures could not be listed


def check_alt(alt: str | None, file_name: str = "") -> AltProblem | None:
    """Return what is wrong with an alternative text; None where nothing is, or it is empty on purpose."""
    if alt is None:
        return "missing"
    text = " ".join(alt.split())
    if not text:
        return None
    if len(text) > MAX_ALT:
        return "too long"
    is_name = file_name and text.casefold() in (file_name.casefold(), PurePath(file_name).stem.casefold())
    if is_name or _FILE_NAME.fullmatch(text) or _BARE.fullmatch(text):
        return "too bare"
    if _WITHOUT_BLANKS.search(text):
        return "too bare" if len(text) < MIN_LETTERS_WITHOUT_BLANKS else None
    return "too bare" if len(re.findall(r"[^\W_]+", text)) < MIN_WORDS else None


def check_collection(snapshot: Snapshot, filters: Filters, find_figures: FindFigures) -> AccessibilityReport:
    """Return the report on the documents that match the filters. Figures are listed from the files."""
    report = AccessibilityReport()
    rows = list(snapshot.documents.values())
    selection = snapshot.select(filters) or Selection()
    descriptions = snapshot.descriptions()
    for row in rows:
        if selection.documents is not None and row.key not in selection.documents:
            continue
        if row.document.kind == "photo":
            _check_photo(row, descriptions.get(page_key(row.key, 1)), report)
        else:
            report.findings += _check_figures(row, selection, find_figures, report)
    return report


def photo_alt(document: Document, description: Description | None) -> str | None:
    """Return a photo's alternative text: a person's, else a model's; None where neither wrote one."""
    own = str(document.metadata.get("caption", "")).strip()
    return own or (description.alt_text if description else None)


def _check_photo(row: DocumentRow, description: Description | None, report: AccessibilityReport) -> None:
    report.photos += 1
    alt = photo_alt(row.document, description)
    report.described += description is not None and alt == description.alt_text
    problem = check_alt(alt, PurePath(row.path).name)
    if problem:
        report.findings.append(AltFinding(path=row.path, page=None, problem=problem, alt=alt or ""))


def _check_figures(
    row: DocumentRow, selection: Selection, find_figures: FindFigures, report: AccessibilityReport
) -> Iterator[AltFinding]:
    try:
        figures = find_figures(row)
    except (ReadError, NotFound) as exc:
        report.unread.append(FailedFile(row.path, exc.code if isinstance(exc, ReadError) else "vanished", str(exc)))
        return
    for figure in figures:
        if figure.page is not None and not selection.first_page <= figure.page <= selection.last_page:
            continue
        report.figures += 1
        problem = check_alt(figure.alt, figure.name)
        if problem:
            yield AltFinding(path=row.path, page=figure.page, problem=problem, alt=figure.alt or "", name=figure.name)


def figure_ref(finding: AltFinding) -> str:
    """Return where a finding is: "report.pdf p.3", or the path alone."""
    return finding.path if finding.page is None else str(PageRef(finding.path, finding.page))
