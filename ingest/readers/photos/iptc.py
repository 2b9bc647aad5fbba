"""What an editor wrote into a photo in the old way (IPTC-NAA Information Interchange Model 4.1). Pure.

Broken records count as absent. Does not know where a format keeps the block.
"""

from collections.abc import Iterator

from pagelens.ingest.readers.photos.photo_facts import LONGEST, LONGEST_CAPTION, Facts, decoded, distinct, moment, plain

_MARK = 0x1C
_ENVELOPE, _APPLICATION = 1, 2  # records
_CHARACTERS = 90  # of the envelope: an ISO 2022 escape
_UTF8 = b"\x1b%G"
_TITLE, _KEYWORD, _DATE, _TIME, _CREATOR = 5, 25, 55, 60, 80
_CITY, _PLACE, _REGION, _COUNTRY, _HEADLINE, _COPYRIGHT, _CAPTION = 90, 92, 95, 101, 105, 116, 120
_MOST = 1_000  # data sets read of one block


def read_iptc(block: bytes) -> Facts:
    """Read what can be read."""
    found: dict[int, list[bytes]] = {}
    utf8 = False
    for record, dataset, content in _datasets(block):
        if (record, dataset) == (_ENVELOPE, _CHARACTERS):
            utf8 = content == _UTF8
        elif record == _APPLICATION:
            found.setdefault(dataset, []).append(content)

    def words(dataset: int, longest: int = LONGEST) -> str:
        content = found.get(dataset, [b""])[0]
        return plain(_text(content, utf8), longest)

    taken, when = moment(f"{words(_DATE)} {words(_TIME)}")
    return Facts(
        taken=taken,
        when=when,
        title=words(_TITLE) or words(_HEADLINE),
        caption=words(_CAPTION, LONGEST_CAPTION),
        keywords=distinct(_text(content, utf8) for content in found.get(_KEYWORD, [])),
        creator=words(_CREATOR),
        copyright=words(_COPYRIGHT),
        place=words(_PLACE),
        city=words(_CITY),
        region=words(_REGION),
        country=words(_COUNTRY),
    )


def _text(content: bytes, utf8: bool) -> str:
    return content.decode("utf-8", "replace") if utf8 else decoded(content)


def _datasets(block: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield record, data set and content of each entry up to the first that is broken."""
    at = 0
    for _ in range(_MOST):
        if len(block) < at + 5 or block[at] != _MARK:
            return
        record, dataset = block[at + 1], block[at + 2]
        size = int.from_bytes(block[at + 3 : at + 5], "big")
        at += 5
        if size & 0x8000:  # a long entry: the other bits say in how many bytes its length follows
            width = size & 0x7FFF
            if width > 4:
                return
            size = int.from_bytes(block[at : at + width], "big")
            at += width
        if at + size > len(block):
            return
        yield record, dataset, block[at : at + size]
        at += size
