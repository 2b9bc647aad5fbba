"""Whether the verifier of evidence bundles accepts right citations and rejects those that were tampered with.

    python -m benchmarks.evidence --collection DIR [--count 300]

Development questions are asked of the collection, without a model; each citation becomes a bundle of its own, which is
given to `verify_evidence.py` in a fresh virtual environment that holds PyMuPDF alone: once as it is, and once for each
kind of tampering. Whoever tampers computes the bundle's digest anew. Citations whose words come from OCR are counted
apart: what can be checked of them is file, page and boxes. Needs the network once, for the environment.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pagelens
from benchmarks.development_set import SET, questions, require_data
from pagelens.api.engine.evidence import bundle as bundle_module
from pagelens.api.engine.evidence.bundle import Bundle, make_bundle, with_digest
from pagelens.core.errors import PageLensError

VERIFIER = Path(bundle_module.__file__).with_name("verify_evidence.py")
CHECK_ALL = """
import json, sys
sys.path.insert(0, sys.argv[1])
import verify_evidence
files = verify_evidence.files_by_hash([sys.argv[2]])
for line in sys.stdin:
    problems, outcomes = verify_evidence.check_bundle(json.loads(line), files)
    print(json.dumps({"problems": problems, "outcome": outcomes[0] if outcomes else None}), flush=True)
"""

Tampering = Callable[[Bundle, Bundle], Bundle | None]
"""Takes a bundle of one citation and another such bundle; returns the changed one, None where there is nothing to."""


def of_one_citation(bundle: Bundle, index: int) -> Bundle:
    """Return a bundle with one of its citations."""
    citation = bundle["citations"][index]
    sentences = [{**item, "citations": [citation["id"]]} for item in bundle["sentences"]]
    kept = [item for item in sentences if item["text"] == citation["statement"]]
    return with_digest({**bundle, "citations": [citation], "sentences": kept})


def _texts(bundle: Bundle, *, quote: bool = True) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each place where a bundle repeats what its citation says: the record and the key."""
    citation = bundle["citations"][0]
    yield from [(citation, "quote")] if quote else []
    yield citation, "statement"
    yield bundle["answer"], "text"
    yield from ((sentence, "text") for sentence in bundle["sentences"])


def _reworded(bundle: Bundle, old: str, new: str) -> Bundle:
    """Return the bundle with a word replaced wherever it has it."""
    for word in bundle["citations"][0]["words"]:
        word["text"] = new if word["text"] == old else word["text"]
    for record, key in _texts(bundle):
        record[key] = re.sub(rf"(?<!\S){re.escape(old)}(?!\S)", lambda _: new, record[key])
    return bundle


def change_a_digit(bundle: Bundle, _: Bundle) -> Bundle | None:
    """Replace a digit by another in the quote, its word, the statement and the answer."""
    for word in bundle["citations"][0]["words"]:
        if match := re.search(r"[0-9]", word["text"]):
            at, digit = match.start(), str((int(match[0]) + 1) % 10)
            return _reworded(bundle, word["text"], word["text"][:at] + digit + word["text"][at + 1 :])
    return None


def change_a_letter(bundle: Bundle, _: Bundle) -> Bundle | None:
    """Replace a letter by another in the quote, its word, the statement and the answer."""
    for word in bundle["citations"][0]["words"]:
        if match := re.search(r"[a-y]", word["text"]):
            at = match.start()
            return _reworded(bundle, word["text"], word["text"][:at] + chr(ord(match[0]) + 1) + word["text"][at + 1 :])
    return None


def change_the_answer(bundle: Bundle, _: Bundle) -> Bundle | None:
    """Leave the quote as it is, and let the answer say another number or word."""
    citation = bundle["citations"][0]
    word = next((w["text"] for w in citation["words"] if re.fullmatch(r"\w{2,}", w["text"])), None)
    if word is None or word not in citation["statement"]:
        return None
    for record, key in _texts(bundle, quote=False):
        record[key] = record[key].replace(word, word[1:] + "x")
    return bundle


