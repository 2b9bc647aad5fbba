"""The accessibility report: which alternative texts are missing, too long or too bare."""

import json
from pathlib import Path

import pytest
from PIL import Image

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine.accessibility import check_alt
from pagelens.core.descriptions import MAX_ALT
from pagelens.generate.llm.scripted import ScriptedModel


@pytest.mark.parametrize(
    "alt",
    [
        "image",
        "A picture of",
        "Photo 12",
        "IMG_1234",
        "DSC01234.JPG",
        "chart.png",
        "harbour",
        "Bild",
        "logo",
        "untitled",
        "Sandvik-chart-2",
        "狗",
    ],
)
def test_file_names_single_words_and_words_for_pictures_are_too_bare(alt: str) -> None:
    assert check_alt(alt, "Sandvik-chart-2.png") == "too bare"


@pytest.mark.parametrize(
    "alt", ["A dog in the snow", "Chart of tonnes by year", "狗在雪里跑", "Two dogs", "Image of a dog in the snow", ""]
)
def test_sentences_and_texts_that_are_empty_on_purpose_pass(alt: str) -> None:
    assert check_alt(alt, "x.png") is None


def test_a_text_is_too_long_from_one_character_more_than_the_limit() -> None:
    words = "ab " * 49 + "abc"
    assert (len(words), MAX_ALT) == (150, 150)
    assert check_alt(words) is None
    assert check_alt(words + "d") == "too long"
    assert check_alt(None) == "missing"


def test_the_report_names_photos_and_figures_to_be_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for shade, name in enumerate(("bare.png", "described.png", "captioned.png")):
        Image.new("RGB", (64, 48), (shade * 90, 9, 90)).save(files / name)
    takeout = {"title": "captioned.png", "description": "Ada at the sea", "photoTakenTime": {"timestamp": "1556878272"}}
    (files / "captioned.png.json").write_text(json.dumps(takeout))
    (files / "page.html").write_text(
        "<!doctype html><p>Words enough here.</p><img src='a.png'><img src='b' alt='image'>"
    )
    engine = pagelens.open(tmp_path / "c", create=True, profile="builtin")
    engine.index([files], workers=0)
    plan = engine.descriptions.plan(ScriptedModel([]))
    plan.targets = [target for target in plan.targets if target.ref.path.endswith("described.png")]
    described = json.dumps({"caption": "A dog.", "alt_text": "A dog in the snow"})
    engine.descriptions.run(plan, ScriptedModel([described]))
    engine.close()
    assert main(["describe", "-c", str(tmp_path / "c"), "--report", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["photos"], report["figures"], report["described"], report["unread"]) == (3, 2, 1, [])
    found = {(Path(item["path"]).name, item["problem"], item["alt"]) for item in report["findings"]}
    assert found == {("bare.png", "missing", ""), ("page.html", "missing", ""), ("page.html", "too bare", "image")}
    assert main(["describe", "-c", str(tmp_path / "c"), "--report"]) == 0
    printed = capsys.readouterr().out
    assert "3 alternative texts to be mended" in printed and "bare.png" in printed
