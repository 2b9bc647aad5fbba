"""The command line: what is printed, what `--json` holds, what it ends with."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from PIL import Image

import pagelens
from pagelens.api.cli.doctor import OPTIONAL_LIBRARIES
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.main import main
from pagelens.index.writer import CollectionWriter
from tests.api.conftest import write_files
from tests.api.files import INTERRUPTIBLE, write_pdf

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def collection(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    collection = tmp_path_factory.mktemp("cli") / "collection"
    assert main(["index", str(files), "-c", str(collection), "--profile", "builtin"]) == ExitCode.DONE
    return collection


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_index_says_what_it_did_and_what_it_could_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = write_files(tmp_path / "files")
    (files / "torn.pdf").write_bytes(b"%PDF-1.7\nnothing more")
    assert run("index", files, "-c", tmp_path / "c", "--profile", "builtin") == ExitCode.SOME_FILES_FAILED
    printed = capsys.readouterr()
    assert "3 documents with 6 pages indexed" in printed.out
    assert "torn.pdf" in printed.out
    assert "[damaged]" in printed.out
    assert "profile builtin" in printed.err
    assert run("index", files, "-c", tmp_path / "c") == ExitCode.SOME_FILES_FAILED
    assert "0 documents with 0 pages" in capsys.readouterr().out


@pytest.mark.parametrize(
    "option",
    [
        "--store=qdrant",
        "--url=http://127.0.0.1:9",
        "--prefix=x",
        "--quantization=scalar",
        "--shards=2",
        "--replicas=2",
        "--catalog=postgresql+psycopg://me@127.0.0.1/x",
    ],
)
def test_where_a_collection_lies_is_not_changed_by_indexing_into_it(
    collection: Path, files: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert run("index", files, "-c", collection, option) == ExitCode.USAGE
    assert "pagelens copy" in capsys.readouterr().err


def test_search_prints_pages_with_their_lanes_and_their_words(
    collection: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("search", "how much timber", "-c", collection) == ExitCode.DONE
    first = capsys.readouterr().out.split(" 2  ")[0]
    assert "harbour.pdf p.2" in first
    assert "words 1, text 1" in first
    assert "52,300" in first


def test_json_is_one_object_with_the_page_its_lanes_and_boxes_between_0_and_1(
    collection: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("search", "timber", "-c", collection, "--json", "-k", 1) == ExitCode.DONE
    [hit] = json.loads(capsys.readouterr().out)["hits"]
    assert hit["ref"]["number"] == 2
    assert hit["ref"]["page"].endswith("harbour.pdf p.2")
    assert hit["lanes"]["words"]["rank"] == 1
    assert all(0 <= hit["evidence"][0]["boxes"][0][side] <= 1 for side in ("x0", "y0", "x1", "y1"))


def test_files_found_are_printed_alone_for_pipes(
    collection: Path, files: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run("search", "how much timber", "-l", "-c", collection) == ExitCode.DONE
    listed = capfdbinary.readouterr().out.splitlines()
    assert listed[0] == os.fsencode(files / "reports/harbour.pdf") and len(listed) == len(set(listed)) > 1
    assert run("search", "how much timber", "-0", "-c", collection) == ExitCode.DONE
    assert capfdbinary.readouterr().out == b"".join(name + b"\0" for name in listed)


def test_the_first_page_found_is_opened_in_its_file(
    collection: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    code = "import sys; from pagelens.api.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "search", "how much timber", "--open", "-c", str(collection)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "BROWSER": str(browser)}, check=True, capture_output=True)
    assert (tmp_path / "opened").read_text() == f"{(files / 'reports/harbour.pdf').as_uri()}#page=2"


def test_pages_are_shown_in_a_terminal_that_can_and_else_the_reason_is_told(
    collection: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGELENS_TERMINAL_PICTURES", "kitty")
    assert run("show", "harbour.pdf p.2", "--inline", "-c", collection) == ExitCode.USAGE  # no terminal here
    assert "expected a terminal that shows pictures" in capsys.readouterr().err
    code = "import sys; from pagelens.api.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "show", "harbour.pdf p.2", "-q", "timber", "--inline", "-c", str(collection)]
    shown = in_terminal(command)
    assert shown.startswith(b"\x1b_Gf=100,a=T,m=1;") and not list(Path.cwd().glob("harbour*.jpg"))


def test_names_of_files_found_are_shown_without_their_escape_sequences_and_gone_files_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGELENS_TERMINAL_PICTURES", "iterm2")
    for name in ("a\x1b[31mred.pdf", "gone.pdf"):
        write_pdf(tmp_path / "in" / name, [f"A limpet on page one of {name[:1]}."])
    options = ["-c", str(tmp_path / "c"), "--profile", "builtin", "--ocr", "never", "--workers", "0"]
    assert run("index", tmp_path / "in", *options) == ExitCode.DONE
    (tmp_path / "in/gone.pdf").unlink()
    code = "import sys; from pagelens.api.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "search", "limpet", "--inline", "-c", str(tmp_path / "c")]
    shown = in_terminal(command)
    assert shown.count(b"\x1b]1337;File=inline=1;") == 1 and b"\x1b[31m" not in shown


def in_terminal(command: list[str], typed: bytes = b"") -> bytes:
    """Return what a command prints in a terminal, into which `typed` is typed."""
    master, slave = pty.openpty()
    with subprocess.Popen(command, cwd=ROOT, stdin=slave, stdout=slave, stderr=subprocess.PIPE) as process:
        os.close(slave)
        os.write(master, typed)
        printed = b""
        try:
            while part := os.read(master, 65_536):
                printed += part
        except OSError:  # the other end is closed
            pass
        assert process.wait() == 0, process.stderr
    os.close(master)
    return printed


def test_a_chat_answers_each_question_with_those_before_it_until_an_empty_line(collection: Path) -> None:
    code = "import sys; from pagelens.api.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "chat", "-c", str(collection), "--model", "extractive"]
    printed = in_terminal(command, b"How much did timber grow to in 2024?\nAnd in which year was that?\n\n")
    assert b"52,300" in printed and printed.count(b"? ") >= 3


def test_a_search_that_finds_nothing_ends_with_3(collection: Path) -> None:
    assert run("search", "timber", "-c", collection, "--path", "none/*") == ExitCode.NOTHING_FOUND


def test_pictures_are_written_one_for_each_hit(collection: Path, tmp_path: Path) -> None:
    assert run("search", "timber", "-c", collection, "-k", 2, "--pictures", tmp_path / "out") == ExitCode.DONE
    first, second = sorted((tmp_path / "out").iterdir())
    assert first.name == "01-harbour-p2.jpg"
    assert second.name.startswith("02-")
    assert Image.open(first).format == "JPEG"


def test_show_writes_the_page_and_prints_where(
    collection: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "deep" / "page.jpg"
    assert run("show", "tides.pdf p.2", "-c", collection, "-q", "limpet", "-o", target) == ExitCode.DONE
    assert capsys.readouterr().out.strip() == str(target)
    colours = Image.open(target).convert("RGB").getcolors(1 << 24)
    assert colours is not None
    assert any(red > 230 and green > 200 and blue < 150 for _, (red, green, blue) in colours)  # type: ignore[misc]


def test_status_lists_documents_and_counts_pages(collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", "-c", collection) == ExitCode.DONE
    printed = capsys.readouterr().out
    assert "3 documents, 6 pages" in printed
    assert "tides.pdf" in printed
    [indexes] = [line for line in printed.splitlines() if line.startswith("searched by: ")]
    assert "text: every vector compared" in indexes
    assert "page: every token compared" in indexes
    assert run("status", "-c", collection, "--json") == ExitCode.DONE
    data = json.loads(capsys.readouterr().out)
    assert (data["pages"], len(data["documents"]), data["textless_pages"]) == (6, 3, 1)


def test_ask_answers_with_marks_and_ends_with_3_when_the_documents_do_not_answer(
    collection: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("ask", "When was the northern breakwater finished?", "-c", collection) == ExitCode.DONE
    printed = capsys.readouterr().out
    assert "The northern breakwater was finished in September." in printed
    assert "[1]" in printed
    assert "harbour.pdf p.2" in printed
    assert "Confidence" in printed
    assert run("ask", "Who composed the opera Fidelio?", "-c", collection) == ExitCode.NOTHING_FOUND
    assert "Not in these documents" in capsys.readouterr().out
    assert run("ask", "How much did timber grow to in 1999?", "-c", collection) == ExitCode.NOTHING_FOUND
    printed = capsys.readouterr().out
    assert "no page names 1999. Closest passages, perhaps no answer:" in printed and "52,300 tonnes" in printed


def test_remove_takes_documents_out_and_retry_reads_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, collection = write_files(tmp_path / "files"), tmp_path / "c"
    (files / "torn.pdf").write_bytes(b"%PDF-1.7\nnothing more")
    run("index", files, "-c", collection, "--profile", "builtin")
    assert run("remove", "tides.pdf", "-c", collection) == ExitCode.DONE
    assert "removed" in capsys.readouterr().out
    assert run("retry", "-c", collection) == ExitCode.SOME_FILES_FAILED
    (files / "torn.pdf").unlink()
    assert run("retry", "-c", collection) == ExitCode.DONE


def test_a_folder_can_be_removed_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, collection = write_files(tmp_path / "files"), tmp_path / "c"
    run("index", files, "-c", collection, "--profile", "builtin")
    assert run("remove", f"{files}", "-c", collection) == ExitCode.DONE
    assert capsys.readouterr().out.count("\nremoved ") == 3


def test_interrupted_indexing_says_so_and_keeps_what_was_read(tmp_path: Path) -> None:
    files, collection = tmp_path / "files", tmp_path / "c"
    for number in range(400):
        write_pdf(files / f"{number:03d}.pdf", [f"Page {page} of document {number}." for page in range(4)])
    command = [sys.executable, "-c", INTERRUPTIBLE, "index", str(files), "-c", str(collection), "--profile", "builtin"]
    child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert child.stderr is not None
    line = next(line for line in child.stderr if re.search(r"\b[1-9]\d*/400 files", line))  # the first are read
    child.send_signal(signal.SIGINT)
    assert "run the same command again" in child.stderr.read()
    assert child.wait() == ExitCode.INTERRUPTED, line
    assert 0 < pagelens.open(collection).status().pages < 1_600


def test_no_picture_is_written_over_a_document_nor_under_another_kinds_name(tmp_path: Path) -> None:
    document = write_pdf(tmp_path / "limpets.pdf", ["A limpet returns to its home scar."])
    photo = tmp_path / "pier.jpg"
    Image.new("RGB", (64, 64), "navy").save(photo)
    before = [document.read_bytes(), photo.read_bytes()]
    run("index", document, photo, "-c", tmp_path / "c", "--profile", "builtin")
    for target in (document, photo, tmp_path / "notes.txt"):
        assert run("show", "limpets.pdf p.1", "-c", tmp_path / "c", "-o", target) == ExitCode.USAGE
    assert [document.read_bytes(), photo.read_bytes()] == before
    assert not (tmp_path / "notes.txt").exists()


def test_what_is_no_collection_is_not_deleted(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "collection.json").write_text('{"info": {"name": "another program\'s"}}')
    assert run("delete", "-c", work, "--yes") == ExitCode.USAGE
    assert (work / "collection.json").exists()


@pytest.mark.parametrize("page", ["tides.pdf#2", "tides.pdf 2", "tides.pdf page 2", "tides.pdf p.2 (printed ii)"])
def test_a_page_may_be_written_as_results_print_it_and_as_people_do(
    collection: Path, tmp_path: Path, page: str
) -> None:
    assert run("show", page, "-c", collection, "-o", tmp_path / "x.png") == ExitCode.DONE
    assert Image.open(tmp_path / "x.png").format == "PNG"


@pytest.mark.parametrize(
    ("option", "found"),
    [("--since=2019", True), ("--since=2019-05-04", False), ("--until=2019-05", True), ("--until=2019-05-02", False)],
)
def test_dates_may_be_years_months_or_days(collection: Path, option: str, found: bool) -> None:
    code = run("search", "dusk", "-c", collection, "--kind", "photo", option)
    assert code == (ExitCode.DONE if found else ExitCode.NOTHING_FOUND)


def test_pages_of_files_that_are_gone_cost_the_other_pictures_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, collection = write_files(tmp_path / "files"), tmp_path / "c"
    run("index", files, "-c", collection, "--profile", "builtin")
    (files / "guides" / "tides.pdf").unlink()
    assert run("search", "tide harbour", "-c", collection, "-p", tmp_path / "out") == ExitCode.DONE
    assert "found it gone" in capsys.readouterr().err
    assert any("harbour" in path.name for path in (tmp_path / "out").iterdir())
    run("status", "-c", collection)
    assert "1 file gone" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["search", "x", "-c", "/nowhere/at/all"], ExitCode.ERROR, "expected a PageLens collection"),
        (["search"], ExitCode.USAGE, "query"),
        (["index", "/no/such/folder"], ExitCode.USAGE, "/no/such/folder"),
        ([], ExitCode.USAGE, ""),
        (["search", "x", "--pages", "7-3"], ExitCode.ERROR, "expected a PageLens collection"),
        (["frobnicate"], ExitCode.USAGE, "frobnicate"),
        (["search", "x", "-k", "0"], ExitCode.USAGE, "greater than or equal to 1"),
    ],
)
def test_a_wrong_command_line_is_one_message_and_never_a_traceback(
    arguments: list[str], code: ExitCode, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("option", "value"),
    [("--pages", "7-3"), ("--kind", "film"), ("--meta", "camera"), ("--lane", "colour"), ("--since", "yesterday")],
)
def test_a_filter_that_makes_no_sense_is_a_usage_error(
    collection: Path, option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("search", "timber", "-c", collection, option, value) == ExitCode.USAGE
    assert "expected" in capsys.readouterr().err


def test_a_second_writer_is_told_and_changes_nothing(
    collection: Path, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = pagelens.open(collection).status()
    with CollectionWriter(collection):
        assert run("index", files, "-c", collection) == ExitCode.LOCKED
    assert "another process is writing" in capsys.readouterr().err
    assert pagelens.open(collection).status().generation == before.generation


def test_doctor_finds_a_healthy_installation_and_collection(
    collection: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("doctor", "-c", collection) == ExitCode.DONE
    printed = capsys.readouterr().out
    assert "BAD" not in printed
    assert "builtin text model" in printed
    assert "3 documents, 6 pages" in printed


def test_an_install_without_optional_libraries_is_healthy_and_each_names_its_extra(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if name in OPTIONAL_LIBRARIES:
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(metadata, "version", version)
    assert run("doctor", "-c", tmp_path / "none") == ExitCode.DONE
    printed = capsys.readouterr().out
    assert "torch: not installed. Get it: pip install 'pagelens[models]'" in printed
    monkeypatch.setattr("pagelens.api.cli.doctor.REQUIRED_LIBRARIES", ("torch",))
    assert run("doctor", "-c", tmp_path / "none") == ExitCode.ERROR


def test_the_demo_works_without_scikit_learn_and_says_what_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pagelens.api.cli.demo_documents.find_spec", lambda name: None)
    assert run("demo", tmp_path / "demo") == ExitCode.DONE
    printed = capsys.readouterr()
    [line] = [line for line in printed.err.splitlines() if "scikit-learn" in line]
    assert "Two photos are left out" in line and "pip install 'pagelens[demo]'" in line
    assert "3 documents with" in printed.out
    assert {path.suffix for path in (tmp_path / "demo" / "files").iterdir()} == {".pdf"}
    assert "52,300" in (tmp_path / "demo" / "answers.html").read_text("utf-8")


def test_escape_sequences_in_documents_never_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = tmp_path / "red \x1b[31m alert.jpg"
    Image.new("RGB", (8, 8)).save(photo)
    collection = tmp_path / "c"
    assert run("index", photo, "-c", collection, "--profile", "builtin") == ExitCode.DONE
    assert run("search", "alert", "-c", collection) == ExitCode.DONE
    assert run("status", "-c", collection) == ExitCode.DONE
    assert "\x1b" not in capsys.readouterr().out


NO_TORCH = """
import sys
from importlib import metadata
from pathlib import Path
from pagelens.api.cli.main import main
files, collection, out = sys.argv[1:]
for command in (
    ["index", files, "-c", collection],
    ["search", "timber", "-c", collection, "-p", out],
    ["ask", "When was the breakwater finished?", "-c", collection, "-p", out],
    ["show", "harbour.pdf p.2", "-c", collection, "-o", out + "/x.jpg"],
    ["status", "-c", collection],
    ["retry", "-c", collection],
    ["doctor", "-c", collection],
    ["remove", "harbour.pdf", "-c", collection],
    ["demo", out + "/demo"],
):
    assert main(command) == 0, command
heavy = {"torch", "transformers", "sentence_transformers", "open_clip", "colpali_engine", "sklearn"} & set(sys.modules)
assert not heavy, heavy
"""


def test_no_command_imports_torch_on_the_builtin_profile(files: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", NO_TORCH, str(files), str(tmp_path / "c"), str(tmp_path / "out")]
    environment = {**os.environ, "PAGELENS_MODELS": str(tmp_path / "no-models"), "PAGELENS_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_installed_command_runs_from_any_folder(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("pagelens")
    done = subprocess.run([command, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for name in ("index", "search", "ask", "show", "status", "remove", "retry", "doctor", "demo"):
        assert name in done.stdout
