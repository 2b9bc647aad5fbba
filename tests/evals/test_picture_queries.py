"""Questions asked with a picture, alone or beside words: read, searched with, scored, shown; within their folder."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image, ImageDraw

import pagelens
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import DataSet
from pagelens.evals.datasets.folder import read_folder, write_folder
from pagelens.evals.measures.measure_names import parse_measure
from pagelens.evals.report.writing import write_reports
from pagelens.evals.runs.caption_retrieval import is_captioned
from pagelens.evals.runs.mteb_search import EngineSearch
from pagelens.evals.runs.plan import Plan, lanes_for
from pagelens.evals.runs.run_folder import Run, read_run_folder
from pagelens.evals.runs.runner import perform_run
from pagelens.evals.runs.scoring import ranking_values
from pagelens.evals.runs.systems import lane_ablation

NAMES = ("meadow", "lake", "brick")


def photo(name: str) -> Image.Image:
    """Return a drawing that no other is like: a sun over a meadow, waves, a wall."""
    picture = Image.new("RGB", (240, 240), {"meadow": "#9fd0ff", "lake": "#1d4f91", "brick": "#b5533c"}[name])
    pen = ImageDraw.Draw(picture)
    if name == "meadow":
        pen.rectangle((0, 150, 240, 240), fill="#3f8f3a")
        pen.ellipse((140, 30, 210, 100), fill="#ffd94a")
    for row in range(0, 240, 30):
        if name == "lake":
            pen.arc((-40, row, 280, row + 60), 180, 360, fill="#cfe6ff", width=6)
        elif name == "brick":
            pen.line((0, row, 240, row), fill="#e8ddd0", width=4)
            pen.line((row + 15 * (row % 60 // 30), row, row + 15 * (row % 60 // 30), row + 30), fill="#e8ddd0", width=4)
    return picture


def write_photo_set(folder: Path) -> Path:
    """Three photos; a crop of one, another in small, and the third by words beside its picture."""
    (folder / "documents").mkdir(parents=True)
    (folder / "asked").mkdir()
    for name in NAMES:
        photo(name).save(folder / "documents" / f"{name}.png")
    photo("meadow").crop((20, 20, 220, 220)).save(folder / "asked" / "crop.png")
    photo("lake").resize((160, 160)).save(folder / "asked" / "small.png")
    photo("brick").crop((0, 0, 200, 240)).save(folder / "asked" / "wall.png")
    rows = [
        {"qid": "p1", "image": "asked/crop.png", "evidence": [1], "doc": "meadow.png"},
        {"qid": "p2", "image": "asked/small.png", "question": "", "evidence": [1], "doc": "lake.png"},
        {"qid": "p3", "image": "asked/wall.png", "question": "a red wall", "evidence": [1], "doc": "brick.png"},
        {"qid": "w1", "question": "a lake", "evidence": [1], "doc": "lake.png", "answer": "blue"},
    ]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


@pytest.fixture(scope="module")
def picture_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, DataSet, Run]]:
    root = tmp_path_factory.mktemp("pictures")
    data = read_folder(write_photo_set(root / "set"))
    with pagelens.open(root / "collection", create=True, profile="builtin") as engine:
        engine.index(data.folder, workers=0)
        plan = Plan(lane_ablation(lanes_for(engine, data), pairs=False), ("whole",), ("whole",), depth=3)
        yield engine, data, perform_run(engine, data, plan, root / "run")


def test_a_picture_finds_the_photo_it_was_cut_from(picture_run: tuple[Engine, DataSet, Run]) -> None:
    _, data, run = picture_run
    assert {"image", "visual", "fused"} <= set(run.systems)
    hits = ranking_values(run, "whole", "visual", [parse_measure("hit@1")])[parse_measure("hit@1")]
    assert {qid: hits[qid] for qid in ("p1", "p2")} == {"p1": 1, "p2": 1}
    assert run.searches["whole", "fused"]["p3"].ranked[0] == PageRef("brick.png", 1)
    engine_hits = picture_run[0].search(image=data.images / "asked" / "crop.png" if data.images else None, k=3).hits
    ranked = [page.path for page in run.searches["whole", "fused"]["p1"].ranked]
    assert ranked == [Path(hit.ref.path).name for hit in engine_hits]


def test_questions_with_a_picture_are_not_answered(picture_run: tuple[Engine, DataSet, Run]) -> None:
    assert list(picture_run[2].answers["whole"]) == ["w1"]
    assert not is_captioned(picture_run[1])


def test_what_is_asked_with_is_a_breakdown_and_stands_in_the_report(picture_run: tuple[Engine, DataSet, Run]) -> None:
    engine, _, run = picture_run
    summary, page = write_reports(read_run_folder(run.folder), engine)
    values = {group.value for group in summary.groups if group.breakdown == "query"}
    assert values == {"a picture", "a picture and words", "words"}
    html = page.read_text("utf-8")
    assert html.count("<b>asked with</b>") == 3
    assert 'aria-label="crop.png"></span>' in html
    assert "(asked/crop.png)" in html  # the title of a question without words


def test_a_set_takes_its_pictures_along(picture_run: tuple[Engine, DataSet, Run], tmp_path: Path) -> None:
    _, data, _ = picture_run
    write_folder(data, tmp_path / "copy")
    copy = read_folder(tmp_path / "copy")
    assert copy.questions == data.questions
    assert copy.digest == data.digest
    photo("brick").save(tmp_path / "copy" / "asked" / "crop.png")  # the same name, another picture
    assert read_folder(tmp_path / "copy").digest != data.digest


def test_a_picture_outside_the_folder_is_refused_though_a_link_leads_there(tmp_path: Path) -> None:
    folder = write_photo_set(tmp_path / "set")
    secret = tmp_path / "secret.png"
    shutil.copy(folder / "asked" / "crop.png", secret)
    (folder / "asked" / "crop.png").unlink()
    (folder / "asked" / "crop.png").symlink_to(secret)
    with pytest.raises(UsageError, match=r"queries\.jsonl:1: expected a picture below the folder of queries\.jsonl"):
        read_folder(folder)


def test_what_is_no_picture_is_an_error_of_the_run(picture_run: tuple[Engine, DataSet, Run], tmp_path: Path) -> None:
    engine, data, _ = picture_run
    (tmp_path / "x.png").write_text("no picture")
    broken = replace(data, images=tmp_path, questions=[replace(data.questions[0], image="x.png")])
    with pytest.raises(UsageError, match="expected a picture that can be read"):
        perform_run(engine, broken, Plan(lane_ablation(["visual"]), ("whole",)), tmp_path / "run")


def test_mteb_s_picture_queries_find_pictures(tmp_path: Path) -> None:
    search = EngineSearch(tmp_path, profile="builtin")
    task: dict[str, Any] = {"task_metadata": SimpleNamespace(name="Photos"), "hf_split": "test", "hf_subset": "default"}
    search.index([{"id": name, "image": photo(name)} for name in NAMES], **task)
    found = search.search([{"id": "q", "image": photo("lake").resize((160, 160))}], top_k=3)
    assert max(found["q"], key=lambda one: found["q"][one]) == "lake"
    with pytest.raises(UsageError, match="expected a text or an image in query q, found id"):
        search.search([{"id": "q"}], top_k=1)
    search.close()
