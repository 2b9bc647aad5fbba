"""Pictures in a terminal: which protocol, and that what is sent is the picture."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pagelens.api.cli.terminal_pictures import PictureProtocol, picture_protocol, terminal_picture
from pagelens.core.errors import UsageError

CELL = 10  # pixels of a column


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "xterm-256color"}, None),
        ({}, None),
        ({"TERM": "xterm-256color", "PAGELENS_TERMINAL_PICTURES": "sixel"}, "sixel"),
        ({"TERM": "xterm-kitty", "PAGELENS_TERMINAL_PICTURES": "none"}, None),
    ],
)
def test_the_protocol_is_the_terminals_unless_one_is_named(environ: dict[str, str], expected: str | None) -> None:
    assert picture_protocol(environ) == expected


def test_a_protocol_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="found 'ascii'"):
        picture_protocol({"PAGELENS_TERMINAL_PICTURES": "ascii"})


def page() -> Image.Image:
    """A picture of four colours whose height is no multiple of six, and with runs and single pixels."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, ::2] = (255, 0, 0)
    pixels[7:, 10:] = (0, 255, 0)
    pixels[15, 3] = (0, 0, 255)
    return Image.fromarray(pixels)


def file_of(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def shown_by(protocol: PictureProtocol, image: Image.Image, *, columns: int = 60) -> NDArray[np.uint8]:
    """Return the pixels that a terminal would show."""
    sent = terminal_picture(file_of(image), protocol, columns=columns)
    if protocol == "sixel":
        return draw_sixel(sent)
    if protocol == "kitty":
        messages = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", sent)
        assert all(len(data) <= 4_096 for _, data in messages)
        assert messages[0][0].startswith("f=100,a=T,") and [options[-3:] for options, _ in messages] == [
            *["m=1"] * (len(messages) - 1),
            "m=0",
        ]
        data = "".join(data for _, data in messages)
    else:
        match = re.fullmatch(r"\x1b\]1337;File=inline=1;size=(\d+);width=\d+px:([^\x07]*)\x07\n", sent)
        assert match is not None and len(base64.b64decode(match[2])) == int(match[1])
        data = match[2]
    return np.asarray(Image.open(BytesIO(base64.b64decode(data))))


def draw_sixel(sent: str) -> NDArray[np.uint8]:
    """Draw sixel data as DEC's terminals do, a character at a time."""
    match = re.fullmatch(r'\x1bPq"1;1;(\d+);(\d+)(.*)\x1b\\\n', sent, re.DOTALL)
    assert match is not None
    pixels = np.zeros((int(match[2]) + 6, int(match[1]), 3), np.uint8)
    colours: dict[str, list[int]] = {}
    colour, left, top = "", 0, 0
    for token in re.findall(r"#\d+;2;\d+;\d+;\d+|#\d+|!\d+.|[$-]|[?-~]", match[3]):
        if token.startswith("#") and ";" in token:
            name, _, *levels = token[1:].split(";")
            colours[name] = [round(int(level) * 255 / 100) for level in levels]
        elif token.startswith("#"):
            colour = token[1:]
        elif token in "$-":
            left, top = 0, top + 6 * (token == "-")
        else:
            count, char = (int(token[1:-1]), token[-1]) if token.startswith("!") else (1, token)
            for row in range(6):
                if (ord(char) - 63) >> row & 1:
                    pixels[top + row, left : left + count] = colours[colour]
            left += count
    return pixels[: int(match[2])]


@pytest.mark.parametrize("protocol", ["kitty", "iterm2", "sixel"])
def test_what_is_sent_is_the_picture(protocol: PictureProtocol) -> None:
    np.testing.assert_array_equal(shown_by(protocol, page()), np.asarray(page()))


@pytest.mark.parametrize("protocol", ["kitty", "iterm2", "sixel"])
def test_a_wide_picture_is_made_to_fit(protocol: PictureProtocol) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (150, 300, 3), np.uint8)
    assert shown_by(protocol, Image.fromarray(noise), columns=20).shape == (100, 20 * CELL, 3)
