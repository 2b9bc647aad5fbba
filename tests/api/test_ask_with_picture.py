"""Questions about a picture of the user's: over Python and the command line, with a model and without."""

import base64
import itertools
import json
import sys
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import UsageError
from tests.api.files import write_pdf
from tests.api.pictures_to_ask import MANUAL, PLATE, REFUSED, name_plate, write_huge
from tests.generate.model_server import Complete, ModelServer, running

QUESTION = "Which model is this, and how often is it descaled?"
REPLY = "<transcript>KESTREL X200</transcript>\nIt is a Kestrel X200 [yours]. Descale the boiler every 40 litres [1]."


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    files = tmp_path_factory.mktemp("files")
    write_pdf(files / "kestrel manual.pdf", MANUAL, title="Coffee machines")
    write_pdf(files / "tides.pdf", ["A limpet returns to its home scar before the tide falls."], title="Tide pools")
    for name in ("china", "flower"):
        Image.fromarray(load_sample_image(f"{name}.jpg")).save(files / f"{name[0]}.jpg")  # a name that says nothing
    with pagelens.open(tmp_path_factory.mktemp("c") / "collection", create=True, profile="builtin") as engine:
        assert engine.index(files).failed == []
        yield engine


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    path = tmp_path / "plate.jpg"
    path.write_bytes(name_plate())
    return path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with running() as server:
        monkeypatch.setenv("PAGELENS_LLM_MODEL", "tiny")
        monkeypatch.setenv("PAGELENS_LLM_URL", f"{server.root}/v1")
        yield server


def parts_of(request: Any) -> list[Any]:
    """The parts of the last message that a model was sent."""
    return list(request["messages"][-1]["content"])


def own_pictures(request: Any) -> list[Image.Image]:
    """The pictures that a model was shown as the user's: those behind the words that say so."""
    parts = parts_of(request)
    own = [
        after["image_url"]["url"]
        for before, after in itertools.pairwise(parts)
        if after["type"] == "image_url" and before["text"].startswith('"yours"')
    ]
    return [Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))) for url in own]


def test_a_model_sees_the_users_picture_once_beside_the_pages_and_its_citation_is_checked(
    engine: Engine, server: ModelServer, plate: Path
) -> None:
    server.replies = [Complete([REPLY[:20], REPLY[20:60], REPLY[60:]])]
    with wiring.open_collection(engine.layout.root) as opened:
        answer = opened.ask(QUESTION, image=plate)
    [request] = server.requests
    [own] = own_pictures(request)
    with Image.open(plate) as picture:
        assert own.size == picture.size and not own.getexif()
    texts = [part["text"] for part in parts_of(request) if part["type"] == "text"]
    assert "kestrel manual.pdf, page 2" in texts[0]  # the right page, as [1]
    assert any("<yours" in text and "KESTREL" in text for text in texts)  # what OCR read on the picture
    images = [part for part in parts_of(request) if part["type"] == "image_url"]
    assert len(images) == 6  # the budget: the user's, and five pages
    rules = request["messages"][0]["content"]
    assert "<transcript>" in rules and "copy letter by letter" in rules
    assert answer.text == (
        "On your picture: “KESTREL X200”\n\nIt is a Kestrel X200 [yours]. Descale the boiler every 40 litres [1]."
    )
    [citation] = answer.citations
    assert (citation.ref.number, citation.state) == (2, "supported")
    assert (answer.image_text, answer.confidence) == ("KESTREL X200", 1.0)  # what rests on the picture needs no page


