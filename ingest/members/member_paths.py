"""Paths of members: "report.pdf / annex.xlsx" is the file annex.xlsx inside report.pdf, to any depth.

Such a path is a name, and no file has it; a file whose own path has the separator in it is a file all the same.
"""

import re
from pathlib import Path, PurePosixPath

from pagelens.core.types import MEMBER_SEPARATOR

MAX_DEPTH = 3
"""Containers around a member at most: a mailbox, a mail in it, and an archive attached to that."""
MAX_NAME = 200  # characters of a member's name

_DRIVE = re.compile(r"^[A-Za-z]:")


def member_path(container: Path, name: str) -> Path:
    """Return the path of a member by its name in its container (see `safe_name`)."""
    return Path(f"{container}{MEMBER_SEPARATOR}{name}")


def split_member_path(path: Path) -> tuple[Path, tuple[str, ...]]:
    """Return the file around a member and the names from there on; no names where the path is a file's own."""
    pieces = str(path).split(MEMBER_SEPARATOR)
    if len(pieces) == 1 or path.exists():
        return path, ()
    for count in range(len(pieces) - 1, 0, -1):
        file = Path(MEMBER_SEPARATOR.join(pieces[:count]))
        if file.is_file():
            return file, tuple(pieces[count:])
    return path, ()


def is_member(path: Path) -> bool:
    """Tell whether a path names a file inside another."""
    return MEMBER_SEPARATOR in str(path) and not path.exists()


def outer_file(path: Path) -> Path:
    """Return the file around a member; of any other path, that itself."""
    return split_member_path(path)[0] if MEMBER_SEPARATOR in str(path) else path


def file_exists(path: Path) -> bool:
    """Tell whether there is a file at a path, or the file around a member."""
    return outer_file(path).exists()


def safe_name(stated: str, number: int) -> str:
    """Return a member's name: as stated, without what would lead out of its container, and on one line.

    `number` names a member without one.
    """
    name = "".join(char if char.isprintable() else " " for char in _DRIVE.sub("", stated.replace("\\", "/")))
    parts = [" ".join(part.split()) for part in PurePosixPath(name).parts]
    kept = [part for part in parts if part not in ("/", "//", "..", ".", "")]
    last = kept[-1] if kept else f"member {number}"
    if len(last) > MAX_NAME:
        suffix = PurePosixPath(last).suffix[:20]
        last = last[: MAX_NAME - len(suffix)] + suffix
    return "/".join([*(part[:MAX_NAME] for part in kept[:-1]), last])


def is_hidden(name: str) -> bool:
    """Tell whether a member is one that a walk of a folder would leave out."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
