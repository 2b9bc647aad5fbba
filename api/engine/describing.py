"""Describes photos, and pages of documents, by a vision model: which pages, at what price, and the run itself.

Images are drawn by this thread and described by others, a bounded number at once. Each description is stored when its
reply arrives; they are applied together at the end, or by the next run after a kill.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Literal, get_args

from pagelens.api.engine.results import DescribeReport, FailedFile
from pagelens.core.descriptions import Description
from pagelens.core.errors import GenerationError, NotFound, ReadError, UsageError
from pagelens.core.keys import document_of, page_key
from pagelens.core.types import Filters, ImageArray, PageRef
from pagelens.generate.describer import IMAGE_SIDE, PROMPT_VERSION, Describer, estimate_tokens
from pagelens.generate.description_languages import guess_language
from pagelens.generate.llm.chat import SINGLE_REQUEST_ERRORS, ChatModel, Finished
from pagelens.generate.llm.estimates import CountImage, Estimate
from pagelens.generate.llm.image_parts import image_tokens
from pagelens.generate.llm.metering import Prices, UsageMeter
from pagelens.index.admin.description_writes import DescriptionWriter
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.reader import Snapshot
from pagelens.index.selection import Selection

Subject = Literal["photos", "figures", "pages"]
"""What is described: photos; pages of documents that have pictures; all pages of documents."""

SUBJECTS: tuple[Subject, ...] = get_args(Subject)
CONCURRENCY = 4  # requests at once
MAX_CONCURRENCY = 32
LANGUAGE_SAMPLE = 200  # pages whose captions and texts tell the language
SAMPLE_CHARACTERS = 500  # of each
BATCH = 1_000  # pages read from the catalog at a time

OnDescribed = Callable[[int, int], None]
"""Takes the number of pages that are done, and of all."""

PictureCounter = Callable[[DocumentRow], Mapping[int, int]]
"""Returns how many pictures the pages of a document have, by page number."""


@dataclass(frozen=True, slots=True)
class DescriptionTarget:
    """A page whose image is to be described."""

    key: int
    ref: PageRef
    is_page: bool  # of a document, not a photo


@dataclass(slots=True, kw_only=True)
class DescriptionPlan:
    """What a run will do, and about what it will cost."""

    model: str
    language: str
    calls: int  # at least: an invalid reply is requested once more
    described_before: int  # pages that this model has described with this prompt
    input_tokens: int  # estimated
    output_tokens: int  # estimated
    cost: float | None  # estimated, where prices are set
    targets: Sequence[DescriptionTarget] = field(default=(), repr=False)

    @property
    def estimate(self) -> Estimate:
        """What the calls take: an image each."""
        return Estimate(
            model=self.model,
            calls=self.calls,
            images=self.calls,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost=self.cost,
            note=f"{self.described_before} described before." if self.described_before else "",
        )


def read_subjects(names: Sequence[str]) -> tuple[Subject, ...]:
    """Return the subjects of these names. Raises UsageError."""
    known: dict[str, Subject] = {name: name for name in SUBJECTS}
    for name in names:
        if name not in known:
            raise UsageError(f"expected what to describe among {', '.join(known)}, found {name!r}")
    return tuple(known[name] for name in names)


def plan_descriptions(
    snapshot: Snapshot,
    model: ChatModel,
    *,
    filters: Filters,
    subjects: Sequence[Subject],
    language: str | None,
    again: bool,
    prices: Prices | None,
    count_pictures: PictureCounter,
    count_image: CountImage = image_tokens,
) -> DescriptionPlan:
    """Return which pages are to be described, and about at what price. `language`: None for that of the collection.

    Pages that the same model has described with the same prompt, in the language if one is given, are left out unless
    `again`.
    """
    chosen = _chosen_pages(snapshot, filters, subjects, count_pictures)
    done = set() if again else _done(snapshot.descriptions(), model.name, language)
    targets = [target for target in chosen if target.key not in done]
    batches = [targets[start : start + BATCH] for start in range(0, len(targets), BATCH)]
    tokens = [_estimate(snapshot, batch, count_image) for batch in batches]
    input_tokens, output_tokens = sum(sent for sent, _ in tokens), sum(received for _, received in tokens)
    cost = (input_tokens * prices.input + output_tokens * prices.output) / 1e6 if prices else None
    return DescriptionPlan(
        model=model.name,
        language=language or guess_language(_sample(snapshot, chosen)),
        calls=len(targets),
        described_before=len(chosen) - len(targets),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost=cost,
        targets=targets,
    )


def _chosen_pages(
    snapshot: Snapshot, filters: Filters, subjects: Sequence[Subject], count_pictures: PictureCounter
) -> list[DescriptionTarget]:
    rows = list(snapshot.documents.values())
    selection = snapshot.select(filters) or Selection()
    chosen = []
    for row in rows:
        if selection.documents is not None and row.key not in selection.documents:
            continue
        is_page = row.document.kind != "photo"
        if not is_page and "photos" not in subjects:
            continue
        numbers: Sequence[int] = range(1, row.document.page_count + 1)
        if is_page and "pages" not in subjects:
            numbers = sorted(count_pictures(row)) if "figures" in subjects else ()
        chosen += [
            DescriptionTarget(page_key(row.key, number), PageRef(row.path, number), is_page)
            for number in numbers
            if selection.first_page <= number <= selection.last_page and _is_selected(selection, row.key, number)
        ]
    return chosen


def _is_selected(selection: Selection, document: int, number: int) -> bool:
    return selection.pages is None or page_key(document, number) in selection.pages


def _done(descriptions: Mapping[int, Description], model: str, language: str | None) -> set[int]:
    return {
        key
        for key, description in descriptions.items()
        if (description.model, description.prompt) == (model, PROMPT_VERSION)
        and language in (None, description.language)
    }


def _estimate(snapshot: Snapshot, targets: Sequence[DescriptionTarget], count_image: CountImage) -> tuple[int, int]:
    pages = snapshot.pages([target.key for target in targets])
    estimates = [
        estimate_tokens(page.width, page.height, is_page=target.is_page, count_image=count_image)
        for target in targets
        if (page := pages.get(target.key)) is not None
    ]
    return sum(sent for sent, _ in estimates), sum(received for _, received in estimates)


def _sample(snapshot: Snapshot, targets: Sequence[DescriptionTarget]) -> Iterator[str]:
    """Yield what people wrote about some of the pages, and what stands on them."""
    step = max(1, len(targets) // LANGUAGE_SAMPLE)
    sampled = targets[::step][:LANGUAGE_SAMPLE]
    pages = snapshot.pages([target.key for target in sampled])
    documents = snapshot.documents
    for target in sampled:
        if (page := pages.get(target.key)) is not None:
            facts = documents[document_of(target.key)].document.metadata
            yield str(facts.get("caption", ""))
            yield page.text.text[:SAMPLE_CHARACTERS]


class DescriptionRun:
    """One run over the pages of a plan."""

    def __init__(
        self,
        plan: DescriptionPlan,
        model: ChatModel,
        writer: DescriptionWriter,
        render: Callable[[PageRef, int], ImageArray],
        *,
        concurrency: int,
        prices: Prices | None,
        on_described: OnDescribed,
    ) -> None:
        """`render` takes a page and the longer side of its image in pixels."""
        if not 1 <= concurrency <= MAX_CONCURRENCY:
            raise UsageError(f"expected 1 to {MAX_CONCURRENCY} requests at once, found {concurrency}")
        self._plan, self._writer, self._render = plan, writer, render
        self._describer = Describer(model, plan.language)
        self._concurrency = concurrency
        self._prices = prices
        self._on_described = on_described
        self._meter = UsageMeter()
        self.report = DescribeReport(model=plan.model, language=plan.language, described_before=plan.described_before)

    def run(self) -> DescribeReport:
        """Describe the pages. An error that every further page would meet ends the run; others cost their page."""
        started = time.monotonic()
        pending: dict[Future[tuple[Description, Sequence[Finished]]], DescriptionTarget] = {}
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="describe")
        try:
            for target in self._plan.targets:
                if len(pending) >= self._concurrency:
                    self._finish_some(pending)
                if self.report.stopped:
                    break
                image = self._image(target)
                if image is not None:
                    future = pool.submit(self._describer.describe, image, is_page=target.is_page)
                    pending[future] = target
            while pending:
                self._finish_some(pending)
        finally:
            pool.shutdown(cancel_futures=True)
        self._add_usage(time.monotonic() - started)
        return self.report

    def _image(self, target: DescriptionTarget) -> ImageArray | None:
        try:
            return self._render(target.ref, IMAGE_SIDE)
        except ReadError as exc:
            self._fail(target, exc.code, str(exc))
        except NotFound as exc:
            self._fail(target, "vanished", str(exc))
        return None

    def _finish_some(self, pending: dict[Future[tuple[Description, Sequence[Finished]]], DescriptionTarget]) -> None:
        """Wait for a reply, and store all that have arrived."""
        for future in wait(pending, return_when=FIRST_COMPLETED).done:
            target = pending.pop(future)
            try:
                description, ends = future.result()
            except GenerationError as exc:
                self._fail(target, exc.code, str(exc))
                if exc.code not in SINGLE_REQUEST_ERRORS:
                    self.report.stopped = str(exc)
                continue
            for end in ends:
                self._meter.add_call(end)
            self._writer.store(target.key, description)
            self.report.described += 1
            self._on_described(self.report.described + len(self.report.failed), len(self._plan.targets))

    def _fail(self, target: DescriptionTarget, code: str, reason: str) -> None:
        self.report.failed.append(FailedFile(str(target.ref), code, reason))
        self._on_described(self.report.described + len(self.report.failed), len(self._plan.targets))

    def _add_usage(self, seconds: float) -> None:
        report, meter = self.report, self._meter
        report.calls, report.seconds = meter.calls, seconds
        report.input_tokens, report.output_tokens = meter.input_tokens, meter.output_tokens
        if self._prices and meter.input_tokens is not None and meter.output_tokens is not None:
            report.cost = (meter.input_tokens * self._prices.input + meter.output_tokens * self._prices.output) / 1e6
