"""Text boxes, tables, headers and footnotes of Word files, and comments on slides, are there once."""

from pathlib import Path

import pytest

from pagelens.ingest.readers.office.archive import OfficeArchive
from pagelens.ingest.readers.office.presentation_parts import prepare_presentation
from tests.ingest.readers.office.office_files import (
    NAMESPACES,
    needs_libreoffice,
    paragraph,
    read_file,
    read_without_libreoffice,
    run,
    word_file,
    write_archive,
)

BOX = (
    "<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wp:inline xmlns:wp='http://schemas.openxmlformats."
    "org/drawingml/2006/wordprocessingDrawing'><wp:extent cx='2000000' cy='500000'/><wp:docPr id='1' name='b'/>"
    "<a:graphic xmlns:a='http://schemas.openxmlformats.org/drawingml/2006/main'><a:graphicData uri='http://schemas."
    "microsoft.com/office/word/2010/wordprocessingShape'><wps:wsp><wps:cNvSpPr txBox='1'/><wps:spPr><a:xfrm><a:off "
    "x='0' y='0'/><a:ext cx='2000000' cy='500000'/></a:xfrm><a:prstGeom prst='rect'/></wps:spPr><wps:txbx>"
    "<w:txbxContent>{text}</w:txbxContent></wps:txbx><wps:bodyPr/></wps:wsp></a:graphicData></a:graphic></wp:inline>"
    "</w:drawing></mc:Choice><mc:Fallback><w:pict><v:rect style='width:100pt;height:30pt'><v:textbox><w:txbxContent>"
    "{text}</w:txbxContent></v:textbox></v:rect></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
)
TABLE = "<w:tbl><w:tblPr/><w:tblGrid><w:gridCol w:w='3000'/><w:gridCol w:w='3000'/></w:tblGrid>{rows}</w:tbl>"
ONCE = ("Words in the box", "Due in March", "Harbour of Dunholt", "Page foot", "The lease")


def row(*cells: str) -> str:
    return f"<w:tr>{''.join(f'<w:tc>{paragraph(run(cell))}</w:tc>' for cell in cells)}</w:tr>"


def leased(path: Path) -> Path:
    note = f"<w:footnote w:id='2'>{paragraph(run('Due in March'))}</w:footnote>"
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>not to be seen</w:t></w:r>"
    return word_file(
        path,
        paragraph(run("The lease"), "<w:r><w:footnoteReference w:id='2'/></w:r>", hidden),
        paragraph(BOX.format(text=paragraph(run("Words in the box")))),
        TABLE.format(rows=row("Ship", "Rent") + row("Petrel", "46,500")),
        paragraph(run("end")),
        parts={
            "footnotes": f"<w:footnotes {NAMESPACES}>{note}</w:footnotes>",
            "header1": f"<w:hdr {NAMESPACES}>{paragraph(run('Harbour of Dunholt'))}</w:hdr>",
            "footer1": f"<w:ftr {NAMESPACES}>{paragraph(run('Page foot'))}</w:ftr>",
        },
    )


@pytest.mark.parametrize("with_libreoffice", [False, True])
def test_each_text_is_there_once(tmp_path: Path, with_libreoffice: bool) -> None:
    if with_libreoffice:
        needs_libreoffice()
    path = leased(tmp_path / "a.docx")
    _, (page,) = read_file(path) if with_libreoffice else read_without_libreoffice(path)
    assert [page.text.text.count(text) for text in ONCE] == [1] * len(ONCE)
    assert "not to be seen" not in page.text.text
    assert any("Petrel" in line and "46,500" in line for line in page.text.text.splitlines())


R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"


def links(**targets: tuple[str, str]) -> str:
    items = "".join(
        f"<Relationship Id='{key}' Type='{R}/{kind}' Target='{target}'/>" for key, (kind, target) in targets.items()
    )
    return (
        f"<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>{items}</Relationships>"
    )


