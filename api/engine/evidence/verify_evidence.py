"""Checks an evidence bundle of PageLens (format `pagelens-evidence`, version 1) against the files that it cites.

    python verify_evidence.py evidence.json FILE_OR_FOLDER... [--json]

Needs Python 3.11 and PyMuPDF, and nothing of PageLens. Files are found by their SHA-256, whatever their names are.
Exit code: 0 all holds; 1 something does not hold; 2 the bundle cannot be read; 3 what can be checked holds, but not all
can be: words come from OCR, a format has no fixed pages, or a citation claims no words.
"""

import hashlib
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any

try:
    import pymupdf
except ImportError:
    sys.exit("expected PyMuPDF, found none: pip install pymupdf")

TOLERANCE = 1.5  # points: how far the box of a word may lie from that of its letters
FLAGS: int = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_CLIP
VERDICTS = {True: "holds", False: "DOES NOT HOLD", None: "holds as far as it can be checked"}
BRACKETS = str.maketrans("[]【】\u00ad", "()()-")
MARK = re.compile(r"\[\d{1,3}\]")  # of a citation, in an answer
NO_WORDS = "the page has no words there"


def letters(text: str) -> str:
    """Return a text without blanks and invisible characters, in Unicode's compatibility form."""
    kept = unicodedata.normalize("NFKC", text.translate(BRACKETS))
    return "".join(c for c in kept if not c.isspace() and c != "\ufffd" and unicodedata.category(c)[0] != "C")


