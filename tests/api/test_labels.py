"""Labels of a collection's photos and pages: by words, by policies, by examples; filtered, counted, reviewed."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sklearn
from PIL import Image

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine import labelling, wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.errors import NotFound, UsageError
from pagelens.core.labels import LabelCriterion, LabelSet
from pagelens.core.settings import Settings
from pagelens.core.types import Filters
from pagelens.encode.image.zero_shot import ZeroShotClassifier
from pagelens.encode.loading import load_image_encoder
from tests.api.files import write_pdf
from tests.encode.tiny_vision import make_clip_checkpoint

OFFLINE = Settings(offline=True)
SAMPLES = Path(sklearn.__file__).parent / "datasets" / "images"  # a flower, and a Chinese palace
FLOWER_OR_PALACE = LabelSet(
    name="garden",
    rules=[LabelCriterion(name="flower", positive=("flower",)), LabelCriterion(name="palace", positive=("palace",))],
)
POLICY = {"name": "plants", "positive": ["a flower"], "negative": ["a building"], "threshold": 0.6}


def write_photos(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("flower.jpg", "china.jpg"):
        with Image.open(SAMPLES / name) as picture:
            picture.resize((320, 214)).save(folder / name)
    write_pdf(folder / "garden.pdf", ["A flower garden beside the palace."], title="Garden")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    root = tmp_path_factory.mktemp("labels")
    engine = pagelens.open(root / "c", create=True, profile="builtin")
    assert engine.index([write_photos(root / "photos")], workers=0).documents == 3
    yield engine
    engine.close()


@pytest.fixture
def labelled(photos: Engine) -> Engine:
    photos.label(FLOWER_OR_PALACE)
    return photos


def names(engine: Engine, *labels: str, query: str = "") -> list[str]:
    return [Path(hit.ref.path).name for hit in engine.search(query, filters=Filters(labels=labels)).hits]


def test_words_label_the_photos_that_show_them_and_the_report_says_approximate(photos: Engine) -> None:
    report = photos.label(FLOWER_OR_PALACE)
    assert report.labels == {"flower": 1, "palace": 1}
    assert (report.method, report.approximate, report.unlabelled) == ("zero-shot", True, 0)
    assert (report.pages, report.without_vector) == (2, 1)  # the builtin lane has no rows for pages of documents
    assert names(photos, "flower") == ["flower.jpg"]
    assert names(photos, "PALACE", query="flower garden palace") == ["china.jpg"]
    assert names(photos, "flower", "palace") == []


def test_no_photo_is_encoded_again(photos: Engine, tmp_path: Path) -> None:
    with photos.snapshot() as snapshot:
        paths = [Path(row.path) for row in snapshot.documents.values()]
    for path in paths:
        shutil.move(path, tmp_path / path.name)
    try:
        assert photos.label(FLOWER_OR_PALACE).labels == {"flower": 1, "palace": 1}
    finally:
        for path in paths:
            shutil.move(tmp_path / path.name, path)


def test_hits_hold_their_labels_and_results_count_those_of_all_pages_that_match(labelled: Engine) -> None:
    results = labelled.search("flower", k=1)
    assert results.labels == {"flower": 1, "palace": 1}
    assert labelled.search("flower", filters=Filters(labels=["flower"])).labels == {"flower": 1}
    [hit] = labelled.search("flower", filters=Filters(labels=["flower"])).hits
    assert [(label.label, label.label_set, label.approximate) for label in hit.labels] == [("flower", "garden", True)]
    assert hit.labels[0].probability > 0.5


def test_none_of_these_leaves_a_photo_without_a_label(photos: Engine) -> None:
    report = photos.label(LabelSet(name="far", rules=[LabelCriterion(name="motorcycle", positive=("motorcycle",))]))
    assert (report.labels, report.unlabelled) == ({"motorcycle": 0}, 2)
    photos.forget_labels("far")


def test_a_policy_flags_photos_for_review_and_a_new_set_of_its_name_replaces_it(photos: Engine, tmp_path: Path) -> None:
    file = tmp_path / "plants.json"
    file.write_text(json.dumps(POLICY), "utf-8")
    assert photos.label(file).labels == {"flagged:plants": 1}
    [page] = photos.labelled_pages()
    assert (Path(page.ref.path).name, page.label.label) == ("flower.jpg", "flagged:plants")
    assert names(photos, "flagged:") == ["flower.jpg"]
    assert photos.label(file, threshold=1.0).labels == {"flagged:plants": 0}
    assert photos.labelled_pages() == []
    photos.forget_labels("plants")
    with pytest.raises(NotFound, match="none named 'plants'"):
        photos.forget_labels("plants")


def test_example_photos_label_photos_that_look_like_them(photos: Engine, tmp_path: Path) -> None:
    for name, source in (("blossom", "flower.jpg"), ("none", "china.jpg")):
        (tmp_path / "like" / name).mkdir(parents=True)
        with Image.open(SAMPLES / source) as picture:
            picture.crop((40, 20, 600, 400)).save(tmp_path / "like" / name / "one.jpg")
    (tmp_path / "like" / "none" / "broken.jpg").write_bytes(b"no picture")
    report = photos.label_like(tmp_path / "like")
    assert (report.label_set, report.method, report.approximate) == ("like", "nearest class mean", False)
    assert report.labels == {"blossom": 1}  # "none" is no label
    assert report.pages == 3  # pages of documents have a picture too
    assert [Path(file.path).name for file in report.failed_examples] == ["broken.jpg"]
    assert names(photos, "blossom") == ["flower.jpg"]
    photos.forget_labels("like")
    for wrong in (tmp_path / "absent", tmp_path / "like" / "none"):
        with pytest.raises(UsageError, match="expected"):
            photos.label_like(wrong)


def test_a_set_with_thresholds_fitted_to_another_model_says_so(photos: Engine) -> None:
    fitted = LabelSet(name="garden", rules=FLOWER_OR_PALACE.rules, fitted_to="another space")
    assert "fitted with another model" in photos.label(fitted).notes[0]


def test_labels_are_copied_with_their_collection(labelled: Engine, tmp_path: Path) -> None:
    root = str(labelled.layout.root)
    assert main(["copy", "--to", str(tmp_path / "copy"), "-c", root]) == 0
    with pagelens.open(tmp_path / "copy") as copy:
        assert names(copy, "flower") == ["flower.jpg"]
        assert [one.label_set.name for one in copy.label_sets()] == ["garden"]


def test_the_command_labels_lists_and_reviews(
    photos: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collection = ["-c", str(photos.layout.root)]
    (tmp_path / "things.txt").write_text("flower\npalace\n", "utf-8")
    assert main(["label", "--labels", str(tmp_path / "things.txt"), *collection]) == 0
    printed = capsys.readouterr().out
    assert "things: zero-shot" in printed and "approximate" in printed
    assert main(["label", "--json", *collection]) == 0
    sets = json.loads(capsys.readouterr().out)["label_sets"]
    assert {"flower": 1, "palace": 1} in [one["pages"] for one in sets]
    assert main(["label", "--show", "flow*", "--json", *collection]) == 0
    shown = json.loads(capsys.readouterr().out)["pages"]
    assert {page["label"]["label"] for page in shown} == {"flower"}
    assert main(["label", "--flagged", *collection]) == 3
    assert main(["search", "--label", "palace", "--json", *collection]) == 0
    found = json.loads(capsys.readouterr().out.partition("No page has such a label.")[2])
    assert [Path(hit["ref"]["path"]).name for hit in found["hits"]] == ["china.jpg"]
    assert found["labels"]["palace"] == 1
    assert main(["label", "--forget", "things", *collection]) == 0
    assert main(["label", "--flagged", "--show", "dog", *collection]) == 2


def test_clip_labels_pictures_of_pages_too_with_its_own_probabilities(tmp_path: Path) -> None:
    clip = make_clip_checkpoint(tmp_path / "clip")
    profile = choose_profile("builtin", OFFLINE, models={"image": str(clip), "page": "none"})
    wiring.create_collection(tmp_path / "c", profile, OFFLINE)
    half = replace(FLOWER_OR_PALACE, rules=[replace(rule, threshold=0.0) for rule in FLOWER_OR_PALACE.rules])
    with wiring.open_collection(tmp_path / "c", OFFLINE) as engine:
        engine.index([write_photos(tmp_path / "photos")], workers=0)
        report = engine.label(half)
        assert (report.pages, report.without_vector, report.approximate) == (3, 0, False)
        assert report.labels == {"flower": 3, "palace": 3}
        shown = {
            (Path(page.ref.path).name, page.label.label): page.label.probability for page in engine.labelled_pages("*")
        }
    encoder = load_image_encoder(str(clip), OFFLINE)
    with Image.open(tmp_path / "photos" / "flower.jpg") as picture:
        vectors = encoder.encode_images([np.asarray(picture.convert("RGB"))])
    expected = ZeroShotClassifier(encoder, FLOWER_OR_PALACE.rules).probabilities(vectors).values[0]
    assert [shown["flower.jpg", name] for name in ("flower", "palace")] == pytest.approx(expected.tolist(), abs=0.01)
    assert ("garden.pdf", "flower") in shown


def test_vectors_are_compared_in_blocks(labelled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelling, "ROWS_PER_BLOCK", 1)
    with labelled.snapshot() as snapshot:
        blocks = list(labelling.image_vectors(snapshot, "image"))
    assert [len(pages) for pages, _ in blocks] == [1, 1]
    assert np.concatenate([rows for _, rows in blocks]).shape == (2, 384)
