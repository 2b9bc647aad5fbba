"""Walks through the web page in a real browser: its history, what is found, answers, the viewer, a stopped server."""

from collections.abc import Iterator

import pymupdf
import pytest

from tests.api.files import write_pdf
from tests.api.server.browser import Browser, in_browser, opened
from tests.api.server.processes import ServerProcess, add_files

pytestmark = in_browser


def night_pdf() -> bytes:
    """Return a PDF of one page, white on black but for a sentence that is black on yellow."""
    with pymupdf.open() as pdf:
        page = pdf.new_page()
        page.draw_rect(page.rect, fill=(0, 0, 0))
        page.draw_rect((40, 380, 400, 430), fill=(1, 0.9, 0.2))
        page.insert_text((50, 100), "Nightjars hunt moths after sunset.", color=(1, 1, 1), fontsize=16)
        page.insert_text((50, 410), "Canaries were kept in mines.", fontsize=16)
        data: bytes = pdf.tobytes()
    return data


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, pdfs: dict[str, bytes]) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("walks") / "collections", "--model", "extractive")
    lines = (1, 5, 9, 14, 20, 27)  # pages that look the same would be folded
    mussels = ["\n".join(f"Mussels of bed {page}{line} cling." for line in range(page)) for page in lines]
    many = write_pdf(tmp_path_factory.mktemp("many") / "mussels.pdf", mussels, title="Mussel beds")
    add_files(server, {**pdfs, "night.pdf": night_pdf(), many.name: many.read_bytes()})
    yield server
    server.stop()


def ask_for(browser: Browser, words: str) -> None:
    """Type into the emptied box and press Enter."""
    browser.value("document.getElementById('query').focus(); document.getElementById('query').select()")
    browser.type(words)
    browser.press("Enter")


FIRST = "document.querySelector('#results .card')?.dataset.page"
TYPED = "document.getElementById('query').value"
VIEWED = "document.getElementById('viewer').open"
QUESTION = "How much did timber grow to in 2024?"


def test_back_and_forward_lead_through_searches_pages_and_answers_whose_addresses_can_be_sent(
    browser: Browser, served: ServerProcess
) -> None:
    opened(browser, served)
    ask_for(browser, "limpet rim")
    browser.wait(f"{FIRST}?.endsWith('-1') && location.hash.includes('q=limpet+rim')")
    ask_for(browser, "draught pilot")
    browser.wait(f"{FIRST}?.endsWith('-3')")
    browser.value("document.querySelector('.card').click()")
    browser.wait(f"{VIEWED} && document.querySelector('#page-text mark') && location.hash.includes('page=')")
    browser.press("ArrowLeft")
    browser.wait("document.getElementById('page-number').textContent === 'page 2 of 3'")
    page_two = browser.value("location.href")
    browser.value("history.back()")  # out of the viewer, however many pages were turned
    browser.wait(f"!{VIEWED} && location.hash.startsWith('#q=draught')")
    ask_for(browser, QUESTION)  # it ends with a question mark
    browser.wait("document.querySelector('.answer-text:not(.waiting) .cite')")
    assert browser.value(TYPED) == QUESTION  # there to be edited
    answer = browser.value("location.href")
    assert "#ask=How+much" in answer
    browser.value("history.back()")
    browser.wait(f"{TYPED} === 'draught pilot' && document.querySelector('#results:not([hidden]) .card')")
    browser.value("history.back()")
    browser.wait(f"{TYPED} === 'limpet rim' && {FIRST}?.endsWith('-1')")
    browser.value("history.go(2)")
    browser.wait(f"{TYPED} === '{QUESTION}' && document.querySelector('#answers:not([hidden]) .cite')")
    browser.open("about:blank")
    browser.open(answer)  # sent to somebody
    browser.wait("document.querySelector('.answer-text:not(.waiting) .cite')")
    browser.open("about:blank")
    browser.open(page_two)
    browser.wait(f"{VIEWED} && document.getElementById('page-number').textContent === 'page 2 of 3'")
    browser.press("Escape")
    browser.wait(f"!{VIEWED} && !location.hash.includes('page=') && {FIRST}?.endsWith('-3')")
    logged = [str(served.lines.get()) for _ in range(served.lines.qsize())]
    assert logged and not [line for line in logged if "timber" in line or "draught" in line]
    assert browser.errors == []


