"""`pagelens demo`: a small collection made, indexed, asked; the answers as a page to open, the evidence marked."""

import base64
from html import escape
from pathlib import Path

from pagelens.api.cli import console
from pagelens.api.cli.answers import citations_of, print_answer
from pagelens.api.cli.demo_documents import FOREIGN_QUESTION, QUESTIONS, write_documents
from pagelens.api.cli.progress import progress
from pagelens.api.cli.reports import print_report
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import picture_name
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.types import Answer, Box, PageRef


def run_demo(folder: Path) -> None:
    """Make `folder` with files, a collection, marked page pictures and `answers.html`; go on where it was left."""
    settings = wiring.read_settings()
    files, collection, pictures = folder / "files", folder / "collection", folder / "pages"
    write_documents(files)
    if not wiring.collection_exists(collection):
        wiring.create_collection(collection, choose_profile("builtin", settings), settings)
    engine = wiring.open_collection(collection, settings)
    with progress() as tell:
        report = engine.index([files], on_progress=tell)
    console.out.print(f"{console.shown(str(files.absolute()))}:", end=" ")
    print_report(report)
    pictures.mkdir(parents=True, exist_ok=True)
    parts = []
    for question in (*QUESTIONS, FOREIGN_QUESTION):
        console.out.rule(question, align="left", style="dim")
        answer = engine.ask(question)
        print_answer(answer)
        shown = _show_pages(engine, answer, pictures)
        parts.append(_section(answer, shown))
        console.out.print()
    page = folder / "answers.html"
    page.write_text(_PAGE.replace("@", "\n".join(parts)), "utf-8")
    console.out.print(f"The answers with their pages, evidence marked: {page.absolute().as_uri()}", soft_wrap=True)
    console.out.print(f'Go on: pagelens search "low water" --collection {console.shown(str(collection.absolute()))}')


def _show_pages(engine: Engine, answer: Answer, folder: Path) -> list[tuple[PageRef, Path]]:
    shown = []
    for ref, citations in citations_of(answer).items():
        boxes: list[Box] = [box for citation in citations for box in citation.boxes]
        target = folder / picture_name(ref)
        target.write_bytes(engine.picture(ref, boxes=boxes))
        console.out.print(f"    {console.shown(str(target.absolute()))}", soft_wrap=True, markup=False)
        shown.append((ref, target))
    return shown


def _section(answer: Answer, shown: list[tuple[PageRef, Path]]) -> str:
    figures = "".join(
        f'<figure><img alt="" src="data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}">'
        f"<figcaption>{escape(console.page_name(ref, None, Path(ref.path).name))}</figcaption></figure>"
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
