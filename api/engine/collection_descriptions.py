"""Descriptions of a collection by a vision model, as the interfaces call them: plan, run, list, check."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pagelens.api.engine.accessibility import AccessibilityReport, check_collection
from pagelens.api.engine.components import EngineComponents
from pagelens.api.engine.describing import (
    CONCURRENCY,
    DescriptionPlan,
    DescriptionRun,
    OnDescribed,
    Subject,
    plan_descriptions,
)
from pagelens.api.engine.description_export import DescribedPage, described_pages
from pagelens.api.engine.originals import Originals
from pagelens.api.engine.results import DescribeReport
from pagelens.core.descriptions import Description
from pagelens.core.errors import ReadError
from pagelens.core.types import Filters, ImageArray, PageRef
from pagelens.generate.llm.chat import ChatModel
from pagelens.generate.llm.estimates import CountImage
from pagelens.generate.llm.image_parts import image_tokens
from pagelens.generate.llm.metering import Prices
from pagelens.index.admin.description_writes import DescriptionWriter
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.reader import CollectionReader
from pagelens.ingest.figures import DocumentFigure
from pagelens.ingest.text.passages import description_input

NO_FILTERS = Filters()
PHOTOS: tuple[Subject, ...] = ("photos",)


class CollectionDescriptions:
    """Describes photos and pages of one collection."""

    def __init__(
        self,
        reader: CollectionReader,
        components: EngineComponents,
        originals: Originals,
        render: Callable[[PageRef, int], ImageArray],
    ) -> None:
        """`render` takes a page and the longer side of its image in pixels."""
        self._reader, self._components, self._originals, self._render = reader, components, originals, render

    def plan(
        self,
        model: ChatModel,
        *,
        filters: Filters = NO_FILTERS,
        subjects: Sequence[Subject] = PHOTOS,
        language: str | None = None,
        again: bool = False,
        prices: Prices | None = None,
        count_image: CountImage = image_tokens,
    ) -> DescriptionPlan:
        """Return what a run will describe, and about at what price; nothing is sent. See `plan_descriptions`."""
        with self._reader.snapshot() as snapshot:
            return plan_descriptions(
                snapshot,
                model,
                filters=filters,
                subjects=subjects,
                language=language,
                again=again,
                prices=prices,
                count_pictures=self._count_pictures,
                count_image=count_image,
            )

    def run(
        self,
        plan: DescriptionPlan,
        model: ChatModel,
        *,
        concurrency: int = CONCURRENCY,
        prices: Prices | None = None,
        on_described: OnDescribed = lambda *_: None,
    ) -> DescribeReport:
        """Describe the pages of a plan, and make them searchable by the words.

        A reply is stored when it arrives: after an interruption, a new plan and run go on. Raises UsageError for a
        model that accepts no images; CollectionLocked.
        """
        with DescriptionWriter(self._reader.layout.root, self._encode) as writer:
            self._reader.require_same_models()
            run = DescriptionRun(
                plan,
                model,
                writer,
                self._render,
                concurrency=concurrency,
                prices=prices,
                on_described=on_described,
            )
            return run.run()

    def apply(self) -> None:
        """Make documents that were read anew searchable by their stored descriptions again, where there are any."""
        with self._reader.snapshot() as snapshot:
            is_due = snapshot.has_unapplied_descriptions()
        if is_due:
            with DescriptionWriter(self._reader.layout.root, self._encode):
                pass

    def pages(self, filters: Filters = NO_FILTERS) -> list[DescribedPage]:
        """Return the described pages that match the filters, by path and number."""
        with self._reader.snapshot() as snapshot:
            return described_pages(snapshot, filters)

    def accessibility(self, filters: Filters = NO_FILTERS) -> AccessibilityReport:
        """Return which photos and figures lack an alternative text, or have one that is too long or too bare."""
        with self._reader.snapshot() as snapshot:
            return check_collection(snapshot, filters, self._figures)

    def _encode(self, row: DocumentRow, descriptions: Sequence[Description]) -> NDArray[np.float32]:
        texts = [description_input(row.document, description.words) for description in descriptions]
        return self._components.load_text_encoder().encode_passages(texts)

    def _figures(self, row: DocumentRow) -> list[DocumentFigure]:
        return self._components.find_figures(self._originals.find(row), row.document.kind)

    def _count_pictures(self, row: DocumentRow) -> Counter[int]:
        try:
            figures = self._figures(row)
        except ReadError:
            return Counter()  # its pages cannot be drawn either
        pages = [figure.page or (1 if row.document.page_count == 1 else 0) for figure in figures]
        return Counter(page for page in pages if 1 <= page <= row.document.page_count)
