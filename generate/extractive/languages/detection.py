"""Which language a question or a page is in, of those whose questions are understood."""

from collections.abc import Mapping

from pagelens.core.function_words import MAX_CHARACTERS, count_function_words, language_of_script
from pagelens.core.function_words import detect_language as language_code
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
MIN_LEAD = 3  # function words that a page must have more of another language than of the question's


def detect_language(text: str) -> QuestionLanguage | None:
    """Return the language of a question; None where nothing tells."""
    code = language_code(text)
    return LANGUAGES[code] if code else None


def page_language(text: str, language: QuestionLanguage) -> QuestionLanguage:
    """Return the language of a page: that of the question asked about it unless the page is clearly in another."""
    text = text[:MAX_CHARACTERS].lower()
    if by_script := language_of_script(text):
        return LANGUAGES[by_script]
    counts = count_function_words(text)
    best = max(counts, key=lambda code: counts[code])
    return LANGUAGES[best] if counts[best] >= counts.get(language.code, 0) + MIN_LEAD else language
