"""Pictures in a terminal, by the protocol that it understands: kitty's, iTerm2's, or sixel.

Sources: sw.kovidgoyal.net/kitty/graphics-protocol, iterm2.com/documentation-images.html, DEC STD 070 chapter 9 (sixel).
"""

import base64
import os
import sys
from collections.abc import Mapping
from io import BytesIO
from itertools import groupby
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.errors import UsageError

PictureProtocol = Literal["kitty", "iterm2", "sixel"]

VARIABLE = "PAGELENS_TERMINAL_PICTURES"  # names the protocol, or "none", where it is not seen by itself
CELL_WIDTH = 10  # pixels of a column, about: terminals do not say
COLUMNS = 60  # that a picture is wide, at most
CHUNK = 4_096  # bytes of base64 in one of kitty's messages, at most
SIXEL_COLOURS = 256

_KITTY = ("kitty", "ghostty")
_SIXEL = ("foot", "mlterm", "contour", "sixel")


def picture_protocol(environ: Mapping[str, str] = os.environ) -> PictureProtocol | None:
    """Return the protocol of the terminal that the environment describes; None if it shows no pictures."""
    chosen = environ.get(VARIABLE, "")
    if chosen:
        named = next((name for name in get_args(PictureProtocol) if name == chosen), None)
        if named is None and chosen != "none":
            raise UsageError(f"expected {VARIABLE} among kitty, iterm2, sixel, none, found {chosen!r}")
        return named
    terminal, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "").casefold()
    if "KITTY_WINDOW_ID" in environ or any(name in (terminal + program) for name in _KITTY):
        return "kitty"
    if program in ("iterm.app", "wezterm") or "ITERM_SESSION_ID" in environ:
        return "iterm2"
    return "sixel" if any(name in terminal for name in _SIXEL) else None


def terminal_picture(data: bytes, protocol: PictureProtocol, *, columns: int = COLUMNS) -> str:
    """Return what to print so that a picture (the bytes of its file) is shown, at most `columns` wide."""
    image = Image.open(BytesIO(data)).convert("RGB")
    width = columns * CELL_WIDTH
    if image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))))
    return {"kitty": _kitty, "iterm2": _iterm2, "sixel": _sixel}[protocol](image)


def print_picture(data: bytes, protocol: PictureProtocol) -> None:
    """Show a picture (the bytes of its file) in the terminal."""
    sys.stdout.write(terminal_picture(data, protocol))
    sys.stdout.flush()


def _png(image: Image.Image) -> str:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _kitty(image: Image.Image) -> str:
    encoded = _png(image)
    chunks = [encoded[start : start + CHUNK] for start in range(0, len(encoded), CHUNK)]
    messages = []
    for index, chunk in enumerate(chunks):
        first = "f=100,a=T," if index == 0 else ""
        messages.append(f"\x1b_G{first}m={int(index < len(chunks) - 1)};{chunk}\x1b\\")
    return "".join(messages) + "\n"


def _iterm2(image: Image.Image) -> str:
    encoded = _png(image)
    size = len(base64.b64decode(encoded))
    return f"\x1b]1337;File=inline=1;size={size};width={image.width}px:{encoded}\x07\n"


def _sixel(image: Image.Image) -> str:
    """Return bands of six rows; in each, a run-length coded line of every colour that the band has."""
    reduced = image.quantize(SIXEL_COLOURS, dither=Image.Dither.NONE)
    palette = np.array(reduced.getpalette(), np.int64).reshape(-1, 3)
    pixels = np.asarray(reduced)  # (height, width), indices of colours
    used = np.unique(pixels)
    colours = "".join(
        f"#{index};2;{';'.join(str(round(level * 100 / 255)) for level in palette[index])}" for index in used
    )
    bands = [_sixel_band(pixels[top : top + 6]) for top in range(0, len(pixels), 6)]
    return f'\x1bPq"1;1;{image.width};{image.height}{colours}{"-".join(bands)}\x1b\\\n'


def _sixel_band(rows: NDArray[np.uint8]) -> str:
    """Return a band of at most six rows, (rows, width): the lowest bit is the upper row."""
    bits = (1 << np.arange(len(rows)))[:, None]
    lines = []
    for colour in np.unique(rows):
        characters = ((rows == colour) * bits).sum(axis=0) + 63
        runs = ((chr(code), sum(1 for _ in run)) for code, run in groupby(characters.tolist()))
        lines.append(f"#{colour}" + "".join(f"!{count}{char}" if count > 3 else char * count for char, count in runs))
    return "$".join(lines)
