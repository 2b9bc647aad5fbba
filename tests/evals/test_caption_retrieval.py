"""From photos to captions, against the whole table of scores."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pagelens
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.runs.caption_retrieval import (
    hit_rates,
    is_captioned,
    photos_to_captions,
    read_caption_retrieval,
    write_caption_retrieval,
)
from tests.evals.conftest import Evaluation


def test_a_set_is_captioned_when_pages_have_several_questions_each(evaluation: Evaluation) -> None:
    assert not is_captioned(evaluation.data)
    pages = [PageRef("a.jpg", 1), PageRef("b.jpg", 1)]
    questions = [Question(f"c{number}", "x") for number in range(4)]
    qrels = {one.qid: {pages[number // 2]: 1} for number, one in enumerate(questions)}
    assert is_captioned(DataSet("p", Path(), ["a.jpg", "b.jpg"], questions, qrels))


def test_any_caption_of_a_photo_counts(tmp_path: Path) -> None:
    one, other = PageRef("a.jpg", 1), PageRef("b.jpg", 1)
    captions = {one: {"c1", "c2"}, other: {"c3", "c4"}}
    hits = hit_rates({one: ["c3", "c2"], other: ["c1", "c2"]}, captions)
    assert {name: interval.mean for name, interval in hits.items()} == {"hit@1": 0.0, "hit@5": 0.5, "hit@10": 0.5}


def test_photos_rank_captions_by_the_scores_that_captions_give_photos(tmp_path: Path) -> None:
    colours = {"red": (200, 20, 20), "green": (20, 160, 40), "blue": (20, 40, 190), "grey": (128, 128, 128)}
    (tmp_path / "photos").mkdir()
    for name, colour in colours.items():
        Image.fromarray(np.full((64, 64, 3), colour, np.uint8)).save(tmp_path / "photos" / f"{name}.png")
    names = sorted(f"{name}.png" for name in colours)
    questions = [
        Question(f"c{n:02d}", f"{'the colour' if n % 2 else 'a thing'} {names[n // 3][:-4]} {n}") for n in range(12)
    ]
    qrels = {one.qid: {PageRef(names[n // 3], 1): 1} for n, one in enumerate(questions)}
    data = DataSet("p", tmp_path / "photos", names, questions, qrels)
    with pagelens.open(tmp_path / "collection", create=True, profile="builtin") as engine:
        engine.index(data.folder)
        if "image" not in engine.status().models:
            pytest.skip("this collection has no image lane")
        found = photos_to_captions(engine, data, "image")
        scores = np.full((len(names), len(questions)), -np.inf)
        for column, question in enumerate(questions):
            for hit in engine.search(question.text, k=10, lanes=["image"]).hits:
                scores[names.index(Path(hit.ref.path).name), column] = hit.lanes["image"].score
    order = np.argsort(-scores, axis=1, kind="stable")
    for k in (1, 5, 10):
        expected = np.mean([any(column // 3 == row for column in order[row, :k]) for row in range(len(names))])
        assert found.hits[f"hit@{k}"].mean == pytest.approx(expected)
    write_caption_retrieval(tmp_path, [found])
    assert read_caption_retrieval(tmp_path) == [found]
