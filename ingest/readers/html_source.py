"""Prepares HTML and Markdown for layout by MuPDF: removes scripts, hidden and deleted text, and external references.

Images are replaced by their alternative text. What a web page hides (`hidden`, `display: none`, scripts, templates) or
strikes out (`<del>`, `<s>`) is left out, and so are the readings of `<ruby>`. Superscripts and subscripts become plain
text that cannot be taken for a part of the number or word before them: 10^3, x_1, a footnote's mark after a blank.
Formulas (MathML) are written in a line.
Colours and sizes stay, so that invisible text is found when the page is rendered.
"""

import re
from collections.abc import Set
from html import escape
from html.parser import HTMLParser

from pagelens.ingest.readers.mathml import linear_mathml

_REMOVED_ELEMENTS = frozenset(
    (
        *("script", "noscript", "template", "iframe", "object", "embed", "svg", "audio", "video"),
        *("del", "s", "strike"),  # deleted or no longer valid
        *("rt", "rp", "rtc"),  # the reading beside a base text
    )
)
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(hidden|collapse)|text-decoration[\w-]*\s*:[^;]*line-through", re.I
)
_MAX_STYLE_SHEET = 200_000  # characters of one that are searched for rules
_STRUCK_OUT = re.compile(r"text-decoration[\w-]*\s*:[^;]*line-through", re.I)
_MEDIA = re.compile(r"@media[^{}]{0,500}\{(?:[^{}]{0,2000}\{[^{}]{0,2000}\})*[^{}]{0,2000}\}", re.I)
_RULE = re.compile(r"([^{}]{1,500})\{([^{}]{0,2000})\}")
_CLASS = re.compile(r"\s*[\w-]*\.([\w-]+)\s*")  # a selector of one class
# Elements that a browser shows as blocks and MuPDF, which does not know them, would glue to their neighbours.
_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "details", "dialog", "fieldset", "figcaption", "figure", "footer", "form"),
        *("header", "hgroup", "legend", "main", "menu", "nav", "optgroup", "option", "search", "section", "summary"),
        *("button", "label", "textarea", "caption", "select"),
    )
)
# An element whose end tag may be left out is ended by the start of one of these (HTML, 13.1.2.4).
_ENDED_BY = {
    "p": frozenset(("p", "div", "ul", "ol", "dl", "table", "section", "article", "h1", "h2", "h3", "h4", "h5", "h6")),
    "li": frozenset(("li",)),
    "dt": frozenset(("dt", "dd")),
    "dd": frozenset(("dt", "dd")),
    "rt": frozenset(("rt", "rp", "rb", "rtc")),
    "rp": frozenset(("rt", "rp", "rb", "rtc")),
    "td": frozenset(("td", "th", "tr")),
    "th": frozenset(("td", "th", "tr")),
    "tr": frozenset(("tr", "tbody", "tfoot")),
    "option": frozenset(("option", "optgroup")),
}
_INVISIBLE = str.maketrans("", "", "\u00ad\u200b\u2060\ufeff")  # soft hyphens and other places where a line may break
_ORDINALS = frozenset(("st", "nd", "rd", "th", "er", "re", "e", "ème", "o", "a", "os", "as", "º", "ª"))
_UNITS = frozenset(("m", "mm", "cm", "dm", "km", "µm", "nm", "s", "ms", "ft", "in", "yd", "mi", "g", "kg", "h"))
_LAST_WORD = re.compile(r"[^\W_]+$")
_REMOVED_TAGS = frozenset(("link", "meta", "base", "source", "track", "input"))
_VOID = frozenset(("area", "br", "col", "hr", "img", "wbr", "param"))
_MAX_DEPTH = 60  # of elements; MuPDF shows nothing deeper than about 90 and takes time by the square of the depth
_KEPT_ATTRIBUTES = frozenset(("style", "class", "id", "colspan", "rowspan", "start", "type", "value", "dir", "lang"))
_DATA_IMAGE = re.compile(r"data:image/(png|jpe?g|gif|webp)[;,]", re.I)
_MARKDOWN_IMAGE = re.compile(r"!\[([^\]\n]{0,1000})\](\([^)\n]{0,2000}\)|\[[^\]\n]{0,200}\])")
_FORMULA_TAG = re.compile(r"[a-z]+(?:-xml)?")
_IMG_TAG = re.compile(r"<img\b[^>]{0,4000}>", re.I)
_QUOTES = re.compile(r"^((?:[ \t]{0,3}>){6})[> \t]+", re.M)
_DEEP_INDENT = re.compile(r"^[ \t]{200,}", re.M)


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
        self._open: list[str] = []  # elements as in the source, with their names there
        self._removed: list[str] = []  # open elements whose content is left out, outermost first
        self._shift = ""  # the open superscript or subscript: "sup" or "sub"
        self._shifted: list[str] = []  # its text
        self._shift_has_link = False
        self._formula: list[str] | None = None  # the source of the open formula
        self._text_before = ""  # the last characters of text
        self._struck_classes: set[str] = set()  # that are struck out

    def result(self) -> str:
        self._end_formula()
        self._end_shift()
        return "".join((*self._parts, *(_end_tag(tag) for tag in reversed(self._open))))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_removed = _is_removed(tag, attrs, self._struck_classes)
        if _is_block(tag):
            self._end_formula()
        elif tag == "math" and not self._removed and not is_removed:
            self._formula = []
        if self._formula is not None:
            mark = " hidden=''" if is_removed else ""
            self._formula.append(f"<{_formula_tag(tag)}{mark}>")
            return
        if len(self._removed) == 1 and tag in _ENDED_BY.get(self._removed[0], ()):
            self._removed.clear()
        if self._removed or is_removed:
            if tag not in _VOID | _REMOVED_TAGS and len(self._removed) < _MAX_DEPTH:
                self._removed.append(tag)
        elif self._shift:
            self._shift_has_link |= tag == "a"
        elif tag in ("sup", "sub"):
            self._shift, self._shifted, self._shift_has_link = tag, [], False
        elif tag == "img":
            self._image(dict(attrs))
        elif tag in _VOID:
            self._text_before = ""
            self._parts.append("" if tag == "wbr" else f"<{tag}/>")
        elif tag not in _REMOVED_TAGS and len(self._open) < _MAX_DEPTH:
            if self._open and tag in _ENDED_BY.get(self._open[-1], ()):
                self._parts.append(_end_tag(self._open.pop()))
            self._open.append(tag)
            self._parts.append(f"<{_written_name(tag)}{_attributes(attrs)}>")
            self._text_before = "" if _is_block(tag) else self._text_before

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._formula is not None:
            self._formula.append(f"<{_formula_tag(tag)}/>")
        elif tag in _VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._formula is not None and not _is_block(tag):
            self._formula.append(f"</{_formula_tag(tag)}>")
            if tag == "math":
                self._end_formula()
            return
        self._end_formula()
        if self._removed:
            if tag in self._removed:
                del self._removed[self._removed.index(tag) :]
                return
            if tag not in self._open or tag in self._removed:
                return
            self._removed.clear()  # the end of an element around a removed one ends that too
        if self._shift:
            if tag != self._shift and not _is_block(tag):
                return
            self._end_shift()
        if tag in self._open:
            self._text_before = "" if _is_block(tag) else self._text_before
            while self._open:
                last = self._open.pop()
                self._parts.append(_end_tag(last))
                if last == tag:
                    break

    def handle_data(self, data: str) -> None:
        if self._formula is not None:
            self._formula.append(escape(data, quote=False))
            return
        if self._removed:
            return
        if self._shift:
            self._shifted.append(data)
            return
        is_style = bool(self._open) and self._open[-1] == "style"
        if is_style:
            self._struck_classes |= _struck_classes(data)
            self._parts.append(data.replace("</", ""))
        else:
            self._write(data)

    def _write(self, text: str) -> None:
        text = text.translate(_INVISIBLE)
        self._parts.append(escape(text, quote=False))
        self._text_before = (self._text_before + text)[-40:]

    def _end_formula(self) -> None:
        """Write an open formula in a line."""
        source, self._formula = self._formula, None
        if source:
            self.handle_data(linear_mathml("".join(source)))

    def _end_shift(self) -> None:
        """Write an open superscript or subscript as plain text."""
        kind, text = self._shift, " ".join("".join(self._shifted).translate(_INVISIBLE).split())
        self._shift = ""
        if text and kind:
            self._write(_joint(kind, self._text_before, text, is_link=self._shift_has_link) + text)

    def _image(self, attributes: dict[str, str | None]) -> None:
        source = attributes.get("src") or ""
        if _DATA_IMAGE.match(source):
            self._parts.append(f'<img src="{escape(source)}"/>')
        elif words := attributes.get("alt"):
            self._parts.append(f" {escape(words)} ")


