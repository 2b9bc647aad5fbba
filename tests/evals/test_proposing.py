"""Proposals: what is asked, what is left alone, and the way through the CSV."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

import pagelens
from pagelens.api.engine.results import DocumentStatus, Status
from pagelens.core.errors import GenerationError, UsageError
from pagelens.evals.authoring.model_questions import ModelQuestions
from pagelens.evals.authoring.proposals import COLUMNS, Proposal, read_csv, stable_names, write_csv
from pagelens.evals.authoring.propose import propose
from pagelens.evals.cli.commands import app
from pagelens.evals.datasets.folder import read_folder, write_folder
from pagelens.generate.extractive_questions import question_from_sentence
from pagelens.generate.llm.chat import ChatRequest, TextPart
from pagelens.generate.llm.scripted import ScriptedModel
from pagelens.index.lexical.analysis import analyze
from tests.evals.conftest import Evaluation
from tests.generate.model_server import Complete, running


@pytest.mark.parametrize(
    ("sentence", "kind", "question", "answer"),
    [
        (
            "Timber in the port of Sandvik grew to 52,300 tonnes last summer.",
            "count",
            "Timber in the port of Sandvik grew to how many tonnes last summer?",
            "52,300",
        ),
        (
            "The northern breakwater of the harbour was finished in 2019 after two storms.",
            "year",
            "The northern breakwater of the harbour was finished in which year after two storms?",
            "2019",
        ),
        (
            "About 42% of the ships that called at the port needed a pilot.",
            "share",
            "About what percentage of the ships that called at the port needed a pilot?",
            "42%",
        ),
        (
            "The crane on the eastern quay cost the port $1.2 million including its rails.",
            "money",
            "The crane on the eastern quay cost the port how much money including its rails?",
            "$1.2 million",
        ),
        (
            "The Sandvik Register is a list of every ship that has called at the port.",
            "what",
            "What is the Sandvik Register?",
            "a list of every ship that has called at the port",
        ),
    ],
)
def test_a_sentence_that_states_something_is_asked_for_it(sentence: str, kind: str, question: str, answer: str) -> None:
    assert question_from_sentence(sentence) == (kind, question, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "Too short for 12 ships.",
        "this begins in the middle of something that had 12 ships in it yesterday.",
        "Between 12 ships and 14 boats were counted on the morning of that long day.",
        "There was nothing to be counted on that day and so nobody counted anything at all.",
        "A line of a table without an end 12 ships and then some more words to be long",
    ],
)
def test_what_cannot_be_asked_for_plainly_is_left_alone(sentence: str) -> None:
    assert question_from_sentence(sentence) is None


def test_the_same_seed_draws_the_same_and_every_sixth_has_no_answer(evaluation: Evaluation) -> None:
    rows = propose(evaluation.engine, count=4, seed=3)
    assert rows == propose(evaluation.engine, count=4, seed=3)
    assert rows
    for row in rows:
        assert row.document in evaluation.data.documents
        assert row.quote
        assert f"{row.document}#{row.pages}" not in row.hard_negatives


GOOD = {
    "question": "How heavy was the wood that was moved?",
    "answer": "52,300 tonnes",
    "quote": "Timber grew to 52,300 tonnes in 2024.",
}


def shown(request: ChatRequest) -> str:
    return "".join(part.text for part in request.messages[-1].parts if isinstance(part, TextPart))


def about_its_first_line(request: ChatRequest) -> str:
    first_line = shown(request).partition("text:\n")[2].split("\n")[0]
    return json.dumps({"question": "What is said of 2024?", "answer": first_line, "quote": first_line})


def replying(**fields: str) -> ScriptedModel:
    return ScriptedModel(lambda _: f"Here it is: {json.dumps(fields)}")


def proposals_by(model: ScriptedModel, evaluation: Evaluation, count: int = 2) -> list[Proposal]:
    questions = ModelQuestions(model, analyze, evaluation.engine.page_image_array)
    return propose(evaluation.engine, count=count, seed=1, write_question=questions.draft, max_pages=4 * count)


def test_a_model_asks_from_text_and_picture_and_the_page_is_the_evidence(evaluation: Evaluation) -> None:
    def reply(request: ChatRequest) -> str:
        if "52,300" not in shown(request):
            return "{}"
        return json.dumps(GOOD)

    model = ScriptedModel(reply)
    [row] = proposals_by(model, evaluation)
    assert (row.kind, row.document, row.pages, row.keep) == ("model", "ports/harbour.pdf", "2", "")
    assert (row.question, row.answer) == ("How heavy was the wood that was moved?", "52,300 tonnes")
    assert "52,300 tonnes" in row.quote
    assert len(model.requests) == 6  # every page was asked for, none twice
    assert all(len(request.images) == 1 for request in model.requests)


@pytest.mark.parametrize(
    "changed",
    [
        {"answer": "61,400 tonnes", "quote": "Timber grew to 61,400 tonnes in 2024."},  # on no page
        {"answer": "61,400 tonnes"},  # not in the quote
        {"question": "Was timber 52,300 tonnes?"},  # given away
        {"quote": "The harbour moved 52,300 tonnes of granite for Captain Ahlgren."},
        {"quote": ""},
        {"question": ""},
        {"answer": ""},
        {"answer": "?"},
    ],
)
def test_a_question_that_no_page_bears_out_is_left_out(evaluation: Evaluation, changed: dict[str, str]) -> None:
    assert len(proposals_by(replying(**GOOD), evaluation)) == 1
    assert proposals_by(replying(**GOOD | changed), evaluation) == []


@pytest.mark.parametrize("reply", ["", "I cannot.", "[1, 2]", '{"question": {', '{"question": "Why?"}'])
def test_a_reply_without_a_question_is_no_question(evaluation: Evaluation, reply: str) -> None:
    assert proposals_by(ScriptedModel(lambda _: reply), evaluation) == []


def test_a_model_that_fails_later_costs_no_question_that_it_asked(evaluation: Evaluation) -> None:
    with pytest.raises(GenerationError, match="gone"):  # nothing was asked yet
        proposals_by(ScriptedModel(lambda _: GenerationError("unreachable", "gone")), evaluation)

    def reply(request: ChatRequest) -> str | GenerationError:
        return GenerationError("unreachable", "gone") if len(model.requests) > 1 else about_its_first_line(request)

    model = ScriptedModel(reply)
    assert [row.question for row in proposals_by(model, evaluation)] == ["What is said of 2024?"]
    assert len(model.requests) == 2  # it was not asked again after it failed


def test_the_sixth_question_of_a_model_is_of_a_year_that_no_page_has(evaluation: Evaluation) -> None:
    rows = proposals_by(ScriptedModel(about_its_first_line), evaluation, count=6)
    assert [row.kind for row in rows] == ["model"] * 5 + ["unanswerable"]
    assert (rows[5].question, rows[5].answer, rows[5].pages) == ("What is said of 2031?", "", "")


def test_init_with_a_model_writes_the_same_csv(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with running() as server:
        monkeypatch.setenv("PAGELENS_LLM_URL", f"{server.root}/v1")
        server.replies = [Complete([json.dumps(GOOD)])] * 6
        arguments = [
            "init",
            tmp_path / "mine.csv",
            "-c",
            evaluation.engine.layout.root,
            "-n",
            2,
            "--model",
            "openai:tiny",
        ]
        assert not app([str(argument) for argument in arguments], standalone_mode=False)
        with pytest.raises(UsageError, match="expected no file at"):
            app([str(argument) for argument in arguments], standalone_mode=False)
    assert len(server.requests) == 6  # the second time none was asked
    assert "5 left out: the answer does not stand on the page" in capsys.readouterr().err
    [row] = csv.DictReader((tmp_path / "mine.csv").open(encoding="utf-8-sig", newline=""))
    assert (row["question"], row["answer"], row["pages"]) == (GOOD["question"], GOOD["answer"], "2")


def written(tmp_path: Path, **fields: str) -> Path:
    row = Proposal("keep", "q1", "count", "How many?", "12", "tides.pdf", "2", "ports/harbour.pdf#1 ; 1", "a quote")
    path = tmp_path / "p.csv"
    write_csv([row], path)
    rows = list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))
    rows[0].update(fields)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_kept_row_has_its_page_and_its_hard_negatives(evaluation: Evaluation, tmp_path: Path) -> None:
    data = read_csv(written(tmp_path), evaluation.engine.status(), name="mine")
    [question] = data.questions
    grades = {f"{page.path}#{page.number}": grade for page, grade in data.qrels["q1"].items()}
    assert grades == {"tides.pdf#2": 1, "ports/harbour.pdf#1": 0, "tides.pdf#1": 0}
    assert (question.answers, question.documents, question.answerable) == (("12",), ("tides.pdf",), True)


def test_a_document_is_found_by_the_end_of_its_path_whatever_else_is_indexed(tmp_path: Path) -> None:
    port, elsewhere = str(tmp_path / "port" / "ports" / "tides.pdf"), str(tmp_path / "uploads" / "tides.pdf")
    name = stable_names([port])[port]
    assert name == "ports/tides.pdf"
    assert stable_names([port, elsewhere])[port] == name  # an upload renames nothing
    row = written(tmp_path, document=name, pages="2", hard_negatives="")
    for files in ([port], [port, elsewhere]):
        [page] = read_csv(row, status_of(files), name="mine").qrels["q1"]
        assert (tmp_path / "port" / "ports" / "tides.pdf").match(f"**/{page.path}")


def test_a_name_that_two_documents_share_asks_for_more_of_the_path(tmp_path: Path) -> None:
    files = [str(tmp_path / folder / "tides.pdf") for folder in ("port", "uploads")]
    with pytest.raises(UsageError, match="expected one document of the collection: write more of its path"):
        read_csv(written(tmp_path, hard_negatives=""), status_of(files), name="mine")


def test_what_was_proposed_is_accepted_whatever_was_indexed_or_renamed_since(tmp_path: Path) -> None:
    first, second = (str(tmp_path / folder / "ports/tides.pdf") for folder in ("a", "b"))
    name = stable_names([first])[first]
    known = json.dumps({name: "digest-1"})
    row = written(tmp_path, document=name, pages="2", hard_negatives=f"{name}#1", files=known)
    renamed = str(tmp_path / "a/ports/high-water.pdf")
    for files in ({first: "digest-1", second: "digest-2"}, {renamed: "digest-1", second: "digest-2"}):
        [path] = {page.path for page in read_csv(row, status_of(list(files), files), name="mine").qrels["q1"]}
        assert files[str(tmp_path / path)] == "digest-1"
    with pytest.raises(UsageError, match="a JSON object under 'files'"):
        read_csv(written(tmp_path / "x", files="[1"), status_of([first]), name="mine")


def test_pages_that_nothing_can_be_asked_of_leave_no_empty_csv(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Limpets, mostly.")
    with pagelens.open(tmp_path / "c", create=True, profile="builtin") as engine:
        engine.index(tmp_path / "a.txt", workers=0)
    with pytest.raises(UsageError, match="expected pages in"):
        app(["init", str(tmp_path / "mine.csv"), "-c", str(tmp_path / "c")], standalone_mode=False)
    assert not (tmp_path / "mine.csv").exists()


def test_a_proposed_set_says_that_it_is_easier_than_peoples_questions(evaluation: Evaluation, tmp_path: Path) -> None:
    data = read_csv(written(tmp_path), evaluation.engine.status(), name="mine")
    write_folder(data, tmp_path / "set")
    [notice] = read_folder(tmp_path / "set").notices
    assert "easier than questions that people ask" in notice


def status_of(files: list[str], digests: Mapping[str, str] = MappingProxyType({})) -> Status:
    documents = [
        DocumentStatus(
            sha256=digests.get(file, file), title=file, kind="pdf", pages=2, paths=(file,), date=None, metadata={}
        )
        for file in files
    ]
    return Status(
        collection="C",
        profile="builtin",
        models={},
        generation=1,
        documents=documents,
        pages=2 * len(files),
        textless_pages=0,
        passages=0,
        bytes_on_disk=0,
        gone=(),
        failures=(),
        problem_pages=(),
    )


def test_a_row_without_pages_has_no_answer(evaluation: Evaluation, tmp_path: Path) -> None:
    [question] = read_csv(written(tmp_path, pages=""), evaluation.engine.status(), name="mine").questions
    assert (question.answerable, question.answers) == (False, ())


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("keep", "perhaps", "p.csv:2: expected keep or drop under 'keep', found perhaps"),
        ("pages", "two", "p.csv:2: expected page numbers or FILE#PAGE, separated by ;, under 'pages', found two"),
        ("document", "gone.pdf", "p.csv:2: expected one document of the collection, found gone.pdf"),
        ("question", " ", "p.csv:2: expected a question, found nothing"),
    ],
)
def test_a_malformed_row_is_named(evaluation: Evaluation, tmp_path: Path, field: str, value: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_csv(written(tmp_path, **{field: value}), evaluation.engine.status(), name="mine")
    assert says in str(caught.value)


def test_a_cell_that_would_be_a_formula_is_text(tmp_path: Path) -> None:
    write_csv([Proposal("", "q1", "", '=HYPERLINK("x")', "-5", "a.pdf", "1", "", "@x")], tmp_path / "p.csv")
    [row] = csv.DictReader((tmp_path / "p.csv").open(encoding="utf-8-sig", newline=""))
    assert (row["question"], row["answer"], row["quote"]) == (' =HYPERLINK("x")', " -5", " @x")
