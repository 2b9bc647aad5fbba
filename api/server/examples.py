"""The examples of the OpenAPI description, all about one document.

The document's bytes and the Idempotency-Key are fixed, and so are the ids of the document and of its job: every example
runs unchanged.
"""

import hashlib

from pagelens.core.reviews import ReviewItem

_TEXT = (
    "BT /F1 18 Tf 60 760 Td (Port of Sandvik: annual report 2024) Tj 0 -40 Td /F1 12 Tf "
    "(The northern breakwater was finished in September.) Tj 0 -18 Td "
    "(Timber grew to 52,300 tonnes in 2024.) Tj ET"
)


def _pdf() -> bytes:
    """Return a PDF of one page; its bytes are always the same."""
    parts = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        f"<< /Length {len(_TEXT)} >>\nstream\n{_TEXT}\nendstream",
    ]
    pdf, offsets = "%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        offsets.append(len(pdf))
        pdf += f"{number} 0 obj\n{part}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    pdf += f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}"
    pdf += f"trailer\n<< /Size {len(parts) + 1} /Root 1 0 R >>\nstartxref\n{pdf.index('xref')}\n%%EOF\n"
    return pdf.encode("ascii")


PDF = _pdf()
NAME = "harbour report.pdf"
DOCUMENT = hashlib.sha256(PDF).hexdigest()
PAGE = f"{DOCUMENT}-1"
REVIEW_ITEM = ReviewItem(
    kind="value", document=DOCUMENT, number=1, subject="invoice", pointer="/total", value=52300, reason="on no page"
)
IDEMPOTENCY_KEY = "2f1c7a40-annual-report"
QUESTION = "How much timber was handled in 2024?"
# One grey pixel, PNG in base64: an image query.
IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
