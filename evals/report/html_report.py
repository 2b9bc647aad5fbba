"""The HTML report of a run: one self-contained file that fetches nothing, rendered from `templates/` with jinja2.

Templates escape every value. What is HTML already, the charts and the style sheet, is passed as `Markup`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pagelens.core.types import Usage
from pagelens.evals.report.answer_section import answer_data
from pagelens.evals.report.question_cards import CITATION_STATE_TEXT, question_data
from pagelens.evals.report.ranking_section import (
    breakdown_data,
    curve_data,
    latency_data,
    plots_note,
    system_colours,
    table_data,
)
from pagelens.evals.report.summary import Summary
from pagelens.evals.report.thumbnails import Thumbnails
from pagelens.evals.runs.bootstrap import Interval
from pagelens.evals.runs.plan import SCOPE_DESCRIPTIONS
from pagelens.evals.runs.pointing_scores import POINTING_COLUMNS
from pagelens.evals.runs.run_folder import Run
from pagelens.evals.runs.systems import FUSED

FOLDER = Path(__file__).parent
MISSING_SHOWN = 20  # names of documents that are not in the collection


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report. It is left out where it has no data."""

    anchor: str
    link: str
    title: str
    lead: str
    template: str
    data: Mapping[str, Any] | None = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeadlineFigure:
    """A figure at the head of the report; the value is from 0 to 1."""

    value: float
    description: str
    remark: str


