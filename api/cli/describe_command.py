"""The command `pagelens describe`: descriptions by a vision model, their export, and the accessibility report."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from pagelens.api.cli.answer_output import print_estimate
from pagelens.api.cli.collection_output import print_descriptions
from pagelens.api.cli.command_options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    EstimateOption,
    JsonOption,
    KindsOption,
    MetaOption,
    PagesOption,
    PathsOption,
    SinceOption,
    UntilOption,
    read_filters,
    split_names,
)
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.terminal import count_noun, display_path, err, out, print_files, print_result
from pagelens.api.engine import description_export, language_models, wiring
from pagelens.api.engine.accessibility import AccessibilityReport, figure_ref
from pagelens.api.engine.describing import (
    CONCURRENCY,
    MAX_CONCURRENCY,
    SUBJECTS,
    DescriptionPlan,
    read_subjects,
)
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import printable
from pagelens.api.engine.results import DescribeReport
from pagelens.core.errors import GenerationError, UsageError
from pagelens.core.types import Filters
from pagelens.generate.llm.chat import ChatModel
from pagelens.generate.llm.metering import Prices
from pagelens.generate.llm.providers import MODEL_SYNTAX
from pagelens.ingest.ocr.languages import two_letter_code

MAX_LISTED = 20  # findings of the report
PROGRESS_STEP = 10  # pages between two lines of progress


def describe(
    model: Annotated[
        str | None,
        typer.Argument(help=f"The vision model: {MODEL_SYNTAX}; if left out, the one PAGELENS_LLM_MODEL names."),
    ] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    what: Annotated[
        str, typer.Option(help=f"{', '.join(SUBJECTS)}: photos, pages with pictures, all pages of documents.")
    ] = "photos",
    language: Annotated[
        str | None, typer.Option(help="Of the descriptions: en, de, ...", show_default="that of captions and texts")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also what this model has described before.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=MAX_CONCURRENCY, help="Requests at once.")] = CONCURRENCY,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Begin without asking.")] = False,
    estimate: EstimateOption = False,
    export: Annotated[
        str | None, typer.Option(help="Write what is described as alternative texts: json, xmp or html.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--out", help="Where --export writes: a file; for xmp a folder of sidecars.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="List photos and figures with no, too long or too bare alternative texts.")
    ] = False,
    path: PathsOption = None,
    kind: KindsOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    pages: PagesOption = None,
    meta: MetaOption = None,
    json_output: JsonOption = False,
) -> int:
    """Describe photos and pages by a vision model. They are searchable, and exported as alternative texts."""
    filters = read_filters(path, kind, since, until, pages, meta)
    if (export or report) and model:
        raise UsageError("expected --export and --report without a model, found one: they use stored descriptions")
    engine = wiring.open_collection(collection)
    if export:
        return _export(engine, export, output, filters)
    if report:
        return _report(engine, filters, json_output=json_output)
    if estimate:
        plan, *_ = _plan(engine, model, filters=filters, what=what, language=language, again=again)
        print_result(plan.estimate, json_output, print_estimate)
        return ExitCode.DONE
    done = describe_collection(
        engine,
        model,
        filters=filters,
        what=what,
        language=language,
        again=again,
        concurrency=concurrency,
        yes=yes,
    )
    print_result(done, json_output, print_descriptions)
    return descriptions_exit_code(done)


def describe_collection(
    engine: Engine,
    model: str | None,
    *,
    filters: Filters,
    what: str = "photos",
    language: str | None = None,
    again: bool = False,
    concurrency: int = CONCURRENCY,
    yes: bool,
) -> DescribeReport:
    """Describe a collection after showing the price. Raises UsageError where nobody agrees to it."""
    plan, chat_model, prices = _plan(engine, model, filters=filters, what=what, language=language, again=again)
    if plan.calls:
        _agree(plan, yes=yes)
    return engine.descriptions.run(
        plan, chat_model, concurrency=concurrency, prices=prices, on_described=_print_progress
    )


def _plan(
    engine: Engine, model: str | None, *, filters: Filters, what: str, language: str | None, again: bool
) -> tuple[DescriptionPlan, ChatModel, Prices | None]:
    """Return what would be described, the model, and its prices."""
    chat_model, prices = language_models.load_vision_model(model)
    plan = engine.descriptions.plan(
        chat_model,
        filters=filters,
        subjects=read_subjects(split_names([what]) or ()),
        language=two_letter_code(language) if language else None,
        again=again,
        prices=prices,
        count_image=language_models.image_rule(model),
    )
    return plan, chat_model, prices


def descriptions_exit_code(report: DescribeReport) -> int:
    """Return the exit code of a run that was printed. Raises GenerationError for one that stopped."""
    if report.stopped:
        raise GenerationError("server", f"{report.stopped} What was described is kept; the same command goes on.")
    return ExitCode.SOME_FILES_FAILED if report.failed else ExitCode.DONE


def _agree(plan: DescriptionPlan, *, yes: bool) -> None:
    cost = f", about {plan.cost:.2f} at your prices" if plan.cost is not None else ""
    err.print(
        printable(
            f"{count_noun(plan.calls, 'call')} of {plan.model}, in the language {plan.language}: about "
            f"{plan.input_tokens:,} tokens sent and {plan.output_tokens:,} received{cost}; "
            f"{plan.described_before} described before."
        ),
        markup=False,
        soft_wrap=True,
    )
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("expected --yes, or a terminal to answer in, before a model is paid for, found neither")
    typer.confirm("Begin?", abort=True, err=True)


def _print_progress(done: int, total: int) -> None:
    if done % PROGRESS_STEP == 0 or done == total:
        err.print(f"{done} of {count_noun(total, 'page')} described", markup=False)


def _export(engine: Engine, name: str, output: Path | None, filters: Filters) -> int:
    export_format = description_export.read_format(name)
    described = engine.descriptions.pages(filters)
    if export_format == "xmp":
        if output is None:
            raise UsageError("expected a folder for the XMP sidecars, found none: --out FOLDER")
        written = description_export.write_xmp_sidecars(described, output)
        err.print(f"{count_noun(len(written), 'XMP sidecar')} in {display_path(str(output))}.", markup=False)
    else:
        to_text = description_export.to_json if export_format == "json" else description_export.to_html
        if output is None:
            sys.stdout.write(to_text(described))
        else:
            output.write_text(to_text(described), encoding="utf-8")
    return ExitCode.DONE if described else ExitCode.NOTHING_FOUND


def _report(engine: Engine, filters: Filters, *, json_output: bool) -> int:
    print_result(engine.descriptions.accessibility(filters), json_output, _print_accessibility)
    return ExitCode.DONE


def _print_accessibility(report: AccessibilityReport) -> None:
    out.print(
        f"{count_noun(report.photos, 'photo')} and {count_noun(report.figures, 'figure')} of documents checked; "
        f"{count_noun(len(report.findings), 'alternative text')} to be mended. "
        f"{count_noun(report.described, 'photo')} have one by a model, which nobody has checked."
    )
    for problem in ("missing", "too long", "too bare"):
        found = [finding for finding in report.findings if finding.problem == problem]
        if found:
            out.print(Text(f"{problem}: {len(found)}", style="yellow"))
        for finding in found[:MAX_LISTED]:
            alt = f": “{printable(finding.alt)}”" if finding.alt else ""
            name = f" ({printable(finding.name)})" if finding.name else ""
            out.print(Text(f"  {display_path(figure_ref(finding))}{name}{alt}"), soft_wrap=True)
        if len(found) > MAX_LISTED:
            out.print(f"  and {len(found) - MAX_LISTED} more (--json names all)")
    print_files("whose figures could not be listed:", report.unread)
