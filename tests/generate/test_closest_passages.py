"""Closest passages: the best candidates with what stands around them, few and short enough to be read."""

from pagelens.core.types import Answer, ContextPage, PageRef
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.index.lexical.analysis import analyze
from tests.generate.pages import place_lines, show

TIDES = "It is dry at low tide. Boats lie on the sand."
FLEET = """Fleet of the company in 2024

Harbour | Boats | Crew
Oban | 12 | 40
Perth | 15 | 52
Wick | 9 | 31"""


def closest(question: str, *pages: ContextPage) -> Answer:
    answer = ExtractiveAnswerer(analyze).answer(question, pages)
    assert answer.found == "closest"
    return answer


def test_closest_passages_are_six_that_say_different_things() -> None:
    sentences = (
        "painted green",
        "damaged twice by gales",
        "carried by iron piles",
        "renting boats",
        "where anglers meet",
        "now lit all night",
        "burned down once",
        "still without owner",
    )
    pages = [show(f"The harbour pier is {text}.", f"{number}.txt") for number, text in enumerate(sentences)]
    answer = closest("When was the harbour pier opened?", *pages)
    assert len({citation.quote for citation in answer.citations}) == len(answer.citations) == 6


def test_a_sentence_is_shown_with_those_behind_it_and_the_heading_before_it_and_all_their_boxes() -> None:
    page = show(f"Sights\n\nThe harbour of Oban has a pier. {TIDES}")
    citation = closest("When was the pier of Oban harbour opened?", page).citations[0]
    assert citation.quote == f"Sights The harbour of Oban has a pier. {TIDES}"
    assert citation.boxes == page.text.boxes_of(0, len(page.text.text))


def test_no_sentence_is_put_before_the_one_that_is_near_to_the_question() -> None:
    page = show(f"The coast is long. The harbour of Oban has a pier. {TIDES}")
    citation = closest("When was the pier of Oban harbour opened?", page).citations[0]
    assert citation.quote == f"The harbour of Oban has a pier. {TIDES}"


def test_a_passage_ends_before_the_sentence_that_would_make_it_too_long() -> None:
    fits, too_many = (" ".join(["Word"] * count) + "." for count in (53, 54))
    question, sentence = "When was the pier of Oban harbour opened?", "The harbour of Oban has a pier."
    shown = [closest(question, show(f"{sentence} {rest}")).citations[0].quote for rest in (fits, too_many)]
    assert shown == [f"{sentence} {fits}", sentence]


def test_all_passages_together_are_short_enough_to_be_read() -> None:
    kinds = ("green paint all over it", "damage by gales", "carried on piles", "where anglers meet", "light at night")
    rest = " ".join(["Word"] * 52)
    pages = [show(f"The harbour pier: {kind}. {rest}.", f"{kind}.txt") for kind in kinds]
    words = [len(item.quote.split()) for item in closest("When was the harbour pier opened?", *pages).citations]
    assert sum(words) <= 200 < sum(words) + min(words)


def test_no_words_are_shown_twice() -> None:
    page = show("The harbour pier is painted green. The harbour pier is old. " + TIDES)
    answer = closest("When was the harbour pier of Perth opened?", page)
    assert [citation.quote for citation in answer.citations] == [" ".join(page.text.text.split())]


def test_a_passage_ends_before_another_one_begins() -> None:
    page = show(f"The harbour pier is painted green. {TIDES} The harbour pier of Perth is old. Nobody owns it.")
    answer = closest("When was the harbour pier of Perth opened?", page)
    first, second = "The harbour pier of Perth is old. Nobody owns it.", f"The harbour pier is painted green. {TIDES}"
    assert [citation.quote for citation in answer.citations] == [first, second]


def test_each_passage_is_a_paragraph_of_the_text() -> None:
    pages = [
        show("The harbour pier is painted green."),
        show("Where is the harbour? Anglers meet on its pier.", "b.txt"),
    ]
    answer = closest("When was the harbour pier opened?", *pages)
    assert answer.text.split("\n\n")[1:] == [f"{item.quote} [{item.mark}]" for item in answer.citations]
    assert len(answer.citations) > 1


def test_a_footer_is_not_shown() -> None:
    lines = [[("The harbour of Oban has a pier.", 0.1)], [("It is dry.", 0.1)], [("Yearly report of the office", 0.1)]]
    text = place_lines(lines, tops=[0.5, 0.52, 0.95])
    page = ContextPage(ref=PageRef("report.pdf", 1), label=None, title="", text=text)
    assert "dry" in closest("When was the pier of Oban harbour opened?", page).text
    assert "Yearly" not in closest("When was the pier of Oban harbour opened?", page).text


def test_a_cell_is_marked_alone_and_shown_with_the_rows_around_it() -> None:
    cell, rows, *_ = closest("How many boats did Oban have in 2019?", show(FLEET)).citations
    assert (cell.quote, len(cell.boxes)) == ("Oban, Boats: 12", 1)
    assert "Oban 12 40 Perth 15 52 Wick 9 31" in rows.quote


def test_letters_that_are_set_with_spaces_are_not_shown() -> None:
    page = show("The harbour of Oban has a pier.\n\nH A R B O U R\n\nIt is dry at low tide.")
    assert "H A R" not in closest("When was the pier of Oban harbour opened?", page).text


def test_an_item_of_a_list_is_read_with_the_item_above_it_and_the_line_that_introduces_it() -> None:
    page = show(
        """Fees for boats with:

• length between 8 and 12 metres

Reduced fee of the harbour for boats that stay for months, by kind of owner:
EUR 2000 per month for visitors
EUR 2400 per month for guests
EUR 2700 per month for members

• length below 8 metres
No fee is charged."""
    )
    question = "What fee does a member pay per month for a boat with a length between 8 and 12 metres?"
    answer = ExtractiveAnswerer(analyze).answer(question, [page])
    assert (answer.found, answer.citations[0].quote) == (True, "EUR 2700 per month for members")


def test_a_number_alone_tells_something_new_but_not_a_year_or_the_number_of_an_item() -> None:
    def reason(sentence: str) -> str:
        return ExtractiveAnswerer(analyze, threshold=1.1).answer("Tickets of Oban?", [show(sentence)]).reason

    assert "repeats the question" not in reason("Tickets of Oban 2700")
    assert "repeats the question" in reason("Tickets of Oban 2021")
    assert "repeats the question" in reason("Tickets of Oban 27")