def digest_of(bundle: dict[str, Any]) -> str:
    """Return the SHA-256 of a bundle's JSON without `digest`: sorted keys, no blanks, ASCII."""
    content = {key: value for key, value in bundle.items() if key != "digest"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def files_by_hash(paths: Iterable[str]) -> dict[str, Path]:
    """Return the given files, and those in the given folders, by the SHA-256 of their bytes."""
    files = [file for path in map(Path, paths) for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    return {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in files if file.is_file()}


class PageGlyphs:
    """The words of a page as PyMuPDF finds them, and its glyphs by line for words that it divides in another way."""

    def __init__(self, page: Any) -> None:
        turn = page.rotation_matrix
        self.size: tuple[float, float] = (page.rect.width, page.rect.height)
        self.words: dict[str, list[Any]] = {}
        self.lines: list[list[tuple[str, Any, float]]] = []
        for x0, y0, x1, y1, text, *_ in page.get_text("words", flags=FLAGS):
            self.words.setdefault(letters(text), []).append(pymupdf.Rect(x0, y0, x1, y1) * turn)
        for line in (line for block in page.get_text("rawdict", flags=FLAGS)["blocks"] for line in block["lines"]):
            across, down = line["dir"]
            chars = [(letters(char["c"]), char["bbox"]) for span in line["spans"] for char in span["chars"]]
            glyphs = [(text, pymupdf.Rect(box) * turn, box[0] * across + box[1] * down) for text, box in chars]
            self.lines.append([glyph for glyph in glyphs if glyph[0]])

    def problem_of(self, word: str, box: Sequence[float]) -> str:
        """Return "" where the page has a word at a box (fractions of the page), else what it has there."""
        wanted, (width, height) = letters(word), self.size
        rect = pymupdf.Rect(box[0] * width, box[1] * height, box[2] * width, box[3] * height)
        if any(is_near(rect, other) for other in self.words.get(wanted, ())):
            return ""
        found = []
        for line in self.lines:
            inside = [glyph for glyph in line if is_within(glyph[1], rect)]
            drawn = "".join(text for text, _, _ in inside)
            along = "".join(text for text, _, _ in sorted(inside, key=lambda glyph: glyph[2]))
            around = reduce(lambda box, glyph: box | glyph[1], inside, pymupdf.Rect())
            if inside and wanted in (drawn, along) and is_near(rect, around & pymupdf.Rect(0, 0, width, height)):
                return ""
            found += [drawn] if drawn else []
        return f"the page has {' '.join(found)!r} there" if found else NO_WORDS


def left_out(words: Sequence[dict[str, Any]], page: PageGlyphs) -> Iterable[str]:
    """Yield where words that follow each other in a citation do not on the page: another stands between, or before."""
    width, height = page.size
    boxes = [box for text, rects in page.words.items() if text for box in rects]
    for word, following in pairwise(words):
        (_, y0, x0, y1), (x1, top, right, bottom) = word["box"], following["box"]
        if min(y1, bottom) - max(y0, top) < min(y1 - y0, bottom - top) / 2:
            continue  # on another line
        if right <= word["box"][0] and not any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in word["text"]):
            yield f"words: {following['text']!r} stands before {word['text']!r} on the page"
        gap = pymupdf.Rect(x0 * width, max(y0, top) * height, x1 * width, min(y1, bottom) * height)
        if x0 < x1 and any(is_within(box, gap) for box in boxes):
            yield f"words: between {word['text']!r} and {following['text']!r} the page has others"


def is_near(rect: Any, other: Any) -> bool:
    """Return whether two boxes are the same within TOLERANCE."""
    return all(abs(one - two) <= TOLERANCE for one, two in zip(rect, other, strict=True))


def is_within(glyph: Any, rect: Any) -> bool:
    """Return whether the middle of a glyph is in a box."""
    across, down = (glyph.x0 + glyph.x1) / 2, (glyph.y0 + glyph.y1) / 2
    return bool(rect.x0 - 0.1 <= across <= rect.x1 + 0.1 and rect.y0 - 0.1 <= down <= rect.y1 + 0.1)


def check_citation(citation: dict[str, Any], answer: str, files: dict[str, Path]) -> tuple[list[str], list[str]]:
    """Return what does not hold of a citation, and what cannot be checked."""
    statement, quote, words = citation["statement"].replace(" … ", " "), citation["quote"], citation["words"]
    spelled = letters("".join(word["text"] for word in words))
    problems = [] if letters(quote) == spelled else ["quote: the words of the citation do not spell it"]
    if citation["verbatim"] and letters(quote) not in letters(statement):
        problems.append("quote: the statement does not repeat it word for word")
    unchecked = [] if citation["verbatim"] else ["statement: it does not quote the page word for word"]
    if letters(citation["statement"]) not in answer:
        problems.append("statement: it is not in the answer")
    file = files.get(citation["file"]["sha256"])
    if file is None:
        return [*problems, f"file: none of the given is {citation['file']['name']} as it was cited"], unchecked
    try:
        with pymupdf.open(file) as document:
            more = ([], ["page: the file needs a password"]) if document.needs_pass else check_page(citation, document)
            return problems + more[0], unchecked + more[1]
    except RuntimeError as exc:  # among them PyMuPDF's errors of files that it cannot read
        return problems, [*unchecked, f"page and words: PyMuPDF cannot read the file ({exc})"]


def check_page(citation: dict[str, Any], document: Any) -> tuple[list[str], list[str]]:
    """Return what does not hold of a citation's page and words, and what cannot be checked."""
    cited, words = citation["page"], citation["words"]
    if document.is_reflowable:
        stands = letters(citation["quote"]) in letters("".join(page.get_text(flags=FLAGS) for page in document))
        problems = [] if stands else ["quote: it is not in the file's text"]
        return problems, ["page and boxes: the format has no fixed pages"]
    if document.page_count != cited["count"] or not 1 <= cited["number"] <= document.page_count:
        return [f"page: the file has {document.page_count} pages, not {cited['count']} with {cited['number']}"], []
    page, problems, unchecked = document[cited["number"] - 1], [], []
    if document.is_pdf and (page.get_label() or "") != (cited["label"] or ""):
        problems.append(f"page: its label is {page.get_label()!r}, not {cited['label']!r}")
    if document.is_pdf and max(abs(page.rect.width - cited["width"]), abs(page.rect.height - cited["height"])) > 1:
        problems.append(f"page: it is {page.rect.width:g} by {page.rect.height:g} points large")
    on_page = PageGlyphs(page)
    for word in words:
        box, problem = word["box"], on_page.problem_of(word["text"], word["box"])
        by_ocr = citation["words_from"] == "ocr" or (citation["words_from"], problem) == ("both", NO_WORDS)
        if problem and not (by_ocr and 0 <= box[0] < box[2] <= 1 >= box[3] > box[1] >= 0):
            problems.append(f"words: {word['text']!r} is not at {box}: {problem}")
        elif problem:
            unchecked.append(f"words: {word['text']!r} is said to come from OCR; {problem}")
    if citation["verbatim"] and citation["words_from"] in ("layer", "both"):
        problems += left_out(words, on_page)
    return problems, unchecked


def check_bundle(bundle: dict[str, Any], files: dict[str, Path]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return what does not hold of a bundle as a whole, and the outcome for each citation."""
    if (bundle.get("format"), bundle.get("version")) != ("pagelens-evidence", 1):
        return [f"format: expected pagelens-evidence 1, found {bundle.get('format')} {bundle.get('version')}"], []
    problems = ["digest: the bundle has been changed"] if bundle["digest"] != digest_of(bundle) else []
    answer = letters(MARK.sub("", bundle["answer"]["text"]))
    known = {citation["id"] for citation in bundle["citations"]}
    for sentence in bundle["sentences"]:
        if letters(sentence["text"]) not in answer or not known.issuperset(sentence["citations"]):
            problems += [f"sentence: {sentence['text']!r} is not in the answer, or cites nothing of the bundle"]
    outcomes = []
    for citation in bundle["citations"]:
        wrong, unchecked = check_citation(citation, answer, files)
        holds = False if wrong else None if unchecked else True
        outcomes.append({"citation": citation["id"], "holds": holds, "problems": wrong, "unchecked": unchecked})
    return problems, outcomes


def main(arguments: Sequence[str]) -> int:
    """Print what holds; return the exit code."""
    paths = [argument for argument in arguments if argument != "--json"]
    if len(paths) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        problems, outcomes = check_bundle(json.loads(Path(paths[0]).read_bytes()), files_by_hash(paths[1:]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        print(f"expected an evidence bundle in {paths[0]}, found: {type(exc).__name__} {exc}", file=sys.stderr)
        return 2
    lines = [f"bundle: {problem}" for problem in problems]
    for outcome in outcomes:
        lines.append(f"{outcome['citation']}: {VERDICTS[outcome['holds']]}")
        lines += [f"    {line}" for line in outcome["problems"] + outcome["unchecked"]]
    as_json = json.dumps({"problems": problems, "citations": outcomes}, ensure_ascii=False, indent=1)
    print(as_json if "--json" in arguments else "\n".join(lines))
    holds = {outcome["holds"] for outcome in outcomes}
    return 1 if problems or False in holds else 3 if None in holds else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
