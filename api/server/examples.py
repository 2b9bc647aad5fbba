"""The examples of the OpenAPI page. They tell one story: this document is uploaded, found, shown, asked and removed.

Its bytes are fixed, so its id is, and so is the job's that its Idempotency-Key makes: every example runs as it stands.
"""

import hashlib

_TEXT = (
    "BT /F1 18 Tf 60 760 Td (Port of Sandvik: annual report 2024) Tj 0 -40 Td /F1 12 Tf "
    "(The northern breakwater was finished in September.) Tj 0 -18 Td "
    "(Timber grew to 52,300 tonnes in 2024.) Tj ET"
)


def _pdf() -> bytes:
    """Return a PDF of one page, every byte of it known."""
    parts = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        f"<< /Length {len(_TEXT)} >>\nstream\n{_TEXT}\nendstream",
    ]
    made, places = "%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(made))
        made += f"{number} 0 obj\n{part}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    made += f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}"
    made += f"trailer\n<< /Size {len(parts) + 1} /Root 1 0 R >>\nstartxref\n{made.index('xref')}\n%%EOF\n"
    return made.encode("ascii")


PDF = _pdf()
NAME = "harbour report.pdf"
DOCUMENT = hashlib.sha256(PDF).hexdigest()
PAGE = f"{DOCUMENT}-1"
ONCE = "2f1c7a40-annual-report"
QUESTION = "How much timber was handled in 2024?"
# One grey pixel: a picture to search by.
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
