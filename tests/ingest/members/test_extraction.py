"""Members: found in each kind of container with kind and digest, taken out again, and never more than the limits."""

import gzip
import hashlib
import io
import tarfile
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from pagelens.core.errors import ReadError
from pagelens.ingest.members import containers, extraction
from pagelens.ingest.members.extraction import Member, extract_member, extracted, list_members
from pagelens.ingest.members.member_paths import MAX_DEPTH, member_path, safe_name, split_member_path
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS as OPTIONS
from pagelens.ingest.readers.mupdf import pymupdf
from tests.ingest.files import new_pdf


def pdf_with_attachments() -> bytes:
    pdf = new_pdf("The letter.")
    pdf.embfile_add("annex.pdf", new_pdf("The annex.").tobytes(), filename="annex.pdf")
    pdf[0].add_file_annot(pymupdf.Point(50, 50), b"a note on page 1", "note.txt")
    return bytes(pdf.tobytes())


def mail(**attachments: bytes) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "ann@x.example", "Plans"
    message.set_content("See the files.\n")
    for name, data in attachments.items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name.replace("_", "."))
    return message.as_bytes()


def zip_of(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return buffer.getvalue()


def tar_of(mode: str, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name.replace("__", "/").replace("_", "."))
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


WORDS = b"words of a text\n"
MBOX = b"From a@x Tue Mar  3 10:30:00 2020\n" + mail(one_txt=b"one\n") + b"\n\nFrom b@x Tue Mar  3 2020\n" + mail()
CONTAINERS = {
    "a.pdf": (pdf_with_attachments(), ["annex.pdf", "note.txt"]),
    "a.eml": (mail(plan_txt=WORDS, more_csv=b"a,b\n1,2\n"), ["plan.txt", "more.csv"]),
    "a.mbox": (MBOX, ["0001 Plans.eml", "0002 Plans.eml"]),
    "a.zip": (zip_of(b_txt=WORDS, folder__c_md=WORDS), ["b.txt", "folder/c.md"]),
    "a.tar": (tar_of("w", b_txt=WORDS, folder__c_md=WORDS), ["b.txt", "folder/c.md"]),
    "a.tgz": (tar_of("w:gz", b_txt=WORDS), ["b.txt"]),
    "a.tar.bz2": (tar_of("w:bz2", b_txt=WORDS), ["b.txt"]),
    "a.tar.xz": (tar_of("w:xz", b_txt=WORDS), ["b.txt"]),
    "b.txt.gz": (gzip.compress(WORDS), ["b.txt"]),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_each_container_names_its_members_and_gives_them_out_again(tmp_path: Path, name: str) -> None:
    content, expected = CONTAINERS[name]
    (tmp_path / name).write_bytes(content)
    members = list_members(tmp_path / name, OPTIONS)
    assert [member.name for member in members] == expected
    for member in members:
        assert member.kind == ("pdf" if member.name.endswith(".pdf") else "text")
        target = tmp_path / "target"
        assert extract_member(member_path(tmp_path / name, member.name), target, OPTIONS) == member.sha256
        assert hashlib.sha256(target.read_bytes()).hexdigest() == member.sha256
        assert target.stat().st_size == member.size
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "target"])


@pytest.mark.parametrize("name", ["Gutachten \u00dcber.txt", "\u8868.txt", "\u0441\u043c\u0435\u0442\u0430.txt"])
@pytest.mark.parametrize("is_utf_16", [False, True])
def test_attached_files_have_their_names_in_any_script(tmp_path: Path, name: str, is_utf_16: bool) -> None:
    pdf = new_pdf("The letter.")
    pdf.embfile_add("a", WORDS, filename=name, ufilename=name)
    if is_utf_16:  # as most programs write it
        for xref in range(1, pdf.xref_length()):
            if pdf.xref_get_key(xref, "UF")[0] != "null":
                pdf.xref_set_key(xref, "UF", f"<{(chr(0xFEFF) + name).encode('utf-16-be').hex()}>")
    (tmp_path / "a.pdf").write_bytes(pdf.tobytes())
    assert [member.name for member in list_members(tmp_path / "a.pdf", OPTIONS)] == [name]


