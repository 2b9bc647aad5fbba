"""OpenDocument files (ODT, ODP): accepts tracked changes, finds comments and notes, and reads plain text."""

from collections.abc import Iterable

from pagelens.ingest.readers.office.archive import Element, OfficeArchive, to_bytes
from pagelens.ingest.readers.office.page_notes import OfficeContent, PageNote, anchors_around
from pagelens.ingest.readers.office.presentation_parts import HIDDEN_SLIDE
from pagelens.ingest.readers.office.struck_text import take_out_of_opendocument
from pagelens.ingest.readers.office.tracked_changes import accept_odt_changes
from pagelens.ingest.readers.reader import STRUCK_OUT

_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
_OFFICE, _TEXT, _DRAW = f"{{{_OASIS}:office:1.0}}", f"{{{_OASIS}:text:1.0}}", f"{{{_OASIS}:drawing:1.0}}"
_TABLE, _STYLE = f"{{{_OASIS}:table:1.0}}", f"{{{_OASIS}:style:1.0}}"
_PRESENTATION = f"{{{_OASIS}:presentation:1.0}}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_XLINK = "{http://www.w3.org/1999/xlink}"
_MATH = "{http://www.w3.org/1998/Math/MathML}"
_PARAGRAPHS = (f"{_TEXT}p", f"{_TEXT}h")
_NOT_TEXT = (f"{_OFFICE}annotation", f"{_OFFICE}annotation-end", f"{_TEXT}note", f"{_PRESENTATION}notes", *_PARAGRAPHS)
_FORMULA = "Formula: "
_MAX_BLANKS = 100


def prepare_opendocument(archive: OfficeArchive) -> OfficeContent:
    """Return a file's changed parts (changes accepted, hidden slides shown) and its comments, notes and formulas."""
    content = OfficeContent()
    roots = {name: archive.tree(name) for name in ("content.xml", "styles.xml")}
    for name, root in roots.items():
        if root is None:
            continue
        changes = accept_odt_changes(root)
        struck = _take_out_struck(root, roots.values())
        changes += len(struck)
        content.notes += struck
        if name == "content.xml":
            hidden = _hidden_slides(root)
            changes += len(hidden)
            for note in _page_notes(archive, root, hidden):
                (content.formulas if note.text.startswith(_FORMULA) else content.notes).append(note)
        if changes:
            content.changed[name] = to_bytes(root)
    return content


def opendocument_pages(archive: OfficeArchive) -> tuple[list[list[str]], list[PageNote]]:
    """Return the paragraphs of each slide, of a text all on one page, and the notes."""
    root = archive.tree("content.xml")
    if root is None:
        return [], []
    accept_odt_changes(root)
    notes = _take_out_struck(root, (root, archive.tree("styles.xml")))
    notes += _page_notes(archive, root, _hidden_slides(root))
    slides = list(root.iter(f"{_DRAW}page"))
    if slides:
        return [_texts(slide) for slide in slides], notes
    footnotes = [" ".join(_texts(body)) for body in root.iter(f"{_TEXT}note-body")]
    return [[*_texts(root), *footnotes]], notes


def _take_out_struck(root: Element, styles: Iterable[Element | None]) -> list[PageNote]:
    """Take what is struck out out of the text; return it as notes, one for each paragraph."""
    struck = take_out_of_opendocument(root, [part for part in styles if part is not None], _PARAGRAPHS, _NOT_TEXT)
    slides = {slide: number for number, slide in enumerate(root.iter(f"{_DRAW}page"), 1)} if struck else {}
    return [
        PageNote(
            f"{STRUCK_OUT}{'; '.join(' '.join(text.split()) for text in texts)}",
            (paragraph_text(paragraph), "" if previous is None else paragraph_text(previous)),
            page=next((slides[slide] for slide in paragraph.iterancestors(f"{_DRAW}page")), None),
        )
        for paragraph, texts in struck.items()
        for previous in [next(paragraph.itersiblings(*_PARAGRAPHS, preceding=True), None)]
    ]


def _texts(root: Element) -> list[str]:
    """Return the paragraphs of a text or slide; a row of a table is one."""
    texts: list[str] = []
    around = {root, *root.iterancestors()}
    for element in root.iter(*_PARAGRAPHS, f"{_TABLE}table-row"):
        outer = (f"{_OFFICE}annotation", f"{_PRESENTATION}notes", f"{_TEXT}note", f"{_TABLE}table-row")
        if any(ancestor not in around for ancestor in element.iterancestors(*outer)):
            continue
        cells = [element] if element.tag in _PARAGRAPHS else list(element.iter(f"{_TABLE}table-cell"))
        parts = [" ".join(paragraph_text(p).strip() for p in _own_paragraphs(cell)) for cell in cells]
        if text := " | ".join(part for part in parts if part):
            texts.append(text)
    return texts


def _own_paragraphs(element: Element) -> list[Element]:
    return [element] if element.tag in _PARAGRAPHS else list(element.iter(*_PARAGRAPHS))


def paragraph_text(paragraph: Element) -> str:
    """Return a paragraph's text without comments and footnotes in it."""
    parts = [paragraph.text or ""]
    for child in paragraph:
        if child.tag == f"{_TEXT}s":
            count = child.get(f"{_TEXT}c") or "1"
            parts.append(" " * min(_MAX_BLANKS, int(count) if count.isdecimal() else 1))
        elif child.tag in (f"{_TEXT}tab", f"{_TEXT}line-break"):
            parts.append(" ")
        elif isinstance(child.tag, str) and child.tag not in _NOT_TEXT:
            parts.append(paragraph_text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _hidden_slides(root: Element) -> list[int]:
    """Show the hidden slides in place; return their numbers."""
    visibility = f"{_PRESENTATION}visibility"
    styles = {
        style.get(f"{_STYLE}name")
        for style in root.iter(f"{_STYLE}style")
        if any(part.get(visibility) == "hidden" for part in style.iter(f"{_STYLE}drawing-page-properties"))
    }
    slides = enumerate(root.iter(f"{_DRAW}page"), 1)
    numbers = [number for number, slide in slides if slide.get(f"{_DRAW}style-name") in styles]
    for part in root.iter(f"{_STYLE}drawing-page-properties"):
        if part.get(visibility) == "hidden":
            part.set(visibility, "visible")
    return numbers


def _page_notes(archive: OfficeArchive, root: Element, hidden: list[int]) -> list[PageNote]:
    numbers = {slide: number for number, slide in enumerate(root.iter(f"{_DRAW}page"), 1)}
    notes = [PageNote(HIDDEN_SLIDE, page=number) for number in hidden]
    for element in root.iter(f"{_OFFICE}annotation", f"{_PRESENTATION}notes", f"{_DRAW}object"):
        text = _note_text(archive, element)
        if not text:
            continue
        slide = next((ancestor for ancestor in element.iterancestors(f"{_DRAW}page")), None)
        if slide is not None:
            notes.append(PageNote(text, page=numbers[slide]))
        else:
            notes.append(PageNote(text, _anchors(element)))
    return notes


def _anchors(element: Element) -> tuple[str, ...]:
    """Return texts by which the page of a comment or formula is found: those of its paragraph, else of the next."""
    paragraph = next(element.iterancestors(*_PARAGRAPHS), None)
    if paragraph is None:
        return ()
    text = paragraph_text(paragraph)
    if text.strip():
        before = "".join(paragraph.itertext()).find("".join(element.itertext()))
        return anchors_around(text, "", max(0, before))
    following = next(paragraph.itersiblings(*_PARAGRAPHS), None)
    return () if following is None else anchors_around(paragraph_text(following), "", 0)


def _note_text(archive: OfficeArchive, element: Element) -> str:
    if element.tag == f"{_DRAW}object":
        return _formula(archive, element)
    frames = [f for f in element.iter(f"{_DRAW}frame") if f.get(f"{_PRESENTATION}class") == "notes"]
    bodies = frames if element.tag == f"{_PRESENTATION}notes" else [element]
    paragraphs = (paragraph_text(paragraph).strip() for body in bodies for paragraph in body.iter(*_PARAGRAPHS))
    text = " ".join(" ".join(filter(None, paragraphs)).split())
    if not text:
        return ""
    if element.tag == f"{_PRESENTATION}notes":
        return f"Speaker notes: {text}"
    author = " ".join((element.findtext(f"{_DC}creator") or "").split())
    return f"Comment by {author}: {text}" if author else f"Comment: {text}"


def _formula(archive: OfficeArchive, element: Element) -> str:
    """Return a formula in LibreOffice's own notation ("{a} over {b}"), "" for other embedded objects."""
    name = (element.get(f"{_XLINK}href") or "").removeprefix("./").strip("/")
    part = f"{name}/content.xml"
    if part not in archive.names():
        return ""
    root = archive.tree(part)
    annotation = next(root.iter(f"{_MATH}annotation"), None) if root is not None else None
    text = " ".join((annotation.text or "").split()) if annotation is not None else ""
    return f"{_FORMULA}{text}" if text else ""
