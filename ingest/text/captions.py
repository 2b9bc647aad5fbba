"""Finds the texts of a page that a picture can be compared with: captions, and other blocks of a few words."""

import re

from pagelens.core.types import PageText

MIN_WORDS = 3  # a block of fewer is a number, a name or a running title
MAX_CHARACTERS = 240  # about what CLIP reads of a text: 77 tokens
MAX_CAPTIONS = 8  # of a page; those that begin like a caption come first

_CAPTION = re.compile(
    r"(fig(ure|\.)?|photo(graph)?|picture|image|plate|illustration|abb(ildung|\.)?|bild|foto|illustrazione|figura|imagen)"
    r"\b[\s.]*\d*",
    re.IGNORECASE,
)


def find_captions(text: PageText) -> list[str]:
    """Return at most `MAX_CAPTIONS` short blocks of a page in reading order, lines joined by blanks."""
    blocks = [" ".join(block.split()) for block in text.text.split("\n\n")]
    short = [
        (number, block)
        for number, block in enumerate(blocks)
        if len(block) <= MAX_CHARACTERS and len(block.split()) >= MIN_WORDS
    ]
    chosen = sorted(short, key=lambda item: (_CAPTION.match(item[1]) is None, item[0]))[:MAX_CAPTIONS]
    return [block for _, block in sorted(chosen)]
