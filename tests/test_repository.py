"""The repository itself: what is packed, what is installed, what the documentation lists, which words are retired."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tests.api.files import write_pdf

ROOT = Path(__file__).parents[1]
PACKAGES = ("core", "encode", "ingest", "index", "retrieve", "generate", "api", "evals")
DATA = {".tsv", ".npy", ".npz", ".json", ".txt", ".css", ".js", ".html", ".onnx"}
MODULES = [ROOT / "pagelens" / "__init__.py", ROOT / "pagelens" / "__main__.py"]
MODULES += [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
OF_SOMEBODY_ELSE = ("api", "core", "encode", "evals", "generate", "index", "ingest", "retrieve", "tests")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # setuptools leaves a `build` folder, and packs what an older one holds
    left_out = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests", "benchmarks", "demo")
    shutil.copytree(ROOT, source, ignore=left_out, symlinks=True)
    command = [sys.executable, "-m", "pip", "wheel", str(source), "--no-deps", "--no-build-isolation", "--quiet"]
    done = subprocess.run([*command, "-w", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [built] = folder.glob("*.whl")
    return built


def test_the_wheel_holds_one_package_with_every_module_and_data_file(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names} == {"pagelens", wheel.name.split("-py3")[0] + ".dist-info"}
    packed = {name for name in names if name.endswith(".py")}
    in_package = {path.relative_to(ROOT).as_posix().removeprefix("pagelens/") for path in MODULES}
    assert packed == {f"pagelens/{path}" for path in in_package}
    data = {
        f"pagelens/{path.relative_to(ROOT).as_posix()}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in DATA
    }
    assert data
    assert data <= names, f"data files left out: {sorted(data - names)}"


def test_the_installed_wheel_works_in_a_folder_whose_modules_have_our_folders_names(
    wheel: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, "--no-compile", str(wheel)], check=True)  # the modules that run are compiled then
    [site] = environment.glob("lib/python3*/site-packages")
    assert {path.name for path in site.iterdir()} == {"pagelens", wheel.name.split("-py3")[0] + ".dist-info"}
    # The dependencies, from where the tests have theirs; a path in a .pth file brings no other .pth file with it.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    folder = tmp_path / "somebody-else"
    for name in OF_SOMEBODY_ELSE:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise RuntimeError('code of the current folder')\n")
        (folder / f"{name}.py").write_text("raise RuntimeError('code of the current folder')\n")
    write_pdf(folder / "harbour.pdf", ["Timber grew to 52,300 tonnes in 2024."])
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = run(
        str(python), "-c", "import pagelens, pagelens.retrieve.fusion as m; print(pagelens.__file__, m.__file__)"
    )
    assert all(Path(one).is_relative_to(site) for one in where.split())
    pagelens = str(environment / "bin" / "pagelens")
    run(pagelens, "index", "harbour.pdf", "-c", "C", "--profile", "builtin")
    assert "harbour.pdf p.1" in run(pagelens, "search", "timber", "-c", "C")
    assert "52,300 tonnes" in run(str(python), "-m", "pagelens", "ask", "How much timber in 2024?", "-c", "C")


def test_the_package_links_to_every_top_level_package() -> None:
    links = {path.name: path.resolve() for path in (ROOT / "pagelens").iterdir() if path.is_symlink()}
    assert links == {name: ROOT / name for name in PACKAGES}


def test_no_module_imports_a_folder_of_the_repository_by_its_bare_name() -> None:
    for path in [*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.split(".")[0] in PACKAGES], path


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
    modules = [path.relative_to(ROOT).as_posix() for path in MODULES if not path.stem.startswith("__")]
    assert all(f"(../{path})" in made for path in modules)


def test_every_dependency_has_its_line_of_why() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    why = (ROOT / "docs" / "DEPENDENCIES.md").read_text("utf-8")
    extras = project["project"]["optional-dependencies"]
    entries = [*project["project"]["dependencies"], *(entry for group in extras.values() for entry in group)]
    names = [re.split(r"[=<>\[]", entry)[0] for entry in entries]
    assert [name for name in names if name not in why] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_and_its_logger_has_our_name(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree)
    if path.name == "__init__.py":
        assert len(tree.body) == 1 or path.parent.name == "pagelens", "a package's __init__ holds one docstring"
    if path.name == "logs.py":
        return  # it sets up everybody's
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "getLogger":
            name = ast.unparse(call.args[0])  # a module that runs as __main__ writes its name out
            assert name in ("__name__", repr("pagelens." + ".".join(path.relative_to(ROOT).with_suffix("").parts)))
