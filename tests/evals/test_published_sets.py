"""Published sets as they are: grades of what is not there, 1.0, odd ids, any script; and runs over them."""

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pymupdf
import pytest

import pagelens
from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.cli.commands import app
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.datasets.folder import read_folder, refuse_faulty_questions, write_folder
from pagelens.evals.datasets.left_out import LeftOut
from pagelens.evals.datasets.line_reader import whole_number
from pagelens.evals.datasets.registry import open_dataset
from pagelens.evals.datasets.text_pages import MARGIN, WIDTH, letters_without_glyph, write_text_pages
from pagelens.evals.report.writing import write_reports
from pagelens.evals.runs.export import export_run
from pagelens.evals.runs.plan import Plan, lanes_for
from pagelens.evals.runs.runner import perform_run
from pagelens.evals.runs.systems import System
from pagelens.evals.runs.trec_run import read_run
from pagelens.ingest.readers.mupdf import LOCK
from pagelens.ingest.readers.mupdf_page import page_words
from tests.api.files import write_pdf


def beir(
    folder: Path, corpus: dict[str, object], queries: dict[str, str], grades: Sequence[tuple[str, str, str]]
) -> Path:
    """Write a set in BEIR's form; return its folder."""
    (folder / "qrels").mkdir(parents=True)
    texts = [json.dumps({"_id": identity, "title": None, "text": text}) for identity, text in corpus.items()]
    (folder / "corpus.jsonl").write_text("\n".join(texts), "utf-8")
    questions = [json.dumps({"_id": qid, "text": text}) for qid, text in queries.items()]
    (folder / "queries.jsonl").write_text("\n".join(questions), "utf-8")
    rows = ["query-id\tcorpus-id\tscore", *("\t".join(grade) for grade in grades)]
    (folder / "qrels" / "test.tsv").write_text("\n".join(rows), "utf-8")
    return folder


def trec(folder: Path, documents: Sequence[str], topics: str, qrels: str) -> Path:
    """Write a set in TREC's form; return its folder."""
    for name in documents:
        write_pdf(folder / "documents" / name, ["one"])
    (folder / "topics.tsv").write_text(topics, "utf-8")
    (folder / "qrels.txt").write_text(qrels, "utf-8")
    return folder


def test_grades_of_texts_that_the_corpus_lacks_are_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = beir(
        tmp_path / "arguana",
        {"d1": "Glass bottles.", "d2": "Paper."},
        {"1": "bottles", "2": "paper", "3": "ungraded", "4": "graded in vain"},
        [("1", "d1", "1"), ("1", "gone", "1"), ("2", "d2", "1"), ("4", "gone too", "1"), ("9", "d1", "1")],
    )
    data = open_dataset(folder)
    assert data.qrels == {"1": {PageRef("d1.pdf", 1): 1}, "2": {PageRef("d2.pdf", 1): 1}}
    assert [question.qid for question in data.questions] == ["1", "2"]
    assert [notice.split(":")[0] for notice in data.notices] == [
        "2 grades of documents that the set does not hold left out (gone, gone too)",
        "1 grade of questions that the set does not hold left out",
        "2 questions without grades left out (3, 4)",
    ]
    assert app(["check", str(folder)], standalone_mode=False) == 0
    output = capsys.readouterr()
    assert "2 documents, 2 questions, 2 with evidence" in output.out
    assert "2 grades of documents that the set does not hold left out" in output.err


def test_topics_and_grades_of_trec_that_lead_nowhere_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = trec(tmp_path / "set", ["a.pdf"], "1\tone\n2\ttwo\n", "1 0 a 1\n1 0 gone 1\n2 0 gone#4 1\n7 0 a 1\n")
    data = open_dataset(folder)
    assert [question.qid for question in data.questions] == ["1"]
    assert [notice.split(" left out")[0] for notice in data.notices] == [
        "2 grades of documents that the set does not hold",
        "1 grade of questions that the set does not hold",
        "1 question without grades",
    ]


def test_notices_give_three_examples() -> None:
    left_out = LeftOut(documents=["a", "b", "c", "d"])
    assert "(a, b, c, ...)" in left_out.notices()[0]


