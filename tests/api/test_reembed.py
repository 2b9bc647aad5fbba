"""`pagelens reembed`: a collection embedded for other models finds what one made with them from the start finds."""

import hashlib
import json
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pagelens.api.cli.doctor import run_checks
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.main import main
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.profiles import choose_profile
from pagelens.api.engine.reembedding import Reembedding
from pagelens.api.engine.results import Progress
from pagelens.core.errors import CollectionMismatch, UsageError, WeightsError
from pagelens.core.settings import Settings
from pagelens.core.types import ImageArray, Kind
from pagelens.index.admin.reembed import CollectionReembedding
from pagelens.index.creation import create
from pagelens.index.layout import Layout, load
from pagelens.index.reader import CollectionReader
from tests.api import reembedding_child
from tests.api.files import write_pdf
from tests.encode.checkpoints import WORDS, text_checkpoint

SETTINGS = Settings.from_environment({"PAGELENS_OFFLINE": "1", "PAGELENS_THREADS": "2"})
QUERIES = ("solar power", "where is the deep lake", "revenue grew", "cold water and wind", "grey photo")
SMALL = {"image": "none", "page": "none"}


def write_files(folder: Path) -> Path:
    """Write PDFs of 1 to 34 pages and some photos; no two pages are alike."""
    generator = random.Random(5)
    for number, count in enumerate((3, 34, 1)):
        pages = [" ".join(generator.choices(WORDS, k=12)) + f"\nPage {page}." for page in range(count)]
        write_pdf(folder / f"report{number}.pdf", pages, title=f"Wind {number}")
    for number in range(5):
        noise = np.random.default_rng(number).integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(noise).resize((160, 120)).save(folder / f"photo{number}.png")
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("files"))


def made(root: Path, files: Path, models: Mapping[str, str]) -> Path:
    """Make a collection of the builtin profile but for some models, and index the files."""
    wiring.create_collection(root, choose_profile("builtin", SETTINGS, models=models), SETTINGS)
    with wiring.open_collection(root, SETTINGS) as engine:
        assert engine.index([files]).failed == []
    return root


def copied(collection: Path, folder: Path) -> Path:
    return Path(shutil.copytree(collection, folder / "copy"))


