"""Names and texts use the field's terms: an earlier private vocabulary is gone, and no name is given twice."""

import ast
import io
import json
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

from pagelens.api.cli.main import main

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "core",
    "encode",
    "ingest",
    "index",
    "retrieve",
    "generate",
    "api",
    "evals",
    "pagelens",
    "benchmarks",
    "tests",
)
MODULES = [
    path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) if path.name != Path(__file__).name
]
SCRIPTS = sorted((ROOT / "api" / "server" / "page").iterdir())
GLOSSARY = ROOT / "docs" / "ARCHITECTURE.md"

# Parts of names ("hear_pages" has the parts "hear" and "pages"; so has "HearPages").
RETIRED_PARTS = frozenset(
    "hearing heard askings dialogue eyes crew stretches flowing joined joining remembered remembering settling settler "
    "dialect door crossing crossings told strangers said deaf sees upkeep sweeping noted asked".split()
)
# Whole names, where a part is an ordinary word elsewhere.
RETIRED_NAMES = frozenset(
    "asking Asking looks Seen Sight Eyes open_eyes turns Turn leaf leaves Keeper FilesHere FileHere "
    "FileElsewhere Joined Remembered Opening Frame Guard Bodies heads Dialect Gate Door Here reading_on "
    "goes_on showing placing Places moving recording merging term_counts make_room".split()
)
# In docstrings, comments, messages and help texts: terms that mean nothing to somebody from outside.
RETIRED_PHRASES = re.compile(
    r"\b((?<!\bA )(?<!\")hearing|askings|dialogues?|the crew|stretches of pages|fused:deaf|goes on on|"
    r"page numbers heard|looks lane|lane looks|open_eyes|is heard|are heard|as dear as)\b",
    re.IGNORECASE,
)
ALLOWED_NAMES = {"dialect": "index", "Dialect": "index"}  # SQLAlchemy's own word


def parts_of(name: str) -> list[str]:
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def test_parts_of_names_are_found() -> None:
    assert parts_of("hear_pages") == parts_of("HearPages") == ["hear", "pages"]
    assert parts_of("HTTPServer2") == ["http", "server"]


def names_in(path: Path) -> Iterator[tuple[str, int]]:
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        if token.type == tokenize.NAME:
            yield token.string, token.start[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_name_in_the_code_is_a_retired_word(package: str) -> None:
    faults = []
    for path in MODULES:
        if path.relative_to(ROOT).parts[0] == package:
            for name, line in names_in(path):
                if ALLOWED_NAMES.get(name) == package or name.startswith("test_"):  # those read as sentences
                    continue
                if name in RETIRED_NAMES or RETIRED_PARTS.intersection(parts_of(name)):
                    faults.append(f"{path.relative_to(ROOT)}:{line} {name}")
    assert not faults, "\n".join(faults[:40])


def test_no_module_has_a_retired_name() -> None:
    names = [path.stem for path in MODULES]
    assert not [name for name in names if name in RETIRED_NAMES or RETIRED_PARTS.intersection(parts_of(name))]


def test_no_text_in_code_page_or_documentation_uses_a_retired_term() -> None:
    documents = [ROOT / "README.md", ROOT / "docs" / "evals.md", ROOT / "docs" / "DEPENDENCIES.md", GLOSSARY]
    faults = []
    for path in [*MODULES, *SCRIPTS, *documents]:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if found := RETIRED_PHRASES.search(line):
                faults.append(f"{path.relative_to(ROOT)}:{number} {found[0]}")
    assert not faults, "\n".join(faults[:40])


def test_no_json_field_of_the_http_api_is_a_retired_word(tmp_path: Path) -> None:
    from pagelens.api.server.app import create_app
    from pagelens.api.server.service import open_service
    from pagelens.core.settings import Settings

    app = create_app(open_service(tmp_path, Settings(), with_worker=False))
    schemas = app.openapi()["components"]["schemas"]
    fields = {name for schema in schemas.values() for name in schema.get("properties", {})}
    assert len(fields) > 100
    assert not [name for name in fields if name in RETIRED_NAMES or RETIRED_PARTS.intersection(parts_of(name))]


def test_no_command_option_or_help_text_is_a_retired_word(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("", "index", "search", "ask", "serve", "reembed", "copy", "status"):
        assert main([*filter(None, [name]), "--help"]) == 0
        words = {word.lower() for word in re.findall(r"[\w-]+", capsys.readouterr().out)}
        assert "usage" in words, name
        assert not words & {"hearing", "heard", "askings", "dialogue", "crew", "stretches", "looks", "deaf"}, name


def test_no_class_of_the_package_has_the_name_of_another() -> None:
    found = defaultdict(list)
    for path in MODULES:
        if path.relative_to(ROOT).parts[0] in ("tests", "benchmarks"):
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


def test_no_two_modules_of_one_folder_tree_share_a_name() -> None:
    """Modules of one name may exist in different packages (`api/cli`, `evals/cli`), never within one."""
    for package in PACKAGES[:8]:
        rooms = (
            sorted(path for path in (ROOT / package).iterdir() if path.is_dir())
            if package == "api"
            else [ROOT / package]
        )
        for room in rooms:
            names = Counter(path.stem for path in room.rglob("*.py") if not path.stem.startswith("__"))
            assert [name for name, count in names.items() if count > 1] == [], room


def test_there_is_no_circle_among_the_modules() -> None:
    graph = grimp.build_graph("pagelens", cache_dir=None)
    modules = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(modules) > 300
    TopologicalSorter(modules).prepare()  # raises CycleError, which names the circle


def test_records_of_more_than_four_fields_are_built_by_keyword() -> None:
    """No dataclass of more than four fields is built from more than four positional values."""
    fields: dict[str, int] = {}
    trees = {
        path: ast.parse(path.read_text("utf-8"))
        for path in MODULES
        if path.relative_to(ROOT).parts[0] not in ("tests",)
    }
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(one) for one in node.decorator_list):
                fields[node.name] = sum(isinstance(one, ast.AnnAssign) for one in node.body)
    faults = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.func.id}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if fields.get(node.func.id, 0) > 4 and len(node.args) > 4
    ]
    assert not faults, json.dumps(faults[:20], indent=1)
