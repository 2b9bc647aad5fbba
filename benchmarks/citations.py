"""How well wrong citations are distinguished from right ones, on the development documents, without a model.

    python -m benchmarks.citations [--seed 0] [--count 200] [--ocr 0] [--engine rapidocr]

Sentences come from known pages. Right citations: a sentence with its page, also reworded (a third of the function words
removed, the halves exchanged, thousands without commas, small numbers in words). Wrong citations: a sentence with
another page (of the same or of another document), or with one number or name changed (invented, or taken from elsewhere
on the same page, which is harder). The positive class is `unconfirmed`. `--ocr N` also reads N pages that have a text
layer by OCR, and checks the layer's sentences against the recognised text. Pages without words are left out.
"""

import argparse
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.development_set import SET, require_data
from benchmarks.ocr import documents
from pagelens.core.types import PageText
from pagelens.generate.answer_text import one_line
from pagelens.generate.citations.checking import CitationChecker
from pagelens.generate.citations.claims import FUNCTION_WORDS, Fact, parse_claim, tokenize
from pagelens.generate.citations.page_words import PageWords
from pagelens.generate.sentences import split_sentences
from pagelens.index.lexical.analysis import analyze
from pagelens.ingest.ocr.engines import OcrSettings, load_recogniser
from pagelens.ingest.ocr.page_ocr import longest_side, read_image_text
from pagelens.ingest.ocr.recognition import TextRecogniser
from pagelens.ingest.readers.pdf.pdf_reader import open_document, render_page

DPI = 150
LEAST, MOST = 8, 45  # words of a sentence
SMALL = dict(enumerate("two three four five six seven eight nine ten eleven twelve".split(), start=2))


@dataclass(frozen=True, slots=True)
class PageSentence:
    """A sentence and the page it stands on; `checked_text` is the text that the citation is checked against."""

    sentence: str
    file: str
    number: int
    text: PageText
    checked_text: PageText


Changed = Callable[[PageSentence, random.Random], str | None]


