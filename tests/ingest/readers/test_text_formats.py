"""Tables, records, subtitles, mails and RTF: each says in its text what a reader of the file would know."""

from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from pagelens.core.errors import ReadError
from pagelens.ingest.files.walk import identify
from pagelens.ingest.members.extraction import list_members
from pagelens.ingest.reader_options import ReaderOptions
from pagelens.ingest.readers.registry import load_reader
from pagelens.ingest.readers.texts.json_records import MAX_DEPTH, record_lines
from pagelens.ingest.readers.texts.mail import MAX_PARTS, parse_mail
from pagelens.ingest.readers.texts.mailbox import split_mailbox
from tests.ingest.readers.outlook_files import outlook_mail
from tests.ingest.readers.test_reflowable_reader import read


def lines(folder: Path, name: str, content: str | bytes) -> list[str]:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    _, pages = read(folder / name)
    return [line for page in pages for line in page.text.text.splitlines() if line]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Boat,Tons\nHeron,42\nTern,\n", ["Boat: Heron; Tons: 42", "Boat: Tern"]),
        ("Boat;Length\nHeron;12,5\nTern;9,0\n", ["Boat: Heron; Length: 12,5", "Boat: Tern; Length: 9,0"]),
        ('Boat|Note\nHeron|"two\nlines, ""quoted"""\n', ['Boat: Heron; Note: two lines, "quoted"']),
        ("sep=;\r\nBoat;Port\r\nHeron;Hull\r\n", ["Boat: Heron; Port: Hull"]),
        ("Fleet 2024\n\nBoat,Port\nHeron,Hull\n", ["Fleet 2024", "Boat: Heron; Port: Hull"]),
        ("2024-01-05,7\n2024-01-06,8\n", ["2024-01-05; 7", "2024-01-06; 8"]),
        ("Boat\nHeron\nTern\n", ["Boat: Heron", "Boat: Tern"]),
        ("Boat,Port\nHeron,Hull,and more\n", ["Boat: Heron; Port: Hull; and more"]),
        (
            "Fleet 2024;;\n;;\nBoat;Price;Built\nGannet;1.234,50;2001\nTern;;1999\n",
            ["Fleet 2024", "Boat: Gannet; Price: 1.234,50; Built: 2001", "Boat: Tern; Built: 1999"],
        ),
        ("a;;\nb;;\n", ["a", "b"]),
    ],
)
def test_each_row_of_a_table_has_its_column_names(tmp_path: Path, content: str, expected: list[str]) -> None:
    assert lines(tmp_path, "a.csv", content) == expected


def test_tables_with_tabs_and_in_other_encodings(tmp_path: Path) -> None:
    assert lines(tmp_path, "a.tsv", "Name\tTown\nAnn\tYork, north\n") == ["Name: Ann; Town: York, north"]
    table = "\u540d\u524d,\u6e2f\n\u3055\u304e\u4e38,\u51fd\u9928\u306e\u6771\u306e\u6e2f\n"
    expected = ["\u540d\u524d: \u3055\u304e\u4e38; \u6e2f: \u51fd\u9928\u306e\u6771\u306e\u6e2f"]
    assert lines(tmp_path, "b.csv", table.encode("cp932")) == expected
    assert lines(tmp_path, "c.csv", table.encode("utf-16")) == expected


def test_records_have_their_names_and_a_line_that_is_no_json_is_kept_and_counted(tmp_path: Path) -> None:
    content = '{"a": 1, "b": {"c": "x  y", "d": [1, null, 2]}}\n\n{"a": [{"e": true}, {"e": 2}]}\n{"broken\n'
    assert lines(tmp_path, "a.jsonl", content) == [
        "a: 1; b.c: x y; b.d: 1, null, 2",
        "a.1.e: true; a.2.e: 2",
        '{"broken',
    ]
    assert read(tmp_path / "a.jsonl")[1][0].problem == "1 of its lines are no JSON, the first is line 4"
    assert lines(tmp_path, "b.ndjson", '{"name": "Heron"}\n{"name": "Tern"}\n') == ["name: Heron", "name: Tern"]
    assert lines(tmp_path, "c.json", '[{"name": "Heron", "tons": 42}, "x"]') == ["name: Heron; tons: 42", "x"]
    assert lines(tmp_path, "d.json", '{"name": "Heron", "tons": 42}') == ["name: Heron", "tons: 42"]


