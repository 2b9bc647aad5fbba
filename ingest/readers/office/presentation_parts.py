"""PowerPoint files (PPTX): slides in order, hidden ones too, with speaker notes and comments; formulas in a line."""

from pagelens.ingest.readers.office.archive import Element, OfficeArchive, to_bytes
from pagelens.ingest.readers.office.formulas import M, linear_formula
from pagelens.ingest.readers.office.page_notes import OfficeContent, PageNote
from pagelens.ingest.readers.office.struck_text import take_out_of_slide
from pagelens.ingest.readers.reader import STRUCK_OUT

HIDDEN_SLIDE = "Hidden slide: it is not shown when the presentation is given."

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_A14 = "{http://schemas.microsoft.com/office/drawing/2010/main}"
_PRESENTATION = "ppt/presentation.xml"
_NOT_NOTES = ("sldNum", "dt", "hdr", "ftr", "sldImg")  # placeholders of a notes page
_NOT_TEXT = ("sldNum", "dt", "ftr")


def prepare_presentation(archive: OfficeArchive, *, draws_formulas: bool) -> OfficeContent:
    """Return a file's changed slides (hidden ones shown, formulas in a line unless they will be drawn) and notes."""
    content = OfficeContent()
    authors = _authors(archive)
    for number, name in enumerate(_slides(archive), 1):
        root = archive.tree(name)
        if root is None:
            continue
        is_hidden = root.get("show") in ("0", "false")
        if is_hidden:
            del root.attrib["show"]
            content.notes.append(PageNote(HIDDEN_SLIDE, page=number))
        struck = take_out_of_slide(root)
        if struck:
            content.notes.append(PageNote(f"{STRUCK_OUT}{'; '.join(struck)}", page=number))
        formulas = list(root.iter(f"{_A14}m"))
        content.formulas += [PageNote(f"Formula: {_linear(formula)}", page=number) for formula in formulas]
        content.notes += [PageNote(text, page=number) for text in _notes_of(archive, name, authors)]
        for formula in () if draws_formulas else formulas:
            _write_in_line(formula)
        if is_hidden or struck or (formulas and not draws_formulas):
            content.changed[name] = to_bytes(root)
    return content


def slide_pages(archive: OfficeArchive) -> tuple[list[list[str]], list[PageNote]]:
    """Return the paragraphs of each slide, and the notes."""
    pages = []
    for name in _slides(archive):
        root = archive.tree(name)
        if root is not None:
            take_out_of_slide(root)
        pages.append([] if root is None else _slide_paragraphs(root))
    return pages, prepare_presentation(archive, draws_formulas=True).notes


def _slides(archive: OfficeArchive) -> list[str]:
    """Return the names of the slides in the order of the presentation."""
    root = archive.tree(_PRESENTATION)
    if root is None:
        return []
    related = archive.related(_PRESENTATION)
    ids = [slide.get(f"{_R}id") for slide in root.iter(f"{_P}sldId")]
    return [related[key][1] for key in ids if key in related]


def _authors(archive: OfficeArchive) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in ("ppt/commentAuthors.xml", "ppt/authors.xml"):
        root = archive.tree(part)
        for author in root.iter() if root is not None else ():
            if author.get("id") and author.get("name"):
                found[author.get("id")] = " ".join(author.get("name").split())
    return found


def _notes_of(archive: OfficeArchive, slide: str, authors: dict[str, str]) -> list[str]:
    """Return a slide's speaker notes and comments."""
    texts: list[str] = []
    for kind, target in archive.related(slide).values():
        if kind not in ("notesSlide", "comments", "comment"):
            continue
        root = archive.tree(target)
        if root is None:
            continue
        if kind == "notesSlide":
            notes = " ".join(_shape_paragraphs(root, _NOT_NOTES))
            texts += [f"Speaker notes: {notes}"] if notes else []
        else:
            texts += _comments(root, authors)
    return texts


def _comments(root: Element, authors: dict[str, str]) -> list[str]:
    """Return the comments of a slide: a plain text each in the older format, paragraphs with replies in the newer."""
    texts: list[str] = []
    for comment in root.iter():
        if not isinstance(comment.tag, str) or comment.tag.rpartition("}")[2] not in ("cm", "reply"):
            continue
        plain = [child.text or "" for child in comment if child.tag == f"{_P}text"]
        bodies = [child for child in comment if isinstance(child.tag, str) and child.tag.endswith("}txBody")]
        paragraphs = plain + [_text_of(paragraph) for body in bodies for paragraph in body.iter(f"{_A}p")]
        text = " ".join(" ".join(paragraphs).split())
        author = authors.get(comment.get("authorId") or "", "")
        if text:
            texts.append(f"Comment by {author}: {text}" if author else f"Comment: {text}")
    return texts


def _slide_paragraphs(root: Element) -> list[str]:
    return _shape_paragraphs(root, _NOT_TEXT)


def _shape_paragraphs(root: Element, left_out: tuple[str, ...]) -> list[str]:
    """Return the paragraphs of all shapes but some placeholders; a row of a table is one paragraph."""
    texts: list[str] = []
    for element in root.iter(f"{_A}p", f"{_A}tr"):
        if next(element.iterancestors(f"{_MC}Fallback", f"{_A}tr"), None) is not None:
            continue
        shape = next(element.iterancestors(f"{_P}sp"), None)
        placeholder = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph") if shape is not None else None
        if placeholder is not None and placeholder.get("type") in left_out:
            continue
        cells = (
            [_text_of(cell) for cell in element.iter(f"{_A}tc")] if element.tag == f"{_A}tr" else [_text_of(element)]
        )
        text = " | ".join(cell for cell in cells if cell)
        if text:
            texts.append(text)
    return texts


def _text_of(element: Element) -> str:
    parts: list[str] = []
    for child in element.iter(f"{_A}t", f"{_A}br", f"{M}oMath", f"{_A}p"):
        if child.tag == f"{_A}t" and child.getparent().get("type") == "slidenum":
            continue  # a field
        if child.tag == f"{_A}t":
            parts.append(child.text or "")
        elif child.tag == f"{M}oMath":
            parts.append(f" {linear_formula(child)} ")
        else:
            parts.append(" ")
    return " ".join("".join(parts).split())


def _linear(formula: Element) -> str:
    return "; ".join(linear_formula(child) for child in formula).strip()


def _write_in_line(formula: Element) -> None:
    """Replace a formula, and the choice between it and a picture, by a run with its linear form."""
    parent = formula.getparent()
    run = parent.makeelement(f"{_A}r")
    text = run.makeelement(f"{_A}t")
    text.text = f" {_linear(formula)} "
    run.append(text)
    parent.replace(formula, run)
    choice = next(run.iterancestors(f"{_MC}Choice"), None)
    if choice is None:
        return
    alternatives = choice.getparent()
    outer = alternatives.getparent()
    position = outer.index(alternatives)
    for child in reversed(list(choice)):
        outer.insert(position, child)
    outer.remove(alternatives)
