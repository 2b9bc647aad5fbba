"""Unlocks encrypted PDFs: without a password, with one of those given, or as one whose attached files alone are locked.

The functions must be called with `pagelens.ingest.readers.mupdf.LOCK` held.
"""

from collections.abc import Sequence
from typing import Any

from pagelens.core.errors import ReadError
from pagelens.ingest.readers.mupdf import pymupdf

ATTACHMENTS_LOCKED = "its attached files are encrypted: a password opens them"
"""The problem of page 1 of a PDF whose pages are not encrypted, but whose attached files are."""

_FIRST_WITH_FILTERS = 4  # version (V) of encryption from which strings, streams and attached files differ


def unlock(pdf: Any, passwords: Sequence[str]) -> bool:
    """Make the pages of an open PDF readable; return whether its attached files stay locked.

    MuPDF opens a PDF with an empty user password by itself. Raises ReadError: encrypted.
    """
    if not pdf.needs_pass or any(pdf.authenticate(password) for password in passwords):
        return False
    if _encrypts_only_attachments(pdf):
        # PyMuPDF refuses every call until a password fits; MuPDF decrypts nothing where the filter is Identity.
        pdf.is_encrypted = False
        pdf.init_doc()
        return True
    tried = f"none of the {len(passwords)} given opens it" if passwords else "give it, or save a copy without one"
    raise ReadError("encrypted", f"the PDF asks for a password: {tried}")


def _encrypts_only_attachments(pdf: Any) -> bool:
    """Tell whether streams and strings have the crypt filter Identity (ISO 32000-1, 7.6.5), which is their default."""
    mupdf = pymupdf.mupdf
    trailer = mupdf.pdf_trailer(mupdf.pdf_document_from_fz_document(pdf.this))
    encryption = mupdf.pdf_dict_gets(trailer, "Encrypt")
    if mupdf.pdf_to_int(mupdf.pdf_dict_gets(encryption, "V")) < _FIRST_WITH_FILTERS:
        return False
    filters = (mupdf.pdf_to_name(mupdf.pdf_dict_gets(encryption, key)) for key in ("StmF", "StrF"))
    return all(name in ("", "Identity") for name in filters)
