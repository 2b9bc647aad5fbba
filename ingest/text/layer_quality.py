"""Finds text layers whose letters are wrongly mapped: shifted or exchanged ones, and Cyrillic or Greek as Latin-1.

A page shows the right letters then, and its file names others. Letters of another code page are decoded; the rest is
for OCR to decide, which compares one line (`worst_line`) with what it reads there.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from pagelens.core.types import PageText
from pagelens.ingest.text.letter_pairs import LIMIT, PairScore, fold_letters, pair_logs, pair_score
from pagelens.ingest.text.page_text import REPLACEMENT

LAYER_DOUBTFUL = "its text layer is doubtful"
"""The problem of a page whose letters are wrongly mapped, as it seems; it may go on with ": " and a reason."""

MIN_BLOCK_PAIRS = 40  # letter pairs of a block that is judged by itself
BLOCK_MARGIN = 0.5  # by which a block must be less likely than a page
MIN_WRONG_LETTERS = 20  # in words of accented letters only, from which they are taken for another script
MIN_WRONG_WORD = 3  # letters of such a word
_WRONG_SHARE = 0.8  # of its characters that are accented letters (U+00C0..00FF); the rest are signs of U+00A1..00BF
MIN_LINE_CHARACTERS = 8  # of a line that is compared
MIN_CHARACTERS = 40  # of a text whose share of signs is judged
MIN_LONE_SIGNS = 3  # words of a Brahmic script that begin with a dependent vowel sign or lack a letter,
LONE_SIGN_SHARE = 0.05  # and their share of the words in it
MAX_SIGN_SHARE = 0.25  # of signs that are seldom in texts; a page of a program has up to 0.2
MAX_COMPARED = 200  # letters and digits of a line: comparing takes the square of that
MIN_SIMILARITY = 0.6  # of two readings of a line that are the same text

_SIGN = re.compile(r"[<>\[\]{}^~\\@#!?`$%\u00a1-\u00bf\u02c6\u02dc\u2018-\u203a\u20ac\u2122]")
_OTHER_SCRIPT = re.compile("[\u0590-\u1dff\u2c80-\ud7ff\uf900-\uffef]")  # letters of which no pairs were counted
_BRAHMIC_LETTER = "\u0900-\u0963\u0971-\u0dff\u1000-\u109f\u1780-\u17dd"
_BRAHMIC_WORD = re.compile(rf"\ufffd*[{_BRAHMIC_LETTER}][{_BRAHMIC_LETTER}\ufffd]+")
_BRAHMIC_GAP = re.compile(rf"[{_BRAHMIC_LETTER}]\ufffd|\ufffd[{_BRAHMIC_LETTER}]")
_REPEATED = re.compile(r"(\S)\1{2,}|\s")  # rules of a table

# What the bytes were taken for, and what they are.
_CODE_PAGES = (
    ("cp1252", "cp1251"),
    ("cp1252", "koi8_u"),
    ("cp1252", "iso8859_5"),
    ("cp1252", "mac_cyrillic"),
    ("mac_roman", "mac_cyrillic"),
    ("cp1252", "cp1253"),
    ("cp1252", "iso8859_7"),
)


class Decoded(NamedTuple):
    """A page's text with letters of another code page decoded, and that code page's name."""

    text: PageText
    code_page: str


def layer_problem(text: str) -> str:
    """Return `LAYER_DOUBTFUL` where the letters of a page's text layer seem to be wrongly mapped, else ""."""
    has_other_script = len("".join(wrong_words(text))) >= MIN_WRONG_LETTERS
    is_wrong = has_other_script or _has_unlikely_letters(text) or _is_full_of_signs(text) or _has_lone_signs(text)
    return LAYER_DOUBTFUL if is_wrong else ""


def decode_wrong_letters(text: PageText) -> Decoded | None:
    """Return the text with its words of accented Latin letters decoded as Cyrillic or Greek; None where it has none.

    The code page is the one in which the words are likely in a language; spans and boxes stay.
    """
    line = " ".join(wrong_words(text.text))
    if len(line.replace(" ", "")) < MIN_WRONG_LETTERS:
        return None
    readings = [(line.translate(table), name, table) for name, table in _translations()]
    scored = [
        (sum(map(str.isalpha, reading)), pair_score(reading), name, table)
        for reading, name, table in readings
        if _is_of_one_script(reading)
    ]
    _, score, name, table = max(scored, key=lambda row: row[:2], default=(0, PairScore(0, 0), "", {}))
    if not score.is_likely:
        return None
    decoded = "".join(
        part.translate(table) if not re.search("[A-Za-z]", part) else part for part in re.split(r"(\s+)", text.text)
    )
    return Decoded(replace(text, text=decoded), name)


