"""What every lexical index must do: BM25 of live pages, compared with the formula worked out here."""

import math
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pagelens.core.keys import document_of, number_of
from pagelens.index.creation import create
from pagelens.index.lane_queries import NO_WEIGHTS
from pagelens.index.layout import Layout, ServerRecord
from pagelens.index.reader import CollectionReader
from pagelens.index.selection import Selection
from pagelens.index.writer import CollectionWriter
from tests.contracts.on_qdrant import SERVER
from tests.index.fixtures import TEXT, new_pages, search_words, write

NAMES = ("tantivy", "qdrant")
VOCABULARY = ("lake", "depth", "trout", "price", "zug", "ferri")  # stems of themselves

Scores = dict[tuple[str, int], float]  # of pages by their file's name and number


def collection(name: str, root: Path) -> Path:
    server = ServerRecord(SERVER, f"pagelens-{root.parent.name}", grace=0) if name == "qdrant" else None
    create(Layout(root), profile="test", lanes=[TEXT], server=server)
    return root


def path_of(folder: Path, name: str) -> str:
    (folder / name).write_text("any content")
    return str(folder / name)


def search(
    root: Path,
    terms: Sequence[str],
    *,
    k: int = 1_000,
    selection: Selection | None = None,
    weights: Mapping[str, float] = NO_WEIGHTS,
) -> Scores:
    reader = CollectionReader(root)
    with reader.snapshot() as snapshot:
        found = search_words(snapshot, terms, k, selection=selection, weights=weights)
        assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))
        names = {key: Path(row.path).name for key, row in snapshot.documents.items()}
        scores = {(names[document_of(page)], number_of(page)): score for page, score in found}
    reader.close()
    return scores


def bigrams(terms: Sequence[str]) -> list[str]:
    return [f"{first} {second}" for first, second in pairwise(terms) if first != second]


