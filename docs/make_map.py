"""Writes docs/MAP.md: every module and the first sentence of its docstring. Run: python docs/make_map.py"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("core", "encode", "ingest", "index", "retrieve", "generate", "api", "evals")


def module_map() -> str:
    """Return the page as text."""
    parts = ["# Where things are\n\nMade by `python docs/make_map.py` from the modules' own docstrings.\n"]
    for package in PACKAGES:
        parts.append(
            f"\n## {package}/\n\n{_first(ROOT / package / '__init__.py')}\n\n| module | what it is |\n|---|---|\n"
        )
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.name != "__init__.py":
                name = path.relative_to(ROOT / package).as_posix()
                parts.append(f"| [{name}](../{package}/{name}) | {_first(path)} |\n")
    return "".join(parts)


def _first(path: Path) -> str:
    """Return the first paragraph of a module's docstring as one line."""
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return " ".join(docstring.split("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    (ROOT / "docs" / "MAP.md").write_text(module_map(), "utf-8")