def test_pages_of_one_document_stand_together_with_the_words_of_the_query_in_bold_print(
    browser: Browser, served: ServerProcess
) -> None:
    opened(browser, served)
    high = "document.querySelector('header').offsetHeight"
    before = browser.value(high)
    ask_for(browser, "ports OR pilot OR timber OR limpets")
    browser.wait("document.querySelectorAll('.card img').length === 4")
    groups = browser.value(
        "[...document.querySelectorAll('.document')].map((one) => [one.querySelector('h2').innerText,"
        " one.querySelectorAll('.card').length])"
    )
    assert sorted(groups) == [["Port of Sandvik", 3], ["Tide pools", 1]]
    quotes = browser.value(
        "Object.fromEntries([...document.querySelectorAll('.card')].map((one) => [one.innerText.slice(0, 6),"
        " [one.querySelector('q').textContent, ...[...one.querySelectorAll('b')].map((bold) => bold.textContent)]]))"
    )
    assert quotes["page 3"] == ["Ships with a draught of more than 8.2 metres need a pilot.", "pilot"]
    assert quotes["page 2"] == ["Timber grew to 52,300 tonnes in 2024.", "Timber"]
    assert quotes["page 1"][1:] == ["Port"]  # another form of the word
    assert browser.value(high) < before / 2
    text = browser.value("document.querySelector('.document.several').innerText")
    assert text.count("Port of Sandvik") <= 2 and text.count("harbour.pdf") == 1
    browser.value("document.querySelector('.why summary').click()")
    assert "words" in browser.value("document.querySelector('.why ul').innerText")
    assert browser.errors == []


def test_of_a_document_with_many_pages_found_four_are_shown_until_the_rest_is_asked_for(
    browser: Browser, served: ServerProcess
) -> None:
    cards = "[...document.querySelectorAll('.document:first-child .card')]"
    visible = f"{cards}.filter((one) => one.checkVisibility()).length"
    opened(browser, served, "#q=mussels")
    browser.wait(f"{cards}.length === 6")
    assert browser.value(visible) == 4
    assert browser.value("document.querySelector('.rest').innerText") == "2 more of this document"
    browser.value("document.querySelector('.rest').click()")
    assert browser.value(visible) == 6
    assert (
        browser.value("[...document.querySelectorAll('.card')].indexOf(document.activeElement)") == 4
    )  # goes on there
    assert browser.errors == []


def test_an_answer_shows_its_pages_lights_their_marks_is_copied_and_goes_on(
    browser: Browser, served: ServerProcess
) -> None:
    opened(browser, served, "#ask=" + QUESTION.replace(" ", "+"))
    browser.wait("document.querySelector('.sources .spot') && document.querySelector('.answer-text:not(.waiting)')")
    lit = "document.querySelector('.sources li').classList.contains('lit')"
    assert not browser.value(lit)
    browser.point("document.querySelector('.cite')")
    browser.wait(lit)
    browser.point("document.querySelector('.exchange h2')")
    browser.wait(f"!{lit}")
    browser.allow("clipboardReadWrite", "clipboardSanitizedWrite")
    browser.value("document.querySelector('.copy').click()")
    browser.wait("document.querySelector('.copy').textContent === 'Copied'")
    copied = browser.value("navigator.clipboard.readText()")
    sentence = "Timber grew to 52,300 tonnes in 2024."
    text, citation = copied.split("\n\n")
    assert text == f"{sentence} [1]"
    assert citation.startswith(f"[1] harbour.pdf, page 2: “{sentence}”\n") and f"{served.address}/#page=" in citation
    browser.value("document.getElementById('follow-question').focus()")
    browser.type("Who needs a pilot?")
    browser.press("Enter")
    browser.wait("document.querySelectorAll('.exchange').length === 2 && !document.querySelector('.waiting')")
    address = browser.value("location.href")
    browser.open("about:blank")
    browser.open(address)
    browser.wait("document.querySelectorAll('.exchange').length === 2 && !document.querySelector('.waiting')")
    assert "8.2 metres" in browser.value("document.querySelectorAll('.answer-text')[1].innerText")
    assert browser.errors == []


def test_a_question_that_no_page_answers_shows_the_nearest_pages_once(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served, "#ask=Who+won+the+timber+chess+cup+in+1987?")
    browser.wait("document.querySelector('.answer-text:not(.waiting)') && document.querySelector('.nearest img')")
    answer = served.client.post("/v1/answer", json={"question": "Who won the timber chess cup in 1987?"}).json()
    assert answer["found"] is not True
    pages = browser.value("[...document.querySelectorAll('.exchange .card')].map((one) => one.dataset.page)")
    assert len(pages) == len(set(pages)) == 4 < len(answer["context_pages"])
    assert set(pages) <= {page["page"] for page in answer["context_pages"]}
    shown = browser.value("document.querySelector('.exchange').innerText")
    assert shown.count(answer["reason"]) == 1 and "Confidence" not in shown
    assert browser.errors == []


