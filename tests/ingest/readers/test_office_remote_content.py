"""Office files that link to the network and bring macros, read by the real LibreOffice: nothing is fetched or run."""

import socket
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pagelens.ingest.readers import libreoffice
from pagelens.ingest.readers.libreoffice import find_soffice
from pagelens.ingest.readers.registry import load_reader
from tests.ingest.readers.test_office_reader import ODT

pytestmark = pytest.mark.skipif(find_soffice() is None, reason="LibreOffice is not installed")

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DOCX = {
    "[Content_Types].xml": f"<Types xmlns='{_PACKAGE}/content-types'><Default Extension='rels' "
    "ContentType='application/vnd.openxmlformats-package.relationships+xml'/><Override PartName='/word/document.xml' "
    "ContentType='application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml'/><Override "
    "PartName='/word/settings.xml' "
    "ContentType='application/vnd.openxmlformats-officedocument.wordprocessingml.settings+xml'/></Types>",
    "_rels/.rels": f"<Relationships xmlns='{_PACKAGE}/relationships'><Relationship Id='r' "
    f"Type='{_RELATIONS}/officeDocument' Target='word/document.xml'/></Relationships>",
    "word/_rels/document.xml.rels": f"<Relationships xmlns='{_PACKAGE}/relationships'><Relationship Id='picture' "
    f"Type='{_RELATIONS}/image' Target='{{address}}/picture.png' TargetMode='External'/><Relationship Id='settings' "
    f"Type='{_RELATIONS}/settings' Target='settings.xml'/></Relationships>",
    "word/settings.xml": f"<w:settings xmlns:w='{_WORD}' xmlns:r='{_RELATIONS}'><w:attachedTemplate r:id='template'/>"
    "</w:settings>",
    "word/_rels/settings.xml.rels": f"<Relationships xmlns='{_PACKAGE}/relationships'><Relationship Id='template' "
    f"Type='{_RELATIONS}/attachedTemplate' Target='{{address}}/template.dotm' TargetMode='External'/></Relationships>",
    "word/document.xml": f"<w:document xmlns:w='{_WORD}' xmlns:r='{_RELATIONS}' "
    f"xmlns:wp='{_DRAWING}/wordprocessingDrawing' xmlns:a='{_DRAWING}/main' xmlns:pic='{_DRAWING}/picture'><w:body>"
    "<w:p><w:r><w:t>Words of a letter</w:t></w:r></w:p><w:p><w:r><w:drawing><wp:inline>"
    "<wp:extent cx='990000' cy='990000'/><wp:docPr id='1' name='p'/><a:graphic>"
    f"<a:graphicData uri='{_DRAWING}/picture'><pic:pic><pic:nvPicPr><pic:cNvPr id='1' name='p'/><pic:cNvPicPr/>"
    "</pic:nvPicPr><pic:blipFill><a:blip r:link='picture'/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>"
    "<pic:spPr><a:xfrm><a:off x='0' y='0'/><a:ext cx='990000' cy='990000'/></a:xfrm>"
    "<a:prstGeom prst='rect'><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline>"
    "</w:drawing></w:r></w:p><w:p><w:fldSimple w:instr=' INCLUDEPICTURE \"{address}/field.png\" \\d '><w:r><w:t>x"
    "</w:t></w:r></w:fldSimple></w:p></w:body></w:document>",
}
ODS = {
    **{name: content.replace("opendocument.text", "opendocument.spreadsheet") for name, content in ODT.items()},
    "content.xml": "<office:document-content xmlns:office='urn:oasis:names:tc:opendocument:xmlns:office:1.0' "
    "xmlns:table='urn:oasis:names:tc:opendocument:xmlns:table:1.0' "
    "xmlns:text='urn:oasis:names:tc:opendocument:xmlns:text:1.0' xmlns:xlink='http://www.w3.org/1999/xlink' "
    "xmlns:dom='http://www.w3.org/2001/xml-events' xmlns:of='urn:oasis:names:tc:opendocument:xmlns:of:1.2' "
    "xmlns:script='urn:oasis:names:tc:opendocument:xmlns:script:1.0' office:version='1.2'>"
    "<office:scripts><office:event-listeners><script:event-listener script:language='ooo:script' "
    "script:event-name='dom:load' xlink:type='simple' "
    "xlink:href='vnd.sun.star.script:Standard.Module1.Main?language=Basic&amp;location=document'/>"
    "</office:event-listeners></office:scripts><office:body><office:spreadsheet>"
    "<table:table table:name='one'><table:table-row>"
    "<table:table-cell office:value-type='string'><text:p>Words of a letter</text:p></table:table-cell>"
    "<table:table-cell table:formula='of:=WEBSERVICE(&quot;{address}/service&quot;)'/>"
    "<table:table-cell table:formula=\"of:=['{address}/other.ods'#$one.A1]\"/></table:table-row></table:table>"
    "<table:table table:name='two'><table:table-source xlink:type='simple' xlink:href='{address}/linked.ods' "
    "table:table-name='one'/><table:table-row><table:table-cell/></table:table-row></table:table>"
    "</office:spreadsheet></office:body></office:document-content>",
}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Listen on a port of this machine; afterwards nobody must have connected."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("has_network", [False, True], ids=["without a network", "with the network there"])
@pytest.mark.parametrize(("name", "parts"), [("a.docx", DOCX), ("a.ods", ODS), ("a.odt", ODT)])
def test_no_link_is_followed_and_no_macro_runs(
    tmp_path: Path,
    listener: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    parts: Mapping[str, str],
    has_network: bool,
) -> None:
    """Also by the settings alone, where the system takes no network away."""
    if has_network:
        monkeypatch.setattr(libreoffice, "_no_network_prefix", tuple)
    address, mark = f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path / "macro-ran"
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content.replace("{address}", address).replace("{mark}", str(mark)))
    with load_reader("office").open_document(path, sha256="1" * 64, size=path.stat().st_size) as opened:
        assert "Words of a letter" in next(iter(opened.pages(1))).text.text
    assert not mark.exists()
