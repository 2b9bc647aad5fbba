"""Whether quotes answer: what a passage must hold for an answer, and what is said where it does not."""

import pytest

from pagelens.core.types import Answer, ContextPage
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.index.lexical.analysis import analyze
from tests.generate.pages import TermEncoder, show

ANSWERER = ExtractiveAnswerer(analyze)

LEDGERS = [
    show(
        f"This is the yearly sheet of the ferry office.\nTickets sold in {year}: {sold}.\nRepairs cost {cost} euros.",
        f"{year}.txt",
    )
    for year, sold, cost in ((2020, "250,104", "4,200"), (2021, "1,250,043", "750"), (2023, "1,043,250", "12,750"))
]
INSURANCE = show(
    "The insurance covers storm damage and fire. Flood damage is not covered. Theft is covered after a police report.",
    "claims.txt",
)
OLD_RULES = show("Old rules: flood damage was covered up to 500 euros.", "claims-old.txt")
CLINIC = show(
    "The clinic in Oban is led by Dr Ruth Malone, chief executive officer. It has 40 beds. The kitchen belongs to "
    "Bruno Sala.\n\nVisitors may come every day except Sunday. The branch in Perth opened last year.",
    "clinic.txt",
)


def ask(question: str, *pages: ContextPage) -> Answer:
    return ANSWERER.answer(question, pages)


def test_a_year_that_no_page_names_gets_the_closest_passages_and_the_reason() -> None:
    answer = ask("How many tickets were sold in 2019?", *LEDGERS)
    assert (answer.found, answer.reason) == ("closest", "no page names 2019")
    opening = "Not in these documents: no page names 2019. Closest passages, perhaps no answer:\n\nTickets sold in 2020"
    assert answer.text.startswith(opening)
    assert answer.confidence < 0.5 and answer.citations


@pytest.mark.parametrize(
    ("question", "quote"),
    [
        ("How many tickets were sold in 2021?", "Tickets sold in 2021: 1,250,043."),
        ("What did repairs cost in 2020?", "Repairs cost 4,200 euros."),  # the year is its document's only one
    ],
)
def test_a_year_may_stand_in_the_passage_or_be_the_only_one_of_its_page(question: str, quote: str) -> None:
    answer = ask(question, *LEDGERS)
    assert (answer.found, [citation.quote for citation in answer.citations]) == (True, [quote])


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Who is the CEO of the clinic in Oban?", True),  # by the initials of "chief executive officer"
        ("Who is the chief executive officer of the clinic in Oban?", True),
        ("Who is the treasurer of the clinic in Oban?", "closest"),
        ("Who is the CEO of Toyota?", False),
        ("How many beds does the clinic have?", True),
        ("How many ambulances does the clinic have?", "closest"),
        ("What percentage of the beds of the clinic is free?", "closest"),
        ("Which ward of the clinic has most beds?", "closest"),
    ],
)
def test_what_the_question_names_and_asks_for_must_be_there(question: str, found: bool | str) -> None:
    assert ask(question, CLINIC).found == found


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("Who is the treasurer of the clinic in Oban?", "no page names treasurer"),
        ("What percentage of the beds of the clinic in Oban is led?", "the passage does not state a percentage"),
        ("Which clinic has most beds?", "the passage does not compare, the question asks for “most”"),
        ("How many beds did the clinic in Oban have in 1999?", "no page names 1999"),
    ],
)
def test_the_reason_names_what_is_missing(question: str, reason: str) -> None:
    assert reason in ask(question, CLINIC, INSURANCE).reason


def test_a_question_for_what_is_not_gets_a_passage_that_denies() -> None:
    answer = ask("What damage is not covered?", INSURANCE)
    assert (answer.found, answer.text) == (True, "Flood damage is not covered. [1]")
    assert "Flood damage" not in ask("What damage is covered by the insurance?", INSURANCE).text
    assert ask("What is not allowed in the kitchen?", CLINIC).found == "closest"


def test_an_exception_denies_too() -> None:
    answer = ask("On which day may visitors not come?", CLINIC)
    assert answer.found is True and "except Sunday" in answer.text


