"""The web page's screens under axe-core's rules, light and dark: nothing serious is wrong for keyboards and readers."""

import importlib.util
import json
from pathlib import Path

import pytest

from tests.api.server.browser import Browser, in_browser, opened
from tests.api.server.processes import ServerProcess

AXE = importlib.util.find_spec("axe_playwright_python")  # for its copy of axe-core; Playwright itself is not used

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


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core's script."""
    assert AXE is not None and AXE.submodule_search_locations
    return (Path(AXE.submodule_search_locations[0]) / "axe.min.js").read_text("utf-8")


@pytest.mark.parametrize("name", SCREENS)
def test_axe_finds_nothing_serious(browser: Browser, mixed_server: ServerProcess, axe: str, name: str) -> None:
    address, ready = SCREENS[name]
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    opened(browser, mixed_server, address)
    if name in CLICKED:
        browser.wait(f"document.querySelector('{CLICKED[name]} img')")
        browser.value(f"document.querySelector('{CLICKED[name]}').click()")
    browser.wait(ready)
    browser.value(f"{axe}; 0")
    for theme in ("light", "dark"):
        browser.value(f"document.documentElement.dataset.theme = '{theme}'; 0")
        found = browser.value(
            "axe.run({resultTypes: ['violations']}).then((found) => found.violations.map((one) =>"
            " [one.impact, one.id, one.nodes.map((node) => node.html.slice(0, 200)).slice(0, 3)]))"
        )
        serious = [one for one in found if one[0] in ("serious", "critical")]
        assert not serious, (theme, json.dumps(serious, indent=1))


def test_axe_finds_a_fault_where_there_is_one(browser: Browser, mixed_server: ServerProcess, axe: str) -> None:
    opened(browser, mixed_server)
    browser.value(f"{axe}; document.querySelector('main').append(document.createElement('button')); 0")
    impacts = browser.value("axe.run().then((found) => found.violations.map((one) => one.id))")
    assert "button-name" in impacts
