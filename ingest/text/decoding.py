"""Decodes the bytes of texts: by mark, by declared encoding, as UTF-8, and else by the statistics of chardet.

Encodings are named as in the WHATWG Encoding Standard. UTF-16 and UTF-32 without a byte order mark are recognised by
their control bytes, which no other encoding of text has, and by the blocks that their characters come from.
"""

import codecs
import re
import unicodedata
from dataclasses import dataclass

SURE_CHARACTERS = 20
"""Bytes above ASCII that a text needs for its encoding to count as recognised: with fewer, short texts were misread."""
PLAUSIBLE_SHARE = 0.95
"""Of the characters of UTF-16 without a mark, those in common blocks; in the wrong byte order about half are."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before the mark of UTF-16, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{1,40})|<\?xml[^>]{0,200}?encoding=["']([\w.:-]+)"""
    rb"""|\A@charset\s+"([\w.:-]+)"|\A(?:.*\n)?.{0,40}coding[:=]\s*([\w.-]{1,40})""",
    re.I,
)
_DECLARED_BYTES = 2048
_TAGS = re.compile(rb"<[^<>]{0,2000}>")
_STATISTICS_BYTES = 200_000
# The candidates: an encoding to the codecs that are tried, widest first (a declared `shift_jis` may hold more than it).
_CODECS = {
    "Shift_JIS": ("cp932", "shift_jis_2004"),
    "EUC-JP": ("euc_jp", "euc_jis_2004"),
    "ISO-2022-JP": ("iso2022_jp", "iso2022_jp_2"),
    "GB18030": ("gb18030",),
    "Big5": ("cp950", "big5hkscs"),
    "EUC-KR": ("cp949",),
    "KOI8-R": ("koi8-r",),
    "KOI8-U": ("koi8-u",),
    "windows-874": ("cp874",),
    "IBM866": ("cp866",),
    "IBM850": ("cp850",),
    "IBM852": ("cp852",),
    "macintosh": ("mac-roman",),
    **{f"windows-{page}": (f"cp{page}",) for page in range(1250, 1259)},
    **{f"ISO-8859-{part}": (f"iso8859-{part}",) for part in (1, 2, 5, 6, 7, 8, 9, 13, 15, 16)},
}
_DETECTOR_NAMES = {"Shift_JIS": "cp932", "EUC-JP": "euc_jis_2004", "ISO-2022-JP": "iso2022_jp_2", "Big5": "big5hkscs"}
# Names that stand for a wider encoding in practice, as browsers take them.
_WIDER = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
}
_ALIASES = {
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "ks_c_5601-1987": "cp949",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gb18030",
}
_NAMES = {codec: name for name, tried in _CODECS.items() for codec in tried}
_NOT_OF_FILES = ("unicode_escape", "raw_unicode_escape", "punycode", "idna", "utf_7", "undefined", "hz", "mbcs", "oem")
_USUAL = ("windows-1252", "IBM850", "macintosh")  # of texts with few letters above ASCII: any language may have them
_ONE_LETTER_WORDS = "àèéêíóöøåáýúůæÀÈÉÍÓÁÅÖØ"
_WITHIN_WORDS = "’‘·\xad‐‑–—…"
_OPENING, _CLOSING = "“¿¡", "”"
_RARE_SIGNS = re.compile(
    "[\x80-\x9f´¨¸¯˛ˇ˘˙˝\u2200-\u2211\u2213-\u221d\u221f-\u2247\u2249-\u225f\u2262\u2263\u2266-\u22ff\u2500-\u259f]"
)
_NOT_ASCII = re.compile("[^\x00-\x7f]")
_BETWEEN_LETTERS = ("HEBREW", "ARABIC", "CYRILLIC", "GREEK", "THAI")  # scripts whose words hold no Latin letters
_ABOVE_ASCII = bytes(range(128, 256))
# Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic, the scripts of India, Thai, Georgian, punctuation, kana, full width.
_COMMON_BLOCKS = frozenset((0, 1, 2, 3, 4, 5, 6, 9, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x10, 0x1E, 0x20, 0x30, 0xFF))
_WHITESPACE = "\t\n\r\f\x0b"


@dataclass(frozen=True, slots=True)
class DecodedText:
    """A text with the encoding that it was decoded by."""

    text: str
    encoding: str
    is_guess: bool = False  # by statistics, from too few characters to be sure
    replaced: int = 0  # characters that could not be decoded

    @property
    def problem(self) -> str:
        """What a reader should know; empty where nothing is in doubt."""
        if self.replaced:
            return f"{self.replaced} of its characters cannot be decoded as {self.encoding}: save it as UTF-8"
        return f"its encoding is a guess: {self.encoding}" if self.is_guess else ""


def decode(data: bytes, declared: str = "") -> DecodedText:
    """Decode a text. `declared` is an encoding that its container names, such as a mail's header."""
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return _replacing(data, codec, codec.removesuffix("-sig").upper())
    if (wide := wide_encoding(data)) is not None:
        return _replacing(data, wide, wide.upper())
    for codec in (_codec(declared), _declared_codec(data)):
        if codec and (text := _strict(data, codec)) is not None:
            return DecodedText(text, _display_name(codec))
    if b"\x1b$" in data and (text := _strict(data, "iso2022_jp_2")) is not None:
        return DecodedText(text, "ISO-2022-JP")
    if (text := _strict(data, "utf-8")) is not None:
        return DecodedText(text, "UTF-8")
    if _is_damaged_utf_8(data):
        return _replacing(data, "utf-8", "UTF-8")
    return _by_statistics(data)


