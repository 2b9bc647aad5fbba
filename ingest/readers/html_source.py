"""HTML and Markdown made ready to be laid out: UTF-8, nothing in it that runs or is fetched, pictures by their words.

Pure: opens nothing. What a page of the web hides (`hidden`, scripts, templates) is left out; colours and sizes stay, so
that text without contrast is found out when the page is looked at.
"""

import codecs
import re
from html import escape
from html.parser import HTMLParser

_SILENT = frozenset(("script", "noscript", "template", "iframe", "object", "embed", "svg", "math", "audio", "video"))
_DROPPED = frozenset(("link", "meta", "base", "source", "track", "input"))
_VOID = frozenset(("area", "br", "col", "hr", "img", "wbr", "param"))
_DEEPEST = 60  # elements; below about 90 MuPDF shows nothing, and its time grows with the square of the depth
_KEPT_ATTRIBUTES = frozenset(("style", "class", "id", "colspan", "rowspan", "start", "type", "value", "dir", "lang"))
_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{1,40})|<\?xml[^>]{0,200}?encoding=["']([\w.:-]+)""", re.I
)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DATA_PICTURE = re.compile(r"data:image/(png|jpe?g|gif|webp)[;,]", re.I)
_MARKDOWN_PICTURE = re.compile(r"!\[([^\]\n]{0,1000})\](\([^)\n]{0,2000}\)|\[[^\]\n]{0,200}\])")
_TAG_PICTURE = re.compile(r"<img\b[^>]{0,4000}>", re.I)
_QUOTES = re.compile(r"^((?:[ \t]{0,3}>){6})[> \t]+", re.M)
_DEEP_LIST = re.compile(r"^[ \t]{200,}", re.M)


def decoded(data: bytes) -> str:
    """Return a text's characters: by its byte order mark, by what it declares (HTML, XML), as UTF-8, else Windows'."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data.decode(name, "replace")
    declared = _CHARSET.search(data[:2048])
    for name in (*(part.decode("ascii") for part in (declared.groups() if declared else ()) if part), "utf-8"):
        try:
            return data.decode(name)
        except (LookupError, UnicodeDecodeError):
            continue
    return data.decode("cp1252", "replace")


def plain_html(source: str) -> str:
    """Return HTML with the same words that loads and runs nothing."""
    cleaner = _Cleaner()
    cleaner.feed(source)
    cleaner.close()
    return cleaner.result()


def plain_markdown(source: str) -> str:
    """Return Markdown whose pictures are their descriptions; quotes and lists are no deeper than can be laid out."""
    source = _MARKDOWN_PICTURE.sub(lambda found: found[1], source)
    source = _DEEP_LIST.sub(" " * 40, _QUOTES.sub(r"\1 ", source))
    return _TAG_PICTURE.sub("", source) + "\n"  # without a last line's end MuPDF loses the last byte


class _Cleaner(HTMLParser):
    """Writes down again what it is fed, by its rules."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._silent: list[str] = []  # elements whose content is left out, outermost first

    def result(self) -> str:
        return "".join((*self._parts, *(f"</{tag}>" for tag in reversed(self._open))))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._silent or tag in _SILENT or (any(name == "hidden" for name, _ in attrs) and tag not in _VOID):
            if tag not in _VOID | _DROPPED and len(self._silent) < _DEEPEST:
                self._silent.append(tag)
        elif tag == "img":
            self._picture(dict(attrs))
        elif tag in _VOID:
            self._parts.append(f"<{tag}/>")
        elif tag not in _DROPPED and len(self._open) < _DEEPEST:
            self._open.append(tag)
            self._parts.append(f"<{tag}{_attributes(attrs)}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag in self._silent:
                del self._silent[self._silent.index(tag) :]
        elif tag in self._open:
            while self._open:
                last = self._open.pop()
                self._parts.append(f"</{last}>")
                if last == tag:
                    break

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        is_style = bool(self._open) and self._open[-1] == "style"
        self._parts.append(data.replace("</", "") if is_style else escape(data, quote=False))

    def _picture(self, attributes: dict[str, str | None]) -> None:
        source = attributes.get("src") or ""
        if _DATA_PICTURE.match(source):
            self._parts.append(f'<img src="{escape(source)}"/>')
        elif words := attributes.get("alt"):
            self._parts.append(f" {escape(words)} ")


def _attributes(attrs: list[tuple[str, str | None]]) -> str:
    return "".join(f' {name}="{escape(value or "")}"' for name, value in attrs if name in _KEPT_ATTRIBUTES)
