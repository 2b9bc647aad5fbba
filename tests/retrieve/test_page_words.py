"""Pages that a query names in other languages than English."""

import pytest

from pagelens.retrieve.page_words import find_page_numbers, find_page_positions
from pagelens.retrieve.query_references import find_page_references

NAMED = {
    "Was steht auf Seite 25?": ["25"],
    "Wie viele Autos sind auf Seite drei zu sehen?": ["3"],
    "die Seiten 3 bis 6": ["3", "4", "5", "6"],
    "Vergleiche S. 4 und 7.": ["4", "7"],
    "Combien de personnes apparaissent aux pages trois et quatre ?": ["3", "4"],
    "¿Qué hay en las páginas 3 y 4?": ["3", "4"],
    "Quantos carros aparecem na página três?": ["3"],
    "che cosa c'è a pagina 12": ["12"],
    "wat staat er op bladzijde 9": ["9"],
    "Что изображено на странице 25?": ["25"],
    "страницы 3-5": ["3", "4", "5"],
    "ماذا في الصفحة 25؟": ["25"],
    "第 25 页的漫画": ["25"],
    "第三页和第四页上": ["3", "4"],
    "第十二頁と第二十一頁": ["12", "21"],
    "25ページの漫画で": ["25"],
    "3ページ目には車が何台": ["3"],
    "12쪽의 그림": ["12"],
}
NONE = [
    "Auf wie vielen Seiten gibt es Tabellen?",
    "ein Bericht von 25 Seiten",
    "¿Cuántas páginas contienen tablas?",
    "有多少页包含表格？",
    "表があるページは何ページありますか？",
    "全25ページの資料",
    "Seite 3,5 %",
    "la pagina il cui titolo",
    "Folie zum Abdecken",
    "Oh S.O.S. 2019",
]


@pytest.mark.parametrize(("query", "numbers"), NAMED.items())
def test_pages_are_found_by_their_numbers_in_many_languages(query: str, numbers: list[str]) -> None:
    assert find_page_numbers(query) == numbers
    assert list(find_page_references(query).labels) == numbers


@pytest.mark.parametrize("query", NONE)
def test_a_number_of_pages_or_another_number_names_no_page(query: str) -> None:
    assert find_page_numbers(query) == []


def test_a_range_too_long_names_its_ends() -> None:
    assert find_page_numbers("Seiten 3 bis 5000") == ["3", "5000"]
    assert len(find_page_numbers("Seiten 3 bis 103")) == 101


ORDINALS = {
    "auf der dritten Seite": [3],
    "die letzte Folie": [-1],
    "à la deuxième page": [2],
    "en la tercera y cuarta página": [3, 4],
    "na primeira página": [1],
    "на третьей и четвёртой страницах": [3, 4],
    "на последней странице": [-1],
    "في الصفحة الثالثة": [3],
    "في الصفحتين الثالثة والرابعة": [3, 4],
    "最后一页写了什么": [-1],
    "最後のページ": [-1],
    "auf den Bildern der Titelseite": [1],
    "en las imágenes de la portada": [1],
    "sur la page de couverture": [1],
    "на обложке": [1],
    "封面上有几个人": [1],
    "表紙の写真": [1],
    "la couverture du réseau": [],
    "die zweite Frage auf diesen Folien": [],
    "the third page": [],  # English is read elsewhere
}


@pytest.mark.parametrize(("query", "positions"), ORDINALS.items())
def test_ordinals_are_positions(query: str, positions: list[int]) -> None:
    assert find_page_positions(query) == positions
