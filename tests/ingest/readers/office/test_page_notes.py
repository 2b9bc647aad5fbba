"""Comments and speaker notes are captions of their page; hidden slides keep their numbers."""

from pathlib import Path

import pytest

from pagelens.ingest.readers.office.archive import OfficeArchive
from pagelens.ingest.readers.office.page_notes import PageNote, notes_by_page
from pagelens.ingest.readers.office.presentation_parts import HIDDEN_SLIDE, prepare_presentation
from pagelens.ingest.readers.office.word_parts import prepare_word
from tests.ingest.readers.office.office_files import (
    commented,
    comments_part,
    deleted,
    needs_libreoffice,
    opendocument_text,
    paragraph,
    presentation,
    read_file,
    read_without_libreoffice,
    run,
    word_file,
)

PAGES = ["The crane was built in 1904.", "The ferry sails at eight.", "The crane was built in 1904. Again."]


@pytest.mark.parametrize(
    ("notes", "pages"),
    [
        ([PageNote("a", ("The ferry sails",))], {2: "a"}),
        ([PageNote("a", ("THE  FERRY-\nSAILS",))], {2: "a"}),
        ([PageNote("a", ("The ferry sails",)), PageNote("b", ("The crane was built",))], {2: "a", 3: "b"}),
        ([PageNote("a", ("on no page at all",)), PageNote("b", ("ferry sails",))], {1: "a", 2: "b"}),
        ([PageNote("a", ("ferry sails",)), PageNote("b", ("nowhere to be found",))], {2: "a\nb"}),
        ([PageNote("a", page=2), PageNote("a", page=2)], {2: "a"}),
        ([PageNote("a", page=9)], {3: "a"}),
        ([PageNote("a", ("The ferry sails at eight, and then words that are on no page follow here",))], {2: "a"}),
    ],
)
def test_a_note_is_on_the_page_that_shows_its_text(notes: list[PageNote], pages: dict[int, str]) -> None:
    assert dict(notes_by_page(notes, PAGES)) == pages


def lease(path: Path) -> Path:
    return word_file(
        path,
        paragraph(run("The tenant keeps "), commented(0, "the crane"), run(" in order.")),
        paragraph("<w:r><w:br w:type='page'/></w:r>"),
        paragraph(run("The ferry sails at "), deleted("nine"), commented(1, "eight"), run(" each day.")),
        parts={"comments": comments_part(("Mia", "Its brakes are new."), ("", "Ask Sigrun."))},
    )


def test_comments_of_a_word_file_have_the_text_around_them_as_anchor(tmp_path: Path) -> None:
    with OfficeArchive(lease(tmp_path / "lease.docx")) as archive:
        notes = prepare_word(archive, draws_formulas=True).notes
    assert [note.text for note in notes] == ["Comment by Mia: Its brakes are new.", "Comment: Ask Sigrun."]
    assert notes[1].anchors[1] == "eight"
    assert not any("nine" in anchor for note in notes for anchor in note.anchors)


def commented_odt(path: Path) -> Path:
    note = "<office:annotation><dc:creator>Mia</dc:creator><text:p>Its brakes are new.</text:p></office:annotation>"
    return opendocument_text(path, f"<text:p>The tenant keeps {note}the crane in order.</text:p>")


@pytest.mark.parametrize("name", ["lease.docx", "lease.odt"])
def test_comments_are_captions_and_no_text(tmp_path: Path, name: str) -> None:
    path = lease(tmp_path / name) if name.endswith("docx") else commented_odt(tmp_path / name)
    _, pages = read_without_libreoffice(path)
    assert pages[0].caption == "Comment by Mia: Its brakes are new."
    assert "The tenant keeps the crane in order." in pages[0].text.text and "brakes" not in pages[0].text.text
    assert [page.caption for page in pages[1:]] == ["Comment: Ask Sigrun."] * (name == "lease.docx")


def test_comments_find_their_page_in_the_pdf(tmp_path: Path) -> None:
    needs_libreoffice()
    _, pages = read_file(lease(tmp_path / "lease.docx"))
    assert [page.caption for page in pages] == ["Comment by Mia: Its brakes are new.", "Comment: Ask Sigrun."]


SLIDES = [("Harbour", "Greet the mayor"), ("Secret budget", "Not for the press"), ("Ferries", "")]


@pytest.mark.parametrize("hidden", [(2,), (1, 3), ()])
def test_hidden_slides_are_shown_and_named(tmp_path: Path, hidden: tuple[int, ...]) -> None:
    path = presentation(tmp_path / "talk.pptx", SLIDES, hidden=hidden)
    with OfficeArchive(path) as archive:
        content = prepare_presentation(archive, draws_formulas=True)
    assert len(content.changed) == len(hidden)
    assert [note.page for note in content.notes if note.text == HIDDEN_SLIDE] == list(hidden)
    _, pages = read_without_libreoffice(path)
    assert [page.text.text for page in pages] == [title for title, _ in SLIDES]
    assert [HIDDEN_SLIDE in page.caption for page in pages] == [number in hidden for number in (1, 2, 3)]
    assert "Speaker notes: Not for the press" in pages[1].caption


def test_slide_3_is_page_3_behind_a_hidden_slide(tmp_path: Path) -> None:
    needs_libreoffice()
    path = presentation(tmp_path / "talk.pptx", SLIDES, hidden=(2,))
    document, pages = read_file(path)
    assert [page.text.text for page in pages] == ["Harbour", "Secret budget", "Ferries"]
    assert pages[1].caption == f"{HIDDEN_SLIDE}\nSpeaker notes: Not for the press"
    assert document.metadata == {"format": "PPTX"}
