"""The fields of a business card: addresses by their form, numbers by their labels, names by their place."""

import re
from collections.abc import Sequence
from typing import Any

from pagelens.generate.extraction.field_labels import LEGAL_FORMS
from pagelens.generate.extraction.field_values import without_accents
from pagelens.generate.extraction.key_values import Found
from pagelens.generate.extraction.page_segments import Segment
from pagelens.generate.extraction.read_document import ReadDocument

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_WEBSITE = re.compile(r"(?:https?://)?(?:www\.)[\w-]+(?:\.[\w-]+)+(?:/\S*)?|https?://\S+")
_PHONE = re.compile(r"\+?\(?\d[\d ()/.-]{6,}\d")
_MOBILE_LABEL = re.compile(r"\b(?:mobile?|mob|cell|handy|mobil|portable|movil|m)\b[.:]?\s*$")
_FAX_LABEL = re.compile(r"\b(?:fax|telefax|f)\b[.:]?\s*$")
_POSTAL = re.compile(r"\b\d{4,5}\b|\b[A-Z]{1,2}\d[\dA-Z]? \d[A-Z]{2}\b")
_STREET = re.compile(
    r"\d.*\b(?:street|road|lane|avenue|rue|av|bd|boulevard|place|square|drive|way)\b|"
    r"\b(?:calle|avda|plaza|paseo)\b.*\d|(?:strasse|str\.|weg|platz|allee|gasse|am markt)\b.*\d"
)
_JOB = re.compile(
    r"manager|engineer|officer|director|architect|consultant|developer|head of|analyst|designer|president|partner|"
    r"assistant|leiter|entwickler|fuhrer|architekt|berater|referent|ingenieur|direct|responsable|chef|charge|"
    r"conseill|ingenier|gerente|jefe|jefa|arquitect|consultor|asesor"
)


def card_fields(document: ReadDocument) -> dict[str, Any]:
    """Return the fields of a business card."""
    lines = [(page.index, segment) for page in document.pages for segment in page.segments]
    fields: dict[str, Any] = {"email": _match(lines, _EMAIL), "website": _match(lines, _WEBSITE)}
    fields |= _phones(lines)
    others = [line for line in lines if not (_EMAIL.search(line[1].text) or _WEBSITE.search(line[1].text)
                                            or _PHONE.search(line[1].text))]  # fmt: skip
    fields["address"] = _address(others)
    texts = [line for line in others if not any(map(str.isdigit, line[1].text))]
    job = next((line for line in texts if _JOB.search(without_accents(line[1].text))), None)
    fields["job_title"] = _whole(job)
    texts = [line for line in texts if line is not job]
    company = _company(texts, fields["email"])
    fields["company"] = _whole(company)
    people = [line for line in texts if line is not company and 2 <= len(line[1].words) <= 4]
    fields["name"] = _whole(max(people, key=lambda line: line[1].height, default=None)) if company else None
    return fields


Line = tuple[int, Segment]


def _match(lines: Sequence[Line], pattern: re.Pattern[str]) -> Found[str] | None:
    """Return the only match of a pattern."""
    found = []
    for page, segment in lines:
        for match in pattern.finditer(segment.text):
            tokens = [token for token in segment.words if token.text in match[0] or match[0] in token.text]
            if tokens:
                found.append(Found(match[0], page, tokens[0].start, tokens[-1].end))
    return found[0] if len({one.value for one in found}) == 1 else None


def _phones(lines: Sequence[Line]) -> dict[str, Found[str] | None]:
    """Return the telephone and the mobile number: by the label before them; the first without one is the telephone."""
    found: dict[str, Found[str] | None] = {"phone": None, "mobile": None}
    for page, segment in lines:
        for match in _PHONE.finditer(segment.text):
            before = without_accents(segment.text[: match.start()])
            if _FAX_LABEL.search(before) or _POSTAL.fullmatch(match[0]):
                continue
            name = "mobile" if _MOBILE_LABEL.search(before) else "phone"
            if found[name] is None:
                found[name] = Found(match[0], page, *_span(segment, match))
    return found


def _span(segment: Segment, match: re.Match[str]) -> tuple[int, int]:
    at, tokens = 0, []
    for token in segment.words:
        if at < match.end() and at + len(token.text) > match.start():
            tokens.append(token)
        at += len(token.text) + 1
    return tokens[0].start, tokens[-1].end


def _address(lines: Sequence[Line]) -> Found[str] | None:
    """Return street and place, which stand on one line or on two, one below the other."""
    for at, (page, segment) in enumerate(lines):
        if not any(map(str.isdigit, segment.text)):
            continue
        both = len(re.findall(r"\d+", segment.text)) > 1 and _STREET.search(without_accents(segment.text))
        if both and _POSTAL.search(segment.text):
            return Found(segment.text, page, segment.start, segment.end)
        below = lines[at + 1] if at + 1 < len(lines) else None
        if below is not None and _POSTAL.search(below[1].text) and below[0] == page:
            return Found(f"{segment.text}, {below[1].text}", page, segment.start, below[1].end)
    return None


def _company(lines: Sequence[Line], email: Found[str] | None) -> Line | None:
    """Return the line with a legal form, or the one that the domain of the e-mail address is made of."""
    legal = [line for line in lines if LEGAL_FORMS.search(line[1].text)]
    if len(legal) == 1:
        return legal[0]
    domain = "" if email is None else re.sub(r"[^a-z]", "", email.value.partition("@")[2].lower())
    named = [line for line in lines if (start := _first_word(line[1])) and domain.startswith(start)]
    return named[0] if len(named) == 1 else None


def _first_word(segment: Segment) -> str:
    """Return the ASCII letters of the first word, in lower case, if there are three of them at least."""
    letters = "".join(char for char in segment.words[0].text.lower() if char.isascii() and char.isalpha())
    return letters if len(letters) > 2 else ""


def _whole(line: Line | None) -> Found[str] | None:
    return None if line is None else Found(line[1].text, line[0], line[1].start, line[1].end)
