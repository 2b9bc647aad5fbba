"""`pagelens eval labels` fits thresholds that `pagelens label` then uses; `pagelens eval objects` asks a model."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sklearn
from PIL import Image

import pagelens
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import GenerationError, UsageError
from pagelens.core.labels import read_label_set
from pagelens.evals.cli.commands import app
from tests.generate.model_server import Complete, ModelServer, running

SAMPLES = Path(sklearn.__file__).parent / "datasets" / "images"  # a flower, and a Chinese palace


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    root = tmp_path_factory.mktemp("photos")
    (root / "photos").mkdir()
    for name, source, box in (("f1", "flower", 0), ("f2", "flower", 60), ("p1", "china", 0), ("p2", "china", 60)):
        with Image.open(SAMPLES / f"{source}.jpg") as picture:
            picture.crop((box, box, 500, 400)).save(root / "photos" / f"{name}.png")
    engine = pagelens.open(root / "c", create=True, profile="builtin")
    assert engine.index([root / "photos"], workers=0).documents == 4
    yield engine
    engine.close()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Return the arguments that name the judged photos and the label set."""
    judged = [{"photo": f"{name}.png", "labels": ["flower"]} for name in ("f1", "f2")]
    judged += [{"photo": f"photos/{name}.png", "captions": ["A palace in the sun ."]} for name in ("p1", "p2")]
    judged.append({"photo": "absent.png", "labels": ["flower"]})
    (tmp_path / "judged.jsonl").write_text("\n".join(map(json.dumps, judged)), "utf-8")
    (tmp_path / "garden.txt").write_text("flower\npalace\nzebra\n", "utf-8")
    return [str(tmp_path / "judged.jsonl"), "--labels", str(tmp_path / "garden.txt")]


def test_fitted_thresholds_are_written_and_used_by_the_command_that_labels(
    photos: Engine, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collection = ["-c", str(photos.layout.root)]
    out = tmp_path / "fitted.json"
    arguments = ["labels", *files, *collection, "--folds", "2", "--out", str(out), "--json"]
    assert not app(arguments, standalone_mode=False)
    rows = {row["label"]: row for row in json.loads(capsys.readouterr().out)["labels"]}
    assert {row["photos"] for row in rows.values()} == {4}  # the absent one is left out
    assert [rows[name]["positives"] for name in ("flower", "palace", "zebra")] == [2, 2, 0]
    assert [rows[name]["average_precision"] for name in ("flower", "palace", "zebra")] == [1.0, 1.0, 0.0]
    fitted = read_label_set(out)
    thresholds = {rule.name: rule.threshold for rule in fitted.rules}
    assert thresholds == {name: pytest.approx(row["threshold"]) for name, row in rows.items()}
    probabilities = photos.label_probabilities(fitted)
    names = [Path(ref.path).stem for ref in probabilities.refs]
    weakest = min(probabilities.values[names.index(name), 0] for name in ("f1", "f2"))
    assert thresholds["flower"] == pytest.approx(float(weakest))
    report = photos.label(fitted)
    assert (report.labels, report.notes) == ({"flower": 2, "palace": 2, "zebra": 0}, [])
    assert not app(["labels", *files, *collection, "--recall", "0.5"], standalone_mode=False)
    assert "always yes" in capsys.readouterr().out


def test_photos_that_are_not_indexed_are_no_judgement(photos: Engine, files: list[str], tmp_path: Path) -> None:
    (tmp_path / "judged.jsonl").write_text('{"photo": "absent.png", "labels": []}', "utf-8")
    with pytest.raises(UsageError, match="judged photos that the collection has"):
        app(["labels", *files, "-c", str(photos.layout.root)], standalone_mode=False)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with running() as server:
        monkeypatch.setenv("PAGELENS_LLM_URL", f"{server.root}/v1")
        yield server


@pytest.mark.parametrize(("option", "yes_rate", "f1"), [("--model", 1.0, 2 / 3), ("--second-look", 0.0, 0.0)])
def test_a_served_model_that_says_yes_is_exposed(
    photos: Engine,
    files: list[str],
    server: ModelServer,
    capsys: pytest.CaptureFixture[str],
    option: str,
    yes_rate: float,
    f1: float,
) -> None:
    server.replies = [Complete(["Yes"])] * 8
    arguments = ["objects", *files, "-c", str(photos.layout.root), "--model", "openai:tiny", "--sampling", "popular"]
    assert not app([*arguments, *([option] if option == "--second-look" else []), "--json"], standalone_mode=False)
    result = json.loads(capsys.readouterr().out)
    scores = result["scores"]["popular"]
    assert (result["model"], scores["questions"], scores["accuracy"], scores["yes_rate"]) == ("tiny", 8, 0.5, yes_rate)
    assert scores["f1"] == pytest.approx(f1)


def test_without_a_vision_model_nothing_is_asked(
    photos: Engine, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PAGELENS_LLM_MODEL", raising=False)
    with pytest.raises(GenerationError, match="expected a vision model"):
        app(["objects", *files, "-c", str(photos.layout.root)], standalone_mode=False)
    with pytest.raises(UsageError, match="expected --sampling among"):
        app(["objects", *files, "--sampling", "rare", "-c", str(photos.layout.root)], standalone_mode=False)