def test_records_nested_without_end_are_read_to_a_depth() -> None:
    assert record_lines("[" * 100_000)[1]
    nested = '{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1)
    assert record_lines(nested) == ([".".join("a" * MAX_DEPTH) + ': {"a": 1}'], "")
    assert MAX_DEPTH == 40


def test_subtitles_have_their_time_and_no_marks_of_style(tmp_path: Path) -> None:
    srt = (
        "\ufeff1\r\n00:00:01,000 --> 00:00:04,000\r\n<i>Hello</i> there\r\nfriend\r\n\r\n"
        "2\r\n01:02:05,500 --> 01:02:06,000\r\n{\\an8}Bye\r\n3\r\n01:03:00,000 --> 01:03:01,000\r\n1984\r\n"
    )
    assert lines(tmp_path, "a.srt", srt) == ["[00:00:01] Hello there friend", "[01:02:05] Bye", "[01:03:00] 1984"]
    vtt = (
        "WEBVTT - a film\nKind: captions\n\nNOTE 00:00 nothing\nmore\n\nSTYLE\n::cue { color: red }\n\n"
        "first\n00:07.000 --> 00:09.000 align:start\n<v.loud Ann Lee>We are <00:08.000><c.x>in</c> York &amp; Hull\n"
    )
    assert lines(tmp_path, "a.vtt", vtt) == ["[00:00:07] Ann Lee: We are in York & Hull"]


def mail(subject: str = "The crane", text: str = "It lifts 42 tons.\n") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Cc"] = "Ann <ann@x.example>", "Bob <bob@x.example>", "c@x.example"
    message["Date"], message["Subject"] = "Tue, 3 Mar 2020 10:30:00 +0200", subject
    message.set_content(text)
    return message


def test_a_mail_says_who_wrote_what_to_whom_and_when(tmp_path: Path) -> None:
    message = mail("Der Kran l\u00e4uft")
    message.add_alternative("<p>Other words</p>", subtype="html")
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="plan.pdf")
    assert lines(tmp_path, "a.eml", message.as_bytes()) == [
        "Der Kran l\u00e4uft",
        "From: Ann <ann@x.example>",
        "To: Bob <bob@x.example>",
        "Cc: c@x.example",
        "Date: 2020-03-03 10:30",
        "Attachments: plan.pdf",
        "It lifts 42 tons.",
    ]
    document, _ = read(tmp_path / "a.eml")
    assert document.title == "Der Kran l\u00e4uft" and f"{document.date}" == "2020-03-03 10:30:00"
    assert document.metadata["from"] == "Ann <ann@x.example>" and document.metadata["format"] == "EML"


def test_mails_without_declared_encoding_with_html_only_and_with_a_mail_inside(tmp_path: Path) -> None:
    russian = "\u041f\u043e\u0435\u0437\u0434 \u043d\u0430 \u0441\u0442\u0430\u043d\u0446\u0438\u044e"
    raw = b"Subject: x\r\nFrom: y@z.example\r\n\r\n" + russian.encode("koi8-r")
    assert lines(tmp_path, "a.eml", raw)[-1] == russian
    html = b"From: y@z.example\nSubject: x\nContent-Type: text/html; charset=utf-8\n\n<p>a<p hidden>b<p>c<script>d"
    assert lines(tmp_path, "b.eml", html)[-2:] == ["a", "c"]
    outer = mail()
    outer.add_attachment(mail("Inner"))
    assert [name for name, _ in parse_mail(outer.as_bytes()).attachments] == ["Inner.eml"]
    assert b"42 tons" in parse_mail(outer.as_bytes()).attachments[0].data


