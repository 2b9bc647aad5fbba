"""Word files (DOCX): accepts tracked changes, finds comments and formulas, and reads plain text without LibreOffice."""

from collections.abc import Iterator

from pagelens.ingest.readers.office.archive import Element, OfficeArchive, to_bytes
from pagelens.ingest.readers.office.formulas import M, linear_formula
from pagelens.ingest.readers.office.page_notes import OfficeContent, PageNote, anchors_around
from pagelens.ingest.readers.office.struck_text import StruckTexts, take_out_of_word
from pagelens.ingest.readers.office.tracked_changes import W, accept_word_changes
from pagelens.ingest.readers.reader import STRUCK_OUT

_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_XML_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
# One font with letters and signs: signs taken from another font would be read as lines of their own.
_FORMULA_FONT = "DejaVu Sans"
_DOCUMENT = "word/document.xml"
_STYLES = "word/styles.xml"
_NOTE_PARTS = ("word/footnotes.xml", "word/endnotes.xml")
_PARTS_WITH_TEXT = ("document", "header", "footer", "footnotes", "endnotes", "comments")
_SEPARATORS = ("separator", "continuationSeparator", "continuationNotice")
_BLANKS = {f"{W}tab": " ", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-", f"{W}ptab": " "}


def prepare_word(archive: OfficeArchive, *, draws_formulas: bool) -> OfficeContent:
    """Return a file's changed parts (changes accepted; formulas in a line unless they will be drawn) and its notes."""
    content = OfficeContent()
    comments, styles = _comments(archive), archive.tree(_STYLES)
    for name in _text_parts(archive):
        root = archive.tree(name)
        assert root is not None
        changes = accept_word_changes(root)
        struck = take_out_of_word(root, styles)
        changes += len(struck)
        content.notes += _struck_notes(struck)
        if name.rpartition("/")[2].startswith(("document", "footnotes", "endnotes")):
            content.notes += _anchored_comments(root, comments)
        formulas = _formulas(root)
        content.formulas += [_formula_note(formula) for formula in formulas]
        for formula in () if draws_formulas else formulas:
            _write_in_line(formula)
        if changes or (formulas and not draws_formulas):
            content.changed[name] = to_bytes(root)
    return content


def word_pages(archive: OfficeArchive) -> tuple[list[list[str]], list[PageNote]]:
    """Return the paragraphs of each page, and the notes. Pages end where Word ended them when the file was saved."""
    document = archive.tree(_DOCUMENT)
    if document is None:
        return [], []
    accept_word_changes(document)
    notes = _struck_notes(take_out_of_word(document, archive.tree(_STYLES)))
    notes += _anchored_comments(document, _comments(archive))
    footnotes = {key: text for part in _NOTE_PARTS for key, text in _footnotes(archive, part).items()}
    pages: list[list[str]] = [[]]
    for element in _paragraphs_and_rows(document):
        for index, text in enumerate(_row_text(element).split("\f")):
            if index:
                pages.append([])
            if text.strip():
                pages[-1].append(text.strip())
        pages[-1] += _referenced_footnotes(element, footnotes)
    first, last = _headers_and_footers(archive)
    pages[0][:0] = first
    pages[-1] += last
    return [page for page in pages if page] or [[]], notes


def _text_parts(archive: OfficeArchive) -> list[str]:
    return [
        name
        for name in archive.names()
        if name.startswith("word/") and name.endswith(".xml") and name.count("/") == 1
        and name[5:].startswith(_PARTS_WITH_TEXT)
    ]  # fmt: skip


def _comments(archive: OfficeArchive) -> dict[str, str]:
    root = archive.tree("word/comments.xml")
    found: dict[str, str] = {}
    for comment in root.iter(f"{W}comment") if root is not None else ():
        text = " ".join(filter(None, (" ".join(_paragraph_text(p).split()) for p in comment.iter(f"{W}p"))))
        author = " ".join((comment.get(f"{W}author") or "").split())
        if text:
            found[comment.get(f"{W}id") or ""] = f"Comment by {author}: {text}" if author else f"Comment: {text}"
    return found


def _anchored_comments(root: Element, comments: dict[str, str]) -> list[PageNote]:
    """Return the comments of a part in the order of the text that they are about."""
    notes: list[PageNote] = []
    anchored: dict[str, list[str]] = {}
    starts: dict[str, tuple[str, int]] = {}
    abouts: dict[str, str] = {}
    for element in root.iter(f"{W}commentRangeStart", f"{W}commentRangeEnd", f"{W}commentReference", f"{W}t"):
        key = element.get(f"{W}id") or ""
        if element.tag == f"{W}t":
            for parts in anchored.values():
                parts.append(element.text or "")
        elif element.tag == f"{W}commentRangeStart":
            anchored[key], starts[key] = [], _place(element)
        elif element.tag == f"{W}commentRangeEnd":
            abouts[key] = "".join(anchored.pop(key, []))
        elif text := comments.get(key):
            paragraph, position = starts.get(key) or _place(element)
            notes.append(PageNote(text, anchors_around(paragraph, abouts.get(key, ""), position)))
    return notes


def _struck_notes(struck: StruckTexts) -> list[PageNote]:
    """Return what was struck out, a note for each paragraph, with the rest of it and the paragraph before."""
    return [
        PageNote(
            f"{STRUCK_OUT}{'; '.join(' '.join(text.split()) for text in texts)}",
            (_paragraph_text(paragraph), "" if previous is None else _paragraph_text(previous)),
        )
        for paragraph, texts in struck.items()
        for previous in [next(paragraph.itersiblings(f"{W}p", preceding=True), None)]
    ]


def _place(element: Element) -> tuple[str, int]:
    """Return the text of an element's paragraph, and how much of it precedes the element."""
    paragraph = next(element.iterancestors(f"{W}p"), None)
    if paragraph is None:  # between paragraphs: the next one
        following = element.getnext()
        while following is not None and following.tag != f"{W}p":
            following = following.getnext()
        return ("" if following is None else _paragraph_text(following), 0)
    before = 0
    for item in paragraph.iter(f"{W}t", element.tag):
        if item is element:
            break
        before += len(item.text or "")
    return _paragraph_text(paragraph), before


def _formulas(root: Element) -> list[Element]:
    """Return the outermost formulas: displayed ones, and those within a line."""
    return [
        formula
        for formula in root.iter(f"{M}oMathPara", f"{M}oMath")
        if next(formula.iterancestors(f"{M}oMathPara", _FALLBACK), None) is None
    ]


def _formula_note(formula: Element) -> PageNote:
    return PageNote(f"Formula: {linear_formula(formula).strip()}", tuple(filter(str.strip, _texts_around(formula))))


def _texts_around(formula: Element) -> tuple[str, ...]:
    """Return the text between a formula and the one before it, the same after it, and the paragraph before."""
    paragraph = next(formula.iterancestors(f"{W}p"), None)
    if paragraph is None:
        return ()
    before, after, is_before = "", "", True
    for element in paragraph.iter(f"{W}t", f"{M}oMath"):
        if element is formula or next((a for a in element.iterancestors() if a is formula), None) is not None:
            is_before = False
        elif element.tag == f"{M}oMath":
            if not is_before:
                break
            before = ""
        elif is_before:
            before += element.text or ""
        else:
            after += element.text or ""
    previous = next(paragraph.itersiblings(f"{W}p", preceding=True), None)
    return before[-60:], after, "" if previous is None else _paragraph_text(previous)


def _write_in_line(formula: Element) -> None:
    """Replace a formula by a run with its linear form."""
    parent = formula.getparent()
    run = parent.makeelement(f"{W}r")
    properties = run.makeelement(f"{W}rPr")
    fonts = dict.fromkeys((f"{W}{script}" for script in ("ascii", "hAnsi", "eastAsia", "cs")), _FORMULA_FONT)
    properties.append(properties.makeelement(f"{W}rFonts", fonts))
    run.append(properties)
    text = run.makeelement(f"{W}t")
    text.text = f" {linear_formula(formula).strip()} "
    text.set(_XML_SPACE, "preserve")
    run.append(text)
    run.tail = formula.tail
    formula.tail = None
    parent.replace(formula, run)


def _paragraphs_and_rows(root: Element) -> Iterator[Element]:
    """Yield paragraphs and rows of tables in order; text boxes once, after the paragraph that holds them."""
    for element in root.iter(f"{W}p", f"{W}tr"):
        if next(element.iterancestors(_FALLBACK, f"{W}tr"), None) is None:
            yield element


def _row_text(element: Element) -> str:
    """Return the text of a paragraph, or of the cells of a row."""
    if element.tag == f"{W}p":
        return _paragraph_text(element)
    cells = element.iter(f"{W}tc")
    texts = (" ".join(_paragraph_text(paragraph).strip() for paragraph in cell.findall(f"{W}p")) for cell in cells)
    return " | ".join(text for text in texts if text)


def _paragraph_text(paragraph: Element) -> str:
    """Return a paragraph's text without that of text boxes in it; a form feed stands for the end of a page."""
    parts: list[str] = []
    _collect(paragraph, parts)
    return "".join(parts)


def _collect(element: Element, parts: list[str]) -> None:
    for child in element:
        tag = child.tag
        if tag == f"{W}t":
            parts.append(child.text or "")
        elif tag == f"{W}lastRenderedPageBreak" or (tag == f"{W}br" and child.get(f"{W}type") == "page"):
            parts.append("\f")
        elif tag in _BLANKS:
            parts.append(_BLANKS[tag])
        elif tag in (f"{M}oMathPara", f"{M}oMath"):
            parts.append(f" {linear_formula(child).strip()} ")
        elif (
            isinstance(tag, str)
            and tag not in (f"{W}p", _FALLBACK, f"{W}pPr", f"{W}instrText")
            and not _is_hidden(child)
        ):
            _collect(child, parts)


def _is_hidden(run: Element) -> bool:
    mark = run.find(f"{W}rPr/{W}vanish") if run.tag == f"{W}r" else None
    return mark is not None and mark.get(f"{W}val") not in ("0", "false", "off")


def _footnotes(archive: OfficeArchive, part: str) -> dict[tuple[str, str], str]:
    """Return the notes of a part by the name of their references and their ids."""
    root = archive.tree(part)
    if root is None:
        return {}
    accept_word_changes(root)
    take_out_of_word(root, archive.tree(_STYLES))
    kind = "footnote" if "footnote" in part else "endnote"
    return {
        (f"{W}{kind}Reference", note.get(f"{W}id") or ""): " ".join(
            filter(None, (_paragraph_text(p).strip() for p in note.iter(f"{W}p")))
        )
        for note in root.iter(f"{W}{kind}")
        if note.get(f"{W}type") not in _SEPARATORS
    }


def _referenced_footnotes(paragraph: Element, footnotes: dict[tuple[str, str], str]) -> list[str]:
    references = paragraph.iter(f"{W}footnoteReference", f"{W}endnoteReference")
    return list(filter(None, (footnotes.get((mark.tag, mark.get(f"{W}id") or "")) for mark in references)))


def _headers_and_footers(archive: OfficeArchive) -> tuple[list[str], list[str]]:
    """Return the texts of all headers and of all footers, each text once."""
    texts: tuple[list[str], list[str]] = ([], [])
    for name in _text_parts(archive):
        if name.startswith(("word/header", "word/footer")):
            root = archive.tree(name)
            accept_word_changes(root)
            take_out_of_word(root, archive.tree(_STYLES))
            found = [_row_text(element).strip() for element in _paragraphs_and_rows(root)]
            texts[name.startswith("word/footer")].extend(text for text in found if text)
    return list(dict.fromkeys(texts[0])), list(dict.fromkeys(texts[1]))
