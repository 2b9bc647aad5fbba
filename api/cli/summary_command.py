"""The command `pagelens summarise`."""

from typing import Annotated

import typer

from pagelens.api.cli.answer_output import print_answer, print_estimate
from pagelens.api.cli.command_options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    EstimateOption,
    JsonOption,
    KindsOption,
    LabelsOption,
    LanguageModelOption,
    MetaOption,
    PagesOption,
    PathsOption,
    SinceOption,
    UntilOption,
    read_filters,
)
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.terminal import print_result
from pagelens.api.engine import wiring


def summarise(
    document: Annotated[str, typer.Argument(help="A document: its path or unique file name; or filters below.")] = "",
    collection: CollectionOption = DEFAULT_COLLECTION,
    llm: LanguageModelOption = None,
    sentences: Annotated[int, typer.Option("--sentences", "-n", min=1, max=40, help="How many, at most.")] = 8,
    path: PathsOption = None,
    kind: KindsOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    pages: PagesOption = None,
    meta: MetaOption = None,
    label: LabelsOption = None,
    estimate: EstimateOption = False,
    json_output: JsonOption = False,
) -> int:
    """Summarise a document, each sentence with its page.

    Or all documents that match filters. A language model is sent all pages, part by part, and each sentence is
    checked on its page. Without one the outline is quoted: first sentences of sections, and sentences with figures.
    """
    filters = read_filters(path, kind, since, until, pages, meta, label)
    with wiring.open_collection(collection, llm=llm) as engine:
        if estimate:
            found = engine.estimate_summary(document or None, filters=filters, sentences=sentences)
            print_result(found, json_output, print_estimate)
            return ExitCode.DONE
        summary = engine.summarise(document or None, filters=filters, sentences=sentences)
        print_result(summary, json_output, print_answer)
    return ExitCode.DONE if summary.found else ExitCode.NOTHING_FOUND
