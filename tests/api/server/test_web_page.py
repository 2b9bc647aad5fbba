"""The web page, in a real browser against a real server: what a person sees and does there."""

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lxml import html

import pagelens
from pagelens.api.server.routes.web_page import FOLDER
from tests.api.files import write_pdf
from tests.api.server.browser import Browser, in_browser, opened
from tests.api.server.conftest import Live, Server
from tests.api.server.processes import ServerProcess, add_files

EVIL = "<img src=x onerror=\"document.title='pwned'\"> limpet <script>document.title='pwned'</script>"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, pdfs: dict[str, bytes]) -> Iterator[ServerProcess]:
    """A server process with two documents, one of them with HTML in its words and its name."""
    root = tmp_path_factory.mktemp("page")
    server = ServerProcess(root / "collections", "--model", "extractive")
    evil = write_pdf(root / "evil.pdf", [EVIL], title="<b>bold</b>").read_bytes()
    add_files(server, {"harbour.pdf": pdfs["harbour.pdf"], "<img src=x onerror=alert(1)>.pdf": evil})
    yield server
    server.stop()


def test_the_page_runs_its_own_script_and_nothing_else_and_needs_no_key(server: Server) -> None:
    answer = server.client.get("/")
    policy = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].startswith("'sha256-") and "unsafe" not in answer.headers["content-security-policy"]
    assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "") and "https://" not in answer.text
    assert "innerHTML" not in answer.text and " style=" not in answer.text and " onclick=" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
    assert server.client.post("/").status_code == 405


def page_texts() -> set[str]:
    """Return the English texts of the web page: what its scripts translate, and what its HTML says."""
    literal = r'"((?:[^"\\]|\\.)*)"'
    script = "\n".join(path.read_text("utf-8") for path in FOLDER.glob("*.js"))
    found = re.findall(rf"\bt\({literal}", script)
    found += chain.from_iterable(re.findall(rf'\bcounted\([^"]*?{literal}, {literal}', script))
    for table in re.findall(r"const (?:KINDS|STATES|REASONS) = \{(.*?)\};", script):
        found += re.findall(f": {literal}", table)
    for element in html.fromstring((FOLDER / "page.html").read_text("utf-8")).body.iter():
        inside = None if element.tag in ("code", "kbd", "script") else element.text
        found += [" ".join(text.split()) for text in (inside, element.tail) if text]
        found += [element.get(name) for name in ("aria-label", "title", "placeholder", "alt") if element.get(name)]
    return {text for text in found if re.search("[A-Za-z]", text)} - {"PageLens", "plk_…"}


def test_all_texts_of_the_page_are_in_four_languages_and_no_others() -> None:
    table = json.loads((FOLDER / "texts.json").read_text("utf-8"))
    assert table["languages"] == ["de", "fr", "es", "zh"]
    assert set(table["texts"]) == page_texts()
    for text, translations in table["texts"].items():
        values = set(re.findall(r"\{\w+\}", text))
        assert [set(re.findall(r"\{\w+\}", one)) for one in translations] == [values] * 4, text
        assert all(translations), text


def test_the_page_weighs_less_than_300_kilobytes(server: Server) -> None:
    answer = server.client.get("/")
    assert len(answer.content) < 300_000
    assert not re.search(r"<link[^>]+href=.(?!data:)|src=.(?!data:)[^>]*>", answer.text.split("<script>")[0])