def main() -> None:
    """Print the table."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--ocr", type=int, default=0, help="pages to read by OCR; some 3 CPU-seconds each")
    parser.add_argument("--engine", choices=("rapidocr", "tesseract"), default="rapidocr")
    arguments = parser.parse_args()
    pages = _layer_pages()
    _print_table("text pages", _draw(pages, arguments.count, arguments.seed), pages, arguments.seed)
    if arguments.ocr:
        chosen = random.Random(arguments.seed).sample(pages, min(arguments.ocr, len(pages)))
        recogniser = load_recogniser(OcrSettings(engine=arguments.engine))
        read = [_by_ocr(page, recogniser) for page in chosen]
        _print_table(f"read by {arguments.engine}", _draw(read, arguments.count, arguments.seed), read, arguments.seed)


def _layer_pages() -> list[PageSentence]:
    """Return every page that has a text layer, without a sentence yet."""
    pages = []
    for path in documents():
        with open_document(path, sha256="", size=0) as opened:
            pages += [
                PageSentence(sentence="", file=path.name, number=page.number, text=page.text, checked_text=page.text)
                for page in opened.pages(1)
                if page.text.source == "layer" and len(page.text.spans) > LEAST
            ]
    return pages


def _by_ocr(page: PageSentence, recogniser: TextRecogniser) -> PageSentence:
    """Return the page as OCR reads its picture at 150 dpi."""
    path = SET / "documents" / page.file
    with open_document(path, sha256="", size=0) as opened:
        size = next((page_facts.width, page_facts.height) for page_facts in opened.pages(page.number))
    image = render_page(path, page.number, longest=longest_side(*size, DPI))
    return replace(page, checked_text=read_image_text(recogniser, np.asarray(image.convert("RGB"))))


def _draw(pages: Sequence[PageSentence], count: int, seed: int) -> list[PageSentence]:
    """Return random sentences, evenly over the pages, at least three candidates from each."""
    each = max(3, 2 * count // len(pages))
    rng = random.Random(seed)
    drawn = []
    for page in pages:
        sentences = [
            one_line(page.text.text[split_sentence.start : split_sentence.end])
            for split_sentence in split_sentences(page.text)
            if split_sentence.shape == "sentence"
        ]
        candidates = [
            sentence
            for sentence in sentences
            if LEAST <= len(sentence.split()) <= MOST and parse_claim(sentence, analyze).words
        ]
        drawn += [replace(page, sentence=sentence) for sentence in rng.sample(candidates, min(each, len(candidates)))]
    return rng.sample(drawn, min(count, len(drawn)))


# Variants of a sentence


def _reworded(known: PageSentence, rng: random.Random) -> str:
    words = [word for word in known.sentence.split() if word.lower() not in FUNCTION_WORDS or rng.random() > 1 / 3]
    words = [SMALL[int(word)] if word.isdigit() and int(word) in SMALL else word for word in words]
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", " ".join(words))
    halves = text.split(", ", 1)
    return ", ".join(reversed(halves)) if len(halves) == 2 and rng.random() > 0.5 else text


def _freely(known: PageSentence, foreign: Sequence[str], rng: random.Random) -> str:
    """Reword, and put another word in the place of one content word in six that is neither a number nor a name."""
    facts = {fact.folded for fact in _facts(known)}
    words = []
    for word in _reworded(known, rng).split():
        plain = word.isalpha() and word.islower() and word not in facts and word not in FUNCTION_WORDS
        words.append(rng.choice(foreign) if plain and rng.random() < 1 / 6 else word)
    return " ".join(words)


def _facts(known: PageSentence) -> list[Fact]:
    return [fact for fact in parse_claim(known.sentence, analyze).facts if known.sentence.count(fact.text) == 1]


def _number_made_up(known: PageSentence, rng: random.Random) -> str | None:
    numbers = [fact for fact in _facts(known) if fact.kind == "number" and fact.text[0].isdigit()]
    if not numbers:
        return None
    chosen = rng.choice(numbers)
    position = rng.choice([index for index, char in enumerate(chosen.text) if char.isdigit()])
    digit = rng.choice([char for char in "123456789" if char != chosen.text[position]])
    return known.sentence.replace(chosen.text, chosen.text[:position] + digit + chosen.text[position + 1 :])


def _number_of_the_page(known: PageSentence, rng: random.Random) -> str | None:
    numbers = [fact for fact in _facts(known) if fact.kind == "number" and fact.text[0].isdigit()]
    own_values = {value for token in tokenize(known.sentence) for value in token.values}
    others = [
        token.text for token in tokenize(known.text.text) if token.text[0].isdigit() and not token.values & own_values
    ]
    return known.sentence.replace(rng.choice(numbers).text, rng.choice(others)) if numbers and others else None


def _name_of_the_page(known: PageSentence, rng: random.Random) -> str | None:
    return _other_name(known, [known], rng)


def _other_name(known: PageSentence, pages: Sequence[PageSentence], rng: random.Random) -> str | None:
    names = [fact for fact in _facts(known) if fact.kind == "name"]
    if not names:
        return None
    own_names = {token.folded for token in tokenize(known.sentence)}
    page = rng.choice(pages)
    sentences = [page.text.text[part.start : part.end] for part in split_sentences(page.text)]
    others = [
        fact.text
        for sentence in sentences
        for fact in parse_claim(sentence, analyze).facts
        if fact.kind == "name" and fact.folded not in own_names
    ]
    return known.sentence.replace(rng.choice(names).text, rng.choice(others)) if others else None


# The table


def _print_table(title: str, drawn: Sequence[PageSentence], pages: Sequence[PageSentence], seed: int) -> None:
    rng = random.Random(seed + 1)
    checker = CitationChecker(analyze)
    read: dict[int, PageWords] = {}

    def supported(sentence: str, text: PageText) -> bool:
        page = read.setdefault(id(text), checker.read(text))
        return checker.check(sentence, page).supported

    right = [supported(known.sentence, known.checked_text) for known in drawn]
    reworded = [supported(_reworded(known, rng), known.checked_text) for known in drawn]
    foreign = [word for word in rng.choice(pages).text.text.split() if word.isalpha() and word.islower()]
    freely = [supported(_freely(known, foreign, rng), known.checked_text) for known in drawn]
    cases: dict[str, list[bool]] = {"another page of the document": [], "another document's page": []}
    for index, known in enumerate(drawn):
        same = index % 2 == 0
        others = [
            page
            for page in pages
            if (page.file == known.file) == same
            and page.number != known.number
            and known.sentence not in one_line(page.text.text)
        ]
        if others:
            name = "another page of the document" if same else "another document's page"
            cases[name].append(supported(known.sentence, rng.choice(others).checked_text))
    changes: dict[str, Changed] = {
        "a number made up": _number_made_up,
        "a number of the same page": _number_of_the_page,
        "a name of another page": lambda known, rng: _other_name(known, pages, rng),
        "a name of the same page": _name_of_the_page,
    }
    for name, change in changes.items():
        changed = [(sentence, known) for known in drawn if (sentence := change(known, rng)) is not None]
        cases[name] = [supported(sentence, known.checked_text) for sentence, known in changed]
    _print_rows(title, {"right": right, "right, reworded": reworded, "right, reworded freely": freely}, cases)


def _print_rows(title: str, rights: Mapping[str, Sequence[bool]], cases: Mapping[str, Sequence[bool]]) -> None:
    print(f"| {title} | n | unconfirmed |")
    print("|---|---|---|")
    for name, found in {**rights, **cases}.items():
        print(f"| {name} | {len(found)} | {100 * _alarm(found):.1f} % |")
    names = list(cases)
    groups = {
        "wrong page": names[:2],
        "made up or from another page": [names[2], names[4]],
        "from the same page": [names[3], names[5]],
        "all, each kind alike": names,
    }
    print(
        f"\n| `unconfirmed`, as many right as wrong | recall | {' | '.join(f'precision, {name}' for name in rights)} |"
    )
    print("|---|---|" + "---|" * len(rights))
    for name, group in groups.items():
        recall = sum(_alarm(cases[case]) for case in group) / len(group)
        cells = [recall, *(recall / (recall + _alarm(found)) for found in rights.values())]
        print(f"| {name} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")
    print()


def _alarm(supported: Sequence[bool]) -> float:
    """Return the share that is unconfirmed."""
    return 1 - sum(supported) / max(1, len(supported))


if __name__ == "__main__":
    main()
