"""The web page's screens under axe-core's rules, light and dark: nothing serious is wrong for keyboards and readers."""

import pytest

from tests.api.server.axe import AXE, read_axe, serious_findings
from tests.api.server.browser import Browser, in_browser, opened
from tests.api.server.processes import ServerProcess

pytestmark = [in_browser, pytest.mark.skipif(AXE is None, reason="axe-playwright-python is not installed")]

SCREENS = {  # name: address, what must be true first
    "home": ("", "document.querySelector('#examples button')"),
    "results": ("#q=timber&kind=pdf", "document.querySelector('#results .spot') && !$('view').hidden"),
    "photos found": ("#kind=photo", "document.querySelector('#results .photos img')"),
    "answer": (
        "#ask=Who+needs+a+pilot?",
        "document.querySelector('.answer-text:not(.waiting)') && $('exchanges').querySelector('img')",
    ),
    "refusal": ("#ask=Who+won+the+chess+cup+of+1987?", "document.querySelector('.nearest img')"),
    "documents": ("#documents=", "document.querySelectorAll('#list img').length > 3"),
    "photos": (
        "#photos=",
        "document.querySelectorAll('#photo-grid img').length > 3 && $('map').firstChild",
    ),
    "viewer": ("#q=timber", "document.querySelector('#strip img') && document.querySelector('#sheet .words span')"),
    "photo viewer": ("#photos=&month=2021-03", "document.querySelector('#facts .map svg')"),
}
CLICKED = {"viewer": "#results .card", "photo viewer": "#photo-grid .card"}


@pytest.mark.parametrize("name", SCREENS)
def test_axe_finds_nothing_serious(browser: Browser, mixed_server: ServerProcess, name: str) -> None:
    address, ready = SCREENS[name]
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    opened(browser, mixed_server, address)
    if name in CLICKED:
        browser.wait(f"document.querySelector('{CLICKED[name]} img')")
        browser.value(f"document.querySelector('{CLICKED[name]}').click()")
    browser.wait(ready)
    assert not serious_findings(browser)


def test_axe_finds_a_fault_where_there_is_one(browser: Browser, mixed_server: ServerProcess) -> None:
    opened(browser, mixed_server)
    browser.value(f"{read_axe()}; document.querySelector('main').append(document.createElement('button')); 0")
    impacts = browser.value("axe.run().then((found) => found.violations.map((one) => one.id))")
    assert "button-name" in impacts
