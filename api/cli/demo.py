"""`pagelens demo`: a small collection made, indexed, asked; the answers as a page to open, the evidence marked."""

import base64
from html import escape
from pathlib import Path

from pagelens.api.cli import terminal
from pagelens.api.cli.answer_output import citations_by_page, print_answer
from pagelens.api.cli.collection_output import print_report
from pagelens.api.cli.demo_documents import QUESTIONS, UNANSWERABLE_QUESTION, write_demo_documents
from pagelens.api.cli.progress_output import progress
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import page_image_filename
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.types import Answer, Box, PageRef


def run_demo(folder: Path) -> None:
    """Make `folder` with files, a collection, marked page pictures and `answers.html`; go on where it was left."""
    settings = wiring.read_settings()
    files, collection, pictures = folder / "files", folder / "collection", folder / "pages"
    write_demo_documents(files)
    if not wiring.collection_exists(collection):
        wiring.create_collection(collection, choose_profile("builtin", settings), settings)
    engine = wiring.open_collection(collection, settings)
    with progress() as tell:
        report = engine.index([files], on_progress=tell)
    terminal.out.print(f"{terminal.display_path(str(files.absolute()))}:", end=" ")
    print_report(report)
    pictures.mkdir(parents=True, exist_ok=True)
    parts = []
    for question in (*QUESTIONS, UNANSWERABLE_QUESTION):
        terminal.out.rule(question, align="left", style="dim")
        answer = engine.ask(question)
        print_answer(answer)
        shown = _show_pages(engine, answer, pictures)
        parts.append(_section(answer, shown))
        terminal.out.print()
    page = folder / "answers.html"
    page.write_text(_PAGE.replace("@", "\n".join(parts)), "utf-8")
    terminal.out.print(f"The answers with their pages, evidence marked: {page.absolute().as_uri()}", soft_wrap=True)
    terminal.out.print(
        f'Go on: pagelens search "low water" --collection {terminal.display_path(str(collection.absolute()))}'
    )


def _show_pages(engine: Engine, answer: Answer, folder: Path) -> list[tuple[PageRef, Path]]:
    shown = []
    for ref, citations in citations_by_page(answer).items():
        boxes: list[Box] = [box for citation in citations for box in citation.boxes]
        target = folder / page_image_filename(ref)
        target.write_bytes(engine.page_image(ref, boxes=boxes))
        terminal.out.print(f"    {terminal.display_path(str(target.absolute()))}", soft_wrap=True, markup=False)
        shown.append((ref, target))
    return shown


def _section(answer: Answer, shown: list[tuple[PageRef, Path]]) -> str:
    figures = "".join(
        f'<figure><img alt="" src="data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}">'
        f"<figcaption>{escape(terminal.page_name(ref, None, Path(ref.path).name))}</figcaption></figure>"
        for ref, path in shown
    )
    return f"<section><h2>{escape(answer.question)}</h2><p>{escape(answer.text)}</p>{figures}</section>"


_PAGE = """<!doctype html>
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