def test_a_member_is_extracted_under_its_own_name_and_removed_again(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_of(folder__b_txt=WORDS))
    with extracted(member_path(tmp_path / "a.zip", "folder/b.txt"), OPTIONS) as file:
        assert file.read_bytes() == WORDS and file.parts[-3:] == ("a", "folder", "b.txt")
    assert not file.exists()
    with extracted(tmp_path / "a.zip", OPTIONS) as file:
        assert file == tmp_path / "a.zip"
    with pytest.raises(ReadError, match="gone"), extracted(member_path(tmp_path / "a.zip", "c.txt"), OPTIONS):
        pass


def nested(depth: int) -> bytes:
    data = zip_of(words_txt=WORDS)
    for _ in range(depth - 1):
        data = zip_of(inner_zip=data)
    return data


def test_containers_are_opened_to_a_depth_and_no_deeper(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(nested(MAX_DEPTH + 1))
    path = tmp_path / "a.zip"
    for _ in range(MAX_DEPTH):
        (member,) = list_members(path, OPTIONS)
        assert (member.name, member.kind) == ("inner.zip", "text")
        path = member_path(path, member.name)
    (member,) = list_members(path, OPTIONS)
    assert (member.name, member.kind, member.code) == ("words.txt", None, "too-deep")
    assert MAX_DEPTH == 3


def test_members_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    buffer = io.BytesIO(zip_of(a_txt=WORDS, b_bin=b"\0\1\2", c_pdf=b"no pdf", d_svg=b"<svg/>", e_txt=b""))
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("f.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr(".hidden.txt", WORDS)
        archive.writestr("__MACOSX/a.txt", WORDS)
    (tmp_path / "a.zip").write_bytes(buffer.getvalue())
    members = {member.name: member for member in list_members(tmp_path / "a.zip", OPTIONS)}
    assert {name: member.code for name, member in members.items() if member.kind is None} == {
        "b.bin": "unsupported",
        "c.pdf": "mislabelled",
        "d.svg": "only-if-named",
        "e.txt": "empty",
        "f.txt": "unsupported",
    }
    assert all(member.reason for member in members.values() if member.kind is None)
    assert members["a.txt"].kind == "text" and len(members) == 6


def test_an_encrypted_member_is_named_and_a_damaged_archive_is_an_error(tmp_path: Path) -> None:
    content = bytearray(zip_of(a_txt=WORDS))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1  # the flag of encryption
    (tmp_path / "a.zip").write_bytes(content)
    (member,) = list_members(tmp_path / "a.zip", OPTIONS)
    assert member.code == "encrypted" and "password" in member.reason
    (tmp_path / "b.zip").write_bytes(zip_of(a_txt=WORDS)[:40])
    with pytest.raises(ReadError, match="ZIP archive"):
        list_members(tmp_path / "b.zip", OPTIONS)
    (tmp_path / "c.tar").write_bytes(tar_of("w", a_txt=WORDS * 100)[:1000])
    cut, rest = list_members(tmp_path / "c.tar", OPTIONS)
    assert (cut.name, cut.kind, cut.code) == ("a.txt", None, "damaged")
    assert (rest.name, rest.kind, rest.code) == ("*", None, "damaged")


def test_sizes_are_counted_while_unpacking_and_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (extraction.MAX_MEMBER_BYTES, extraction.MAX_TOTAL_BYTES) == (200_000_000, 1_000_000_000)
    assert extraction.MAX_MEMBERS == 1_000
    monkeypatch.setattr(extraction, "MAX_MEMBER_BYTES", 100)
    monkeypatch.setattr(extraction, "MAX_TOTAL_BYTES", 150)
    data = bytearray(zip_of(a_txt=b"a" * 100, b_txt=b"b" * 101, c_txt=b"c" * 50, d_txt=b"d"))
    position = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[position + 24 : position + 28] = (101).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(data)
    found = [(member.name, member.kind, member.code) for member in list_members(tmp_path / "a.zip", OPTIONS)]
    assert found == [
        ("a.txt", "text", "unsupported"),
        ("b.txt", None, "too-large"),
        ("c.txt", "text", "unsupported"),
        ("d.txt", None, "too-large"),
    ]
    with pytest.raises(ReadError, match="at most 100 bytes"):
        extract_member(member_path(tmp_path / "a.zip", "b.txt"), tmp_path / "b.txt", OPTIONS)


@pytest.mark.parametrize("is_too_large", [False, True])
def test_a_compressed_archive_is_decompressed_once_unless_it_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_too_large: bool
) -> None:
    assert containers.MAX_DECOMPRESSED_BYTES == 1_000_000_000
    monkeypatch.setattr(containers, "MAX_DECOMPRESSED_BYTES", 1_000 if is_too_large else 1_000_000)
    for round_number in range(2):  # a changed archive is not confused with the one before
        texts = {f"f{number}_txt": f"{round_number}.{number}\n".encode() for number in range(3)}
        (tmp_path / "a.tgz").write_bytes(tar_of("w:gz", **texts))
        for number in range(3):
            target = tmp_path / "target"
            extract_member(member_path(tmp_path / "a.tgz", f"f{number}.txt"), target, OPTIONS)
            assert target.read_text() == f"{round_number}.{number}\n"
        assert len(containers._COPIES) == (0 if is_too_large else 1)
    (tmp_path / "cut.tgz").write_bytes(tar_of("w:gz", a_txt=bytes(range(256)) * 99)[:300])
    assert "damaged" in {member.code for member in list_members(tmp_path / "cut.tgz", OPTIONS) if member.kind is None}


def test_more_members_than_the_limit_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "MAX_MEMBERS", 3)
    (tmp_path / "a.zip").write_bytes(zip_of(**{f"f{number}_txt": WORDS for number in range(5)}))
    *members, more = list_members(tmp_path / "a.zip", OPTIONS)
    assert [member.name for member in members] == ["f0.txt", "f1.txt", "f2.txt"]
    assert more == Member("*", None, code="too-many", reason=more.reason) and more.reason.startswith("2 more files")


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\Users\\x\\a.txt", "Users/x/a.txt"),
        ("..\\a.txt", "a.txt"),
        ("a / b.txt", "a/b.txt"),
        ("a\nb\x1b[0m.txt", "a b [0m.txt"),
        ("", "member 7"),
        ("..", "member 7"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_a_name_leads_nowhere_out_of_its_container(stated: str, name: str) -> None:
    assert safe_name(stated, 7) == name


def test_names_that_lead_out_or_are_there_twice_are_extracted_inside(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../evil.txt", WORDS)
        archive.writestr("a.txt", b"one\n")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.txt", b"two\n")
    (tmp_path / "a.zip").write_bytes(buffer.getvalue())
    assert [member.name for member in list_members(tmp_path / "a.zip", OPTIONS)] == ["evil.txt", "a.txt", "a (2).txt"]
    with extracted(member_path(tmp_path / "a.zip", "a (2).txt"), OPTIONS) as file:
        assert file.read_bytes() == b"two\n"
    with extracted(member_path(tmp_path / "a.zip", "evil.txt"), OPTIONS) as file:
        assert file.read_bytes() == WORDS
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_names_in_the_encoding_of_the_system_that_wrote_the_archive(tmp_path: Path) -> None:
    name = "\u0440\u0430\u0441\u043f\u0438\u0441\u0430\u043d\u0438\u0435 \u043f\u043e\u0435\u0437\u0434\u043e\u0432.txt"
    data = zip_of(**{"x" * len(name.encode("cp866")): WORDS}).replace(b"x" * len(name), name.encode("cp866"))
    (tmp_path / "a.zip").write_bytes(data)
    (member,) = list_members(tmp_path / "a.zip", OPTIONS)
    assert member.name == name


def test_an_archive_of_any_files_is_one_whatever_their_names(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_of(password__words_txt=WORDS, xl__b_txt=WORDS))
    assert [member.name for member in list_members(tmp_path / "a.zip", OPTIONS)] == ["password/words.txt", "xl/b.txt"]


def test_a_file_whose_path_has_the_separator_is_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "a.zip "
    folder.mkdir()
    (folder / " b.txt").write_bytes(WORDS)
    assert split_member_path(folder / " b.txt") == (folder / " b.txt", ())
    (tmp_path / "a.zip").write_bytes(zip_of(c_txt=WORDS))
    assert split_member_path(member_path(tmp_path / "a.zip", "c.txt")) == (tmp_path / "a.zip", ("c.txt",))
