"""Server addresses that the user of this machine gave; no other server is contacted.

A `collection.json` may come from somebody else: in a folder that was copied, on a share. The server that it names must
neither receive this user's secrets nor learn that the collection was opened. An address is the user's own if a
collection was created with it on this machine (`--url`, `--catalog`, `--files`), if PAGELENS_ADDRESSES lists it
(separated by blanks), or if an environment variable replaces the recorded address.

$XDG_STATE_HOME/pagelens/addresses (~/.local/state/pagelens/addresses) lists them, one a line, without secrets.
"""

import logging
import os
from pathlib import Path

from pagelens.core.errors import StoreError

logger = logging.getLogger(__name__)

ADDRESSES = "PAGELENS_ADDRESSES"


def remember(address: str) -> None:
    """Record an address that the user gave."""
    path = _list_file()
    if _normalized(address) in _recorded(path):
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{_normalized(address)}\n")
    except OSError as exc:
        logger.warning("%s is not recorded as an address of yours: %s", address, exc)


def require_given(address: str, *, variable: str = ADDRESSES) -> None:
    """Raise StoreError unless the user gave this address. `variable` names the environment variable that allows it."""
    listed = {_normalized(entry) for entry in os.environ.get(ADDRESSES, "").split()}
    if _normalized(address) not in _recorded(_list_file()) | listed:
        raise StoreError(
            f"expected a server that you named, found {address} in collection.json: nothing was contacted, and no key "
            f"or password was sent. If the server is yours, set {variable} to its address."
        )


def _recorded(path: Path) -> set[str]:
    try:
        return set(path.read_text("utf-8").splitlines())
    except (OSError, ValueError):
        return set()


def _list_file() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "pagelens" / "addresses"


def _normalized(address: str) -> str:
    return "".join(address.split()).rstrip("/")
