"""Values read from sixty made documents: without a model, and with a scripted one.

    python -m benchmarks.extraction FOLDER [--seed 0] [--layouts ABCDEF] [--engine rapidocr] [--scripted]

The documents (`benchmarks.made_documents`) are made in FOLDER and read once; later runs read what is kept there. The
rules were developed on layouts A to C; D to F were first looked at to measure. Printed are field accuracy, what was
found right and wrong, precision and recall of nulls, and F1 of rows, each with its 95% interval over documents.

The scripted model stands for a language model that reads well: of each window it returns the values that stand on the
pages shown, with every tenth changed in one character, and wrong pages named for every tenth. So what is measured is
what happens around a model: windows, merging, checking, and looking again.
"""

import argparse
import json
import pickle
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.made_documents.making import made_cards_and_forms, made_documents, write
from pagelens.core.types import ContextPage, ImageArray, PageRef, PageText
from pagelens.evals.measures.extracted_values import ExtractionCounts, count_values, measure_extraction
from pagelens.generate.extraction.comparison import compare_values
from pagelens.generate.extraction.extractor import ModelExtractor
from pagelens.generate.extraction.rule_extractor import RuleExtractor
from pagelens.generate.extraction.shipped_schemas import SHIPPED_SCHEMAS
from pagelens.generate.extraction.windows import extract_all
from pagelens.generate.llm.chat import ChatRequest, TextPart
from pagelens.generate.llm.scripted import ScriptedModel
from pagelens.generate.prompts import Budget
from pagelens.index.lexical.analysis import analyze
from pagelens.ingest.ocr.engines import EngineName, Ocr, OcrSettings, load_recogniser
from pagelens.ingest.ocr.page_ocr import add_recognised_text
from pagelens.ingest.readers.pdf.pdf_reader import open_document

BUDGET = Budget(images=4, image_side=640)
DEVELOPED, HELD_BACK = "ABC", "DEF"


@dataclass(frozen=True, slots=True)
class ReadExample:
    """A made document as read: its values and groups, and the text of its pages."""

    row: Mapping[str, Any]
    texts: Sequence[PageText]

    @property
    def pages(self) -> list[ContextPage]:
        """Its pages, as an extractor is given them."""
        name = self.row["document"]
        return [
            ContextPage(ref=PageRef(name, number), label=None, title=name, text=text)
            for number, text in enumerate(self.texts, start=1)
        ]

    @property
    def is_single_digital_invoice(self) -> bool:
        """Whether the bar of issue 22 is about it."""
        return self.row["schema"] == "invoice" and not self.row["groups"]["scanned"] and len(self.texts) == 1


def read_examples(folder: Path, seed: int, engine: EngineName) -> list[ReadExample]:
    """Return the made documents of a seed; made and read where that was not done before."""
    target = folder / f"seed-{seed}"
    kept = target / f"read-{engine}.pickle"
    if not kept.exists():
        write(target, [*made_documents(seed), *made_cards_and_forms(seed)])
        ocr = Ocr(OcrSettings(engine=engine), load_recogniser)
        rows = [json.loads(line) for line in (target / "values.jsonl").read_text(encoding="utf-8").splitlines()]
        examples = [ReadExample(row, _read(target / row["document"], ocr)) for row in rows if row["schema"] != "form"]
        kept.write_bytes(pickle.dumps(examples))
    loaded: list[ReadExample] = pickle.loads(kept.read_bytes())
    return [*loaded]


def _read(path: Path, ocr: Ocr) -> list[PageText]:
    with open_document(path, sha256="", size=0) as opened:
        return [page.text for page in add_recognised_text(opened.pages(1), "pdf", opened, ocr)]


Extract = Callable[[ReadExample], object]


def print_measures(title: str, examples: Sequence[ReadExample], extract: Extract) -> None:
    """Print the measures of some documents in one line."""
    if not examples:
        return
    counts: list[ExtractionCounts] = [count_values(extract(one), one.row["values"]) for one in examples]
    print(f"\n{title}: {len(examples)} documents")
    for name, share in measure_extraction(counts).items():
        if share.value == share.value:  # not NaN: there was something to measure
            print(f"  {name:15} {share.value:6.1%}  ({share.low:.1%} to {share.high:.1%})")


def print_errors(examples: Sequence[ReadExample], extract: Extract) -> None:
    """Print each value that is not as expected."""
    for one in examples:
        for line in compare_values(extract(one), one.row["values"]):
            if line.state != "match":
                print(one.row["document"], line.pointer, line.state, repr(line.expected), repr(line.found))


def without_model(example: ReadExample) -> object:
    """Return the values that the rules read."""
    return RuleExtractor().extract(SHIPPED_SCHEMAS[example.row["schema"]], example.pages).data


