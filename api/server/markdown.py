"""Makes text of documents safe for programs that render Markdown: no links, images, HTML or code come from documents.

An image of a document would be fetched from its author's server, with whatever the address contains.
"""

import re

_CITATION_MARK = r"\[\d{1,3}\]"
# In this order: a citation mark; characters of links, HTML and code; what makes a mark in front of it a link
# ("[1](", "[1]:"); what makes an address a link without brackets ("https:/" + "/", "www" + ".").
_UNSAFE = re.compile(rf"({_CITATION_MARK})|[\\`\[\]<~]|(?<=\])[(:]|(?<=:/)/|(?<=www)\.", re.IGNORECASE)
_LOOKBEHIND = 3  # characters before a match that `_UNSAFE` looks at
_FORMATTING = re.compile(r"([*_#|!>])")


class MarkdownEscaper:
    """Escapes a text that arrives in pieces. Emphasis, lists and tables stay, as do citation marks [n].

    A citation mark must arrive in one piece.
    """

    def __init__(self, *, keep_marks: bool = True) -> None:
        self._keep_marks = keep_marks
        self._before = ""  # the end of the text so far

    def escape(self, piece: str) -> str:
        """Return the next piece with a backslash before every character that could begin a link, HTML or code."""
        before, text = self._before, self._before + piece
        self._before = text[-_LOOKBEHIND:]
        escaped, done = "", len(before)
        for match in _UNSAFE.finditer(text, len(before)):
            if match[1] is not None:
                escaped += text[done : match.start()] + (match[1] if self._keep_marks else rf"\{match[1][:-1]}\]")
            else:
                escaped += text[done : match.start()] + "\\" + match[0]
            done = match.end()
        return escaped + text[done:]


def escape_links(text: str) -> str:
    """Return a text that Markdown renders without links, images, HTML and code; its own marks [n] are escaped, too."""
    return MarkdownEscaper(keep_marks=False).escape(text)


def escape_markdown(text: str) -> str:
    """Return a text on one line that Markdown shows unchanged."""
    return _FORMATTING.sub(r"\\\1", escape_links(" ".join(text.split())))
