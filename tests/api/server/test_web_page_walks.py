"""Walks through the web page in a real browser: its history, what is found, answers, the viewer, a stopped server."""

from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest

from tests.api.files import write_pdf
from tests.api.server.browser import Browser, in_browser, opened
from tests.api.server.processes import ServerProcess, add_files
from tests.generate.model_server import Complete, Stall, running

pytestmark = in_browser


def night_pdf() -> bytes:
    """Return a PDF of a page that is white on black but for a sentence black on yellow, and a page without words."""
    with pymupdf.open() as pdf:
        page = pdf.new_page()
        page.draw_rect(page.rect, fill=(0, 0, 0))
        page.draw_rect((40, 380, 400, 430), fill=(1, 0.9, 0.2))
        page.insert_text((50, 100), "Nightjars hunt moths after sunset.", color=(1, 1, 1), fontsize=16)
        page.insert_text((50, 410), "Canaries were kept in mines.", fontsize=16)
        pdf.new_page().draw_circle((300, 400), 150, fill=(0.8, 0.1, 0.1))
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


def test_the_first_pages_are_shown_before_as_many_more_are_asked_for(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served, "#q=mussels+of+bed")
    found = served.client.post("/v1/search", json={"query": "mussels of bed", "k": 12, "fold": True}).json()["hits"]
    requests = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/search'))"
    browser.wait(f"{requests}.length === 2 && document.querySelectorAll('#results .card').length > 6")
    shown = browser.value("[...document.querySelectorAll('#results .card')].map((one) => one.dataset.page)")
    assert sorted(shown) == sorted(hit["page"] for hit in found)
    assert 6 < len(shown) <= 12
    assert browser.errors == []


def test_further_pages_that_are_refused_leave_the_first_ones_and_are_told_of_only_to_who_asks_for_them(
    browser: Browser, served: ServerProcess
) -> None:
    opened(browser, served)
    refusal = "new Response(JSON.stringify({ detail: 'The collection has changed.' }), { status: 410 })"
    browser.value(
        "window.asked = 0; window.answer = window.fetch; window.fetch = (url, ...given) =>"
        f" String(url).endsWith('/search') && ++asked > 1 ? Promise.resolve({refusal}) : answer(url, ...given); 0"
    )
    ask_for(browser, "mussels of bed")
    browser.wait("asked === 2 && document.querySelectorAll('#results .card').length === 6")
    message = "document.getElementById('message').textContent"
    assert browser.value(message).startswith("Best of")
    browser.value("document.getElementById('more').click()")
    browser.wait(f"{message} === 'The collection has changed.'")
    assert browser.value("document.querySelectorAll('#results .card').length") == 6
    assert browser.errors == []


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


def test_heat_turned_pages_and_zoom_keep_the_place_that_is_seen_and_heat_stays_until_it_is_switched_off(
    browser: Browser, served: ServerProcess
) -> None:
    sheet, paper = "document.getElementById('sheet')", "document.querySelector('#sheet .paper')"
    place = f"[{sheet}.scrollLeft, {sheet}.scrollTop, {paper}.clientWidth]"
    pressed = "document.getElementById('heat').getAttribute('aria-pressed')"
    pictures = "performance.getEntriesByType('resource').filter((one) => one.name.includes('heat=true')).length"
    old, drawn = f"{paper}.dataset.old = 'yes'", f"!{paper}.dataset.old && {paper}.querySelector('.words')"
    opened(browser, served, "#q=timber")
    browser.wait("document.querySelector('.card img')")
    browser.value("document.querySelector('.card').click()")
    browser.wait(f"{paper}?.querySelector('.words span')")
    for _ in range(3):
        browser.value("document.getElementById('zoom-in').click()")
    browser.value(f"{sheet}.scrollTo(210, 300)")
    seen = browser.value(place)
    assert seen[:2] == [210, 300]
    for turn, heat in [("heat", "true"), ("next", "true"), ("heat", "false"), ("previous", "false")]:
        before = browser.value(pictures)
        browser.value(f"{old}; document.getElementById('{turn}').click()")
        browser.wait(drawn)
        assert (turn, browser.value(place)) == (turn, pytest.approx(seen, abs=1))
        assert browser.value(pressed) == heat and (browser.value(pictures) > before) == (heat == "true")
    browser.value("document.getElementById('zoom-in').click()")  # from 2 to 3: the middle and the line at the top stay
    _, top, wide = browser.value(place)
    assert wide == pytest.approx(1.5 * seen[2], abs=2) and top == pytest.approx(1.5 * 300, abs=20)
    middle = f"({sheet}.scrollLeft + {sheet}.clientWidth / 2) / {paper}.clientWidth"
    assert browser.value(middle) == pytest.approx((210 + seen[2] / 4) / seen[2], abs=0.02)
    assert browser.errors == []


def test_a_page_without_words_is_shown_with_a_note_where_heat_is_on(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served, "#q=nightjars")
    browser.wait("document.querySelector('.card img')")
    browser.value("document.querySelector('.card').click()")
    browser.wait("document.querySelector('#sheet .words span')")
    browser.value("document.getElementById('heat').click()")
    browser.press("ArrowRight")
    browser.wait("document.querySelector('#sheet [role=status]')?.innerText.includes('no heat map')")
    assert browser.value("document.querySelector('#sheet .paper img').naturalWidth") > 100
    browser.press("ArrowLeft")
    browser.wait("document.querySelector('#sheet .words span') && !document.querySelector('#sheet [role=status]')")
    browser.errors.clear()  # the refusal of the heat map, which the browser logs


def test_while_an_answer_is_made_the_page_says_what_is_done_for_it(
    browser: Browser, pdfs: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as model:
        monkeypatch.setenv("PAGELENS_LLM_MODEL", "tiny")
        monkeypatch.setenv("PAGELENS_LLM_URL", f"{model.root}/v1")
        server = ServerProcess(tmp_path / "collections")
        try:
            add_files(server, pdfs)
            model.replies = [Complete(["Timber grew to 52,300 tonnes in 2024 [1]."]), Stall([])]
            opened(browser, server)
            browser.value(
                "window.texts = []; new MutationObserver((all) => texts.push(...all.flatMap((one) =>"
                " [...one.addedNodes].map((node) => node.textContent)))).observe("
                "document.getElementById('exchanges'), {childList: true, subtree: true})"
            )
            parts = "How much did timber grow to in 2024, and when does a limpet return?"
            browser.value(f"location.hash = 'depth=thorough&ask={parts.replace(' ', '+')}'")
            browser.wait("document.querySelector('.answer-text:not(.waiting) .cite')")
            doing, texts = "document.querySelector('.doing')", browser.value("texts")
            steps = [
                "Searching …",
                "Searched for “How",
                "and for its part “How",
                "and for its part “when",
                "pages found",
            ]
            places = [next(at for at, text in enumerate(texts) if step in text) for step in [*steps, "Checking the"]]
            assert places == sorted(places), texts
            assert "harbour.pdf, page 2" in texts[places[2]]
            assert browser.value(f"{doing}.innerText") == ""  # the searches stand below the answer now
            assert browser.value("document.querySelectorAll('.notes .step').length") == 3
            browser.value(f"location.hash = 'ask={QUESTION.replace(' ', '+')}'")
            browser.wait(
                f"{doing}.innerText.trim() === '4 pages found, reading them …'"
            )  # of which the model says nothing
            assert browser.value(f"{doing}.role") == "status"  # read aloud, politely
            assert browser.errors == []
        finally:
            server.kill()  # it waits for the model


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
