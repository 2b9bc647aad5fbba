"""Which language a question or a page is in: by its script, else by the function words it has."""

import re
from collections.abc import Mapping

from pagelens.generate.extractive.languages.germanic import DUTCH, ENGLISH, GERMAN
from pagelens.generate.extractive.languages.other_scripts import ARABIC, CHINESE, JAPANESE, KOREAN, RUSSIAN
from pagelens.generate.extractive.languages.question_language import QuestionLanguage
from pagelens.generate.extractive.languages.romance import FRENCH, ITALIAN, PORTUGUESE, SPANISH

LANGUAGES: Mapping[str, QuestionLanguage] = {
    language.code: language
    for language in (
        ENGLISH,
        GERMAN,
        DUTCH,
        FRENCH,
        SPANISH,
        PORTUGUESE,
        ITALIAN,
        RUSSIAN,
        ARABIC,
        CHINESE,
        JAPANESE,
        KOREAN,
    )
}
MAX_CHARACTERS = 4_000  # of a text that are looked at
MIN_LEAD = 3  # function words that a page must have more of another language than of the question's

_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = (  # kana before the ideographs, which Japanese shares
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
)
_SCRIPT_SHARE = 0.3  # of the letters, from which a script decides; an ideograph counts for two letters
_WORDS = {
    code: frozenset(word for word in language.function_words.split() if len(word) > 1)
    for code, language in LANGUAGES.items()
    if code in ("en", "de", "nl", "fr", "es", "pt", "it")
}


def detect_language(text: str) -> QuestionLanguage | None:
    """Return the language of a question; None where nothing tells."""
    text = text[:MAX_CHARACTERS].lower()
    if by_script := _by_script(text):
        return by_script
    counts = _counts(text)
    best = max(counts, key=lambda code: (counts[code], code == "en"))
    return LANGUAGES[best] if counts[best] else None


def page_language(text: str, language: QuestionLanguage) -> QuestionLanguage:
    """Return the language of a page: that of the question asked about it unless the page is clearly in another."""
    text = text[:MAX_CHARACTERS].lower()
    if by_script := _by_script(text):
        return by_script
    counts = _counts(text)
    best = max(counts, key=lambda code: counts[code])
    return LANGUAGES[best] if counts[best] >= counts.get(language.code, 0) + MIN_LEAD else language


def _by_script(text: str) -> QuestionLanguage | None:
    letters = sum(map(len, _WORD.findall(text)))
    for code, script in _SCRIPTS:
        found = len(script.findall(text)) * (2 if code in ("ja", "zh") else 1)
        if found and found >= _SCRIPT_SHARE * letters:
            return LANGUAGES[code]
    return None


def _counts(text: str) -> dict[str, int]:
    """Return how many function words of each language with Latin letters a text has."""
    words = _WORD.findall(text)
    return {code: sum(word in known for word in words) for code, known in _WORDS.items()}
