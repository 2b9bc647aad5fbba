"""Search in one language at a time: headings of translated manuals as queries for the text below them.

    python -m benchmarks.languages [--root DIR] [--fused] [--only LANGUAGE ...]

Reads two Debian packages, from `DIR` (default `/`): apt install installation-guide-amd64 gnome-user-docs, or
apt-get download and `dpkg -x PACKAGE DIR`. The installation guide is GPL-2; GNOME's help is CC-BY-SA-3.0. Nothing of
them is kept. A page is a section of the guide or a topic of the help, without its heading; the heading is the query,
if it has at least two words and no other page has it. The measure is MRR@10 of the page below the heading.
`--fused` measures all lanes too, of a temporary collection with the profile `builtin`.
"""

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import lxml.etree
import lxml.html

import pagelens
from pagelens.index.lexical.analysis import analyze
from pagelens.index.lexical.tantivy_index import TantivyIndex

GUIDE = Path("usr/share/doc/installation-guide-amd64")
HELP = Path("usr/share/help")
GUIDE_LANGUAGES = ("de", "fr", "es", "pt", "it", "nl", "ru", "ja", "ko", "zh_CN")
HELP_LANGUAGES = ("cs", "el", "fi", "hu", "pl", "sv", "uk")
DEPTH = 10  # pages of each ranking that count
MIN_LENGTH = 200  # characters of a page
MALLARD = "{http://projectmallard.org/1.0/}"
_NUMBER = re.compile(r"^(?:[A-Z]\.)?[\d.\s]+")
_WORDS = re.compile(r"\w+")
_CJK = re.compile("[\u3040-\u9fff]")

Section = tuple[str, str]
"""A heading and the text below it."""


def main() -> None:
    """Print a row for each language."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("/"), help="where the packages' files are")
    parser.add_argument("--fused", action="store_true", help="measure all lanes too")
    parser.add_argument("--only", nargs="*", help="languages")
    arguments = parser.parse_args()
    missing = [str(folder) for folder in (GUIDE, HELP) if not (arguments.root / folder).is_dir()]
    if missing:
        sys.exit(f"expected the manuals in {', '.join(missing)} below {arguments.root}, found none: nothing measured")
    print("| language | text | pages | queries | words MRR |" + " fused MRR |" * arguments.fused)
    print("|---|---|---|---|---|" + "---|" * arguments.fused)
    sources = [("guide", name, _guide_sections) for name in GUIDE_LANGUAGES]
    sources += [("help", name, _help_sections) for name in HELP_LANGUAGES]
    for source, language, read in sources:
        if arguments.only and language not in arguments.only:
            continue
        sections = [(heading, text) for heading, text in read(arguments.root, language) if len(text) >= MIN_LENGTH]
        counts = Counter(heading for heading, _ in sections)
        queries = {
            number: heading
            for number, (heading, _) in enumerate(sections, 1)
            if counts[heading] == 1 and _has_two_words(heading)
        }
        texts = [text for _, text in sections]
        cells = [_mean_reciprocal_rank(_words_ranker(texts), queries)]
        if arguments.fused:
            with tempfile.TemporaryDirectory() as scratch:
                cells.append(_mean_reciprocal_rank(_fused_ranker(texts, Path(scratch)), queries))
        measured = " | ".join(f"{100 * cell:.1f}" for cell in cells)
        print(f"| {language} | {source} | {len(texts)} | {len(queries)} | {measured} |", flush=True)


def _guide_sections(root: Path, language: str) -> Iterator[Section]:
    for file in sorted((root / GUIDE / language).glob("*.html")):
        page = lxml.html.parse(str(file), lxml.html.HTMLParser(encoding="utf-8")).getroot()
        for section in page.xpath("//div[@class='sect1' or @class='sect2' or @class='sect3']"):
            titles = section.xpath("./div[@class='titlepage']//*[self::h2 or self::h3 or self::h4]")
            if titles:
                below = section.xpath("./*[not(self::div[@class='titlepage' or starts-with(@class, 'sect')])]")
                yield _NUMBER.sub("", _text(titles[0])).strip(), "\n".join(_text(element) for element in below).strip()


def _help_sections(root: Path, language: str) -> Iterator[Section]:
    for file in sorted((root / HELP / language / "gnome-help").glob("*.page")):
        page = lxml.etree.parse(str(file), lxml.etree.XMLParser(resolve_entities=False, recover=True)).getroot()
        title = page.find(f"{MALLARD}title")
        if title is not None:
            below = [element for element in page if element.tag not in (f"{MALLARD}info", f"{MALLARD}title")]
            yield _text(title), "\n".join(_text(element) for element in below).strip()


def _text(element: lxml.etree._Element) -> str:
    return " ".join(" ".join(str(text) for text in element.xpath(".//text()")).split())


def _has_two_words(heading: str) -> bool:
    return len(_WORDS.findall(heading)) + len(_CJK.findall(heading)) // 2 >= 2


def _words_ranker(texts: Sequence[str]) -> Callable[[str], list[int]]:
    index = TantivyIndex(None)
    index.add(enumerate(texts, 1))
    index.commit()
    searcher = index.searcher()
    return lambda query: [page for page, _ in searcher.search(analyze(query), DEPTH)]


def _fused_ranker(texts: Sequence[str], scratch: Path) -> Callable[[str], list[int]]:
    (scratch / "texts").mkdir()
    for number, text in enumerate(texts, 1):
        (scratch / "texts" / f"{number:04}.txt").write_text(text, "utf-8")
    engine = pagelens.open(scratch / "collection", create=True, profile="builtin")
    engine.index(scratch / "texts", workers=0)

    def rank(query: str) -> list[int]:
        found = [int(Path(hit.ref.path).stem) for hit in engine.search(query, k=DEPTH).hits]
        return list(dict.fromkeys(found))

    return rank


def _mean_reciprocal_rank(rank: Callable[[str], list[int]], queries: dict[int, str]) -> float:
    total = 0.0
    for page, query in queries.items():
        ranking = rank(query)
        total += 1 / (ranking.index(page) + 1) if page in ranking else 0.0
    return total / len(queries)


if __name__ == "__main__":
    main()
