"""Size on disk and seconds from an empty environment to the first cited answer, for each way to install PageLens.

    python -m benchmarks.install [SOURCE[EXTRAS] ...]

SOURCE is a checkout, this one by default, so that two versions can be measured in one run:
`python -m benchmarks.install ../before . ".[models]"`. Packages come through pip and its cache as configured on the
machine; with `--warm`, a first round that is not counted fills the cache.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import pymupdf

ROOT = Path(__file__).parents[1]
ANSWER = "52,300 tonnes"
HEAVY = ("torch", "transformers", "sentence_transformers", "open_clip", "colpali_engine")


def main() -> None:
    """Print one row for each install."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", default=[str(ROOT), f"{ROOT}[models]"])
    parser.add_argument(
        "--warm", action="store_true", help="Install each once before, so that downloads are not timed."
    )
    arguments = parser.parse_args()
    print("| install | MB on disk | packages | install s | index s | ask s | first answer after s | heavy packages |")
    print("|---|---|---|---|---|---|---|---|")
    for source in arguments.sources:
        if arguments.warm:
            measure(source)
        print(measure(source), flush=True)


def measure(source: str) -> str:
    """Install a source into an empty environment, index one page, ask one question; return the row."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        start = time.perf_counter()
        environment = folder / "environment"
        venv.create(environment, with_pip=True)
        python = str(environment / "bin" / "python")
        run([python, "-m", "pip", "install", "--quiet", *wheel_of(source, folder)])
        installed = time.perf_counter()
        write_document(folder / "harbour.pdf")
        pagelens = str(environment / "bin" / "pagelens")
        run([pagelens, "index", "harbour.pdf", "-c", "C", "--profile", "builtin"], folder)
        indexed = time.perf_counter()
        answer = run([pagelens, "ask", "How much did timber grow to in 2024?", "-c", "C"], folder)
        done = time.perf_counter()
        assert ANSWER in answer, answer
        assert "harbour.pdf p.1" in answer, answer
        [site] = environment.glob("lib/python3*/site-packages")
        size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6
        packages = len([*site.glob("*.dist-info")])
        heavy = ", ".join(name for name in HEAVY if (site / name).exists()) or "none"
        return (
            f"| {Path(source).name or source} | {size:.0f} | {packages} | {installed - start:.1f} "
            f"| {indexed - installed:.1f} | {done - indexed:.1f} | {done - start:.1f} | {heavy} |"
        )


def wheel_of(source: str, folder: Path) -> list[str]:
    """Build a source's wheel; return it as a requirement with the source's extras."""
    match = re.fullmatch(r"(.+?)(\[[\w,]+\])?", source)
    assert match is not None
    command = [sys.executable, "-m", "pip", "wheel", match[1], "--no-deps", "--quiet", "-w", str(folder / "wheel")]
    run(command)
    [wheel] = (folder / "wheel").glob("*.whl")
    return [f"{wheel}{match[2] or ''}"]


def write_document(path: Path) -> None:
    """Write a PDF of one page."""
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), "Timber grew to 52,300 tonnes in 2024.")
        document.save(path)


def run(command: list[str], cwd: Path | None = None) -> str:
    """Run a command; return its output. Raises RuntimeError if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2_000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