def _attributes(attrs: list[tuple[str, str | None]]) -> str:
    return "".join(f' {name}="{escape(value or "")}"' for name, value in attrs if name in _KEPT_ATTRIBUTES)


def _struck_classes(style_sheet: str) -> set[str]:
    """Return the classes that a style sheet strikes out by rules that name them alone and hold on every device.

    What it hides is left out by MuPDF.
    """
    always = _MEDIA.sub("", style_sheet[:_MAX_STYLE_SHEET])
    selectors = (rule[1] for rule in _RULE.finditer(always) if _STRUCK_OUT.search(rule[2]))
    found = (_CLASS.fullmatch(selector) for names in selectors for selector in names.split(","))
    return {match[1] for match in found if match}


def _is_removed(tag: str, attrs: list[tuple[str, str | None]], struck_classes: Set[str]) -> bool:
    values = dict(attrs)
    if struck_classes and not struck_classes.isdisjoint((values.get("class") or "").split()):
        return True
    if tag in _REMOVED_ELEMENTS or (tag == "dialog" and "open" not in values):
        return True
    return tag not in _VOID and ("hidden" in values or bool(_HIDDEN_STYLE.search(values.get("style") or "")))


def _formula_tag(tag: str) -> str:
    """Return the name of an element of a formula; any other name stands for a group."""
    return tag if _FORMULA_TAG.fullmatch(tag) else "mrow"


def _is_block(tag: str) -> bool:
    return tag in _BLOCKS or tag in ("p", "div", "li", "td", "th", "tr", "dt", "dd", "table", "blockquote", "pre")


def _written_name(tag: str) -> str:
    return "div" if tag in _BLOCKS else tag


def _end_tag(tag: str) -> str:
    return f"</{_written_name(tag)}>"


def _joint(kind: str, before: str, text: str, *, is_link: bool) -> str:
    """Return what stands between a text and its superscript or subscript: 10^3, 1st, H2O, x_i, "word 1"."""
    word = _LAST_WORD.search(before)
    if not before or before[-1].isspace():
        return ""
    if kind == "sub":
        return "" if word and not word[0][-1].isdigit() and text.isdigit() else "_"
    if is_link or text.startswith(("[", "(", "*", "†")):
        return " "  # a footnote's mark
    if word and word[0][-1].isdigit():
        return "" if text.lower().rstrip(".") in _ORDINALS else "^"
    if word and text.isalpha() and 2 <= len(text) <= 4:
        return ""  # an abbreviation: Mme
    is_base = word is not None and (len(word[0]) == 1 or word[0].lower() in _UNITS)
    return "^" if is_base or before[-1] in ")]" else " "