def test_the_command_line_asks_with_a_picture(
    engine: Engine, server: ModelServer, plate: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.replies = [Complete([REPLY])]
    assert main(["ask", "--image", str(plate), QUESTION, "-c", str(engine.layout.root)]) == 0
    output = capsys.readouterr().out
    assert "\nOn your picture: “KESTREL X200”\n" in output and "[1] kestrel manual.pdf p.2" in output
    assert "not confirmed" not in output
    assert len(own_pictures(server.requests[0])) == 1


def test_a_chat_keeps_the_picture_while_its_questions_are_about_it(
    engine: Engine, server: ModelServer, plate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["and how is it descaled?", "What does a limpet do before the tide falls?"]
    monkeypatch.setattr(sys, "stdin", StringIO("\n".join(lines)))
    server.replies = [Complete([REPLY]), Complete([REPLY]), Complete(["A limpet returns to its home scar [1]."])]
    assert main(["ask", "--chat", "-i", str(plate), QUESTION, "-c", str(engine.layout.root)]) == 0
    assert [len(own_pictures(request)) for request in server.requests] == [1, 1, 0]
    assert "KESTREL X200" in json.dumps(server.requests[1]["messages"][1:-1])  # the conversation has the transcript


def test_without_a_model_the_words_on_the_picture_and_the_pages_that_match_it_are_the_answer(
    engine: Engine, plate: Path
) -> None:
    answer = engine.ask("Which model is this, and where is its manual?", image=plate)
    first, *_ = answer.text.split("\n\n")
    assert first == f"On your picture (read by OCR): “{PLATE}”"
    assert answer.found and answer.image_text == PLATE
    cited = {(Path(citation.ref.path).name, citation.ref.number) for citation in answer.citations}
    assert cited == {("kestrel manual.pdf", 1), ("kestrel manual.pdf", 2)}
    assert all(citation.state == "quoted" and "Kestrel X200" in citation.quote for citation in answer.citations)
    assert all(f"[{citation.mark}]" in answer.text for citation in answer.citations)


def test_without_a_model_a_question_is_answered_from_the_pages_that_match_the_picture(
    engine: Engine, plate: Path
) -> None:
    answer = engine.ask("How often is the boiler descaled?", image=plate)
    assert "descale the boiler every 40 litres. [1]" in answer.text
    assert answer.citations[0].ref.number == 2


def test_a_photo_without_words_is_matched_by_its_looks(engine: Engine, tmp_path: Path) -> None:
    copy = Image.fromarray(load_sample_image("china.jpg")).crop((60, 40, 600, 400))
    copy.save(tmp_path / "copy.jpg", quality=30)
    answer = engine.ask("Where was this taken?", image=tmp_path / "copy.jpg")
    assert answer.text.startswith("No words could be read on your picture.")
    [citation] = answer.citations
    assert (Path(citation.ref.path).name, citation.state, citation.quote) == ("c.jpg", None, "")
    assert "c.jpg, page 1, which looks like it [1]" in answer.text


def test_a_picture_that_matches_nothing_is_no_answer_and_alone_it_names_what_is_most_similar(
    engine: Engine, tmp_path: Path
) -> None:
    Image.new("RGB", (300, 200), "olive").save(tmp_path / "x.png")
    answer = engine.ask("Who won the chess championship of Reykjavik?", image=tmp_path / "x.png")
    assert not answer.found and answer.citations == [] and "Not in these documents" in answer.text
    alone = engine.ask(image=tmp_path / "x.png")
    assert "Most similar to your picture:" in alone.text and alone.confidence == 0.0
    assert [citation.state for citation in alone.citations] == [None] * 3


def test_the_conversation_before_does_not_stand_in_for_the_picture(engine: Engine, plate: Path) -> None:
    history = [("What does a limpet do before the tide falls?", "It returns to its home scar.")]
    answer = engine.ask("which model is this?", image=plate, history=history)
    assert {Path(citation.ref.path).name for citation in answer.citations} == {"kestrel manual.pdf"}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_readable_picture_is_refused_with_its_reason(
    engine: Engine, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content, reason = REFUSED[name]
    with pytest.raises(UsageError, match=reason) as of_bytes:
        engine.ask(QUESTION, image=content)
    assert "expected a picture" in str(of_bytes.value) and "/tmp" not in str(of_bytes.value)
    (tmp_path / "x.jpg").write_bytes(content)
    assert main(["ask", QUESTION, "--image", str(tmp_path / "x.jpg"), "-c", str(engine.layout.root)]) == 2
    assert "expected a picture" in capsys.readouterr().err


def test_a_file_of_100_megabytes_is_refused_unread(engine: Engine, tmp_path: Path) -> None:
    huge = write_huge(tmp_path / "huge.jpg")
    with pytest.raises(UsageError, match="at most 50 MB, found 100 MB"):
        engine.ask(QUESTION, image=huge)
    with pytest.raises(UsageError, match="at most 50 MB, found 51 MB"):
        engine.ask(QUESTION, image=write_huge(tmp_path / "x.jpg", 50_500_001))
    assert engine.ask(QUESTION, image=write_huge(tmp_path / "large.jpg", 50_000_000)).image_text == PLATE
