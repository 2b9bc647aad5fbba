"""Texts in many scripts that `benchmarks.reading` makes documents of, from a package of Debian.

The package keyboard-configuration (GPL-2) explains how a keyboard is set up, in about 80 languages: sentences with
brackets, quotation marks, numbers, paths and Latin names between words of the language. Nothing of it is in this
repository: the texts are taken from the installed package, or from a copy that apt downloads.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "keyboard-configuration"
INSTALLED = Path("/var/lib/dpkg/info") / f"{PACKAGE}.templates"

_FIELD = re.compile(r"Description(?:-([A-Za-z_@]+)\.UTF-8)?: ?(.*)", re.DOTALL)
_DIRECTION_MARKS = re.compile("[\u200e\u200f]")  # hardly a writer sets them, and no page shows them
_VARIABLES = {"${XKBLAYOUT}": "us", "${XKBVARIANT}": "intl", "${XKBLAYOUTVARIANT}": "us-intl", "${XKBOPTIONS}": "grp"}


@dataclass(frozen=True, slots=True)
class Language:
    """A language, its script, and how it is written."""

    code: str  # as in the package
    script: str  # as it is printed
    font: str  # a family of Debian's fonts-noto-core, fonts-noto-cjk or fonts-hosny-amiri
    tex_font: str = ""  # another family for TeX, which takes no letters from a second font by itself
    tex_latin_font: str = ""  # a family for the Latin names in TeX, where that has no Latin letters
    right_to_left: bool = False
    vertical: bool = False
    blanks: bool = True  # words are separated by blanks

    @property
    def name(self) -> str:
        """Return the name of the language's files, without suffix."""
        return f"{self.code}-vertical" if self.vertical else self.code

    @property
    def tag(self) -> str:
        """Return the tag of RFC 5646, for HTML and documents."""
        return self.code.replace("_", "-")


LANGUAGES = (
    Language("en", "Latin (English)", "Noto Serif"),
    Language("cs", "Latin (Czech)", "Noto Serif"),
    Language("tr", "Latin (Turkish)", "Noto Sans"),
    Language("vi", "Latin (Vietnamese)", "Noto Serif"),
    Language("ru", "Cyrillic", "Noto Sans"),
    Language("el", "Greek", "Noto Serif"),
    Language("ar", "Arabic", "Noto Naskh Arabic", tex_font="Amiri", right_to_left=True),
    Language("fa", "Arabic (Persian)", "Amiri", right_to_left=True),
    Language("he", "Hebrew", "Noto Sans Hebrew", tex_font="Frank Ruehl CLM", right_to_left=True),
    Language("hi", "Devanagari", "Noto Sans Devanagari", tex_font="Lohit Devanagari"),
    Language("bn", "Bengali", "Noto Sans Bengali", tex_font="Lohit Bengali", tex_latin_font="Noto Serif"),
    Language("th", "Thai", "Noto Sans Thai", tex_font="Norasi", blanks=False),
    Language("ja", "Japanese", "Noto Serif CJK JP", blanks=False),
    Language("ja", "Japanese, vertical", "Noto Serif CJK JP", blanks=False, vertical=True),
    Language("zh_CN", "Chinese", "Noto Sans CJK SC", blanks=False),
    Language("zh_TW", "Chinese, traditional", "Noto Sans CJK TC", blanks=False),
    Language("ko", "Korean", "Noto Sans CJK KR"),
)


def load_paragraphs(folder: Path) -> Mapping[str, list[str]]:
    """Return the paragraphs of each language's text. `folder` is where the package is downloaded if it is needed."""
    texts: dict[str, list[str]] = {}
    for block in _templates(folder).read_text("utf-8").split("\n\n"):
        for field in re.split(r"\n(?! )", block):
            if match := _FIELD.fullmatch(field):
                paragraphs = texts.setdefault(match[1] or "en", [])
                paragraphs += [text for text in _paragraphs(match[2]) if text not in paragraphs]
    return texts


def _paragraphs(field: str) -> list[str]:
    """Return the paragraphs of a field: its first line, and those that lines with a full stop alone separate."""
    short, *long = field.split("\n")
    paragraphs = [short, ""]
    for line in (line.strip() for line in long):
        paragraphs = [*paragraphs, ""] if line == "." else [*paragraphs[:-1], f"{paragraphs[-1]} {line}"]
    return [text for text in (_without_variables(text) for text in paragraphs) if text]


def _without_variables(text: str) -> str:
    for variable, value in _VARIABLES.items():
        text = text.replace(variable, value)
    return " ".join(_DIRECTION_MARKS.sub("", text).split())


def _templates(folder: Path) -> Path:
    """Return the package's file of texts."""
    if INSTALLED.is_file():
        return INSTALLED
    control = folder.resolve() / "control"
    if not (control / "templates").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "-qq", "download", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        package = next(folder.resolve().glob(f"{PACKAGE}_*.deb"))
        subprocess.run(["dpkg-deb", "-e", package, control], check=True)
    return control / "templates"
