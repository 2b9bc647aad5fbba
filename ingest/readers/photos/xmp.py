"""What a program wrote about a photo as XMP (ISO 16684-1; IPTC Photo Metadata; MWG regions), in the file or beside it.

A packet is data from outside: one with a document type (entities) is not parsed, one too long neither. Pure; broken
properties count as absent.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from xml.etree import ElementTree

from pagelens.ingest.readers.photos.exif import camera_name, written_by_a_person
from pagelens.ingest.readers.photos.photo_facts import (
    LONGEST,
    LONGEST_CAPTION,
    Facts,
    decoded,
    distinct,
    moment,
    plain,
    position,
    stars,
)

MOST_BYTES = 8_000_000  # raw developers write masks and histories into their packets

_SPACES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    "http://ns.microsoft.com/photo/1.0/": "MicrosoftPhoto",
    "http://ns.microsoft.com/photo/1.2/t/Region#": "MPReg",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "core",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "ext",
    "http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://www.w3.org/XML/1998/namespace": "xml",
}
_DATES = ("exif:DateTimeOriginal", "photoshop:DateCreated", "exif:DateTimeDigitized", "xmp:CreateDate")
_TREES = ("lr:hierarchicalSubject", "digiKam:TagsList", "MicrosoftPhoto:LastKeywordXMP")  # 'Places|Portugal|Lisbon'
_COORDINATE = re.compile(r"\s*(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?\s*([NSEW])\s*\Z")
_ROOT = re.compile(r"<(?:\w+:)?(?:xmpmeta|RDF)\b")

Properties = dict[str, list[str]]


def read_xmp(packet: bytes | str) -> Facts:
    """Read what can be read of a packet."""
    root = _parsed(packet)
    if root is None:
        return Facts()
    properties = _properties(root)

    def words(*names: str, longest: int = LONGEST) -> str:
        found = (plain(value, longest) for name in names for value in properties.get(name, [])[:1])
        return next((value for value in found if value), "")

    dates = [moment(words(name)) for name in _DATES]
    place = position(_degrees(words("exif:GPSLatitude")), _degrees(words("exif:GPSLongitude")))
    return Facts(
        taken=next((taken for taken, _ in dates if taken), None),
        when=next((when for _, when in dates if when), ""),
        latitude=place[0] if place else None,
        longitude=place[1] if place else None,
        camera=camera_name(words("tiff:Make"), words("tiff:Model")),
        lens=words("exifEX:LensModel", "aux:Lens"),
        title=words("dc:title", "photoshop:Headline"),
        caption=written_by_a_person(words("dc:description", longest=LONGEST_CAPTION)),
        keywords=distinct([*properties.get("dc:subject", []), *_leaves(properties)]),
        people=distinct([*properties.get("ext:PersonInImage", []), *_faces(root)]),
        rating=stars(words("xmp:Rating")),
        creator=", ".join(distinct(properties.get("dc:creator", [])[:5])),
        copyright=words("dc:rights"),
        place=words("core:Location"),
        city=words("photoshop:City"),
        region=words("photoshop:State"),
        country=words("photoshop:Country"),
    )


def _parsed(packet: bytes | str) -> ElementTree.Element | None:
    """Return the packet's tree, None where there is none to be had in safety."""
    if len(packet) > MOST_BYTES:
        return None
    text = packet if isinstance(packet, str) else decoded(packet)
    start = _ROOT.search(text)
    if start is None or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    text = text[start.start() :].rstrip("\0 \r\n\t")
    end = text.rfind("<?xpacket")
    with suppress(ElementTree.ParseError, ValueError):
        # Entities, which make XML from outside dangerous, take a document type, and one with it was refused above.
        return ElementTree.fromstring(text[:end] if end > 0 else text)  # noqa: S314
    return None


def _short(tag: str) -> str:
    """Return '{http://purl.org/dc/elements/1.1/}title' as 'dc:title'."""
    space, _, name = tag[1:].partition("}") if tag.startswith("{") else ("", "", tag)
    return f"{_SPACES.get(space, '?')}:{name}"


def _properties(root: ElementTree.Element) -> Properties:
    """Return the values of every property of the photo itself; a language alternative's default comes first."""
    found: Properties = {}
    for rdf in (one for one in root.iter() if _short(one.tag) == "rdf:RDF"):
        for description in rdf:
            for tag, value in description.attrib.items():
                found.setdefault(_short(tag), []).append(value)
            for element in description:
                found.setdefault(_short(element.tag), []).extend(_values(element))
    return found


def _values(element: ElementTree.Element) -> Iterator[str]:
    items = [one for one in element.iter() if _short(one.tag) == "rdf:li"]
    default = [one for one in items if "x-default" in one.attrib.values()]
    for item in default + [one for one in items if one not in default]:
        if len(item) == 0 and item.text:
            yield item.text
    if not items and len(element) == 0 and element.text:
        yield element.text


def _leaves(properties: Properties) -> Iterator[str]:
    for name in _TREES:
        for path in properties.get(name, []):
            yield from re.split(r"[|/]", path[:1_000])


def _faces(root: ElementTree.Element) -> Iterator[str]:
    """Yield the names of the people marked in the picture."""
    for element in root.iter():
        said = {_short(tag): value for tag, value in element.attrib.items()}
        said |= {_short(child.tag): child.text or "" for child in element if len(child) == 0}
        if said.get("mwg-rs:Type") == "Face":
            yield said.get("mwg-rs:Name", "")
        yield said.get("MPReg:PersonDisplayName", "")


def _degrees(text: str) -> float | None:
    """Read '38,42.5N', '38,42,30N' or '38.7N' as signed decimal degrees."""
    match = _COORDINATE.match(text)
    if match is None:
        return None
    value = sum(float(part or 0) / size for part, size in zip(match.groups()[:3], (1, 60, 3600), strict=True))
    return -value if match[4] in "SW" else value