@in_browser
def test_a_search_by_keyboard_shows_pages_with_their_evidence_and_opens_one(
    browser: Browser, served: ServerProcess
) -> None:
    opened(browser, served)
    browser.type("timber 2024")
    browser.press("Enter")
    browser.wait("document.querySelectorAll('.card').length && document.querySelector('.card').querySelector('.spot')")
    [hit, *_] = served.client.post("/v1/search", json={"query": "timber 2024"}).json()["hits"]
    shown: Any = browser.value(
        "(() => { const card = document.querySelector('.card'); const spot = card.querySelector('.spot');"
        " const image = card.querySelector('img');"
        " const [at, whole] = [spot, image].map((one) => one.getBoundingClientRect());"
        " return {page: card.dataset.page, text: card.innerText, top: (at.top - whole.top) / whole.height,"
        " left: (at.left - whole.left) / whole.width, picture: image.naturalWidth}; })()"
    )
    assert (shown["page"], shown["picture"]) == (hit["page"], 480)
    assert shown["text"].startswith("page 2")
    box = hit["evidence"][0]["boxes"][0]
    assert (shown["left"], shown["top"]) == pytest.approx((box["x0"], box["y0"]), abs=3e-3)
    about = browser.value("document.querySelector('.document').innerText")
    assert about.startswith("Port of Sandvik\n\nharbour.pdf") and "words 1" not in about
    browser.value("document.querySelector('.why summary').click()")
    assert "words 1" in browser.value("document.querySelector('.why').innerText")
    browser.press("ArrowDown")
    browser.press("Enter")
    browser.wait("document.querySelector('#sheet img') && document.querySelector('#page-text mark')")
    assert browser.value("document.querySelector('#page-text mark').textContent") == hit["evidence"][0]["quote"]
    browser.press("ArrowRight")
    browser.wait("document.getElementById('page-text').textContent.includes('pilot')")
    assert browser.value("document.getElementById('page-number').textContent") == "page 3 of 3"
    browser.press("Escape")
    browser.wait("!document.getElementById('viewer').open")
    assert browser.errors == []


@in_browser
def test_a_correction_is_shown_with_a_way_back_and_notes_are(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served, "#q=timbr%20colour:red")
    understood = "document.getElementById('understood')"
    browser.wait(f"{understood}.textContent.startsWith('Searched for “timber” instead of “timbr”.')")
    assert "unknown field “colour:”" in browser.value(f"{understood}.textContent")
    browser.value(f"{understood}.querySelector('button').click()")
    browser.wait(f"!{understood}.hidden && {understood}.textContent.startsWith('unknown field')")
    assert browser.errors == []


@in_browser
def test_a_search_sent_twice_at_once_shows_its_pages_once(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served)
    browser.type("timber 2024")
    browser.value("[1, 2].forEach(() => document.getElementById('search-form').requestSubmit())")
    browser.wait("document.getElementById('message').textContent.startsWith('Best of')")
    pages = "[...document.querySelectorAll('.card')].map((card) => card.dataset.page)"
    requests = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/search'))"
    browser.wait(f"{requests}.length === 2 && {requests}.every((one) => one.responseEnd)")
    assert browser.value(f"{pages}.length") == browser.value(f"new Set({pages}).size") > 0
    assert browser.errors == []


@in_browser
def test_more_pages_requested_twice_at_once_are_shown_once(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served, "#q=timber")
    browser.wait("document.querySelectorAll('.card').length > 2")
    pages: Any = browser.value(
        "(async () => { currentSearch = {...currentSearch, k: 1}; cursor = null; $('results').replaceChildren();"
        " await search(true);"
        " await Promise.all([search(true), search(true)]);"
        " return [...document.querySelectorAll('.card')].map((one) => one.dataset.page); })()"
    )
    assert len(pages) == len(set(pages)) == 2
    assert browser.errors == []


@in_browser
def test_documents_asked_for_twice_at_once_are_listed_once(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served)
    value: Any = browser.value("Promise.all([listDocuments(), listDocuments()]).then(() => $('list').children.length)")
    assert value == served.client.get("/v1/documents").json()["total"]
    assert browser.errors == []


@in_browser
def test_what_comes_after_the_page_was_left_is_not_shown(browser: Browser, served: ServerProcess) -> None:
    """Another collection is chosen the same way: what is found in the one before leads nowhere there."""
    opened(browser, served)
    browser.value("$('query').value = 'timber'")
    assert browser.value("(() => { const found = search(); $('home').click(); return found; })()") is None
    assert browser.value("[$('results').children.length, $('message').textContent]") == [0, "2 documents, 4 pages."]
    browser.value("$('query').value = 'How much did timber grow to in 2024?'")
    browser.value("(() => { const asked = ask(); $('home').click(); return asked; })()")
    assert browser.value("[answers.size, $('exchanges').children.length]") == [0, 0]
    assert browser.errors == []


