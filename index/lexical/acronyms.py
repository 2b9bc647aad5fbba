"""Acronyms: those spelled like stop words (WHO, IT, US, vitamin A) are marked and so not left out; U.S. is US."""

import re
from collections.abc import Collection

MARK = "\ua7f7"  # a letter that no text has; stands after an acronym until stop words are left out
_MAX_WORDS = 3  # of a line in capitals ("IT DESK") in which one may be an acronym
_MAX_LINE = 200  # characters on either side that are examined
# Patterns begin with a class of characters, so that `re` looks only where one stands.
_CAPITALS = re.compile(r"[A-Z](?<![^\W_][A-Z])[A-Z]{0,5}(?![^\W_])")
_DOTTED = re.compile(r"[A-Z](?<![^\W_][A-Z])\.(?:(?:[A-Z]\.){1,4}(?![^\W_])|(?:[A-Z]\.){0,3}[A-Z](?![^\W_]))")
_NAME_BEFORE = re.compile(r"([A-Z][a-z]+) $")
_WORD = re.compile(r"[^\W\d_]+")


def mark_acronyms(text: str, stopwords: Collection[str]) -> str:
    """Return the text with a mark after each acronym that is spelled like a stop word, and without full stops in them.

    Such a word is one in capitals where the line has small letters, or few words. A alone is one after another word
    ("vitamin A"), I after a name ("Part I").
    """
    if "." in text:
        text = _DOTTED.sub(lambda match: match.group().replace(".", "") + MARK, text)
    found = [match for match in _CAPITALS.finditer(text) if match.group().lower() in stopwords]
    pieces, last = [], 0
    for match in found:
        if _is_acronym(text, match.start(), match.end(), stopwords):
            pieces += [text[last : match.end()], MARK]
            last = match.end()
    return "".join((*pieces, text[last:])) if pieces else text


def _is_acronym(text: str, start: int, end: int, stopwords: Collection[str]) -> bool:
    earliest, latest = max(0, start - _MAX_LINE), end + _MAX_LINE
    first = max(text.rfind("\n", earliest, start) + 1, earliest)
    if end - start == 1:
        before = text[first:start]
        if text[start] == "A":
            return before[-1:] == " " and before[-2:-1].isalnum() and text[end : end + 1] != "."
        name = _NAME_BEFORE.search(before)
        return name is not None and name.group(1).lower() not in stopwords
    line_end = text.find("\n", end, latest)
    line = text[first : line_end if line_end >= 0 else latest]
    if not line.isupper():
        return True
    words = _WORD.findall(line)
    return len(words) <= _MAX_WORDS and sum(word.lower() in stopwords for word in words) == 1