def test_a_set_none_of_whose_grades_can_be_reached_is_refused(tmp_path: Path) -> None:
    folder = trec(tmp_path / "set", ["a.pdf"], "1\tone\n", "1 0 b 1\n")
    with pytest.raises(UsageError, match="found 1 grade of documents that the set does not hold left out"):
        open_dataset(folder)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("1.0", 1), ("2.", 2), ("-1.0", -1), ("1.000e+00", 1), ("0.0", 0), ("1e6", 1_000_000)]
    + [(text, None) for text in ("0.5", "1.5", "nan", "inf", "1_0", "one", "", "1e7", "1,0", "--1")],
)
def test_grades_are_whole_numbers_however_they_are_written(text: str, number: int | None) -> None:
    assert whole_number(text) == number


def test_float_grades_are_read_in_every_text_format(tmp_path: Path) -> None:
    grades = [("1", "d1", "2.0"), ("1", "d2", "0.0")]
    data = open_dataset(beir(tmp_path / "beir", {"d1": "Glass.", "d2": "Paper."}, {"1": "glass"}, grades))
    expected = {"1": {PageRef("d1.pdf", 1): 2, PageRef("d2.pdf", 1): 0}}
    assert data.qrels == expected
    assert open_dataset(
        trec(tmp_path / "trec", ["d1.pdf", "d2.pdf"], "1\tx\n", "1 0 d1 2.0\n1\t0\td2\t0.0\n")
    ).qrels == (expected)
    write_folder(data, tmp_path / "own")
    qrels = tmp_path / "own" / "qrels.tsv"
    qrels.write_text(qrels.read_text("utf-8").replace("\t2\n", "\t2.0\n").replace("\t0\n", "\t0.0\n"), "utf-8")
    assert read_folder(tmp_path / "own").qrels == expected


def test_trec_documents_may_have_blanks_colons_and_folders(tmp_path: Path) -> None:
    names = ["annual report.pdf", "<dbpedia:Farm>.pdf", "a/b 🚀.pdf"]
    qrels = "q 7\t0\tannual report\t1\nq2 0 <dbpedia:Farm> 1\nq2 0 a/b 🚀.pdf#1 2.0\n"
    data = open_dataset(trec(tmp_path / "set", names, "q 7\tone\nq2\ttwo\n", qrels))
    assert data.qrels == {
        "q 7": {PageRef("annual report.pdf", 1): 1},
        "q2": {PageRef("<dbpedia:Farm>.pdf", 1): 1, PageRef("a/b 🚀.pdf", 1): 2},
    }


def test_null_and_empty_texts_are_read_and_repeated_ids_are_named(tmp_path: Path) -> None:
    corpus: dict[str, object] = {"d1": "Glass.", "d2": None, "d3": ""}
    data = open_dataset(beir(tmp_path / "set", corpus, {"1": "glass"}, [("1", "d1", "1")]))
    [page] = pymupdf.open(data.folder / "d2.pdf")
    assert page.get_text() == ""
    assert len(data.documents) == 3
    rows = (tmp_path / "set" / "queries.jsonl").read_text("utf-8") + '\n{"_id": "1", "text": "another"}'
    (tmp_path / "set" / "queries.jsonl").write_text(rows, "utf-8")
    with pytest.raises(UsageError, match=r"queries\.jsonl:2: expected an _id that no line above has, found 1"):
        open_dataset(tmp_path / "set")


@pytest.mark.parametrize("qid", ["a\tb", "a\nb", " a", "a\u2028b"])
def test_an_id_that_no_run_can_hold_is_refused_before_a_run(qid: str) -> None:
    data = DataSet("set", Path(), [], [Question(qid, "what?")], {})
    with pytest.raises(UsageError, match="set: expected a qid without tabs"):
        refuse_faulty_questions(data, Path("set"))


def words_of(path: Path) -> list[str]:
    """Return the words of a document's first page as PageLens reads them."""
    with LOCK:
        return [unicodedata.normalize("NFKC", word[4]) for word in page_words(pymupdf.open(path)[0])]


@pytest.mark.parametrize(
    "text",
    [
        "تقع مدينة القاهرة على ضفاف نهر النيل في مصر",
        "נמל חיפה (הוקם 1933) נמצא בצפון",
        "فارسی می‌خواهم گچ پژ؟",
        "بِسْمِ اللَّهِ الرَّحْمَٰنِ، نعم",
        "בְּרֵאשִׁית בָּרָא אֱלֹהִים",
        "The city القاهرة is big and ירושלים too.",
        "ܫܠܡܐ ܥܠܡܐ",
        "The rocket 🚀 and 🚁 launched.",
        "𞤀𞤁 𝐀𝐁",
        "दिल्ली भारत की राजधानी है।",
        "สวัสดี ประเทศไทย",
    ],
)
def test_a_text_is_read_back_from_its_page(tmp_path: Path, text: str) -> None:
    write_text_pages({"a.pdf": ("", text)}, tmp_path)
    assert words_of(tmp_path / "a.pdf") == unicodedata.normalize("NFKC", text).split()


