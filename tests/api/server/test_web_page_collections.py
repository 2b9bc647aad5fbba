"""Walks through the web page in a real browser: documents, uploads, photos and their map, filters with counts, an
answer as a file, parts of pages, other languages."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.server.browser import Browser, in_browser, opened
from tests.api.server.processes import ServerProcess

pytestmark = in_browser

LISTED = "[...document.querySelectorAll('#list .about strong')].map((one) => one.textContent)"
CARDS = "[...document.querySelectorAll('#photo-grid .card')]"


@pytest.fixture(scope="module")
def served(mixed_server: ServerProcess) -> ServerProcess:
    return mixed_server


def choose(browser: Browser, element: str, value: str) -> None:
    """Set a control to a value as a person does."""
    browser.value(
        f"(() => {{ const one = document.getElementById('{element}'); one.value = {json.dumps(value)};"
        " one.dispatchEvent(new Event('input')); one.dispatchEvent(new Event('change')); })()"
    )


def click(browser: Browser, selector: str) -> None:
    browser.value(f"document.querySelector({json.dumps(selector)}).click()")


def choose_files(browser: Browser, *paths: Path) -> None:
    """Choose files to be uploaded."""
    node = browser.send("Runtime.evaluate", expression="document.getElementById('files')")["result"]["objectId"]
    browser.send("DOM.setFileInputFiles", files=[str(path) for path in paths], objectId=node)


def test_documents_are_sorted_found_and_listed_by_folder_in_addresses_that_can_be_sent(
    browser: Browser, served: ServerProcess
) -> None:
    opened(browser, served)
    click(browser, "#show-documents")
    browser.wait(f"{LISTED}.length === 7 && document.querySelectorAll('#list img').length > 3")
    about = browser.value("document.querySelector('#list li:nth-child(4) .about').innerText")
    assert about.startswith("Port of Sandvik\nharbour.pdf\nPDF · 3 pages · ") and about.endswith("· papers")
    folders = "[...document.querySelectorAll('#tree button')].map((one) => one.innerText.split('\\n').join(' '))"
    assert browser.value(folders) == ["All folders 7", "home 1", "papers 2", "trips 4", "2019 2", "2021 2"]
    click(browser, "#tree button:nth-child(4)")
    browser.wait(f"{LISTED}.length === 4 && location.hash.includes('at=trips')")
    choose(browser, "list-sort", "-date")
    browser.wait(f"{LISTED}.join() === 'shrine.jpg,forum.jpg,bridge.jpg,tower.jpg'")
    choose(browser, "find-document", "e")
    browser.wait(f"{LISTED}.join() === 'shrine.jpg,bridge.jpg,tower.jpg'")
    address = browser.value("location.href")
    browser.open("about:blank")
    browser.open(address)
    browser.wait(f"{LISTED}.join() === 'shrine.jpg,bridge.jpg,tower.jpg'")
    assert browser.value("[$('find-document').value, $('list-sort').value]") == ["e", "-date"]
    choose(browser, "find-document", "nothing like it")
    browser.wait(f"!{LISTED}.length && !document.getElementById('none-listed').hidden")
    choose(browser, "find-document", "")
    browser.wait(f"{LISTED}.length === 4")
    click(browser, "#unread summary")
    assert "broken.pdf" in browser.value("document.getElementById('unread').innerText")
    assert browser.errors == []


def test_each_uploaded_file_has_its_progress_its_pages_or_the_reason_why_not(
    browser: Browser, served: ServerProcess, tmp_path: Path, pdfs: dict[str, bytes]
) -> None:
    good, bad = tmp_path / "quays.pdf", tmp_path / "torn.pdf"
    good.write_bytes(pdfs["harbour.pdf"])
    bad.write_bytes(b"%PDF-1.7 torn")
    opened(browser, served, "#documents=")
    choose_files(browser, good, bad)
    states = (
        "Object.fromEntries([...document.querySelectorAll('.upload')].map((one) =>"
        " [one.querySelector('.name').textContent, one.dataset.state]))"
    )
    browser.wait(f"{states}['quays.pdf'] === 'succeeded' && {states}['torn.pdf'] === 'failed'")
    messages = browser.value("[...document.querySelectorAll('.upload .text')].map((one) => one.textContent)")
    assert messages[0] == "3 pages" and "PDF" in messages[1]
    browser.wait(f"{LISTED}.length === 8 && document.getElementById('indexing').hidden")
    retry = "document.querySelector('.upload[data-state=failed] button')"
    assert browser.value(f"{retry}.getAttribute('aria-label')") == "Try again: torn.pdf"
    browser.value(f"{retry}.click()")
    browser.wait("document.querySelectorAll('.upload')[1].dataset.state !== 'failed'")
    browser.wait("document.querySelectorAll('.upload')[1].dataset.state === 'failed'")
    browser.value(
        "[...document.querySelectorAll('#list input')].find((one) => one.ariaLabel.includes('quays')).click()"
    )
    assert browser.value("document.getElementById('selected').textContent") == "1 document selected"
    click(browser, "#remove-selected")
    assert browser.value("document.getElementById('remove-selected').textContent") == "Really remove?"
    click(browser, "#remove-selected")
    browser.wait(f"{LISTED}.length === 7")
    assert "torn.pdf" in browser.value("document.getElementById('unread').textContent")
    assert browser.errors == []


def test_a_banner_says_what_is_being_indexed(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served)
    job: dict[str, Any] = {"finished": None, "collection": "default", "pages_read": 40, "current_file": "<b>.pdf"}
    job["files"] = {"queued": 7, "indexed": 2, "failed": 1}
    banner = "document.getElementById('indexing')"
    shown = browser.value(f"(showIndexing([{json.dumps(job)}]), {banner}.innerText)")
    assert shown == "Indexing: 3 of 10 files · 40 pages read · <b>.pdf"
    assert browser.value(f"(showIndexing([]), {banner}.hidden)")


def test_photos_stand_in_full_rows_by_month_and_on_a_map(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served)
    click(browser, "#show-photos")
    browser.wait(f"{CARDS}.length === 5 && document.querySelectorAll('#photo-grid img').length === 5")
    headings = "[...document.querySelectorAll('#photo-grid h3')].map((one) => one.textContent)"
    assert browser.value(headings) == ["November 2021", "March 2021", "July 2019", "Without a date"]
    shapes = browser.value(
        f"{CARDS}.map((one) => one.getBoundingClientRect()).map((box) => [box.top, box.width / box.height])"
    )
    right = "(one) => Math.round(one.getBoundingClientRect().right)"
    rows = len({round(top) for top, _ in shapes})
    full = browser.value(
        f"(([grid, ...cards]) => cards.filter((one) => Math.abs(one - grid) < 2).length)"
        f"([document.getElementById('photo-grid'), ...{CARDS}].map({right}))"
    )
    assert full >= rows - 1  # all rows but the last one end where the grid ends
    assert [shape for _, shape in shapes] == pytest.approx([2, 1, 2 / 3, 1.5, 1], abs=0.03)
    marks = "[...document.querySelectorAll('#map .place')].map((one) => one.getAttribute('aria-label'))"
    assert browser.value(marks) == ["Paris, Rome: 3 photos", "Tokyo: 1 photo"]
    place = browser.value(
        "(() => { const [mark, map] = [document.querySelector('#map .place'), document.getElementById('map')]"
        ".map((one) => one.getBoundingClientRect());"
        " const middle = [mark.left + mark.width / 2, mark.top + mark.height / 2];"
        " return [(middle[0] - map.left) / map.width, (middle[1] - map.top) / map.height]; })()"
    )
    assert place == pytest.approx([(2.35 + 180) / 360, (80 - 48.86) / 140], abs=0.01)
    click(browser, "#map .place")  # shows the two apart
    assert browser.value(marks) == ["Paris: 2 photos", "Rome: 1 photo"]
    click(browser, "#map .place")
    browser.wait(f"{CARDS}.length === 2 && location.hash.includes('area=')")
    click(browser, "#timeline button:nth-child(2)")
    browser.wait(f"{CARDS}.length === 1 && location.hash.includes('month=2021-11')")
    browser.value("history.back()")
    browser.wait(f"{CARDS}.length === 2")
    assert browser.errors == []


def test_a_photo_is_shown_with_its_date_place_and_camera_and_what_is_like_it(
    browser: Browser, served: ServerProcess
) -> None:
    opened(browser, served, "#photos=&month=2019-07")
    browser.wait(f"{CARDS}.length === 2 && document.querySelector('#photo-grid img')")
    browser.value(f"{CARDS}[1].click()")
    browser.wait("document.querySelector('#facts .map svg') && document.querySelector('#sheet img')")
    facts = browser.value("document.getElementById('facts').innerText")
    assert "Thursday, July 4, 2019" in facts and "Paris" in facts and "EOS 80D" in facts
    browser.press("ArrowLeft")  # to the photo beside it
    browser.wait("document.getElementById('page-name').title === 'bridge.jpg'")
    click(browser, "#similar")
    browser.wait("location.hash.startsWith('#like=') && document.querySelectorAll('#results .card').length > 1")
    address = browser.value("location.href")
    names = "[...document.querySelectorAll('#results .card')].map((one) => one.innerText.split('\\n')[0])"
    assert "bridge.jpg" not in browser.value(names)  # not itself
    browser.open("about:blank")
    browser.open(address)
    browser.wait("document.querySelectorAll('#results .card').length > 1 && !document.getElementById('thumb').hidden")
    assert browser.errors == []


def test_filters_say_how_many_documents_each_choice_would_find(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served, "#q=timber")
    browser.wait("document.querySelector('#results .card')")
    click(browser, "#narrow summary")
    options = "(id) => [...document.getElementById(id).options].map((one) => one.textContent)"
    browser.wait(f"({options})('kind').length > 1")
    assert browser.value(f"({options})('kind')") == ["any", "photo (5)", "PDF (2)"]
    assert "2019 (2)" in browser.value(f"({options})('year')")
    assert browser.value(f"({options})('folder')")[1:3] == ["home (1)", "papers (2)"]
    choose(browser, "kind", "photo")
    browser.wait("location.hash.includes('kind=photo') && document.querySelectorAll('.photos .card').length === 5")
    choose(browser, "folder", "trips/2021")
    browser.wait("document.querySelectorAll('.photos .card').length === 2")
    click(browser, "#view")
    pictures = "[...document.querySelectorAll('#results .sheet')].filter((one) => one.checkVisibility()).length"
    assert browser.value(pictures) == 0  # a list of lines
    click(browser, "#view")
    assert browser.value(pictures) == 2
    assert browser.errors == []


def test_an_answer_is_saved_as_markdown_bibtex_csl_and_pdf(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served, "#ask=Which+ships+need+a+pilot?")
    browser.wait("document.querySelector('.sources .spot') && document.querySelector('.answer-text:not(.waiting)')")
    click(browser, ".exports summary")
    offered = browser.value("[...document.querySelectorAll('.exports button')].map((one) => one.innerText)")
    files = {
        name: browser.value(f"exported('{name}', [...answers.values()][0].shown).then((file) => file.text())")
        for name in offered
    }
    assert files["Markdown"].startswith("# Which ships need a pilot?\n\n")
    assert "8.2 metres need a pilot. [^1]" in files["Markdown"] and "[^1]: harbour.pdf, page 3" in files["Markdown"]
    [item] = json.loads(files["CSL-JSON"])
    assert (item["type"], item["title"], item["locator"]) == ("document", "Port of Sandvik", "3")
    assert files["BibTeX"].startswith(f"@misc{{{item['id']},\n  title = {{{{Port of Sandvik}}}}")
    assert files["PDF"].startswith("%PDF-")
    escaped = browser.value("tex('50% of R&D_x {y}')")
    assert escaped == r"50\% of R\&D\_x \{y\}"
    assert browser.errors == []


def test_the_viewer_has_a_strip_of_pages_and_searches_by_a_part_of_one(browser: Browser, served: ServerProcess) -> None:
    opened(browser, served, "#q=timber")
    browser.wait("document.querySelector('#results .card img')")
    click(browser, "#results .card")
    browser.wait("document.querySelectorAll('#strip img').length === 3")
    assert browser.value("document.querySelector('#strip [aria-current]').innerText.trim()") == "2"
    click(browser, "#strip button:nth-child(3)")
    browser.wait("document.getElementById('page-number').textContent === 'page 3 of 3' && location.hash.includes('-3')")
    browser.wait("document.querySelector('#sheet .words span') && document.querySelector('#sheet .paper img').complete")
    click(browser, "#part")
    browser.point("document.querySelector('#sheet .paper')", kind="mousePressed", right=0.02)
    browser.point("document.querySelector('#sheet .words span')", kind="mouseDragged", right=0.9)
    assert browser.value("document.querySelectorAll('.part').length") == 1
    browser.point("document.querySelector('#sheet .words span')", kind="mouseReleased", right=0.9)
    browser.wait("location.hash.startsWith('#like=') && !document.getElementById('thumb').hidden")
    [*_, box] = browser.value("new URLSearchParams(location.hash.slice(1)).get('like').split(':')")
    x0, y0, x1, y1 = map(float, box.split(","))
    ratio = browser.value(
        "document.getElementById('thumb').naturalWidth / document.getElementById('thumb').naturalHeight"
    )
    assert ratio == pytest.approx((x1 - x0) * 595 / ((y1 - y0) * 842), rel=0.03)
    assert browser.errors == []


def test_a_collection_says_what_it_holds_proposes_questions_and_remembers_what_was_asked(
    browser: Browser, served: ServerProcess
) -> None:
    opened(browser, served)
    browser.wait("document.querySelector('#examples button')")
    assert "photo: 5 · PDF: 2" in browser.value("document.getElementById('holds').textContent")
    browser.value(
        "[...document.querySelectorAll('#examples button')].find((one) => one.innerText.endsWith('?')).click()"
    )
    browser.wait("document.querySelector('.answer-text:not(.waiting)')")
    assert "52,300" in browser.value("document.querySelector('.answer-text').innerText")
    click(browser, "#home")
    browser.wait("document.querySelectorAll('#recent button').length === 1")
    click(browser, "#forget")
    assert browser.value("document.querySelectorAll('#recent button').length") == 0
    assert browser.errors == []


def test_the_page_speaks_the_language_of_the_browser_or_the_one_chosen(browser: Browser, served: ServerProcess) -> None:
    agent = browser.value("navigator.userAgent")
    browser.send("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage="de-AT,en")
    opened(browser, served, "#documents=")
    browser.wait(f"{LISTED}.length === 7")
    assert browser.value("document.documentElement.lang") == "de"
    assert browser.value("document.getElementById('search').innerText") == "Suchen"
    assert "3 Seiten" in browser.value("document.getElementById('list').innerText")
    assert browser.value("number(1234567.5)") == "1.234.567,5" and browser.value("monthText('2019-07')") == "Juli 2019"
    choose(browser, "language", "zh")
    browser.open("about:blank")
    opened(browser, served, "#documents=")
    browser.wait("document.documentElement.lang === 'zh' && document.getElementById('search').innerText === '搜索'")
    browser.wait(f"{LISTED}.length === 7")
    assert browser.value("counted(3, '{n} page', '{n} pages')") == "3 页"
    assert browser.errors == []


def test_files_dropped_on_an_empty_collection_begin_it(
    browser: Browser, tmp_path: Path, served: ServerProcess, pdfs: dict[str, bytes]
) -> None:
    served.client.post("/v1/collections", json={"name": "empty", "profile": "builtin"})
    opened(browser, served, "#in=empty")
    browser.wait("!document.getElementById('empty').hidden")
    click(browser, "#first-files")
    (tmp_path / "tides.pdf").write_bytes(pdfs["tides.pdf"])
    choose_files(browser, tmp_path / "tides.pdf")
    browser.wait(f"{LISTED}.join() === 'Tide pools'")
    click(browser, "#home")
    browser.wait("document.getElementById('message').textContent === '1 document, 1 page.'")
    assert browser.errors == []