@pytest.fixture(scope="module")
def builtin(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of the builtin profile, to be copied before it is changed."""
    return made(tmp_path_factory.mktemp("builtin") / "builtin", files, {})


CLOSE = 5e-4  # two scores of one page: vectors are half precision, and batches differ in what stands beside a text


def rankings(engine: Engine, image: Path, lane: str) -> list[dict[str, float]]:
    """Return the score of each page that a lane finds for each query, best first."""
    queries = [] if lane in ("visual", "captions") else [engine.search(query, k=60, lanes=[lane]) for query in QUERIES]
    pictures = [engine.search(image=image, k=60, lanes=[lane])] if lane in ("image", "visual", "captions") else []
    return [
        {str(hit.ref): hit.lanes[lane].score for hit in sorted(one.hits, key=lambda hit: hit.lanes[lane].rank)}
        for one in [*queries, *pictures]
        if any(lane in hit.lanes for hit in one.hits)
    ]


def assert_alike(reembedded: Path, fresh: Path, image: Path, lanes: Sequence[str]) -> None:
    """Every lane finds the same pages, with the same scores, in the same order but for ties."""
    with wiring.open_collection(reembedded, SETTINGS) as one, wiring.open_collection(fresh, SETTINGS) as other:
        assert one.check() == []
        assert one.manifest.lanes == other.manifest.lanes
        for lane in lanes:
            found, expected = rankings(one, image, lane), rankings(other, image, lane)
            assert expected, lane
            for hits, wanted in zip(found, expected, strict=True):
                assert hits == pytest.approx(wanted, rel=CLOSE, abs=CLOSE), lane
                assert all(wanted[first] > wanted[second] - CLOSE for first, second in pairwise(hits)), lane


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A text model and a CLIP, tiny and random, and no page lane."""
    from tests.encode.tiny_vision import make_clip_checkpoint

    folder = tmp_path_factory.mktemp("models")
    text = text_checkpoint(folder / "tiny-text", pooling="cls")
    return {"text": str(text), "image": str(make_clip_checkpoint(folder / "tiny-clip")), "page": "none"}


@pytest.fixture(scope="module")
def of_tiny_models(files: Path, tiny: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection made with them, to be copied before it is changed."""
    return made(tmp_path_factory.mktemp("tiny") / "tiny", files, tiny)


def test_moved_to_other_models_it_ranks_as_a_collection_made_fresh_with_them(
    builtin: Path,
    of_tiny_models: Path,
    files: Path,
    tiny: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reembedded = copied(builtin, tmp_path)
    pairs = [word for lane, model in tiny.items() for word in ("--model", f"{lane}={model}")]
    capsys.readouterr()
    assert main(["reembed", "--profile", "builtin", *pairs, "-c", str(reembedded), "--json"]) == ExitCode.DONE
    report = json.loads(capsys.readouterr().out)
    assert (report["documents"], report["pages"], report["render_failures"]) == (8, 43, [])
    assert (report["new_lanes"], report["kept_lanes"], report["removed_lanes"]) == (
        ["text", "image", "captions"],
        [],
        ["page", "visual"],
    )
    assert_alike(reembedded, of_tiny_models, files / "photo3.png", ["words", "text", "image", "captions"])
    with wiring.open_collection(reembedded, SETTINGS) as engine:
        found = engine.search(image=files / "photo3.png", k=3)
        assert found.hits[0].ref.path.endswith("photo3.png")
        assert not any(hit.guesses for hit in found.hits), "guesses of the lane that is gone"
        assert found.approximate == []


def test_back_to_the_builtin_models_photos_have_their_guesses_again(
    builtin: Path, of_tiny_models: Path, files: Path, tmp_path: Path
) -> None:
    reembedded = copied(of_tiny_models, tmp_path)
    report = wiring.reembed_collection(reembedded, choose_profile("builtin", SETTINGS), SETTINGS)
    assert report.new_lanes == ["text", "image", "visual", "page"]
    assert (report.kept_lanes, report.removed_lanes) == ([], ["captions"])
    assert_alike(reembedded, builtin, files / "photo3.png", ["words", "text", "page", "image", "visual"])
    with wiring.open_collection(reembedded, SETTINGS) as one, wiring.open_collection(builtin, SETTINGS) as other:
        guesses = [[hit.guesses for hit in engine.search("photo", k=60).hits] for engine in (one, other)]
    assert guesses[0] == guesses[1]
    assert any(guesses[0])


@pytest.fixture(scope="module")
def text_alone(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("small") / "small", files, SMALL)


@pytest.fixture
def small(text_alone: Path, tmp_path: Path) -> Path:
    """A collection with the text lane alone."""
    return copied(text_alone, tmp_path)


def state(root: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a collection but SQLite's own notes."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm", ".lock"))
    }


def test_a_model_that_cannot_be_had_is_an_error_before_anything_is_changed(small: Path) -> None:
    before = state(small)
    profile = choose_profile("builtin", SETTINGS, models={"image": "org/none-such"})
    with pytest.raises(UsageError, match=r"org/none-such.*--model image=none"):  # asked for by name
        wiring.reembed_collection(small, profile, SETTINGS)
    with pytest.raises(WeightsError, match=r"org/none-such.*--model image=none"):
        wiring.reembed_collection(small, replace(profile, requested=()), SETTINGS)
    with pytest.raises(UsageError, match="a folder that exists or a model's name"):
        wiring.reembed_collection(small, choose_profile("/none/such", SETTINGS), SETTINGS)
    assert state(small) == before


def test_files_gone_and_changed_are_named_before_the_switch_and_their_pages_say_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_files(tmp_path / "files")
    collection = made(tmp_path / "c", files, SMALL)
    (files / "photo1.png").unlink()
    write_pdf(files / "report0.pdf", ["Another text."], title="another")
    (files / "report1.pdf").rename(files / "kept.pdf")  # a further path to the same bytes
    with wiring.open_collection(collection, SETTINGS) as engine:
        engine.index([files / "kept.pdf"])
    switched: list[bool] = []
    named = []

    def warn(file: object) -> None:
        named.append(file)
        switched.append(load(Layout(collection)).profile == "builtin")

    report = wiring.reembed_collection(
        collection, choose_profile("builtin", SETTINGS), SETTINGS, on_render_failure=warn
    )
    assert [(Path(one.path).name, one.code) for one in report.render_failures] == [
        ("photo1.png", "vanished"),
        ("report0.pdf", "changed"),
    ]
    assert named == report.render_failures
    assert switched == [False, False]
    with wiring.open_collection(collection, SETTINGS) as engine:
        status = engine.status()
        assert [number for _, number, _ in status.problem_pages] == [1, 1, 2, 3]
        assert all("its picture could not be made: the file" in why for _, _, why in status.problem_pages)
        assert "photo1.png" in engine.search("photo1", k=1, lanes=["words"]).hits[0].ref.path
        assert run_checks(collection, SETTINGS).healthy
        assert engine.index([files / "report0.pdf"]).failed == []
        assert [number for _, number, _ in engine.status().problem_pages] == [1]
    assert main(["status", "-c", str(collection)]) == ExitCode.DONE
    assert "its picture could not be made: the file is gone" in capsys.readouterr().out


def test_pictures_that_were_missing_are_made_when_the_move_goes_on_and_the_file_is_back(tmp_path: Path) -> None:
    files = write_files(tmp_path / "files")
    collection = made(tmp_path / "c", files, SMALL)
    (files / "report1.pdf").rename(tmp_path / "away.pdf")
    profile = choose_profile("builtin", SETTINGS)

    def break_off(report: Progress) -> None:
        if report.pages >= 39:  # both parts of the long report are in
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wiring.reembed_collection(collection, profile, SETTINGS, on_progress=break_off)
    (tmp_path / "away.pdf").rename(files / "report1.pdf")
    report = wiring.reembed_collection(collection, profile, SETTINGS)
    assert report.resumed
    assert report.render_failures == []
    assert report.pages == 34  # the long report again, and nothing else
    with wiring.open_collection(collection, SETTINGS) as engine:
        assert engine.check() == []
        assert engine.status().problem_pages == []


def test_a_file_that_changes_while_it_is_pictured_is_not_mixed_of_two_versions(tmp_path: Path) -> None:
    file, collection = tmp_path / "files" / "a.pdf", tmp_path / "c"
    write_pdf(file, ["one", "two", "three"], title="Three")
    create(Layout(collection), profile="old", lanes=reembedding_child.lanes_of(reembedding_child.OLD))
    reembedding_child.index(collection, file.parent)

    def render(path: Path, kind: Kind, number: int, side: int) -> ImageArray:
        if number == 2:
            write_pdf(file, ["four", "five", "six"], title="Another")
        return wiring.render_array(path, kind, number, side)

    lanes = reembedding_child.lanes_of(reembedding_child.NEW)
    with CollectionReembedding(collection, profile="new", lanes=lanes) as reembedding:
        run = Reembedding(
            reembedding, reembedding_child.NEW, render, on_progress=lambda _: None, on_render_failure=lambda _: None
        )
        [named] = run.run().render_failures
    assert (Path(named.path), named.code) == (file, "changed")
    reader = CollectionReader(collection)
    assert reader.check() == []
    with reader.snapshot() as snapshot:
        assert len(snapshot.vectors("image").keys) == 0
        assert [number for _, number, _ in snapshot.unread_pages()] == [1, 2, 3]


def test_progress_ends_at_the_whole(small: Path) -> None:
    reports: list[Progress] = []
    wiring.reembed_collection(small, choose_profile("builtin", SETTINGS), SETTINGS, on_progress=reports.append)
    assert [report.pages for report in reports] == sorted(report.pages for report in reports)
    last = reports[-1]
    assert (last.files, last.pages) == (last.files_total, 43)
    assert last.bytes_total - last.bytes <= 1
    assert all(0 <= report.bytes <= report.bytes_total for report in reports)


def test_moved_to_what_it_is_nothing_is_done(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--profile", "builtin", "--model", "image=none", "--model", "page=none"]
    assert main(["reembed", *options, "-c", str(small)]) == ExitCode.DONE
    assert "already" in capsys.readouterr().out


def test_a_move_broken_off_is_told_by_doctor_with_the_command_that_goes_on(small: Path) -> None:
    def break_off(_: Progress) -> None:
        raise KeyboardInterrupt

    profile = choose_profile("builtin", SETTINGS, models={"page": "none"})
    with pytest.raises(KeyboardInterrupt):
        wiring.reembed_collection(small, profile, SETTINGS, on_progress=break_off)
    found = run_checks(small, SETTINGS)
    assert found.healthy
    [advice] = [check.detail for check in found.checks if "was interrupted" in check.detail]
    assert "pagelens reembed --profile builtin --model page=none" in advice
    assert "pagelens reembed --profile builtin --model image=none --model page=none" in advice


def test_an_engine_that_is_open_across_the_switch_says_to_open_it_again(small: Path, files: Path) -> None:
    with wiring.open_collection(small, SETTINGS) as engine:
        assert engine.search("solar power").hits
        wiring.reembed_collection(small, choose_profile("builtin", SETTINGS), SETTINGS)
        with pytest.raises(CollectionMismatch, match="Open it again"):
            engine.search("solar power")
        with pytest.raises(CollectionMismatch, match="Open it again"):
            engine.index([files])
    with wiring.open_collection(small, SETTINGS) as engine:
        assert engine.check() == []
        assert engine.index([files]).unchanged == 8


def test_without_a_collection_there_is_nothing_to_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reembed", "--profile", "builtin", "-c", str(tmp_path / "none")]) == ExitCode.ERROR
    assert "expected a PageLens collection" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
