"""Searches by pictures with more: without copies of themselves, a share of words, several pictures, and minus."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

import pagelens
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.main import main
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.query_image import MAX_IMAGES, ImageOptions
from pagelens.api.engine.results import SearchResults
from pagelens.core.errors import UsageError


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a temple and a flower, a recompressed copy and a part of each, and a note about temples."""
    folder = tmp_path_factory.mktemp("photos")
    for name in ("china", "flower"):
        picture = Image.fromarray(load_sample_image(f"{name}.jpg"))
        picture.save(folder / f"{name}.png")
        picture.save(folder / f"{name} copy.jpg", quality=40)
        picture.crop((120, 80, 420, 300)).save(folder / f"{name} part.jpg")
    (folder / "notes.txt").write_text("A temple by the lake, in the evening light.", "utf-8")
    return folder


@pytest.fixture(scope="module")
def engine(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = pagelens.open(tmp_path_factory.mktemp("engine") / "collection", create=True, profile="builtin")
    assert engine.index([photos], workers=0).failed == []
    yield engine
    engine.close()


def names(results: SearchResults) -> list[str]:
    return [Path(hit.ref.path).name for hit in results.hits]


def test_the_picture_itself_and_its_copies_are_left_out(engine: Engine, photos: Path, tmp_path: Path) -> None:
    everything = names(engine.search(image=photos / "flower.png"))
    assert set(everything[:2]) == {"flower.png", "flower copy.jpg"}
    options = ImageOptions(not_itself=True)
    others = [name for name in everything if name not in ("flower.png", "flower copy.jpg")]
    assert "flower part.jpg" in others
    assert names(engine.search(image=photos / "flower.png", image_options=options)) == others
    other_bytes = tmp_path / "flower.webp"  # known by its perceptual hash alone
    Image.open(photos / "flower.png").save(other_bytes, quality=80)
    assert not {"flower.png", "flower copy.jpg"} & set(names(engine.search(image=other_bytes, image_options=options)))
    both = names(engine.search(image=[photos / "flower.png", photos / "china.png"], image_options=options))
    assert {"flower part.jpg", "china part.jpg"} <= set(both)
    assert not {"flower.png", "flower copy.jpg", "china.png", "china copy.jpg"} & set(both)


def test_a_blank_picture_is_known_by_its_bytes_only(tmp_path: Path) -> None:
    for name, colour in (("black.png", "black"), ("white.png", "white")):
        Image.new("RGB", (40, 30), colour).save(tmp_path / name)
    with pagelens.open(tmp_path / "collection", create=True, profile="builtin") as engine:
        engine.index([tmp_path / "black.png", tmp_path / "white.png"], workers=0)
        found = engine.search(image=tmp_path / "black.png", image_options=ImageOptions(not_itself=True))
    assert names(found) == ["white.png"]


def test_results_are_like_all_pictures_and_not_like_others(engine: Engine, photos: Path) -> None:
    def best(*, not_like: list[Path]) -> dict[str, float]:
        images = [photos / "flower part.jpg", photos / "china part.jpg"]
        found = engine.search(image=images, lanes=["visual"], image_options=ImageOptions(not_like=not_like))
        return {Path(hit.ref.path).name: hit.lanes["visual"].score for hit in found.hits}

    both = best(not_like=[])
    assert set(list(both)[:2]) == {"flower part.jpg", "china part.jpg"}
    assert both["flower part.jpg"] == pytest.approx(both["china part.jpg"], abs=2e-3)  # halfway between them
    flowers = best(not_like=[photos / "china.png"])
    assert flowers["flower part.jpg"] > flowers["china part.jpg"] + 0.1
    assert flowers["china.png"] < both["china.png"] - 0.1


def test_words_weigh_as_much_as_they_are_given(engine: Engine, photos: Path) -> None:
    def found(share: float | None) -> SearchResults:
        options = ImageOptions(text_share=share)
        return engine.search("temple by the lake", image=photos / "flower part.jpg", image_options=options)

    assert {"china.png", "notes.txt"} <= set(names(found(1.0))[:4])  # the temple, and the note about one
    assert names(found(1.0))[0].startswith("china") and names(found(0.0))[0] == "flower part.jpg"
    assert "words" not in {lane for hit in found(0.0).hits for lane in hit.lanes}
    assert "visual" not in {lane for hit in found(1.0).hits for lane in hit.lanes}
    half, default = found(0.5), found(None)
    assert [(hit.ref, hit.score) for hit in half.hits] == [(hit.ref, hit.score) for hit in default.hits]


def test_options_that_do_not_fit_are_refused(engine: Engine, photos: Path) -> None:
    flower = photos / "flower.png"
    with pytest.raises(UsageError, match=r"expected a picture .* with not-like, text-share or not-itself, found none"):
        engine.search("temple", image_options=ImageOptions(not_like=[flower]))
    with pytest.raises(UsageError, match="expected words and a picture with text-share"):
        engine.search(image=flower, image_options=ImageOptions(text_share=0.3))
    with pytest.raises(UsageError, match=r"expected a text-share from 0 .* found 1\.5"):
        engine.search("temple", image=flower, image_options=ImageOptions(text_share=1.5))
    with pytest.raises(UsageError, match=f"at most {MAX_IMAGES} pictures in a query, found {MAX_IMAGES + 1}"):
        engine.search(image=[flower] * MAX_IMAGES, image_options=ImageOptions(not_like=[flower]))


def test_the_shell_has_all_of_it(engine: Engine, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["temple", "-i", str(photos / "flower part.jpg"), "--image", str(photos / "flower.png")]
    given += ["--not-like", str(photos / "china.png"), "--not-itself", "--text-share", "0", "-k", "9"]
    assert main(["search", *given, "-c", str(engine.layout.root)]) == ExitCode.DONE
    printed = capsys.readouterr().out
    assert "china part.jpg" in printed and "flower" not in printed.replace(str(photos), "")
    bad = ["search", "temple", "--text-share", "0.3", "-c", str(engine.layout.root)]
    assert main(bad) == ExitCode.USAGE
    assert "expected a picture" in capsys.readouterr().err


def test_the_digest_is_that_of_the_file(photos: Path) -> None:
    from pagelens.api.engine.query_image import _identity

    pixels = np.asarray(Image.open(photos / "china.png").convert("RGB"))
    data = (photos / "china.png").read_bytes()
    assert _identity(photos / "china.png", pixels) == _identity(data, pixels)
    assert _identity(data, pixels).sha256 == hashlib.sha256(data).hexdigest()
