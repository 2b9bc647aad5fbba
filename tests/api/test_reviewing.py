"""What is unsure is listed, decided on by a person, wins over the machine, and becomes a data set."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.reviewing import reviewed_values, unsure_citations, unsure_values, with_decisions
from pagelens.core.errors import NotFound, UsageError
from pagelens.core.reviews import Decision, ReviewItem
from pagelens.core.types import Answer, Box, Citation, CitationState, Extraction, PageRef, ValueConflict
from pagelens.index import review_log
from tests.api.test_extracting import write_invoice

REF = PageRef("a.pdf", 2)
SCHEMA = {"properties": {"total": {"type": "number"}}}


def cited(state: CitationState | None, claim: str = "12") -> Citation:
    return Citation(mark=1, ref=REF, label=None, quote="", boxes=[Box(0.1, 0.1, 0.2, 0.2)], state=state, claim=claim)


def extraction(total: object = 12, row: object = 1, state: CitationState = "unconfirmed") -> Extraction:
    citations = {"/total": cited(state), "/rows/0/x": cited(state)}
    return Extraction(data={"total": total, "rows": [{"x": row}]}, citations=citations, absent=[], context_pages=[REF])


def item(pointer: str, value: object, decision: Decision | None = None, correction: object = None) -> ReviewItem:
    return ReviewItem(
        kind="value",
        document="d",
        number=2,
        subject="invoice",
        pointer=pointer,
        value=value,
        decision=decision,
        correction=correction,
        decided_at="2026-01-01",
    )


def test_values_on_no_page_and_those_that_pages_disagree_on_are_unsure() -> None:
    found = extraction()
    assert [(one.pointer, one.value, one.number) for one in unsure_values(found, "d", SCHEMA)] == [
        ("/total", 12, 2),
        ("/rows/0/x", 1, 2),
    ]
    [seen, _] = unsure_values(extraction(state="image-only"), "d", SCHEMA)
    assert "read twice alike" in seen.reason
    conflict = ValueConflict(pointer="/total", value=13, citation=cited("quoted"))
    sure = Extraction(
        data={"total": 12}, citations={"/total": cited("quoted")}, absent=[], context_pages=[REF], conflicts=[conflict]
    )
    [only] = unsure_values(sure, "d", SCHEMA)
    assert only.reason == "page 2 says 13" and only.subject == SCHEMA


def test_statements_that_no_page_confirms_are_unsure() -> None:
    answer = Answer(
        question="How much?",
        text="",
        found=True,
        citations=[cited("unconfirmed", "It was 12."), cited("supported")],
        context_pages=[REF],
        confidence=1.0,
    )
    [only] = unsure_citations(answer, {"a.pdf": "d"})
    assert (only.kind, only.subject, only.value, only.document) == ("citation", "How much?", "It was 12.", "d")


def test_a_correction_wins_whatever_the_machine_says_later() -> None:
    decided = with_decisions(extraction(total=99), [item("/total", 12, "corrected", 15)])
    assert decided.data == {"total": 15, "rows": [{"x": 1}]} and decided.corrected == ["/total"]
    assert decided.citations["/total"].state is None and decided.citations["/total"].claim == "15"
    assert "Decided by a person: /total." in decided.notes
    assert unsure_values(decided, "d", SCHEMA)[0].pointer == "/rows/0/x"  # the other one is left to decide


def test_in_a_row_and_of_a_rejection_the_machine_must_still_say_the_same() -> None:
    corrected, rejected = item("/rows/0/x", 1, "corrected", 5), item("/total", 12, "rejected")
    same = with_decisions(extraction(), [corrected, rejected])
    assert same.data == {"total": None, "rows": [{"x": 5}]} and "/total" in same.absent
    other = with_decisions(extraction(total=13, row=2), [corrected, rejected])
    assert other.data == {"total": 13, "rows": [{"x": 2}]} and not other.corrected


def test_what_is_accepted_is_not_asked_for_again() -> None:
    accepted = with_decisions(extraction(), [item("/total", 12, "accepted"), item("/rows/0/x", 1, "accepted")])
    assert accepted.data == extraction().data and unsure_values(accepted, "d", SCHEMA) == []


def test_decided_values_outside_lists_are_a_data_set() -> None:
    items = [
        item("/total", 12, "corrected", 15),
        item("/buyer/name", "A", "accepted"),
        item("/iban", "X", "rejected"),
        item("/rows/0/x", 1, "accepted"),
        item("/open", 1),
    ]
    [line] = reviewed_values(items, {"d": "a.pdf"})
    assert line["values"] == {"total": 15, "buyer": {"name": "A"}, "iban": None} and line["schema"] == "invoice"
    assert list(reviewed_values(items, {})) == []


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    write_invoice(tmp_path / "R-1.pdf", "R-1", "12.00")
    with pagelens.open(tmp_path / "c", create=True, profile="builtin", llm="extractive") as opened:
        opened.index([tmp_path / "R-1.pdf"], workers=0)
        yield opened


def test_a_decision_is_kept_and_used(engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [sha256] = engine.reviews.names()
    unsure = ReviewItem(
        kind="value", document=sha256, number=1, subject="invoice", pointer="/total", value=12.0, reason="smudged"
    )
    assert review_log.add(engine.layout, [unsure, unsure]) == 1 and review_log.add(engine.layout, [unsure]) == 0
    root = ["-c", str(engine.layout.root)]
    assert main(["review", "list", *root, "--json"]) == 0
    [listed] = json.loads(capsys.readouterr().out)
    assert (listed["pointer"], listed["value"], listed["reason"]) == ("/total", 12.0, "smudged")
    assert main(["review", "correct", listed["id"], "13.5", *root]) == 0
    found = engine.extract("R-1.pdf", "invoice")
    assert isinstance(found.data, dict) and found.data["total"] == 13.5 and found.corrected == ["/total"]
    assert main(["review", "list", *root]) == 3 and engine.reviews.items() == []
    [decided] = engine.reviews.items(decided=True)
    assert (decided.decision, decided.correction, decided.key) == ("corrected", 13.5, listed["id"])
    target = tmp_path / "values.jsonl"
    assert main(["review", "export", str(target), *root]) == 0
    assert json.loads(target.read_text())["values"] == {"total": 13.5}
    with pytest.raises(UsageError, match="new file"):
        main_raising(["review", "export", str(target), *root])
    assert main(["review", "accept", "0" * 16, *root]) != 0  # no such item


def main_raising(arguments: list[str]) -> None:
    from pagelens.api.cli.review_command import export

    export(Path(arguments[2]), Path(arguments[4]))


def test_a_doubtful_page_is_listed_until_somebody_looked(engine: Engine) -> None:
    import sqlite3

    with sqlite3.connect(engine.layout.catalog) as catalog:  # as OCR of a bad scan leaves it
        catalog.execute("UPDATE pages SET confidence = 0.55, source = 'ocr'")
    catalog.close()
    [page] = engine.reviews.items()
    assert (page.kind, page.number) == ("page", 1) and page.reason == "read by OCR with a confidence of 55%"
    engine.reviews.decide(page.key, "accepted")
    assert engine.reviews.items() == [] and len(engine.reviews.items(decided=True)) == 1


def test_what_is_unsure_has_a_limit(engine: Engine) -> None:
    with pytest.raises(UsageError, match="at most 1"):
        review_log.add(engine.layout, [item("/a", 1), item("/b", 1)], limit=1)
    with pytest.raises(NotFound, match="pagelens review"):
        review_log.decide(engine.layout, "f" * 16, "accepted")


def test_decisions_are_copied_with_their_collection(engine: Engine, tmp_path: Path) -> None:
    [sha256] = engine.reviews.names()
    review_log.add(engine.layout, [ReviewItem(kind="value", document=sha256, number=1, subject="invoice", value="x")])
    assert main(["copy", "-c", str(engine.layout.root), "--to", str(tmp_path / "copy")]) == 0
    with pagelens.open(tmp_path / "copy", llm="extractive") as copied:
        assert copied.reviews.items() == engine.reviews.items() != []
