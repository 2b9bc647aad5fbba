"""Peak memory of indexing a long document beside a short one.

    python -m benchmarks.memory [PAGES ...]

Makes PDFs from the pages of a development document, repeated as needed, and indexes each into its own collection in its
own process.
"""

import sys
import tempfile
from pathlib import Path

import pymupdf

from benchmarks.development_set import SET, require_data
from benchmarks.processes import measure

SIZES = (20, 1_600)


def main() -> None:
    """Print the peak of each size, and its ratio to the first."""
    require_data()
    sizes = [int(argument) for argument in sys.argv[1:]] or SIZES
    with tempfile.TemporaryDirectory() as scratch:
        first = 0.0
        print("| pages | MB on disk | CPU-s | peak MB | to the first |\n|---|---|---|---|---|")
        for size in sizes:
            file = _write(Path(scratch) / f"{size}.pdf", size)
            collection = str(Path(scratch) / f"collection-{size}")
            cost = measure(["-m", "pagelens", "index", str(file), "-c", collection, "--profile", "builtin"])
            first = first or cost.peak
            disk = file.stat().st_size / 1e6
            print(f"| {size} | {disk:.1f} | {cost.cpu:.0f} | {cost.peak:.0f} | {cost.peak / first:.2f} |", flush=True)


def _write(path: Path, size: int) -> Path:
    source = SET / "documents" / "Pew-Research-Center_Hispanic-Identity-Report_12.20.2017.pdf"
    with pymupdf.open(source) as original, pymupdf.open() as pdf:
        while len(pdf) < size:
            pdf.insert_pdf(original, to_page=min(len(original), size - len(pdf)) - 1)
        pdf.save(path)
    return path


if __name__ == "__main__":
    main()
