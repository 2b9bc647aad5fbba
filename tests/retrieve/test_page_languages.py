"""Whether a query is in a language of the pages, by the pages that have its function words."""

from pathlib import Path

import pytest

from pagelens.index.lexical.analysis import analyze
from pagelens.index.lexical.lexical_index import indexed_text
from pagelens.index.reader import CollectionReader
from pagelens.retrieve.page_languages import is_in_language_of_pages
from tests.index.fixtures import make, new_pages, write

ENGLISH = "The pilot of the harbour was given a boat."
IN_OTHERS = {
    "Wann wurde der Kanal vertieft?": "Der Hafen wurde vertieft, und wann der Kanal folgt, ist offen.",
    "Когда углубили канал и где?": "Когда и где строят канал, решают в порту.",
    "运河是什么时候挖深的？": "港口是在什么时候挖深的，没有人知道。",
}


@pytest.mark.parametrize(("query", "page"), IN_OTHERS.items())
def test_a_query_is_in_a_language_of_the_pages_if_a_twentieth_of_them_has_half_of_its_function_words(
    query: str, page: str, tmp_path: Path
) -> None:
    # ln(1 + (n - 1 + 0.5) / 1.5), the idf of a word on one of n pages, is below ln 20 up to n = 28
    found = {}
    for count in (28, 30):
        root = tmp_path / str(count)
        make(root)
        texts = [page, *(f"{ENGLISH} {number}" for number in range(count - 1))]
        write(root, new_pages(f"/documents/{count}.pdf", [indexed_text(text, "") for text in texts]))
        with CollectionReader(root).snapshot() as snapshot:
            found[count] = is_in_language_of_pages(snapshot, query, analyze)
            assert is_in_language_of_pages(snapshot, "When was the canal deepened?", analyze)
            assert is_in_language_of_pages(snapshot, "canal 2024", analyze)
            assert not is_in_language_of_pages(snapshot, "Quand le canal a-t-il été creusé ?", analyze)
    assert found == {28: True, 30: False}
