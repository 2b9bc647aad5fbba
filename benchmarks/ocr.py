"""OCR of pages without a text layer: word recall, CPU time, peak memory.

    python -m benchmarks.ocr [--pages 50] [--turned 10] [--wordless] [--photos 200]

Recall: pages that have a text layer are drawn and read; counted is how many of the layer's words are found on the same
page (as a bag; case, outer punctuation and the kind of apostrophe and hyphen do not count). One engine and resolution a
process, one thread; CPU seconds are those of reading alone, Tesseract's own process counted; the peak is the process's,
or its child's where that is larger. Wordless: the pages of the development set without a text layer, and how many get
text. Photos: how many of those of the development set get words.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.development_set import DATA, SET, require_data
from pagelens.core.types import ImageArray, Page
from pagelens.ingest.ocr.engines import EngineName, Ocr, OcrSettings, load_recogniser
from pagelens.ingest.ocr.page_ocr import add_recognised_text, longest_side, read_photo_text
from pagelens.ingest.readers.pdf.pdf_reader import open_document, render_page

CASES: tuple[tuple[EngineName, int], ...] = (
    ("rapidocr", 150),
    ("rapidocr", 110),
    ("tesseract", 150),
    ("tesseract", 110),
)
LEAST_WORDS = 60  # of a page that counts
MOST_PICTURE = 0.05  # of a page that counts: words in pictures stand in no layer

PageAt = tuple[Path, Page]


def documents() -> list[Path]:
    """Return the development documents."""
    return sorted((SET / "documents").glob("*.pdf"))


def pages_with_text(count: int, seed: int = 0) -> list[PageAt]:
    """Return pages that have a text layer and hardly a picture, drawn by lot."""
    pages: list[PageAt] = []
    for path in documents():
        with open_document(path, sha256="", size=0) as opened:
            for page in opened.pages(1):
                boxes = opened.bitmap_boxes(page.number)
                area = float(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sum())
                if len(page.text.spans) >= LEAST_WORDS and area < MOST_PICTURE:
                    pages.append((path, page))
    chosen = np.random.default_rng(seed).choice(len(pages), min(count, len(pages)), replace=False)
    return [pages[index] for index in sorted(chosen)]


def words(text: str) -> Counter[str]:
    """Return the words as they are compared."""
    plain = unicodedata.normalize("NFKC", text).lower().translate(str.maketrans("’‘‐‑–—", "''----"))
    return Counter(word for word in (re.sub(r"^\W+|\W+$", "", part) for part in plain.split()) if word)


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its children that have ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def drawn(path: Path, page: Page, dpi: int, quarters: int) -> ImageArray:
    """Return the page's picture, turned counter-clockwise."""
    side = longest_side(page.width, page.height, dpi)
    return np.ascontiguousarray(np.rot90(np.asarray(render_page(path, page.number, longest=side)), quarters))


def measure(engine: EngineName, dpi: int, count: int, quarters: int) -> dict[str, float]:
    """Read the pages and return what it gave and cost."""
    recogniser = load_recogniser(OcrSettings(engine=engine))
    pages = pages_with_text(count)
    matched = expected = recognised = 0
    cpu = 0.0
    for path, page in pages:
        picture = drawn(path, page, dpi, quarters)
        start = cpu_seconds()
        page_words = words(" ".join(word.text for word in recogniser.recognise(picture)))
        cpu += cpu_seconds() - start
        truth = words(page.text.text)
        matched, expected, recognised = (
            matched + (page_words & truth).total(),
            expected + truth.total(),
            recognised + page_words.total(),
        )
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "recall": matched / expected,
        "precision": matched / recognised,
        "cpu": cpu / len(pages),
        "peak": peak / 1024,
    }


