"""Reads IPTC-NAA metadata (Information Interchange Model 4.1) from its block of bytes.

Broken records count as absent.
"""

from collections.abc import Iterator

from pagelens.ingest.readers.photos.photo_facts import (
    MAX_CAPTION,
    MAX_LINE,
    PhotoFacts,
    decode_unknown,
    parse_date,
    single_clean_line,
    unique_terms,
)

_TAG_MARKER = 0x1C
_ENVELOPE, _APPLICATION = 1, 2  # records
_CODED_CHARACTER_SET = 90  # of the envelope record: an ISO 2022 escape sequence
_UTF8 = b"\x1b%G"
_TITLE, _KEYWORD, _DATE, _TIME, _CREATOR = 5, 25, 55, 60, 80
_CITY, _PLACE, _REGION, _COUNTRY, _HEADLINE, _COPYRIGHT, _CAPTION = 90, 92, 95, 101, 105, 116, 120
_MAX_DATASETS = 1_000  # of a block; the rest is ignored


def read_iptc(block: bytes) -> PhotoFacts:
    """Return the facts stated in an IPTC block."""
    values: dict[int, list[bytes]] = {}
    is_utf8 = False
    for record, dataset, content in _datasets(block):
        if (record, dataset) == (_ENVELOPE, _CODED_CHARACTER_SET):
            is_utf8 = content == _UTF8
        elif record == _APPLICATION:
            values.setdefault(dataset, []).append(content)

    def text(dataset: int, longest: int = MAX_LINE) -> str:
        content = values.get(dataset, [b""])[0]
        return single_clean_line(_decode(content, is_utf8), longest)

    taken, partial_date = parse_date(f"{text(_DATE)} {text(_TIME)}")
    return PhotoFacts(
        taken=taken,
        partial_date=partial_date,
        title=text(_TITLE) or text(_HEADLINE),
        caption=text(_CAPTION, MAX_CAPTION),
        keywords=unique_terms(_decode(content, is_utf8) for content in values.get(_KEYWORD, [])),
        creator=text(_CREATOR),
        copyright=text(_COPYRIGHT),
        place=text(_PLACE),
        city=text(_CITY),
        region=text(_REGION),
        country=text(_COUNTRY),
    )


def _decode(content: bytes, is_utf8: bool) -> str:
    return content.decode("utf-8", "replace") if is_utf8 else decode_unknown(content)


def _datasets(block: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield record, data set and content of each entry, up to the first broken one."""
    at = 0
    for _ in range(_MAX_DATASETS):
        if len(block) < at + 5 or block[at] != _TAG_MARKER:
            return
        record, dataset = block[at + 1], block[at + 2]
        size = int.from_bytes(block[at + 3 : at + 5], "big")
        at += 5
        if size & 0x8000:  # extended: the other bits are the number of bytes of the length that follows
            width = size & 0x7FFF
            if width > 4:
                return
            size = int.from_bytes(block[at : at + width], "big")
            at += width
        if at + size > len(block):
            return
        yield record, dataset, block[at : at + size]
        at += size
