"""A real browser, driven over its debugging pipe: pages are opened, keys pressed, what stands there is read."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.api.server.processes import ServerProcess

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 30_000  # milliseconds
in_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


class BrowserError(Exception):
    """What a page's script came to."""


class Browser:
    """One headless browser with one tab at a time."""

    def __init__(self, profile: Path, *, width: int = 1280, height: int = 900) -> None:
        assert CHROMIUM is not None
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        flags = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --remote-debugging-pipe --no-first-run"
        command = f'exec "$0" {flags} --user-data-dir="$1" --window-size={width},{height} about:blank'
        self._process = subprocess.Popen(
            ["bash", "-c", f"{command} 3<&{theirs_in} 4>&{theirs_out}", CHROMIUM, str(profile)],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._held = b""
        self._number = 0
        self._session: str | None = None
        self._context = ""
        self._size = {"width": width, "height": height}
        self.errors: list[str] = []  # errors and refusals that the page reply its console
        self.renew()

    def renew(self) -> None:
        """Go on in a new tab that shares nothing with the one before, neither storage nor cache nor errors."""
        self._session = None
        if self._context:
            self.send("Target.disposeBrowserContext", browserContextId=self._context)
        self._context = self.send("Target.createBrowserContext")["browserContextId"]
        place = {"browserContextId": self._context, "newWindow": True, **self._size}
        target = self.send("Target.createTarget", url="about:blank", **place)["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.errors.clear()
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)

    def send(self, method: str, **parameters: Any) -> Any:
        """Send a command and return its result; events received meanwhile are handled."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            reply = self._read()
            if reply.get("id") == number:
                if "error" in reply:
                    raise BrowserError(reply["error"]["message"])
                return reply["result"]
            self._handle_event(reply)

    def allow(self, *permissions: str) -> None:
        """Give pages permissions that a person would be asked for."""
        self.send("Browser.grantPermissions", permissions=permissions, browserContextId=self._context)

    def open(self, url: str) -> None:
        """Go to an address."""
        self.send("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def value(self, script: str) -> Any:
        """Return the value of an expression in the page; promises are awaited."""
        reply = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in reply:
            raise BrowserError(json.dumps(reply["exceptionDetails"])[:2_000])
        return reply["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until an expression is true in the page."""
        poll = (
            f"new Promise((done, failed) => {{ const ends = Date.now() + {PATIENCE}; const look = () => {{"
            f" if ({script}) done(true); else if (Date.now() > ends) failed(new Error('never'));"
            " else setTimeout(look, 20); }; look(); })"
        )
        try:
            self.value(poll)
        except BrowserError as exc:
            raise BrowserError(f"never true: {script}; the page says {self.value('document.body.innerText')}") from exc

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.send("Input.insertText", text=text)

    def press(self, key: str, *, control: bool = False) -> None:
        """Press a key and let go."""
        codes = {
            "Enter": 13,
            "Escape": 27,
            "ArrowLeft": 37,
            "ArrowUp": 38,
            "ArrowRight": 39,
            "ArrowDown": 40,
            "/": 191,
            "n": 78,
            "p": 80,
        }
        shared: dict[str, Any] = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        shared["modifiers"] = 2 if control else 0
        text = {"Enter": "\r", "/": "/", "n": "n", "p": "p"}.get(key)
        self.send("Input.dispatchKeyEvent", type="keyDown", **shared, **({"text": text} if text else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **shared)

    def point(self, script: str, *, kind: str = "mouseMoved", right: float = 0.5) -> None:
        """Move the mouse over the element that an expression gives, or press, drag to it or let go there.

        `right` is how far to the right in the element, 0..1.
        """
        at = self.value(
            f"(() => {{ const box = ({script}).getBoundingClientRect();"
            f" return [box.left + box.width * {right}, box.top + box.height / 2]; }})()"
        )
        held = {} if kind == "mouseMoved" else {"button": "left", "buttons": 1, "clickCount": 1}
        self.send("Input.dispatchMouseEvent", type=kind.replace("Dragged", "Moved"), x=at[0], y=at[1], **held)

    def screenshot(self, path: Path) -> None:
        """Save what is seen."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        """End it."""
        try:
            self._session = None
            self.send("Browser.close")
        finally:
            self._process.wait(30)
            os.close(self._in)
            os.close(self._out)

    def _read(self) -> Any:
        while b"\0" not in self._held:
            block = os.read(self._in, 1 << 16)
            if not block:
                raise BrowserError("the browser is gone")
            self._held += block
        message, _, self._held = self._held.partition(b"\0")
        return json.loads(message)

    def _handle_event(self, event: Any) -> None:
        if event.get("sessionId") != self._session:
            return  # of the tab before
        if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.errors.append(event["params"]["entry"]["text"])
        if event.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(event["params"]["exceptionDetails"])[:500])


def opened(browser: Browser, server: ServerProcess, part: str = "") -> Browser:
    """Open the web page at an address, once it says or lists something."""
    browser.open(f"{server.address}/{part}")
    listed = "[...document.querySelectorAll('#documents, #photos')].some((one) => !one.hidden)"
    browser.wait(f"document.getElementById('message').textContent || document.querySelector('.exchange') || {listed}")
    return browser
