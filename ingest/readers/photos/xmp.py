"""Reads XMP metadata (ISO 16684-1; IPTC Photo Metadata; MWG regions), from a photo or from a file beside it.

A packet is untrusted: one with a DOCTYPE (entities) or longer than `MAX_BYTES` is not parsed, and reading takes time in
proportion to its length, however its elements are nested. Broken properties count as absent.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from xml.etree import ElementTree

from pagelens.ingest.readers.photos.exif import camera_name, human_written
from pagelens.ingest.readers.photos.photo_facts import (
    MAX_CAPTION,
    MAX_LINE,
    PhotoFacts,
    decode_unknown,
    first_plausible_date,
    parse_rating,
    single_clean_line,
    stated_date,
    unique_terms,
    valid_position,
)

MAX_BYTES = 8_000_000  # raw developers write masks and histories into their packets

_NAMESPACES = {
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
# Keywords with their parents: 'Places|Portugal|Lisbon'
_HIERARCHICAL_KEYWORDS = ("lr:hierarchicalSubject", "digiKam:TagsList", "MicrosoftPhoto:LastKeywordXMP")
_COORDINATE = re.compile(r"\s*(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?\s*([NSEW])\s*\Z")
_ROOT = re.compile(r"<(?:\w+:)?(?:xmpmeta|RDF)\b")

Properties = dict[str, list[str]]


def read_xmp(packet: bytes | str) -> PhotoFacts:
    """Return the facts stated in an XMP packet."""
    root = _parse_packet(packet)
    if root is None:
        return PhotoFacts()
    properties = _properties(root)

    def text(*names: str, longest: int = MAX_LINE) -> str:
        values = (single_clean_line(value, longest) for name in names for value in properties.get(name, [])[:1])
        return next((value for value in values if value), "")

    dates = [stated_date(text(name)) for name in _DATES]
    gps = valid_position(_degrees(text("exif:GPSLatitude")), _degrees(text("exif:GPSLongitude")))
    return PhotoFacts(
        **first_plausible_date(dates),
        latitude=gps[0] if gps else None,
        longitude=gps[1] if gps else None,
        camera=camera_name(text("tiff:Make"), text("tiff:Model")),
        lens=text("exifEX:LensModel", "aux:Lens"),
        title=text("dc:title", "photoshop:Headline"),
        caption=human_written(text("dc:description", longest=MAX_CAPTION)),
        keywords=unique_terms([*properties.get("dc:subject", []), *_hierarchy_terms(properties)]),
        people=unique_terms([*properties.get("ext:PersonInImage", []), *_people_in_regions(root)]),
        rating=parse_rating(text("xmp:Rating")),
        creator=", ".join(unique_terms(properties.get("dc:creator", [])[:5])),
        copyright=text("dc:rights"),
        place=text("core:Location"),
        city=text("photoshop:City"),
        region=text("photoshop:State"),
        country=text("photoshop:Country"),
    )


def sidecar_extension(packet: bytes) -> str:
    """Return the extension, without a dot, of the one file that an XMP file is about; "" where it states none."""
    root = _parse_packet(packet)
    stated = _properties(root).get("photoshop:SidecarForExtension", []) if root is not None else []
    return stated[0].strip().lstrip(".") if stated else ""


def _parse_packet(packet: bytes | str) -> ElementTree.Element | None:
    """Return the root element of a packet, None where there is none or it is not safe to parse."""
    if len(packet) > MAX_BYTES:
        return None
    text = packet if isinstance(packet, str) else decode_unknown(packet)
    start = _ROOT.search(text)
    if start is None or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    text = text[start.start() :].rstrip("\0 \r\n\t")
    end = text.rfind("<?xpacket")
    with suppress(ElementTree.ParseError, ValueError):
        # Entities, which make untrusted XML dangerous, need a DOCTYPE, which is refused above.
        return ElementTree.fromstring(text[:end] if end > 0 else text)  # noqa: S314
    return None


def _prefixed_name(tag: str) -> str:
    """Return '{http://purl.org/dc/elements/1.1/}title' as 'dc:title'."""
    namespace, _, name = tag[1:].partition("}") if tag.startswith("{") else ("", "", tag)
    return f"{_NAMESPACES.get(namespace, '?')}:{name}"


def _properties(root: ElementTree.Element) -> Properties:
    """Return the values of every property of the photo; of language alternatives the default comes first.

    A packet has one rdf:RDF (ISO 16684-1, 7.2): further ones, which could be nested thousands deep, are not read.
    """
    properties: Properties = {}
    for description in next((element for element in root.iter() if _prefixed_name(element.tag) == "rdf:RDF"), ()):
        for tag, value in description.attrib.items():
            properties.setdefault(_prefixed_name(tag), []).append(value)
        for element in description:
            properties.setdefault(_prefixed_name(element.tag), []).extend(_values(element))
    return properties


def _values(element: ElementTree.Element) -> Iterator[str]:
    items = [item for item in element.iter() if _prefixed_name(item.tag) == "rdf:li"]
    for item in sorted(items, key=lambda item: "x-default" not in item.attrib.values()):
        if len(item) == 0 and item.text:
            yield item.text
    if not items and len(element) == 0 and element.text:
        yield element.text


def _hierarchy_terms(properties: Properties) -> Iterator[str]:
    for name in _HIERARCHICAL_KEYWORDS:
        for path in properties.get(name, []):
            yield from re.split(r"[|/]", path[:1_000])


def _people_in_regions(root: ElementTree.Element) -> Iterator[str]:
    """Yield the names of the people whose faces are marked in the photo."""
    for element in root.iter():
        values = {_prefixed_name(tag): value for tag, value in element.attrib.items()}
        values |= {_prefixed_name(child.tag): child.text or "" for child in element if len(child) == 0}
        if values.get("mwg-rs:Type") == "Face":
            yield values.get("mwg-rs:Name", "")
        yield values.get("MPReg:PersonDisplayName", "")


def _degrees(text: str) -> float | None:
    """Parse '38,42.5N', '38,42,30N' or '38.7N' into signed decimal degrees."""
    match = _COORDINATE.match(text)
    if match is None:
        return None
    value = sum(float(part or 0) / size for part, size in zip(match.groups()[:3], (1, 60, 3600), strict=True))
    return -value if match[4] in "SW" else value
