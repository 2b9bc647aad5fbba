"""Pages and photos found by what they look like, and scans by what is written on them, through the engine."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

import pagelens
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.main import main
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.profiles import PROFILES, Profile, choose_profile
from pagelens.core.errors import NotFound, UsageError, WeightsError
from pagelens.core.settings import Settings
from pagelens.core.types import Filters, PageRef
from pagelens.encode.loading import load_image_encoder
from pagelens.ingest.ocr.engines import OcrSettings
from tests.api.conftest import HARBOUR
from tests.api.files import write_pdf
from tests.encode.tiny_transformers import make_dinov2, make_transformers_clip
from tests.encode.tiny_vision import make_clip_checkpoint, make_page_checkpoint

LETTER = "The ferry to Sandvik leaves at seven.\nTickets are sold on board for nine crowns."
OFFLINE = Settings(offline=True)


def write_scan(path: Path, text: str) -> Path:
    """Write a PDF whose page is a picture of a page of text."""
    with pymupdf.open() as pdf, pymupdf.open() as scan:
        page = pdf.new_page()
        page.insert_textbox((60, 80, 540, 400), text, fontsize=16)
        picture = page.get_pixmap(dpi=150)
        scan.new_page().insert_image(page.rect, pixmap=picture)
        scan.save(path, deflate=True)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_pdf(folder / "harbour.pdf", HARBOUR, title="Port of Sandvik: annual report")
    write_scan(folder / "letter.pdf", LETTER)
    for name in ("china", "flower"):
        Image.fromarray(load_sample_image(f"{name}.jpg")).save(folder / f"{name[0]}.jpg")  # a name that says nothing
    return folder


@pytest.fixture(scope="module")
def engine(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with pagelens.open(tmp_path_factory.mktemp("c") / "collection", create=True, profile="builtin") as engine:
        report = engine.index(files)
        assert (report.documents, report.failed, report.wordless) == (4, [], 2)
        yield engine


def names(found: object) -> list[str]:
    return [f"{Path(hit.ref.path).name} p.{hit.ref.number}" for hit in found.hits]  # type: ignore[attr-defined]


def jpeg(picture: Image.Image, quality: int = 40) -> bytes:
    buffer = BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def test_a_photo_is_found_by_what_is_in_it_and_says_that_it_was_guessed(engine: Engine) -> None:
    found = engine.search("a daisy blossom")
    assert names(found)[0] == "f.jpg p.1"
    assert found.hits[0].guesses
    assert found.hits[0].lanes["image"].rank == 1
    assert found.approximate == ["image"]


def test_photos_do_not_stand_before_the_page_that_answers(engine: Engine) -> None:
    found = names(engine.search("how much did timber grow in 2024"))
    assert found[0] == "harbour.pdf p.2"


def test_a_cropped_and_recompressed_copy_finds_its_photo(engine: Engine) -> None:
    copy = Image.fromarray(load_sample_image("china.jpg")).crop((120, 60, 600, 400))
    found = engine.search(image=jpeg(copy, quality=15))
    assert names(found)[0] == "c.jpg p.1"
    assert found.hits[0].lanes["visual"].rank == 1


def test_a_screenshot_of_a_part_of_a_page_finds_the_page_by_the_words_in_it(engine: Engine, files: Path) -> None:
    with pymupdf.open(files / "harbour.pdf") as pdf:
        pixels = pdf[1].get_pixmap(dpi=130)
    page = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
    part = page.crop((60, 80, page.width * 2 // 3, page.height // 5))
    found = engine.search(image=jpeg(part, quality=80))
    assert names(found)[0] == "harbour.pdf p.2"
    assert "words" in found.hits[0].lanes


def test_a_picture_with_words_looks_for_what_is_like_both(engine: Engine, files: Path) -> None:
    found = engine.search("a temple", image=files / "f.jpg")
    assert {"image", "visual"} <= set(found.hits[0].lanes)
    assert names(found)[0] in ("f.jpg p.1", "c.jpg p.1")


def test_what_is_no_picture_cannot_be_searched_by(engine: Engine, files: Path) -> None:
    with pytest.raises(UsageError, match="expected a picture"):
        engine.search(image=files / "harbour.pdf")
    with pytest.raises(UsageError, match="expected a picture"):
        engine.search(image=b"no picture at all")
    with pytest.raises(UsageError, match="a picture"):
        engine.search("  ")


def test_a_scan_is_found_by_its_words_which_are_marked_where_they_stand(engine: Engine) -> None:
    [first, *_] = engine.search("when does the ferry leave").hits
    assert Path(first.ref.path).name == "letter.pdf"
    assert first.source == "ocr"
    assert first.confidence is not None and first.confidence > 0.8
    [evidence] = first.evidence
    assert "The ferry to Sandvik leaves at seven." in evidence.quote
    with pymupdf.open() as pdf:
        page = pdf.new_page()
        page.insert_textbox((60, 80, 540, 400), LETTER, fontsize=16)
        [place] = page.search_for("The ferry to Sandvik leaves at seven.")
        width, height = page.rect.width, page.rect.height
    line = evidence.boxes[0]
    assert line.x0 * width == pytest.approx(place.x0, abs=6)
    assert line.x1 * width == pytest.approx(place.x1, abs=6)
    assert (line.y0 + line.y1) / 2 * height == pytest.approx((place.y0 + place.y1) / 2, abs=6)


def test_an_answer_from_a_scan_says_that_it_was_read_by_ocr(engine: Engine) -> None:
    answer = engine.ask("When does the ferry to Sandvik leave?")
    assert answer.found
    assert "seven" in answer.text
    assert answer.citations[0].source == "ocr"


def test_without_ocr_a_scan_has_no_words(files: Path, tmp_path: Path) -> None:
    with pagelens.open(tmp_path / "c", create=True, profile="builtin") as engine:
        assert engine.index(files / "letter.pdf", ocr=OcrSettings(mode="never")).wordless == 1
        assert all("words" not in hit.lanes for hit in engine.search("ferry").hits)


def test_heat_lies_on_the_words_that_were_asked_for(engine: Engine, files: Path) -> None:
    ref = PageRef(str(files / "harbour.pdf"), 2)
    heat = engine.heat_map(ref, "timber", longest=842)
    assert heat.shape == (842, 595)
    with pymupdf.open(files / "harbour.pdf") as pdf:
        [place] = pdf[1].search_for("Timber")
    y, x = np.unravel_index(int(heat.argmax()), heat.shape)
    assert place.x0 - 2 <= x <= place.x1 + 2
    assert place.y0 - 4 <= y <= place.y1 + 4
    assert Image.open(BytesIO(engine.heat_map_image(ref, "timber"))).size == (989, 1400)
    with pytest.raises(NotFound, match="without words"):
        engine.heat_map(PageRef(str(files / "c.jpg"), 1), "timber")


def test_a_hit_without_a_word_in_common_quotes_the_stretch_that_was_found(engine: Engine) -> None:
    hits = {f"{Path(hit.ref.path).name} p.{hit.ref.number}": hit for hit in engine.search("lumber exports").hits}
    [evidence] = hits["harbour.pdf p.2"].evidence
    assert "Timber grew" in evidence.quote


def test_pages_and_photos_have_rows_in_the_lanes_that_cover_them(engine: Engine) -> None:
    assert engine.check() == []
    assert set(engine.status().models) == {"words", "text", "page", "image", "visual"}


def test_a_collection_of_clip_and_colpali_checkpoints_is_searched_by_both(files: Path, tmp_path: Path) -> None:
    clip, pali = make_clip_checkpoint(tmp_path / "clip"), make_page_checkpoint("ColPali", tmp_path / "pali")
    profile = choose_profile("builtin", OFFLINE, models={"image": str(clip), "page": str(pali)})
    assert wiring.create_collection(tmp_path / "c", profile, OFFLINE) == {}
    with wiring.open_collection(tmp_path / "c", OFFLINE) as engine:
        assert engine.index(files).failed == []
        assert engine.check() == []
        found = engine.search("timber", filters=Filters(paths=["harbour.pdf"]))
        assert all({"image", "page"} <= set(hit.lanes) for hit in found.hits)
        assert (found.approximate, found.hits[0].guesses) == ([], ())
        same = engine.search(image=files / "f.jpg", lanes=["image"])
        assert names(same)[0] == "f.jpg p.1"
        heat = engine.heat_map(PageRef(str(files / "c.jpg"), 1), "timber", longest=640)
        assert heat.shape == (427, 640)
        assert (heat.min(), heat.max()) == (0, 1)
        [one] = engine.search("timber", lanes=["page"], filters=Filters(paths=["c.jpg"])).hits
        [evidence] = one.evidence  # no words on it: where the picture was looked at
        assert evidence.quote == ""
        assert evidence.boxes
    _take_away(clip)
    with wiring.open_collection(tmp_path / "c", OFFLINE) as engine:
        found = engine.search("timber")
        assert names(found)[0] == "harbour.pdf p.2"
        assert set(found.missing) == {"image", "captions"}
        with pytest.raises(UsageError, match="cannot be served here"):
            engine.search("timber", lanes=["image"])
        with pytest.raises((WeightsError, UsageError)):
            engine.index(files)


def test_a_new_collection_does_without_the_lanes_of_a_profile_whose_weights_cannot_be_had(tmp_path: Path) -> None:
    profile = Profile("mine", {**PROFILES["builtin"], "image": "nobody/nothing"}, "")
    left_out = wiring.create_collection(tmp_path / "c", profile, OFFLINE)
    assert set(left_out) == {"image"}
    assert "nobody/nothing" in left_out["image"]
    assert set(wiring.open_collection(tmp_path / "c", OFFLINE).status().models) == {"words", "text", "page"}
    with pytest.raises(WeightsError):
        wiring.create_collection(tmp_path / "d", choose_profile("nobody/texts", OFFLINE), OFFLINE)


@pytest.mark.parametrize("lane", ["image", "visual", "page", "text"])
def test_no_collection_is_made_without_a_lane_whose_model_was_given_by_name(
    lane: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAGELENS_OFFLINE", "1")
    (tmp_path / "a.txt").write_text("Timber", "utf-8")
    models = ["--profile", "builtin", "--model", f"{lane}=nobody/nothing"]
    assert main(["index", str(tmp_path / "a.txt"), *models, "-c", str(tmp_path / "c")]) == ExitCode.USAGE
    message = capsys.readouterr().err
    assert "expected the weights of nobody/nothing" in message
    assert (f"--model {lane}=none" in message) == (lane != "text")
    assert not (tmp_path / "c").exists()


def test_the_visual_lane_has_a_model_of_its_own(files: Path, tmp_path: Path) -> None:
    dino = make_dinov2(tmp_path / "dino")
    profile = choose_profile("builtin", OFFLINE, models={"visual": str(dino), "page": "none"})
    assert wiring.create_collection(tmp_path / "c", profile, OFFLINE) == {}
    with wiring.open_collection(tmp_path / "c", OFFLINE) as engine:
        assert engine.index(files).failed == []
        assert engine.check() == []
        assert engine.status().models["visual"].startswith("dino@")
        found = engine.search(image=files / "f.jpg", lanes=["visual"]).hits
        assert found[0].ref.path.endswith("f.jpg") and found[0].lanes["visual"].score > 0.99
        approximate = engine.search("fountain", lanes=["image"], filters=Filters(kinds=["photo"])).hits
        assert approximate and all(hit.guesses for hit in approximate)  # the builtin image lane is filled as ever


def test_a_picture_finds_captions_by_clips_text_encoder(tmp_path: Path) -> None:
    clip = make_transformers_clip(tmp_path / "clip", "clip")
    text = "Figure 2: red boat seen from above\n\n" + "the lake of the river " * 40 + "\n\na photo of a dog"
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "boats.md").write_text(text, "utf-8")
    (tmp_path / "files" / "roof.md").write_text("the roof of the lake", "utf-8")
    Image.new("RGB", (60, 40), "red").save(tmp_path / "files" / "red.png")
    profile = choose_profile("builtin", OFFLINE, models={"image": str(clip), "page": "none"})
    assert profile.models["captions"] == str(clip)
    wiring.create_collection(tmp_path / "c", profile, OFFLINE)
    with wiring.open_collection(tmp_path / "c", OFFLINE) as engine:
        assert engine.index(tmp_path / "files").failed == []
        assert engine.check() == []
        with engine.snapshot() as snapshot:
            stored = len(snapshot.vectors("captions"))
        hits = engine.search(image=tmp_path / "files" / "red.png", lanes=["captions"]).hits
        assert engine.search("a dog", lanes=["captions"]).hits == []
    encoder = load_image_encoder(str(clip), OFFLINE)
    assert stored == len(hits) + 1  # one page has two
    captions = ["the roof of the lake", "Figure 2: red boat seen from above", "a photo of a dog"]
    picture = encoder.encode_images([np.asarray(Image.open(tmp_path / "files" / "red.png"))])[0]
    roof, boat, dog = encoder.encode_queries(captions) @ picture
    scores = {Path(hit.ref.path).name: hit.lanes["captions"].score for hit in hits}
    assert scores == pytest.approx({"roof.md": roof, "boats.md": max(boat, dog)}, abs=2e-3)  # stored in half precision


def test_the_shell_searches_by_pictures_and_shows_heat(
    engine: Engine, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collection = ["-c", str(engine.layout.root)]
    assert main(["search", "--image", str(files / "f.jpg"), "-k", "1", *collection]) == ExitCode.DONE
    printed = capsys.readouterr().out
    assert "f.jpg" in printed
    assert "approximate" in printed
    assert main(["search", "timber", "--lanes", "words,page", *collection]) == ExitCode.DONE
    assert "text" not in capsys.readouterr().out.splitlines()[0]
    target = tmp_path / "heat.jpg"
    assert main(["show", "harbour.pdf p.2", "-q", "timber", "--heat", "-o", str(target), *collection]) == ExitCode.DONE
    assert Image.open(target).size == (989, 1400)
    assert main(["show", "harbour.pdf p.2", "--heat", *collection]) == ExitCode.USAGE
    assert main(["search", *collection]) == ExitCode.USAGE


def _take_away(folder: Path) -> None:
    folder.rename(folder.with_name("gone"))