def leave_out_a_word(bundle: Bundle, _: Bundle) -> Bundle | None:
    """Leave a word out of the middle of a line, everywhere."""
    citation = bundle["citations"][0]
    words = citation["words"]
    for at in range(1, len(words) - 1):
        before, word, after = words[at - 1], words[at], words[at + 1]
        level = before["line"] == word["line"] == after["line"] and word["text"].isalnum()
        side_by_side = before["box"][2] < word["box"][0] and word["box"][2] < after["box"][0]
        triple = " ".join(item["text"] for item in (before, word, after))
        if level and side_by_side and triple in citation["quote"] and triple in citation["statement"]:
            del words[at]
            pair = f"{before['text']} {after['text']}"
            for record, key in _texts(bundle):
                record[key] = record[key].replace(triple, pair)
            return bundle
    return None


def move_the_page(bundle: Bundle, _: Bundle) -> Bundle | None:
    """Cite the page before, or the second. It may hold the same words at the same place: a slide built up in steps."""
    page = bundle["citations"][0]["page"]
    if page["count"] == 1:
        return None
    page["number"] += -1 if page["number"] > 1 else 1
    return bundle


def change_the_label(bundle: Bundle, _: Bundle) -> Bundle | None:
    """Give the page another printed number."""
    page = bundle["citations"][0]["page"]
    page["label"] = f"{page['label'] or ''}1"
    return bundle


def move_a_box(bundle: Bundle, _: Bundle) -> Bundle | None:
    """Move the box of the first word to the side, by its own width or three points, whichever is more."""
    citation = bundle["citations"][0]
    box = citation["words"][0]["box"]
    width = max(box[2] - box[0], 3 / citation["page"]["width"])
    shift = width if box[2] + width <= 1 else -width
    box[0], box[2] = box[0] + shift, box[2] + shift
    return bundle


def grow_a_box(bundle: Bundle, _: Bundle) -> Bundle | None:
    """Let the box of the first word be twice as high."""
    box = bundle["citations"][0]["words"][0]["box"]
    height = box[3] - box[1]
    box[1], box[3] = max(0.0, box[1] - height / 2), min(1.0, box[3] + height / 2)
    return bundle


def swap_two_boxes(bundle: Bundle, _: Bundle) -> Bundle | None:
    """Exchange the boxes of the first two words that differ."""
    words = bundle["citations"][0]["words"]
    other = next((word for word in words if word["text"] != words[0]["text"]), None)
    if other is None:
        return None
    words[0]["box"], other["box"] = other["box"], words[0]["box"]
    return bundle


def change_the_hash(bundle: Bundle, _: Bundle) -> Bundle | None:
    """Replace the first digit of the file's SHA-256."""
    file = bundle["citations"][0]["file"]
    file["sha256"] = f"{(int(file['sha256'][0], 16) + 1) % 16:x}{file['sha256'][1:]}"
    return bundle


def quote_another_page(bundle: Bundle, other: Bundle) -> Bundle | None:
    """Give the citation the quote, words, boxes and statement of another, and keep its page."""
    citation, source = bundle["citations"][0], other["citations"][0]
    same = (citation["file"]["sha256"], citation["page"]["number"]) == (
        source["file"]["sha256"],
        source["page"]["number"],
    )
    if same or citation["quote"] == source["quote"]:
        return None
    for key in ("quote", "words", "words_from", "statement", "verbatim"):
        citation[key] = source[key]
    bundle["answer"], bundle["sentences"] = other["answer"], []
    return bundle


def name_another_file(bundle: Bundle, other: Bundle) -> Bundle | None:
    """Cite another file, at the same place."""
    citation, source = bundle["citations"][0], other["citations"][0]
    if citation["file"]["sha256"] == source["file"]["sha256"]:
        return None
    citation["file"] = source["file"]
    return bundle


TAMPERINGS: Mapping[str, Tampering] = {
    "a digit of the quote changed": change_a_digit,
    "a letter of the quote changed": change_a_letter,
    "a word of the quote left out": leave_out_a_word,
    "the answer changed, not the quote": change_the_answer,
    "page moved": move_the_page,
    "page label changed": change_the_label,
    "box moved": move_a_box,
    "box grown": grow_a_box,
    "two boxes exchanged": swap_two_boxes,
    "SHA-256 changed": change_the_hash,
    "quote of another page": quote_another_page,
    "another file named": name_another_file,
}


