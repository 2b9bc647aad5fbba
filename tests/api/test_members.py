"""Files inside others are documents under their container: found, shown, updated and forgotten with it; and files that
are not read are named with their reason, after the run too."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

import pagelens
from pagelens.api.cli.collection_output import print_report, print_status
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.member_files import MAX_KEPT
from pagelens.api.engine.results import IndexReport
from pagelens.core.errors import NotFound
from pagelens.core.types import PageRef
from pagelens.ingest import pipeline
from pagelens.ingest.readers.mupdf import pymupdf
from tests.ingest.files import new_pdf
from tests.ingest.members.test_extraction import MBOX, mail, zip_of


@pytest.fixture
def own(tmp_path: Path) -> Engine:
    """A collection of one's own, to change."""
    return pagelens.open(tmp_path / "collection", create=True, profile="builtin")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


def index(engine: Engine, folder: Path, *, prune: bool = False, workers: int = 0) -> IndexReport:
    return engine.index([folder], workers=workers, prune=prune)


def paths(engine: Engine, folder: Path) -> list[str]:
    found = [path for document in engine.status().documents for path in document.paths]
    return sorted(path.removeprefix(f"{folder}/") for path in found)


def codes(engine: Engine, folder: Path) -> dict[str, str]:
    return {file.path.removeprefix(f"{folder}/"): file.code for file in engine.status().unread}


def write_letter(path: Path, *annexes: str, note: str = "") -> None:
    pdf = new_pdf("The letter to the harbour master.")
    for number, text in enumerate(annexes, 1):
        pdf.embfile_add(f"annex{number}", new_pdf(text).tobytes(), filename=f"annex {number}.pdf")
    if note:
        pdf[0].add_file_annot(pymupdf.Point(50, 50), note.encode(), "note.txt")
    path.write_bytes(pdf.tobytes())


@pytest.mark.parametrize("workers", [0, 1])
def test_attached_files_are_documents_that_are_found_shown_and_cited(own: Engine, folder: Path, workers: int) -> None:
    write_letter(folder / "letter.pdf", "The sluice gate weighs 42 tonnes.", note="The crane is rusty.\n")
    report = index(own, folder, workers=workers)
    assert (report.documents, report.failed, report.skipped) == (3, [], [])
    assert paths(own, folder) == ["letter.pdf", "letter.pdf / annex 1.pdf", "letter.pdf / note.txt"]
    [hit, *_] = own.search("sluice gate tonnes").hits
    assert hit.ref == PageRef(f"{folder}/letter.pdf / annex 1.pdf", 1) and not hit.gone
    assert own.ask("How much does the sluice gate weigh?").citations[0].ref == hit.ref
    image = Image.open(BytesIO(own.page_image(hit.ref, longest=300)))
    with pymupdf.open(stream=new_pdf("The sluice gate weighs 42 tonnes.").tobytes()) as pdf:
        width, height = pdf[0].rect.width, pdf[0].rect.height
    assert image.width / image.height == pytest.approx(width / height, abs=0.01)
    with own.snapshot() as snapshot:
        row = next(row for row in snapshot.documents.values() if row.path.endswith("note.txt"))
    assert own.original(row).read_bytes() == b"The crane is rusty.\n"
    assert own.resolve("annex 1.pdf").path == own.resolve("letter.pdf / annex 1.pdf").path == hit.ref.path


def test_mails_mailboxes_and_archives_inside_each_other(own: Engine, folder: Path) -> None:
    (folder / "box.mbox").write_bytes(MBOX)
    (folder / "a.zip").write_bytes(zip_of(mails__crane_eml=mail(plan_txt=b"The boom is 30 m long.\n")))
    index(own, folder)
    assert paths(own, folder) == [
        "a.zip",
        "a.zip / mails/crane.eml",
        "a.zip / mails/crane.eml / plan.txt",
        "box.mbox",
        "box.mbox / 0001 Plans.eml",
        "box.mbox / 0001 Plans.eml / one.txt",
        "box.mbox / 0002 Plans.eml",
    ]


def test_a_second_run_reads_nothing_again_and_a_changed_container_changes_its_members(
    own: Engine, folder: Path
) -> None:
    write_letter(folder / "letter.pdf", "The first annex.", "The second annex.")
    index(own, folder)
    again = index(own, folder)
    assert (again.documents, again.unchanged, again.linked) == (0, 1, 0)
    write_letter(folder / "letter.pdf", "The first annex, mended.")
    assert index(own, folder).documents == 2
    assert paths(own, folder) == ["letter.pdf", "letter.pdf / annex 1.pdf"]
    assert [hit.ref.path for hit in own.search("second annex").hits if "annex 2" in hit.ref.path] == []
    write_letter(folder / "letter.pdf")
    index(own, folder)
    assert paths(own, folder) == ["letter.pdf"]


def test_members_move_and_go_with_their_container(own: Engine, folder: Path) -> None:
    write_letter(folder / "letter.pdf", "The annex.")
    index(own, folder)
    (folder / "letter.pdf").rename(folder / "moved.pdf")
    report = index(own, folder)
    assert report.gone == []
    assert paths(own, folder) == ["moved.pdf", "moved.pdf / annex 1.pdf"]
    (folder / "moved.pdf").unlink()
    assert len(own.status().gone) == 2
    index(own, folder, prune=True)
    assert paths(own, folder) == []


