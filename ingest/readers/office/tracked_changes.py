"""Accepts all tracked changes of Word and OpenDocument texts: deletions leave the text, insertions stay in it."""

from pagelens.ingest.readers.office.archive import Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"

_DELETED = (f"{W}del", f"{W}moveFrom")
_INSERTED = (f"{W}ins", f"{W}moveTo")
# Marks without text: of inserted rows, of former formats, of the ranges of moves.
_FORMER = ("rPrChange", "pPrChange", "sectPrChange", "tblPrChange", "tblPrExChange", "tblGridChange", "trPrChange")
_MARKS = (*_FORMER, "tcPrChange", "numberingChange", "cellIns", "moveFromRangeStart", "moveFromRangeEnd",
          "moveToRangeStart", "moveToRangeEnd")  # fmt: skip
_PROPERTIES = ("rPr", "trPr", "ctrlPr")  # in which `del` and `ins` are marks of what they describe


def accept_word_changes(root: Element) -> int:
    """Accept the changes of a part of a Word file in place; return how many deletions and insertions there were."""
    changes = 0
    for paragraph in [mark.getparent().getparent().getparent() for mark in _paragraph_marks(root)]:
        changes += 1
        _join_with_next(paragraph)
    for element in list(root.iter(*_DELETED, f"{W}cellDel")):
        changes += 1
        _delete(element)
    for element in list(root.iter(*_INSERTED)):
        changes += 1
        _unwrap(element)
    for mark in list(root.iter(*(f"{W}{name}" for name in _MARKS))):
        _remove(mark)
    return changes


def accept_odt_changes(root: Element) -> int:
    """Accept the changes of a part of an OpenDocument file in place; return how many there were.

    Deleted text stands in a list of its own there; the text has only marks.
    """
    changes = len(list(root.iter(f"{_TEXT}changed-region")))
    names = ("tracked-changes", "change", "change-start", "change-end")
    for element in list(root.iter(*(f"{_TEXT}{name}" for name in names))):
        _remove(element)
    return changes


def _paragraph_marks(root: Element) -> list[Element]:
    """Return the marks of deleted or moved ends of paragraphs: w:p/w:pPr/w:rPr/w:del."""
    return [
        mark
        for mark in root.iter(*_DELETED)
        if _name(mark.getparent()) == "rPr" and _name(mark.getparent().getparent()) == "pPr"
    ]


def _join_with_next(paragraph: Element) -> None:
    """Move what a paragraph has to the start of the next one, and remove it; it stays where there is no next one."""
    following = paragraph.getnext()
    while following is not None and not (isinstance(following.tag, str) and following.tag in (f"{W}p", f"{W}tbl")):
        following = following.getnext()
    content = [child for child in paragraph if child.tag != f"{W}pPr"]
    is_empty = all(not isinstance(child.tag, str) or child.tag in _DELETED or "Range" in child.tag for child in content)
    if following is None or following.tag != f"{W}p":
        if is_empty and following is not None and paragraph.find(f".//{W}sectPr") is None:
            _remove(paragraph)
        return
    if paragraph.find(f".//{W}sectPr") is not None:
        return  # the end of a section
    position = 1 if len(following) and following[0].tag == f"{W}pPr" else 0
    for child in reversed(content):
        following.insert(position, child)
    _remove(paragraph)


def _delete(element: Element) -> None:
    """Remove a deletion: its text, or, where it is a mark, the row or cell that it describes."""
    parent = element.getparent()
    if parent is None:
        return
    owner = {"trPr": f"{W}tr", "tcPr": f"{W}tc"}.get(_name(parent))
    described = parent.getparent()
    if owner is None or described is None or described.tag != owner:
        _remove(element)
    elif described.getparent() is not None:
        siblings = described.getparent().findall(owner)
        if owner == f"{W}tc" and len(siblings) == 1:
            _remove(element)  # a row without cells is not valid
        else:
            _remove(described)


def _unwrap(element: Element) -> None:
    """Replace an element by its children."""
    parent = element.getparent()
    if parent is None:
        return
    if _name(parent) not in _PROPERTIES:
        position = parent.index(element)
        for child in reversed(list(element)):
            parent.insert(position, child)
    _remove(element)


def _remove(element: Element) -> None:
    """Remove an element; the text after it stays."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        before = element.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)


def _name(element: Element | None) -> str:
    """Return an element's name without its namespace, "" for a comment or None."""
    return element.tag.rpartition("}")[2] if element is not None and isinstance(element.tag, str) else ""