@in_browser
def test_a_search_is_narrowed_and_its_address_remembers_it(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served, "#q=timber%20OR%20harbour%20OR%20limpet%20OR%20tide")
    names = "[...new Set([...document.querySelectorAll('.document .file')].map((one) => one.title))]"
    browser.wait(f"{names}.length > 1")
    browser.value(
        "(() => { const name = document.getElementById('in-name'); name.value = 'harbour';"
        " name.dispatchEvent(new Event('change')); })()"
    )
    browser.wait(f"{names}.join() === 'harbour.pdf'")
    address = browser.value("location.href")
    browser.open("about:blank")
    browser.open(address)
    browser.wait(f"{names}.join() === 'harbour.pdf'")
    assert browser.value("document.getElementById('narrow').open")
    browser.value("document.getElementById('wide').click()")
    browser.wait(f"{names}.length > 1")
    browser.value(
        "(() => { const name = document.getElementById('in-name'); name.value = 'nowhere';"
        " name.dispatchEvent(new Event('change')); })()"
    )
    browser.wait("document.getElementById('message').textContent.includes('No document or page matches the filters')")
    assert browser.errors == []


@in_browser
def test_a_page_shows_where_the_query_looked(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served, "#q=breakwater+timber")
    browser.wait("document.querySelector('.card .spot')")
    browser.value("document.querySelector('.card').click()")
    browser.wait("document.querySelector('#sheet .spot')")
    before = browser.value("document.querySelector('#sheet img').src")
    browser.value("document.getElementById('heat').click()")
    browser.wait(
        f"document.querySelector('#sheet img')?.src.startsWith('blob:') && "
        f"document.querySelector('#sheet img').src !== '{before}' && !document.querySelector('#sheet .spot')"
    )
    red = (  # pixels that are red and not yellow
        "(() => { const image = document.querySelector('#sheet img'); const canvas = document.createElement('canvas');"
        " canvas.width = image.naturalWidth; canvas.height = image.naturalHeight; const pen = canvas.getContext('2d');"
        " pen.drawImage(image, 0, 0); let count = 0;"
        " const all = pen.getImageData(0, 0, canvas.width, canvas.height).data;"
        " for (let at = 0; at < all.length; at += 4)"
        "  if (all[at] - all[at + 1] > 60 && all[at + 1] - all[at + 2] < 60) count++; return count; })()"
    )
    assert browser.value(red) > 100
    browser.value("document.getElementById('heat').click()")
    browser.wait("document.querySelector('#sheet .spot')")
    assert browser.value(red) == 0
    assert browser.errors == []


@in_browser
def test_an_answer_comes_with_marks_that_lead_to_the_page(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served)
    browser.type("How much did timber grow to in 2024?")
    browser.press("Enter", control=True)
    browser.wait("document.querySelector('.answer-text:not(.waiting) .cite')")
    assert "52,300" in browser.value("document.querySelector('.answer-text').innerText")
    browser.value("document.querySelector('.cite').click()")
    browser.wait("document.querySelector('#sheet .spot') && document.querySelector('#page-text mark')")
    assert browser.value("document.getElementById('page-name').textContent") == "Port of Sandvik"
    assert "52,300" in browser.value("document.querySelector('#page-text mark').textContent")
    browser.press("Escape")
    browser.wait("!document.getElementById('viewer').open && !location.hash.includes('page=')")
    browser.value("document.getElementById('follow-question').focus()")
    browser.type("And how much was that?")
    browser.press("Enter")
    browser.wait("document.querySelectorAll('.exchange').length === 2 && !document.querySelector('.waiting')")
    assert "52,300" in browser.value("document.querySelectorAll('.exchange .answer-text')[1].innerText")
    assert browser.errors == []


@in_browser
def test_quotes_are_marked_piece_by_piece_wherever_lines_break(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served)
    text = "Cargo 2022\nTimber (a) 41,200\nGrain 9\nGrain 63"

    def marks(*quotes: str) -> Any:
        parts = browser.value(f"marked({json.dumps(text)}, {json.dumps(quotes)}).map((one) => one.textContent ?? one)")
        assert "".join(parts) == text
        return parts[1::2]

    assert marks("Cargo 2022 … Grain 63") == ["Cargo 2022", "Grain 63"]
    assert marks("2022 Timber (a)") == ["2022\nTimber (a)"]
    assert marks("Grain 9", "Cargo", "9 Grain") == ["Cargo", "Grain 9"]
    assert marks("elsewhere", "") == []


