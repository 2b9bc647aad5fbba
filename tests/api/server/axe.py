"""axe-core's rules, run on a screen of the web page in both themes."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from tests.api.server.browser import Browser

AXE = importlib.util.find_spec("axe_playwright_python")  # for its copy of axe-core; Playwright itself is not used


@cache
def read_axe() -> str:
    """Return axe-core's script."""
    assert AXE is not None and AXE.submodule_search_locations
    return (Path(AXE.submodule_search_locations[0]) / "axe.min.js").read_text("utf-8")


def serious_findings(browser: Browser) -> list[Any]:
    """Return (theme, impact, rule, HTML of places) of what is seriously wrong on the screen, light and dark."""
    browser.value(f"{read_axe()}; 0")
    findings = []
    for theme in ("light", "dark"):
        browser.value(f"document.documentElement.dataset.theme = '{theme}'; 0")
        found = browser.value(
            "axe.run({resultTypes: ['violations']}).then((found) => found.violations.map((one) =>"
            " [one.impact, one.id, one.nodes.map((node) => node.html.slice(0, 200)).slice(0, 3)]))"
        )
        findings += [(theme, *one) for one in found if one[0] in ("serious", "critical")]
    return findings
