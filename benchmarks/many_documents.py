"""A folder of many documents out of few: each PDF so many times, told apart by a comment at the end of its bytes.

    python -m benchmarks.many_documents FOLDER_OF_PDFS OUT --times 6

Every copy has other bytes, so each is a document of its own, with the text and the pictures of a real one. A collection
of them is as large as it looks, and says nothing about how well pages are found.
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
        place = arguments.out / f"copy{number}"
        place.mkdir(parents=True, exist_ok=True)
        for file in files:
            (place / file.name).write_bytes(file.read_bytes() + f"\n% copy {number}\n".encode())
    print(f"{arguments.times * len(files)} files in {arguments.out}")


if __name__ == "__main__":
    main()
