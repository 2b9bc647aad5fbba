"""The folder format: what is written reads back, and every malformed line is named."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import page_id, parse_page_id
from pagelens.evals.datasets.folder import read_folder, write_folder
from tests.evals.sets import DATA, GOLD_BOXES, write_set

BOXES = [("q1", "ports/harbour.pdf", *GOLD_BOXES["q1"]), ("q3", "tides.pdf", *GOLD_BOXES["q3"])]


def test_a_set_is_read_with_its_grades(tmp_path: Path) -> None:
    data = read_folder(write_set(tmp_path / "set"))
    assert data.documents == ["ports/harbour.pdf", "tides.pdf"]
    assert data.relevant("q4") == [PageRef("tides.pdf", 3), PageRef("tides.pdf", 1)]  # the better grade first
    assert [one.qid for one in data.with_evidence] == ["q1", "q2", "q3", "q4"]
    question = data.questions[4]
    assert (question.answerable, question.documents, question.answers) == (
        False,
        ("ports/harbour.pdf",),
        ("Not answerable",),
    )
    assert data.groups_of(data.questions[3]) == {"source": ("figure",), "answer": ("Str",), "pages": ("2+ pages",)}


def test_a_set_written_elsewhere_reads_back_the_same(tmp_path: Path) -> None:
    data = read_folder(write_set(tmp_path / "set"))
    write_folder(data, tmp_path / "other" / "copy")
    (tmp_path / "set" / "documents" / "new.pdf").write_bytes(b"added later, not of this set")
    copy = read_folder(tmp_path / "other" / "copy")
    assert (copy.questions, copy.qrels, copy.documents) == (data.questions, data.qrels, data.documents)
    assert copy.gold_boxes == data.gold_boxes == {qid: {PageRef(file, page): [box]} for qid, file, page, box in BOXES}
    assert copy.digest == data.digest
    assert copy.folder == data.folder


def test_questions_may_carry_their_evidence_themselves(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    (folder / "qrels.tsv").unlink()
    assert read_folder(folder).relevant("q4") == [PageRef("tides.pdf", 1), PageRef("tides.pdf", 3)]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{not json", "expected a JSON object"),
        ("[1, 2]", "expected a JSON object, found [1, 2]"),
        ('{"question": "?"}', "expected a text under 'qid'"),
        ('{"qid": "a"}', "expected a text under 'question', found the fields qid"),
        ('{"qid": "q1", "question": "?"}', "expected a qid that no line above has, found q1"),
        ('{"qid": "a\\tb", "question": "?"}', "expected a qid without tabs, line breaks"),
        ('{"qid": "a", "question": "?", "answerable": "yes"}', "expected true or false under 'answerable', found yes"),
        (
            '{"qid": "a", "question": "?", "doc": "gone.pdf"}',
            "expected a file below the documents folder under 'doc', found gone.pdf",
        ),
        (
            '{"qid": "a", "question": "?", "doc": "tides.pdf", "evidence": [0]}',
            "expected a list of page numbers from 1",
        ),
        (
            '{"qid": "a", "question": "?", "doc": "tides.pdf", "evidence": [true]}',
            "expected a list of page numbers from 1",
        ),
        ('{"qid": "a", "question": "?", "evidence": [1]}', "expected one 'doc' beside 'evidence'"),
        ('{"qid": "a", "question": "?", "sources": "text"}', "expected a list of texts under 'sources'"),
        ('{"qid": "a", "image": ["x.png"]}', "expected a path under 'image', and a text or nothing under 'question'"),
        ('{"qid": "a", "image": "x.png", "question": 7}', "expected a path under 'image', and a text or nothing"),
        ('{"qid": "a", "image": "gone.png"}', "expected a picture below the folder of queries.jsonl under 'image'"),
        ('{"qid": "a", "image": "documents"}', "expected a picture below the folder of queries.jsonl under 'image'"),
        ('{"qid": "a", "image": "../set/qrels.tsv"}', "expected a picture below the folder of queries.jsonl"),
        ('{"qid": "a", "image": "/etc/passwd"}', "expected a picture below the folder of queries.jsonl"),
    ],
)
def test_a_malformed_question_is_named_with_file_line_expected_and_found(tmp_path: Path, line: str, says: str) -> None:
    folder = write_set(tmp_path / "set")
    with (folder / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n" + line + "\n")
    with pytest.raises(UsageError) as caught:
        read_folder(folder)
    assert f"queries.jsonl:7: {says}" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("q1\ttides.pdf#1\tgood", "expected question, 0, FILE#PAGE and a whole grade"),
        ("q1\t0\ttides.pdf\t1", "expected a page like FILE#12, counted from 1, found tides.pdf"),
        ("q1\t0\ttides.pdf#0\t1", "expected a page like FILE#12, counted from 1"),
        ("q9\t0\ttides.pdf#1\t1", "expected the qid of a line of queries.jsonl, found q9"),
        ("q1\t0\tgone.pdf#1\t1", "expected a page of a file below the documents folder, found gone.pdf#1"),
        ("q4\t0\ttides.pdf#3\t1", "expected the grade 2 that a line above gave this page, found 1"),
    ],
)
def test_a_malformed_grade_is_named_with_file_line_expected_and_found(tmp_path: Path, line: str, says: str) -> None:
    folder = write_set(tmp_path / "set")
    with (folder / "qrels.tsv").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(UsageError) as caught:
        read_folder(folder)
    assert f"qrels.tsv:6: {says}" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"qid": "q9", "boxes": []}', "expected the qid of a question about one document, found q9"),
        ('{"qid": "q1"}', "expected a list of pages with boxes x0 y0 x1 y1 from 0 to 1 under 'boxes', found null"),
        ('{"qid": "q1", "boxes": [{"page": 0, "box": [0, 0, 1, 1]}]}', "expected a list of pages with boxes"),
        ('{"qid": "q1", "boxes": [{"page": 1, "box": [0, 0, 595, 842]}]}', "expected a list of pages with boxes"),
        ('{"qid": "q1", "boxes": [{"page": 1, "box": [0.5, 0, 0.2, 1]}]}', "expected a list of pages with boxes"),
        ("[1]", "expected a JSON object"),
    ],
)
def test_a_malformed_gold_box_is_named_with_file_line_expected_and_found(tmp_path: Path, line: str, says: str) -> None:
    folder = write_set(tmp_path / "set")
    (folder / "boxes.jsonl").write_text("\n" + line + "\n", "utf-8")
    with pytest.raises(UsageError) as caught:
        read_folder(folder)
    assert f"boxes.jsonl:2: {says}" in str(caught.value)


def test_all_faults_are_listed_at_once_and_many_are_counted(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    with (folder / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(f'{{"qid": "bad{number}"}}\n' for number in range(30))
    with pytest.raises(UsageError) as caught:
        read_folder(folder)
    message = str(caught.value)
    assert "queries.jsonl:6:" in message
    assert "queries.jsonl:25:" in message
    assert message.endswith("and 10 more")


def test_text_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    (folder / "queries.jsonl").write_bytes(b'{"qid": "a", "question": "caf\xe9?"}\n')
    with pytest.raises(UsageError, match=r"queries\.jsonl: expected UTF-8 text, found the byte 0xe9"):
        read_folder(folder)


def test_a_listed_file_that_is_gone_is_named(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    (folder / "dataset.json").write_text(json.dumps({"files": ["tides.pdf", "lost.pdf"]}), "utf-8")
    with pytest.raises(UsageError, match=r"expected 'lost\.pdf' below"):
        read_folder(folder)


@given(st.text(min_size=1).filter(lambda name: name.strip() == name), st.integers(1, 99_999))
def test_a_page_s_name_parses_back_whatever_its_document_is_called(name: str, number: int) -> None:
    page = PageRef(name, number)
    assert parse_page_id(page_id(page)) == page


@pytest.mark.parametrize("text", ["a.pdf", "a.pdf#", "a.pdf#0", "#3", "a.pdf#x", "a.pdf#²"])
def test_what_is_no_page_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a page like"):
        parse_page_id(text)


def test_the_development_set_is_read_whole() -> None:
    if not (DATA / "mmlongbench-dev").is_dir():
        pytest.skip("the development data is not here")
    data = read_folder(DATA / "mmlongbench-dev")
    assert (len(data.documents), len(data.questions), len(data.with_evidence)) == (30, 255, 195)
    assert sum(not question.answerable for question in data.questions) == 58
    assert len(data.gold_boxes) == 176