OLDER = f"<p:cmLst xmlns:p='{P}'><p:cm authorId='0'><p:text>Ask Sigrun</p:text></p:cm></p:cmLst>"
NEWER = (
    f"<c:cmLst xmlns:c='urn:x' xmlns:a='{A}'><c:cm authorId='0'><c:replyLst><c:reply authorId='0'><c:txBody><a:p><a:r>"
    "<a:t>She said yes</a:t></a:r></a:p></c:txBody></c:reply></c:replyLst><c:txBody><a:p><a:r><a:t>Ask Sigrun</a:t>"
    "</a:r></a:p></c:txBody></c:cm></c:cmLst>"
)


@pytest.mark.parametrize(
    ("comments", "texts"),
    [
        (OLDER, ["Comment by Mia: Ask Sigrun"]),
        (NEWER, ["Comment by Mia: Ask Sigrun", "Comment by Mia: She said yes"]),
    ],
)
def test_comments_on_slides_are_notes(tmp_path: Path, comments: str, texts: list[str]) -> None:
    path = write_archive(
        tmp_path / "a.pptx",
        {
            "ppt/presentation.xml": f"<p:presentation xmlns:p='{P}' xmlns:r='{R}'><p:sldIdLst><p:sldId r:id='s'/>"
            "</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": links(s=("slide", "slides/slide1.xml")),
            "ppt/slides/slide1.xml": f"<p:sld xmlns:p='{P}'/>",
            "ppt/slides/_rels/slide1.xml.rels": links(c=("comments", "../comments/c1.xml")),
            "ppt/comments/c1.xml": comments,
            "ppt/commentAuthors.xml": f"<p:cmAuthorLst xmlns:p='{P}'><p:cmAuthor id='0' name='Mia'/></p:cmAuthorLst>",
        },
    )
    with OfficeArchive(path) as archive:
        notes = prepare_presentation(archive, draws_formulas=True).notes
    assert [(note.text, note.page) for note in notes] == [(text, 1) for text in texts]


def slide_with_formula(is_shape: bool) -> str:
    formula = (
        "<a14:m xmlns:a14='http://schemas.microsoft.com/office/drawing/2010/main' xmlns:m='http://schemas.openxmlformats."
        "org/officeDocument/2006/math'><m:oMathPara><m:oMath><m:r><m:t>a=b</m:t></m:r></m:oMath></m:oMathPara></a14:m>"
    )
    mc = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    choice = (
        "<mc:AlternateContent xmlns:mc='{}'><mc:Choice Requires='a14'>{}</mc:Choice><mc:Fallback>{}</mc:Fallback>"
        "</mc:AlternateContent>"
    )
    paragraph_open, paragraph_close = f"<a:p xmlns:a='{A}'>", "</a:p>"
    if is_shape:
        shape = f"<p:sp><p:txBody>{paragraph_open}{formula}{paragraph_close}</p:txBody></p:sp>"
        content = choice.format(mc, shape, "<p:sp><p:txBody/></p:sp>")
    else:
        inner = choice.format(mc, formula, "<a:r><a:t>fallback</a:t></a:r>")
        content = f"<p:sp><p:txBody>{paragraph_open}{inner}{paragraph_close}</p:txBody></p:sp>"
    return f"<p:sld xmlns:p='{P}'><p:cSld><p:spTree>{content}</p:spTree></p:cSld></p:sld>"


@pytest.mark.parametrize("is_shape", [True, False])
def test_formulas_on_slides_are_written_in_a_line(tmp_path: Path, is_shape: bool) -> None:
    path = write_archive(
        tmp_path / "a.pptx",
        {
            "ppt/presentation.xml": f"<p:presentation xmlns:p='{P}' xmlns:r='{R}'><p:sldIdLst><p:sldId r:id='s'/>"
            "</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": links(s=("slide", "slides/slide1.xml")),
            "ppt/slides/slide1.xml": slide_with_formula(is_shape),
        },
    )
    with OfficeArchive(path) as archive:
        content = prepare_presentation(archive, draws_formulas=False)
    (changed,) = content.changed.values()
    assert b"a=b" in changed and b"AlternateContent" not in changed and b"fallback" not in changed
    assert [note.text for note in content.formulas] == ["Formula: a=b"]
