"""The command `pagelens evidence`, and the options of `ask` that write evidence bundles (docs/evidence.md)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.terminal import out, print_result
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import UsageError
from pagelens.core.types import Answer

if TYPE_CHECKING:
    from pagelens.api.engine.evidence.bundle import QuestionOptions

BundleOption = Annotated[
    Path | None,
    typer.Option("--bundle", help="Write the answer and its citations as an evidence bundle, for others to check."),
]
PackOption = Annotated[
    Path | None,
    typer.Option("--pack", help="Write a zip of the bundle, pictures of the cited pages and the program that checks."),
]


def write_evidence(
    engine: Engine, answer: Answer, bundle: Path | None, pack: Path | None, options: "QuestionOptions | None" = None
) -> None:
    """Write the evidence of an answer to the given files. Raises UsageError where one cannot be written."""
    if not (bundle or pack):
        return
    from pagelens.api.engine.evidence.bundle import make_bundle, to_json
    from pagelens.api.engine.evidence.pack import pack_bundle

    made = make_bundle(engine, answer, options=options)
    try:
        if bundle:
            bundle.write_text(to_json(made), encoding="utf-8")
        if pack:
            pack.write_bytes(pack_bundle(engine, answer, made))
    except OSError as exc:
        raise UsageError(f"expected to write the evidence, found: {exc}. Choose another file.") from exc


def evidence(
    bundle: Annotated[Path, typer.Argument(help="The bundle, written by `pagelens ask --bundle`.")],
    files: Annotated[list[Path], typer.Argument(help="The cited files, or folders that hold them.")],
    annotations: Annotated[
        Path | None, typer.Option("--annotations", help="Write the citations as W3C Web Annotations (JSON-LD).")
    ] = None,
    highlights: Annotated[
        Path | None, typer.Option("--highlights", help="Write copies of the cited PDFs to this folder, quotes marked.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Check an evidence bundle of `pagelens ask` against files. Needs no collection.

    Exit code 0: all holds; 1: something does not; 3: what can be checked holds, but words come from OCR or a format
    without fixed pages. The check is `verify_evidence.py` of this package: one file that runs without PageLens,
    too.
    """
    # The module first, so that PyMuPDF is imported without its extensions, which `verify_evidence` does not know of.
    from pagelens.api.engine.evidence.annotations import to_annotations, write_highlighted_pdfs
    from pagelens.api.engine.evidence.bundle import read_bundle
    from pagelens.api.engine.evidence.verify_evidence import main

    if annotations or highlights:
        read = read_bundle(bundle)
        if annotations:
            annotations.write_text(to_annotations(read), encoding="utf-8")
        if highlights:
            listed = [file for path in files for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
            for copy in write_highlighted_pdfs(read, [file for file in listed if file.is_file()], highlights):
                out.print(str(copy), soft_wrap=True, markup=False)
    return main([str(bundle), *map(str, files), *(["--json"] if json_output else [])])


def replay(
    bundle: Annotated[Path, typer.Argument(help="The bundle, written by `pagelens ask --bundle`.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
    json_output: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Repeat a bundle's answer as of its commit, and compare.

    Pages found and evidence are compared, byte for byte. Needs the history of the collection (`pagelens history`).
    A model is not asked again: of its answer the pages that it was shown are compared. Exit code 0: the same; 1:
    something differs.
    """
    from pagelens.api.engine.evidence.bundle import read_bundle
    from pagelens.api.engine.evidence.replay import Replay
    from pagelens.api.engine.evidence.replay import replay as replay_bundle
    from pagelens.api.engine.language_models import EXTRACTIVE

    def show(found: Replay) -> None:
        compared = "pages" if found.same_evidence is None else "pages and evidence"
        outcome = f"the same {compared}" if found.holds else f"differs: {'; '.join(found.differences)}"
        out.print(f"commit {found.commit}: {outcome}", markup=False, soft_wrap=True)

    with wiring.open_collection(collection, llm=EXTRACTIVE) as engine:
        found = replay_bundle(engine, read_bundle(bundle))
    print_result(found, json_output, show)
    return ExitCode.DONE if found.holds else ExitCode.ERROR