def test_passages_that_contradict_each_other_are_both_quoted_and_it_is_said() -> None:
    answer = ask("Is flood damage covered?", OLD_RULES, INSURANCE)
    quotes = {citation.quote for citation in answer.citations}
    assert quotes == {"Old rules: flood damage was covered up to 500 euros.", "Flood damage is not covered."}
    assert answer.text.endswith("\n\nThese passages contradict each other: [1] and [2].")
    assert "contradict" not in ask("Is fire covered?", OLD_RULES, INSURANCE).text


def test_a_question_of_another_language_than_the_pages_is_answered_by_likeness_and_it_is_said() -> None:
    encoded = ExtractiveAnswerer(analyze, TermEncoder())
    answer = encoded.answer("Wie viele Tickets wurden 2021 verkauft?", LEDGERS)
    assert (answer.found, answer.reason) == ("closest", "the question is German, the page English")
    assert answer.citations[0].quote.startswith("Tickets sold in 2021: 1,250,043.")


def test_what_is_on_a_page_is_answered_with_its_first_sentences() -> None:
    pages = [show("Tides\n\nThe tide rises twice a day.", number=2), show("Boats\n\nBoats float.", number=3)]
    answer = ask("What is on page 3?", *pages)
    assert answer.found is True and {citation.ref.number for citation in answer.citations} == {3}
    assert answer.text == "Boats [1] Boats float. [1]"


def test_a_follow_up_is_about_the_subject_before_and_asks_what_it_asks() -> None:
    page = show(
        "The gardener of Hill House is Tom Reed. He came from Oban in 1990. His spade is green and his hat is brown."
    )
    history = [("Who is the gardener of Hill House?", "The gardener of Hill House is Tom Reed. [1]")]
    *_, answer = ANSWERER.stream("What colour is his spade?", [page], history=history)
    assert isinstance(answer, Answer) and answer.found is True
    assert answer.citations[0].quote == "His spade is green and his hat is brown."
    history = [("How many tickets were sold in 2021?", "1,250,043 [1]")]
    *_, answer = ANSWERER.stream("And in 2023?", LEDGERS, history=history)
    assert isinstance(answer, Answer) and answer.text == "Tickets sold in 2023: 1,043,250. [1]"
    *_, answer = ANSWERER.stream("And in 2019?", LEDGERS, history=history)
    assert isinstance(answer, Answer) and answer.reason == "no page names 2019"


STATEMENTS = {
    "de": ("Im Jahr 2021 wurden 5300 Karten verkauft.", "Wie viele Karten wurden {} verkauft?"),
    "nl": ("In 2021 werden 5300 kaartjes verkocht.", "Hoeveel kaartjes werden er in {} verkocht?"),
    "fr": ("En 2021, le musée a vendu 5300 billets.", "Combien de billets le musée a-t-il vendus en {} ?"),
    "es": ("En 2021 se vendieron 5300 entradas.", "¿Cuántas entradas se vendieron en {}?"),
    "pt": ("Em 2021 foram vendidos 5300 bilhetes.", "Quantos bilhetes foram vendidos em {}?"),
    "it": ("Nel 2021 sono stati venduti 5300 biglietti.", "Quanti biglietti sono stati venduti nel {}?"),
    "ru": ("В 2021 году было продано 5300 билетов.", "Сколько билетов было продано в {} году?"),
    "ar": ("تم بيع 5300 تذكرة في عام 2021.", "كم تذكرة تم بيعها في عام {}؟"),
    "zh": ("2021 年 售出 5300 张 门票。", "{} 年 售出 多少 张 门票？"),
    "ja": ("2021 年 の チケット 販売 は 5300 枚 でした。", "{} 年 の チケット 販売 は 何枚 ですか。"),
    "ko": ("2021 년 에 티켓 5300 장 판매 되었습니다.", "{} 년 에 티켓 몇 장 판매 되었습니까?"),
}


@pytest.mark.parametrize("language", STATEMENTS)
def test_in_each_language_the_year_asked_for_decides(language: str) -> None:
    statement, question = STATEMENTS[language]
    page = show(statement)
    assert ask(question.format(2021), page).found is True
    assert ask(question.format(2019), page).reason == "no page names 2019"


