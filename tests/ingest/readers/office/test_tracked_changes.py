"""Tracked changes are accepted: what was deleted is no text, what was inserted is."""

from pathlib import Path

import pytest
from lxml import etree

from pagelens.ingest.readers.office.tracked_changes import accept_odt_changes, accept_word_changes
from tests.ingest.readers.office.office_files import (
    NAMESPACES,
    ODF_NAMESPACES,
    W,
    deleted,
    inserted,
    needs_libreoffice,
    opendocument_text,
    paragraph,
    read_file,
    read_without_libreoffice,
    run,
    word_file,
)

DELETED_MARK = "<w:del w:id='7' w:author='R'/>"
ROW = "<w:tr>{properties}<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc></w:tr>"


def accepted(*body: str) -> list[str]:
    """Return the text of each paragraph once the changes are accepted."""
    root = etree.fromstring(f"<w:body {NAMESPACES}>{''.join(body)}</w:body>")
    accept_word_changes(root)
    left = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not left & {"del", "ins", "moveFrom", "moveTo", "delText", "rPrChange", "cellDel"}
    return ["".join(text.text for text in one.iter(f"{{{W}}}t")) for one in root.iter(f"{{{W}}}p")]


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ([paragraph(run("rent "), deleted("41,000"), inserted("46,500"), run(" crowns"))], ["rent 46,500 crowns"]),
        (
            [
                paragraph(f"<w:moveFrom w:id='3' w:author='R'>{run('moved words')}</w:moveFrom>", run("stays")),
                paragraph(f"<w:moveTo w:id='4' w:author='R'>{run('moved words')}</w:moveTo>"),
            ],
            ["stays", "moved words"],
        ),
        ([paragraph(run("first "), mark=DELETED_MARK), paragraph(run("second"))], ["first second"]),
        (
            [paragraph(run("a "), mark=DELETED_MARK), paragraph(run("b "), mark=DELETED_MARK), paragraph(run("c"))],
            ["a b c"],
        ),
        ([paragraph(deleted("all of it"), mark=DELETED_MARK), paragraph(run("next"))], ["next"]),
        ([paragraph(run("new"), mark="<w:ins w:id='8' w:author='R'/>"), paragraph(run("old"))], ["new", "old"]),
        (
            [
                "<w:tbl>",
                ROW.format(properties=f"<w:trPr>{DELETED_MARK}</w:trPr>", text="row out"),
                ROW.format(properties="<w:trPr><w:ins w:id='9' w:author='R'/></w:trPr>", text="row in"),
                "</w:tbl>",
            ],
            ["row in"],
        ),
        (
            [
                "<w:tbl><w:tr><w:tc><w:tcPr><w:cellDel w:id='5' w:author='R'/></w:tcPr>",
                paragraph(run("cell out")),
                "</w:tc><w:tc>",
                paragraph(run("cell in")),
                "</w:tc></w:tr></w:tbl>",
            ],
            ["cell in"],
        ),
        (
            [paragraph(f"<w:ins w:id='6' w:author='R'>{deleted('in, then out')}{run('kept')}</w:ins>")],
            ["kept"],
        ),
    ],
    ids=["words", "moved", "joined", "joined twice", "whole paragraph", "new paragraph", "rows", "cells", "nested"],
)
def test_word_changes_are_accepted(body: list[str], texts: list[str]) -> None:
    assert accepted(*body) == texts


def test_changes_of_an_opendocument_text_are_accepted() -> None:
    body = (
        f"<office:text {ODF_NAMESPACES}><text:tracked-changes><text:changed-region text:id='c'><text:deletion>"
        "<text:p>41,000</text:p></text:deletion></text:changed-region></text:tracked-changes><text:p>rent "
        "<text:change text:change-id='c'/><text:change-start text:change-id='d'/>46,500<text:change-end "
        "text:change-id='d'/> crowns</text:p></office:text>"
    )
    root = etree.fromstring(body)
    assert accept_odt_changes(root) == 1
    assert "".join(root.itertext()) == "rent 46,500 crowns"


def lease(path: Path) -> Path:
    if path.suffix == ".docx":
        footnote = f"<w:footnote w:id='2'>{paragraph(run('Due in '), deleted('May'), inserted('March'))}</w:footnote>"
        mark = "<w:r><w:footnoteReference w:id='2'/></w:r>"
        header = f"<w:hdr {NAMESPACES}>{paragraph(deleted('Draft'), inserted('Signed'), run(' lease'))}</w:hdr>"
        return word_file(
            path,
            paragraph(run("The rent is "), deleted("41,000"), inserted("46,500"), run(" crowns."), mark),
            parts={"header1": header, "footnotes": f"<w:footnotes {NAMESPACES}>{footnote}</w:footnotes>"},
        )
    changes = (
        "<text:changed-region text:id='c'><text:deletion><office:change-info><dc:creator>R</dc:creator>"
        "<dc:date>2024-01-01T00:00:00</dc:date></office:change-info><text:p>41,000</text:p></text:deletion>"
        "</text:changed-region>"
    )
    return opendocument_text(
        path, "<text:p>The rent is <text:change text:change-id='c'/>46,500 crowns.</text:p>", changes
    )


@pytest.mark.parametrize("name", ["lease.docx", "lease.odt"])
def test_the_page_shows_and_holds_no_deleted_text(tmp_path: Path, name: str) -> None:
    needs_libreoffice()
    _, pages = read_file(lease(tmp_path / name))
    text = pages[0].text.text
    assert "The rent is 46,500 crowns." in text
    assert "41,000" not in text
    if name.endswith("docx"):
        assert text.count("Signed lease") == 1 and "Draft" not in text
        assert text.count("Due in March") == 1 and "May" not in text


@pytest.mark.parametrize("name", ["lease.docx", "lease.odt"])
def test_without_libreoffice_deleted_text_is_left_out_too(tmp_path: Path, name: str) -> None:
    _, pages = read_without_libreoffice(lease(tmp_path / name))
    text = pages[0].text.text
    assert "The rent is 46,500 crowns." in text
    assert "41,000" not in text and "Draft" not in text
    assert "LibreOffice" in pages[0].problem
    if name.endswith("docx"):
        assert text.count("Signed lease") == 1 and text.count("Due in March") == 1