def html_report(run: Run, summary: Summary, thumbnails: Thumbnails) -> str:
    """Return the report as one HTML text; `thumbnails` renders the page images, within its budget."""
    sections = [section for section in _sections(run, summary, thumbnails) if section.data is not None]
    style = (FOLDER / "report.css").read_text("utf-8") + thumbnails.css_rules
    return (
        _environment()
        .get_template("report.html")
        .render(
            summary=summary,
            manifest={"judge": None, **run.manifest},
            collection=run.manifest["collection"],
            missing=run.manifest["missing_documents"],
            headline=list(_headline(summary)),
            sections=sections,
            style=Markup(style),  # our own file and rules made of base64
            script=Markup((FOLDER / "report.js").read_text("utf-8")),  # our own file
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_printable,
    )
    environment.filters |= {
        "percent": _percent,
        "interval": _interval,
        "scope": _scope,
        "usage": _usage,
        "citation_state": CITATION_STATE_TEXT.__getitem__,
    }
    return environment


def _printable(value: object) -> object:
    """Return a value as text with control characters as blanks; markup as it is."""
    if isinstance(value, Markup):
        return value
    return "".join(char if char.isprintable() or char in "\n\t" else " " for char in str(value))


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _interval(interval: Interval) -> str:
    return f"{_percent(interval.low)} to {_percent(interval.high)}"


def _scope(scope: str) -> str:
    return SCOPE_DESCRIPTIONS.get(scope, scope)


def _usage(usage: Usage) -> str:
    """Return a model's name and what its answer took."""
    parts = [usage.model, f"{usage.seconds:.1f} s"]
    if usage.input_tokens is not None and usage.output_tokens is not None:
        parts.append(f"{usage.input_tokens} + {usage.output_tokens} tokens")
    if usage.cost is not None:
        parts.append(f"cost {usage.cost:.4f}")
    return " · ".join(parts)


def _sections(run: Run, summary: Summary, thumbnails: Thumbnails) -> list[Section]:
    colours = system_colours([system.system for system in summary.systems], summary.main)
    note = plots_note(summary, colours)
    shipped = ", the system as shipped" if summary.main == FUSED else ""
    return [
        Section(
            anchor="lanes",
            link="Lanes",
            title="Which lanes find the pages",
            lead=f"Percent over {summary.with_evidence} questions with evidence; below each figure its 95% interval "
            f"over documents. Coloured: {summary.main}{shipped}. Bold: the best of a column.",
            template="rankings.html",
            data=table_data(summary, colours),
        ),
        Section(
            anchor="captions",
            link="Photos to captions",
            title="From photos to captions",
            lead="Image-to-text retrieval: whether any of a photo's captions is among the first k of all captions. "
            "Percent.",
            template="captions.html",
            data={} if summary.caption_retrieval else None,
        ),
        Section(
            anchor="depth",
            link="Depth",
            title="Recall by depth",
            lead=f"Share of the evidence among the first k pages.{note}",
            template="panels.html",
            data=curve_data(summary, colours),
        ),
        Section(
            anchor="time",
            link="Time",
            title="How long a search takes",
            lead="On the machine named below, one question after the other, the models loaded.",
            template="panels.html",
            data=latency_data(summary, colours),
        ),
        Section(
            anchor="kinds",
            link="Kinds",
            title="Strong and weak groups of questions",
            lead="R@5 in percent on groups of questions; the number of questions is beside the name. Small groups are "
            f"uncertain.{note}",
            template="panels.html",
            data=breakdown_data(summary, colours),
        ),
        Section(
            anchor="answers",
            link="Answers",
            title="Answers and refusals",
            lead="What the answerer does with the six best pages.",
            template="answers.html",
            data=answer_data(summary),
        ),
        Section(
            anchor="pointing",
            link="Pointing",
            title="Where evidence and citations point",
            lead="Against the gold boxes of the evidence, in percent, with intervals over documents. Inside: at least "
            "half of the area pointed at is gold. Coverage and F1 of the areas are over right pages.",
            template="pointing.html",
            data={"columns": POINTING_COLUMNS} if summary.pointing else None,
        ),
        Section(
            anchor="questions",
            link="Questions",
            title="Questions, worst first",
            lead=f"What was expected beside what {summary.main} found. Green: a page that answers; dashed: one that is "
            "not among the first pages found.",
            template="questions.html",
            data=question_data(run, summary.main, thumbnails),
        ),
        Section(
            anchor="made",
            link="How made",
            title="How this was made",
            lead=f"Fingerprint {summary.fingerprint[:16]}: the same on another run means the same data, models, "
            "sources and plan.",
            template="provenance.html",
            data={"lines": _provenance(run)},
        ),
    ]


def _headline(summary: Summary) -> Iterator[HeadlineFigure]:
    """Yield the main system's R@5 and nDCG@5 in each scope, then the main measures of the answers."""
    for system in summary.main_figures():
        for name in ("R@5", "nDCG@5"):
            interval = system.measures[name]
            yield HeadlineFigure(interval.mean, f"{name} {_scope(system.scope)}", f"95%: {_interval(interval)}")
    for answer in summary.answers:
        value, count = answer.interval.mean, answer.interval.count
        if answer.measure == "cite.first":
            yield HeadlineFigure(
                value, f"first citations that are right, {_scope(answer.scope)}", f"of {count} answers"
            )
        elif answer.measure == "judge":
            yield HeadlineFigure(value, f"as the judge grades the answers, {_scope(answer.scope)}", f"of {count}")
        elif answer.measure == "refused" and answer.scope == "foreign":
            yield HeadlineFigure(value, "foreign questions refused", f"of {count}")


def _provenance(run: Run) -> list[str]:
    """Return lines on the machine, the plan, the models and the libraries of a run."""
    manifest, machine, plan = run.manifest, run.manifest["machine"], run.manifest["configuration"]["plan"]
    memory = f"{machine['cores']} cores, {machine['memory_gib']} GiB"
    lines = [
        f"machine    {machine['processor']}, {memory}, {machine['system']}, Python {machine['python']}",
        f"started    {manifest['started']}, finished {manifest['finished']}, {manifest['seconds']:.0f} s",
        f"systems    {', '.join(plan['systems'])}; {plan['depth']} pages of each ranking",
        f"answers    by {plan['answers']['answerer']}",
        *(f"{lane:<10} {model}" for lane, model in manifest["configuration"]["models"].items()),
        "libraries  " + ", ".join(f"{name} {version}" for name, version in manifest["versions"].items()),
        f"sources    {manifest['configuration']['sources'][:16]}   data {manifest['configuration']['dataset'][:16]}",
    ]
    lines += [f"data       {notice}" for notice in manifest["dataset"].get("notices", ())]
    for system, source in manifest.get("imported", {}).items():
        lines.append(f"{system}: not searched by PageLens, its rankings are those of {source['file']}")
        lines += [f"    {notice}" for notice in source["notices"]]
    missing = manifest["missing_documents"]
    return [*lines, f"not in the collection: {', '.join(missing[:MISSING_SHOWN])}"] if missing else lines
