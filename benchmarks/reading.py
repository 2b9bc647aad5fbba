"""What PageLens reads against what was written: documents in many scripts and formats, made from known texts.

    python -m benchmarks.reading [--folder FOLDER] [--formats "PDF, Chromium" DOCX] [--languages ar he] [--show]

Needs Debian's fonts-noto-core, fonts-noto-cjk and fonts-hosny-amiri, and the programs that make the documents:
chromium, libreoffice (writer, calc, impress), texlive-xetex. A format whose program is missing is left out, with the
reason. Documents that stand in the folder already are not made again.

Character error rate: insertions, deletions and substitutions that lead from the text to what was read, by characters of
the text. Both are compared in NFC, without invisible characters, with one blank for any run of blanks and line ends;
beside a character of a script that is written without blanks a line end may stand for a blank or for nothing. Where a
format puts names of columns, numbers or times between the paragraphs, each paragraph is compared with the best matching
part of what was read. Words: how many of the text's words were read, as a bag; pairs of characters where words have no
blanks.
"""

import argparse
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.reading_documents import DocumentSet, MissingProgramError, document_sets, folder_name, written_in
from benchmarks.reading_sources import LANGUAGES, Language, load_paragraphs
from pagelens.core.errors import PageLensError
from pagelens.core.word_breaks import join_broken_words
from pagelens.ingest.files.walk import identify
from pagelens.ingest.ocr.engines import Ocr, OcrSettings, load_recogniser
from pagelens.ingest.ocr.page_ocr import with_glyphs_read
from pagelens.ingest.readers.registry import load_reader

OCR = Ocr(OcrSettings(), load_recogniser)
BAR = 0.005  # highest character error rate of digital text
SHOWN = 12  # differences

_INVISIBLE = ("Cf", "Cc", "Zl", "Zp")
_WITHOUT_BLANKS = "[\u0e00-\u0e7f\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]"
_LINE_END = re.compile(rf"(?<={_WITHOUT_BLANKS})\s*\n\s*|\s*\n\s*(?={_WITHOUT_BLANKS})")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What reading one document gave. `problem` says why nothing was read."""

    documents: str
    language: Language
    errors: int = 0
    characters: int = 0
    words_found: int = 0
    words: int = 0
    problem: str = ""

    @property
    def error_rate(self) -> float:
        """Return errors by characters."""
        return self.errors / max(1, self.characters) if not self.problem else 1.0


def edit_distance(text: str, found: str, *, within: bool = False) -> int:
    """Return how many insertions, deletions and substitutions lead from one text to the other.

    A line end in `found` costs nothing, whether `text` has a blank there or not. `within`: the distance to the part of
    `found` that is nearest.
    """
    other = np.array([ord(char) for char in found], np.int64)
    is_line_end = other == ord("\n")
    inserted = np.concatenate(([0], np.cumsum(~is_line_end)))  # (n_found + 1,) characters from the start
    costs: NDArray[np.int64] = np.zeros_like(inserted) if within else inserted.copy()
    for char in text:
        diagonal = costs[:-1] + ((other != ord(char)) & ~(is_line_end & (char == " ")))
        costs = costs + 1  # a character of the text is not in the other
        costs[1:] = np.minimum(costs[1:], diagonal)
        costs = np.minimum.accumulate(costs - inserted) + inserted  # characters of the other are not in the text
    return int(costs.min() if within else costs[-1])


def normalise(text: str) -> str:
    """Return a text as it is compared, with those line ends that may stand for nothing."""
    visible = "".join(char for char in text if char == "\n" or unicodedata.category(char) not in _INVISIBLE)
    lines = _LINE_END.sub("\0", unicodedata.normalize("NFC", visible))
    return " ".join(lines.split()).replace("\0", "\n")


def words(text: str, language: Language) -> Counter[str]:
    """Return the words of a normalised text, or its pairs of characters in a language without blanks."""
    if language.blanks:
        return Counter(text.split())
    plain = "".join(text.split())
    return Counter(map("".join, pairwise(plain)))


def read_text(path: Path, language: Language) -> str:
    """Return all text of a document, with words that are broken at line ends joined. Raises PageLensError."""
    with load_reader(identify(path)).open_document(path, sha256="", size=path.stat().st_size) as opened:
        texts = [with_glyphs_read(page, opened, OCR).text.text for page in opened.pages(1)]
    return "\n".join(map(join_broken_words, texts) if language.blanks else texts)


def compare(documents: DocumentSet, language: Language, paragraphs: Sequence[str], read: str) -> Outcome:
    """Count what was read right."""
    found = normalise(read)
    whole = normalise("\n".join(paragraphs)).replace("\n", " ")
    parts = [normalise(text) for text in paragraphs] if documents.tabular else [whole]
    bag = words(whole, language)
    return Outcome(
        documents=documents.name,
        language=language,
        errors=sum(edit_distance(part, found, within=documents.tabular) for part in parts),
        characters=sum(map(len, parts)),
        words_found=(bag & words(found, language)).total(),
        words=bag.total(),
    )


def make_documents(documents: DocumentSet, folder: Path, texts: Mapping[Language, Sequence[str]]) -> None:
    """Make the documents of a format that are not there yet. Raises MissingProgramError."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {
        language: text
        for language, text in texts.items()
        if not (folder / f"{language.name}.{documents.suffix}").is_file()
    }
    if wanted:
        documents.make(folder, wanted)


