"""`pagelens doctor`: checks of the installation, the models, and the collection."""

import platform
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.text import Text

from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.engine import language_models, wiring
from pagelens.api.engine.lane_registry import MODEL_LANES
from pagelens.core.errors import PageLensError
from pagelens.core.settings import Settings
from pagelens.encode.loading import BUILTIN, load_text_encoder
from pagelens.index.admin import repair as repairing
from pagelens.index.layout import Layout
from pagelens.index.writer_session import next_manifest
from pagelens.ingest.readers.libreoffice import OFFICE_ADDRESS, draws_formulas, find_soffice

REQUIRED_LIBRARIES = ("pymupdf", "onnxruntime", "tantivy", "faiss-cpu", "sqlalchemy")
OPTIONAL_LIBRARIES = {
    "torch": "models",
    "torchvision": "models",
    "transformers": "models",
    "openai": "llm",
    "anthropic": "llm",
    "qdrant-client": "qdrant",
    "psycopg": "postgres",
    "s3fs": "s3",
}
"""Distribution -> the extra of PageLens that installs it."""
CLIP_ADVICE = (
    "the builtin model is approximate: it knows 1,000 kinds of things, no actions, colours, places or people, reads "
    "English only, and of 100 captions 35 find their photo among the first 10 of 1,000. A CLIP model knows all these, "
    "also for pictures on pages, in many languages. Get it: pagelens models fetch cpu, then pagelens reembed "
    "--profile cpu"
)


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check. `ok`: None if it is information only."""

    name: str
    ok: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """The results of all checks."""

    checks: list[Check]

    @property
    def healthy(self) -> bool:
        """Whether no check failed."""
        return not any(check.ok is False for check in self.checks)


def doctor(
    collection: CollectionOption = DEFAULT_COLLECTION,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read all vectors on a Qdrant server, instead of counting them.")
    ] = False,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Make catalog and vectors agree; documents that lost some must be read again."),
    ] = False,
    json_output: JsonOption = False,
) -> int:
    """Check the installation, and the collection if there is one."""
    repairs = list(repair_collection(collection)) if repair else []
    report = DoctorReport([*repairs, *run_checks(collection, wiring.read_settings(), deep=deep).checks])
    terminal.print_result(report, json_output, print_doctor_report)
    return ExitCode.DONE if report.healthy else ExitCode.ERROR


def run_checks(collection: Path, settings: Settings, *, deep: bool = False) -> DoctorReport:
    """Check the installation, and the collection if there is one; `deep` reads all vectors on a server, instead of
    counting them. Loads the builtin text model."""
    return DoctorReport([*_installation(settings), *_collection(collection, settings, deep=deep)])


def repair_collection(collection: Path) -> Iterator[Check]:
    """Remove what catalog and vectors do not agree on; yield what was found and done."""
    report = repairing.repair(collection)
    name = f"repair of {terminal.display_path(str(collection))}"
    for problem in report.problems:
        yield Check(name, None, f"found: {problem}")
    again = (
        f"{len(report.removed_paths)} files must be read again: pagelens index {shlex.join(report.removed_paths[:5])}"
    )
    yield Check(name, True, again if report.removed_paths else "catalog and vectors agree")


def _installation(settings: Settings) -> Iterator[Check]:
    yield Check("python", None, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in REQUIRED_LIBRARIES:
        version = _installed_version(name)
        yield Check(name, version is not None, version or "not installed. Run: pip install pagelens")
    for name, extra in OPTIONAL_LIBRARIES.items():
        yield Check(name, None, _installed_version(name) or f"not installed. Get it: pip install 'pagelens[{extra}]'")
    yield check_libreoffice(find_soffice())
    try:
        vector = load_text_encoder("builtin", settings).encode_queries(["a harbour in the morning"])[0]
        unit_length = abs(float(np.linalg.norm(vector)) - 1) < 1e-3
        detail = "weights are complete, runs" if unit_length else "returns vectors that are not unit length"
        yield Check("builtin text model", unit_length, detail)
    except PageLensError as exc:
        yield Check("builtin text model", False, str(exc))
    try:
        yield Check("answers", None, language_models.describe_answerer())
    except PageLensError as exc:
        yield Check("answers", False, str(exc))
    for lane, spec in MODEL_LANES.items():
        assert spec.encoders is not None
        for report in spec.encoders.report(settings, names=[card.model for card in spec.models]):
            place = f"ready, found in {report.found_in} ({report.path})" if report.ready else report.problem
            yield Check(f"{lane} model {report.name}", None, place)


def check_libreoffice(program: Path | None) -> Check:
    """Return what LibreOffice's program can draw; None: there is none."""
    if program is None:
        detail = f"not installed: newer Office files are read as text, older ones not at all. Get it: {OFFICE_ADDRESS}"
    elif not draws_formulas(program):
        detail = f"{program}; formulas are not drawn but written in a line. Get them: install libreoffice-math"
    else:
        detail = f"{program}; formulas are drawn"
    return Check("LibreOffice", None, detail)


def _installed_version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _collection(root: Path, settings: Settings, *, deep: bool) -> Iterator[Check]:
    name = f"collection {terminal.display_path(str(root))}"
    if not wiring.collection_exists(root):
        yield Check(name, None, "there is none. Create one: pagelens index PATH")
        return
    try:
        engine = wiring.open_collection(root, settings)
        problems = engine.check(deep=deep)
        status = engine.status()
    except PageLensError as exc:
        yield Check(name, False, str(exc))
        return
    for problem in problems:
        yield Check(name, False, problem)
    yield Check(name, None if problems else True, f"{len(status.documents)} documents, {status.pages} pages")
    if engine.manifest.server is not None:
        yield Check("vectors", None, f"on {engine.manifest.server}, {'all read' if deep else 'counted'}")
    if engine.manifest.catalog is not None:
        yield Check("catalog", None, f"on PostgreSQL at {engine.manifest.catalog}")
    if engine.manifest.files is not None:
        yield Check("files", None, f"page pictures and originals at {engine.manifest.files}")
    lanes = engine.manifest.lanes
    if "image" in lanes and lanes["image"].model == BUILTIN:
        yield Check("image lane", None, CLIP_ADVICE)
    target = next_manifest(Layout(root))
    if target is not None:
        state = f"a re-embedding to profile {target.profile} is running or was interrupted; its results are kept"
        resume, cancel = _reembed_command(target.profile), _reembed_command(status.profile)
        yield Check(name, None, f"{state}. Continue: {resume}. Or cancel it: {cancel}")
    if status.failures:
        yield Check(name, None, f"{len(status.failures)} of the files could not be read: see pagelens status")


def _reembed_command(profile: str) -> str:
    """Return the command that re-embeds a collection with a profile, given by its name in `collection.json`."""
    name, *models = re.split(rf"\+(?=(?:{'|'.join(MODEL_LANES)})=)", profile)
    options = [word for model in models for word in ("--model", model)]
    return shlex.join(["pagelens", "reembed", "--profile", name, *options])


def print_doctor_report(report: DoctorReport) -> None:
    """Print the checks, a line each."""
    marks = {True: ("ok  ", "green"), False: ("BAD ", "red"), None: ("    ", "dim")}
    for check in report.checks:
        mark, style = marks[check.ok]
        terminal.out.print(Text(mark, style=style) + Text(f"{check.name}: {check.detail}"), soft_wrap=True)