def tampered(bundle: Bundle, other: Bundle, tampering: Tampering) -> Bundle | None:
    """Return a changed copy of a bundle, with the right digest; None where this cannot be done to it."""
    changed = tampering(deepcopy(bundle), deepcopy(other))
    return None if changed is None else with_digest(changed)


def _collect(collection: Path, count: int) -> Iterator[Bundle]:
    """Yield bundles of one citation, `count` of them with words from a text layer."""
    from_layer = 0
    with pagelens.open(collection, llm="extractive") as engine:
        for question in questions():
            if from_layer >= count:
                return
            answer = engine.ask(question.text)
            try:
                whole = make_bundle(engine, answer)
            except PageLensError as exc:
                print(f"{question.qid}: no bundle: {exc}", file=sys.stderr)
                continue
            for index, citation in enumerate(whole["citations"]):
                from_layer += citation["words_from"] == "layer"
                yield of_one_citation(whole, index)


def _environment(folder: Path) -> Path:
    """Make a virtual environment that holds PyMuPDF alone; return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "pymupdf"], check=True)
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True
    )
    print("environment:", ", ".join(listed.stdout.split()))
    return python


def _check(python: Path, folder: Path, files: Path, bundles: list[Bundle]) -> list[Any]:
    lines = "".join(json.dumps(bundle) + "\n" for bundle in bundles)
    command = [str(python), "-I", "-c", CHECK_ALL, str(folder), str(files)]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, cwd=folder)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    """Print how many are accepted and rejected."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--count", type=int, default=300)
    arguments = parser.parse_args()
    bundles = list(_collect(arguments.collection, arguments.count))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / VERIFIER.name).write_bytes(VERIFIER.read_bytes())
        python = _environment(folder / "environment")
        _report(python, folder, bundles)


def _report(python: Path, folder: Path, bundles: list[Bundle]) -> None:
    accepted = _check(python, folder, SET / "documents", bundles)
    counts: Counter[tuple[str, bool, str]] = Counter()
    for bundle, result in zip(bundles, accepted, strict=True):
        citation = bundle["citations"][0]
        outcome = {True: "holds", False: "rejected", None: "in part"}[result["outcome"]["holds"]]
        counts[citation["words_from"], citation["verbatim"], "rejected" if result["problems"] else outcome] += 1
        if outcome == "rejected" or result["problems"]:
            print("not accepted:", citation["file"]["name"], citation["page"]["number"], result)
    print("words from, verbatim, outcome:")
    for (source, verbatim, outcome), number in sorted(counts.items()):
        print(f"  {source:6} {'verbatim' if verbatim else 'reading':9} {outcome:9} {number}")
    files = folder / "changed"
    files.mkdir()
    for path in sorted((SET / "documents").iterdir()):
        (files / path.name).write_bytes(path.read_bytes() + b"\n")  # a PDF may end so: it reads as before
    for source in ("layer", "both"):
        right = [
            bundle
            for bundle, result in zip(bundles, accepted, strict=True)
            if result["outcome"]["holds"] and bundle["citations"][0]["words_from"] == source
        ]
        print(f"changed citations, words from {source}:")
        for name, tampering in TAMPERINGS.items():
            pairs = zip(right, [*right[1:], *right[:1]], strict=True)
            changed = [tampered(bundle, other, tampering) for bundle, other in pairs]
            _print_rejected(name, _check(python, folder, SET / "documents", [one for one in changed if one]))
        _print_rejected("file changed by one byte", _check(python, folder, files, right))


def _print_rejected(name: str, results: list[Any]) -> None:
    """Print how many do not hold; of the others, how many hold no longer wholly ("said to come from OCR")."""
    rejected = [bool(result["problems"]) or result["outcome"]["holds"] is False for result in results]
    in_part = sum(result["outcome"]["holds"] is None for result, no in zip(results, rejected, strict=True) if not no)
    print(f"  {name:36} {sum(rejected)} of {len(results)} rejected, {in_part} more hold in part", flush=True)


if __name__ == "__main__":
    main()
