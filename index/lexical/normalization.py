"""Brings texts to one spelling before they are split into words: Unicode form, marks, variants of letters, digits.

all scripts    form NFKC (full and half width, ligatures), combining marks that make no letter, digits of any script
               as 0-9, superscripts and fractions apart from the digits before them, soft hyphens and invisible marks
Arabic script  vowel signs and tatweel left out; one form of alef, hamza carriers, ya, ta marbuta, kaf and heh
Hebrew         points left out
Greek          accents left out, one sigma
Cyrillic       ё as е, stress marks left out
Devanagari     nukta left out, nasal consonants before others and candrabindu as anusvara (हिन्दी is हिंदी)
Turkish        İ and ı as i (ı with the accents of Latin letters, which the analyzer folds)
"""

import re
import unicodedata

_ARABIC_LETTERS = {
    **dict.fromkeys("أإآٱ", "ا"),
    "ؤ": "و",
    **dict.fromkeys("ئىیے", "ي"),
    **dict.fromkeys("ةۀہھە", "ه"),
    "ک": "ك",
    "٬": ",",  # the separator of thousands
    "٫": ".",
    "٪": "%",
}
_OTHER_LETTERS = {"ё": "е", "Ё": "Е", "İ": "i", "ς": "σ", "Σ": "σ", "’": "'", "ʼ": "'"}
_INVISIBLE = "\u00ad\u200d\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
# Vowel signs and other marks of Arabic, tatweel; Hebrew points; nukta; combining marks.
_MARKS = (
    "\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0640"
    "\u093c\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
)
_LEFT_OUT = re.compile(f"[{_INVISIBLE}{_MARKS}]")
_NASALS = re.compile("[\u0919\u091e\u0923\u0928\u092e]\u094d(?=[\u0915-\u0939])|\u0901")
_RAISED_DIGIT = re.compile("[\u00b2\u00b3\u00b9\u2070-\u2089\u00bc-\u00be\u2150-\u215f]")
_RAISED = re.compile(f"(?<=[0-9])(?={_RAISED_DIGIT.pattern})")


def _greek_letters() -> dict[str, str]:
    letters = [chr(code) for code in (*range(0x370, 0x400), *range(0x1F00, 0x2000))]
    return {letter: base for letter in letters if (base := unicodedata.normalize("NFD", letter)[0]) != letter}


def _digits() -> dict[str, str]:
    others = (chr(code) for code in range(0x80, 0x20000) if chr(code).isdecimal())  # the last are U+1FBF0 to U+1FBF9
    return {digit: str(unicodedata.decimal(digit)) for digit in others}


_LETTERS = str.maketrans({**_greek_letters(), **_digits(), **_ARABIC_LETTERS, **_OTHER_LETTERS})
_TRANSLATED = re.compile(f"[{''.join(chr(code) for code in _LETTERS if code <= 0xFFFF)}]")
_BEYOND = re.compile("[\U00010000-\U0010ffff]")  # apart from the other class, which `re` then searches 30 times as fast


def normalized(text: str) -> str:
    """Return a text in one spelling, its case and the accents of Latin letters kept."""
    if text.isascii():
        return text
    composed = unicodedata.normalize("NFKC", _RAISED.sub(" ", text) if _RAISED_DIGIT.search(text) else text)
    # Marks that stand before another letter form: hamza above alef is one character in NFKC, and goes with the table.
    plain = _NASALS.sub("\u0902", _LEFT_OUT.sub("", composed)).replace("’", "'")
    return plain.translate(_LETTERS) if _BEYOND.search(plain) or _TRANSLATED.search(plain) else plain
