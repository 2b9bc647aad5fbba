"""The language that descriptions are written in: its name for the model, and a guess from texts of the collection."""

import re
from collections import Counter
from collections.abc import Iterable

DEFAULT = "en"
MIN_WORDS = 5  # common words that a guess rests on at least
MIN_SHARE = 0.5  # of the common words found that the guessed language has

_NAMES = (
    "ar:Arabic bg:Bulgarian cs:Czech da:Danish de:German el:Greek en:English es:Spanish et:Estonian fi:Finnish "
    "fr:French he:Hebrew hi:Hindi hu:Hungarian it:Italian ja:Japanese ko:Korean lt:Lithuanian lv:Latvian nl:Dutch "
    "no:Norwegian pl:Polish pt:Portuguese ro:Romanian ru:Russian sk:Slovak sl:Slovenian sv:Swedish th:Thai tr:Turkish "
    "uk:Ukrainian vi:Vietnamese zh:Chinese"
)
NAMES = dict(pair.split(":") for pair in _NAMES.split())

_COMMON = {
    "de": "der die das und ist nicht ein eine mit auf für von dem den im zu auch wird",
    "en": "the and of is not a an with on for from in to this that was are by",
    "es": "el la los las y es no un una con en por para del que se su",
    "fr": "le la les et est pas un une avec dans pour du des que sur au aux",
    "it": "il lo gli e è non un una con per del della che di nel sono alla",
    "nl": "de het een en is niet met op voor van dat te zijn aan ook bij",
    "pt": "o os as e é não um uma com em por para do da que ao dos",
    "sv": "och är inte en ett med på för av att det som den till",
    "da": "og er ikke en et med på for af at det som den til ved",
    "pl": "i jest nie w na z do się to że od po jak",
    "fi": "ja on ei se että oli hän mutta kun niin tai ovat",
    "tr": "ve bir bu ile için değil da de çok olarak var",
    "cs": "a je není v na se s do že to z po jak",
    "ru": "и в не на с что это по как из для от",
    "uk": "і в не на з що це по як із для від та",
}
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),  # kana: before the ideographs, which Japanese shares
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
_SCRIPT_SHARE = 0.3  # of the letters that are in a script, from which it decides


def language_name(code: str) -> str:
    """Return "German (de)"; an unknown code as it is."""
    return f"{NAMES[code]} ({code})" if code in NAMES else code


def guess_language(texts: Iterable[str]) -> str:
    """Return the code of the language that most of the texts are in; `DEFAULT` where too little says so."""
    text = "\n".join(texts).lower()
    letters = sum(map(len, _WORD.findall(text)))
    for code, pattern in _SCRIPTS:
        if letters and len(pattern.findall(text)) > _SCRIPT_SHARE * letters:
            return code
    counts = Counter(_WORD.findall(text))
    found = {code: sum(counts[word] for word in words.split()) for code, words in _COMMON.items()}
    best = max(found, key=lambda code: found[code])
    total = sum(counts[word] for word in {word for words in _COMMON.values() for word in words.split()})
    return best if found[best] >= MIN_WORDS and found[best] > MIN_SHARE * total else DEFAULT
