"""The mteb adapter: by its protocol with plain rows, and by mteb itself where it is installed."""

import importlib.util
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from pagelens.core.errors import UsageError
from pagelens.evals.runs.mteb_search import EngineSearch

CORPUS = [
    {"id": "d/1", "title": "Tides", "text": "A limpet returns to its home scar before the tide falls."},
    {"id": "d 1", "title": "", "text": "Ships with a draught of more than 8.2 metres need a pilot."},
    {"id": "d-3", "title": "Harbour", "text": "Timber grew to 52,300 tonnes while grain fell."},
]
QUERIES = [{"id": "q1", "text": "where does a limpet go"}, {"id": "q2", "text": "which ships need a pilot"}]
TASK: dict[str, Any] = {"task_metadata": SimpleNamespace(name="Tiny"), "hf_split": "test", "hf_subset": "default"}


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineSearch]:
    search = EngineSearch(tmp_path_factory.mktemp("mteb"), profile="builtin")
    search.index(CORPUS, **TASK, encode_kwargs={}, num_proc=None)
    yield search
    search.close()


def test_documents_are_found_under_their_own_ids_best_first(search: EngineSearch) -> None:
    found = search.search(QUERIES, top_k=2, **TASK, encode_kwargs={}, num_proc=None)
    first = {qid: max(scores, key=lambda one: scores[one]) for qid, scores in found.items()}
    assert first == {"q1": "d/1", "q2": "d 1"}
    assert all(len(scores) <= 2 for scores in found.values())


def test_only_the_candidates_are_ranked_where_there_are_some(search: EngineSearch) -> None:
    found = search.search(QUERIES[:1], top_k=2, top_ranked={"q1": ["d-3", "d 1"]}, **TASK)
    assert "d/1" not in found["q1"]


def test_queries_before_a_corpus_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="call index first"):
        EngineSearch(tmp_path).search(QUERIES, top_k=1)


def test_pictures_are_kept_as_pages(tmp_path: Path) -> None:
    search = EngineSearch(tmp_path, profile="builtin")
    search.index([{"id": "red", "image": Image.new("RGB", (40, 40), "red")}], **TASK)
    assert [path.name for path in tmp_path.rglob("*.png") if "documents" in path.parts] == ["red.png"]
    search.close()


def test_mteb_itself_runs_an_engine(tmp_path: Path) -> None:
    if importlib.util.find_spec("mteb") is None:
        pytest.skip("mteb is not a dependency; it is not installed here")
    import_module("pagelens.encode.torch_support")  # mteb imports transformers
    mteb, datasets = import_module("mteb"), import_module("datasets")
    retrieval = import_module("mteb.abstasks.retrieval")
    unknown = "date domains task_subtypes license annotations_creators dialect sample_creation bibtex_citation".split()
    meta = mteb.TaskMetadata(
        name="TinyRetrieval",
        description="x",
        reference=None,
        dataset={"path": "x/x", "revision": "1"},
        type="Retrieval",
        category="t2t",
        modalities=["text"],
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        main_score="ndcg_at_10",
        **dict.fromkeys(unknown),
    )

    def load_data(task: Any, *_: Any, **__: Any) -> None:
        split = {
            "corpus": datasets.Dataset.from_list(CORPUS),
            "queries": datasets.Dataset.from_list(QUERIES),
            "relevant_docs": {"q1": {"d/1": 1}, "q2": {"d 1": 1}},
            "top_ranked": None,
        }
        task.dataset = {"default": {"test": split}}
        task.data_loaded = True

    task = type("TinyRetrieval", (retrieval.AbsTaskRetrieval,), {"metadata": meta, "load_data": load_data})()
    found = mteb.evaluate(EngineSearch(tmp_path, profile="builtin"), tasks=[task], cache=None)
    assert found.task_results[0].scores["test"][0]["ndcg_at_10"] == pytest.approx(1.0)
