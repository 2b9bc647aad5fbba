"""OpenDocument files: formulas, hidden slides, speaker notes, tables and footnotes."""

from pathlib import Path

from pagelens.ingest.readers.office.archive import OfficeArchive
from pagelens.ingest.readers.office.opendocument_parts import prepare_opendocument
from pagelens.ingest.readers.office.presentation_parts import HIDDEN_SLIDE
from tests.ingest.readers.office.office_files import ODF_NAMESPACES, read_without_libreoffice, write_archive


def content(kind: str, body: str, styles: str = "") -> str:
    return (
        f"<office:document-content {ODF_NAMESPACES}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )


def test_a_formula_is_a_caption_in_its_own_notation(tmp_path: Path) -> None:
    formula = (
        "<math xmlns='http://www.w3.org/1998/Math/MathML'><semantics><mfrac><mi>a</mi><mi>b</mi></mfrac>"
        "<annotation encoding='StarMath 5.0'>{a} over {b}</annotation></semantics></math>"
    )
    body = "<text:p>The slope is <draw:frame><draw:object xlink:href='./Object 1'/></draw:frame> here.</text:p>"
    path = write_archive(tmp_path / "a.odt", {"content.xml": content("text", body), "Object 1/content.xml": formula})
    with OfficeArchive(path) as archive:
        found = prepare_opendocument(archive)
    assert [note.text for note in found.formulas] == ["Formula: {a} over {b}"]
    assert found.notes == [] and found.changed == {}
    _, (page,) = read_without_libreoffice(path)
    assert page.text.text == "The slope is here." and page.caption == "Formula: {a} over {b}"


def test_hidden_slides_are_shown_and_speaker_notes_are_notes(tmp_path: Path) -> None:
    styles = "".join(
        f"<style:style style:name='{name}' style:family='drawing-page'><style:drawing-page-properties "
        f"presentation:visibility='{visibility}'/></style:style>"
        for name, visibility in (("dp1", "visible"), ("dp2", "hidden"))
    )
    notes = (
        "<presentation:notes><draw:frame presentation:class='notes'><draw:text-box><text:p>Not for the press</text:p>"
        "</draw:text-box></draw:frame><draw:frame presentation:class='page-number'><draw:text-box><text:p>"
        "&lt;number&gt;</text:p></draw:text-box></draw:frame></presentation:notes>"
    )
    slides = "".join(
        f"<draw:page draw:name='p{number}' draw:style-name='{style}'><draw:frame><draw:text-box><text:p>Slide {number}"
        f"</text:p></draw:text-box></draw:frame>{notes if number == 2 else ''}</draw:page>"
        for number, style in enumerate(("dp1", "dp2", "dp1"), 1)
    )
    path = write_archive(tmp_path / "a.odp", {"content.xml": content("presentation", slides, styles)})
    with OfficeArchive(path) as archive:
        found = prepare_opendocument(archive)
    assert [(note.page, note.text) for note in found.notes] == [
        (2, HIDDEN_SLIDE),
        (2, "Speaker notes: Not for the press"),
    ]
    assert b"hidden" not in found.changed["content.xml"]
    document, pages = read_without_libreoffice(path)
    assert [page.text.text for page in pages] == ["Slide 1", "Slide 2", "Slide 3"]
    assert pages[1].caption == f"{HIDDEN_SLIDE}\nSpeaker notes: Not for the press"
    assert document.metadata == {"format": "ODP"}


def test_rows_and_footnotes_are_there_once(tmp_path: Path) -> None:
    cells = "".join(f"<table:table-cell><text:p>{text}</text:p></table:table-cell>" for text in ("Petrel", "46,500"))
    body = (
        "<text:p>The lease<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Due in March"
        "</text:p></text:note-body></text:note> of the quay<text:s text:c='3'/>is signed</text:p>"
        f"<table:table><table:table-row>{cells}</table:table-row></table:table>"
    )
    path = write_archive(tmp_path / "a.odt", {"content.xml": content("text", body)})
    _, (page,) = read_without_libreoffice(path)
    assert page.text.text.split("\n\n") == ["The lease of the quay is signed", "Petrel | 46,500", "Due in March"]