def test_a_malformed_mail_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    raw = (
        b"Subject: =?utf-8?q?broken=C3?=\nFrom: @@,<\nDate: no date\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain; charset=none\n\nwords here\n'
    )
    assert lines(tmp_path, "a.eml", raw)[-1] == "words here"
    many = EmailMessage()
    for number in range(MAX_PARTS + 50):
        many.add_attachment(b"x", maintype="a", subtype="b", filename=f"{number}.bin")
    assert len(parse_mail(b"Subject: x\n" + many.as_bytes()).attachments) == MAX_PARTS - 1 and MAX_PARTS == 500
    (tmp_path / "b.eml").write_bytes(b"not a mail at all, but words\n")
    with pytest.raises(ReadError, match="plain text"):
        identify(tmp_path / "b.eml")


def test_a_mailbox_lists_its_mails(tmp_path: Path) -> None:
    box = (
        b"From ann@x Tue Mar  3 10:30:00 2020\n" + mail().as_bytes() + b"\n\nFrom bob@x Tue Mar  3 10:31:00 2020\n"
        b"Subject: two\nFrom: q@x.example\n\nFrom the pier.\n>From quoted\n\nFrom time to time.\n"
    )
    assert lines(tmp_path, "a.mbox", box) == [
        "1; 2020-03-03 10:30; Ann <ann@x.example>; The crane",
        "2; q@x.example; two",
    ]
    (_, first), (name, second) = split_mailbox(box)
    assert name == "0002 two.eml" and second.endswith(b"From the pier.\nFrom quoted\n\nFrom time to time.\n")
    assert parse_mail(first).text.strip() == "It lifts 42 tons."
    (tmp_path / "Inbox").write_bytes(box)
    assert identify(tmp_path / "Inbox") == "text"


def test_outlooks_mails_say_the_same(tmp_path: Path) -> None:
    content = outlook_mail(
        subject="Der Kran l\u00e4uft",
        sender="Ann Lee",
        to="Bob <bob@x.example>",
        body="It lifts 42 tons.\r\n",
        sent=datetime(2020, 3, 3, 10, 30),
        attachments={"plan.txt": b"The plan.\n" * 100, "more.bin": b"\0\1"},
    )
    assert lines(tmp_path, "a.msg", content) == [
        "Der Kran l\u00e4uft",
        "From: Ann Lee",
        "To: Bob <bob@x.example>",
        "Date: 2020-03-03 10:30",
        "Attachments: plan.txt, more.bin",
        "It lifts 42 tons.",
    ]
    assert read(tmp_path / "a.msg")[0].date == datetime(2020, 3, 3, 10, 30)
    names = {member.name: member.kind for member in list_members(tmp_path / "a.msg", ReaderOptions())}
    assert names == {"plan.txt": "text", "more.bin": None}
    (tmp_path / "b.msg").write_bytes(content[:2000])
    with pytest.raises(ReadError, match="Outlook mail"):
        read(tmp_path / "b.msg")


RTF = (
    rb"{\rtf1\ansi\ansicpg1251{\fonttbl{\f0\fcharset204 Arial;}}{\*\generator x;}\f0 "
    rb"\'cf\'f0\'e8\'e2\'e5\'f2 from the harbour\par {\deleted gone }kept {\v unseen}\par \u26481?\u20140?\par}"
)


def test_rtf_is_read_as_a_text_where_libreoffice_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.rtf").write_bytes(RTF)
    options = ReaderOptions(soffice=tmp_path / "missing")
    assert identify(tmp_path / "a.rtf", options) == "text"
    with load_reader("text").open_document(tmp_path / "a.rtf", sha256="0", size=1) as opened:
        assert opened.document.kind == "text" and opened.document.metadata["format"] == "RTF"
        (page,) = opened.pages(1)
        found = page.text.text.split("\n")
    assert [line for line in found if line] == [
        "\u041f\u0440\u0438\u0432\u0435\u0442 from the harbour",
        "kept",
        "\u6771\u4eac",
    ]
