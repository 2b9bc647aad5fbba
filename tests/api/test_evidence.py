"""Evidence bundles: what they hold, what the verifier accepts and rejects, and what they export to."""

import ast
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pymupdf
import pytest
from PIL import Image

import pagelens
from benchmarks.evidence import TAMPERINGS, of_one_citation, tampered
from pagelens.api.cli.main import main
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.evidence import bundle as bundle_module
from pagelens.api.engine.evidence import verify_evidence
from pagelens.api.engine.evidence.annotations import to_annotations, write_highlighted_pdfs
from pagelens.api.engine.evidence.bundle import Bundle, make_bundle, read_bundle, to_json, with_digest
from pagelens.api.engine.evidence.located_words import is_interrupted, locate_words
from pagelens.api.engine.evidence.pack import pack_bundle
from pagelens.core.errors import UsageError
from pagelens.core.types import Answer, Box, Citation, PageRef, PageText
from tests.api.files import write_pdf

FOLDER = Path(bundle_module.__file__).parent
VERIFIER = FOLDER / "verify_evidence.py"
TIMBER = "How much timber was moved in 2024?"
LIMPET = "When does a limpet return to its home scar?"
PILOT = "From which draught do ships need a pilot?"


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two PDFs; the pages of one are labelled i, ii, iii, and its second page is turned."""
    folder = tmp_path_factory.mktemp("documents")
    pages = [
        "Port of Sandvik annual report\nThis report covers the year 2024.",
        "The northern breakwater was finished in September.\nTimber grew to 52,300 tonnes in 2024, from 51,800.",
        "Ships with a draught of more than 8.2 metres need a pilot.\nThree accidents were recorded.",
    ]
    write_pdf(folder / "plain.pdf", pages, title="Port of Sandvik")
    with pymupdf.open(folder / "plain.pdf") as pdf:
        pdf.set_page_labels([{"startpage": 0, "style": "r", "firstpagenum": 1}])
        pdf[1].set_rotation(90)
        pdf.save(folder / "harbour.pdf")
    (folder / "plain.pdf").unlink()
    write_pdf(folder / "tides.pdf", ["A limpet returns to its home scar before the tide falls."], title="Tides")
    return folder


@pytest.fixture(scope="module")
def harbour(documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    root = tmp_path_factory.mktemp("evidence") / "collection"
    with pagelens.open(root, create=True, profile="builtin", llm="extractive") as engine:
        assert engine.index([documents]).documents == 2
        yield engine


@pytest.fixture(scope="module")
def answer(harbour: Engine) -> Answer:
    return harbour.ask(TIMBER)


@pytest.fixture
def bundle(harbour: Engine, answer: Answer) -> Bundle:
    return make_bundle(harbour, answer)


def check(bundle: Bundle, *files: Path) -> tuple[list[str], Any]:
    """Return what the verifier says of a bundle: of the whole, and of its first citation."""
    problems, outcomes = verify_evidence.check_bundle(
        json.loads(to_json(bundle)), verify_evidence.files_by_hash(map(str, files))
    )
    return problems, outcomes[0]


def test_a_bundle_holds_question_answer_and_what_is_cited(harbour: Engine, answer: Answer, documents: Path) -> None:
    made = make_bundle(harbour, answer, clock=lambda: datetime(2026, 11, 30, 12, 0, tzinfo=UTC))
    jsonschema.validate(made, json.loads((FOLDER / "bundle.schema.json").read_bytes()))
    [citation] = made["citations"]
    assert (made["question"], made["time"]) == (TIMBER, "2026-11-30T12:00:00+00:00")
    assert made["answer"]["text"] == answer.text and "52,300" in answer.text
    assert made["collection"]["commit"] == answer.generation == harbour_generation(harbour)
    assert made["models"]["answer"] == "extractive"
    assert citation["file"]["name"] == "harbour.pdf" and len(citation["file"]["sha256"]) == 64
    assert (citation["page"]["number"], citation["page"]["label"], citation["page"]["count"]) == (2, "ii", 3)
    assert citation["quote"] == "Timber grew to 52,300 tonnes in 2024, from 51,800."
    assert [word["text"] for word in citation["words"]] == citation["quote"].split()
    assert made["sentences"] == [{"text": citation["quote"], "citations": ["c1"]}] and citation["verbatim"]
    assert citation["checked"]["state"] == "quoted" and citation["checked"]["by"].startswith("pagelens ")


def harbour_generation(engine: Engine) -> int:
    with engine.snapshot() as snapshot:
        return snapshot.generation


def test_the_verifier_accepts_a_bundle_also_of_a_turned_page(bundle: Bundle, documents: Path) -> None:
    assert check(bundle, documents) == ([], {"citation": "c1", "holds": True, "problems": [], "unchecked": []})


@pytest.mark.parametrize("name", TAMPERINGS)
def test_the_verifier_rejects_a_bundle_with(name: str, harbour: Engine, bundle: Bundle, documents: Path) -> None:
    pilot, limpet = (of_one_citation(make_bundle(harbour, harbour.ask(question)), 0) for question in (PILOT, LIMPET))
    cited = pilot if "left out" in name else of_one_citation(bundle, 0)  # on a turned page lines run downwards
    changed = tampered(cited, limpet, TAMPERINGS[name])
    assert changed is not None and changed["digest"] == verify_evidence.digest_of(changed)
    problems, outcome = check(changed, documents)
    assert problems == [] and outcome["holds"] is False


def test_the_verifier_rejects_a_file_that_was_changed(bundle: Bundle, documents: Path, tmp_path: Path) -> None:
    (tmp_path / "harbour.pdf").write_bytes((documents / "harbour.pdf").read_bytes() + b"\n")
    assert check(bundle, tmp_path)[1]["holds"] is False
    (tmp_path / "renamed.pdf").write_bytes((documents / "harbour.pdf").read_bytes())
    assert check(bundle, tmp_path)[1]["holds"] is True


def test_a_change_without_a_new_digest_is_told_of_the_whole_bundle(bundle: Bundle, documents: Path) -> None:
    bundle["question"] = "How much grain was moved in 2024?"
    assert check(bundle, documents)[0] == ["digest: the bundle has been changed"]
    assert check(with_digest(bundle), documents)[0] == []


def test_a_box_may_lie_one_point_beside_its_letters_and_not_two(bundle: Bundle, documents: Path) -> None:
    width = bundle["citations"][0]["page"]["width"]
    for points, holds in ((1.0, True), (2.0, False)):
        moved = json.loads(to_json(bundle))
        box = moved["citations"][0]["words"][0]["box"]
        box[0], box[2] = box[0] + points / width, box[2] + points / width
        assert check(with_digest(moved), documents)[1]["holds"] is holds


def test_words_from_ocr_are_told_to_be_unchecked_and_hold_only_on_their_page(bundle: Bundle, documents: Path) -> None:
    citation = bundle["citations"][0]
    citation["words_from"] = "ocr"
    citation["words"][0]["text"], citation["quote"] = "Tinber", citation["quote"].replace("Timber", "Tinber")
    citation["statement"] = bundle["answer"]["text"] = citation["quote"]
    bundle["sentences"] = []
    _, outcome = check(with_digest(bundle), documents)
    assert outcome["holds"] is None
    assert outcome["unchecked"] == ["words: 'Tinber' is said to come from OCR; the page has 'Timber' there"]
    citation["words_from"] = "both"  # a layer of the file stands there, so OCR was not asked
    assert check(with_digest(bundle), documents)[1]["holds"] is False
    citation["words_from"], citation["words"][0]["box"] = "ocr", [0.9, 0.1, 1.1, 0.2]
    assert check(with_digest(bundle), documents)[1]["holds"] is False


def test_a_text_without_fixed_pages_is_looked_for_in_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Timber grew to 52,300 tonnes in 2024.\n\nGrain fell after the dry summer.\n")
    with pagelens.open(tmp_path / "c", create=True, profile="builtin", llm="extractive") as engine:
        engine.index([tmp_path / "notes.txt"])
        made = make_bundle(engine, engine.ask(TIMBER))
    _, outcome = check(made, tmp_path / "notes.txt")
    assert outcome["holds"] is None and outcome["unchecked"] == ["page and boxes: the format has no fixed pages"]
    changed = tampered(of_one_citation(made, 0), made, TAMPERINGS["a digit of the quote changed"])
    assert changed is not None and check(changed, tmp_path / "notes.txt")[1]["holds"] is False


def test_a_statement_that_is_not_the_quote_is_no_more_than_compared(
    harbour: Engine, answer: Answer, documents: Path
) -> None:
    claim = "Timber rose to 52,300 tonnes."
    citations = [replace(answer.citations[0], state="supported", claim=claim)]
    made = make_bundle(harbour, replace(answer, text=f"{claim} [1]", citations=citations))
    assert made["citations"][0]["statement"] == claim and not made["citations"][0]["verbatim"]
    _, outcome = check(made, documents)
    assert outcome["holds"] is None and "word for word" in outcome["unchecked"][0]


def test_a_later_commit_is_no_obstacle_unless_the_page_reads_differently(tmp_path: Path) -> None:
    source = write_pdf(tmp_path / "harbour.pdf", ["Timber grew to 52,300 tonnes in 2024."])
    with pagelens.open(tmp_path / "c", create=True, profile="builtin", llm="extractive") as engine:
        engine.index([source])
        answer = engine.ask(TIMBER)
        engine.index([write_pdf(tmp_path / "tides.pdf", ["A limpet returns to its home scar."])])
        assert make_bundle(engine, answer)["collection"]["commit"] == answer.generation
        engine.index([write_pdf(source, ["Grain fell after the dry summer."])])
        with pytest.raises(UsageError, match="Ask again"):
            make_bundle(engine, answer)


def test_the_words_of_a_shortened_quote_are_those_before_the_ellipsis(harbour: Engine, answer: Answer) -> None:
    short = replace(answer.citations[0], quote="Timber grew to 52,300 …")
    [citation] = make_bundle(harbour, replace(answer, citations=[short]))["citations"]
    assert citation["quote"] == "Timber grew to 52,300"


def test_a_citation_without_boxes_claims_no_words(harbour: Engine, answer: Answer, documents: Path) -> None:
    bare = Citation(mark=1, ref=answer.citations[0].ref, label="ii", quote="", boxes=(), state="unconfirmed")
    made = make_bundle(harbour, replace(answer, citations=[bare]))
    assert made["citations"][0]["words"] == [] and check(made, documents)[1]["holds"] is None


def test_the_verifier_is_one_short_file_that_needs_pymupdf_alone() -> None:
    source = VERIFIER.read_text("utf-8")
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in imports
        for alias in node.names
    }
    assert len(source.splitlines()) <= 200
    assert {name.split(".")[0] for name in modules} - set(sys.stdlib_module_names) == {"pymupdf"}


def test_the_packed_verifier_runs_from_the_unpacked_folder(
    harbour: Engine, answer: Answer, bundle: Bundle, documents: Path, tmp_path: Path
) -> None:
    data = pack_bundle(harbour, answer, bundle)
    assert data == pack_bundle(harbour, answer, bundle)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        archive.extractall(tmp_path)
    [picture] = [item["picture"] for item in read_bundle(tmp_path / "evidence.json")["citations"]]
    pixels = np.asarray(Image.open(tmp_path / picture).convert("RGB"))
    assert np.any((pixels[..., 0] > 200) & (pixels[..., 2] < 160))  # marked yellow
    command = [sys.executable, "-I", "verify_evidence.py", "evidence.json"]
    done = subprocess.run([*command, str(documents)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "c1: holds\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    done = subprocess.run([*command, str(empty), "--json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and json.loads(done.stdout)["citations"][0]["holds"] is False


def test_annotations_name_the_file_by_its_digest_the_page_the_quote_and_the_lines(bundle: Bundle) -> None:
    collection = json.loads(to_annotations(bundle))
    [annotation] = collection["first"]["items"]
    citation = bundle["citations"][0]
    assert (collection["@context"], collection["total"]) == ("http://www.w3.org/ns/anno.jsonld", 1)
    assert annotation["type"] == "Annotation" and annotation["body"]["value"] == citation["statement"]
    target = annotation["target"]
    assert target["source"]["id"] == f"urn:sha256:{citation['file']['sha256']}"
    assert target["selector"]["value"] == "page=2"
    box, quote = target["selector"]["refinedBy"]
    assert quote == {"type": "TextQuoteSelector", "exact": citation["quote"]}
    x, y, width, height = (float(value) / 100 for value in box["value"].removeprefix("xywh=percent:").split(","))
    words = [word["box"] for word in citation["words"]]
    assert (x, y) == pytest.approx((min(w[0] for w in words), min(w[1] for w in words)), abs=1e-5)
    assert (x + width, y + height) == pytest.approx((max(w[2] for w in words), max(w[3] for w in words)), abs=1e-5)


def test_a_marked_copy_has_a_highlight_over_the_quoted_words(bundle: Bundle, documents: Path, tmp_path: Path) -> None:
    before = (documents / "harbour.pdf").read_bytes()
    [copy] = write_highlighted_pdfs(bundle, [documents / "harbour.pdf", documents / "tides.pdf"], tmp_path / "marked")
    assert (documents / "harbour.pdf").read_bytes() == before and copy.name == "harbour.pdf"
    with pymupdf.open(copy) as pdf:
        page = pdf[1]
        [highlight] = page.annots()
        assert highlight.type[1] == "Highlight" and "52,300" in highlight.info["content"]
        [place] = page.search_for("52,300 tonnes")
        assert highlight.rect.contains(place)
        assert not list(pdf[0].annots())


def test_a_marked_copy_never_replaces_its_original(bundle: Bundle, documents: Path) -> None:
    with pytest.raises(UsageError, match="another folder"):
        list(write_highlighted_pdfs(bundle, [documents / "harbour.pdf"], documents))


def test_the_command_writes_bundles_and_checks_them(
    harbour: Engine, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, pack = tmp_path / "out.json", tmp_path / "out.zip"
    collection = ["-c", str(harbour.layout.root)]
    assert main(["ask", TIMBER, *collection, "--model", "extractive", "--bundle", str(out), "--pack", str(pack)]) == 0
    assert zipfile.ZipFile(pack).testzip() is None
    capsys.readouterr()
    exports = ["--annotations", str(tmp_path / "a.jsonld"), "--highlights", str(tmp_path / "marked")]
    assert main(["evidence", str(out), str(documents), *exports]) == 0
    assert "c1: holds" in capsys.readouterr().out and (tmp_path / "a.jsonld").exists()
    changed = tampered(of_one_citation(read_bundle(out), 0), {}, TAMPERINGS["a digit of the quote changed"])
    assert changed is not None
    out.write_text(to_json(changed))
    assert main(["evidence", str(out), str(documents)]) == 1
    assert "DOES NOT HOLD" in capsys.readouterr().out


def test_what_is_no_bundle_is_refused_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "other.json"
    file.write_text('{"format": "something-else"}')
    with pytest.raises(UsageError, match="expected an evidence bundle"):
        read_bundle(file)
    assert main(["evidence", str(file), str(tmp_path)]) == 1  # the verifier: another format
    file.write_text("[]")
    assert main(["evidence", str(file), str(tmp_path)]) == 2
    assert "expected an evidence bundle" in capsys.readouterr().err


def boxed_page(*words: tuple[str, float, float]) -> PageText:
    """A page of words with their left edges and tops; each is 0.1 wide and 0.05 high, and on a line of its own."""
    text = "\n".join(word for word, _, _ in words)
    starts = [sum(len(word) + 1 for word, _, _ in words[:at]) for at in range(len(words))]
    spans = [(start, start + len(word)) for start, (word, _, _) in zip(starts, words, strict=True)]
    boxes = [(x, y, x + 0.1, y + 0.05) for _, x, y in words]
    return PageText(text=text, spans=np.array(spans, np.int32), boxes=np.array(boxes, np.float32))


@pytest.mark.parametrize(
    ("words", "interrupted"),
    [
        ([("ten", 0.1, 0.1), ("ships", 0.3, 0.1)], False),
        ([("ten", 0.1, 0.1), ("ships", 0.1, 0.2)], False),  # on the next line
        ([("ten", 0.3, 0.1), ("ships", 0.1, 0.1)], True),  # the second stands before the first
        ([("עשר", 0.3, 0.1), ("ships", 0.1, 0.1)], False),  # as Hebrew is read
    ],
)
def test_words_of_a_line_follow_each_other_as_they_are_read(
    words: list[tuple[str, float, float]], interrupted: bool
) -> None:
    page = boxed_page(*words)
    located = locate_words(Citation(mark=1, ref=PageRef("a", 1), label=None, quote="", boxes=[Box(0, 0, 1, 1)]), page)
    assert is_interrupted(located, page) is interrupted


def test_a_word_between_two_of_a_quote_interrupts_it() -> None:
    page = boxed_page(("ten", 0.1, 0.1), ("ships", 0.5, 0.1), ("no", 0.3, 0.1))
    cited = Citation(mark=1, ref=PageRef("a", 1), label=None, quote="ten ships", boxes=[Box(0, 0, 1, 1)])
    assert is_interrupted(locate_words(cited, page), page)


def test_words_are_located_where_the_boxes_are_not_at_the_first_occurrence() -> None:
    page = boxed_page(("ten", 0.1, 0.1), ("ships", 0.2, 0.1), ("ten", 0.1, 0.5), ("ships", 0.2, 0.5))
    cited = Citation(mark=1, ref=PageRef("a.pdf", 1), label=None, quote="ten ships", boxes=[Box(0.1, 0.5, 0.3, 0.55)])
    assert [round(word.box.y0, 2) for word in locate_words(cited, page)] == [0.5, 0.5]
