"""The repository itself: what is packed, what the README lists, what no room may do."""

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = sorted(
    path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in ("tests", "benchmarks")
)
DATA = {".tsv", ".npy", ".json", ".txt", ".css", ".js", ".html"}
MODULES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def test_the_wheel_holds_every_room_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "source"  # setuptools leaves a `build` folder, and packs what an older one holds
    left_out = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests", "benchmarks")
    shutil.copytree(ROOT, source, ignore=left_out)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        str(source),
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
    ]
    done = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    packed = {name for name in names if name.endswith(".py")}
    assert packed == {str(path.relative_to(ROOT)) for path in MODULES} | {"pagelens.py"}
    data = {str(path.relative_to(ROOT)) for room in ROOMS for path in (ROOT / room).rglob("*") if path.suffix in DATA}
    assert data
    assert data <= set(names), "a module's data file is left out"


def test_pyproject_names_every_room_for_packing_and_for_the_import_check() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = sorted({".".join(path.relative_to(ROOT).parts[:-1]) for path in MODULES})
    assert sorted(project["tool"]["setuptools"]["packages"]) == packages
    assert sorted(project["tool"]["importlinter"]["root_packages"]) == ROOMS


def test_every_test_folder_is_a_package_so_that_none_shadows_a_room() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert all((folder / "__init__.py").exists() for folder in folders)


def test_the_map_lists_every_module_as_it_describes_itself(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_map", ROOT / "docs" / "make_map.py")
    assert spec is not None and spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    made = maker.module_map()
    assert (ROOT / "docs" / "MAP.md").read_text("utf-8") == made, "run: python docs/make_map.py"
    assert all(f"({'../' + path.relative_to(ROOT).as_posix()})" in made for path in MODULES if path.stem != "__init__")


def test_every_dependency_has_its_line_of_why() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    why = (ROOT / "docs" / "DEPENDENCIES.md").read_text("utf-8")
    names = [re.split(r"[=<>\[]", entry)[0] for entry in project["project"]["dependencies"]]
    assert [name for name in names if name not in why] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_and_its_logger_has_our_name(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree)
    if path.name == "__init__.py":
        assert len(tree.body) == 1, "a room's __init__ holds one docstring"
    if path == ROOT / "api" / "logs.py":
        return  # it sets up everybody's
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "getLogger":
            assert ast.unparse(call.args[0]) == "f'pagelens.{__name__}'"