def test_a_line_to_the_left_is_drawn_as_displayed_from_the_right_margin(tmp_path: Path) -> None:
    write_text_pages({"a.pdf": ("", "נמל (אב)"), "b.pdf": ("", "port (אב)")}, tmp_path)
    drawn = {
        name: [char for span in pymupdf.open(tmp_path / name)[0].get_texttrace() for char in span["chars"]]
        for name in ("a.pdf", "b.pdf")
    }
    assert "".join(chr(char[0]) for char in drawn["a.pdf"]) == "(בא) למנ"
    assert drawn["a.pdf"][-1][3][2] == pytest.approx(WIDTH - MARGIN, abs=0.5)
    assert "".join(chr(char[0]) for char in drawn["b.pdf"]) == "port (בא)"
    assert drawn["b.pdf"][0][3][0] == pytest.approx(MARGIN, abs=0.5)


def test_lines_that_are_folded_keep_their_order(tmp_path: Path) -> None:
    text = " ".join(f"מילה{letter}" for letter in "אבגדהוזחטיכלמנסעפצקרשת")
    write_text_pages({"a.pdf": ("כותרת", text)}, tmp_path)
    assert words_of(tmp_path / "a.pdf") == ["כותרת", *text.split()]


def test_letters_that_no_font_has_are_counted(tmp_path: Path) -> None:
    assert letters_without_glyph(["𠮷野家 🚀 القاهرة،", "x\u200b\ufe0f"]) == "𠮷"
    data = open_dataset(beir(tmp_path / "set", {"d1": "𠮷野家"}, {"1": "野家"}, [("1", "d1", "1")]))
    assert data.notices == ("1 letter that no font at hand has cannot be found (𠮷)",)


def test_odd_ids_and_scripts_pass_through_a_run_its_report_and_its_exports(tmp_path: Path) -> None:
    corpus: dict[str, object] = {
        "<dbpedia:Animal_Farm>": "The pigs take over the barn.",
        "a/b": "Recycling glass bottles saves energy.",
        "dokument ærø 🚀": "The rocket 🚀 launched at dawn.",
        "arab-1": "تقع مدينة القاهرة على ضفاف نهر النيل في مصر",
        "heb-1": "ירושלים היא עיר הבירה של ישראל",
        "7915": "",
    }
    queries = {
        "q 7": "recycling bottles",
        "<q:1>": "pigs",
        "q/ærø 🚀": "rocket",
        "ar": "القاهرة",
        "he": "הבירה",
        "n": "no",
    }
    grades = list(
        zip(queries, ["a/b", "<dbpedia:Animal_Farm>", "dokument ærø 🚀", "arab-1", "heb-1"], "11111", strict=False)
    )
    data = open_dataset(beir(tmp_path / "set", corpus, queries, grades))
    with pagelens.open(tmp_path / "collection", create=True, profile="builtin") as engine:
        engine.index([data.folder])
        assert "words" in lanes_for(engine, data)
        plan = Plan(systems={"words": System(("words",))}, scopes=["whole"], answer_scopes=["whole"])
        run = perform_run(engine, data, plan, tmp_path / "run")
        summary, page = write_reports(run, None)
    assert summary.systems[0].measures["R@1"].mean == 1.0
    assert "q/ærø 🚀" in page.read_text("utf-8")
    assert "1 question without grades left out (n)" in page.read_text("utf-8")
    ranked = read_run(tmp_path / "run" / "trec" / "whole.words.trec")
    assert {qid: pages[:1] for qid, pages in ranked.items()} == {qid: data.relevant(qid) for qid in data.qrels}
    qrels, words = (path.read_text("utf-8") for path in export_run(run, tmp_path / "trec_eval", "trec_eval"))
    assert {len(line.split()) for line in qrels.splitlines()} == {4}
    assert {len(line.split()) for line in words.splitlines()} == {6}
    assert {line.split()[0] for line in qrels.splitlines()} >= {"q%207", "<q:1>", "ar"}
    graded, _ = export_run(run, tmp_path / "ranx", "ranx")
    assert set(json.loads(graded.read_text("utf-8"))) == set(data.qrels)
