"""Photos for tests, with what cameras, people and programs write into them and beside them. All made here, byte by byte
where Pillow does not write it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pillow_heif
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.ingest.files import noise

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF")  # those that carry EXIF and XMP, by Pillow's names
ENDINGS = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "HEIF": ".heic", "AVIF": ".avif"}

pillow_heif.register_heif_opener()  # so that Pillow writes HEIC here; the reader does without

_IPTC = {
    "title": 5,
    "keywords": 25,
    "date": 55,
    "creator": 80,
    "city": 90,
    "place": 92,
    "region": 95,
    "country": 101,
    "copyright": 116,
    "caption": 120,
}
_SPACES = """
    xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
    xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:aux="http://ns.adobe.com/exif/1.0/aux/"
    xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:core="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:rs="http://www.metadataworkinggroup.com/schemas/regions/" xmlns:digiKam="http://www.digikam.org/ns/1.0/"
"""


def exif(
    *,
    taken: datetime | None = None,
    camera: tuple[str, str] | None = None,
    lens: str = "",
    caption: str = "",
    position: tuple[float, float] | None = None,
    orientation: int | None = None,
    entries: Mapping[int, Any] | None = None,
) -> Image.Exif:
    """Return EXIF as a camera writes it; `camera` is make and model, `position` decimal degrees."""
    container = Image.Exif()
    if camera:
        container[0x010F], container[0x0110] = camera
    if caption:
        container[0x010E] = caption.encode()
    if orientation:
        container[0x0112] = orientation
    if taken:
        container.get_ifd(0x8769)[0x9003] = f"{taken:%Y:%m:%d %H:%M:%S}"
    if lens:
        container.get_ifd(0x8769)[0xA434] = lens
    if position:
        container.get_ifd(0x8825).update(_gps(*position))
    for tag, value in (entries or {}).items():
        container[tag] = value
    return container


def xmp(
    *,
    title: str = "",
    caption: str = "",
    keywords: Sequence[str] = (),
    people: Sequence[str] = (),
    creator: str = "",
    copyright: str = "",  # noqa: A002 - the field's name
    attributes: Mapping[str, str] | None = None,
    inside: str = "",
) -> bytes:
    """Return an XMP packet; `attributes` are simple properties by prefixed name, `inside` is further RDF."""
    simple = " ".join(f'{name}="{escape(value)}"' for name, value in (attributes or {}).items())
    parts = [
        _list("dc:title", "Alt", [title]),
        _list("dc:description", "Alt", [caption]),
        _list("dc:subject", "Bag", keywords),
        _list("dc:creator", "Seq", [creator]),
        _list("dc:rights", "Alt", [copyright]),
        _list("ext:PersonInImage", "Bag", people),
        inside,
    ]
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
        f'{_SPACES}><rdf:Description rdf:about="" {simple}>{"".join(parts)}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    ).encode()


def iptc(*, encoding: str = "utf-8", keywords: Sequence[str] = (), **texts: str) -> bytes:
    """Return an IPTC block: `title`, `caption`, `city`, ... by the names of `_IPTC`; only UTF-8 is declared."""
    block = dataset(1, 90, b"\x1b%G") if encoding == "utf-8" else b""
    for name, text in [*texts.items(), *(("keywords", word) for word in keywords)]:
        block += dataset(2, _IPTC[name], text.encode(encoding))
    return block


def dataset(record: int, number: int, content: bytes) -> bytes:
    """Return one entry of an IPTC block (IIM 4.1, 1.5)."""
    return bytes([0x1C, record, number]) + len(content).to_bytes(2, "big") + content


def write_photo(
    path: Path,
    image: Image.Image | None = None,
    *,
    form: str = "JPEG",
    exif: Image.Exif | bytes | None = None,
    xmp: bytes | None = None,
    iptc: bytes | None = None,
    **options: Any,
) -> Path:
    """Write a photo (noise where no picture is given) with what is known beside its pixels. IPTC: JPEG and TIFF."""
    image = image or noise(60, 40)
    if exif is not None:  # as bytes, since Pillow takes an Exif without entries of its own for an empty one
        options["exif"] = exif.tobytes() if isinstance(exif, Image.Exif) else exif
    if form == "PNG" and xmp is not None:
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    elif form == "TIFF":
        options["exif"] = _tiff_entries(options.get("exif"), xmp, iptc)
    elif xmp is not None:
        options["xmp"] = xmp
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, form, **options)
    if form == "JPEG" and iptc is not None:
        content = path.read_bytes()
        path.write_bytes(content[:2] + _photoshop_segment(iptc) + content[2:])
    return path


def write_export(photo: Path, *, name: str | None = None, **fields: Any) -> Path:
    """Write the JSON that Google Photos exports beside a photo."""
    path = photo.with_name(name or f"{photo.name}.supplemental-metadata.json"[:51])
    path.write_text(json.dumps({"title": photo.name, "photoTakenTime": {"timestamp": "0"}, **fields}), "utf-8")
    return path


def _gps(latitude: float, longitude: float) -> dict[int, Any]:
    return {
        1: "S" if latitude < 0 else "N",
        2: _sexagesimal(abs(latitude)),
        3: "W" if longitude < 0 else "E",
        4: _sexagesimal(abs(longitude)),
    }


def _sexagesimal(degrees: float) -> tuple[float, float, float]:
    minutes = (degrees - int(degrees)) * 60
    return float(int(degrees)), float(int(minutes)), round((minutes - int(minutes)) * 60, 4)


def _list(name: str, kind: str, items: Sequence[str]) -> str:
    language = ' xml:lang="x-default"' if kind == "Alt" else ""
    entries = "".join(f"<rdf:li{language}>{escape(item)}</rdf:li>" for item in items if item)
    return f"<{name}><rdf:{kind}>{entries}</rdf:{kind}></{name}>" if entries else ""


def _photoshop_segment(block: bytes) -> bytes:
    """Return a JPEG segment APP13 with IPTC as Photoshop's image resource 0x0404."""
    resource = b"8BIM\x04\x04\0\0" + len(block).to_bytes(4, "big") + block + b"\0" * (len(block) % 2)
    content = b"Photoshop 3.0\0" + resource
    return b"\xff\xed" + (len(content) + 2).to_bytes(2, "big") + content


def _tiff_entries(known: bytes | None, xmp_packet: bytes | None, iptc_block: bytes | None) -> Image.Exif:
    entries = Image.Exif()
    if known is not None:
        entries.load(known)
    if xmp_packet is not None:
        entries[700] = xmp_packet
    if iptc_block is not None:
        entries[33723] = iptc_block
    return entries
