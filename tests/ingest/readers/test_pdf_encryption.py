"""PDFs of which only the attached files are encrypted: the pages are read, and page 1 says what is locked."""

from pathlib import Path

import pytest

from pagelens.core.errors import ReadError
from pagelens.core.types import Page
from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.pdf.encryption import ATTACHMENTS_LOCKED
from pagelens.ingest.readers.pdf.pdf_reader import open_document, render_page
from tests.ingest.files import hand_written_pdf, new_pdf

TIDES = "The tide tables hang on the harbour wall."
_KEYS = f"/O <{'A1' * 48}>/U <{'B2' * 48}>/OE <{'C3' * 32}>/UE <{'D4' * 32}>/Perms <{'E5' * 16}>"
NEW = "/Filter/Standard/V 5/R 6/Length 256/P -4" + _KEYS + "/EncryptMetadata false"
OLD = f"/Filter/Standard/V 4/R 4/Length 128/P -4/O <{'A1' * 32}>/U <{'B2' * 32}>/EncryptMetadata false"
AES_256 = "/CF<</StdCF<</AuthEvent/EFOpen/CFM/AESV3/Length 32>>>>"
AES_128 = "/CF<</Files<</AuthEvent/EFOpen/CFM/AESV2/Length 16>>>>"


def tides(encryption: str) -> bytes:
    """Return a PDF with a page in the clear, an attached file that is not, and an encryption dictionary."""
    content = f"BT /F1 12 Tf 60 700 Td ({TIDES}) Tj ET"
    objects = (
        "<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(annex.csv) 6 0 R]>>>>>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 800]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        "<</Type/Filespec/F (annex.csv)/UF (annex.csv)/EF<</F 7 0 R>>>>",
        f"<</Type/EmbeddedFile/Length 48>>stream\n{'q' * 48}\nendstream",
        f"<<{encryption}>>",
    )
    identity = f"/Encrypt 8 0 R/ID[<{'01' * 16}><{'01' * 16}>]"
    return hand_written_pdf(objects).replace(b"/Root 1 0 R", f"/Root 1 0 R{identity}".encode())


def read(content: bytes, folder: Path, *, passwords: tuple[str, ...] = ()) -> list[Page]:
    path = folder / "tides.pdf"
    path.write_bytes(content)
    with open_document(path, sha256="0", size=len(content), passwords=passwords) as opened:
        return list(opened.pages(1))


@pytest.mark.parametrize(
    "encryption",
    [
        NEW + AES_256 + "/StmF/Identity/StrF/Identity/EFF/StdCF",
        NEW + AES_256 + "/EFF/StdCF",  # Identity is the default
        OLD + AES_128 + "/StrF/Identity/EFF/Files",
    ],
)
def test_pages_are_read_where_only_attached_files_are_encrypted(tmp_path: Path, encryption: str) -> None:
    (page,) = read(tides(encryption), tmp_path)
    assert page.text.text == TIDES and page.problem == ATTACHMENTS_LOCKED
    assert render_page(tmp_path / "tides.pdf", 1, longest=80).height == 80
    (page,) = read(tides(encryption), tmp_path, passwords=("wrong",))
    assert page.text.text == TIDES


@pytest.mark.parametrize(
    "encryption",
    [
        NEW + AES_256 + "/StmF/StdCF/StrF/StdCF/EFF/StdCF",
        NEW + AES_256 + "/StmF/Identity/StrF/StdCF",
        OLD + AES_128.replace("Files", "StdCF") + "/StmF/StdCF/EFF/StdCF",
        f"/Filter/Standard/V 2/R 3/Length 128/P -4/O <{'A1' * 32}>/U <{'B2' * 32}>",  # older: no filters, all is locked
    ],
)
def test_a_pdf_with_encrypted_streams_or_strings_still_needs_its_password(tmp_path: Path, encryption: str) -> None:
    with pytest.raises(ReadError, match="asks for a password") as caught:
        read(tides(encryption), tmp_path)
    assert caught.value.code == "encrypted"


def test_an_empty_user_password_is_no_lock(tmp_path: Path) -> None:
    for method in (pymupdf.PDF_ENCRYPT_RC4_128, pymupdf.PDF_ENCRYPT_AES_128, pymupdf.PDF_ENCRYPT_AES_256):
        (page,) = read(new_pdf("open").tobytes(encryption=method, user_pw="", owner_pw="owner"), tmp_path)
        assert page.text.text == "open" and page.problem == ""
