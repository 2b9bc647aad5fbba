"""`pagelens demo`: makes a small collection, asks it questions, and writes the answers with marked pages as HTML."""

import base64
from html import escape
from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli import terminal
from pagelens.api.cli.answer_output import citations_by_page, print_answer
from pagelens.api.cli.collection_output import print_report
from pagelens.api.cli.demo_documents import QUESTIONS, UNANSWERABLE_QUESTION, write_demo_documents
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.progress_output import show_progress
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import page_image_filename
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.types import Answer, Box, PageRef


def demo(folder: Annotated[Path, typer.Argument(help="Where to make it.")] = Path("demo")) -> int:
    """Make a small collection, ask it questions, show the pages with the evidence marked. Files that exist are kept."""
    settings = wiring.read_settings()
    files, collection, pictures = folder / "files", folder / "collection", folder / "pages"
    if not write_demo_documents(files):
        terminal.err.print(
            "Two photos are left out, because scikit-learn is not installed. To get them: pip install 'pagelens[demo]'",
            markup=False,
            soft_wrap=True,
        )
    if not wiring.collection_exists(collection):
        wiring.create_collection(collection, choose_profile("builtin", settings), settings)
    engine = wiring.open_collection(collection, settings)
    with show_progress() as on_progress:
        report = engine.index([files], on_progress=on_progress)
    terminal.out.print(f"{terminal.display_path(str(files.absolute()))}:", end=" ")
    print_report(report)
    pictures.mkdir(parents=True, exist_ok=True)
    parts = []
    for question in (*QUESTIONS, UNANSWERABLE_QUESTION):
        terminal.out.rule(question, align="left", style="dim")
        answer = engine.ask(question)
        print_answer(answer)
        parts.append(_html_section(answer, _write_marked_pages(engine, answer, pictures)))
        terminal.out.print()
    page = folder / "answers.html"
    page.write_text(_HTML_PAGE.replace("@", "\n".join(parts)), "utf-8")
    terminal.out.print(f"The answers with their pages, evidence marked: {page.absolute().as_uri()}", soft_wrap=True)
    terminal.out.print(
        f'Next: pagelens search "low water" --collection {terminal.display_path(str(collection.absolute()))}'
    )
    return ExitCode.DONE


def _write_marked_pages(engine: Engine, answer: Answer, folder: Path) -> list[tuple[PageRef, Path]]:
    """Write the cited pages as JPEG, the evidence marked; print and return their paths."""
    written = []
    for ref, citations in citations_by_page(answer).items():
        boxes: list[Box] = [box for citation in citations for box in citation.boxes]
        target = folder / page_image_filename(ref)
        target.write_bytes(engine.page_image(ref, boxes=boxes))
        terminal.out.print(f"    {terminal.display_path(str(target.absolute()))}", soft_wrap=True, markup=False)
        written.append((ref, target))
    return written


def _html_section(answer: Answer, pages: list[tuple[PageRef, Path]]) -> str:
    figures = "".join(
        f'<figure><img alt="" src="data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}">'
        f"<figcaption>{escape(terminal.page_name(ref, None, Path(ref.path).name))}</figcaption></figure>"
        for ref, path in pages
    )
    return f"<section><h2>{escape(answer.question)}</h2><p>{escape(answer.text)}</p>{figures}</section>"


_HTML_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>PageLens demo</title>
<style>
body { font: 17px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1 { font-weight: 500; } h2 { font-size: 1.1rem; margin-bottom: .2rem; }
section { border-top: 1px solid #ddd; padding: 1rem 0; }
figure { display: inline-block; margin: .5rem 1rem .5rem 0; }
img { max-height: 26rem; border: 1px solid #ccc; }
figcaption { font-size: .85rem; color: #666; }
</style>
<h1>PageLens demo</h1>
@
</html>
"""