DENIALS = {
    "de": (
        "Flutschäden sind nicht versichert.",
        "Sturmschäden sind versichert.",
        "Welche Schäden sind nicht versichert?",
    ),
    "nl": ("Overstroming is niet verzekerd.", "Brand is verzekerd.", "Wat is niet verzekerd?"),
    "fr": ("L'inondation n'est pas assurée.", "L'incendie est assurée.", "Qu'est-ce qui n'est pas assurée ?"),
    "es": ("La inundación no está asegurada.", "La casa está asegurada.", "¿Qué no está asegurada?"),
    "pt": ("A inundação não está segurada.", "A casa está segurada.", "O que não está segurada?"),
    "it": ("L'alluvione non è assicurata.", "La casa è assicurata.", "Che cosa non è assicurata?"),
    "ru": ("Потоп не застрахован.", "Дом застрахован.", "Что не застрахован?"),
    "ar": ("الفيضان غير مشمول.", "الحريق مشمول.", "ما هو غير مشمول؟"),
    "zh": ("洪水 不 承保 。", "火灾 承保 。", "什么 不 承保 ？"),
    "ja": ("洪水 は 補償 されない 。", "火災 は 補償 される 。", "何 が 補償 されない ですか 。"),
    "ko": ("홍수 는 보장 되지 않습니다.", "화재 는 보장 됩니다.", "무엇이 보장 되지 않습니까?"),
}


@pytest.mark.parametrize("language", DENIALS)
def test_in_each_language_a_denial_is_asked_for_and_found(language: str) -> None:
    denial, statement, question = DENIALS[language]
    answer = ask(question, show(f"{statement} {denial}"))
    assert [citation.quote for citation in answer.citations] == [denial], answer


REPORT = [
    show(f"{'Northern Ferries Ltd' if number > 1 else 'Plants'}\n\n{text}", "a1b2.pdf", number)
    for number, text in enumerate(
        (
            "The two piers of the company are situated at Oban and at Perth. The United Kingdom pays Rs. 400 for each.",
            "The company carried 2000 eggs in March.",
            "The staff of the company is 12 strong.",
        ),
        start=1,
    )
]


@pytest.mark.parametrize(
    ("question", "quote"),
    [
        ("How many eggs did the company carry in March?", "The company carried 2000 eggs in March."),
        ("What does the UK pay in rupees for each pier?", "The United Kingdom pays Rs. 400 for each."),
    ],
)
def test_a_count_is_no_year_and_a_unit_may_be_its_sign(question: str, quote: str) -> None:
    answer = ask(question, *REPORT)
    assert (answer.found, answer.citations[0].quote) == (True, quote)


def test_initials_stand_for_a_name_of_several_words() -> None:
    page = show("The U.S. share of the fleet is 42%. The German share of the fleet is 7%.", "fleet.txt")
    answer = ask("What percentage of the fleet is the share of the United States?", page)
    assert (answer.found, answer.citations[0].quote) == (True, "The U.S. share of the fleet is 42%.")


def test_a_name_on_most_pages_of_a_document_is_what_it_is_about() -> None:
    question = "Where are the two piers of Northern Ferries situated?"
    sentence = "The two piers of the company are situated at Oban and at Perth."
    answer = ask(question, *REPORT)
    assert (answer.found, answer.citations[0].quote) == (True, sentence)
    others = [show(page.text.text.replace("Northern", "Southern"), "a1b2.pdf", page.ref.number) for page in REPORT[1:]]
    assert ask(question, REPORT[0], *others).found == "closest"


@pytest.mark.parametrize(
    ("page", "found"),
    [("In Jan the harbour has 12 pilots.", True), ("In Jun the harbour has 12 pilots.", "closest")],
)
def test_a_month_is_named_by_its_first_three_letters(page: str, found: bool | str) -> None:
    assert ask("How many pilots does the harbour have in January?", show(page)).found == found


def test_slides_are_the_document_and_one_slide_is_a_picture() -> None:
    page = "The slides praise the harbour in Oban, built by Ada Lund."
    assert ask("Which harbour do the slides praise?", show(page)).found is True
    assert ask("Which harbour does the slide praise?", show(page)).found == "closest"


def test_related_describes_no_subject() -> None:
    assert ask("How many pilots are related to the harbour?", show("The harbour has 12 pilots.")).found is True