class ScriptedReader:
    """A scripted model that reads well, and errs as said above. Of one document."""

    def __init__(self, example: ReadExample) -> None:
        self._row = example.row
        self.wrong = 0  # values that were changed, the second look apart
        self._window: dict[str, Any] = {}  # pointer -> right value, of the window read last
        self._last: dict[str, Any] = {}  # pointer -> value given

    def reply(self, request: ChatRequest) -> str:
        """Return the reply to a request."""
        text = "\n".join(part.text for part in request.messages[0].parts if isinstance(part, TextPart))
        if request.prompt.startswith("extraction-second-look"):
            keys = [pointer for pointer in self._window if f'"{pointer}":' in text]
            return json.dumps({"data": {key: self._second(key) for key in keys}})
        shown = [int(number) for number in re.findall(r"^file: .*, page (\d+)", text, re.M)]
        data: dict[str, Any] = {}
        pages: dict[str, int] = {}
        self._window = {}
        for name, value in self._row["values"].items():
            if isinstance(value, list):
                rows = [(row, page) for row, page in zip(value, self._row["item_pages"], strict=True) if page in shown]
                data[name] = [
                    {key: self._read(f"/{name}/{at}/{key}", item, page, shown, pages) for key, item in row.items()}
                    for at, (row, page) in enumerate(rows)
                ]
            else:
                data[name] = self._read(f"/{name}", value, self._row["pages"][name], shown, pages)
        return json.dumps({"data": data, "pages": pages})

    def _read(self, pointer: str, value: Any, page: int, shown: Sequence[int], pages: dict[str, int]) -> Any:
        if value is None or page not in shown:
            return None
        draw = random.Random(f"{self._row['document']} {pointer} {value} {page}").random()
        pages[pointer] = shown.index(page) + 1 if not 0.1 <= draw < 0.2 else len(shown)
        self._window[pointer] = value
        self._last[pointer] = value
        if draw < 0.1 and pointer != "/payment_method":
            self.wrong += 1
            self._last[pointer] = _changed(value)
        return self._last[pointer]

    def _second(self, pointer: str) -> Any:
        """Return the right value in three of four cases."""
        is_right = random.Random(f"second {self._row['document']} {pointer}").random() < 0.75
        return self._window[pointer] if is_right else self._last[pointer]


def _changed(value: Any) -> Any:
    """Return a value with one of its characters changed."""
    if isinstance(value, float):
        return round(value + 10.0, 2)
    return f"{value[:-1]}{'7' if value[-1] != '7' else '3'}" if not value[0].isdigit() else f"9{value[1:]}"


def with_scripted_model() -> tuple[Extract, Counter[str]]:
    """Return a function that extracts with a scripted model, and the counter of what became of its errors."""
    fates: Counter[str] = Counter()

    def extract(example: ReadExample) -> object:
        reader = ScriptedReader(example)
        extractor = ModelExtractor(ScriptedModel(reader.reply), analyze, load_page_image=_blank, budget=BUDGET)
        found = extract_all(extractor, SHIPPED_SCHEMAS[example.row["schema"]], example.pages)
        fates["changed by the model"] += reader.wrong
        for line in compare_values(found.data, example.row["values"]):
            cited = found.citations.get(line.pointer)
            state = "none" if cited is None else str(cited.state)
            fates[f"{'right' if line.state == 'match' else 'wrong'}, {state}"] += line.found is not None
        fates["conflicts kept"] += len(found.conflicts)
        return found.data

    return extract, fates


def _blank(ref: PageRef, longest: int) -> ImageArray:
    return np.full((longest // 8, longest // 11, 3), 255, np.uint8)  # the scripted model does not look


def main() -> None:
    """Make, read, extract, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--layouts", default=DEVELOPED + HELD_BACK)
    parser.add_argument("--engine", choices=["rapidocr", "tesseract"], default="rapidocr")
    parser.add_argument("--scripted", action="store_true", help="with a scripted model, in place of none")
    parser.add_argument("--errors", action="store_true", help="print every value that is not as expected")
    arguments = parser.parse_args()
    examples = read_examples(arguments.folder, arguments.seed, arguments.engine)
    examples = [one for one in examples if one.row["groups"]["layout"] in arguments.layouts]
    if arguments.scripted:
        money = [one for one in examples if one.row["schema"] != "business_card"]
        extract, fates = with_scripted_model()
        print_measures("a scripted model", money, extract)
        print(", ".join(f"{name}: {count}" for name, count in sorted(fates.items())))
        return
    if arguments.errors:
        print_errors(examples, without_model)
    for name, layouts in (("developed on", DEVELOPED), ("held back", HELD_BACK)):
        group = [one for one in examples if one.row["groups"]["layout"] in layouts]
        print_measures(
            f"digital single-page invoices, {name}",
            [one for one in group if one.is_single_digital_invoice],
            without_model,
        )
        money = [one for one in group if one.row["schema"] != "business_card"]
        for scanned in (False, True):
            chosen = [one for one in money if one.row["groups"]["scanned"] is scanned]
            print_measures(f"{'scanned' if scanned else 'digital'}, {name}", chosen, without_model)
        for schema in sorted({one.row["schema"] for one in group}):
            digital = [one for one in group if one.row["schema"] == schema and not one.row["groups"]["scanned"]]
            print_measures(f"digital {schema}, {name}", digital, without_model)


if __name__ == "__main__":
    main()
