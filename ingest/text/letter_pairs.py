"""How likely the pairs of neighbouring letters of a text are in the languages of its script: Latin, Cyrillic, Greek.

The tables in `letter_pairs.npz` are made by `benchmarks/build_letter_pairs.py`: 31 languages in Latin letters, four in
Cyrillic ones, and Greek. A text whose letters were exchanged has unlikely pairs in all of them, a text in a language
without a table has not: docs/LOG.md has the measured scores.
"""

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TABLES_FILE = Path(__file__).with_name("letter_pairs.npz")
ALPHABETS = {
    "latin": "abcdefghijklmnopqrstuvwxyz",
    "cyrillic": "абвгдежзиклмнопрстуфхцчшщъыьэюяієґјљњћђџѕ",
    "greek": "αβγδεζηθικλμνξοπρστυφχψω",
}
LANGUAGES = {  # of the tables' rows
    "latin": "af ca cs cy da de en es et fi fr hr hu id it lt lv nl no pl pt ro sk sl so sq sv sw tl tr vi".split(),
    "cyrillic": "ru uk bg mk".split(),
    "greek": ["el"],
}
LEAST_PROBABILITY = 2e-5  # of a pair, added to each
STEPS = 255  # of the logarithms in the tables, from `LEAST_PROBABILITY` to 1

MIN_PAIRS = 20  # fewer are not judged
# A text is unlikely whose mean logarithm of a pair's probability is below LIMIT - SPREAD / sqrt(pairs), and likely from
# LIMIT + SPREAD / sqrt(pairs) on.
LIMIT, SPREAD = -6.3, 2.5

MIN_LETTERS = 100  # of a text whose language is told

_LATIN_LETTER = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_ADDRESS = re.compile(r"://|www\.|@")  # in what is no word of a language
_BLANKS = re.compile(r"(\s+)")
_LATEST_TEXTS = 2  # whose pairs are kept: a page's are counted when it is read, and again before OCR
_PLAIN = str.maketrans("ßøłđıæœþðŋħςŧə", "soldiaotdnhσte")  # letters that have no accent to be taken off
_BOUNDARY, _MARK, _SKIPPED = 0, 254, 255  # codes besides those of letters, from 1; of combining accents; of digits


class PairScore(NamedTuple):
    """The mean logarithm of the probability of a text's pairs in the language that fits best, and their number."""

    mean: float
    pairs: int

    def is_unlikely(self, *, margin: float = 0.0) -> bool:
        """Tell whether no language has such pairs; `margin` lowers the limit."""
        return self.pairs >= MIN_PAIRS and self.mean < LIMIT - margin - SPREAD / self.pairs**0.5

    @property
    def is_likely(self) -> bool:
        """Whether some language has such pairs, beyond doubt."""
        return self.pairs >= MIN_PAIRS and self.mean >= LIMIT + SPREAD / self.pairs**0.5


class PairLogs(NamedTuple):
    """The pairs of a folded text in its main script: where each begins, and its logarithm in the language found."""

    positions: NDArray[np.int64]  # (n_pairs,)
    logs: NDArray[np.float32]  # (n_pairs,)

    @property
    def score(self) -> PairScore:
        """The score of the whole text."""
        return PairScore(float(self.logs.mean()) if len(self.logs) else 0.0, len(self.logs))


@lru_cache(_LATEST_TEXTS)
def fold_letters(text: str) -> str:
    """Return the text in small letters without accents and addresses; line ends stay."""
    plain = text.lower()
    if _ADDRESS.search(plain):
        plain = "".join([" " if _ADDRESS.search(part) else part for part in _BLANKS.split(plain)])
    if not plain.isascii():
        plain = unicodedata.normalize("NFD", plain).translate(_PLAIN)
    return plain


def pair_score(text: str) -> PairScore:
    """Return the score of a text in its main script; without pairs it is (0, 0)."""
    return pair_logs(fold_letters(text)).score


def is_english(text: str) -> bool | None:
    """Tell whether a text is in English, by its script and its pairs of letters; None for one of few words."""
    letters = sum(map(str.isalpha, text))
    if letters < MIN_LETTERS:
        return None
    if len(_LATIN_LETTER.findall(text)) < letters / 2:
        return False
    table = _tables()["latin"]
    pairs, _ = _pairs_in("latin", _points(fold_letters(text)))
    counts = np.bincount(pairs, minlength=table.shape[1])
    return LANGUAGES["latin"][int((table @ counts).argmax())] == "en"


@lru_cache(_LATEST_TEXTS)
def pair_logs(folded: str) -> PairLogs:
    """Return the pairs of a text that `fold_letters` returned. Words of one letter or with digits are left out."""
    points = _points(folded)
    best = PairLogs(np.zeros(0, np.int64), np.zeros(0, np.float32))
    for script in ALPHABETS if not folded.isascii() else ("latin",):
        found = _logs_in(script, points)
        if len(found.logs) > len(best.logs):
            best = found
    return best


def _points(folded: str) -> NDArray[np.uint32]:
    return np.frombuffer(folded.encode("utf-32-le", "replace"), np.uint32)


def _logs_in(script: str, points: NDArray[np.uint32]) -> PairLogs:
    table = _tables()[script]
    pairs, positions = _pairs_in(script, points)
    if not len(pairs):
        return PairLogs(np.zeros(0, np.int64), np.zeros(0, np.float32))
    language = int((table @ np.bincount(pairs, minlength=table.shape[1])).argmax())
    return PairLogs(positions, table[language][pairs])


def _pairs_in(script: str, points: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of each pair in the tables of a script, and where it begins, both (n_pairs,)."""
    codes_of = _codes(script)
    codes = codes_of[np.minimum(points, len(codes_of) - 1)]
    marks = codes == _MARK
    places = np.flatnonzero(~marks)
    if not len(places):
        return np.zeros(0, np.int64), places
    codes = np.concatenate(([_BOUNDARY], codes[places], [_BOUNDARY])).astype(np.int64)
    is_letter = (codes != _BOUNDARY) & (codes != _SKIPPED)
    alone = is_letter[1:-1] & (codes[:-2] == _BOUNDARY) & (codes[2:] == _BOUNDARY)
    codes[1:-1][alone] = _SKIPPED
    first, second = codes[:-1], codes[1:]
    counted = (first != _SKIPPED) & (second != _SKIPPED) & (first + second > 0)
    size = len(ALPHABETS[script]) + 1
    return first[counted] * size + second[counted], np.concatenate((places[:1] - 1, places))[counted]


@cache
def _codes(script: str) -> NDArray[np.uint8]:
    """Return the code of each character up to U+0530; all others have that of the last."""
    codes = np.full(0x530, _BOUNDARY, np.uint8)
    for point in range(len(codes)):
        char = chr(point)
        if unicodedata.combining(char):
            codes[point] = _MARK
        elif char.isdigit() or (char.isalpha() and unicodedata.name(char, "").startswith(script.upper())):
            codes[point] = _SKIPPED
    for number, char in enumerate(ALPHABETS[script], start=1):
        codes[ord(char)] = number
    return codes


@cache
def _tables() -> dict[str, NDArray[np.float32]]:
    """Return for each script the logarithms of its pairs, (n_languages, n_letters + 1 squared)."""
    least = np.log(LEAST_PROBABILITY)
    with np.load(TABLES_FILE, allow_pickle=False) as file:
        return {
            script: (least - least / STEPS * file[script].astype(np.float32)).astype(np.float32) for script in ALPHABETS
        }
