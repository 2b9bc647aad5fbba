"""Language codes: ISO 639 codes of two or three letters, and the names of Tesseract's language data."""

from collections.abc import Iterable

from pagelens.core.errors import UsageError

# Two-letter codes and the names of Tesseract's data.
_LATIN = (
    "af:afr az:aze bs:bos ca:cat cs:ces cy:cym da:dan de:deu en:eng es:spa et:est eu:eus fi:fin fr:fra ga:gle gl:glg "
    "hr:hrv hu:hun id:ind is:isl it:ita la:lat lb:ltz lt:lit lv:lav ms:msa mt:mlt nl:nld no:nor oc:oci pl:pol pt:por "
    "ro:ron sk:slk sl:slv sq:sqi sv:swe sw:swa tl:tgl tr:tur uz:uzb"
)
_EAST = "zh:chi_sim ja:jpn"
_OTHER = (
    "am:amh ar:ara be:bel bg:bul bn:ben el:ell fa:fas gu:guj he:heb hi:hin hy:hye ka:kat kk:kaz km:khm kn:kan ko:kor "
    "ky:kir lo:lao mk:mkd ml:mal mn:mon mr:mar my:mya ne:nep pa:pan ru:rus sr:srp ta:tam te:tel tg:tgk th:tha uk:ukr "
    "ur:urd vi:vie yi:yid"
)


def _table(text: str) -> dict[str, str]:
    return dict(pair.split(":") for pair in text.split())


TESSERACT_NAMES = _table(f"{_LATIN} {_EAST} {_OTHER}")
"""Two-letter code to the name of Tesseract's data."""

PP_OCR_LANGUAGES = frozenset(_table(f"{_LATIN} {_EAST}"))
"""Two-letter codes of the languages that the models in the rapidocr wheel read."""

_SCRIPTS = {
    "Arabic": "ar fa ur",
    "Armenian": "hy",
    "Bengali": "bn",
    "Cyrillic": "ru uk be bg kk ky mk mn sr tg",
    "Devanagari": "hi mr ne",
    "Ethiopic": "am",
    "Georgian": "ka",
    "Greek": "el",
    "Gujarati": "gu",
    "Gurmukhi": "pa",
    "Hangul": "ko",
    "Hebrew": "he yi",
    "Kannada": "kn",
    "Khmer": "km",
    "Korean": "ko",
    "Lao": "lo",
    "Malayalam": "ml",
    "Myanmar": "my",
    "Tamil": "ta",
    "Telugu": "te",
    "Thai": "th",
}
SCRIPT_LANGUAGES = {script: tuple(codes.split()) for script, codes in _SCRIPTS.items()}
"""Script, as Tesseract's script detection names it, to the two-letter codes of its languages. The scripts that the
models in the rapidocr wheel read are left out."""

_TWO_LETTER_CODES = {name: code for code, name in TESSERACT_NAMES.items()} | {"zho": "zh", "chi_tra": "zh", "chi": "zh"}


def two_letter_code(code: str) -> str:
    """Return the two-letter code of a language ("deu": "de"); an unknown code as it is, in lower case."""
    code = code.strip().lower()
    return _TWO_LETTER_CODES.get(code, code)


def tesseract_name(code: str) -> str:
    """Return the name of Tesseract's data for a language ("de": "deu"); an unknown code as it is."""
    code = code.strip()
    return TESSERACT_NAMES.get(code.lower(), code)


def check_pp_ocr_languages(languages: Iterable[str]) -> None:
    """Raise UsageError if the models in the rapidocr wheel do not read one of the languages."""
    unread = [code for code in languages if two_letter_code(code) not in PP_OCR_LANGUAGES]
    if unread:
        raise UsageError(
            f"expected languages that RapidOCR's models read (Latin letters, Chinese, Japanese), found "
            f"{', '.join(unread)}: choose the engine tesseract and install its data for it"
        )
