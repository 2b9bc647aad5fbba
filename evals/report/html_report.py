"""The HTML report of a run: one file with everything in it, that fetches nothing."""

from pathlib import Path

from pagelens.evals.report import answer_section, sections
from pagelens.evals.report.parts import percent, reach, scope_words, section, text
from pagelens.evals.report.question_section import cards_of, questions_html
from pagelens.evals.report.summary import Summary
from pagelens.evals.report.thumbnails import Thumbnails
from pagelens.evals.runs.run_folder import Run

HERE = Path(__file__).parent
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
LINKS = {
    "lanes": "Lanes",
    "captions": "Photos to captions",
    "depth": "Depth",
    "time": "Time",
    "kinds": "Kinds",
    "answers": "Answers",
    "questions": "Questions",
    "made": "How made",
}


def html_report(run: Run, summary: Summary, pictures: Thumbnails) -> str:
    """Return the report as one HTML text; `pictures` makes the page pictures, within its budget."""
    questions = questions_html(cards_of(run, summary.main), pictures)
    title = f"{text(summary.dataset)}: what PageLens finds"
    parts = _sections(run, summary, questions)
    links = "".join(f'<a href="#{anchor}">{LINKS[anchor]}</a>' for anchor, part in parts.items() if part)
    header = f"<header><h1>{title}</h1>{_lead(run, summary)}<nav>{links}</nav></header>{_cards(summary)}"
    style = (HERE / "report.css").read_text("utf-8") + pictures.css_rules
    script = (HERE / "report.js").read_text("utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{title}</title><style>{style}</style></head><body><main>{header}{''.join(parts.values())}</main>"
        f"<script>{script}</script></body></html>\n"
    )


def _sections(run: Run, summary: Summary, questions: str) -> dict[str, str]:
    """Return the sections by their anchor; one that has nothing to say is empty."""
    colours = sections.system_colours([system.system for system in summary.systems], summary.main)
    bodies = {
        "lanes": (
            "Which lanes find the pages",
            sections.lanes_lead(summary),
            sections.tables(summary, colours),
        ),
        "captions": (
            "From photos to captions",
            "The other way round: whether any of a photo's captions is among the first k of all captions. Percent.",
            sections.reverse(summary),
        ),
        "depth": (
            "How deep one has to look",
            f"Share of the evidence among the first k pages.{sections.plots_lead(summary, colours)}",
            sections.curves(summary, colours),
        ),
        "time": (
            "How long a search takes",
            "On the machine named below, one question after the other, the models loaded.",
            sections.latency(summary, colours),
        ),
        "kinds": (
            "Where it is strong, where it is weak",
            "R@5 in percent on groups of questions, their number beside the name. Small groups say little."
            + sections.plots_lead(summary, colours),
            sections.breakdowns(summary, colours),
        ),
        "answers": (
            "Answers and refusals",
            "What the answerer does with the six best pages.",
            answer_section.answers_html(summary),
        ),
        "questions": (
            "Questions, worst first",
            f"What was expected beside what {text(summary.main)} found. Green: a page that answers; dashed: one "
            "that is not among the first pages found.",
            questions,
        ),
        "made": (
            "How this was made",
            f"Fingerprint <code>{text(summary.fingerprint[:16])}</code>: the same on another run means the same data, "
            "models, sources and plan.",
            _made(run),
        ),
    }
    return {anchor: section(anchor, *said) for anchor, said in bodies.items()}


def _lead(run: Run, summary: Summary) -> str:
    collection = run.manifest["collection"]
    missing = run.manifest["missing_documents"]
    parts = [
        f"{summary.questions} questions ({summary.with_evidence} with known evidence, {summary.unanswerable} that the "
        "documents do not answer)",
        f"{collection['documents']} documents, {collection['pages']} pages, {collection['textless_pages']} of them "
        "without words",
        f"profile {text(collection['profile'])}",
        text(run.manifest["started"][:10]),
    ]
    lost = f" <b>{len(missing)} documents of the set are not in the collection.</b>" if missing else ""
    unfinished = "" if run.manifest["finished"] else " <b>This run is not finished.</b>"
    return f'<p class="lead">{" · ".join(parts)}.{lost}{unfinished}</p>'


def _cards(summary: Summary) -> str:
    cards = []
    for system in summary.systems:
        if system.system == summary.main:
            for name in ("R@5", "nDCG@5"):
                found = system.measures[name]
                said = f"{name} {scope_words(system.scope)}"
                cards.append(_card(percent(found.mean), said, f"95%: {reach(found)}"))
    for answer in summary.answers:
        figure, count = percent(answer.interval.mean), answer.interval.count
        if answer.measure == "cite.first":
            said = f"first citations that are right, {scope_words(answer.scope)}"
            cards.append(_card(figure, said, f"of {count} answers"))
        elif answer.measure == "judge":
            said = f"as the judge grades the answers, {scope_words(answer.scope)}"
            cards.append(_card(figure, said, f"of {count}"))
        elif answer.measure == "refused" and answer.scope == "foreign":
            cards.append(_card(figure, "foreign questions refused", f"of {count}"))
    return f'<div class="cards">{"".join(cards)}</div>'


def _card(figure: str, said: str, remark: str) -> str:
    return f'<div class="card"><b>{figure}</b><span>{said}</span><i>{remark}</i></div>'


def _made(run: Run) -> str:
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
    missing = manifest["missing_documents"]
    lines += [f"not in the collection: {', '.join(missing[:20])}"] if missing else []
    return f"<pre>{text(chr(10).join(lines))}</pre>{_judge(run)}"


def _judge(run: Run) -> str:
    """Return who judged the answers, and the prompt."""
    judge = run.manifest.get("judge")
    if not judge:
        return ""
    return f"<p>Answers were judged by {text(judge['model'])}, told:</p><pre>{text(judge['prompt'])}</pre>"
