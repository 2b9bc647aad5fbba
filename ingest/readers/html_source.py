"""Prepares HTML and Markdown for layout by MuPDF: removes scripts and external references, decodes to text.

Images are replaced by their alternative text. What a web page hides (`hidden`, scripts, templates) is left out. Colours
and sizes stay, so that invisible text is found when the page is rendered.
"""

import codecs
import re
from html import escape
from html.parser import HTMLParser

_REMOVED_ELEMENTS = frozenset(
    ("script", "noscript", "template", "iframe", "object", "embed", "svg", "math", "audio", "video")
)
_REMOVED_TAGS = frozenset(("link", "meta", "base", "source", "track", "input"))
_VOID = frozenset(("area", "br", "col", "hr", "img", "wbr", "param"))
_MAX_DEPTH = 60  # of elements; MuPDF shows nothing deeper than about 90 and takes time by the square of the depth
_KEPT_ATTRIBUTES = frozenset(("style", "class", "id", "colspan", "rowspan", "start", "type", "value", "dir", "lang"))
_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{1,40})|<\?xml[^>]{0,200}?encoding=["']([\w.:-]+)""", re.I
)
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DATA_IMAGE = re.compile(r"data:image/(png|jpe?g|gif|webp)[;,]", re.I)
_MARKDOWN_IMAGE = re.compile(r"!\[([^\]\n]{0,1000})\](\([^)\n]{0,2000}\)|\[[^\]\n]{0,200}\])")
_IMG_TAG = re.compile(r"<img\b[^>]{0,4000}>", re.I)
_QUOTES = re.compile(r"^((?:[ \t]{0,3}>){6})[> \t]+", re.M)
_DEEP_INDENT = re.compile(r"^[ \t]{200,}", re.M)


def decode_text(data: bytes) -> str:
    """Decode by the byte order mark, by the declared encoding (HTML, XML), as UTF-8, else as Windows-1252."""
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(name, "replace")
    declared = _CHARSET.search(data[:2048])
    for name in (*(part.decode("ascii") for part in (declared.groups() if declared else ()) if part), "utf-8"):
        try:
            return data.decode(name)
        except (LookupError, UnicodeDecodeError):
            continue
    return data.decode("cp1252", "replace")


def sanitize_html(source: str) -> str:
    """Return HTML with the same words that runs no scripts and loads nothing."""
    cleaner = _Sanitizer()
    cleaner.feed(source)
    cleaner.close()
    return cleaner.result()


def sanitize_markdown(source: str) -> str:
    """Return Markdown with images replaced by their descriptions, and quotes and lists of limited depth."""
    source = _MARKDOWN_IMAGE.sub(lambda match: match[1], source)
    source = _DEEP_INDENT.sub(" " * 40, _QUOTES.sub(r"\1 ", source))
    return _IMG_TAG.sub("", source) + "\n"  # MuPDF loses the last byte of a text that does not end with a newline


class _Sanitizer(HTMLParser):
    """Writes the HTML it parses again, with allowed elements and attributes only."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._removed: list[str] = []  # open elements whose content is left out, outermost first

    def result(self) -> str:
        return "".join((*self._parts, *(f"</{tag}>" for tag in reversed(self._open))))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if (
            self._removed
            or tag in _REMOVED_ELEMENTS
            or (any(name == "hidden" for name, _ in attrs) and tag not in _VOID)
        ):
            if tag not in _VOID | _REMOVED_TAGS and len(self._removed) < _MAX_DEPTH:
                self._removed.append(tag)
        elif tag == "img":
            self._image(dict(attrs))
        elif tag in _VOID:
            self._parts.append(f"<{tag}/>")
        elif tag not in _REMOVED_TAGS and len(self._open) < _MAX_DEPTH:
            self._open.append(tag)
            self._parts.append(f"<{tag}{_attributes(attrs)}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._removed:
            if tag in self._removed:
                del self._removed[self._removed.index(tag) :]
        elif tag in self._open:
            while self._open:
                last = self._open.pop()
                self._parts.append(f"</{last}>")
                if last == tag:
                    break

    def handle_data(self, data: str) -> None:
        if self._removed:
            return
        is_style = bool(self._open) and self._open[-1] == "style"
        self._parts.append(data.replace("</", "") if is_style else escape(data, quote=False))

    def _image(self, attributes: dict[str, str | None]) -> None:
        source = attributes.get("src") or ""
        if _DATA_IMAGE.match(source):
            self._parts.append(f'<img src="{escape(source)}"/>')
        elif words := attributes.get("alt"):
            self._parts.append(f" {escape(words)} ")


def _attributes(attrs: list[tuple[str, str | None]]) -> str:
    return "".join(f' {name}="{escape(value or "")}"' for name, value in attrs if name in _KEPT_ATTRIBUTES)