@in_browser
def test_a_link_of_a_chat_answer_opens_the_page_with_the_quote_marked(browser: Browser, served: ServerProcess) -> None:
    body = {"model": "pagelens", "messages": [{"role": "user", "content": "How much did timber grow to in 2024?"}]}
    message = served.client.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]
    browser.open(message["annotations"][0]["url_citation"]["url"])
    browser.wait("document.querySelector('#sheet img') && document.querySelector('#page-text mark')")
    assert "52,300" in browser.value("document.querySelector('#page-text mark').textContent")
    assert browser.value("document.getElementById('page-name').textContent") == "Port of Sandvik"
    assert browser.errors == []


@in_browser
def test_html_in_documents_and_names_is_shown_as_text(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served, "#q=limpet")
    browser.wait("document.querySelector('.card img')")
    browser.value("document.querySelector('.card').click()")
    browser.wait("document.getElementById('page-text').textContent.includes('limpet')")
    browser.value("document.getElementById('viewer').close(); document.getElementById('show-documents').click()")
    browser.wait("document.querySelectorAll('#list li').length >= 2")
    assert "<img src=x onerror=alert(1)>.pdf" in browser.value("document.getElementById('list').innerText")
    assert "<script>" in browser.value("document.getElementById('page-text').textContent")
    assert browser.value("document.title") == "PageLens"
    assert browser.value("document.querySelectorAll('main script, dialog script, [onerror]').length") == 0
    assert browser.errors == []


@in_browser
def test_a_document_is_removed_by_two_presses_and_by_no_single_one(
    browser: Browser, served: ServerProcess, tmp_path: Path
) -> None:
    path = write_pdf(tmp_path / "short-lived.pdf", ["A page about mayflies."])
    add_files(served, {path.name: path.read_bytes()})
    opened(browser, served)
    browser.value("document.getElementById('show-documents').click()")
    browser.wait("document.getElementById('list').innerText.includes('short-lived.pdf')")
    press = "document.querySelector('[aria-label=\"Remove short-lived.pdf\"]')"
    browser.value(f"{press}.focus(); {press}.click()")
    assert browser.value(f"{press}.textContent") == "Really remove?"
    browser.value("document.getElementById('query').focus()")
    assert browser.value(f"{press}.textContent") == "Remove"
    browser.value(f"{press}.click(); {press}.click()")
    browser.wait("!document.getElementById('list').innerText.includes('short-lived.pdf')")
    assert not served.client.post("/v1/search", json={"query": "mayflies", "lanes": ["words"]}).json()["hits"]
    assert browser.errors == []


@in_browser
def test_a_picture_is_searched_by_and_asked_about(browser: Browser, served: ServerProcess, tmp_path: Path) -> None:
    hit = served.client.post("/v1/search", json={"query": "pilot"}).json()["hits"][0]
    picture = served.client.get(f"/v1/pages/{hit['page']}/image?width=400").content
    (tmp_path / "page.jpg").write_bytes(picture)
    opened(browser, served)
    node = browser.send("Runtime.evaluate", expression="document.getElementById('picture')")["result"]["objectId"]
    browser.send("DOM.setFileInputFiles", files=[str(tmp_path / "page.jpg")], objectId=node)
    browser.wait("document.querySelector('.card img') && !document.getElementById('thumb').hidden")
    browser.value("document.getElementById('ask').click()")
    browser.wait(
        "document.querySelector('.exchange img.own') && document.querySelector('.answer-text:not(.waiting) .cite')"
    )
    answer = browser.value("document.querySelector('.answer-text').innerText")
    assert answer.startswith("On your picture (read by OCR): “") and "8.2 metres" in answer
    assert "Matches your picture: harbour.pdf, page 3 [1]" in answer
    browser.value("document.getElementById('drop-picture').click()")
    browser.value("document.getElementById('query').focus()")
    browser.type("How much did timber grow to in 2024?")
    browser.press("Enter")  # a question is asked
    browser.wait("document.querySelector('.exchange .cite') && !document.querySelector('.exchange img.own')")
    assert browser.errors == []


