"""The words of pages with their counts, and the words near to another one."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.index.layout import Layout
from pagelens.index.lexical import vocabulary
from pagelens.index.lexical.vocabulary import Neighbour, Vocabulary, edit_distances, words_of
from pagelens.index.reader import CollectionReader
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import make, new_pages, write

WORDS = st.text(alphabet="abcé", min_size=1, max_size=7)


def distance(first: str, second: str) -> int:
    """Optimal string alignment by its recursive definition."""

    @cache
    def of(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        steps = [of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (first[i - 1] != second[j - 1])]
        if i > 1 and j > 1 and first[i - 1] == second[j - 2] and first[i - 2] == second[j - 1]:
            steps.append(of(i - 2, j - 2) + 1)
        return min(steps)

    return of(len(first), len(second))


@given(WORDS, st.lists(WORDS, max_size=6))
def test_distances_are_those_of_the_definition(word: str, others: list[str]) -> None:
    assert edit_distances(word, others).tolist() == [distance(word, other) for other in others]


@given(WORDS, st.sets(WORDS, max_size=12), st.integers(1, 2))
def test_all_words_within_the_distance_are_found(word: str, others: set[str], most: int) -> None:
    found = Vocabulary(dict.fromkeys(others, 1)).neighbours(word, most)
    assert {one.word for one in found} == {other for other in others if 0 < distance(word, other) <= most}


def test_the_nearest_come_first_then_those_on_most_pages() -> None:
    words = Vocabulary({"report": 3, "resort": 9, "repot": 1, "reports": 50})
    found = words.neighbours("reprot", 2)
    assert found[:2] == [Neighbour("report", 1, 3), Neighbour("repot", 1, 1)]
    assert [one.word for one in found[2:]] == ["reports", "resort"]


def test_words_are_letters_in_small_letters_and_whole_at_line_ends() -> None:
    text = "The Häuser con-\ntamination, COVID-19 x20 東京都 ab кошка ΟΔΌΣ of"
    assert words_of(text) == {"the", "häuser", "contamination", "covid", "кошка", "οδοσ"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make(tmp_path / "collection")
    return tmp_path / "collection"


def counts(root: Path) -> dict[str, int]:
    reader = CollectionReader(root)
    with reader.snapshot() as snapshot:
        near = snapshot.vocabulary.neighbours("timbex", 2)
    reader.close()
    return {one.word: one.pages for one in near}


def document(root: Path, name: str, *texts: str) -> None:
    path = root.parent / name
    path.write_text("any content")
    write(root, new_pages(str(path), list(texts)))


def test_the_writer_counts_pages_and_keeps_the_counts(root: Path) -> None:
    document(root, "a.pdf", "timber and timber", "timbers")
    document(root, "b.pdf", "more timber")
    assert counts(root) == {"timber": 2, "timbers": 1}
    assert "timber\t2" in Layout(root).vocabulary.read_text("utf-8").splitlines()


def test_a_missing_or_damaged_file_is_counted_again_by_a_reader(root: Path) -> None:
    document(root, "a.pdf", "timber", "timbers")
    for damage in ("", "{}\nnothing", '{"version": 0, "words": 1}\ntimber\t7'):
        Layout(root).vocabulary.write_text(damage)
        assert counts(root) == {"timber": 1, "timbers": 1}
    Layout(root).vocabulary.unlink()
    assert counts(root) == {"timber": 1, "timbers": 1}


def test_a_reader_does_not_count_more_pages_than_it_may(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document(root, "a.pdf", "timber", "timbers")
    Layout(root).vocabulary.unlink()
    monkeypatch.setattr(vocabulary, "MAX_READ", 1)
    assert counts(root) == {}


def test_counts_of_removed_pages_go_with_the_next_run(root: Path) -> None:
    document(root, "a.pdf", *["timber"] * 3)
    document(root, "b.pdf", "timbers")
    with CollectionWriter(root) as writer:
        writer.remove_paths([str(root.parent / "a.pdf")])
    assert counts(root) == {"timbers": 1}
