"""Takes from a question what only says in which form to answer, or that the answer is in "this document" (English)."""

import re

_DOCUMENT = (
    r"(?:report|document|paper|slides?|article|survey|brochure|handbook|guide(?:book)?|book|text|file|pdf|deck)s?"
)
_PREAMBLE = re.compile(
    rf"^\W*(?:according to|based on|as per|looking at|in|from|per) (?:this|the|these) {_DOCUMENT}\s*,\s*", re.IGNORECASE
)
_IN_DOCUMENT = re.compile(
    rf"\s+(?:(?:shown|mentioned|given|listed|presented|described|introduced|included|illustrated) )?"
    rf"(?:in|of|by|from|for) (?:this|the (?:whole|entire)) (?:whole |entire )?{_DOCUMENT}\b",
    re.IGNORECASE,
)
_AT_END = re.compile(rf"\s+in the {_DOCUMENT}(?=\s*\?*$)", re.IGNORECASE)
_IN_TABLE = re.compile(r"\s+in (?:the |this )?(?:table|tabular column)(?=\s*\?*$)", re.IGNORECASE)
_SOURCE = re.compile(
    r"^\W*according to [^,\"“”]{0,90}\b(?:survey|study|census|poll|report|research|cent(?:er|re)|data)\b"
    r"[^,\"“”]{0,60},\s*",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(
    r"\s*[,;(]?\s*(?:for example|e\.g\.|for instance|such as|like)\s*[,:]?\s*\[[^\]]*\]\s*\)?", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[.?!])\s+(?=[A-Z])")
_INSTRUCTION = re.compile(
    r"(?:please )?(?:directly )?(?:write|give me|format|represent (?:these|them|it|the answer)|answer"
    r"|enumerate all of them|(?:list|return|output) (?:the |your )?(?:names?|answers?|them|results?)\b"
    r"|(?:your|the) (?:answer|output|result)s? (?:shall|should|must|is to)|note that)\b",
    re.IGNORECASE,
)


def without_instructions(question: str) -> str:
    """Return a question without sentences about the answer's form, examples of it, and "in this document".

    "Who leads it? Write the answer in list format." is "Who leads it?". What would leave nothing is left as it is.
    """
    sentences = _SENTENCE.split(_EXAMPLE.sub("", question).strip())
    remaining = [sentence for sentence in sentences if not _INSTRUCTION.match(sentence.strip())] or sentences
    text = " ".join(remaining)
    for pattern in (_PREAMBLE, _IN_DOCUMENT, _AT_END, _IN_TABLE):
        text = pattern.sub("", text, count=1)
    return text if len(text.split()) > 1 else question


def without_source(question: str) -> str:
    """Return a question without the source that it begins with: an answer need not name it.

    "According to the 2015 harbour survey, who owns it?" is "who owns it?".
    """
    return _SOURCE.sub("", question)
