"""Make the tables of letter pairs that ship in the package: `python -m benchmarks.build_letter_pairs PROFILES`.

A development tool. PROFILES is the folder `langdetect/profiles` of the source archive of langdetect 1.0.9 (Apache-2.0):
how often one to three letters follow each other in Wikipedia's articles, one file for each language. It writes
`ingest/text/letter_pairs.npz`.
"""

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pagelens.ingest.text.letter_pairs import ALPHABETS, LANGUAGES, LEAST_PROBABILITY, STEPS, TABLES_FILE, fold_letters


def pair_table(profile: dict[str, int], alphabet: str) -> NDArray[np.float64]:
    """Return the probability of each pair, (n_letters + 1, n_letters + 1); row and column 0 are the ends of words."""
    codes = {letter: number for number, letter in enumerate(f" {alphabet}")}
    table = np.zeros((len(codes), len(codes)))
    for letters, count in profile.items():
        pair = "".join(filter(codes.__contains__, fold_letters(letters)))
        if len(letters) == 2 and len(pair) == 2 and pair.strip():
            table[codes[pair[0]], codes[pair[1]]] += count
    return np.asarray(table / table.sum(), np.float64)


def quantised(table: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return logarithms in steps, 0 for `LEAST_PROBABILITY` and `STEPS` for 1."""
    logs = np.log(np.minimum(table + LEAST_PROBABILITY, 1))
    steps: NDArray[np.uint8] = np.rint((1 - logs / np.log(LEAST_PROBABILITY)) * STEPS).astype(np.uint8)
    return steps.ravel()


def main() -> None:
    """Write the tables."""
    folder = Path(sys.argv[1])
    tables = {}
    for script, languages in LANGUAGES.items():
        profiles = [json.loads((folder / name).read_text("utf-8"))["freq"] for name in languages]
        tables[script] = np.stack([quantised(pair_table(profile, ALPHABETS[script])) for profile in profiles])
    np.savez_compressed(TABLES_FILE, allow_pickle=False, **tables)
    sys.stdout.write(f"{TABLES_FILE}: {TABLES_FILE.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