def wide_encoding(data: bytes) -> str | None:
    """Return which of UTF-16 and UTF-32, without a mark, bytes are; None where they are something else."""
    sample = data[:4096]
    if not any(byte < 32 and chr(byte) not in _WHITESPACE and byte != 0x1B for byte in sample):
        return None
    for codec in _WIDE:
        unit = 4 if "32" in codec else 2
        try:
            text = sample[: len(sample) // unit * unit].decode(codec, "strict" if unit == 4 else "ignore")
        except UnicodeDecodeError:
            continue
        if len(text) >= 2 and _plausible_share(text) >= PLAUSIBLE_SHARE:
            return codec
    return None


def _plausible_share(text: str) -> float:
    return sum(map(_is_plausible, text)) / len(text)


def _is_plausible(char: str) -> bool:
    """Tell whether a character is common in texts: a letter, mark, digit or sign of a script that is much used."""
    if char in _WHITESPACE:
        return True
    block = ord(char) >> 8
    is_common = block in _COMMON_BLOCKS or 0x4E <= block <= 0x9F or 0xAC <= block <= 0xD7
    return is_common and unicodedata.category(char)[0] != "C"


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (LookupError, UnicodeError):
        return None


def _replacing(data: bytes, codec: str, name: str) -> DecodedText:
    text = data.decode(codec, "replace")
    return DecodedText(text, name, replaced=max(0, text.count("\ufffd") - data.count(b"\xef\xbf\xbd")))


def _codec(declared: str) -> str:
    """Return the codec of a declared encoding, a wider one where browsers take it so; "" for an unknown name."""
    name = declared.strip().strip("\"'").lower()
    if not name:
        return ""
    try:
        codec = codecs.lookup(_ALIASES.get(name, name)).name
    except (LookupError, ValueError):
        return ""
    if codec == "ascii" or codec.replace("-", "_") in _NOT_OF_FILES:  # ASCII: that of mail programs which do not know
        return ""
    # A declaration that was read as ASCII does not stand in UTF-16 (HTML, 13.2.3.3).
    return "utf-8" if codec.startswith(("utf-16", "utf-32")) else _WIDER.get(codec, codec)


def _declared_codec(data: bytes) -> str:
    found = _DECLARED.search(data[:_DECLARED_BYTES])
    name = next((part.decode("ascii", "ignore") for part in found.groups() if part), "") if found else ""
    return _codec(name)


def _display_name(codec: str) -> str:
    return _NAMES.get(codec, codec.upper())


def _is_damaged_utf_8(data: bytes) -> bool:
    """Tell whether bytes are UTF-8 but for a few: cut off at the end, or with pieces of another encoding."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    right = len(text) - len(text.encode("ascii", "ignore")) - wrong
    return right >= 4 * wrong


def _by_statistics(data: bytes) -> DecodedText:
    import chardet

    sample = _TAGS.sub(b" ", data[:_STATISTICS_BYTES])
    found = chardet.detect(
        sample,
        compat_names=False,
        include_encodings=[_DETECTOR_NAMES.get(name, tried[0]) for name, tried in _CODECS.items()],
    )
    codec = _WIDER.get(detected := str(found["encoding"] or "cp1252").lower(), detected)
    name = _NAMES.get(codec) or _NAMES.get(codec.replace("_", "-"), codec)
    is_guess = len(data) - len(data.translate(None, _ABOVE_ASCII)) < SURE_CHARACTERS
    if is_guess and (least_odd := _least_odd(data, (name, *_USUAL))) is not None:
        return least_odd
    for tried in _CODECS.get(name, (codec,)):
        if (text := _strict(data, tried)) is not None:
            return DecodedText(text, name, is_guess)
    decoded = _replacing(data, _CODECS.get(name, (codec,))[0], name)
    return DecodedText(decoded.text, name, True, decoded.replaced)


def _least_odd(data: bytes, names: tuple[str, ...]) -> DecodedText | None:
    """Return a text of few characters above ASCII by that encoding which leaves the fewest in odd places, the first of
    equal ones; None where none decodes it."""
    decoded = [
        DecodedText(text, name, is_guess=True)
        for name in dict.fromkeys(names)
        for codec in _CODECS.get(name, (name,))
        if (text := _strict(data, codec)) is not None
    ]
    return min(decoded, key=lambda one: count_odd_characters(one.text), default=None)


def count_odd_characters(text: str) -> int:
    """Return how many characters above ASCII stand where texts hardly ever have them: a capital behind a small letter,
    a quotation mark within a word, a letter of another script between Latin ones, a letter beside a digit."""
    padded = f" {text} "
    places = (match.start() for match in _NOT_ASCII.finditer(padded))
    return sum(_is_odd(*padded[place - 1 : place + 2]) for place in places)


def _is_odd(before: str, char: str, after: str) -> bool:
    if _RARE_SIGNS.match(char):
        return True
    if not char.isalpha():
        return (
            (before.isalpha() and after.isalpha() and char not in _WITHIN_WORDS)
            or (char in _OPENING and (before.isalpha() or after.isspace()))
            or (char in _CLOSING and before.isspace())
        )
    if char in "ªºµ":
        return False
    latin = [neighbour for neighbour in (before, after) if neighbour.isascii() and neighbour.isalpha()]
    script = unicodedata.name(char, "").partition(" ")[0]
    if script != "LATIN":
        return (script in _BETWEEN_LETTERS and bool(latin)) or ("".join(latin).islower() and len(latin) == 2)
    if not before.isalpha() and not after.isalpha():
        return before.isdigit() or after.isdigit() or char not in _ONE_LETTER_WORDS
    return (char.isupper() and before.islower()) or (char.islower() and after.isupper())