def test_removing_a_container_removes_its_members_unless_they_are_elsewhere_too(own: Engine, folder: Path) -> None:
    (folder / "a.zip").write_bytes(zip_of(b_txt=b"Only in the archive.\n", c_txt=b"In both places.\n"))
    (folder / "c.txt").write_bytes(b"In both places.\n")
    index(own, folder)
    removed = own.remove(str(folder / "a.zip"))
    assert sorted(path.removeprefix(f"{folder}/") for path in removed) == ["a.zip", "a.zip / b.txt"]
    assert "c.txt" in paths(own, folder) and "a.zip / b.txt" not in paths(own, folder)


def test_a_run_that_was_interrupted_within_a_container_goes_on(own: Engine, folder: Path) -> None:
    members = {f"f{number}_txt": f"Text number {number}.\n".encode() for number in range(4)}
    (folder / "a.zip").write_bytes(zip_of(**members))

    def interrupt(progress: object) -> None:
        if "f2.txt" in getattr(progress, "path", ""):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        own.index([folder], workers=0, on_progress=interrupt)
    assert 0 < len(paths(own, folder)) < 5
    index(own, folder)
    assert paths(own, folder) == ["a.zip", *(f"a.zip / f{number}.txt" for number in range(4))]


def test_a_member_that_cannot_be_read_is_a_failure_and_is_read_again_on_retry(own: Engine, folder: Path) -> None:
    broken = new_pdf("A page.").tobytes()[:300]
    (folder / "a.zip").write_bytes(zip_of(b_pdf=bytes(broken), c_txt=b"Words.\n"))
    report = index(own, folder)
    assert [(file.path.removeprefix(f"{folder}/"), file.code) for file in report.failed] == [
        ("a.zip / b.pdf", "damaged")
    ]
    assert [file.code for file in own.retry().failed] == ["damaged"]
    assert len(own.status().failures) == 1
    assert index(own, folder).unchanged == 1


def test_files_that_are_not_read_are_named_with_a_code_after_the_run_too(
    own: Engine, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(50))
    (folder / "b.json").write_text("{}")
    (folder / "c.zip").write_bytes(zip_of(d_bin=b"\0\1\2\3", e_txt=b"Words.\n"))
    for number in range(12):
        (folder / f"x{number:02d}.xyz").write_bytes(b"\1\2\3")
    report = index(own, folder)
    expected = {"a.7z": "unsupported", "b.json": "only-if-named", "c.zip / d.bin": "unsupported"}
    expected |= {f"x{number:02d}.xyz": "unsupported" for number in range(12)}
    assert {file.path.removeprefix(f"{folder}/"): file.code for file in report.skipped} == expected
    assert codes(own, folder) == expected
    assert {file.reason for file in own.status().unread if file.path.endswith(".7z")} == {"it is a 7-Zip archive"}
    index(own, folder)
    assert codes(own, folder) == expected  # also that of the archive, which was not opened again
    capsys.readouterr()
    print_report(report)
    printed = capsys.readouterr().out
    assert "15 files not read:" in printed and "it is a 7-Zip archive" in printed and "[only-if-named]" in printed
    assert sum("[" in line for line in printed.splitlines()) == 10 and "and 5 more" in printed
    print_status(own.status())
    printed = capsys.readouterr().out
    assert sum("[" in line for line in printed.splitlines()) == 15


def test_a_file_that_is_read_now_or_is_gone_is_no_longer_among_the_unread(own: Engine, folder: Path) -> None:
    (folder / "a.xyz").write_bytes(b"\1\2")
    (folder / "b.xyz").write_bytes(b"\1\2")
    (folder / "c.zip").write_bytes(zip_of(d_bin=b"\0\1"))
    index(own, folder)
    assert codes(own, folder).keys() == {"a.xyz", "b.xyz", "c.zip / d.bin"}
    (folder / "a.xyz").rename(folder / "a.txt")
    (folder / "a.txt").write_text("Words.\n")
    (folder / "c.zip").write_bytes(zip_of(d_txt=b"Words of a member.\n"))
    own.index([folder / "c.zip"], workers=0)
    assert codes(own, folder).keys() == {"a.xyz", "b.xyz"}  # of other files nothing was found out
    index(own, folder)
    assert codes(own, folder).keys() == {"b.xyz"}


def test_archives_in_archives_hold_no_more_files_than_the_limit(
    own: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pipeline.MAX_NESTED_MEMBERS == 10_000
    monkeypatch.setattr(pipeline, "MAX_NESTED_MEMBERS", 3)
    inner = [zip_of(a_txt=f"a {number}\n".encode(), b_txt=f"b {number}\n".encode()) for number in range(2)]
    (folder / "a.zip").write_bytes(zip_of(one_zip=inner[0], two_zip=inner[1]))
    index(own, folder)
    assert paths(own, folder) == ["a.zip", "a.zip / one.zip", "a.zip / one.zip / a.txt", "a.zip / one.zip / b.txt"]
    assert codes(own, folder) == {"a.zip / *": "too-many"}


def test_members_are_kept_as_files_for_a_while_and_checked(own: Engine, folder: Path) -> None:
    texts = {f"f{number}_txt": f"Text {number}.\n".encode() for number in range(MAX_KEPT + 2)}
    (folder / "a.zip").write_bytes(zip_of(**texts))
    index(own, folder)
    with own.snapshot() as snapshot:
        files = [own.original(row) for row in snapshot.documents.values() if row.path.endswith(".txt")]
    assert [file.is_file() for file in files] == [False] * 2 + [True] * MAX_KEPT
    (folder / "a.zip").write_bytes(zip_of(f0_txt=b"Another text.\n"))
    with pytest.raises(NotFound, match="changed"):
        own.page_image(PageRef(f"{folder}/a.zip / f0.txt", 1))
