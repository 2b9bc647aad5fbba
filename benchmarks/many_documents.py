"""Makes many documents from few: copies of each PDF that differ by a comment at the end of the file.

    python -m benchmarks.many_documents FOLDER_OF_PDFS OUT --times 6

Every copy has its own hash, so each counts as a document. Such a collection is for measuring speed, not quality.
"""

import argparse
from pathlib import Path


def main() -> None:
    """Write the copies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--times", type=int, default=6)
    arguments = parser.parse_args()
    files = sorted(arguments.folder.glob("*.pdf"))
    for number in range(arguments.times):
        copy = arguments.out / f"copy{number}"
        copy.mkdir(parents=True, exist_ok=True)
        for file in files:
            (copy / file.name).write_bytes(file.read_bytes() + f"\n% copy {number}\n".encode())
    print(f"{arguments.times * len(files)} files in {arguments.out}")


if __name__ == "__main__":
    main()