def measure_in_subprocess(case: Sequence[str]) -> dict[str, float]:
    """Measure one case in a process of its own, for its peak memory."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.ocr", "--case", *case], stdout=subprocess.PIPE, check=True, text=True
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def recall_table(count: int, turned: int) -> None:
    """Print recall and cost of each engine and resolution, and of turned pages at the default."""
    print(f"{count} pages with a text layer, rasterised; {turned} of them turned\n")
    print(
        "| engine | dpi | turned by | word recall | precision | CPU-s a page | peak MB |\n|---|---|---|---|---|---|---|"
    )
    cases = [(engine, dpi, count, 0) for engine, dpi in CASES]
    cases += [
        (engine, 150, turned, quarters) for engine in ("rapidocr", "tesseract") for quarters in (1, 2, 3) if turned
    ]
    for engine, dpi, pages, quarters in cases:
        try:
            got = measure_in_subprocess((engine, str(dpi), str(pages), str(quarters)))
        except subprocess.CalledProcessError:
            print(f"| {engine} | {dpi} | {90 * quarters} | not run: the engine is not installed | | | |", flush=True)
            continue
        figures = f"{got['recall']:.4f} | {got['precision']:.4f} | {got['cpu']:.2f} | {got['peak']:.0f}"
        print(f"| {engine} | {dpi} | {90 * quarters} | {figures} |", flush=True)


def read_all(paths: Sequence[Path], ocr: Ocr) -> Iterator[tuple[Page, Page, float]]:
    """Yield each page before and after, and the CPU seconds it took."""
    for path in paths:
        with open_document(path, sha256="", size=0) as opened:
            for page in opened.pages(1):
                start = cpu_seconds()
                (after,) = add_recognised_text([page], "pdf", opened, ocr)
                yield page, after, cpu_seconds() - start


def wordless_table() -> None:
    """Print what becomes of every page of the development set, by where its text is from."""
    ocr = Ocr(OcrSettings(), load_recogniser)
    rows = list(read_all(documents(), ocr))
    wordless = [after for before, after, _ in rows if not before.text.text]
    read = sum(bool(page.text.text) for page in wordless)
    print(f"\n{len(rows)} pages, {len(wordless)} without a text layer, {read} of these with text now\n")
    print("| text from | pages | CPU-s a page | CPU-s in all | words a page | confidence |\n|---|---|---|---|---|---|")
    for source in ("layer", "ocr", "both", "none"):
        group = [(page, spent) for _, page, spent in rows if page.text.source == source]
        if group:
            spent = sum(spent for _, spent in group)
            mean_words = np.mean([len(page.text.spans) for page, _ in group])
            confidences = [page.text.confidence for page, _ in group if page.text.confidence is not None]
            confidence = f"{np.mean(confidences):.3f}" if confidences else ""
            print(
                f"| {source} | {len(group)} | {spent / len(group):.2f} | {spent:.0f} "
                f"| {mean_words:.0f} | {confidence} |"
            )


def photo_table(count: int) -> None:
    """Print how many photos get words, and which."""
    recogniser = load_recogniser(OcrSettings())
    paths = sorted((DATA / "photos-dev" / "photos").glob("*.jpg"))
    chosen = np.random.default_rng(0).choice(len(paths), min(count, len(paths)), replace=False)
    got = []
    start = cpu_seconds()
    for index in sorted(chosen):
        text = read_photo_text(recogniser, np.asarray(Image.open(paths[index]).convert("RGB")))
        if text.text:
            got.append(f"{paths[index].name}: {' '.join(text.text.split())}")
    print(
        f"\n{len(got)} of {len(chosen)} photos have words ({(cpu_seconds() - start) / len(chosen):.3f} CPU-s a photo)"
    )
    print("\n".join(got))


def main() -> None:
    """Print the tables asked for."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--turned", type=int, default=10)
    parser.add_argument("--wordless", action="store_true", help="every page of the development set: minutes")
    parser.add_argument("--photos", type=int, default=0)
    parser.add_argument("--case", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        engine, dpi, count, quarters = arguments.case
        print(json.dumps(measure(engine, int(dpi), int(count), int(quarters))))
        return
    if arguments.pages:
        recall_table(arguments.pages, arguments.turned)
    if arguments.wordless:
        wordless_table()
    if arguments.photos:
        photo_table(arguments.photos)


if __name__ == "__main__":
    main()