def bm25(
    pages: Sequence[Sequence[str]], query: Sequence[str], weights: Mapping[str, float] = NO_WEIGHTS
) -> list[float]:
    """Terms, and bigrams of different terms as terms of a second field; for pages of fewer than 24 terms."""
    scores = np.zeros(len(pages))
    for texts, terms in ((pages, query), (list(map(bigrams, pages)), bigrams(query))):
        average = sum(map(len, texts)) / len(texts)
        for term in set(terms):
            having = sum(term in text for text in texts)
            idf = weights.get(term, 1.0) * math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
            for place, text in enumerate(texts):
                count = text.count(term)
                if count:
                    scores[place] += idf * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * len(text) / average))
    return scores.tolist()


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=8)
@given(
    pages=st.lists(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=12), min_size=1, max_size=12),
    query=st.lists(st.sampled_from((*VOCABULARY, "nowhere")), min_size=1, max_size=5),
    weights=st.dictionaries(st.sampled_from(VOCABULARY), st.sampled_from((0.3, 2.0))),
)
def test_scores_are_bm25_of_weighted_terms_and_of_bigrams(
    name: str, pages: list[list[str]], query: list[str], weights: dict[str, float]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = collection(name, Path(folder) / "c")
        write(root, new_pages(path_of(Path(folder), "a.pdf"), [" ".join(page) for page in pages]))
        expected = {("a.pdf", at): score for at, score in enumerate(bm25(pages, query, weights), start=1) if score}
        assert search(root, query, weights=weights) == pytest.approx(expected, rel=1e-5)


def test_both_indexes_score_long_pages_alike(tmp_path: Path) -> None:
    """Both round lengths in the same way."""
    draw = np.random.default_rng(5)
    texts = [" ".join(draw.choice(VOCABULARY, size)) for size in (1, 23, 24, 25, 39, 41, 43, 57, 63, 200, 207, 3_000)]
    found = []
    for name in NAMES:
        (tmp_path / name).mkdir()
        root = collection(name, tmp_path / name / "c")
        write(root, new_pages(path_of(tmp_path, "a.pdf"), texts))
        found.append(search(root, ["lake", "depth", "trout"]))
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    assert list(found[0]) == list(found[1])


@pytest.mark.parametrize("name", NAMES)
def test_frequencies_are_those_of_the_stored_pages(name: str, tmp_path: Path) -> None:
    root = collection(name, tmp_path / "c")
    keep = new_pages(path_of(tmp_path, "k.pdf"), ["lake depth", "lake lake", "trout"])
    write(root, keep, new_pages(path_of(tmp_path, "g.pdf"), ["lake price", "zug"]))
    with CollectionWriter(root) as writer:
        writer.remove_paths([str(tmp_path / "g.pdf")])
    reader = CollectionReader(root)
    with reader.snapshot() as snapshot:
        assert len(snapshot.words) == 3
        idf = snapshot.idf(["lake", "zug"])
    assert idf == pytest.approx({"lake": math.log(1 + 1.5 / 2.5), "zug": math.log(1 + 3.5 / 0.5)})
    assert reader.check(deep=True) == []
    reader.close()
    pages = [["lake", "depth"], ["lake", "lake"], ["trout"]]
    expected = {("k.pdf", at): score for at, score in enumerate(bm25(pages, ["lake"]), start=1) if score}
    assert search(root, ["lake"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_pages_of_an_incomplete_document_are_not_found_and_do_not_crowd_out_others(name: str, tmp_path: Path) -> None:
    root = collection(name, tmp_path / "c")
    write(root, new_pages(path_of(tmp_path, "a.pdf"), ["lake and much else besides", "trout"]))
    half = [*["lake lake"] * 40, "zug"]
    write(root, new_pages(path_of(tmp_path, "b.pdf"), half, until=40))
    assert list(search(root, ["lake"], k=1)) == [("a.pdf", 1)]
    write(root, new_pages(path_of(tmp_path, "b.pdf"), half, first=41))
    assert len(search(root, ["lake"])) == 41


@pytest.mark.parametrize("name", NAMES)
def test_a_second_query_gives_the_same_result_as_in_a_new_snapshot(name: str, tmp_path: Path) -> None:
    root = collection(name, tmp_path / "c")
    write(root, new_pages(path_of(tmp_path, "a.pdf"), ["lake depth", "lake trout", "zug price lake", "price"]))
    reader = CollectionReader(root)
    with reader.snapshot() as snapshot:
        search_words(snapshot, ["lake", "price"], 10)
        answers = [search_words(snapshot, terms, 10) for terms in (["lake", "trout"], ["price", "zug", "nowhere"])]
        idf = snapshot.idf(["lake", "price", "trout"])
    with CollectionReader(root).snapshot() as snapshot:
        assert answers[0] == search_words(snapshot, ["lake", "trout"], 10)
        assert idf == snapshot.idf(["lake", "price", "trout"])
    with CollectionReader(root).snapshot() as snapshot:
        assert answers[1] == search_words(snapshot, ["price", "zug", "nowhere"], 10)
    reader.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_selection_limits_documents_and_page_numbers(name: str, tmp_path: Path) -> None:
    root = collection(name, tmp_path / "c")
    documents = [new_pages(path_of(tmp_path, f"{n}.pdf"), ["lake", f"lake {n}", "lake", "zug"]) for n in range(3)]
    write(root, *documents)
    with CollectionReader(root).snapshot() as snapshot:
        [second] = [key for key, row in snapshot.documents.items() if row.path.endswith("1.pdf")]
    found = search(root, ["lake"], selection=Selection(np.array([second]), first_page=2))
    assert sorted(found) == [("1.pdf", 2), ("1.pdf", 3)]
    assert search(root, ["lake"], selection=Selection(np.zeros(0, np.int64))) == {}


@pytest.mark.parametrize("name", NAMES)
def test_pages_without_a_query_term_are_not_found(name: str, tmp_path: Path) -> None:
    root = collection(name, tmp_path / "c")
    assert search(root, ["lake"]) == {}
    write(root, new_pages(path_of(tmp_path, "a.pdf"), ["lake", "..."]))
    assert search(root, ["nowhere"]) == search(root, []) == search(root, ["lake"], k=0) == {}


def test_a_changed_average_length_is_corrected_in_queries_and_then_in_vectors(tmp_path: Path) -> None:
    """From 2 terms a page to 2.05, and down again; without the correction, scores are off by a hundredth."""
    root = collection("qdrant", tmp_path / "c")
    pages = [["lake", "depth"]] * 80
    write(root, new_pages(path_of(tmp_path, "a.pdf"), [" ".join(page) for page in pages]))
    for name, page in (("b.pdf", ["lake", *["trout"] * 5]), ("c.pdf", ["lake"])):
        others = [page] if name == "b.pdf" else [page] * 6
        with CollectionWriter(root) as writer:
            writer.add(new_pages(path_of(tmp_path, name), [" ".join(one) for one in others]))
            writer.commit()
            pages = [*pages, *others]
            exact = bm25(pages, ["lake"])[-1]
            found = search(root, ["lake"])[name, len(others)]
            assert found == pytest.approx(exact, rel=1e-3)
        assert search(root, ["lake"])[name, len(others)] == pytest.approx(exact, rel=1e-3)


def test_vectors_are_rewritten_when_a_writer_ends_and_the_average_length_has_changed_much(tmp_path: Path) -> None:
    root = collection("qdrant", tmp_path / "c")
    write(root, new_pages(path_of(tmp_path, "a.pdf"), ["lake depth"] * 20))
    pages = [["lake", "depth"]] * 20 + [["lake", *["trout"] * 15]]
    expected = bm25(pages, ["lake"])[-1]
    with CollectionWriter(root) as writer:
        writer.add(new_pages(path_of(tmp_path, "b.pdf"), [" ".join(pages[-1])]))
        writer.commit()
        assert search(root, ["lake"])["b.pdf", 1] != pytest.approx(expected, rel=1e-3)
    assert search(root, ["lake"])["b.pdf", 1] == pytest.approx(expected, rel=1e-5)
    reader = CollectionReader(root)
    assert reader.check(deep=True) == []
    reader.close()
