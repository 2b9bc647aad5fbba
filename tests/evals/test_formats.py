"""Readers, each on a small set in its published form, and on what is wrong with one."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.captions import read_captions
from pagelens.evals.datasets.registry import find_format, open_dataset
from pagelens.evals.datasets.vidore import read_vidore
from tests.api.files import write_pdf
from tests.evals.sets import DATA, write_set


def lines(path: Path, rows: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return path


def jpeg(colour: str) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (24, 32), colour).save(buffer, "JPEG")
    return buffer.getvalue()


# BEIR


def beir(folder: Path) -> Path:
    lines(
        folder / "corpus.jsonl",
        [
            {"_id": "MED-1", "title": "Tides", "text": "A limpet returns to its home scar.", "metadata": {}},
            {"_id": "a/b", "title": "", "text": "港は静かだ。 Limpets wander."},
            {"_id": "a_b", "title": "", "text": "word " * 30_000},
        ],
    )
    lines(folder / "queries.jsonl", [{"_id": "1", "text": "limpets"}, {"_id": "2", "text": "of the train split"}])
    lines(folder / "qrels" / "test.tsv", ["query-id\tcorpus-id\tscore", "1\tMED-1\t2", "1\ta/b\t0"])
    return folder


def test_beir_texts_become_pages_that_keep_their_words(tmp_path: Path) -> None:
    data = open_dataset(beir(tmp_path / "nfcorpus"), documents=tmp_path / "pages")
    assert (data.name, [question.qid for question in data.questions]) == ("nfcorpus", ["1"])
    assert len(set(data.documents)) == 3  # a/b and a_b are two
    assert data.relevant("1") == [PageRef("MED-1.pdf", 1)]
    texts = {name: pymupdf.open(tmp_path / "pages" / name) for name in data.documents}
    assert "A limpet returns to its home scar." in texts["MED-1.pdf"][0].get_text()
    assert texts["MED-1.pdf"].metadata["title"] == "Tides"
    [strange] = [name for name in data.documents if name.startswith("a_b-")]
    assert "港は静かだ。" in texts[strange][0].get_text()
    assert (tmp_path / "pages" / strange).stat().st_size < 200_000
    assert sum(page.get_text().count("word") for page in texts["a_b.pdf"]) == 30_000


def test_beir_faults_are_named(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set")
    lines(folder / "qrels" / "test.tsv", ["query-id\tcorpus-id\tscore", "1\tMED-1\t0.5", "1\tMED-1"])
    with pytest.raises(UsageError) as caught:
        open_dataset(folder)
    assert "test.tsv:2: expected query-id, corpus-id and a whole score (1 or 1.0)" in str(caught.value)
    assert "test.tsv:3: expected query-id, corpus-id and a whole score" in str(caught.value)
    (folder / "qrels" / "test.tsv").rename(folder / "qrels" / "dev.tsv")
    with pytest.raises(UsageError, match="found the splits: dev"):
        open_dataset(folder)


# TREC


@pytest.mark.parametrize(
    "topics",
    [
        "301\tInternational harbour trade\n",
        "<top>\n\n<num> Number: 301\n<title> International harbour trade\n\n<desc> Description:\nx\n</top>\n",
    ],
)
def test_trec_topics_and_qrels_are_read_in_both_forms(tmp_path: Path, topics: str) -> None:
    write_pdf(tmp_path / "set" / "documents" / "FT911-1.pdf", ["one", "two"])
    lines(tmp_path / "set" / "topics.txt", [topics])
    lines(tmp_path / "set" / "qrels.txt", ["301 0 FT911-1 1", "301 0 FT911-1#2 2", "999 0 FT911-1 1"])
    data = open_dataset(tmp_path / "set")
    assert [(question.qid, question.text) for question in data.questions] == [("301", "International harbour trade")]
    assert data.relevant("301") == [PageRef("FT911-1.pdf", 2), PageRef("FT911-1.pdf", 1)]


def test_trec_faults_are_named(tmp_path: Path) -> None:
    write_pdf(tmp_path / "set" / "documents" / "a.pdf", ["one"])
    lines(tmp_path / "set" / "topics.tsv", ["1 no tab"])
    lines(tmp_path / "set" / "qrels.txt", ["1 0 a half", "1 0 a"])
    with pytest.raises(UsageError) as caught:
        open_dataset(tmp_path / "set")
    message = str(caught.value)
    assert "topics.tsv:1: expected a topic's number, a tab and its words" in message
    assert "qrels.txt:1: expected topic, 0, document and a whole grade" in message
    assert "qrels.txt:2: expected topic, 0, document and a whole grade" in message


# MMLongBench-Doc


def mmlongbench(folder: Path) -> Path:
    write_pdf(folder / "documents" / "Independents-Report.pdf", ["1", "2", "3", "4", "5"])
    rows = [
        {
            "doc_id": "Independents-Report.pdf",
            "doc_type": "Research report / Introduction",
            "question": "What's the percentage?",
            "answer": "18.29%",
            "evidence_pages": "[3, 5, 60]",  # the report has no page 60
            "evidence_sources": "['Pure-text (Plain-text)', 'Table']",
            "answer_format": "Float",
        },
        {
            "doc_id": "Independents-Report.pdf",
            "doc_type": "Research report / Introduction",
            "question": "Who?",
            "answer": "Not answerable",
            "evidence_pages": "[]",
            "evidence_sources": "[]",
            "answer_format": "None",
        },
    ]
    (folder / "samples.json").write_text(json.dumps(rows), "utf-8")
    return folder


def test_mmlongbench_samples_are_read(tmp_path: Path) -> None:
    data = open_dataset(mmlongbench(tmp_path))
    first, second = data.questions
    assert data.relevant(first.qid) == [PageRef("Independents-Report.pdf", 3), PageRef("Independents-Report.pdf", 5)]
    assert first.groups == {"source": ("text", "table"), "doc_type": ("Research report / Introduction",)}
    assert (first.answers, first.answer_format, first.answerable) == (("18.29%",), "Float", True)
    assert (second.answerable, data.relevant(second.qid)) == (False, [])


def test_a_malformed_sample_is_named(tmp_path: Path) -> None:
    folder = mmlongbench(tmp_path)
    rows = json.loads((folder / "samples.json").read_text("utf-8"))
    rows[1]["doc_id"] = "gone.pdf"
    (folder / "samples.json").write_text(json.dumps(rows), "utf-8")
    with pytest.raises(UsageError, match=r"a file of documents/ under 'doc_id', in sample 2"):
        open_dataset(folder)
    (folder / "samples.json").write_text('[{"a": 1},', "utf-8")
    with pytest.raises(UsageError, match=r"samples\.json: expected JSON"):
        open_dataset(folder)


# FinanceBench


def test_financebench_pages_count_from_nought_and_become_ours(tmp_path: Path) -> None:
    write_pdf(tmp_path / "pdfs" / "3M_2018_10K.pdf", ["1", "2", "3"])
    evidence = {"evidence_text": "x", "doc_name": "3M_2018_10K", "evidence_page_num": 1, "evidence_text_full_page": "x"}
    row = {
        "financebench_id": "financebench_id_03029",
        "company": "3M",
        "doc_name": "3M_2018_10K",
        "question_type": "metrics-generated",
        "question_reasoning": "Information extraction",
        "question": "What is the FY2018 capital expenditure amount?",
        "answer": "$1577.00",
        "evidence": [evidence],
    }
    other = row | {"financebench_id": "financebench_id_1", "doc_name": "PDF_THAT_IS_NOT_HERE"}
    lines(tmp_path / "data" / "financebench_open_source.jsonl", [row, other])
    data = open_dataset(tmp_path)
    [question] = data.questions
    assert data.relevant(question.qid) == [PageRef("3M_2018_10K.pdf", 2)]
    assert question.groups == {"question_type": ("metrics-generated",), "reasoning": ("Information extraction",)}
    bad = row | {"evidence": [evidence | {"evidence_page_num": -1}]}
    lines(tmp_path / "data" / "financebench_open_source.jsonl", [row | {"financebench_id": "x"}, bad])
    with pytest.raises(UsageError, match=r"jsonl:2: expected a page from 0 under 'evidence_page_num'"):
        open_dataset(tmp_path)


# Captions


def photos(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(jpeg("navy"))
    return folder


FLICKR_TOKENS = ["a.jpg#0\tA child in a pink dress .", "a.jpg#1\tA girl, climbing .", "b.jpg#0\tTwo dogs ."]
FLICKR_TABLE = ["image,caption", "a.jpg,A child in a pink dress .", 'a.jpg,"A girl, climbing ."', "b.jpg,Two dogs ."]
COCO = {
    "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 9, "file_name": "b.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 7, "caption": "A child in a pink dress ."},
        {"id": 2, "image_id": 7, "caption": "A girl, climbing ."},
        {"id": 3, "image_id": 9, "caption": "Two dogs ."},
    ],
}
KARPATHY = {
    "images": [
        {
            "filename": "a.jpg",
            "split": "test",
            "sentences": [{"raw": "A child in a pink dress ."}, {"raw": "A girl, climbing ."}],
        },
        {"filename": "b.jpg", "split": "test", "sentences": [{"raw": "Two dogs ."}]},
        {"filename": "c.jpg", "split": "train", "sentences": [{"raw": "Of another split."}]},
    ]
}
OURS = [
    {"photo": "a.jpg", "captions": ["A child in a pink dress .", "A girl, climbing ."]},
    {"photo": "b.jpg", "captions": ["Two dogs ."]},
]


@pytest.mark.parametrize(
    ("file", "rows", "folder"),
    [
        ("Flickr8k.token.txt", FLICKR_TOKENS, "Flicker8k_Dataset"),
        ("captions.txt", FLICKR_TABLE, "Images"),
        ("annotations/captions_val2017.json", [COCO], "val2017"),
        ("dataset_flickr8k.json", [KARPATHY], "images"),
        ("captions.jsonl", OURS, "photos"),
    ],
)
def test_captions_are_read_from_every_form_they_go_round_in(
    tmp_path: Path, file: str, rows: list[Any], folder: str
) -> None:
    photos(tmp_path / folder, "a.jpg", "b.jpg")
    lines(tmp_path / file, rows)
    data = open_dataset(tmp_path)
    assert [(question.text, data.relevant(question.qid)) for question in data.questions] == [
        ("A child in a pink dress .", [PageRef("a.jpg", 1)]),
        ("A girl, climbing .", [PageRef("a.jpg", 1)]),
        ("Two dogs .", [PageRef("b.jpg", 1)]),
    ]
    assert data.documents == ["a.jpg", "b.jpg"]


def test_caption_faults_are_named(tmp_path: Path) -> None:
    photos(tmp_path / "photos", "a.jpg")
    lines(tmp_path / "captions.jsonl", [{"photo": "a.jpg", "captions": "one"}, {"photo": "b.jpg", "captions": ["x"]}])
    with pytest.raises(UsageError) as caught:
        read_captions(tmp_path)
    assert "captions.jsonl:1: expected a file name under 'photo' and a list under 'captions'" in str(caught.value)
    assert "captions.jsonl:2: expected a photo below" in str(caught.value)


def test_the_photos_at_hand_are_read() -> None:
    if not (DATA / "photos-dev").is_dir():
        pytest.skip("the development data is not here")
    data = open_dataset(DATA / "photos-dev")
    assert (len(data.documents), len(data.questions)) == (1_000, 5_000)


# ViDoRe


def table(path: Path, rows: list[dict[str, Any]]) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="parquet is read by pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def test_vidore_1_is_one_table_of_pairs(tmp_path: Path) -> None:
    picture = {"bytes": jpeg("red"), "path": "p.jpg"}
    rows: list[dict[str, Any]] = [
        {"query": "What is red?", "image": picture, "image_filename": "images/r 1.jpg", "answer": "It."},
        {
            "query": None,
            "image": {"bytes": jpeg("blue"), "path": None},
            "image_filename": "images/b.jpg",
            "answer": None,
        },
        {"query": "And again?", "image": picture, "image_filename": "images/r 1.jpg", "answer": None},
    ]
    table(tmp_path / "set" / "data" / "test-00000-of-00001.parquet", rows)
    data = open_dataset(tmp_path / "set", documents=tmp_path / "pictures")
    assert len(data.documents) == 2
    first, again = data.questions
    assert data.relevant(first.qid) == data.relevant(again.qid)
    assert first.answers == ("It.",)
    [page] = data.relevant(first.qid)
    assert (tmp_path / "pictures" / page.path).read_bytes() == jpeg("red")


@pytest.mark.parametrize("dash", ["-", "_"])
def test_vidore_2_and_3_are_three_tables(tmp_path: Path, dash: str) -> None:
    corpus: list[dict[str, Any]] = [
        {
            f"corpus{dash}id": number,
            "image": {"bytes": jpeg(colour), "path": ""},
            f"doc{dash}id": "report",
            "page_number_in_doc": number,
        }
        for number, colour in enumerate(["red", "blue", "green"])
    ]
    queries: list[dict[str, Any]] = [
        {
            f"query{dash}id": 0,
            "query": "What?",
            "language": "english",
            "query_types": ["open-ended"],
            "raw_answers": ["It.", "That."],
        },
        {
            f"query{dash}id": 1,
            "query": "Quoi ?",
            "language": "french",
            "query_types": ["open-ended"],
            "raw_answers": [],
        },
    ]
    qrels: list[dict[str, Any]] = [
        {f"query{dash}id": 0, f"corpus{dash}id": 2, "score": 2},
        {f"query{dash}id": 1, f"corpus{dash}id": 0, "score": 1},
    ]
    for name, rows in zip(("corpus", "queries", "qrels"), (corpus, queries, qrels), strict=True):
        table(tmp_path / name / "test-00000-of-00001.parquet", rows)
    data = read_vidore(tmp_path, tmp_path / "documents", language="english")
    [question] = data.questions
    [page] = data.relevant(question.qid)
    assert "report_00002" in page.path
    assert question.answers == ("It.", "That.")
    assert question.groups == {"question_type": ("open-ended",), "language": ("english",)}
    assert len(read_vidore(tmp_path, tmp_path / "documents").questions) == 2


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    table(tmp_path / "corpus" / "test.parquet", [{"corpus-id": 1, "image": {"bytes": jpeg("red")}}])
    with pytest.raises(UsageError, match="found no queries, qrels"):
        read_vidore(tmp_path, tmp_path / "documents")


def test_names_in_a_set_cannot_leave_its_folder(tmp_path: Path) -> None:
    picture = {"bytes": jpeg("red"), "path": ""}
    table(tmp_path / "set" / "t.parquet", [{"query": "?", "image": picture, "image_filename": "../../outside.jpg"}])
    data = read_vidore(tmp_path / "set", tmp_path / "set" / "documents")
    assert [path for path in tmp_path.rglob("*.jpg") if "documents" not in path.parts] == []
    assert len(data.documents) == 1


# Detecting the format


def test_a_format_is_detected_by_its_files(tmp_path: Path) -> None:
    assert find_format(write_set(tmp_path / "ours")).name == "pagelens"
    assert find_format(beir(tmp_path / "beir")).name == "beir"
    assert find_format(mmlongbench(tmp_path / "mm")).name == "mmlongbench"
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="expected a data set in"):
        find_format(tmp_path / "empty")
    with pytest.raises(UsageError, match="expected a format among pagelens, captions, beir"):
        open_dataset(tmp_path / "ours", dataset_format="xml")
