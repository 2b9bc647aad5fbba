"""Server addresses that the user of this machine gave; a key or password in the environment goes to no other.

A `collection.json` may come from somebody else: in a folder that was copied, on a share. The server that it names must
not receive this user's secrets. An address is the user's own if a collection was created with it on this machine
(`--url`, `--catalog`), or if an environment variable replaces the recorded address.

$XDG_STATE_HOME/pagelens/addresses (~/.local/state/pagelens/addresses) lists them, one a line, without secrets.
"""

import logging
import os
from pathlib import Path

from pagelens.core.errors import StoreError

logger = logging.getLogger(__name__)


def remember(address: str) -> None:
    """Record an address that the user gave."""
    path = _list_file()
    if _normalized(address) in _given(path):
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{_normalized(address)}\n")
    except OSError as exc:
        logger.warning("%s is not recorded as an address of yours: %s", address, exc)


def require_given(address: str, *, secret: str, variable: str) -> None:
    """Raise StoreError unless the user gave this address. `secret` names the environment variable that would be sent
    there, `variable` the one that allows it."""
    if _normalized(address) not in _given(_list_file()):
        raise StoreError(
            f"expected a server that you named, found {address} in collection.json: {secret} is not sent there, and "
            f"nothing was contacted. If the server is yours, set {variable} to its address; otherwise unset {secret}."
        )


def _given(path: Path) -> set[str]:
    try:
        return set(path.read_text("utf-8").splitlines())
    except (OSError, ValueError):
        return set()


def _list_file() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "pagelens" / "addresses"


def _normalized(address: str) -> str:
    return "".join(address.split()).rstrip("/")
