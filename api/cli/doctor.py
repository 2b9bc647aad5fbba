"""`pagelens doctor`: is the installation whole, which models are at hand, is the collection what was written."""

import platform
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from rich.text import Text

from pagelens.api.cli import terminal
from pagelens.api.engine import wiring
from pagelens.api.engine.profiles import LANES
from pagelens.core.errors import PageLensError
from pagelens.core.settings import Settings
from pagelens.encode.loading import (
    BUILTIN,
    load_text_encoder,
    report_image_encoders,
    report_page_encoders,
    report_text_encoders,
)
from pagelens.index.admin.repair import repair
from pagelens.index.layout import Layout
from pagelens.index.writer_session import next_manifest

LIBRARIES = ("pymupdf", "onnxruntime", "tantivy", "faiss-cpu", "sqlalchemy", "torch", "torchvision", "transformers")
WITH_CLIP = (
    "the builtin model is approximate: it knows 1,000 kinds of things, no actions, colours, places or people, reads "
    "English only, and of 100 captions 35 find their photo among the first 10 of 1,000. A CLIP model sees all these, "
    "pictures on pages too, in many languages. Get it: pagelens models fetch cpu, then pagelens reembed --profile cpu"
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `good` is None where it is neither good nor bad, only worth knowing."""

    name: str
    good: bool | None
    found: str


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """Everything looked at."""

    checks: list[Check]

    @property
    def healthy(self) -> bool:
        """Whether nothing was found wrong."""
        return not any(check.good is False for check in self.checks)


def run_checks(collection: Path, settings: Settings, *, deep: bool = False) -> DoctorReport:
    """Look at the installation, and at the collection if it is there; `deep` reads all that a server holds of it.
    Loads the builtin model; imports no torch."""
    return DoctorReport([*_installation(settings), *_collection(collection, settings, deep=deep)])


def repair_collection(collection: Path) -> Iterator[Check]:
    """Make catalog and vectors agree, and say what was done."""
    report = repair(collection)
    name = f"repair of {terminal.display_path(str(collection))}"
    for problem in report.problems:
        yield Check(name, None, f"was: {problem}")
    again = f"{len(report.forgotten)} files must be read again: pagelens index {shlex.join(report.forgotten[:5])}"
    yield Check(name, True, again if report.forgotten else "catalog and vectors agree")


def _installation(settings: Settings) -> Iterator[Check]:
    yield Check("python", None, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in LIBRARIES:
        try:
            yield Check(name, True, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check(name, False, "not installed. Run: pip install pagelens")
    try:
        vector = load_text_encoder("builtin", settings).encode_queries(["a harbour in the morning"])[0]
        good = abs(float(np.linalg.norm(vector)) - 1) < 1e-3
        yield Check(
            "builtin text model", good, "weights whole, runs" if good else "gives vectors that are not unit length"
        )
    except PageLensError as exc:
        yield Check("builtin text model", False, str(exc))
    try:
        yield Check("answers", None, wiring.describe_answerer())
    except PageLensError as exc:
        yield Check("answers", False, str(exc))
    reports = {"text": report_text_encoders, "image": report_image_encoders, "page": report_page_encoders}
    for lane, report_encoders in reports.items():
        for report in report_encoders(settings):
            place = f"ready, found in {report.found_in} ({report.path})" if report.ready else report.problem
            yield Check(f"{lane} model {report.name}", None, place)


def _collection(root: Path, settings: Settings, *, deep: bool) -> Iterator[Check]:
    name = f"collection {terminal.display_path(str(root))}"
    if not wiring.collection_exists(root):
        yield Check(name, None, "none here. Make one: pagelens index PATH")
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
        yield Check("vectors", None, f"on {engine.manifest.server}, {'read to the last' if deep else 'counted'}")
    if engine.manifest.catalog is not None:
        yield Check("catalog", None, f"on PostgreSQL at {engine.manifest.catalog}")
    if engine.manifest.files is not None:
        yield Check("files", None, f"page pictures and originals at {engine.manifest.files}")
    lanes = engine.manifest.lanes
    if "image" in lanes and lanes["image"].model == BUILTIN:
        yield Check("image lane", None, WITH_CLIP)
    begun = next_manifest(Layout(root))
    if begun is not None:
        moving = f"a move to profile {begun.profile} is under way or was broken off; what was done of it is kept"
        yield Check(name, None, f"{moving}. Go on: {_reembed(begun.profile)}. Or drop it: {_reembed(status.profile)}")
    if status.failures:
        yield Check(name, None, f"{len(status.failures)} of the files could not be read: see pagelens status")


def _reembed(profile: str) -> str:
    """Return the command that moves a collection to a profile, by the name that the profile has in a collection."""
    name, *models = re.split(rf"\+(?=(?:{'|'.join(LANES)})=)", profile)
    return shlex.join(
        ["pagelens", "reembed", "--profile", name, *(word for one in models for word in ("--model", one))]
    )


def print_doctor_report(found: DoctorReport) -> None:
    """Print what was looked at, a line each."""
    marks = {True: ("ok  ", "green"), False: ("BAD ", "red"), None: ("    ", "dim")}
    for check in found.checks:
        mark, style = marks[check.good]
        terminal.out.print(Text(mark, style=style) + Text(f"{check.name}: {check.found}"), soft_wrap=True)