def read_documents(
    documents: DocumentSet, root: Path, texts: Mapping[Language, Sequence[str]], *, show: bool
) -> Iterable[Outcome]:
    """Make and read the documents of a format, and yield what reading each of them gave."""
    folder = root / folder_name(documents)
    try:
        make_documents(documents, folder, texts)
    except MissingProgramError as exc:
        print(f"left out: {documents.name}: {exc}", flush=True)
        return
    for language, text in texts.items():
        path = folder / f"{language.name}.{documents.suffix}"
        if not path.is_file():
            print(f"left out: {documents.name}, {language.script}: the program made no file", flush=True)
            continue
        try:
            read = read_text(path, language)
        except PageLensError as exc:
            yield Outcome(documents=documents.name, language=language, problem=str(exc))
            continue
        written = _as_written(documents, text)
        yield compare(documents, language, written, read)
        if show:
            _show_differences(path, written, read)


def _as_written(documents: DocumentSet, paragraphs: Sequence[str]) -> list[str]:
    """Return the paragraphs as the format's encoding can hold them."""
    if not documents.name.startswith("text, "):
        return list(paragraphs)
    return [written_in(text, documents.name.removeprefix("text, ")) for text in paragraphs]


def _show_differences(path: Path, paragraphs: Sequence[str], read: str) -> None:
    """Print the paragraphs that are not found as they are, each with its least distance."""
    found = normalise(read)
    distances = [(edit_distance(text, found, within=True), text) for text in map(normalise, paragraphs)]
    missing = [(distance, text) for distance, text in distances if distance]
    print(f"\n{path}: {len(missing)} of {len(paragraphs)} paragraphs differ")
    for distance, text in missing[:SHOWN]:
        print(f"  {distance:4} {text[:150]}")
    if missing:
        print(f"  read: {found[:400]}")


def print_tables(outcomes: Sequence[Outcome]) -> None:
    """Print error rate and word recall of every document, and of each script and format."""
    print("\n| format | script | characters | CER % | words % | |\n|---|---|---|---|---|---|")
    for one in outcomes:
        mark = one.problem[:80] or ("above the bar" if one.error_rate > BAR else "")
        print(f"| {one.documents} | {one.language.script} | {_figures([one])} | {mark} |")
    for title, names in (
        ("script", [language.script for language in LANGUAGES]),
        ("format", [documents.name for documents in document_sets()]),
    ):
        print(f"\n| {title} | documents | below {BAR:.1%} | characters | CER % | words % |\n|---|---|---|---|---|---|")
        for name in names:
            group = [one for one in outcomes if name in (one.language.script, one.documents)]
            if group:
                below = sum(one.error_rate <= BAR for one in group)
                print(f"| {name} | {len(group)} | {below} | {_figures(group)} |")
    below = sum(one.error_rate <= BAR for one in outcomes)
    print(f"\n{below} of {len(outcomes)} documents have a character error rate of at most {BAR:.1%}")


def _figures(group: Iterable[Outcome]) -> str:
    read = [one for one in group if not one.problem]
    if not read:
        return "| not read |"
    characters, errors = sum(one.characters for one in read), sum(one.errors for one in read)
    found, wanted = sum(one.words_found for one in read), sum(one.words for one in read)
    return f"{characters} | {100 * errors / characters:.2f} | {100 * found / wanted:.1f}"


def main() -> None:
    """Make the documents, read them, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the documents are made and kept")
    parser.add_argument("--formats", nargs="+", help="names of formats, all by default")
    parser.add_argument("--languages", nargs="+", help="codes of languages, all by default")
    parser.add_argument("--show", action="store_true", help="print the paragraphs that differ")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root: Path = arguments.folder or Path(scratch)
        paragraphs = load_paragraphs(root)
        outcomes: list[Outcome] = []
        for documents in document_sets():
            if arguments.formats and documents.name not in arguments.formats:
                continue
            chosen = {
                language: paragraphs[language.code]
                for language in LANGUAGES
                if (not documents.languages or language.name in documents.languages)
                and (not arguments.languages or language.name in arguments.languages)
            }
            outcomes += read_documents(documents, root, chosen, show=arguments.show)
    print_tables(outcomes)


if __name__ == "__main__":
    main()