@in_browser
def test_a_server_with_keys_asks_for_one_and_shows_pages_with_it(browser: Browser, live: Live) -> None:
    key = live.service.keys.create("read")
    try:
        while httpx2.get(f"{live.address}/v1/documents").status_code != 401:
            pass  # the server looks for keys once a second
        browser.open(f"{live.address}/#q=timber")
        browser.wait("document.getElementById('keying').open")
        assert not browser.value("document.querySelector('.card')")
        browser.value("document.getElementById('key').focus()")
        browser.type(key)
        browser.press("Enter")
        browser.wait("document.querySelector('.card img')")
        assert json.dumps(browser.value("location.href")).find("plk_") < 0
    finally:
        live.service.keys.revoke(key.split("_")[1])


@in_browser
def test_a_thorough_search_shows_its_steps_and_its_address_remembers_the_depth(
    browser: Browser, served: ServerProcess
) -> None:
    opened(browser, served, "#q=" + "When+was+the+breakwater+finished,+and+who+needs+a+pilot%3F")
    browser.wait("document.querySelector('.card')")
    assert browser.value("document.querySelectorAll('.step').length") == 0
    browser.value(
        "(() => { const depth = document.getElementById('depth'); depth.value = 'thorough';"
        " depth.dispatchEvent(new Event('change')); })()"
    )
    browser.wait("document.querySelectorAll('#understood .step').length === 3")
    last = browser.value("document.querySelectorAll('.step')[2].textContent")
    assert "and for its part “who needs a pilot?”: harbour.pdf, page 3" in last
    address = browser.value("location.href")
    assert "depth=thorough" in address
    browser.open("about:blank")
    browser.open(address)
    browser.wait("document.querySelectorAll('#understood .step').length === 3")
    assert browser.errors == []


def reason(browser: Browser, below: str, text: str) -> None:
    """Type why into the field below an element, and send it."""
    browser.wait(f"document.querySelector('{below} input')")
    browser.value(f"document.querySelector('{below} input').focus()")
    browser.type(text)
    browser.press("Enter")
    browser.wait(f"document.querySelector('{below} [role=status]')")


@in_browser
def test_clicks_and_thumbs_are_offered_and_sent_only_where_the_owner_keeps_them(
    browser: Browser, served: ServerProcess, tmp_path: Path, pdfs: dict[str, bytes]
) -> None:
    opened(browser, served, "#q=timber")
    browser.wait("document.querySelector('.card')")
    browser.value("document.querySelector('.card').click()")
    browser.wait("document.querySelector('#page-text').textContent")
    assert browser.value("document.getElementById('up').hidden && document.getElementById('down').hidden")
    keeping = ServerProcess(tmp_path / "collections", "--model", "extractive", "--feedback")
    try:
        add_files(keeping, {"harbour.pdf": pdfs["harbour.pdf"]})
        opened(browser, keeping, "#q=timber")
        browser.wait("document.querySelector('.card')")
        browser.value("document.querySelector('.card').click()")
        browser.wait("!document.getElementById('down').hidden")
        browser.value("document.getElementById('down').click()")
        browser.wait("document.getElementById('down').getAttribute('aria-pressed') === 'true'")
        reason(browser, "#reason", "only coal")
        opened(browser, keeping, "#ask=How+much+did+timber+grow%3F")
        browser.wait("document.querySelector('.thumbs:not([hidden]) .up')")
        browser.value("document.querySelector('.thumbs .up').click()")
        browser.wait("document.querySelector('.thumbs .up').getAttribute('aria-pressed') === 'true'")
        reason(browser, ".thumbs", "to the point")
        answer = browser.value("document.querySelector('.answer-text').textContent")
    finally:
        keeping.stop()
    with pagelens.open(tmp_path / "collections" / "default") as engine:
        assert [(one.query, one.verdict, one.rank, one.why, one.answer) for one in engine.judgements()] == [
            ("timber", "click", 1, "", ""),
            ("timber", "down", 1, "only coal", ""),
            ("How much did timber grow?", "up", None, "to the point", answer),
        ]
    assert browser.errors == []