def wrong_words(text: str) -> list[str]:
    """Return the words of accented Latin letters only, without the punctuation around them. No language has them."""
    if text.isascii():
        return []
    words = re.findall(r"[^\W\d_A-Za-z][^\s\x00-\x7f]*", text)
    return [word for word in (word.rstrip("»”’") for word in words) if _is_wrong(word)]


def worst_line(text: PageText) -> tuple[int, int]:
    """Return the line that speaks most against a text layer: its first word, and the word after its last.

    (0, 0) where no line has `MIN_LINE_CHARACTERS`.
    """
    lines = _lines(text)
    worst, least = (0, 0), 0.0
    for first, end in lines:
        content = text.text[text.spans[first, 0] : text.spans[end - 1, 1]]
        logs = pair_logs(fold_letters(content)).logs
        evidence = float((logs - LIMIT).sum()) - len("".join(wrong_words(content))) - len(_SIGN.findall(content))
        if len(_REPEATED.sub("", content)) >= MIN_LINE_CHARACTERS and (worst == (0, 0) or evidence < least):
            worst, least = (first, end), evidence
    return worst


def same_text(first: str, second: str) -> bool:
    """Tell whether two readings of a line are the same text but for errors of OCR."""
    one, other = ("".join(filter(str.isalnum, text.casefold()))[:MAX_COMPARED] for text in (first, second))
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= MIN_SIMILARITY


def script_with_gaps(text: str) -> str:
    """Return the Brahmic script whose words lack letters, as Unicode names it ("Devanagari"); "" if there is none."""
    found = None if text.isascii() else _BRAHMIC_GAP.search(text)
    return unicodedata.name(found[0].strip(REPLACEMENT)).split()[0].capitalize() if found else ""


def _is_of_one_script(text: str) -> bool:
    """Tell whether no accented Latin letter is left, as where a code page has none for a byte."""
    return not re.search("[\u00c0-\u024f]", text)


def _is_wrong(word: str) -> bool:
    accented = sum("\u00c0" <= char <= "\u00ff" for char in word)
    return len(word) >= MIN_WRONG_WORD and accented >= _WRONG_SHARE * len(word)


def _is_full_of_signs(text: str) -> bool:
    characters = _REPEATED.sub("", text)
    return len(characters) >= MIN_CHARACTERS and len(_SIGN.findall(characters)) > MAX_SIGN_SHARE * len(characters)


def _has_lone_signs(text: str) -> bool:
    """Tell whether a text in a Brahmic script has vowel signs before their consonant, as drawn, or lacks letters."""
    words = [] if text.isascii() else _BRAHMIC_WORD.findall(text)
    lone = sum("\ufffd" in word or unicodedata.category(word[0]) in ("Mn", "Mc") for word in words)
    return lone >= MIN_LONE_SIGNS and lone >= LONE_SIGN_SHARE * len(words)


def _has_unlikely_letters(text: str) -> bool:
    """Tell whether a page's letter pairs, or those of a block by itself, are unlikely in every language.

    A few names among letters of a script that is not known here say nothing.
    """
    folded = fold_letters(text)
    positions, logs = found = pair_logs(folded)
    if not text.isascii() and len(_OTHER_SCRIPT.findall(text)) > len(logs):
        return False
    if found.score.is_unlikely():
        return True
    ends = [match.start() for match in re.finditer("\n\n", folded)]
    cuts = np.unique(np.searchsorted(positions, ends))
    for start, end in pairwise([0, *cuts.tolist(), len(logs)]):
        block = PairScore(float(logs[start:end].mean()) if end > start else 0.0, end - start)
        if block.pairs >= MIN_BLOCK_PAIRS and block.is_unlikely(margin=BLOCK_MARGIN):
            alone = pair_logs(folded[positions[start] : positions[end - 1] + 2]).score  # in its own language
            if alone.is_unlikely(margin=BLOCK_MARGIN):
                return True
    return False


def _lines(text: PageText) -> Sequence[tuple[int, int]]:
    spans = text.spans.tolist()
    starts = [0, *(n for n in range(1, len(spans)) if "\n" in text.text[spans[n - 1][1] : spans[n][0]])]
    return list(pairwise([*starts, len(spans)])) if spans else []


def _translations() -> list[tuple[str, dict[int, str]]]:
    """Return for each code page the characters for which its bytes were taken, and those that they are."""
    tables = []
    for taken_for, code_page in _CODE_PAGES:
        table: dict[int, str] = {}
        for byte in range(0x80, 0x100):
            wrong, right = (bytes([byte]).decode(name, "ignore") for name in (taken_for, code_page))
            if wrong and right:
                table[ord(wrong)] = right
        tables.append((code_page, table))
    return tables