def test_the_viewer_zooms_turns_to_the_next_hit_and_asks_about_its_page(
    browser: Browser, served: ServerProcess
) -> None:
    opened(browser, served, "#q=timber")
    browser.wait("document.querySelectorAll('.card img').length > 1")
    browser.value("document.querySelector('.card').click()")
    browser.wait("document.querySelector('#sheet .words span')")
    wide = "document.querySelector('#sheet .paper').getBoundingClientRect().width"
    before = browser.value(wide)
    browser.value("document.getElementById('zoom-in').click(); document.getElementById('zoom-in').click()")
    assert browser.value(wide) == pytest.approx(1.5 * before, abs=2)
    browser.value("document.getElementById('fit').click()")
    fits = "document.getElementById('sheet').scrollHeight <= document.getElementById('sheet').clientHeight + 1"
    assert browser.value(fits) and browser.value(wide) < before
    browser.value("document.getElementById('fit').click()")
    hits = browser.value("[...document.querySelectorAll('.card')].map((one) => one.dataset.page)")
    browser.press("n")
    browser.wait(f"location.hash.includes('{hits[1]}') && document.getElementById('hit-number').innerText[0] === '2'")
    browser.press("p")
    browser.wait(f"location.hash.includes('{hits[0]}') && document.getElementById('hit-number').innerText[0] === '1'")
    browser.wait("document.getElementById('page-text').textContent.includes('breakwater')")
    browser.value("document.getElementById('page-question').focus()")
    browser.type("Who needs a pilot?")  # that stands on another page
    browser.press("Enter")
    browser.wait(f"!{VIEWED} && document.querySelector('.answer-text:not(.waiting)')")
    assert "8.2" not in browser.value("document.querySelector('.exchange').innerText")
    assert "first-page=2&last-page=2" in browser.value("location.hash")
    assert browser.errors == []


def test_words_are_selected_on_the_picture_of_a_page(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served, "#q=nightjars")
    browser.wait("document.querySelector('.card img')")
    browser.value("document.querySelector('.card').click()")
    browser.wait("document.querySelector('#sheet .words span')")
    first, last = ("document.querySelectorAll('.words span')[0]", "document.querySelectorAll('.words span')[2]")
    browser.point(first, kind="mousePressed", right=0.02)
    browser.point(last, kind="mouseDragged", right=0.98)
    browser.point(last, kind="mouseReleased", right=0.98)
    assert browser.value("getSelection().toString()") == "Nightjars hunt moths"
    assert browser.errors == []


def test_marks_have_colours_that_are_seen_on_the_ground_of_their_page(browser: Browser, served: ServerProcess) -> None:
    night = "[...document.querySelectorAll('.document')].find((one) => one.innerText.includes('night.pdf'))"
    opened(browser, served, "#q=nightjars+canaries")
    browser.wait(f"{night}?.querySelector('.spot')")
    kinds = browser.value(f"[...{night}.querySelectorAll('.spot')].map((one) => one.className)")
    assert kinds == ["spot on-dark", "spot on-yellow"]
    opened(browser, served, "#q=limpet")
    browser.wait("document.querySelector('.card q')?.innerText.startsWith('A limpet')")
    browser.wait("document.querySelector('.card .spot')?.className === 'spot'")
    assert browser.errors == []


def test_the_colour_of_a_mark_follows_luminance_and_yellowness(browser: Browser, served: ServerProcess) -> None:
    kinds = {"105, 105, 105": "on-dark", "115, 115, 115": "", "200, 200, 145": "", "200, 200, 135": "on-yellow"}
    opened(browser, served)
    script = (
        "(async (colour) => { const canvas = make('canvas', {width: 40, height: 40});"
        " const pen = canvas.getContext('2d'); pen.fillStyle = `rgb(${colour})`; pen.fillRect(0, 0, 40, 40);"
        " const image = make('img', {src: canvas.toDataURL()}); await image.decode(); const mark = make('span');"
        " contrast(image, [mark], [{x0: .2, y0: .2, x1: .6, y1: .4}]); return mark.className; })"
    )
    assert {colour: browser.value(f"{script}('{colour}')") for colour in kinds} == kinds


def test_forms_of_one_word_are_the_same_word(browser: Browser, served: ServerProcess) -> None:
    same = ["timber timbers", "cars car", "harbour harbouring", "study studies"]
    others = ["cart car", "grain grainiest", "stormy storage", "2024 2023", "2024 20245"]
    opened(browser, served)
    assert [pair for pair in same + others if browser.value(f"sameWord(...'{pair}'.split(' '))")] == same


def test_a_server_that_stopped_is_told_of_once_and_tried_again_with_all_that_was_there(
    browser: Browser, served: ServerProcess, pdfs: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("stopping") / "collections"
    server = ServerProcess(folder, "--model", "extractive")
    add_files(server, pdfs)
    port = server.address.rsplit(":", 1)[1]
    opened(browser, server, "#q=limpet")
    browser.wait("document.querySelector('.card img')")
    server.stop()
    banners = "[...document.querySelectorAll('[role=alert]')].filter((one) => one.checkVisibility()).length"
    ask_for(browser, "pilot")
    browser.wait(f"{banners} === 1")
    ask_for(browser, "draught")
    browser.value("document.querySelector('.card').click()")
    browser.wait(f"{VIEWED} && {banners} === 1")
    browser.press("Escape")
    assert browser.value("document.querySelector('.card q').textContent").startswith("A limpet")
    assert browser.value(TYPED) == "draught"
    again = ServerProcess(folder, "--model", "extractive", "--port", port)
    try:
        browser.value("document.getElementById('try-again').click()")
        browser.wait(f"{FIRST}?.endsWith('-3') && {banners} === 0")
    finally:
        again.stop()
